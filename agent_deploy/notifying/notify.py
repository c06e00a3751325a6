"""Telling everybody whom a policy names, all at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import partial

from agent_deploy.notifying.message import Message
from agent_deploy.notifying.sending import LONGEST_S, NotTold, send_all
from drills.policy import Notify


def channels(policy: Notify) -> tuple[str, ...]:
    """The names of the channels that the policy has."""
    named = (("webhook", policy.webhook), ("slack", policy.slack), ("email", policy.email))
    return tuple(name for name, value in named if value)


def notify(
    policy: Notify,
    message: Message,
    *,
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], float] = time.time,
    within_s: float = LONGEST_S,
) -> list[NotTold]:
    """Tell the event wherever the policy says, if it says so of this event; who could not be told, and why.

    Takes `within_s` at most, and raises nothing. Secrets come from `environ` alone.
    """
    if message.event not in policy.on:
        return []
    from agent_deploy.notifying.mail import send_mail
    from agent_deploy.notifying.slack import send_slack
    from agent_deploy.notifying.webhook import send_webhook

    jobs: Mapping[str, Callable[[], None]] = {
        "webhook": partial(send_webhook, policy.webhook, policy.secret_env, message, environ, int(clock())),
        "slack": partial(send_slack, policy.slack, message, environ),
        "email": partial(send_mail, policy.email, message, environ),
    }
    return send_all({name: jobs[name] for name in channels(policy)}, within_s)
