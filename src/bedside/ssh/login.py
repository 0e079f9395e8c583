"""One login as AsyncSSH goes through it: in which phase it is, whether the host's key will do, what is
offered to it, and why it failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import asyncssh

from bedside import text
from bedside.errors import AuthenticationFailed, HostKeyMismatch
from bedside.ssh.hostkeys import Trust
from bedside.ssh.keyring import Credential, Identity, Keyring
from bedside.ssh.options import SshOptions
from bedside.ssh.secrets import Secrets
from bedside.ssh.translate import LEGACY_ADVICE

Phase = Literal["connect", "banner", "key_exchange", "login"]

PASSWORD_TRIES = 3
QUESTIONS_LIMIT = 20
"""A host that asks more questions than this in one login is not answered any further."""

_PASSWORD = re.compile(r"pass(word|code|phrase)|kennwort|passwort|mot de passe|contraseña", re.IGNORECASE)
_OLD_SERVER = re.compile(r"OpenSSH_([1-6]\.|7\.[01])")


class Login(asyncssh.SSHClient):
    """AsyncSSH calls its methods. `limit` is the time-out in force, which it moves as phases change."""

    def __init__(
        self,
        options: SshOptions,
        keyring: Keyring,
        secrets: Secrets,
        limit: asyncio.Timeout,
        seconds: Callable[[], float],
    ) -> None:
        self._options, self._keyring, self._secrets = options, keyring, secrets
        self._limit, self._seconds = limit, seconds
        self._connection: asyncssh.SSHClientConnection | None = None
        self._identities: Iterator[Identity] | None = None
        self._begun = False
        self._offered: list[str] = []
        self._tried: list[str] = []
        self._remarks: list[str] = []
        self._secret: str | None = None
        self._passwords = self._questions = 0
        self._heard = -1
        self.trust = Trust(options, "")
        self.rejection: HostKeyMismatch | None = None
        self.new_key: tuple[str, bytes] | None = None

    @property
    def phase(self) -> Phase:
        """How far it has come."""
        if self._connection is None:
            return "connect"
        if self._begun:
            return "login"
        return "key_exchange" if self._connection.get_extra_info("server_version") else "banner"

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """The stream stands: from here on the login's time counts."""
        self._connection = conn
        limit = self._options.login_timeout
        self._limit.reschedule(asyncio.get_running_loop().time() + limit if limit else None)

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Return True for a key that will do; `rejection` then says why not."""
        kind, blob = key.algorithm.decode(), key.public_data
        try:
            if not self.trust.judge(kind, blob, self._seconds()):
                self.new_key = kind, blob
        except HostKeyMismatch as error:
            self.rejection = error
            return False
        return True

    def begin_auth(self, username: str) -> None:
        """The host has proven its key."""
        self._begun = True

    def auth_completed(self) -> None:
        """The host has let us in."""
        if self._secret is not None:
            self._secrets.accepted(self._options.host, self._options.user, self._secret)

    async def public_key_auth_requested(self) -> Credential | None:
        """Return the next key to try."""
        self._note_offer()
        if self._identities is None:
            self._identities = iter(await self._keyring.identities(self._options))
        identity = next(self._identities, None)
        if identity is None:
            return None
        self._tried.append(f"publickey ({identity.words})")
        return identity.make(self._waiting)

    async def password_auth_requested(self) -> str | None:
        """Return the password, or another one after a refusal."""
        self._note_offer()
        return await self._next_password("password")

    def kbdint_auth_requested(self) -> str | None:
        """Return "" to be asked questions, None not to be."""
        self._note_offer()
        self._note_refusal()
        silent, self._heard = self._heard == self._questions, self._questions
        more = self._passwords < PASSWORD_TRIES and self._questions < QUESTIONS_LIMIT
        return "" if more and not silent else None  # a host that asked nothing the last time won't now

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Return the answers to what the host asks; None where there is none."""
        answers: list[str] = []
        for prompt, echo in prompts:
            self._questions += 1
            if self._questions > QUESTIONS_LIMIT:
                self._remarks.append("it went on asking questions")
                return None
            answer = await self._answer(prompt, echo=echo)
            if answer is None:
                asked = text.one_line(prompt or instructions or name, 80)
                self._remarks.append(f'it asked "{asked}", to which there is no answer')
                return None
            answers.append(answer)
        return answers

    def password_change_requested(self, prompt: str, lang: str) -> tuple[str, str]:
        """Called when a password has expired; nothing is changed here."""
        self._remarks.append("it wants a new password to be set first")
        refusal: tuple[str, str] = NotImplemented  # AsyncSSH's own sign for it
        return refusal

    def failure(self, remark: str = "") -> AuthenticationFailed:
        """Return the error for a host that let us in by no means."""
        self._note_refusal()
        self._remarks += [remark] if remark else []
        tried = ", ".join(self._tried) or "nothing"
        offered = ", ".join(dict.fromkeys(self._offered)) or "no way to log in that bedside knows"
        remarks = "".join(f"; {remark}" for remark in dict.fromkeys(self._remarks))
        return AuthenticationFailed(
            f"login as {text.one_line(self._options.user)} refused: tried {tried}; "
            f"the host offers {offered}{remarks}",
            host=self._options.host, phase="login", seconds=self._seconds(), advice=self._advice(),
        )  # fmt: skip

    def _advice(self) -> str:
        keys = [words for words in self._tried if words.startswith("publickey")]
        version = str(self._connection.get_extra_info("server_version")) if self._connection else ""
        held_back = not self._options.legacy_algorithms and any("ssh-rsa" in words for words in keys)
        if held_back and _OLD_SERVER.search(version):
            return LEGACY_ADVICE
        if "publickey" in self._offered and not keys:
            return "no key was found: name one with identity_files, IdentityFile, or load it into an agent"
        if "publickey" in self._offered:
            return "check the user, and that one of these keys is in the host's authorized_keys"
        return "check the user and the password"

    async def _answer(self, prompt: str, *, echo: bool) -> str | None:
        if not echo and _PASSWORD.search(prompt):
            return await self._next_password("keyboard-interactive")
        self._tried.append("keyboard-interactive")
        with self._waiting():
            return await self._secrets.answer(self._options.host, self._options.user, prompt, echo=echo)

    async def _next_password(self, method: str) -> str | None:
        host, user = self._options.host, self._options.user
        refused = self._note_refusal()
        if self._passwords >= PASSWORD_TRIES:
            return None
        with self._waiting():
            password = await self._secrets.password(host, user)
        if password is None or password == refused:
            return None
        self._passwords += 1
        self._secret = password
        self._tried.append(method)
        return password

    def _note_refusal(self) -> str | None:
        """Being asked again means that the password given before was refused; returns it."""
        refused, self._secret = self._secret, None
        if refused is not None:
            self._secrets.refused(self._options.host, self._options.user, refused)
        return refused

    def _note_offer(self) -> None:
        if self._connection:
            self._offered += self._connection.get_server_auth_methods()

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """While a person is asked, the host's time does not run."""
        loop = asyncio.get_running_loop()
        end, asked = self._limit.when(), loop.time()
        self._limit.reschedule(None)
        try:
            yield
        finally:
            if end is not None and not self._limit.expired():
                self._limit.reschedule(end + loop.time() - asked)
