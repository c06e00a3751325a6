"""An incoming webhook as Slack has it, and Mattermost, Rocket.Chat and others after it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from agent_deploy.notifying.message import Message
from agent_deploy.notifying.sending import NotSent, send_http


def send_slack(variable: str, message: Message, environ: Mapping[str, str]) -> None:
    """Post to the address that a variable holds: who knows it may post. Raises NotSent."""
    url = environ.get(variable, "")
    if not url:
        raise NotSent(f"${variable}, which is to hold the address, is not set")
    send_http("POST", url, slack_body(message), {"content-type": "application/json", "user-agent": "agent-deploy"})


def slack_body(message: Message) -> bytes:
    """`{"text": …}`: the title in bold, the rest below. The words are foreign, so nobody is called by them.

    Escaped as Slack asks for ("Formatting text for app surfaces", Escaping text): what `<` begins is a mention or link.
    """
    title = escaped(message.title).replace("*", "∗")
    return json.dumps({"text": f"*{title}*\n{escaped(message.text)}"}).encode()


def escaped(text: str) -> str:
    """With the three characters that Slack reads as control characters written as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
