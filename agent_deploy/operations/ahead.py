"""What can be said of a run before it costs anything: what it can show, and whether it can pass the gate."""

from __future__ import annotations

from agent_deploy.evals.cases import EvalSet
from agent_deploy.gates.policy import Policy


def lines_ahead(
    policy: Policy | None, environment: str, eval_set: EvalSet, repeats: int, *, compared: bool, failing: float = 0.0
) -> list[str]:
    """How small a change the set can show; and why no outcome of it could pass the gate, where none could.

    compared: whether another version is live, to be compared with. failing: how many cases that one fails, which is
    what there is to gain; 0 while it is not known.
    """
    from agent_deploy.gates.foresight import detectable, possible

    cases = len(eval_set.cases)
    against = possible(policy, cases, repeats, compared, failing) if policy and policy.required else []
    return [detectable(cases), *(f"the gate of {environment} could not pass it: {reason}" for reason in against)]
