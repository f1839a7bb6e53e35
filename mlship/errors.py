"""Every error that a user can see: one base, one exit code a class, each with a hint.

Exit codes: 1 failed, 2 usage or configuration, 3 a dependency or engine is missing, 4 a gate was not met.
"""

from typing import ClassVar


class MlshipError(Exception):
    """Something that a user can act on: what happened, and one command or edit that helps."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MlshipError):
    """The command line, or a file that it names, cannot be used as given."""

    exit_code = 2


class ConfigError(UsageError):
    """mlship.toml or a plugin option is wrong."""


class DataError(UsageError):
    """The sample rows cannot be read, or do not fit the model."""


class ModelError(MlshipError):
    """The model file cannot be read, or the model in it cannot answer."""


class UntrustedModelError(ModelError):
    """Loading the file would import something that is not on the allow-list."""


class UnsupportedModelError(MlshipError):
    """No converter knows this model."""


class QuarantineError(MlshipError):
    """The subprocess that visits the model died, or ran out of time or memory."""


class WorkspaceError(MlshipError):
    """The workspace cannot be read, written or locked."""


class DamagedWorkspaceError(WorkspaceError):
    """A file in the workspace is not what the stage wrote."""


class ServiceError(MlshipError):
    """A service does not start, or does not answer as the contract says."""


class BuildError(MlshipError):
    """An image could not be built or started."""


class PluginError(UsageError):
    """No such plugin, or one that breaks the contract."""


class MissingDependencyError(MlshipError):
    """A Python package or a program is not installed."""

    exit_code = 3


class EngineMissingError(MissingDependencyError):
    """No container engine answers."""


class GateError(MlshipError):
    """The work was done, but a gate (parity, accuracy, latency, size) was not met."""

    exit_code = 4


class BaseImageMissingError(MissingDependencyError):
    """The base image is not on the engine and cannot be pulled."""


class InterruptedRunError(MlshipError):
    """The user pressed Ctrl-C."""

    exit_code = 130


def by_name(name: str) -> type[MlshipError]:
    """Return the error class called ``name``, to revive an error that crossed a process border."""
    found = globals().get(name)
    return found if isinstance(found, type) and issubclass(found, MlshipError) else MlshipError
