"""What the host says of paths: two small scripts over the session, for `put` and `get`."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from bedside.errors import HostError
from bedside.fabric1 import connections
from bedside.fabric1.env import env
from bedside.runner import Command

_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Place:
    """One remote path: what is there (`d`, `f`, `-`), and for a file its mode."""

    path: str
    kind: str
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What `look` found; `umask` and `user` are those of the login."""

    umask: int
    user: str
    places: tuple[Place, ...]


def absolute(path: str) -> str:
    """Return a remote path with `cd` before it; `~` and the login's folder are `.` for the host to find."""
    path = path or ""
    if env.cwd and not path.startswith(("/", "~")):
        path = posixpath.join(env.cwd.replace("\\ ", " "), path)
    if path in ("", "~"):
        return "."
    return path.removeprefix("~/") if path.startswith("~/") else path


def look(paths: Sequence[str]) -> Looked:
    """Ask what remote paths are. Raises NetworkError, HostError."""
    umask, user, home, *said = _ask("look.sh", "\n".join(paths))
    places = []
    for path, answer in zip(paths, said, strict=True):
        kind, _, mode = answer.partition(" ")
        places.append(
            Place(posixpath.normpath(posixpath.join(home, path)), kind, _mode(mode) if mode else None)
        )
    return Looked(int(umask, 8), user, tuple(places))


def find(pattern: str) -> tuple[str, list[Place]]:
    """Return the login's user, and what a remote path or pattern stands for: folders before their files."""
    user, home, *said = _ask("find.sh", pattern)
    found = [line.partition(" ") for line in said]
    return user, [Place(posixpath.normpath(posixpath.join(home, path)), kind) for kind, _, path in found]


def make_folders(paths: Sequence[str]) -> None:
    """Make remote folders and those above them."""
    line = f"mkdir -p -- {' '.join(shlex.quote(path) for path in paths)}"
    env._engine.wait(connections.runner().run(Command(line, timeout=_TIMEOUT_S)))


def _ask(script: str, stdin: str) -> list[str]:
    text = resources.files(__package__).joinpath(script).read_text("utf-8")
    command = Command(
        f"sh -c {shlex.quote(text)}",
        stdin=(stdin + "\n").encode("utf-8", "surrogateescape"),
        timeout=_TIMEOUT_S,
    )
    try:
        result = env._engine.wait(connections.runner().run(command))
    except HostError as failure:
        raise connections.network_error(failure) from None
    return result.stdout.decode("utf-8", "surrogateescape").splitlines()


def _mode(text: str) -> int:
    """Return the mode that `-rwxr-x--x` stands for."""
    bits = 0
    for letter in text[1:10]:
        bits = bits << 1 | (letter not in "-ST")
    return bits
