"""An agent that does to its process whatever a question says."""

from __future__ import annotations

import itertools

AGENT = """
import asyncio, ctypes, os, subprocess, sys, threading, time
from agent_deploy.evals import CaseError, ModelCall, Reply, ToolCall, Usage

async def quick(bundle, text):
    return text.upper()

def answer(bundle, text):
    word, _, rest = str(text).partition(" ")
    return globals().get("do_" + word, lambda rest: text)(rest)

def do_exit(rest): os._exit(3)
def do_exit0(rest): os._exit(0)
def do_complain(rest):
    print("the disk is on fire", file=sys.stderr, flush=True)
    os._exit(1)
def do_segfault(rest): ctypes.string_at(0)
def do_print(rest):
    print("{} and more")
    os.write(1, b"straight to the pipe\\n")
    return rest
def do_raise(rest): raise ValueError(f"cannot read {rest}")
def do_quit(rest): sys.exit(rest)
def do_set(rest): return {1, 2}
def do_nan(rest): return float("nan")
def do_half(rest): return "\\ud800"
def do_hang(rest): threading.Event().wait()
def do_spin(rest):
    while True: pass
def do_freeze(rest): ctypes.PyDLL(None).sleep(600)
def do_leak(rest):
    kept = []
    while True: kept.append(b"x" * 4_000_000)
def do_sleep(rest):
    time.sleep(float(rest))
    return "slept"
def do_child(rest):
    subprocess.Popen(["sleep", "300"])
    os._exit(1)
def do_pid(rest): return os.getpid()
def do_status(rest):
    error = RuntimeError("refused")
    error.status_code = int(rest)
    raise error
def do_timeout(rest): raise TimeoutError("too slow")
def do_busy(rest): raise CaseError("busy", kind="rate_limit", retry=True, retry_after_s=7.0)
def do_whole(rest):
    calls = (ModelCall("openai", "gpt-5-mini", Usage(10, 2, cache_read=4)),)
    return Reply({"intent": rest}, calls, (ToolCall("refund", {"amount": 1}),), 5.5)

def described(bundle, text):
    return [type(bundle).__module__, bundle.version, bundle.tag, bundle.prompt("system").render(), bundle.model().name]

async def awaits(bundle, text):
    if text == "hang": await asyncio.sleep(600)
    if text == "stubborn":
        while True:
            try: await asyncio.sleep(600)
            except asyncio.CancelledError: pass
    if text == "block": time.sleep(600)
    if text == "cancel": raise asyncio.CancelledError
    await asyncio.sleep(0)
    return text

def later(bundle, text):
    return awaits(bundle, text)

def alone(text): return text

class Desk:
    async def __call__(self, bundle, text): return text + "!"

desk = Desk()
number = 7
"""


def at(function: str) -> str:
    """Where the last line of this function is, as an error tells it."""
    lines = AGENT.splitlines()
    first = next(number for number, line in enumerate(lines, 1) if line.startswith(f"def {function}("))
    body = itertools.takewhile(lambda line: line.startswith(" "), lines[first:])
    return f"agent.py:{first + len(list(body))} in {function}"
