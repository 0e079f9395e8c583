"""Fabric 1's `env` and `output`: the only mutable globals of bedside.

Nothing else in this room keeps state between calls: what a call needs it reads here, so that one layer
(a context variable under these two) can keep hosts apart once tasks run side by side.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedside.fabric1.engine import Engine


class AttributeDict(dict[str, Any]):
    """A dictionary whose keys are attributes too (`fabric.utils._AttributeDict`)."""

    __slots__ = ()

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def first(self, *names: str) -> Any:
        """Return the first value that is true, or None."""
        return next((self[name] for name in names if self.get(name)), None)


class AliasDict(AttributeDict):
    """A dictionary in which setting an alias sets the keys it stands for (`fabric.utils._AliasDict`)."""

    __slots__ = ("aliases",)

    def __init__(
        self, values: Mapping[str, Any] | None = None, aliases: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        super().__init__()
        object.__setattr__(self, "aliases", dict(aliases or {}))
        for key, value in (values or {}).items():
            self[key] = value

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self.aliases:
            for name in self.aliases[key]:
                self[name] = value
        else:
            super().__setitem__(key, value)

    def expand_aliases(self, keys: Iterable[str]) -> list[str]:
        """Return the keys with each alias replaced by what it stands for, in order."""
        expanded: list[str] = []
        for key in keys:
            expanded += self.expand_aliases(self.aliases[key]) if key in self.aliases else [key]
        return expanded


class Env(AttributeDict):
    """`env`, and out of the fabfile's sight the engine of the run."""

    __slots__ = ("_engine",)
    _engine: Engine

    def attach(self, engine: Engine) -> None:
        """Give the run's engine to the operations."""
        object.__setattr__(self, "_engine", engine)

    def detach(self) -> None:
        """Take the engine away: operations fail from here on."""
        object.__delattr__(self, "_engine")


env = Env()

LEVELS = {
    "status": True, "aborts": True, "warnings": True, "running": True, "stdout": True, "stderr": True,
    "exceptions": False, "debug": False, "user": True,
}  # fmt: skip
GROUPS = {
    "everything": ["warnings", "running", "user", "output", "exceptions"],
    "output": ["stdout", "stderr"],
    "commands": ["stdout", "running"],
}

output = AliasDict(LEVELS, GROUPS)


def defaults() -> dict[str, Any]:
    """Return the keys of `env` that no option sets, with their defaults, made anew."""
    return {
        "abort_exception": None,
        "again_prompt": "Sorry, try again.",
        "all_hosts": [],
        "combine_stderr": True,
        "command": None,
        "command_prefixes": [],
        "cwd": "",
        "dedupe_hosts": True,
        "default_port": "22",
        "echo_stdin": True,
        "effective_roles": [],
        "host": None,
        "host_string": None,
        "lcwd": "",
        "local_user": getpass.getuser(),
        "ok_ret_codes": [0],
        "output_prefix": True,
        "passwords": {},
        "path": "",
        "path_behavior": "append",
        "prompts": {},
        "real_fabfile": None,
        "remote_interrupt": None,
        "roledefs": {},
        "shell_env": {},
        "sudo_passwords": {},
        "sudo_prefix": "sudo -S -p '%(sudo_prompt)s' ",
        "sudo_prompt": "sudo password:",
        "sudo_user": None,
        "tasks": [],
        "use_exceptions_for": AliasDict({"network": False}, {"everything": ["network"]}),
        "use_shell": True,
        "use_ssh_config": False,
        "version": "1.14.1",
    }


def reset(options: Mapping[str, Any]) -> None:
    """Make `env` and `output` as they are at the start of a run with these options."""
    env.clear()
    env.update(defaults())
    env.update(options)
    output.update(LEVELS)
    env["user"] = env.get("user") or env["local_user"]
