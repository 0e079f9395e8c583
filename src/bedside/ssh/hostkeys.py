"""Whether a host is the one it was: known keys, new ones, authorities, revoked ones.

A host of which some key is known must show one of its known keys, whatever their types: otherwise
whoever sits in between could show a key of another type and be taken for a new host. A host is looked up
by its name; only where that is unknown do keys known for its address count instead.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from bedside.clock import Clock
from bedside.errors import HostKeyMismatch
from bedside.ssh.knownhosts import KnownHosts, KnownKey, fingerprint, name_of
from bedside.ssh.options import SshOptions
from bedside.ssh.ownhosts import OwnHosts


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known of one host before it shows its key."""

    options: SshOptions
    name: str
    """What known_hosts calls it, and what a new key of it is filed under."""
    keys: tuple[KnownKey, ...] = ()
    """It must show one of these, if there are any."""
    welcome: tuple[KnownKey, ...] = ()
    """Known for the same name without the port: they count where they fit."""
    authorities: tuple[KnownKey, ...] = ()
    revoked: tuple[KnownKey, ...] = ()

    @property
    def known_types(self) -> list[str]:
        """The types of the known keys."""
        return [key.kind for key in (*self.keys, *self.welcome)]

    def for_asyncssh(
        self,
    ) -> tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]] | None:
        """Return trusted keys (none: `judge` is asked), authorities, revoked keys; None: trust anything."""
        if self.options.host_keys == "off":
            return None
        return [], _load(self.authorities), _load(self.revoked)

    def judge(self, kind: str, blob: bytes, seconds: float) -> bool:
        """Return True for a known key, False for a new one that may be learnt. Raises HostKeyMismatch."""
        if self.options.host_keys == "off":
            return True
        if bad := next((key for key in self.revoked if key.blob == blob), None):
            raise self._mismatch(
                f"its host key is revoked: {bad}",
                kind,
                blob,
                seconds,
                "do not use this host before it has a new key",
            )
        if any(key.blob == blob for key in (*self.keys, *self.welcome)):
            return True
        if self.keys:
            raise self.changed(self.keys, kind, blob, seconds)
        if self.authorities:
            raise self._mismatch(
                f"it shows a bare key, {_shown(kind, blob)}, no certificate by {self.authorities[0]}",
                kind, blob, seconds, "renew the host's certificate, or put its key in a known_hosts file",
            )  # fmt: skip
        if self.options.host_keys == "strict":
            raise self._mismatch(
                f"its host key is not known: {_shown(kind, blob)}", kind, blob, seconds,
                "compare it with the host's own and put it in a known_hosts file, "
                'or set host_keys = "accept-new"',
            )  # fmt: skip
        return False

    def changed(self, known: Iterable[KnownKey], kind: str, blob: bytes, seconds: float) -> HostKeyMismatch:
        """Return the error for a host that shows a key other than the known ones."""
        known = tuple(known)
        words = ", ".join(map(str, known))
        file = next((key.file for key in known if key.file), None)
        remove = f": ssh-keygen -R '{self.name}' -f {file}" if file else ""
        return self._mismatch(
            f"its host key is not the known one; it shows {_shown(kind, blob)}, known is {words}",
            kind, blob, seconds,
            "someone may sit in between; if the host was made anew, compare the key with the one on its "
            f"console and forget the old one{remove}",
            known,
        )  # fmt: skip

    def _mismatch(
        self,
        message: str,
        kind: str,
        blob: bytes,
        seconds: float,
        advice: str,
        known: tuple[KnownKey, ...] = (),
    ) -> HostKeyMismatch:
        return HostKeyMismatch(
            message, host=self.options.host, phase="key_exchange", seconds=seconds, advice=advice,
            shown=_shown(kind, blob), known=tuple(map(str, known)),
        )  # fmt: skip


@dataclass(slots=True)
class HostKeys:
    """All known_hosts files in use, each read once."""

    clock: Clock
    warn: Callable[[str], None]
    _others: dict[tuple[Path, ...], KnownHosts] = field(default_factory=dict)
    _own: dict[Path | None, OwnHosts] = field(default_factory=dict)

    def trust(self, options: SshOptions, address: str | None) -> Trust:
        """Return what is known of a host; `address` is the one it was reached at, if that is known."""
        if options.key_alias:
            names = [options.key_alias.lower()]
            bare = []
        else:
            hosts = dict.fromkeys(h.lower() for h in (options.name, options.address, address) if h)
            names = [name_of(h, options.port) for h in hosts]
            bare = [] if options.port == 22 else list(hosts)
        if options.host_keys == "off":
            return Trust(options, names[0])
        found = [self._find(options, names[0])]
        known = bool(_marked(found[0], ""))  # then what stands elsewhere under hashed names matters little
        found += [self._find(options, name, hashed=not known) for name in names[1:]]
        loose = [key for name in bare for key in self._find(options, name, hashed=not known)]
        every = [key for keys in found for key in keys] + loose
        return Trust(
            options,
            names[0],
            keys=next((plain for keys in found if (plain := _marked(keys, ""))), ()),
            welcome=_marked(loose, ""),
            authorities=_marked(every, "cert-authority"),
            revoked=_marked(every, "revoked"),
        )

    async def remember(self, trust: Trust, kind: str, blob: bytes, seconds: float) -> None:
        """File a new key. Raises HostKeyMismatch where another one was filed in the meantime."""
        known = await self._own_of(trust.options).remember(trust.name, kind, blob)
        if known:
            raise trust.changed(known, kind, blob, seconds)

    def _find(self, options: SshOptions, name: str, *, hashed: bool = True) -> list[KnownKey]:
        own, others = self._own_of(options).hosts, self._others_of(options)
        return [*own.find(name, hashed=hashed), *others.find(name, hashed=hashed)]

    def _own_of(self, options: SshOptions) -> OwnHosts:
        path = options.known_hosts
        if path not in self._own:
            self._own[path] = OwnHosts(path, self.clock, self.warn)
        return self._own[path]

    def _others_of(self, options: SshOptions) -> KnownHosts:
        paths = options.other_known_hosts
        if paths not in self._others:
            self._others[paths] = KnownHosts(self.warn)
            for path in paths:
                self._others[paths].read(path)
        return self._others[paths]


def _marked(keys: Iterable[KnownKey], marker: str) -> tuple[KnownKey, ...]:
    return tuple(key for key in keys if key.marker == marker)


def _shown(kind: str, blob: bytes) -> str:
    return f"{kind} {fingerprint(blob)}"


def _load(keys: Iterable[KnownKey]) -> list[asyncssh.SSHKey]:
    loaded = []
    for key in keys:
        try:
            loaded.append(asyncssh.import_public_key(f"{key.kind} {base64.b64encode(key.blob).decode()}"))
        except asyncssh.KeyImportError:
            continue  # of a type that AsyncSSH does not know, and so never takes part in
    return loaded
