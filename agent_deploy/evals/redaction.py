"""Personal data that a pattern and a checksum can find, taken out of a text before it goes into a repository.

E-mail addresses by the pattern of the HTML standard; card numbers by Luhn's and IBANs by ISO 7064's checksum
(python-stdnum); phone numbers by Google's libphonenumber (phonenumbers); IP addresses by the standard library. Names
and addresses of people it does not find: whoever reviews the pull request has to.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from registry.errors import BadInput

REGIONS = ("US", "GB")

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?!\w)", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w-])[2-6]\d(?:[ -]?\d){11,17}(?!\w)")
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]*(?![\w:])")
_WORD_END = re.compile(r"[ -]|$")


def redact(value: Any, regions: Iterable[str] = REGIONS) -> tuple[Any, Mapping[str, int]]:
    """The JSON value with `<EMAIL>`, `<IBAN>`, `<CARD>`, `<IP>`, `<PHONE>` in place of what its texts hold, and how
    often each.

    regions: the countries (ISO 3166, two letters) whose phone numbers may stand without a country code. Keys of
    objects stay. Raises BadInput without the extra `redact`, and for a region that is none.
    """
    found: Counter[str] = Counter()
    replaced = _redact(value, _finders(tuple(regions)), found)
    return replaced, dict(sorted(found.items()))


Finder = Callable[[str], Iterable[tuple[int, int]]]


def _finders(regions: tuple[str, ...]) -> Mapping[str, Finder]:
    """What finds each kind, in the order in which they are asked: an IBAN holds what looks like a phone number."""
    try:
        import phonenumbers
        import stdnum.iban
        import stdnum.luhn
    except ImportError as error:
        raise BadInput(
            f"--redact needs the package {error.name}",
            unchanged="Nothing was written.",
            next_command='pip install "agent-deploy[redact]"',
        ) from error
    for region in regions:
        if region not in phonenumbers.SUPPORTED_REGIONS:
            raise BadInput(f"{region!r} is no country code of two capital letters", unchanged="Nothing was written.")
    return {
        "EMAIL": lambda text: [found.span() for found in _EMAIL.finditer(text)],
        "IBAN": lambda text: _longest(_IBAN, stdnum.iban.is_valid, text),
        "CARD": lambda text: _longest(_CARD, lambda number: stdnum.luhn.is_valid(_digits(number)), text),
        "IP": lambda text: [*_addresses(_IPV4, text), *_addresses(_IPV6, text)],
        "PHONE": lambda text: [
            (match.start, match.end)
            for region in (None, *regions)
            for match in phonenumbers.PhoneNumberMatcher(text, region)
        ],
    }


def _redact(value: Any, finders: Mapping[str, Finder], found: Counter[str]) -> Any:
    if isinstance(value, dict):
        return {key: _redact(inner, finders, found) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redact(inner, finders, found) for inner in value]
    if not isinstance(value, str):
        return value
    for kind, find in finders.items():
        value, times = _replaced(value, find(value), f"<{kind}>")
        if times:
            found[kind] += times
    return value


def _replaced(text: str, spans: Iterable[tuple[int, int]], by: str) -> tuple[str, int]:
    """The text with each span replaced, overlapping ones as one; and how many were."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    for start, end in reversed(merged):
        text = text[:start] + by + text[end:]
    return text, len(merged)


def _longest(pattern: re.Pattern[str], is_valid: Callable[[str], bool], text: str) -> Iterable[tuple[int, int]]:
    """The longest valid beginning of each match that ends with a group: what follows may look as if it belonged."""
    for found in pattern.finditer(text):
        ends = [end.start() for end in _WORD_END.finditer(found.group())]
        for end in reversed(ends):
            if is_valid(found.group()[:end]) and len(_digits(found.group()[:end])) >= 10:
                yield found.start(), found.start() + end
                break


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _addresses(pattern: re.Pattern[str], text: str) -> Iterable[tuple[int, int]]:
    from ipaddress import ip_address

    for found in pattern.finditer(text):
        stop = found.group().rstrip(".")
        try:
            ip_address(stop)
        except ValueError:
            continue
        yield found.start(), found.start() + len(stop)
