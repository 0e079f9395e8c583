"""Fabric 1's exceptions. Their module is told as `fabric.exceptions`, where fabfiles know them."""

from __future__ import annotations

from bedside.errors import HostError


class NetworkError(Exception):
    """No connection came about, or it broke. `wrapped` is what lies beneath."""

    failure: HostError | None = None
    """The failure in bedside's own words, for the ledger."""

    def __init__(self, message: str | None = None, wrapped: BaseException | None = None) -> None:
        super().__init__(message)
        self.message, self.wrapped = message, wrapped

    def __str__(self) -> str:
        return self.message or ""


class CommandTimeout(Exception):
    """A command did not end within its `timeout` seconds."""

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout)
        self.timeout = timeout
        self.message = f"Command failed to finish in {timeout} seconds"

    def __str__(self) -> str:
        return self.message


class NoValidConnectionsError(OSError):
    """What fabfiles find in `NetworkError.wrapped` after a refused connection."""


for _class in (NetworkError, CommandTimeout):
    _class.__module__ = "fabric.exceptions"
NoValidConnectionsError.__module__ = "paramiko.ssh_exception"
