"""Content and user ids on spans: whether they are left out, hashed or written, and which attributes carry them.

Content is what people and models said: input, output, documents, tool arguments and results, messages of exceptions.
The rules for attributes hold for our own spans and for those of any other instrumentation inside a call. They err on
the side of leaving out: below the names that language-model instrumentations use, only what is known to be harmless
stays.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from agent_deploy.telemetry import names

Mode = Literal["off", "hash", "full"]
Kind = Literal["plain", "content", "values", "user", "url"]

HASHED = "hmac-sha256:"
LONGEST = 65_536  # characters of content on one attribute; what is beyond is cut off


@dataclass(frozen=True, slots=True)
class Policy:
    """What one workflow's spans may say. key: of its hashes; without one, `hash` is as `off`."""

    content: Mode = "off"
    user: Mode = "off"
    key: bytes = field(default=b"", repr=False)

    @property
    def lets_all_through(self) -> bool:
        """Whether there is nothing to look for."""
        return self.content == "full" and self.user == "full"

    def of_content(self, value: object, written: Callable[[object], str] | None = None) -> str | None:
        """What a span says of this content: nothing, the hash of it as text, or the text itself, cut at LONGEST.

        written: how it is told in full, where that is not simply as text. Raises ValueError or TypeError for a value
        that cannot be written.
        """
        if self.content == "full":
            return (written or as_text)(value)[:LONGEST]
        return self._told(self.content, value)

    def of_user(self, value: object) -> str | None:
        """What a span says of this user id: nothing, its hash, or the id."""
        return self._told(self.user, value)

    def _told(self, mode: Mode, value: object) -> str | None:
        if mode == "off" or (mode == "hash" and not self.key):
            return None
        text = as_text(value)
        if mode == "full" or is_hash(text):
            return text[:LONGEST]
        return HASHED + hmac.new(self.key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def as_text(value: object) -> str:
    """Text as it is; anything else as JSON with sorted keys, and what JSON has no word for by `str`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def is_hash(text: str) -> bool:
    """Whether a text is what `hash` makes of one."""
    return _IS_HASH.fullmatch(text) is not None


def redacted(attributes: Mapping[str, Any], policy: Policy) -> dict[str, Any] | None:
    """The attributes as the policy allows them; None when they may stay as they are."""
    changed: dict[str, Any] | None = None
    for key in attributes:
        kind = kind_of(key)
        if kind == "plain":
            continue
        value = attributes[key]
        if kind == "values" and isinstance(value, int | float):
            continue
        told = _allowed(kind, value, policy)
        if told is not value:
            changed = changed if changed is not None else dict(attributes)
            if told is None:
                del changed[key]
            else:
                changed[key] = told
    return changed


@lru_cache(maxsize=4096)
def kind_of(key: str) -> Kind:
    """What an attribute of this name carries.

    plain: nothing of anybody's. content. values: content unless it is a single number or truth value. user: who it
    was. url: an address, whose query is content.
    """
    if key in _CONTENT:
        return "content"
    if _USER.search(key):
        return "user"
    if key in _HARMLESS or key.startswith("agent_deploy."):
        return "plain"
    if key in _URLS:
        return "url"
    says_something = not _WORDS.isdisjoint(re.split(r"[._\-/]", key.lower()))
    return "values" if says_something or _OF_MODELS.match(key) else "plain"


def _allowed(kind: Kind, value: Any, policy: Policy) -> Any:
    if kind == "user":
        return value if policy.user == "full" else policy.of_user(value)
    if policy.content == "full" or (isinstance(value, str) and is_hash(value)):
        return value
    if kind == "url":
        address = str(value).partition("?")[0].partition("#")[0]
        return value if address == value else address
    return policy.of_content(value)


_IS_HASH = re.compile(re.escape(HASHED) + "[0-9a-f]{64}")

_CONTENT = frozenset({
    names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.OUTPUT_PARSED, names.RETRIEVAL_DOCUMENTS, names.TOOL_ARGUMENTS,
    names.TOOL_RESULT, names.EVALUATION_EXPLANATION, names.EXCEPTION_MESSAGE, names.EXCEPTION_STACKTRACE,
    "gen_ai.system_instructions", "gen_ai.prompt", "gen_ai.completion", "gen_ai.retrieval.query.text",
    "input.value", "output.value", "traceloop.entity.input", "traceloop.entity.output", "tool.parameters",
})  # fmt: skip

# Text that stays: ours, and what readers need of the conventions GenAI, OpenInference and OpenLLMetry.
_HARMLESS = frozenset({
    names.OPERATION, names.AGENT_NAME, names.CONVERSATION, names.PROVIDER, names.PROMPT_NAME, names.PROMPT_VERSION,
    names.REQUEST_MODEL, names.REQUEST_STOP, names.RESPONSE_MODEL, names.RESPONSE_ID, names.RESPONSE_FINISH_REASONS,
    names.DATA_SOURCE, names.TOOL_NAME, names.TOOL_TYPE, names.TOOL_CALL_ID, names.EVALUATION_NAME,
    names.EVALUATION_LABEL, names.OLD_SYSTEM, names.OLD_WORKFLOW_NAME, names.ERROR_TYPE, names.EXCEPTION_TYPE,
    "gen_ai.agent.id", "gen_ai.agent.version", "gen_ai.output.type", "gen_ai.token.type",
    "gen_ai.request.encoding_formats", "gen_ai.request.structured_output_schema",
    "gen_ai.openai.request.service_tier", "gen_ai.openai.response.service_tier",
    "gen_ai.openai.response.system_fingerprint", "gen_ai.openai.api_base", "gen_ai.openai.api_version",
    "openai.request.service_tier", "openai.response.service_tier", "openai.response.system_fingerprint",
    "openai.api.type", "openai.api_type", "openai.api_version",
    "openinference.span.kind", "llm.model_name", "llm.provider", "llm.system", "llm.request.type",
    "llm.response.finish_reason", "llm.response.stop_reason", "embedding.model_name", "reranker.model_name",
    "tool.name", "tool_call.id", "tool_call.function.name", "agent.name", "session.id",
    "traceloop.span.kind", "traceloop.entity.name", "traceloop.entity.path", "traceloop.entity.version",
    "traceloop.workflow.name", "traceloop.association.properties.tenant_id",
    "traceloop.association.properties.session_id", "llm.response.model_name", "llm.request.model_name",
    "evaluation.label", "db.query.summary", "http.request.method", "messaging.message.id",
})  # fmt: skip

_URLS = frozenset({"url.full", "http.url", "http.target"})

# `user.id`, `enduser.id`, `langfuse.user.id`, `traceloop.association.properties.user_id`, `llm.user`
_USER = re.compile(r"^(end)?user\.|(^|[._])(end)?user([._](id|name|email|full_name|hash))?$")

# Below these, what is not known to be harmless is taken for content.
_OF_MODELS = re.compile(
    r"(gen_ai|llm|openinference|traceloop|ai|input|output|retrieval|embedding|reranker|document|message|prompt"
    r"|completion|tool|tool_call|metadata|tag|langsmith|langfuse|langchain|langgraph|mlflow|pydantic_ai|logfire|openai"
    r"|anthropic|cohere|crewai|agno|smolagents|haystack|dspy|litellm)(\.|$)"
)

# Elsewhere, a name with one of these words in it.
_WORDS = frozenset({
    "answer", "answers", "argument", "arguments", "args", "kwargs", "body", "choice", "choices", "completion",
    "content", "contents", "description", "document", "documents", "explanation", "html", "input", "inputs",
    "instruction", "instructions", "message", "messages", "msg", "output", "outputs", "parameter", "parameters",
    "params", "payload", "prompt", "prompts", "query", "question", "reasoning", "result", "results", "stacktrace",
    "statement", "text", "thinking", "transcript",
})  # fmt: skip
