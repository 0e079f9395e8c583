"""Commands that are part of the simulated shell itself."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from bedside.lab.simulated import grammar
from bedside.lab.simulated.call import Call, Command, ExitShell


async def _cd(call: Call) -> int:
    target = call.argv[1] if len(call.argv) > 1 else call.env.get("HOME", "/")
    target = call.env.get("OLDPWD", "/") if target == "-" else target
    if not call.host.files.real(target, call.shell.cwd).is_dir():
        return await call.shell.complain(f"cd: can't cd to {target}", 2)
    call.shell.env["OLDPWD"] = call.shell.cwd
    call.shell.cwd = call.shell.env["PWD"] = posixpath.normpath(posixpath.join(call.shell.cwd, target))
    return 0


async def _export(call: Call) -> int:
    for word in call.argv[1:]:
        name, equals, value = word.partition("=")
        call.shell.unexported.discard(name)
        if equals:
            call.shell.env[name] = value
    return 0


async def _unset(call: Call) -> int:
    for word in call.argv[1:]:
        call.shell.env.pop(word, None)
    return 0


async def _exit(call: Call) -> int:
    word = call.argv[1] if len(call.argv) > 1 else str(call.shell.status)
    if not word.isdigit():
        raise ExitShell(await call.shell.complain(f"exit: Illegal number: {word}", 2))
    raise ExitShell(int(word) & 255)


async def _nothing(_: Call) -> int:
    return 0


async def _set(call: Call) -> int:
    words = call.argv[1:]
    while words and words[0][:1] in ("-", "+") and words[0] != "--":
        word = words.pop(0)
        change = call.shell.flags.update if word[0] == "-" else call.shell.flags.difference_update
        change(set(word[1:]))
    if words:
        call.shell.args = tuple(words[1:] if words[0] == "--" else words)
    return 0


async def _eval(call: Call) -> int:
    return await call.shell.run(grammar.parse(" ".join(call.argv[1:])))


async def _exec(call: Call) -> int:
    if len(call.argv) == 1:
        return 0
    raise ExitShell(await call.then(call.argv[1:], name=call.shell.name))


async def _read(call: Call) -> int:
    names = [w for w in call.argv[1:] if w != "-r"] or ["REPLY"]
    line = await call.stdin.readline()
    values = line.decode("utf-8", "surrogateescape").rstrip("\n").split(None, len(names) - 1)
    call.shell.env.update(zip(names, values + [""] * len(names), strict=False))
    return 0 if line.endswith(b"\n") else 1


async def _command(call: Call) -> int:
    words = call.argv[1:]
    if words and words[0] in ("-v", "-V"):
        found = [w for w in words[1:] if w in BUILTINS or call.host.command(w)]
        for word in found:
            await call.out(f"{word if word in BUILTINS else '/usr/bin/' + word}\n")
        return 0 if found else 127
    return await replace(call, argv=words).execute() if words else 0


async def _shift(call: Call) -> int:
    count = int(call.argv[1]) if len(call.argv) > 1 else 1
    call.shell.args = call.shell.args[count:]
    return 0


async def _umask(call: Call) -> int:
    return 0 if len(call.argv) > 1 else await call.out("0022\n")


BUILTINS: Mapping[str, Command] = MappingProxyType(
    {
        ":": _nothing,
        "trap": _nothing,
        "cd": _cd,
        "export": _export,
        "unset": _unset,
        "exit": _exit,
        "set": _set,
        "eval": _eval,
        "exec": _exec,
        "read": _read,
        "command": _command,
        "shift": _shift,
        "umask": _umask,
    }
)
