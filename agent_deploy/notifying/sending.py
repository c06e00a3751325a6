"""Sending over HTTP, several messages at once, and never for longer than said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

TIMEOUT_S = 5.0  # to connect, and for each piece of an answer
LONGEST_S = 12.0  # for everything together
_PAUSE_S = 1.0
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


class NotSent(Exception):
    """A message did not go out; `str` of it says why, without secrets. again: whether a second try may help."""

    def __init__(self, why: str, *, again: bool = False) -> None:
        super().__init__(why)
        self.again = again


@dataclass(frozen=True, slots=True)
class NotTold:
    """Who was not told, and why."""

    channel: str
    why: str

    def __str__(self) -> str:
        return f"{self.channel}: {self.why}"


def send_http(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> None:
    """One request, that is answered with 2xx. No redirect is followed: what is signed is for one address.

    Raises NotSent, which does not name the address: many of them are secrets.
    """
    import httpx2

    try:
        with (
            httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False) as client,
            client.stream(method, url, content=body, headers=dict(headers or {})) as answer,
        ):
            status = answer.status_code
    except httpx2.TimeoutException as error:
        raise NotSent(f"no answer within {TIMEOUT_S:g} s", again=True) from error
    except (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, httpx2.InvalidURL, ValueError) as error:
        raise NotSent("the address is none that can be asked") from error
    except httpx2.HTTPError as error:
        raise NotSent(f"cannot be reached: {str(error) or type(error).__name__}", again=True) from error
    if not 200 <= status < 300:
        raise NotSent(f"answered {status}", again=status in _WORTH_ANOTHER_TRY)


def send_all(jobs: Mapping[str, Callable[[], None]], within_s: float = LONGEST_S) -> list[NotTold]:
    """Do all jobs at once, twice where that may help; those that did not succeed in time, with why.

    Whatever a job raises is told and not raised. A job that hangs is left behind, and ends with the process.
    """
    failed: dict[str, str] = dict.fromkeys(jobs, f"not done after {within_s:g} s")
    lock = threading.Lock()

    def work(name: str, job: Callable[[], None]) -> None:
        why = _tried(job)
        with lock:
            if name in failed:
                failed.pop(name) if why is None else failed.update({name: why})

    threads = [threading.Thread(target=work, args=item, daemon=True, name=f"tell-{item[0]}") for item in jobs.items()]
    until = time.monotonic() + within_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    with lock:
        return [NotTold(name, why) for name, why in failed.items()]


def _tried(job: Callable[[], None]) -> str | None:
    """Why it could not be done; None when it was."""
    try:
        try:
            job()
        except NotSent as error:
            if not error.again:
                raise
            time.sleep(_PAUSE_S)
            job()
    except NotSent as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  (no fault of a channel is to reach a drill)
        return f"{type(error).__name__}"
    return None
