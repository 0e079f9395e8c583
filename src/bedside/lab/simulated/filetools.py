"""Programs of a simulated host that read and change files."""

from __future__ import annotations

import hashlib
import posixpath
import re
import secrets
import shutil
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from bedside.lab.simulated import streams
from bedside.lab.simulated.call import Call, Command


def _options(call: Call, valued: str = "") -> tuple[dict[str, str], list[str]]:
    """Part `-abc`, `-n 3` and `-n3` from the operands; `valued` are the letters that take a value."""
    options: dict[str, str] = {}
    words = call.argv[1:]
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            options[name] = value
        elif word[1] in valued:
            options[word[1]] = word[2:] or (words.pop(0) if words else "")
        elif word[1:].isdigit() and "n" in valued:
            options["n"] = word[1:]
        else:
            options.update(dict.fromkeys(word[1:], ""))
    return options, words


def _inputs(call: Call, paths: list[str]) -> list[tuple[str, streams.Input]]:
    """Open each path for reading, standard input for `-` and for none. Raises OSError."""
    return [
        (path, call.stdin if path == "-" else call.host.files.reader(path, call.user, call.shell.cwd))
        for path in paths or ["-"]
    ]


def _target(call: Call, path: str) -> Path:
    return call.host.files.writable(path, call.user, call.shell.cwd)


async def _cat(call: Call) -> int:
    for _, source in _inputs(call, _options(call)[1]):
        while data := await source.read():
            await call.stdout.write(data)
    return 0


async def _tee(call: Call) -> int:
    options, paths = _options(call)
    outputs = [
        call.stdout,
        *(call.host.files.writer(p, call.user, call.shell.cwd, append="a" in options) for p in paths),
    ]
    while data := await call.stdin.read():
        for output in outputs:
            await output.write(data)
    return 0


async def _head(call: Call) -> int:
    options, paths = _options(call, "nc")
    for _, source in _inputs(call, paths):
        if "c" in options:
            left = int(options["c"])
            while left > 0 and (data := await source.read()):
                await call.stdout.write(data[:left])
                left -= len(data)
            continue
        for _ in range(int(options.get("n", "10"))):
            if not (line := await source.readline()):
                break
            await call.stdout.write(line)
    return 0


async def _tail(call: Call) -> int:
    options, paths = _options(call, "nc")
    for _, source in _inputs(call, paths):
        data = await source.read_all()
        if "c" in options:
            await call.stdout.write(data[-int(options["c"]) :])
        else:
            await call.stdout.write(b"".join(data.splitlines(keepends=True)[-int(options.get("n", "10")) :]))
    return 0


async def _wc(call: Call) -> int:
    options, paths = _options(call)
    for path, source in _inputs(call, paths):
        data = await source.read_all()
        counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
        shown = " ".join(str(counts[k]) for k in "lwc" if not options or k in options)
        await call.out(shown + (f" {path}" if path != "-" else "") + "\n")
    return 0


async def _sort(call: Call) -> int:
    options, paths = _options(call)
    data = b"".join([await source.read_all() for _, source in _inputs(call, paths)])
    lines = sorted(set(data.splitlines()) if "u" in options else data.splitlines(), reverse="r" in options)
    await call.stdout.write(b"".join(line + b"\n" for line in lines))
    return 0


async def _grep(call: Call) -> int:
    options, words = _options(call, "e")
    pattern = options.get("e") or (words.pop(0) if words else "")
    if "F" in options or call.argv[0] == "fgrep":
        pattern = re.escape(pattern)
    elif "E" not in options and call.argv[0] != "egrep":
        pattern = re.sub(r"\\?[+?|(){}]", lambda m: m[0][1] if len(m[0]) == 2 else "\\" + m[0], pattern)
    expression = re.compile(pattern.encode(), re.IGNORECASE if "i" in options else 0)
    count = 0
    for path, source in _inputs(call, words):
        while line := await source.readline():
            if bool(expression.search(line.rstrip(b"\n"))) == ("v" in options):
                continue
            count += 1
            if not options.keys() & {"q", "c"}:
                await call.stdout.write(
                    (path.encode() + b":" if len(words) > 1 else b"") + line.rstrip(b"\n") + b"\n"
                )
    if "c" in options:
        await call.out(f"{count}\n")
    return 0 if count else 1


async def _ls(call: Call) -> int:
    options, paths = _options(call)
    for path in paths or ["."]:
        real = call.host.files.readable(path, call.user, call.shell.cwd)
        if not real.exists():
            return await call.fail(f"cannot access '{path}': No such file or directory", 2)
        entries = sorted(real.iterdir()) if real.is_dir() and "d" not in options else [real]
        for entry in entries:
            if entry != real and entry.name.startswith(".") and not options.keys() & {"a", "A"}:
                continue
            name = path if entry == real else entry.name
            await call.out((_long(entry, name) if "l" in options else name) + "\n")
    return 0


