"""What does not belong in a bundle's text: characters that a reviewer cannot see, and likely secrets."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from registry.errors import BadInput

# Bidirectional embeddings, overrides and isolates (Trojan Source, CVE-2021-42574), tag characters and the variation
# selectors supplement: all invisible to a reviewer, all read by a model.
_INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f\U000e0100-\U000e01ef]")

# Keys of model providers, which the kept library knows only in part. Prefixes as the providers document them.
_MODEL_KEYS = re.compile(
    r"\b(?:sk-(?:proj|ant|svcacct|admin|or)-[\w-]{16,}|sk-[A-Za-z0-9]{32,}|hf_[A-Za-z0-9]{30,}"
    r"|gsk_[A-Za-z0-9]{40,}|AIza[\w-]{35})"
)

_DETECTORS = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "KeywordDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)


def check_visible(text: str, path: str) -> None:
    """Raises BadInput naming file, line, column and character where one is invisible or reorders the text."""
    found = _INVISIBLE.search(text)
    if found is None:
        return
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1
    character = found.group()
    name = unicodedata.name(character, "TAG" if ord(character) >= 0xE0000 else "UNNAMED")
    raise BadInput(
        f"{path}:{line}: column {column} holds U+{ord(character):04X} ({name}), which a reviewer cannot see",
        unchanged="Nothing was registered.",
        next_command="agent-deploy register SOURCE --allow-invisible   # if it is meant",
    )


def check_no_secret(text: str, path: str) -> None:
    """Raises BadInput naming file, line and kind of a likely secret; the secret itself is never repeated."""
    for number, line in enumerate(text.splitlines(), start=1):
        kind = "API key of a model provider" if _MODEL_KEYS.search(line) else _detected(line, path)
        if kind:
            raise BadInput(
                f"{path}:{number}: looks like a secret ({kind})",
                unchanged="Nothing was registered.",
                next_command="agent-deploy register SOURCE --allow-secret   # if it is not one",
            )


def _detected(line: str, path: str) -> str:
    for plugin in _plugins():
        for secret in plugin.analyze_line(filename=path, line=line, line_number=0):
            prose = type(plugin).__name__ == "KeywordDetector" and " " in (secret.secret_value or "")
            if not prose:  # `secret: "a sentence of prose"` is none
                return str(secret.type)
    return ""


@cache
def _plugins() -> tuple[Any, ...]:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    known: list[Any] = list(get_mapping_from_secret_type_to_class().values())
    return tuple(plugin() for plugin in known if plugin.__name__ in _DETECTORS)
