"""A signed webhook, after Standard Webhooks 1.0 (standardwebhooks.com), which receivers have libraries for.

Signed is `<webhook-id>.<webhook-timestamp>.<body>`, by HMAC-SHA256, with the key that a variable holds: `whsec_` and
base64, or any other text, whose UTF-8 bytes are the key then.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from agent_deploy.notifying.message import Message
from agent_deploy.notifying.sending import NotSent, send_http

_PREFIX = "whsec_"


def send_webhook(url: str, secret_env: str, message: Message, environ: Mapping[str, str], timestamp: int) -> None:
    """Post the message as JSON; signed where `secret_env` names a variable. timestamp: now, seconds since 1970.

    Raises NotSent.
    """
    body = message.encoded()
    headers = {
        "content-type": "application/json",
        "user-agent": "agent-deploy",
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
    }
    if secret_env:
        headers["webhook-signature"] = signature(key_of(secret_env, environ), message.id, timestamp, body)
    send_http("POST", url, body, headers)


def signature(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>`."""
    signed = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def key_of(variable: str, environ: Mapping[str, str]) -> bytes:
    """The key in a variable. Raises NotSent when there is none: what is to be signed is not sent unsigned."""
    value = environ.get(variable, "")
    if not value:
        raise NotSent(f"${variable}, which is to hold the key, is not set")
    if not value.startswith(_PREFIX):
        return value.encode()
    try:
        key = base64.b64decode(value.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise NotSent(f"${variable} has no base64 behind {_PREFIX}") from None
    if not key:
        raise NotSent(f"${variable} holds an empty key")
    return key
