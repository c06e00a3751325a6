"""Why a call or a step failed: one taxonomy, told from an exception without importing the library that raised it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, get_args

FailureMode = Literal["timeout", "rate_limit", "parse_error", "low_confidence", "downstream_error", "other"]
FAILURE_MODES: tuple[FailureMode, ...] = get_args(FailureMode)

_DEEPEST = 8  # causes of causes looked at

# Looked for in the name of an exception class, or the code that a service gave, without its underscores and in lower
# case. The first that is found decides: `APITimeoutError` is a timeout though it is an API error too.
_BY_NAME: tuple[tuple[FailureMode, re.Pattern[str]], ...] = (
    ("low_confidence", re.compile("lowconfidence")),
    ("timeout", re.compile("timed?out|deadlineexceeded|^requestexpired")),
    ("rate_limit", re.compile("ratelimit|toomanyrequests|throttl|slowdown|resourceexhausted|quotaexceeded|overloaded")),
    (
        "parse_error",
        re.compile(
            "jsondecode|jsonerror|parseerror|parsererror|parserexception|parsingerror|decodeerror|validationerror"
            "|unicodeerror|outputparser|schemaerror|lengthfinishreason"
        ),
    ),
    (
        "downstream_error",
        re.compile(
            "connect|disconnect|brokenpipe|apierror|apistatus|httperror|httpstatus|clienterror|servererror|servfail"
            "|badgateway|unavailable|protocolerror|networkerror|transporterror|^readerror|^writeerror"
            "|rpcerror|sslerror|gaierror|proxyerror|badrequest|authentication"
            "|operationalerror|interfaceerror|internalfailure"
        ),
    ),
)

# Packages whose exceptions come from the other side of a network, if nothing above says it better.
_OUTSIDE = re.compile(
    r"(openai|anthropic|mistralai|cohere|groq|google|grpc|botocore|boto3|httpx|httpcore|requests|urllib3|aiohttp"
    r"|psycopg|psycopg2|asyncpg|redis|pymongo|elasticsearch|sqlalchemy|qdrant_client|pinecone|weaviate)(\.|$)"
)
_STATUS_ATTRIBUTES = ("status_code", "status", "http_status", "code")


def failure_mode(error: BaseException) -> FailureMode:
    """The mode that an exception tells, by its classes, its HTTP status or service code, and then by its causes."""
    for one in _chain(error):
        mode = _told_by(one)
        if mode != "other":
            return mode
    return "other"


def failure_mode_named(error_type: str, status: int | None = None) -> FailureMode:
    """The mode that the name of an exception class (`openai.RateLimitError`), a service's code or an HTTP status tells.

    For failures of which only `error.type` is left. `error_type` may be a status as text, or a mode itself.
    """
    told = next((mode for mode in FAILURE_MODES if mode == error_type), None) or _by_name(error_type.rpartition(".")[2])
    if told is None and error_type.isascii() and error_type.isdecimal():
        told = _by_status(int(error_type))
    if told is None and status is not None:
        told = _by_status(status)
    if told is None and "." in error_type and _OUTSIDE.match(error_type):
        told = "downstream_error"
    return told or "other"


def http_status(error: BaseException) -> int | None:
    """The HTTP status that an exception tells of, its own before those of its causes; None when there is none."""
    return next((status for one in _chain(error) if (status := _status(one)) is not None), None)


def error_type(error: BaseException) -> str:
    """What `error.type` says of an exception: the class with its module, `builtins` left out. Never its message."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, those of its group, and what it was raised from; each once."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _DEEPEST:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
        cause = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if cause is not None:
            waiting.append(cause)


def _told_by(error: BaseException) -> FailureMode:
    if not isinstance(error, Exception):  # a cancellation, Ctrl-C, an exit: nothing of the call's own
        return "other"
    classes = [kind for kind in type(error).__mro__ if issubclass(kind, Exception) and not _is_ours(kind)]
    own = next((mode for kind in classes if (mode := _by_name(kind.__name__)) not in (None, "downstream_error")), None)
    told = own or _by_code(error) or _by_status(_status(error))
    if told is None and any(_by_name(kind.__name__) or _OUTSIDE.match(kind.__module__) for kind in classes):
        told = "downstream_error"
    return told or "other"


def _is_ours(kind: type) -> bool:
    """Our client's errors are about bundles and templates, whatever their base is called."""
    return kind.__module__.startswith("agent_deploy.")


def _by_name(name: str) -> FailureMode | None:
    plain = name.replace("_", "").replace("-", "").lower()
    return next((mode for mode, pattern in _BY_NAME if pattern.search(plain)), None)


def _by_code(error: BaseException) -> FailureMode | None:
    """What the service itself called it: botocore's `response["Error"]["Code"]`, OpenAI's and gRPC's `code`."""
    response = _read(error, "response")
    table = response.get("Error") if isinstance(response, dict) else None
    codes = (table.get("Code") if isinstance(table, dict) else None, _read(error, "code"))
    return next((mode for code in codes if isinstance(code, str) and (mode := _by_name(code))), None)


def _status(error: BaseException) -> int | None:
    """The HTTP status: the exception's own, that of its `response`, or botocore's `ResponseMetadata`."""
    response = _read(error, "response")
    if isinstance(response, dict):
        told = response.get("ResponseMetadata")
        found = [told.get("HTTPStatusCode") if isinstance(told, dict) else None]
    else:
        found = [_read(owner, name) for owner in (error, response) for name in _STATUS_ATTRIBUTES]
    return next((status for status in found if type(status) is int and 100 <= status <= 599), None)


def _by_status(status: int | None) -> FailureMode | None:
    if status is None or status < 400:
        return None
    if status in (408, 504):
        return "timeout"
    return "rate_limit" if status in (429, 529) else "downstream_error"


def _read(owner: object, name: str) -> object:
    """An attribute, or None: an exception's properties may themselves raise (httpx does for a missing request)."""
    try:
        return getattr(owner, name, None)
    except Exception:  # noqa: BLE001 - somebody else's code, asked in passing
        return None
