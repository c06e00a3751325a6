"""Sparing the garbage collector what it would look through in vain, where that is felt."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection within: for the reading of a million new values with no cycle among them, where looking
    for one takes longer than all the rest.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def settled() -> Iterator[None]:
    """What is there already is not looked through within: modules and an eval set, which stay, and of which every
    full look holds up all answers that come meanwhile. Garbage made within is collected as ever.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
