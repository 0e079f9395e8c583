"""known_hosts files, read once for all hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

Names are indexed and keys are compared as they stand in the file, so that thousands of lines cost
little. Hashed names have to be tried one by one; a line that has told its name is never tried again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bedside.ssh.patterns import PatternList

_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_sha1 = partial(hashlib.sha1, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One key of one line. `marker` is "", "revoked" or "cert-authority"."""

    marker: str
    kind: str
    blob: bytes
    file: Path | None
    line: int

    @property
    def where(self) -> str:
        """The file and line, for messages."""
        return f"{self.file}:{self.line}" if self.file else "learnt just now"

    def __str__(self) -> str:
        return f"{self.kind} {fingerprint(self.blob)} ({self.where})"


def fingerprint(blob: bytes) -> str:
    """Return a key's fingerprint as ssh-keygen prints it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest())
    return "SHA256:" + digest.decode().rstrip("=")


def name_of(host: str, port: int) -> str:
    """Return what known_hosts calls a host at a port."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"


@dataclass(slots=True)
class KnownHosts:
    """What some files say, all of them together."""

    warn: Callable[[str], None]
    _named: dict[str, list[KnownKey]] = field(default_factory=dict)
    _patterns: list[tuple[PatternList, KnownKey]] = field(default_factory=list)
    _hashed: list[tuple[bytes, bytes, bytes, KnownKey]] = field(default_factory=list)

    def read(self, path: Path) -> None:
        """Add a file; one that is not there counts as empty."""
        try:
            text = path.read_text("utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self.warn(f"{path} can't be read: {error.strerror}")
            return
        self.add(text, path)

    def add(self, text: str, path: Path | None, first_line: int = 1) -> None:
        """Add lines; those that make no sense are warned about."""
        for number, line in enumerate(map(str.strip, text.splitlines()), first_line):
            if not line or line.startswith("#"):
                continue
            try:
                names, key = _parse(line, path, number)
            except ValueError as error:
                self.warn(f"{path}:{number}: passed over: {error}")
                continue
            self._index(names, key)

    def _index(self, names: str, key: KnownKey) -> None:
        if names.startswith("|"):
            salt, digest = _hash_parts(names)
            block = salt.ljust(64, b"\0")
            self._hashed.append((block.translate(_INNER), block.translate(_OUTER), digest, key))
        elif any(letter in names for letter in "*?!"):
            self._patterns.append((PatternList.parse([names], fold=True), key))
        else:
            for name in names.split(","):
                self._named.setdefault(name.lower(), []).append(key)

    def find(self, name: str, *, hashed: bool = True) -> list[KnownKey]:
        """Return all keys that stand under a name (as `name_of` gives it).

        Hashed names take time: False passes those over that have not been met yet.
        """
        if hashed and self._hashed:
            self._settle_hashed(name.encode("utf-8", "surrogateescape"), name)
        found = list(self._named.get(name, ()))
        found += [key for patterns, key in self._patterns if patterns.matches(name)]
        return found

    def learn(self, name: str, kind: str, blob: bytes) -> None:
        """Add a key met just now."""
        self._named.setdefault(name, []).append(KnownKey("", kind, blob, None, 0))

    def _settle_hashed(self, data: bytes, name: str) -> None:
        # HMAC-SHA1 by hand: with its two blocks at the ready it takes half the time of `hmac.digest`.
        hits = [
            entry for entry in self._hashed
            if _sha1(entry[1] + _sha1(entry[0] + data).digest()).digest() == entry[2]
        ]  # fmt: skip
        if hits:
            self._named.setdefault(name, []).extend(entry[3] for entry in hits)
            self._hashed = [entry for entry in self._hashed if entry not in hits]


def _parse(line: str, path: Path | None, number: int) -> tuple[str, KnownKey]:
    marker = ""
    if line.startswith("@"):
        marker, line = [*line[1:].split(None, 1), ""][:2]
        if marker not in ("revoked", "cert-authority"):
            raise ValueError(f"unknown marker @{marker}")
    words = line.split(None, 3)
    if len(words) < 3:
        raise ValueError("it lacks a name, a key type or a key")
    if words[0].startswith("|"):
        _hash_parts(words[0])
    try:
        blob = base64.b64decode(words[2], validate=True)
    except binascii.Error:
        raise ValueError("the key is no base64") from None
    return words[0], KnownKey(marker, words[1], blob, path, number)


def _hash_parts(text: str) -> tuple[bytes, bytes]:
    parts = text.split("|")
    try:
        if len(parts) != 4 or parts[1] != "1":
            raise ValueError
        return base64.b64decode(parts[2], validate=True), base64.b64decode(parts[3], validate=True)
    except ValueError:
        raise ValueError("a hashed name of an unknown form") from None


def lines_of(names_and_keys: Iterator[tuple[str, str, bytes]]) -> str:
    """Return known_hosts lines for (name, type, key)."""
    return "".join(
        f"{name} {kind} {base64.b64encode(blob).decode()}\n" for name, kind, blob in names_and_keys
    )
