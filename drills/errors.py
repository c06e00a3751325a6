"""What ends a drill before its time. None of these reaches whoever ran it: each becomes the outcome of the record."""


class DrillEnded(Exception):
    """The base of all of them; `str` of it is one line for the record."""


class Blocked(DrillEnded):
    """Now is not the moment, and nothing was touched: also when an outcome check does not hold before the rollback."""


class PrecheckFailed(DrillEnded):
    """A real rollback would have failed."""


class Yielded(DrillEnded):
    """Somebody moved the head: it is theirs now, and the drill touches it no more."""


class Stopped(DrillEnded):
    """The process was told to end (Ctrl-C, SIGTERM)."""


class LeaseLost(DrillEnded):
    """The lease ran out and another process brings the drill to its end."""


class NotVerified(DrillEnded):
    """The rollback, or the restore, did not do what it has to do."""


class GuardTripped(DrillEnded):
    """An outcome check does not hold while the target is live, or after it was."""


class ObjectiveMissed(DrillEnded):
    """All went well, but slower than it may be."""


class RestoreFailed(DrillEnded):
    """The baseline could not be put back, however often it was tried."""
