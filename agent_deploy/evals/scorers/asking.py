"""What the scorers that ask a model have in common: their provider, and its errors told as theirs."""

from __future__ import annotations

from agent_deploy.costs.usage import ModelCall
from agent_deploy.evals.errors import CaseError, ScorerFailed
from agent_deploy.evals.ports import Provider
from agent_deploy.evals.scorers.options import Options


def open_provider(options: Options, name: str) -> Provider | None:
    """The provider of that name; None where none is to be opened. Raises what the surroundings raise for a bad name."""
    providers = options.surroundings.providers
    return providers(name) if providers else None


def ask_failed(scorer: str, error: CaseError, calls: tuple[ModelCall, ...] = ()) -> ScorerFailed:
    """A provider's error as the scorer's: same kind, same hope of another try."""
    return ScorerFailed(
        f"scorer {scorer!r} failed: {error.message}",
        kind=error.kind,
        retry=error.retry,
        retry_after_s=error.retry_after_s,
        calls=calls,
    )
