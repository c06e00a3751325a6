"""What can go wrong in the registry. Every error says what happened, what did not change, and what to type next."""


class RegistryError(Exception):
    """The base of all of them.

    message: what happened, one line, naming the file, line or value.
    unchanged: what did not change, one short sentence; empty where the message says it all.
    next_command: the command to type next; empty where there is none.
    """

    def __init__(self, message: str, *, unchanged: str = "", next_command: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.unchanged = unchanged
        self.next_command = next_command


class BadInput(RegistryError):
    """A file, name, ref, tag or setting is not what it has to be."""


class NotFound(RegistryError):
    """There is no such workflow, version, environment or registry."""


class Refused(RegistryError):
    """A rule says no: a hold, or a version that was never live there."""


class Conflict(RegistryError):
    """The head moved meanwhile; nothing changed."""


class NotDelivered(RegistryError):
    """A release is recorded, but its pointer could not be published."""


class Damaged(RegistryError):
    """Bytes, a chain or a pointer are not what their digest or hash says."""


class Unavailable(RegistryError):
    """The database or the store could not be reached, or could not write."""


class CommitUnknown(Unavailable):
    """The database went away while committing: nobody knows yet whether the commit happened."""


class StoreError(RegistryError):
    """The base of what a store answers besides data."""


class Missing(StoreError):
    """There is no object under that key."""


class Exists(StoreError):
    """An object is already there, and a create never overwrites."""


class Changed(StoreError):
    """The object no longer has the token that the replace expected."""
