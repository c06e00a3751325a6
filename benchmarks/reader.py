"""One application that is served: `reader.py follow|idle STORE WORKFLOW [SECONDS]`. It imports nothing but the client.

follow: a line `GENERATION EPOCH_SECONDS` at the first bundle and whenever another generation is served.
idle: after SECONDS of doing nothing but being served, the share of one core that this process took.
"""

from __future__ import annotations

import os
import sys
import time

from agent_deploy import Client

GLANCE_S = 0.01
SETTLE_S = 3.0


def follow(client: Client, workflow: str) -> None:
    """Ask for the bundle again and again, as requests would, until killed."""
    known = -1
    while True:
        generation = client.bundle(workflow).generation
        if generation != known:
            known = generation
            print(generation, time.time(), flush=True)
        time.sleep(GLANCE_S)


def idle(client: Client, workflow: str, duration_s: float) -> None:
    """Be served, and do nothing."""
    client.bundle(workflow)
    time.sleep(SETTLE_S)
    before = os.times()
    time.sleep(duration_s)
    after = os.times()
    print((after.user + after.system - before.user - before.system) / (after.elapsed - before.elapsed), flush=True)


if __name__ == "__main__":
    with Client(sys.argv[2], environment="production") as served:
        if sys.argv[1] == "follow":
            follow(served, sys.argv[3])
        else:
            idle(served, sys.argv[3], float(sys.argv[4]))
