"""Model calls inside model calls: the same request told twice, by two instrumentations one around the other."""

from __future__ import annotations

# What model calls inside a span were asked for, as bits. Another kind inside is no repetition: an embedding, say, that
# a cache of answers needs. Shifted by UNTOLD: such calls that said nothing of tokens, because they failed or streamed.
NOTHING, TEXT, EMBEDDING = 0, 1, 2
UNTOLD = 2


def repeats(own: int, has_tokens: bool, inside: int) -> bool:
    """Whether a model call only tells again what those inside it told. own: its bit."""
    return bool(own & inside) or (not has_tokens and bool(own << UNTOLD & inside))


class Nesting:
    """Remembers which spans have a model call inside, so that of nested ones the innermost alone counts.

    A span ends, and is sent, after those inside it; so what is inside is known when it comes, though it come in a later
    request. Remembers the last 100,000 at least. Threads may share one: at worst one sees an older memory.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._new: dict[str, int] = {}
        self._old: dict[str, int] = {}

    def inside(self, trace_id: str, span_id: str) -> int:
        """What is known of model calls inside this span: bits."""
        key = trace_id + span_id
        return self._new.get(key) or self._old.get(key, NOTHING)

    def note(self, trace_id: str, span_id: str, requests: int) -> None:
        """A span right below this one is such a model call, or has them inside."""
        known = self.inside(trace_id, span_id)
        if len(self._new) >= self._most:
            self._old, self._new = self._new, {}
        self._new[trace_id + span_id] = known | requests
