"""Telling people of a promotion or rollback, where the drill policy wants that: after the result, never in its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent_deploy.cli.output import tell_error

if TYPE_CHECKING:
    from agent_deploy.config import Config
    from agent_deploy.operations.move import Move


@contextmanager
def told(config: Config, move: Move) -> Iterator[None]:
    """Tell of the move when the block ends, however it does. Costs no import where nobody is to be told."""
    try:
        yield
    finally:
        release = move.release
        if move.changed and release and "notify" in (config.drill_table(release.workflow, release.environment) or {}):
            _tell(config, move)


def _tell(config: Config, move: Move) -> None:
    from agent_deploy.drill_policy import drill_policy
    from agent_deploy.errors import BadConfig
    from agent_deploy.notifying.message import of_release
    from agent_deploy.notifying.notify import notify

    assert move.release is not None  # noqa: S101  (of a move that changed something)
    try:
        policy = drill_policy(config, move.release.workflow, move.release.environment).notify
    except BadConfig as error:  # what was moved is moved
        tell_error(f"nobody was told: {error.message}", "", "")
        return
    message = of_release(move.release)
    for failure in notify(policy, message) if message else []:
        tell_error(f"could not tell {failure}", "", "")
