"""What has to be so for a rollback to work at all. Where it is not, a real one would have failed too."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from drills.course import Course, one_line
from drills.following import live_readers
from drills.models import Check
from drills.ports import Ports
from registry.catalog import version_numbered
from registry.errors import RegistryError
from registry.moves import check_whole
from registry.registry import Registry
from registry.verification import log_faults, pointer_faults, read_records

_MOST_FAULTS = 3


def failed_prechecks(registry: Registry, ports: Ports, course: Course) -> list[str]:
    """A line for each that does not hold. The smoke cases, which cost money, are asked only where all else holds."""
    failed = [_told(check) for check in course.add_checks(_asked(registry, course))]
    if failed or course.policy.smoke is None:
        return failed
    try:
        smoke = list(ports.smoke(course.plan, course.policy.smoke, course.plan.target, "prechecks"))
    except Exception as error:  # noqa: BLE001 - an agent that cannot even start is a finding, whatever it raises
        smoke = [Check("smoke cases", "prechecks", ok=False, detail=one_line(error))]
    course.smoke += smoke
    return [_told(check) for check in smoke if not check.ok]


def _asked(registry: Registry, course: Course) -> Iterator[Check]:
    plan = course.plan
    for side, name in ((plan.target, "target"), (plan.baseline, "baseline")):
        yield _check(f"{name} whole in the store", lambda number=side.version: _whole(registry, course, number))  # type: ignore[misc]
    yield _check("chains verified", lambda: _chains(registry, course))
    yield _check("live readers", lambda: _readers(registry, course))


def _check(name: str, ask: Callable[[], tuple[bool, str]]) -> Check:
    try:
        ok, detail = ask()
    except RegistryError as error:
        ok, detail = False, one_line(error)
    return Check(name, "prechecks", ok, detail)


def _whole(registry: Registry, course: Course, number: int) -> tuple[bool, str]:
    with registry.database.read() as connection:
        version = version_numbered(connection, course.plan.workflow, number)
    check_whole(registry.store, version)
    return True, f"every blob of {version.ref} hashed"


def _chains(registry: Registry, course: Course) -> tuple[bool, str]:
    plan = course.plan
    records = read_records(registry.database, plan.workflow)
    faults = [*log_faults(records), *pointer_faults(registry.database, registry.store, plan.workflow, plan.environment)]
    if faults:
        more = f" and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        return False, "; ".join(faults[:_MOST_FAULTS]) + more
    counted = len(records.versions) + len(records.evidence) + sum(map(len, records.releases.values()))
    return True, f"{counted:,} records follow on each other"


def _readers(registry: Registry, course: Course) -> tuple[bool, str]:
    """Of a rehearsal's shadow only its own reader is asked for, and that one comes later."""
    least = course.policy.least_readers(course.plan.mode)
    if course.plan.mode == "rehearsal":
        return True, "a rehearsal brings its own"
    found = sorted(live_readers(registry.store, course.plan, course.clock))
    return len(found) >= least, f"{len(found)} live, at least {least} wanted" + (
        f": {', '.join(found)}" if found else ""
    )


def _told(check: Check) -> str:
    return f"{check.name}: {check.detail}"
