"""Why now is not the moment for a drill. None of this is anybody's failure, and nothing has been touched."""

from __future__ import annotations

from drills.course import Course
from drills.ports import Ports
from registry.delivery import delivered_generation
from registry.drilling import DrillLease, find_lease
from registry.registry import Registry
from registry.releases import find_head, find_settled


def find_blockers(registry: Registry, ports: Ports, course: Course) -> list[str]:
    """A line for each; the team's own blocking checks are asked only where nothing else blocks."""
    plan, at = course.plan, course.clock.now()
    on_record = [*_on_record(registry, course), ports.paused(), ports.frozen(at)]
    blockers = [line for line in on_record if line]
    if blockers:
        return blockers
    asked = [ports.check(spec, plan, "blockers") for spec in course.policy.checks_of("blocking")]
    return [f"check {check.name}: {check.detail}" for check in course.add_checks(asked)]


def _on_record(registry: Registry, course: Course) -> list[str]:
    """Another drill, a head that not everybody sees yet, and one that has been live for too short a while."""
    plan = course.plan
    with registry.database.read() as connection:
        lease = find_lease(connection, plan.workflow, plan.place)
        head = find_head(connection, plan.workflow, plan.environment)
        settled = find_settled(connection, plan.workflow, plan.environment)
        delivered = delivered_generation(connection, plan.workflow, plan.environment)
    found = [in_the_way(lease)] if lease else []
    if head and delivered < head.generation:
        found.append(f"a {head.kind} is in flight: generation {head.generation} is recorded and not yet delivered")
    soaked = course.clock.now() - settled.released_at if settled else None
    if settled and soaked is not None and soaked < course.policy.soak:
        since = f"{settled.released_at:%Y-%m-%d %H:%M:%S}Z"
        least = f"{course.policy.soak.total_seconds():g} s"
        found.append(f"version {settled.version} has been live only since {since}, and soak asks for {least}")
    return found


def in_the_way(lease: DrillLease) -> str:
    """Another drill's lease, in words."""
    if lease.damage:
        return f"the lease of another drill, {lease.drill}, cannot be read ({lease.damage})"
    actor = lease.plan.get("actor", "somebody")
    return f"another drill is under way: {lease.drill} by {actor}, in phase {lease.phase}"