def _long(entry: Path, name: str) -> str:
    info = entry.lstat()
    time = datetime.fromtimestamp(info.st_mtime, UTC)
    return f"{stat.filemode(info.st_mode)} {info.st_nlink} root root {info.st_size} {time:%b %e %H:%M} {name}"


async def _mkdir(call: Call) -> int:
    options, paths = _options(call, "m")
    for path in paths:
        _target(call, path).mkdir(parents="p" in options, exist_ok="p" in options)
        if "m" in options:
            _target(call, path).chmod(int(options["m"], 8))
    return 0


async def _rm(call: Call) -> int:
    options, paths = _options(call)
    for path in paths:
        real = _target(call, path)
        if real.is_dir() and not real.is_symlink():
            if not options.keys() & {"r", "R"}:
                return await call.fail(f"cannot remove '{path}': Is a directory")
            shutil.rmtree(real)
        else:
            real.unlink(missing_ok="f" in options)
    return 0


async def _rmdir(call: Call) -> int:
    for path in call.argv[1:]:
        _target(call, path).rmdir()
    return 0


async def _into(call: Call, *, move: bool) -> int:
    options, paths = _options(call)
    if len(paths) < 2:
        return await call.fail("missing file operand")
    target = _target(call, paths[-1])
    for path in paths[:-1]:
        source = _target(call, path) if move else call.host.files.readable(path, call.user, call.shell.cwd)
        if not source.exists():
            return await call.fail(f"cannot stat '{path}': No such file or directory")
        place = target / source.name if target.is_dir() and "T" not in options else target
        if move:
            source.rename(place)
        elif source.is_dir():
            return await call.fail(f"-r not specified; omitting directory '{path}'")
        else:
            call.host.files.room()
            (shutil.copy2 if options.keys() & {"p", "a"} else shutil.copy)(source, place)
    return 0


async def _mv(call: Call) -> int:
    return await _into(call, move=True)


async def _cp(call: Call) -> int:
    return await _into(call, move=False)


async def _chmod(call: Call) -> int:
    _, words = _options(call)
    for path in words[1:]:
        real = _target(call, path)
        if re.fullmatch(r"[0-7]{3,4}", words[0]):
            real.chmod(int(words[0], 8))
        elif words[0] in ("+x", "a+x", "u+x"):
            real.chmod(real.stat().st_mode | (0o100 if words[0][0] == "u" else 0o111))
        else:
            return await call.fail(f"mode {words[0]!r} is not simulated")
    return 0


async def _chown(call: Call) -> int:
    for path in _options(call)[1][1:]:
        _target(call, path).stat()
    return 0 if call.user == "root" else await call.fail("changing ownership: Operation not permitted")


async def _touch(call: Call) -> int:
    for path in _options(call, "dtr")[1]:
        _target(call, path).touch()
    return 0


async def _mktemp(call: Call) -> int:
    options, words = _options(call, "p")
    template = words[0] if words else posixpath.join(options.get("p") or "/tmp", "tmp.XXXXXXXXXX")  # noqa: S108
    path = re.sub(r"X{3,}$", lambda m: secrets.token_hex(len(m[0]))[: len(m[0])], template)
    real = _target(call, path)
    if "d" in options:
        real.mkdir(mode=0o700)
    else:
        real.touch(mode=0o600, exist_ok=False)
    return await call.out(path + "\n")


async def _df(call: Call) -> int:
    used, free = (262144, 0) if call.host.full else (65536, 196608)
    return await call.out(
        "Filesystem     1K-blocks   Used Available Use% Mounted on\n"
        f"simulated         262144 {used:>6} {free:>9} {used * 100 // 262144:>3}% /\n"
    )


async def _sha256sum(call: Call) -> int:
    for path, source in _inputs(call, _options(call)[1]):
        digest = hashlib.sha256()
        while data := await source.read():
            digest.update(data)
        await call.out(f"{digest.hexdigest()}  {path}\n")
    return 0


async def _basename(call: Call) -> int:
    name = posixpath.basename(call.argv[1].rstrip("/")) if len(call.argv) > 1 else ""
    return await call.out((name.removesuffix(call.argv[2]) if len(call.argv) > 2 else name) + "\n")


async def _dirname(call: Call) -> int:
    return await call.out((posixpath.dirname(call.argv[1].rstrip("/")) if len(call.argv) > 1 else "") + "\n")


FILE_TOOLS: Mapping[str, Command] = MappingProxyType(
    {
        "cat": _cat,
        "tee": _tee,
        "head": _head,
        "tail": _tail,
        "wc": _wc,
        "sort": _sort,
        "grep": _grep,
        "egrep": _grep,
        "fgrep": _grep,
        "ls": _ls,
        "mkdir": _mkdir,
        "rm": _rm,
        "rmdir": _rmdir,
        "mv": _mv,
        "cp": _cp,
        "chmod": _chmod,
        "chown": _chown,
        "touch": _touch,
        "mktemp": _mktemp,
        "df": _df,
        "sha256sum": _sha256sum,
        "basename": _basename,
        "dirname": _dirname,
    }
)
