"""What a drill's page says, section by section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from drills.models import Check, Drill, Phase, Side, Times
from drills.report.blocks import Bar, Block, Page, Pairs, Section, Table, Timeline, Tone, Words
from drills.report.costs import cost_blocks
from drills.report.wording import OUTCOMES, milliseconds, moment, side, span, value
from registry.models import Evidence

_TIMES = Times.__slots__
_TONES: dict[str, Tone] = {"passed": "good", "failed": "bad", "interrupted": "bad", "skipped": "idle"}


def page_of(drill: Drill, record: Evidence, earlier: Sequence[Drill] = ()) -> Page:
    """The page. record: the evidence that holds the drill. earlier: drills of the same environment before it, newest
    first, for the chart of costs.
    """
    plan = drill.plan
    tone: Tone = {"succeeded": "good", "blocked": "idle"}.get(drill.outcome, "bad")  # type: ignore[assignment]
    sections = (
        Section("What was drilled", (_identity(drill),)),
        Section("Versions", (_versions(drill),)),
        Section("Timeline", tuple(_timeline(drill))),
        Section("Times against the objective", tuple(_times(drill))),
        Section("Readers", (_readers(drill),)),
        Section("Smoke cases", (_checks(drill.smoke, "No smoke case was asked."),)),
        Section("Checks", (_checks(drill.checks, "No check was asked."),)),
        Section("Cost", cost_blocks(drill, earlier)),
        Section("The record", _evidence(record)),
    )
    title = f"Rollback drill {plan.id}: {plan.workflow} in {plan.environment}"
    return Page(title, f"{drill.outcome}: {OUTCOMES[drill.outcome]}", tone, sections)


def _identity(drill: Drill) -> Pairs:
    plan = drill.plan
    mode = "live: the environment's own readers were moved"
    if plan.mode == "rehearsal":
        mode = f"rehearsal in {plan.shadow or 'a shadow environment'}: no traffic of {plan.environment} was touched"
    return _pairs(
        ("outcome", drill.outcome),
        ("why", drill.error),
        ("drill", plan.id),
        ("workflow", plan.workflow),
        ("environment", plan.environment),
        ("mode", mode),
        ("started by", f"{plan.actor} ({plan.trigger})"),
        ("week", plan.week),
        ("planned", moment(plan.planned_at)),
        ("ended", moment(drill.ended_at)),
        ("held for", span(plan.hold_for)),
        ("readers would have gone back by themselves at", moment(plan.deadline)),
        ("settings", plan.config_digest),
        ("agent-deploy", plan.tool_version),
    )


def _versions(drill: Drill) -> Table:
    plan = drill.plan
    rows = (("baseline, live before", plan.baseline), ("target, rolled back to", plan.target))
    return Table(
        ("", "version", "digest", "generation", "why"),
        tuple((name, *_side(of), plan.why_target if of is plan.target else "") for name, of in rows),
    )


def _side(of: Side) -> tuple[str, str, str]:
    return side(of), of.digest, "-" if of.generation is None else str(of.generation)


def _timeline(drill: Drill) -> Iterator[Block]:
    if not drill.phases:
        yield Words(("No phase was entered.",))
        return
    start = min(phase.started_at for phase in drill.phases)
    end = max(phase.ended_at for phase in drill.phases)
    bars = tuple(_bar(phase, start, end) for phase in drill.phases)
    yield Timeline(bars, moment(start), moment(end))
    yield Table(
        ("phase", "started", "took", "result", "detail"),
        tuple(
            (
                _spaced(phase.name), moment(phase.started_at), span(phase.ended_at - phase.started_at), phase.result,
                "; ".join(f"{_spaced(name)}: {value(of)}" for name, of in phase.detail.items()),
            )
            for phase in drill.phases
        ),
    )  # fmt: skip


def _bar(phase: Phase, start: datetime, end: datetime) -> Bar:
    whole = (end - start).total_seconds() or 1.0
    first, last = ((at - start).total_seconds() / whole for at in (phase.started_at, phase.ended_at))
    words = f"{span(phase.ended_at - phase.started_at)}, {phase.result}"
    return Bar(_spaced(phase.name), first, last, words, _TONES[phase.result])


def _times(drill: Drill) -> Iterator[Block]:
    yield Words((_objective(drill),))
    yield Table(
        ("from the request to", *_TIMES),
        tuple(
            (what, *(milliseconds(getattr(times, name)) for name in _TIMES))
            for what, times in (("rollback", drill.time_to_rollback), ("restore", drill.time_to_restore))
        ),
    )


def _objective(drill: Drill) -> str:
    took, objective = drill.time_to_rollback.last, drill.objective_ms
    if objective is None:
        return "No objective is set."
    if took is None and drill.readers and not drill.readers.expected and drill.time_to_rollback.commit is not None:
        return (
            f"There was no live reader; the rollback was on record after {milliseconds(drill.time_to_rollback.commit)}."
        )
    if took is None:
        return f"The objective is {milliseconds(objective)} until the last reader; how long it took is not known."
    met = "met" if took <= objective else f"missed by {milliseconds(took - objective)}"
    return f"The last reader followed after {milliseconds(took)}; the objective of {milliseconds(objective)} was {met}."


def _readers(drill: Drill) -> Pairs | Words:
    seen = drill.readers
    if seen is None:
        return Words(("Readers were not looked at.",))
    return _pairs(
        ("expected", str(seen.expected)), ("followed", str(seen.current)), ("late", ", ".join(seen.late) or "none")
    )


def _checks(checks: Sequence[Check], none: str) -> Table | Words:
    if not checks:
        return Words((none,))
    rows = tuple(
        (
            check.name, _spaced(check.phase), "holds" if check.ok else "DOES NOT HOLD", check.detail,
            "; ".join(f"{_spaced(name)}: {value(of)}" for name, of in check.sample.items()),
        )
        for check in checks
    )  # fmt: skip
    return Table(("name", "phase", "result", "detail", "sample"), rows)


def _evidence(record: Evidence) -> tuple[Block, ...]:
    """Where the record stands in the chain, and how anybody can check it."""
    where = _pairs(
        ("evidence", f"number {record.number} of {record.workflow}"),
        ("kind", record.kind),
        ("about", f"version {record.version}, {record.digest}"),
        ("recorded", f"{moment(record.recorded_at)} by {record.actor}"),
        ("hash", record.hash),
        ("hash of the record before", record.previous_hash or "none: it is the first"),
    )
    how = Words((
        "Each record carries the hash of the one before it, so that no record can be changed or taken out unseen.",
        "The hash is SHA-256 over the RFC 8785 JSON of the record without its hash. To compute all of them anew:",
    ))  # fmt: skip
    commands = (f"agent-deploy verify {record.workflow}", f"agent-deploy drill show {record.subject} --json")
    return where, how, Words(commands, code=True)


def _pairs(*rows: tuple[str, str]) -> Pairs:
    return Pairs(tuple((name, said) for name, said in rows if said))


def _spaced(name: str) -> str:
    return name.replace("_", " ")
