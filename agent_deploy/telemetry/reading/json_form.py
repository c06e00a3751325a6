"""OTLP in JSON, as `application/json` and the Collector's file exporter carry it.

OTLP specification 1.x, "JSON Protobuf Encoding": lowerCamelCase names, ids in hex, 64-bit numbers as text or as
numbers, enums as numbers. Enum names, which protobuf's own JSON mapping writes, are read too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agent_deploy.telemetry.reading.meaning import WANTED
from agent_deploy.telemetry.reading.span import Attributes, Event, Span, Status, Tally
from agent_deploy.telemetry.reading.wellformed import TELLING_EVENTS, fault_of
from registry.errors import BadInput

_STATUS: dict[Any, Status] = {
    1: "ok", 2: "error", "1": "ok", "2": "error", "STATUS_CODE_OK": "ok", "STATUS_CODE_ERROR": "error",
}  # fmt: skip
_NOT_A_SPAN = "it is not an object of the shape of a span"


def spans_of_json(data: bytes, tally: Tally) -> Iterator[Span]:
    """The well-formed spans of a request. Raises BadInput, before the first, where the text is no such request.

    A request without `resourceSpans` has no spans.
    """
    document = _parsed(data)
    groups = [
        (_resource(group, where), scoped, f"{where}.scopeSpans[{number}]")
        for where, group in _objects(document, "resourceSpans", "")
        for number, (_, scoped) in enumerate(_objects(group, "scopeSpans", where))
    ]
    return _spans(
        [(resource, _scope(scoped), _list(scoped, "spans", where)) for resource, scoped, where in groups], tally
    )


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except RecursionError:
        raise BadInput("no OTLP trace export: the JSON is nested too deeply") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise BadInput(f"no OTLP trace export: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadInput(f"no OTLP trace export: a JSON {type(document).__name__}, not an object with resourceSpans")
    return document


def _list(parent: dict[str, Any], key: str, where: str) -> list[Any]:
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadInput(f"no OTLP trace export: {where}{'.' if where else ''}{key} is not a list")
    return value


def _objects(parent: dict[str, Any], key: str, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of the list under the key, with where it stands."""
    for number, value in enumerate(_list(parent, key, where)):
        place = f"{where}{'.' if where else ''}{key}[{number}]"
        if not isinstance(value, dict):
            raise BadInput(f"no OTLP trace export: {place} is not an object")
        yield place, value


def _resource(group: dict[str, Any], where: str) -> Attributes:
    resource = group.get("resource") or {}
    try:
        return _attributes(resource.get("attributes"))
    except (KeyError, TypeError, AttributeError):
        raise BadInput(f"no OTLP trace export: {where}.resource is not an object with a list of attributes") from None


def _scope(scoped: dict[str, Any]) -> str:
    scope = scoped.get("scope")
    name = scope.get("name") if isinstance(scope, dict) else None
    return name if isinstance(name, str) else ""


def _spans(groups: list[tuple[Attributes, str, list[Any]]], tally: Tally) -> Iterator[Span]:
    for resource, scope, messages in groups:
        for message in messages:
            span = _span(message, resource, scope)
            fault = fault_of(span) if span else _NOT_A_SPAN
            if span is None or fault:
                tally.refused[fault] += 1
            else:
                tally.spans += 1
                yield span


def _span(message: Any, resource: Attributes, scope: str) -> Span | None:
    try:
        status = message.get("status") or {}
        return Span(
            message["traceId"].lower(),
            message["spanId"].lower(),
            (message.get("parentSpanId") or "").lower(),
            name if isinstance(name := message.get("name"), str) else "",
            int(message["startTimeUnixNano"]),
            int(message.get("endTimeUnixNano", 0)),
            _STATUS.get(status.get("code"), "unset"),
            _attributes(message.get("attributes")),
            tuple(_events(message["events"])) if message.get("events") else (),
            resource,
            scope,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _events(messages: Any) -> Iterator[Event]:
    for message in messages:
        if message.get("name") in TELLING_EVENTS:
            yield Event(message["name"], _attributes(message.get("attributes")))


def _attributes(pairs: Any) -> Attributes:
    """The wanted ones. Raises TypeError, KeyError or AttributeError where it is no list of keys and values."""
    if not pairs:
        return {}
    return {name: _value(pair.get("value")) for pair in pairs if (name := pair["key"]) in WANTED}


def _value(value: Any) -> Any:
    """What the one member holds; None for arrays, objects, bytes, nothing, and text that is no number."""
    for kind, held in (value or {}).items():
        if kind in ("stringValue", "boolValue"):
            return held
        if kind == "intValue":
            return _number(int, held)
        if kind == "doubleValue":
            return _number(float, held)  # "NaN" and "Infinity" come as text
    return None


def _number(kind: type[int] | type[float], held: Any) -> int | float | None:
    try:
        return kind(held)
    except (TypeError, ValueError, OverflowError):
        return None
