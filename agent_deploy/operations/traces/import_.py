"""traces import: trace files, of our own applications or of others, become facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.reading import Nesting, Tally, facts_of, read_export
from agent_deploy.telemetry.reading.files import Fault, Message, messages_of
from registry.errors import BadInput, Unavailable

_BATCH = 5_000  # facts written, and synced, at once
_REMEMBERED = 1_000_000
_MOST_TOLD = 100
_KNOWN_ENDINGS = (".json", ".jsonl", ".pb", ".proto", ".zst", ".gz")


@dataclass(frozen=True, slots=True)
class Source:
    """Something to read. name: as messages call it. open: gives the bytes, closed again behind `with`."""

    name: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that could not be read."""

    file: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it.

    lines: exports read, good or bad. spans: all that they held. facts: those written. skipped: spans without a fact,
    and why. ignored: attribute values of a wrong type, by attribute. bad_lines: how many; `bad`: the first hundred.
    """

    files: int
    lines: int
    spans: int
    facts: int
    skipped: Mapping[str, int]
    ignored: Mapping[str, int]
    bad_lines: int
    bad: tuple[Bad, ...]


def find_sources(words: Sequence[str], stdin: IO[bytes]) -> list[Source]:
    """Files as named; in a folder, those with an ending of trace files, by name, which is how rotation orders them.

    `-` is stdin. Raises BadInput where there is nothing to read under a name.
    """
    return [source for word in words for source in _sources(word, stdin)]


def import_(
    sources: Sequence[Source],
    append: Callable[[Sequence[Fact]], None],
    *,
    seal: Callable[[], object] = lambda: None,
    strict: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Imported:
    """Read the sources in their order, and append their facts, durably.

    seal: what makes appended facts seen by other machines; called at the end, once.

    A span that comes twice counts once, now and in a later import. A line that cannot be read is named and passed over;
    with `strict` it ends the import. Raises BadInput then, and where no line of all could be read. Either way what
    came before is kept: the next import of the same files adds only what is missing. Raises Unavailable where facts
    could not be written or, saying that they are kept here, sealed.
    """
    run = _Import(append, strict, progress)
    for source in sources:
        run.read(source)
    run.write()
    imported = run.imported(len(sources))
    try:
        seal()
    except Unavailable as error:
        kept = f"Facts kept on this machine, and in its reports: {imported.facts:,}."
        raise Unavailable(error.message, unchanged=kept, next_command="agent-deploy traces compact") from error
    return imported


class _Import:
    """An import under way."""

    def __init__(self, append: Callable[[Sequence[Fact]], None], strict: bool, progress: Callable[[str], None]) -> None:
        self._append = append
        self._strict = strict
        self._progress = progress
        self._tally = Tally()
        self._nesting = Nesting()
        self._seen = _Seen()
        self._waiting: list[Fact] = []
        self._lines = self._facts = self._duplicates = self._bad_lines = 0
        self._bad: list[Bad] = []

    def read(self, source: Source) -> None:
        try:
            with source.open() as stream:
                self._read(source.name, stream)
        except OSError as error:
            raise BadInput(
                f"{source.name} cannot be read: {error.strerror or error}", unchanged=self._kept()
            ) from error
        self._progress("")

    def _read(self, name: str, stream: IO[bytes]) -> None:
        for found in messages_of(stream):
            self._lines += 1
            if isinstance(found, Message):
                self._take(name, found)
            else:
                self._refuse(name, found)
            if len(self._waiting) >= _BATCH:
                self.write()
                self._progress(f"{name}: line {found.line:,}, {self._facts:,} facts")

    def write(self) -> None:
        self._append(self._waiting)
        self._facts += len(self._waiting)
        self._waiting = []

    def imported(self, files: int) -> Imported:
        if self._lines and self._bad_lines == self._lines:
            raise self._unreadable(self._bad[0])
        tally = self._tally
        skipped = {"duplicate": self._duplicates, **tally.left_out, **tally.refused}
        return Imported(
            files=files,
            lines=self._lines,
            spans=tally.spans + tally.refused.total(),
            facts=self._facts,
            skipped={why: count for why, count in skipped.items() if count},
            ignored=dict(tally.ignored),
            bad_lines=self._bad_lines,
            bad=tuple(self._bad),
        )

    def _take(self, name: str, message: Message) -> None:
        try:
            spans = read_export(message.data, message.content_type, self._tally)
        except BadInput as error:
            self._refuse(name, Fault(message.line, error.message))
            return
        for fact in facts_of(spans, self._tally, self._nesting):
            if self._seen.again(fact.trace_id + fact.span_id):
                self._duplicates += 1
            else:
                self._waiting.append(fact)

    def _refuse(self, name: str, fault: Fault) -> None:
        self._bad_lines += 1
        bad = Bad(name, fault.line, fault.message)
        if len(self._bad) < _MOST_TOLD:
            self._bad.append(bad)
        if self._strict:
            self.write()
            raise self._unreadable(bad)

    def _unreadable(self, bad: Bad) -> BadInput:
        return BadInput(f"{bad.file}:{bad.line}: {bad.message}", unchanged=self._kept())

    def _kept(self) -> str:
        return f"Facts kept from before it: {self._facts:,}." if self._facts else "Nothing was imported."


class _Seen:
    """The last million spans at least, by identity. Older duplicates are left to the readers of facts."""

    def __init__(self) -> None:
        self._new: set[str] = set()
        self._old: set[str] = set()

    def again(self, identity: str) -> bool:
        """Whether it came before; from now on it did."""
        if identity in self._new or identity in self._old:
            return True
        if len(self._new) >= _REMEMBERED:
            self._old, self._new = self._new, set()
        self._new.add(identity)
        return False


def _sources(word: str, stdin: IO[bytes]) -> Iterator[Source]:
    if word == "-":
        yield Source("stdin", lambda: nullcontext(stdin))
        return
    path = Path(word)
    if not path.exists():
        raise BadInput(f"{word}: there is no such file or folder", unchanged="Nothing was imported.")
    if not path.is_dir():
        yield _file(path)
        return
    files = sorted(file for file in path.iterdir() if file.is_file() and file.name.endswith(_KNOWN_ENDINGS))
    if not files:
        raise BadInput(
            f"{word}: no file in this folder ends with {', '.join(_KNOWN_ENDINGS)}",
            unchanged="Nothing was imported.",
            next_command="name the files themselves",
        )
    yield from map(_file, files)


def _file(path: Path) -> Source:
    return Source(str(path), lambda: path.open("rb"))
