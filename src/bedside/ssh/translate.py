"""The single place where AsyncSSH's exceptions, and the system's, become errors of our own."""

from __future__ import annotations

import errno
import socket
from typing import Literal

import asyncssh
from asyncssh.misc import SoftEOFReceived

from bedside import text
from bedside.errors import (
    AuthenticationFailed,
    ConnectionLost,
    Denied,
    HostError,
    HostKeyMismatch,
    TimedOut,
    Unreachable,
    UnreachableReason,
)

Kind = Literal["host_key", "auth", "algorithms", "broken", "nonsense", "refused", "timeout", "system"]

KINDS: dict[type[BaseException], Kind] = {
    asyncssh.Error: "refused",
    asyncssh.HostKeyNotVerifiable: "host_key",
    asyncssh.PermissionDenied: "auth",
    asyncssh.PasswordChangeRequired: "auth",
    asyncssh.KeyExchangeFailed: "algorithms",
    asyncssh.ConnectionLost: "broken",
    asyncssh.SFTPConnectionLost: "broken",
    asyncssh.SFTPNoConnection: "broken",
    asyncssh.DisconnectError: "nonsense",
    asyncssh.SFTPBadMessage: "nonsense",
    asyncssh.SFTPError: "refused",
    asyncssh.ChannelOpenError: "refused",
    asyncssh.ChannelListenError: "refused",
    asyncssh.TimeoutError: "timeout",
    asyncssh.ProcessError: "refused",
    asyncssh.BreakReceived: "broken",
    asyncssh.SignalReceived: "broken",
    SoftEOFReceived: "broken",
    asyncssh.TerminalSizeChanged: "broken",
    OSError: "system",
    ValueError: "nonsense",  # AsyncSSH's decoders raise it, and its subclasses, for what a host sent
    EOFError: "broken",
}
"""What each exception means. A class that is not here means what its nearest ancestor here does."""

PHASES_BEFORE_LOGIN = ("connect", "banner", "key_exchange")

_ERRNO: dict[int, tuple[UnreachableReason, str]] = {
    errno.ECONNREFUSED: ("refused", "the connection was refused: nothing listens there"),
    errno.EHOSTUNREACH: ("no_route", "there is no route to it"),
    errno.ENETUNREACH: ("no_route", "its network can't be reached"),
    errno.EADDRNOTAVAIL: ("no_route", "no local address can be used to reach it"),
    errno.EACCES: ("no_route", "our own system forbids to connect to it"),
    errno.EPERM: ("no_route", "our own system (a firewall?) forbids to connect to it"),
    errno.ETIMEDOUT: ("timeout", "it did not answer"),
    errno.ECONNRESET: ("reset", "it cut the connection"),
    errno.EPIPE: ("reset", "it cut the connection"),
    errno.ECONNABORTED: ("reset", "it cut the connection"),
}

_CUT = {errno.ETIMEDOUT, errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.EHOSTUNREACH,
        errno.ENETUNREACH}  # fmt: skip

LEGACY_ADVICE = (
    "if it is old and you trust the way to it, set legacy_algorithms = true in an [[ssh.rule]] for it"
)


def kind_of(error: BaseException) -> Kind | None:
    """Return what an exception means; None for one that is no business of a host's."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), None)


def translate(error: Exception, *, host: str, phase: str, seconds: float) -> HostError:
    """Return the HostError for an exception of AsyncSSH or of the system, met in this phase."""
    if isinstance(error, HostError):
        return error
    words = text.one_line(str(error)) or type(error).__name__
    match kind_of(error):
        case "host_key":
            return HostKeyMismatch(words, host=host, phase=phase, seconds=seconds)
        case "auth":
            return AuthenticationFailed(words, host=host, phase=phase, seconds=seconds)
        case "refused":
            return Denied(words, host=host, phase=phase, seconds=seconds)
        case "timeout":
            return TimedOut(words, host=host, phase=phase, seconds=seconds)
        case "algorithms":
            return _no_common_algorithm(words, host, phase, seconds)
        case "system" if isinstance(error, OSError):
            return of_system(error, host=host, phase=phase, seconds=seconds)
        case "nonsense" if "authentication failures" in words.lower():
            return AuthenticationFailed(
                f"the host broke off: {words}", host=host, phase=phase, seconds=seconds,
                advice="too many keys were offered: name the right one with IdentityFile and IdentitiesOnly",
            )  # fmt: skip
        case kind:
            return _broken(words, host, phase, seconds, nonsense=kind == "nonsense")


def of_system(error: OSError, *, host: str, phase: str, seconds: float) -> HostError:
    """Return the HostError for an error of the operating system."""
    if isinstance(error, socket.gaierror):
        return Unreachable(
            f"its name can't be resolved: {error.strerror}", reason="name",
            host=host, phase=phase, seconds=seconds, advice="check the name, or name its address",
        )  # fmt: skip
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return Denied(
            "no file descriptor is left on this machine", host=host, phase=phase, seconds=seconds,
            advice="raise `ulimit -n`, or ask fewer hosts at once (-P)",
        )  # fmt: skip
    if isinstance(error, TimeoutError):
        error = TimeoutError(errno.ETIMEDOUT, "timed out")
    reason, words = _ERRNO.get(error.errno or 0, (None, error.strerror or str(error)))
    if phase == "connect":
        return Unreachable(words, reason=reason or "no_route", host=host, phase=phase, seconds=seconds)
    if error.errno not in _CUT:
        return Denied(text.one_line(error.strerror or words), host=host, phase=phase, seconds=seconds)
    return _broken(words, host, phase, seconds)


def _broken(words: str, host: str, phase: str, seconds: float, *, nonsense: bool = False) -> HostError:
    if phase in PHASES_BEFORE_LOGIN:
        if nonsense:
            words = f"it answers, but not as an SSH server should: {words}"
        return Unreachable(
            words, reason="protocol" if nonsense else "reset", host=host, phase=phase, seconds=seconds
        )
    return ConnectionLost(words, host=host, phase=phase, seconds=seconds)


def _no_common_algorithm(words: str, host: str, phase: str, seconds: float) -> HostError:
    return Unreachable(
        f"we and the host know no algorithm in common: {words}", reason="protocol",
        host=host, phase=phase, seconds=seconds, advice=LEGACY_ADVICE,
    )  # fmt: skip
