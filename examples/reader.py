"""A process that serves support-triage: it prints what it serves, and again whenever a release changes that.

python examples/reader.py             # serves until it is stopped
python examples/reader.py --for 10    # stops by itself after ten seconds
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import time

from agent_deploy import Client


def serve(seconds: float) -> None:
    """Answer as a service would, one bundle a request, and print each time that another one is served."""
    deadline = time.monotonic() + seconds
    with Client() as client:
        before = None
        while time.monotonic() < deadline:
            bundle = client.bundle("support-triage")
            if bundle is not before:
                asked = bundle.prompt("classify").render(customer="Ada", query="My card has not arrived.")
                print(
                    f"reader: serving version {bundle.version} ({bundle.tag}), generation {bundle.generation},", end=" "
                )
                print(f"model {bundle.model().name}; asks: …{asked.splitlines()[-1][-60:]!r}", flush=True)
                before = bundle
            time.sleep(0.02)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--for", dest="seconds", type=float, default=float("inf"), metavar="SECONDS")
    logging.basicConfig(level=logging.WARNING)
    with contextlib.suppress(KeyboardInterrupt):
        serve(parser.parse_args().seconds)
