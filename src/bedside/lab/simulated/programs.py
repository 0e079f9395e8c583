"""Programs of a simulated host that tell about it, print or decide."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from bedside.lab.simulated.call import Call, Command
from bedside.lab.simulated.platforms import SIMULATED

_ESCAPES: Mapping[str, str] = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "\\": "\\",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    '"': '"',
    "'": "'",
}
_UNAME = "snrvmpio"


async def _true(_: Call) -> int:
    return 0


async def _false(_: Call) -> int:
    return 1


async def _echo(call: Call) -> int:
    words = call.argv[1:]
    newline = "\n"
    if words[:1] == ["-n"]:
        words, newline = words[1:], ""
    return await call.out(" ".join(words) + newline)


def _unescape(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        word = found[1]
        if word[0] in "01234567":
            return chr(int(word, 8) & 255)
        return _ESCAPES.get(word, "\\" + word)

    return re.sub(r"\\([0-7]{1,3}|.)", one, text)


async def _printf(call: Call) -> int:
    if len(call.argv) < 2:
        return await call.fail("usage: printf format [arg ...]", 2)
    template, values = _unescape(call.argv[1]), call.argv[2:]
    printed = ""
    while True:
        left = len(values)

        def one(found: re.Match[str]) -> str:
            if found[2] == "%":
                return "%"
            value = values.pop(0) if values else ""
            if found[2] == "b":
                return _unescape(value)
            number = found[2] in "dioux"
            return f"%{found[1]}{found[2]}" % (int(value or 0) if number else value)

        try:
            printed += re.sub(r"%([-0 ]*\d*(?:\.\d+)?)([sbdioux%])", one, template)
        except ValueError:
            return await call.fail("expected numeric value", 1)
        if not values or len(values) == left:
            return await call.out(printed)


async def _id(call: Call) -> int:
    numbers = {"root": 0, "ops": 1000}
    flags = "".join(w.lstrip("-") for w in call.argv[1:] if w.startswith("-"))
    user = next((w for w in call.argv[1:] if not w.startswith("-")), call.user)
    if user not in numbers:
        return await call.fail(f"'{user}': no such user")
    if flags:
        return await call.out(f"{user if 'n' in flags else numbers[user]}\n")
    groups = "0(root)" if user == "root" else "1000(ops),27(sudo)"
    return await call.out(f"uid={numbers[user]}({user}) gid={numbers[user]}({user}) groups={groups}\n")


async def _whoami(call: Call) -> int:
    return await call.out(call.user + "\n")


async def _hostname(call: Call) -> int:
    return await call.out((call.host.address if call.argv[1:] in (["-I"], ["-i"]) else call.host.name) + "\n")


async def _uname(call: Call) -> int:
    platform = call.host.platform
    system = "GNU/Linux" if platform.kind == "debian" else platform.kernel
    values = {
        "s": platform.kernel,
        "n": call.host.name,
        "r": platform.kernel_release,
        "v": f"#1 SMP {SIMULATED}",
        "m": platform.machine,
        "p": "unknown",
        "i": "unknown",
        "o": system,
    }
    flags = "".join(w.lstrip("-") for w in call.argv[1:]) or "s"
    if "a" in flags:
        return await call.out(" ".join(values[f] for f in "snrvmo") + "\n")
    if unknown := [f for f in flags if f not in _UNAME]:
        return await call.fail(f"invalid option -- '{unknown[0]}'")
    return await call.out(" ".join(values[f] for f in _UNAME if f in flags) + "\n")


async def _uptime(call: Call) -> int:
    seconds = int(time.monotonic() - call.host.booted)
    now = datetime.now(UTC)
    if call.argv[1:] == ["-s"]:
        return await call.out(f"{datetime.fromtimestamp(now.timestamp() - seconds, UTC):%Y-%m-%d %H:%M:%S}\n")
    return await call.out(
        f" {now:%H:%M:%S} up {seconds // 60} min,  0 users,  load average: 0.00, 0.00, 0.00\n"
    )


async def _date(call: Call) -> int:
    words = [w for w in call.argv[1:] if w not in ("-u", "--utc")]
    now = datetime.now(UTC)
    if not words:
        return await call.out(f"{now:%a %b %e %H:%M:%S UTC %Y}\n")
    if not words[0].startswith("+"):
        return await call.fail(f"invalid date {words[0]!r}: the simulated date can't be set")
    return await call.out(now.strftime(words[0][1:].replace("%s", str(int(now.timestamp())))) + "\n")


async def _sleep(call: Call) -> int:
    if len(call.argv) < 2 or not (found := re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", call.argv[1])):
        return await call.fail("invalid time interval")
    await asyncio.sleep(float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]])
    return 0


async def _pwd(call: Call) -> int:
    return await call.out(call.shell.cwd + "\n")


async def _printenv(call: Call) -> int:
    if len(call.argv) == 1:
        return await call.out("".join(f"{k}={v}\n" for k, v in call.env.items()))
    values = [call.env[n] for n in call.argv[1:] if n in call.env]
    await call.out("".join(v + "\n" for v in values))
    return 0 if len(values) == len(call.argv) - 1 else 1


async def _which(call: Call) -> int:
    found = [w for w in call.argv[1:] if call.host.command(w)]
    await call.out("".join(f"/usr/bin/{w}\n" for w in found))
    return 0 if len(found) == len(call.argv) - 1 else 1


async def _reboot(call: Call) -> int:
    if call.user != "root":
        return await call.fail("Call to Reboot failed: Interactive authentication required.")
    call.host.on_reboot()
    return 0


_FILE_TESTS = {"-e": "exists", "-f": "is_file", "-d": "is_dir", "-L": "is_symlink", "-h": "is_symlink"}
_COMPARE = {
    "-eq": int.__eq__,
    "-ne": int.__ne__,
    "-lt": int.__lt__,
    "-le": int.__le__,
    "-gt": int.__gt__,
    "-ge": int.__ge__,
}


async def _test(call: Call) -> int:
    words = call.argv[1:]
    if call.argv[0] == "[":
        if words[-1:] != ["]"]:
            return await call.fail("missing ]", 2)
        words = words[:-1]
    negate = False
    while words[:1] == ["!"]:
        words, negate = words[1:], not negate
    try:
        return int(_holds(call, words) == negate)
    except ValueError as error:
        return await call.fail(str(error), 2)


def _holds(call: Call, words: list[str]) -> bool:
    match words:
        case []:
            return False
        case [word]:
            return bool(word)
        case ["-n", word]:
            return bool(word)
        case ["-z", word]:
            return not word
        case ["-t", _]:
            return False
        case [flag, path]:
            return _file_test(call, flag, path)
        case [left, "=" | "==", right]:
            return left == right
        case [left, "!=", right]:
            return left != right
        case [left, op, right] if op in _COMPARE:
            return _COMPARE[op](int(left), int(right))
        case _:
            raise ValueError(f"{' '.join(words)}: not simulated")


def _file_test(call: Call, flag: str, path: str) -> bool:
    try:
        real = call.host.files.real(path, call.shell.cwd)
    except OSError:
        return False
    if flag in _FILE_TESTS:
        return bool(getattr(real, _FILE_TESTS[flag])())
    if flag == "-s":
        return real.is_file() and real.stat().st_size > 0
    if flag == "-x":
        return call.host.command(path) is not None or (real.exists() and bool(real.stat().st_mode & 0o100))
    if flag in ("-r", "-w"):
        return real.exists()
    raise ValueError(f"{flag}: not simulated")


PROGRAMS: Mapping[str, Command] = MappingProxyType(
    {
        "true": _true,
        "false": _false,
        "echo": _echo,
        "printf": _printf,
        "id": _id,
        "whoami": _whoami,
        "hostname": _hostname,
        "uname": _uname,
        "uptime": _uptime,
        "date": _date,
        "sleep": _sleep,
        "pwd": _pwd,
        "printenv": _printenv,
        "which": _which,
        "test": _test,
        "[": _test,
        "sync": _true,
        "reboot": _reboot,
    }
)
