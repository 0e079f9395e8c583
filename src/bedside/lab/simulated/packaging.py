"""apt, dpkg, lsb_release and postconf of a simulated Debian host."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from types import MappingProxyType

from bedside.lab.simulated.call import Call, Command

_LOCK = "/var/lib/dpkg/lock-frontend"
LOCK_HOLDER = "process 4711 (unattended-upgr)"
_VALUED = ("-o", "-t", "-c", "--option", "--target-release")
_DEB = re.compile(r"([^_/]+)_([^_/]+)_([^_/]+)\.deb")


async def _apt_get(call: Call) -> int:
    words, flags = _parse_apt(call.argv[1:])
    action, names = (words[0], words[1:]) if words else ("", [])
    if flags & {"-s", "--simulate", "--dry-run"}:
        return await _simulate(call, action, names)
    if action not in ("update", "install", "upgrade", "dist-upgrade", "clean"):
        return await _error(call, f"Invalid operation {action}")
    if refused := await _refused(call):
        return refused
    if action == "update":
        return await _update(call)
    if action == "clean":
        return 0
    return await _install(call, action, names, flags)


def _parse_apt(words: list[str]) -> tuple[list[str], set[str]]:
    rest, flags, skip = [], set(), False
    for word in words:
        if skip:
            skip = False
        elif word in _VALUED:
            skip = True
        elif word.startswith("--"):
            flags.add(word)
        elif word.startswith("-") and len(word) > 1:
            flags |= {"-" + letter for letter in word[1:]} if "=" not in word else {word}
        else:
            rest.append(word)
    return rest, flags


async def _error(call: Call, message: str) -> int:
    await call.stderr.write(f"E: {message}\n".encode())
    return 100


async def _refused(call: Call) -> int:
    """Say why no package can be changed now; 0 where one can."""
    if call.user != "root":
        return await _error(
            call,
            f"Could not open lock file {_LOCK} - open (13: Permission denied)\n"
            f"E: Unable to acquire the dpkg frontend lock ({_LOCK}), are you root?",
        )
    if call.host.locked:
        return await _error(
            call,
            f"Could not get lock {_LOCK}. It is held by {LOCK_HOLDER}\n"
            "N: Be aware that removing the lock file is not a solution and may break your system.\n"
            f"E: Unable to acquire the dpkg frontend lock ({_LOCK}), is another process using it?",
        )
    if call.host.full:
        return await _error(
            call,
            "Write error - write (28: No space left on device)\n"
            "E: You don't have enough free space in /var/cache/apt/archives/.",
        )
    return 0


async def _update(call: Call) -> int:
    release = call.host.platform.release
    call.host.candidates["bash"] = call.host.platform.fixed_bash
    await call.out(
        f"Get:1 http://apt.lab.invalid/debian {release} InRelease [2104 B]\n"
        f"Get:2 http://apt.lab.invalid/debian {release}/main Packages [1180 B]\nReading package lists...\n"
    )
    return 0


def _newer(call: Call, name: str) -> str:
    """Return the version to which a package would be upgraded, empty where there is none newer."""
    candidate = call.host.candidates.get(name, "")
    return candidate if candidate != call.host.packages.get(name) else ""


async def _select(call: Call, action: str, names: list[str]) -> list[tuple[str, str]] | None:
    """Return the upgrades that are due, or None after saying that a package is unknown."""
    if action != "install":
        names = [n for n in call.host.packages if n not in call.host.held]
    due = []
    for word in names:
        name, _, version = word.partition("=")
        if name not in call.host.packages:
            await _error(call, f"Unable to locate package {name}")
            return None
        known = {
            call.host.packages[name],
            call.host.candidates.get(name),
            call.host.platform.packages.get(name),
        }
        if version and version not in known:
            await _error(call, f"Version '{version}' for '{name}' was not found")
            return None
        wanted = version or _newer(call, name)
        if wanted and wanted != call.host.packages[name]:
            due.append((name, wanted))
        elif action == "install":
            await call.out(f"{name} is already the newest version ({call.host.packages[name]}).\n")
    return due


async def _simulate(call: Call, action: str, names: list[str]) -> int:
    due = await _select(call, action, names)
    if due is None:
        return 100
    lines = [
        f"Inst {n} [{call.host.packages[n]}] ({v} lab:{call.host.platform.release})\nConf {n} ({v})\n"
        for n, v in due
    ]
    return await call.out("".join(lines))


async def _install(call: Call, action: str, names: list[str], flags: set[str]) -> int:
    await call.out("Reading package lists...\nBuilding dependency tree...\nReading state information...\n")
    due = await _select(call, action, names)
    if due is None:
        return 100
    if (held := [n for n, _ in due if n in call.host.held]) and "--allow-change-held-packages" not in flags:
        await call.out(f"The following held packages will be changed:\n  {' '.join(held)}\n")
        return await _error(
            call, "Held packages were changed and -y was used without --allow-change-held-packages."
        )
    if due:
        await call.out(f"The following packages will be upgraded:\n  {' '.join(n for n, _ in due)}\n")
    await call.out(f"{len(due)} upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
    for name, version in due:
        old = call.host.packages[name]
        await call.out(
            f"Preparing to unpack .../{name}_{version}_{_architecture(call)}.deb ...\n"
            f"Unpacking {name} ({version}) over ({old}) ...\nSetting up {name} ({version}) ...\n"
        )
        call.host.packages[name] = version
    return 0


async def _dpkg(call: Call) -> int:
    match call.argv[1:]:
        case ["-i" | "--install", *files] if files:
            return await _dpkg_install(call, files)
        case ["--set-selections"]:
            for line in (await call.stdin.read_all()).decode().splitlines():
                name, _, wanted = line.partition(" ")
                (call.host.held.add if wanted.strip() == "hold" else call.host.held.discard)(name)
            return 0
        case ["--get-selections", *_]:
            return await call.out(
                "".join(
                    f"{n}\t\t{'hold' if n in call.host.held else 'install'}\n"
                    for n in sorted(call.host.packages)
                )
            )
        case ["--print-architecture"]:
            return await call.out(_architecture(call) + "\n")
        case ["-s" | "--status", *names] if names:
            return await _status(call, names)
        case ["-l" | "--list", *names]:
            shown = names or sorted(call.host.packages)
            lines = [
                f"ii  {n}  {call.host.packages[n]}  {_architecture(call)}\n"
                for n in shown
                if n in call.host.packages
            ]
            return (
                await call.out("".join(lines))
                if lines
                else await call.fail(f"no packages found matching {' '.join(shown)}")
            )
        case ["--configure", "-a"] | ["--audit" | "-C"]:
            return 0
        case _:
            return await call.fail("error: this use of dpkg is not simulated", 2)


def _architecture(call: Call) -> str:
    return "amd64" if call.host.platform.machine == "x86_64" else "i386"


async def _dpkg_install(call: Call, files: list[str]) -> int:
    if refused := await _refused(call):
        return 2 if refused else 0
    for path in files:
        found = _DEB.fullmatch(posixpath.basename(path))
        if not call.host.files.real(path, call.shell.cwd).is_file() or not found:
            await call.stderr.write(
                f"dpkg: error: cannot access archive '{path}': No such file or directory\n".encode()
            )
            return 1
        name, version = found[1], found[2]
        over = f" over ({call.host.packages[name]})" if name in call.host.packages else ""
        await call.out(f"Unpacking {name} ({version}){over} ...\nSetting up {name} ({version}) ...\n")
        call.host.packages[name] = version
    return 0


async def _status(call: Call, names: list[str]) -> int:
    for name in names:
        if name not in call.host.packages:
            return await call.fail(f"package '{name}' is not installed and no information is available")
        await call.out(
            f"Package: {name}\nStatus: install ok installed\n"
            f"Architecture: {_architecture(call)}\nVersion: {call.host.packages[name]}\n\n"
        )
    return 0


async def _dpkg_query(call: Call) -> int:
    words = call.argv[1:]
    form, names, show = "${Package}\t${Version}\n", [], False
    while words:
        word = words.pop(0)
        if word in ("-W", "--show"):
            show = True
        elif word == "-f" and words:
            form = words.pop(0)
        elif word.startswith(("-f", "--showformat=")):
            form = word.partition("=")[2] if "=" in word else word[2:]
        else:
            names.append(word)
    if not show:
        return await call.fail("only -W is simulated", 2)
    form = form.replace("\\n", "\n").replace("\\t", "\t")
    status = 0
    for name in names or sorted(call.host.packages):
        if name in call.host.packages:
            await call.out(_filled(call, form, name))
        else:
            status = await call.fail(f"no packages found matching {name}")
    return status


def _filled(call: Call, form: str, name: str) -> str:
    wanted = "hold" if name in call.host.held else "install"
    values = {
        "Package": name,
        "binary:Package": name,
        "Version": call.host.packages[name],
        "Architecture": _architecture(call),
        "Status": f"{wanted} ok installed",
        "db:Status-Abbrev": "hi " if wanted == "hold" else "ii ",
        "db:Status-Status": "installed",
        "source:Package": name,
        "Source": "",
        "source:Version": call.host.packages[name],
    }
    return re.sub(r"\$\{([\w:-]+)(?:;-?\d+)?\}", lambda m: values.get(m[1], ""), form)


async def _apt_mark(call: Call) -> int:
    action, names = (call.argv[1], call.argv[2:]) if len(call.argv) > 1 else ("", [])
    if action == "showhold":
        return await call.out("".join(n + "\n" for n in sorted(call.host.held)))
    if action not in ("hold", "unhold"):
        return await _error(call, f"Invalid operation {action}")
    if call.user != "root":
        return await _error(call, "Could not open lock file, are you root?")
    for name in names:
        (call.host.held.add if action == "hold" else call.host.held.discard)(name)
        await call.out(f"{name} set on hold.\n" if action == "hold" else f"Canceled hold on {name}.\n")
    return 0


async def _apt_cache(call: Call) -> int:
    if call.argv[1:2] != ["policy"]:
        return await _error(call, "only 'policy' is simulated")
    for name in call.argv[2:]:
        if name in call.host.packages:
            installed = call.host.packages[name]
            await call.out(
                f"{name}:\n  Installed: {installed}\n  Candidate: {_newer(call, name) or installed}\n"
            )
    return 0


async def _lsb_release(call: Call) -> int:
    platform = call.host.platform
    values = {
        "i": ("Distributor ID", "Debian"),
        "d": ("Description", platform.description),
        "r": ("Release", platform.number.split(".")[0]),
        "c": ("Codename", platform.release),
    }
    long = {
        "--id": "i",
        "--description": "d",
        "--release": "r",
        "--codename": "c",
        "--all": "a",
        "--short": "s",
    }
    flags = "".join(long.get(w, w.lstrip("-")) for w in call.argv[1:])
    chosen = "idrc" if "a" in flags else "".join(f for f in "idrc" if f in flags)
    if not chosen:
        return await call.out("No LSB modules are available.\n")
    return await call.out(
        "".join(values[f][1] + "\n" if "s" in flags else f"{values[f][0]}:\t{values[f][1]}\n" for f in chosen)
    )


async def _postconf(call: Call) -> int:
    text = (await call.host.files.reader("/etc/postfix/main.cf", "root", "/").read_all()).decode()
    settings = dict(re.findall(r"^(\w+) =[ ]?(.*)$", text, re.MULTILINE))
    names = [w for w in call.argv[1:] if not w.startswith("-")]
    status = 0
    for name in names or sorted(settings):
        if name not in settings:
            await call.stderr.write(f"postconf: warning: {name}: unknown parameter\n".encode())
        elif "-h" in call.argv:
            await call.out(settings[name] + "\n")
        else:
            await call.out(f"{name} = {settings[name]}".rstrip() + "\n")
    return status


PACKAGING: Mapping[str, Command] = MappingProxyType(
    {
        "apt-get": _apt_get,
        "apt": _apt_get,
        "dpkg": _dpkg,
        "dpkg-query": _dpkg_query,
        "apt-mark": _apt_mark,
        "apt-cache": _apt_cache,
        "lsb_release": _lsb_release,
        "postconf": _postconf,
    }
)
