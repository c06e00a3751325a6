"""Named places where a test kills the process, as a power cut would. Off unless AGENT_DEPLOY_FAILPOINT names one."""

from __future__ import annotations

import os

VARIABLE = "AGENT_DEPLOY_FAILPOINT"

DRILLS = (
    # A phase has begun, and nothing of it is done yet.
    "drill.plan",
    "drill.blockers",
    "drill.prechecks",
    "drill.intent",
    "drill.steady_before",
    "drill.rollback",
    "drill.verify",
    "drill.hold",
    "drill.restore",
    "drill.verify_restored",
    "drill.steady_after",
    "drill.record",
    # And in between.
    "drill.appended",  # lease and intent are written, not yet committed
    "drill.rolled_back",
    "drill.restored",
    "drill.recording",  # the record is written and the lease dropped, not yet committed
    "drill.recorded",
)
FAILPOINTS = (
    "register.stored",  # blobs are in the store, the version is not yet written
    "register.inserted",  # the version is written, not yet committed
    "register.committed",
    "move.checked",  # the target is whole, nothing is written yet
    "move.appended",  # the release is written, not yet committed
    "move.committed",  # recorded, not yet delivered
    "deliver.published",  # the pointer is out, the delivery is not yet recorded
    "deliver.recorded",
    "local.written",  # a file of a local store is whole under its temporary name
    "local.moved",  # it has its own name, the folder is not yet synced
    *DRILLS,
)

# Where facts are written and tidied, which no registry is needed for.
FACT_FAILPOINTS = (
    "spool.written",  # lines are in the spool's file, not yet synced and not acknowledged
    "spool.synced",  # they are durable, not yet acknowledged
    "seal.stored",  # segments are in the store, the spool's files are still there
    "seal.removed",  # the first of the spool's files is gone
    "compact.stored",  # the merged segment is in the store, those that it was made of are still there
    "compact.deleted",  # they are gone, the lease is still held
)


def reached(name: str) -> None:
    """Die here, at once and without any clean-up, when the environment asks for it."""
    if os.environ.get(VARIABLE) == name:
        import signal

        os.kill(os.getpid(), signal.SIGKILL)
