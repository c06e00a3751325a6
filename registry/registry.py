"""A registry: one database that records and one store that delivers."""

from __future__ import annotations

from dataclasses import dataclass

from registry.database import Database
from registry.stores import Store


@dataclass(frozen=True, slots=True)
class Registry:
    """The two together, as every operation takes them."""

    database: Database
    store: Store
