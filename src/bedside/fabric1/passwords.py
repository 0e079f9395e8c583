"""Which password sudo is given: `env`'s, the configuration's, or one that is asked for and then kept."""

from __future__ import annotations

from bedside.fabric1 import keyboard
from bedside.fabric1.connections import key
from bedside.fabric1.env import env
from bedside.fabric1.target import current


def for_sudo(*, refused: bool) -> str:
    """Return the password for the current host; asks where none is known or the known one was refused."""
    if not refused and (known := _known()):
        return known
    given = keyboard.password(" ")
    env.sudo_passwords[key()] = env["sudo_password"] = given
    return given


def _known() -> str | None:
    in_env: str | None = (
        env.sudo_passwords.get(key())
        or env.get("sudo_password")
        or env.passwords.get(key())
        or env.get("password")
    )
    return in_env or env._engine.wait(env._engine.connector.sudo_password(current()))
