"""traces prune: removes the hours of facts that ended longer ago than a span of time."""

from __future__ import annotations

from datetime import timedelta

from agent_deploy.telemetry.facts.pruning import Pruned
from agent_deploy.telemetry.facts.store import FactStore


def prune(facts: FactStore, older_than: timedelta, *, dry_run: bool = False) -> Pruned:
    """Remove them, and nothing else; in a dry run only say which they are. Facts in the spool stay until sealed.

    Raises Conflict while another process tidies the facts.
    """
    return facts.prune(older_than, dry_run=dry_run)
