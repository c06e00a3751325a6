"""The file of prices of one's own: a TOML table `[[price]]` a price, which comes before the price data. Standard
library only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from agent_deploy.costs.providers import one_name
from agent_deploy.costs.rates import Rates
from registry.errors import BadInput

_TOP = ("currency", "usd_per_unit", "price")
_RATES = ("input", "output", "cache_read", "cache_write", "reasoning")
_KEYS = ("provider", "model", "model_prefix", "tier", "from", *_RATES)
_HEADER = re.compile(r"\s*\[\[\s*price\s*\]\]")


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """One `[[price]]`: USD, for calls of this provider and model (or of models that begin so) from that day on.

    tier: of calls in this tier (batch, flex…) alone; empty: at standard rates.
    """

    provider: str
    model: str
    is_prefix: bool
    since: date
    rates: Rates
    tier: str = ""

    def covers(self, provider: str, model: str, day: date, tier: str = "") -> bool:
        """Whether a call of that UTC day falls under it; upper and lower case are one."""
        same = model.lower().startswith(self.model) if self.is_prefix else model.lower() == self.model
        return (
            same and one_name(provider) == one_name(self.provider) and self.since <= day and tier.lower() == self.tier
        )

    @property
    def precedence(self) -> tuple[bool, int, date]:
        """Greatest wins: a whole name over a prefix, the longer prefix, then the newer price."""
        return not self.is_prefix, len(self.model), self.since


@dataclass(frozen=True, slots=True)
class PriceFile:
    """A file of prices. digest: `sha256:<hex>` of its bytes."""

    entries: tuple[PriceEntry, ...]
    digest: str

    def rates(self, provider: str, model: str, day: date, tier: str = "") -> Rates | None:
        """The rates of a call of that UTC day; None where the file says nothing of it."""
        covering = [entry for entry in self.entries if entry.covers(provider, model, day, tier)]
        return max(covering, key=lambda entry: entry.precedence).rates if covering else None


def read_price_file(path: Path) -> PriceFile:
    """The file's prices; raises BadInput naming file, line and key."""
    import tomllib

    from registry.blobs import digest_of
    from registry.source_files import check_text

    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"price file {path} cannot be read: {error.strerror}") from error
    text = check_text(data, str(path))
    try:
        document = tomllib.loads(text, parse_float=Decimal)  # 0.15 as written
    except ValueError as error:  # TOMLDecodeError is one
        raise BadInput(f"{path}: not TOML: {error}") from error
    return PriceFile(_entries(document, text, path), digest_of(data))


def _entries(document: Mapping[str, Any], text: str, path: Path) -> tuple[PriceEntry, ...]:
    _check_keys(document, _TOP, str(path))
    usd = _usd_per_unit(document, path)
    tables = document.get("price", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadInput(f"{path}: 'price' must be tables, [[price]]")
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if _HEADER.match(line)]
    entries: dict[tuple[str, str, bool, str, date], PriceEntry] = {}
    for index, table in enumerate(tables):
        where = f"{path}:{lines[index]}" if len(lines) == len(tables) else f"{path}: price {index + 1}"
        entry = _entry(table, usd, where)
        key = (entry.provider, entry.model, entry.is_prefix, entry.tier, entry.since)
        if key in entries:
            raise BadInput(f"{where}: another [[price]] says the same provider, model, tier and from")
        entries[key] = entry
    return tuple(entries.values())


def _usd_per_unit(document: Mapping[str, Any], path: Path) -> Decimal:
    currency, given = document.get("currency", "USD"), document.get("usd_per_unit")
    if not isinstance(currency, str):
        raise BadInput(f"{path}: 'currency' must be text in quotes, not {currency!r}")
    if currency == "USD":
        if given is not None:
            raise BadInput(f"{path}: 'usd_per_unit' is for another currency than USD")
        return Decimal(1)
    if given is None:
        raise BadInput(f"{path}: currency {currency!r} needs 'usd_per_unit', what one of it is in USD")
    rate = _amount(given, "usd_per_unit", str(path))
    if not rate:
        raise BadInput(f"{path}: 'usd_per_unit' must be more than 0")
    return rate


def _entry(table: Mapping[str, Any], usd: Decimal, where: str) -> PriceEntry:
    _check_keys(table, _KEYS, where)
    if ("model" in table) == ("model_prefix" in table):
        raise BadInput(f"{where}: a [[price]] has a 'model' or a 'model_prefix'")
    model = "model" if "model" in table else "model_prefix"
    if "input" not in table:
        raise BadInput(f"{where}: 'input' is missing, {'USD' if usd == 1 else 'the price'} per million tokens")
    rates = {key: _amount(table[key], key, where) * usd for key in _RATES if key in table}
    return PriceEntry(
        provider=_name(table, "provider", where),
        model=_name(table, model, where),
        is_prefix=model == "model_prefix",
        since=_day(table.get("from", date.min), where),
        rates=Rates(**rates),
        tier=_name(table, "tier", where) if "tier" in table else "",
    )


def _name(table: Mapping[str, Any], key: str, where: str) -> str:
    name = table.get(key)
    if not isinstance(name, str) or not name:
        raise BadInput(f"{where}: {key!r} must be text in quotes{f', not {name!r}' if key in table else ''}")
    return name.lower()


def _day(value: Any, where: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{where}: 'from' must be a day as 2026-01-31, not {value!r}") from error


def _amount(value: Any, key: str, where: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise BadInput(f"{where}: {key!r} must be a number, not {value!r}")
    amount = Decimal(value)
    if not amount.is_finite() or amount < 0:
        raise BadInput(f"{where}: {key!r} must be a number of at least 0, not {value}")
    return amount


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    from registry.names import nearest

    for key in table:
        if key not in known:
            raise BadInput(f"{where}: unknown key {key!r}{nearest(key, known)}")
