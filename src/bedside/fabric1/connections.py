"""From `env.host_string` to a session: asking for a host or a password, and Fabric 1's words for failures."""

from __future__ import annotations

import time

from bedside.errors import (
    AuthenticationFailed,
    HostError,
    TimedOut,
    Unreachable,
)
from bedside.fabric1 import keyboard
from bedside.fabric1.env import env, output
from bedside.fabric1.errors import NetworkError, NoValidConnectionsError
from bedside.fabric1.hosts import denormalize, join_host_strings, normalize, to_dict
from bedside.fabric1.messages import abort, complain, say
from bedside.fabric1.target import current
from bedside.runner import Runner


def need_host() -> None:
    """Ask for a host where there is none; the answer stays for later tasks."""
    if env.host_string:
        return
    keyboard.refuse_to_ask("the target host connection string")
    text = ""
    while not text:
        text = keyboard.ask("No hosts found. Please specify (single) host string for connection: ").strip()
    env.update(to_dict(text))


def key() -> str:
    """Return the full `user@host:port` under which the host's connection is kept."""
    return join_host_strings(*normalize(env.host_string))


def runner() -> Runner:
    """Return the session to the host. Raises NetworkError; asks for passwords."""
    attempts = max(1, int(env.get("connection_attempts") or 1))
    for attempt in range(1, attempts + 1):
        try:
            return _logged_in()
        except HostError as error:
            last = attempt == attempts
            if output.debug and attempts > 1:
                host = normalize(env.host_string)[1]
                ending = ", giving up)" if last else ")"
                complain(f"Timed out trying to connect to {host} (attempt {attempt} of {attempts}){ending}")
            if last or not isinstance(error, Unreachable | TimedOut):
                raise network_error(error, attempt) from None
            if not _was_timeout(error):
                time.sleep(float(env.get("timeout") or 10))
    raise AssertionError("unreachable")


def _logged_in() -> Runner:
    engine = env._engine
    if reason := engine.excluded([env.host_string]).get(env.host_string):
        abort(f"{env.host_string} is left out: {reason}")
    while True:
        try:
            return engine.runner(key(), current())
        except AuthenticationFailed:
            user = normalize(env.host_string)[0]
            given = keyboard.password(f"[{env.host_string}] Login password for '{user}': ")
            env.passwords[key()] = env["password"] = given


def network_error(failure: HostError, attempts: int = 1) -> NetworkError:
    """Return a failed connection in Fabric 1's words."""
    message, wrapped = _in_fabrics_words(failure, f"(tried {attempts} time{'' if attempts == 1 else 's'})")
    error = NetworkError(message, wrapped)
    error.failure = failure
    return error


def _in_fabrics_words(failure: HostError, tried: str) -> tuple[str, BaseException | None]:
    _, host, port = normalize(env.host_string)
    if _was_timeout(failure):
        return f"Timed out trying to connect to {host} {tried}", failure
    if isinstance(failure, Unreachable) and failure.reason == "name":
        return f"Name lookup failed for {host}", failure
    if isinstance(failure, Unreachable):
        refused = failure.reason == "refused"
        text = f"Unable to connect to port {port} on {host}" if refused else failure.message
        return (
            f"Low level socket error connecting to host {host} on port {port}: {text} {tried}",
            NoValidConnectionsError(text),
        )
    return str(failure), None


def _was_timeout(error: HostError) -> bool:
    return isinstance(error, TimedOut) or (isinstance(error, Unreachable) and error.reason == "timeout")


def disconnect_all() -> None:
    """Close every connection, saying so."""
    for name in env._engine.connected:
        if output.status:
            say(f"Disconnecting from {denormalize(name)}... ", end="")
        env._engine.disconnect(name)
        if output.status:
            say("done.")
