"""Read-only dicts and lists that are still dicts and lists: JSON, pickle and `isinstance` work as with plain ones."""

from __future__ import annotations

import copy
from typing import Any, NoReturn, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


def _refuse(_self: object, *_args: object, **_kwargs: object) -> NoReturn:
    raise TypeError("a bundle is read-only; copy.deepcopy() gives a plain copy that may be changed")


class FrozenDict(dict[_K, _V]):
    """A dict that refuses to change. `copy.deepcopy` of one is a plain dict."""

    __slots__ = ()
    __setitem__ = __delitem__ = _refuse
    __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[_K, _V]:
        return copy.deepcopy(dict(self), memo)


class FrozenList(list[_V]):
    """A list that refuses to change. `copy.deepcopy` of one is a plain list."""

    __slots__ = ()
    __setitem__ = __delitem__ = _refuse
    __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[_V]:
        return copy.deepcopy(list(self), memo)


def freeze(value: Any) -> Any:
    """A JSON value as read-only all the way down."""
    if isinstance(value, dict):
        return FrozenDict({key: freeze(inner) for key, inner in value.items()})
    if isinstance(value, list | tuple):
        return FrozenList([freeze(inner) for inner in value])
    return value
