"""Words and prefixes for a remote shell.

What is quoted here means the same to every POSIX shell, zsh, fish and csh. fish knows backslashes inside
single quotes, so they stand outside. Only a newline inside a word is beyond csh.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bedside.errors import UsageError

_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+", re.ASCII)
_OUTSIDE = re.compile(r"(['\\!]+)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_HOME = re.compile(r"~[A-Za-z0-9_.-]*(?=/|$)", re.ASCII)


def quote(word: str) -> str:
    """Return the word so that a shell reads it as it is. Raises UsageError for a NUL, which none can pass."""
    if "\0" in word:
        raise UsageError(f"a NUL byte can't be passed to a shell: {word!r}")
    if _SAFE.fullmatch(word) and not word.startswith(("=", "%")):
        return word
    parts = _OUTSIDE.split(word)
    quoted = (
        "".join(f"\\{letter}" for letter in part) if place % 2 else f"'{part}'"
        for place, part in enumerate(parts) if part
    )  # fmt: skip
    return "".join(quoted) or "''"


def quote_path(path: str) -> str:
    """Quote a path, but let the shell expand a leading `~` or `~user`; never let it look like an option."""
    if home := _HOME.match(path):
        rest = path[home.end() + 1 :]  # the slash must not be quoted, or the tilde is none
        return path[: home.end() + 1] + (quote(rest) if rest else "")
    return quote(f"./{path}" if path.startswith("-") else path)


def prefix(line: str, env: Mapping[str, str], cwd: str | None) -> str:
    """Return the line behind what enters `cwd` and exports `env`; where either fails, it does not run.

    Raises UsageError for a name that no shell can export.
    """
    steps = []
    if cwd:
        steps.append(f"cd {quote_path(cwd)} >/dev/null || exit 1")
    for name, value in env.items():
        if not _NAME.fullmatch(name):
            raise UsageError(f"not a name for an environment variable: {name!r}")
        steps.append(f"export {name}={quote(value)} || exit 1")
    return "; ".join([*steps, line])


def placed(line: str, env: Mapping[str, str], cwd: str | None) -> str:
    """Return the line for the login shell, in `cwd` and with `env`; where either fails, it does not run.

    The way there is left to a POSIX shell: csh and its kin neither stop at a failed `cd` nor export. The
    line itself is the login shell's again, as without them.
    """
    if not env and not cwd:
        return line
    return shell("bedside_shell=${SHELL:-sh}; " + prefix('exec "$bedside_shell" -c "$1"', env, cwd), line)


def shell(script: str, *words: str) -> str:
    """Return a command line that runs the script in a POSIX shell, the words as its `$1`, `$2`, ..."""
    return " ".join(["exec sh -c", quote(script), "bedside" if words else "", *map(quote, words)]).rstrip()
