"""Every exception that AsyncSSH can raise becomes one of ours."""

from __future__ import annotations

import errno
import importlib
import pkgutil
import socket

import asyncssh
import pytest

from bedside.errors import (
    AuthenticationFailed,
    ConnectionLost,
    Denied,
    HostError,
    HostKeyMismatch,
    TimedOut,
    Unreachable,
)
from bedside.ssh.translate import KINDS, kind_of, translate


def library_exceptions() -> list[type[Exception]]:
    """Return all exception classes that AsyncSSH defines."""
    found: set[type[Exception]] = set()
    for module in pkgutil.iter_modules(asyncssh.__path__):
        try:
            loaded = importlib.import_module(f"asyncssh.{module.name}")
        except ImportError:  # for another system, or for a library that is not installed
            continue
        for value in vars(loaded).values():
            if isinstance(value, type) and issubclass(value, Exception) and "asyncssh" in value.__module__:
                found.add(value)
    return sorted(found, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", library_exceptions(), ids=lambda cls: cls.__name__)
def test_no_exception_of_asyncssh_is_without_a_meaning(cls: type[Exception]) -> None:
    meant = [ancestor for ancestor in cls.__mro__ if ancestor in KINDS]
    assert meant, f"{cls.__name__} stands nowhere in translate.KINDS"


def test_there_are_exceptions_to_check() -> None:
    assert len(library_exceptions()) > 30


@pytest.mark.parametrize(
    ("error", "phase", "ours"),
    [
        (asyncssh.HostKeyNotVerifiable("x"), "key_exchange", HostKeyMismatch),
        (asyncssh.PermissionDenied("x"), "login", AuthenticationFailed),
        (asyncssh.ProtocolError("Too many authentication failures"), "login", AuthenticationFailed),
        (asyncssh.ConnectionLost("x"), "banner", Unreachable),
        (asyncssh.ConnectionLost("x"), "login", ConnectionLost),
        (asyncssh.ConnectionLost("x"), "run", ConnectionLost),
        (asyncssh.ProtocolError("x"), "banner", Unreachable),
        (asyncssh.ProtocolError("x"), "run", ConnectionLost),
        (asyncssh.KeyExchangeFailed("x"), "key_exchange", Unreachable),
        (asyncssh.ChannelOpenError(1, "x"), "run", Denied),
        (asyncssh.SFTPPermissionDenied("x"), "put", Denied),
        (asyncssh.SFTPConnectionLost("x"), "put", ConnectionLost),
        (UnicodeDecodeError("ascii", b"x", 0, 1, "x"), "banner", Unreachable),
        (OSError(errno.EMFILE, "x"), "connect", Denied),
        (BrokenPipeError(errno.EPIPE, "x"), "run", ConnectionLost),
        (PermissionError(errno.EACCES, "x"), "put", Denied),
    ],
)
def test_what_means_what(error: Exception, phase: str, ours: type[HostError]) -> None:
    failure = translate(error, host="web1", phase=phase, seconds=1.5)
    assert type(failure) is ours
    assert (failure.host, failure.phase, failure.seconds) == ("web1", phase, 1.5)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "no_route"),
        (OSError(errno.ENETUNREACH, "x"), "no_route"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "name"),
        (TimeoutError(), "timeout"),
        (TimeoutError(errno.ETIMEDOUT, "x"), "timeout"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "reset"),
    ],
)
def test_why_a_host_is_out_of_reach(error: OSError, reason: str) -> None:
    failure = translate(error, host="web1", phase="connect", seconds=0)
    assert isinstance(failure, Unreachable)
    assert failure.reason == reason


def test_words_of_a_host_are_cleaned() -> None:
    failure = translate(asyncssh.ProtocolError("\x1b[2J\nx"), host="web1", phase="run", seconds=0)
    assert "\x1b" not in str(failure)
    assert "\n" not in str(failure)


def test_what_is_ours_already_stays_as_it_is() -> None:
    error = TimedOut("x", host="web1", phase="run")
    assert translate(error, host="web2", phase="put", seconds=0) is error
    assert kind_of(KeyError("x")) is None
