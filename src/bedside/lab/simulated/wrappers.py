"""Programs of a simulated host that run other commands: shells, env, sudo, timeout."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from types import MappingProxyType

from bedside.lab.level import OPS_PASSWORD
from bedside.lab.simulated.call import Call, Command
from bedside.lab.simulated.files import HOMES

_FUNCTION = re.compile(r"\(\) \{.*?\}\s*;\s*(.*)", re.DOTALL)
_ASSIGN = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


async def _sh(call: Call) -> int:
    return await _run_shell(call, "sh")


async def _bash(call: Call) -> int:
    if call.host.vulnerable:
        for value in list(call.env.values()):
            if found := _FUNCTION.fullmatch(value):
                await call.child(name="bash").main(found[1])
    return await _run_shell(call, "bash")


async def _run_shell(call: Call, name: str) -> int:
    words, flags, script = call.argv[1:], set[str](), False
    while words and words[0][:1] == "-" and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            break
        if not word.startswith("--"):
            script = script or "c" in word
            flags |= set(word[1:]) & set("eux")
    if not script and "-s" not in call.argv and words:
        return await _script_file(call, name, words, flags)
    if script and not words:
        return await call.fail("-c requires an argument", 2)
    if not script:
        return await call.child(name=name, args=tuple(words), flags=flags).listen()
    return await call.child(name=name, args=tuple(words[2:]), flags=flags).main(words[0])


async def _script_file(call: Call, name: str, words: list[str], flags: set[str]) -> int:
    try:
        text = await call.host.files.reader(words[0], call.user, call.shell.cwd).read_all()
    except OSError as error:
        return await call.fail(f"0: cannot open {words[0]}: {error.strerror}", 2)
    shell = call.child(name=name, args=tuple(words[1:]), flags=flags)
    return await shell.main(text.decode("utf-8", "surrogateescape"))


async def _env(call: Call) -> int:
    words, env = call.argv[1:], dict(call.env)
    while words:
        if words[0] in ("-i", "-"):
            env = {}
        elif words[0] == "-u" and len(words) > 1:
            env.pop(words.pop(1), None)
        elif found := _ASSIGN.fullmatch(words[0]):
            env[found[1]] = found[2]
        else:
            break
        words.pop(0)
    if not words:
        return await call.out("".join(f"{k}={v}\n" for k, v in env.items()))
    return await call.then(words, env=env)


async def _timeout(call: Call) -> int:
    words = [w for w in call.argv[1:] if not w.startswith("-")]
    if len(words) < 2 or not (found := re.fullmatch(r"(\d+(?:\.\d+)?)s?", words[0])):
        return await call.fail("invalid time interval", 125)
    try:
        async with asyncio.timeout(float(found[1])):
            return await call.then(call.argv[call.argv.index(words[0]) + 1 :])
    except TimeoutError:
        return 124


async def _nice(call: Call) -> int:
    words = call.argv[1:]
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] == "-n" else words[1:]
    return await call.then(words) if words else await call.out("0\n")


async def _sudo(call: Call) -> int:
    target, prompt, quiet, from_stdin, words = (
        "root",
        f"[sudo] password for {call.user}: ",
        False,
        False,
        call.argv[1:],
    )
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word in ("-u", "-p", "-g") and words:
            value = words.pop(0)
            target, prompt = (value, prompt) if word == "-u" else (target, value if word == "-p" else prompt)
        elif word == "--":
            break
        quiet, from_stdin = quiet or word == "-n", from_stdin or word == "-S"
        if word in ("-k", "-K", "-v") and not words:
            return 0
    if target not in HOMES:
        return await call.fail(f"unknown user {target}")
    if call.user != "root" and (
        refused := await _ask_password(call, prompt, quiet=quiet, from_stdin=from_stdin)
    ):
        return refused
    env = call.env | {"HOME": HOMES[target], "USER": target, "LOGNAME": target, "SUDO_USER": call.user}
    words, env = _assignments(words, env)
    return await call.then(words or ["bash"], env=env, user=target)


def _assignments(words: list[str], env: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    while words and (found := _ASSIGN.fullmatch(words[0])):
        words, env = words[1:], env | {found[1]: found[2]}
    return words, env


async def _ask_password(call: Call, prompt: str, *, quiet: bool, from_stdin: bool) -> int:
    """Ask three times at most; return 0 where the password was right."""
    if quiet:
        return await call.fail("a password is required")
    if not (from_stdin or call.shell.terminal):
        return await call.fail(
            "a terminal is required to read the password; either use the -S option to read "
            "from standard input or configure an askpass helper"
        )
    for attempt in range(3):
        await call.stderr.write(_expanded(prompt, call.user).encode())
        if not (line := await _hidden_line(call)):
            await call.stderr.write(b"\nsudo: no password was provided\n")
            return await call.fail("a password is required") if not attempt else 1
        if line.rstrip(b"\r\n") == OPS_PASSWORD.encode():
            return 0
        if attempt < 2:
            await call.stderr.write(b"Sorry, try again.\n")
    return await call.fail("3 incorrect password attempts")


async def _hidden_line(call: Call) -> bytes:
    """Read a line; on a terminal what is typed is not shown, its line end is."""
    if not (terminal := call.shell.terminal):
        return await call.stdin.readline()
    terminal.echo = False
    try:
        return await call.stdin.readline()
    finally:
        terminal.echo = True
        await call.stderr.write(b"\n")


WRAPPERS: Mapping[str, Command] = MappingProxyType(
    {
        "sh": _sh,
        "env": _env,
        "timeout": _timeout,
        "nice": _nice,
        "nohup": _nice,
    }
)
BASH: Mapping[str, Command] = MappingProxyType({"bash": _bash})
SUDO: Mapping[str, Command] = MappingProxyType({"sudo": _sudo})


def _expanded(prompt: str, user: str) -> str:
    """Return sudo's prompt with its escapes (sudo(8), -p) expanded, those that we know."""
    return re.sub("%[pu%]", lambda found: "%" if found[0] == "%%" else user, prompt)
