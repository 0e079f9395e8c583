"""The user's keys: read once, shared by all connections.

What is offered, in ssh's own order: keys of the agent that identity files name, the agent's other keys,
then the files'. A key file with a passphrase stays locked until a host would take the key; then the
passphrase is asked for, once for all hosts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from bedside.config import readable_by_others
from bedside.ssh.knownhosts import fingerprint
from bedside.ssh.options import SshOptions
from bedside.ssh.secrets import Secrets

AGENT_LIMIT = 5.0
"""Seconds an agent may take to list its keys."""
PASSPHRASE_TRIES = 3

Waiting = Callable[[], AbstractContextManager[None]]
"""Wraps a wait for a person, during which no time-out of a host runs."""
Credential = asyncssh.SSHKeyPair | asyncssh.SSHKey | tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]


@dataclass(frozen=True, slots=True)
class Identity:
    """One thing to log in with. `make` gives it to AsyncSSH, anew for each connection: it keeps state."""

    words: str
    make: Callable[[Waiting], Credential]


class LockedFile:
    """An encrypted key file."""

    def __init__(self, path: Path, data: bytes, secrets: Secrets, warn: Callable[[str], None]) -> None:
        self.path = path
        self._data, self._secrets, self._warn = data, secrets, warn
        self._turn = asyncio.Lock()
        self._key: asyncssh.SSHKey | None = None
        self._given_up = False

    async def unlock(self) -> asyncssh.SSHKey:
        """Return the private key. Raises ValueError where nobody knows the passphrase."""
        async with self._turn:
            for _ in range(PASSPHRASE_TRIES):
                if self._key or self._given_up:
                    break
                passphrase = await self._secrets.passphrase(self.path)
                if passphrase is None:
                    break
                self._key = await asyncio.to_thread(self._decrypt, passphrase)
            if self._key is None:
                if not self._given_up:
                    self._warn(f"the key file {self.path} is encrypted, and its passphrase is not known")
                self._given_up = True
                raise ValueError(f"{self.path} stays locked")
            return self._key

    def _decrypt(self, passphrase: str) -> asyncssh.SSHKey | None:
        try:
            return asyncssh.import_private_key(self._data, passphrase)
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            return None


class LockedKey(asyncssh.SSHKeyPair):
    """A key whose public half is known, and whose private half is unlocked when it is to sign."""

    def __init__(
        self,
        public: asyncssh.SSHKey,
        cert: asyncssh.SSHCertificate | None,
        file: LockedFile,
        waiting: Waiting,
    ) -> None:
        kinds = public.sig_algorithms
        super().__init__(public.algorithm, public.algorithm, kinds, kinds, public.public_data, None, cert)
        self._file, self._waiting = file, waiting

    async def sign_async(self, data: bytes) -> bytes:
        """Called by AsyncSSH; a ValueError makes it go on to the next key."""
        with self._waiting():
            key = await self._file.unlock()
        return key.sign(data, self.sig_algorithm)


class AgentKey(asyncssh.SSHAgentKeyPair):
    """A key in the agent, over the one connection to it that all share."""

    async def sign_async(self, data: bytes) -> bytes:
        """Called by AsyncSSH. Not to be broken off midway: the next one would read the answer to this."""
        return await asyncio.shield(asyncio.ensure_future(super().sign_async(data)))


@dataclass(slots=True)
class Keyring:
    """All keys in use, by where they come from."""

    secrets: Secrets
    warn: Callable[[str], None]
    _sets: dict[tuple[object, ...], asyncio.Future[list[Identity]]] = field(default_factory=dict)
    _agents: dict[str, asyncssh.SSHAgentClient] = field(default_factory=dict)
    _files: dict[Path, asyncssh.SSHKey | LockedFile | None] = field(default_factory=dict)

    async def identities(self, options: SshOptions) -> list[Identity]:
        """Return what may be offered to a host, in this order."""
        where = (options.identity_files, options.certificate_files, options.identities_only, options.agent)
        if where not in self._sets:
            self._sets[where] = asyncio.ensure_future(self._collect(options))
        return await asyncio.shield(self._sets[where])

    def close(self) -> None:
        """Let go of the agents."""
        for future in self._sets.values():
            future.cancel()
        for agent in self._agents.values():
            agent.close()

    async def _collect(self, options: SshOptions) -> list[Identity]:
        certs = list(self._certificates(options))
        files = [(path, self._public(path), self._private(path)) for path in options.identity_files]
        named = [public.public_data for _, public, _ in files if public]
        agent = await self._agent_keys(options.agent) if options.agent else []
        agent.sort(key=lambda key: named.index(key[1]) if key[1] in named else len(named))
        in_agent = {blob for _, blob, _ in agent}
        found: list[Identity] = []
        for algorithm, blob, comment in agent:
            if blob in named or not options.identities_only:
                found += self._of_agent(options.agent or "", algorithm, blob, comment, certs)
        for path, public, private in files:
            if private and not (public and public.public_data in in_agent):
                found += _of_file(path, public, private, certs)
        return found

    def _of_agent(
        self,
        path: str,
        algorithm: bytes,
        blob: bytes,
        comment: bytes,
        certs: Sequence[asyncssh.SSHCertificate],
    ) -> Iterator[Identity]:
        words = f"{algorithm.decode('ascii', 'replace')} {fingerprint(blob)} of the agent"

        def make(cert: asyncssh.SSHCertificate | None) -> AgentKey:
            key = AgentKey(self._agents[path], algorithm, blob, comment)
            if cert:
                key.set_certificate(cert)
            return key

        for cert in certs:
            if cert.key.public_data == blob:
                yield Identity(f"certificate for {words}", lambda _, cert=cert: make(cert))  # type: ignore[misc]
        yield Identity(words, lambda _: make(None))

    async def _agent_keys(self, path: str) -> list[tuple[bytes, bytes, bytes]]:
        agent = self._agents.setdefault(path, asyncssh.SSHAgentClient(path))
        try:
            async with asyncio.timeout(AGENT_LIMIT):
                keys = await agent.get_keys()
        except TimeoutError:
            self.warn(f"the agent at {path} does not answer, and is not used")
            self._agents[path] = asyncssh.SSHAgentClient(path)
            return []
        except (OSError, ValueError) as error:
            self.warn(f"the agent at {path} can't be used: {error}")
            return []
        return [(key.algorithm, key.public_data, key.get_comment_bytes() or b"") for key in keys]

    def _private(self, path: Path) -> asyncssh.SSHKey | LockedFile | None:
        if path not in self._files:
            self._files[path] = self._read_private(path)
        return self._files[path]

    def _read_private(self, path: Path) -> asyncssh.SSHKey | LockedFile | None:
        try:
            data = path.read_bytes()
            if readable_by_others(path):
                self.warn(f"the key file {path} may be read by others: chmod 600 it")
        except OSError as error:
            if not path.with_name(path.name + ".pub").is_file():  # else it names a key of the agent
                self.warn(f"the key file {path} can't be read: {error.strerror}")
            return None
        try:
            if b"PRIVATE KEY" not in data:  # the public half of a key that only the agent holds?
                asyncssh.import_public_key(data)
                return None
            return asyncssh.import_private_key(data)
        except asyncssh.KeyImportError as error:
            if str(error).startswith("Passphrase"):
                return LockedFile(path, data, self.secrets, self.warn)
            self.warn(f"the key file {path} makes no sense: {error}")
        return None

    def _public(self, path: Path) -> asyncssh.SSHKey | None:
        private = self._private(path)
        if isinstance(private, asyncssh.SSHKey):
            return private.convert_to_public()
        for candidate in (path.with_name(path.name + ".pub"), path):
            try:
                return asyncssh.read_public_key(candidate)
            except (OSError, asyncssh.KeyImportError):
                continue
        return None

    def _certificates(self, options: SshOptions) -> Iterator[asyncssh.SSHCertificate]:
        beside = [path.with_name(path.name + "-cert.pub") for path in options.identity_files]
        for path in dict.fromkeys((*options.certificate_files, *beside)):
            try:
                yield asyncssh.read_certificate(path)
            except OSError as error:
                if path in options.certificate_files:
                    self.warn(f"the certificate {path} can't be read: {error.strerror}")
            except asyncssh.KeyImportError as error:
                self.warn(f"the certificate {path} makes no sense: {error}")


def _of_file(
    path: Path,
    public: asyncssh.SSHKey | None,
    private: asyncssh.SSHKey | LockedFile,
    certs: Sequence[asyncssh.SSHCertificate],
) -> Iterator[Identity]:
    if public is None:
        return  # an old encrypted format with no public half beside it: `ssh-keygen -y` makes one
    words = f"{public.algorithm.decode()} {fingerprint(public.public_data)} of {path}"
    cert = next((c for c in certs if c.key.public_data == public.public_data), None)
    if isinstance(private, LockedFile):
        if cert:
            yield Identity(
                f"certificate for {words}", lambda waiting: LockedKey(public, cert, private, waiting)
            )
        yield Identity(words, lambda waiting: LockedKey(public, None, private, waiting))
    elif cert:
        yield Identity(f"{words}, with and without its certificate", lambda _: (private, cert))
    else:
        yield Identity(words, lambda _: private)
