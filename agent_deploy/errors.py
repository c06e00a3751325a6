"""What can go wrong above the registry. Same shape: what happened, what did not change, what to type next."""


class ControlPlaneError(Exception):
    """The base of all of them; the fields are those of `registry.errors.RegistryError`."""

    def __init__(self, message: str, *, unchanged: str = "", next_command: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.unchanged = unchanged
        self.next_command = next_command


class BadConfig(ControlPlaneError):
    """`agent-deploy.toml`, a variable or a flag says something that cannot be."""


class BadConfigFile(BadConfig):
    """`agent-deploy.toml` as a whole cannot be taken, so that no command can start from it."""


class WouldOverwrite(ControlPlaneError):
    """A file or folder is there already, and nothing of the user's is overwritten."""


class CannotWrite(ControlPlaneError):
    """A file that a command writes for its user, or the output itself, could not be written."""


class NotConverged(ControlPlaneError):
    """The move is recorded and delivered, but not every live reader serves it yet."""


class ChecksFailed(ControlPlaneError):
    """`doctor` found something that does not hold."""
