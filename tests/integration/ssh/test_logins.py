"""Every way to log in, to real sshd and, for odd questions, to a server of AsyncSSH's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import asyncssh
import pytest
from asyncssh.auth import KbdIntChallenge, KbdIntResponse
from tests.support.connecting import Side, nothing_left_behind, other_tasks
from tests.support.sshd import Sshd, free_port, keygen, password_user, public, sign, ssh_agent, sshd

from bedside.errors import AuthenticationFailed, TimedOut, Unreachable
from bedside.ssh.secrets import NoSecrets

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(scope="module")
def with_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    if os.getuid() != 0:
        pytest.skip("needs root, to make a user with a password")
    with password_user(PASSWORD) as user, sshd(tmp_path_factory.mktemp("sshd"), user=user) as running:
        yield running


class Typed(NoSecrets):
    """A person who types these passwords, one after the other, and keeps a list of what was asked."""

    def __init__(self, *passwords: str, answers: dict[str, str] | None = None, takes: float = 0.0) -> None:
        self.passwords, self.answers, self.takes = list(passwords), answers or {}, takes
        self.asked: list[str] = []
        self.told: list[tuple[str, str]] = []

    async def password(self, host: str, user: str) -> str | None:
        self.asked.append(f"password of {user}")
        await asyncio.sleep(self.takes)
        return self.passwords.pop(0) if self.passwords else None

    async def passphrase(self, path: Path) -> str | None:
        self.asked.append(f"passphrase of {path.name}")
        await asyncio.sleep(self.takes)
        return self.passwords.pop(0) if self.passwords else None

    async def answer(self, host: str, user: str, prompt: str, *, echo: bool) -> str | None:
        self.asked.append(prompt)
        return self.answers.get(prompt)

    def refused(self, host: str, user: str, secret: str) -> None:
        self.told.append(("refused", secret))

    def accepted(self, host: str, user: str, secret: str) -> None:
        self.told.append(("accepted", secret))


async def who(side: Side, host: str, ssh_config: str = "", **section: object) -> str:
    """Log in and return as whom."""
    async with side.connected(host, ssh_config, **section) as connection:
        return str((await connection.raw.run("id -un", check=True)).stdout).strip()


async def refused(side: Side, host: str, ssh_config: str = "", **section: object) -> AuthenticationFailed:
    """Fail to log in, leaving nothing behind, and return the error."""
    async with nothing_left_behind():
        with pytest.raises(AuthenticationFailed) as caught:
            await who(side, host, ssh_config, **section)
    return caught.value


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
async def test_a_key_file(server: Sshd, tmp_path: Path, kind: str) -> None:
    key = keygen(tmp_path / "key", kind)
    with (server.folder / "authorized_keys").open("a") as file:
        file.write(public(key))
    assert await who(Side(tmp_path), f"127.0.0.1:{server.port}", identity_files=[str(key)]) == server.user


async def test_the_agent_is_asked_once_for_all_hosts(server: Sshd, tmp_path: Path) -> None:
    with ssh_agent(tmp_path, server.key) as socket:
        side = Side(tmp_path)
        config = f"Host *\n  IdentityAgent {socket}\n"
        async with side.pool(config, agent=True) as pool:
            hosts = [f"127.0.0.{n}:{server.port}" for n in (1, 1)]
            sessions = [await pool.session(hosts[0]), *await asyncio.gather(*map(pool.fresh, hosts))]
            assert len({id(session) for session in sessions}) == 3
            connected = [
                line
                for line in Path("/proc/net/unix").read_text().splitlines()
                if line.endswith(str(socket)) and " 03 " in line
            ]
        assert len(connected) == 1, "one connection to the agent, however many hosts"


async def test_a_dead_agent_is_warned_about_and_files_are_used(server: Sshd, tmp_path: Path) -> None:
    side = Side(tmp_path)
    environ = {"SSH_AUTH_SOCK": str(tmp_path / "nothing"), "USER": server.user}
    options = side.resolver(environ=environ, agent=True, identity_files=[str(server.key)])(
        f"127.0.0.1:{server.port}"
    )
    connection = await side.connector().connect(options)
    await connection.close()
    assert [w for w in side.warnings if "agent" in w]


async def test_an_encrypted_key_is_asked_for_once_and_only_where_it_would_do(
    server: Sshd, tmp_path: Path
) -> None:
    key = keygen(tmp_path / "locked", "ed25519", "open sesame")
    side = Side(tmp_path, Typed("wrong", "open sesame"))
    assert isinstance(side.secrets, Typed)
    config = "Host *\n  PreferredAuthentications publickey\n"
    await refused(side, f"127.0.0.1:{server.port}", config, identity_files=[str(key)])
    assert side.secrets.asked == [], "the host would not take the key: nobody need type anything"
    with (server.folder / "authorized_keys").open("a") as file:
        file.write(public(key))
    async with side.pool(identity_files=[str(key)]) as pool:
        host = f"127.0.0.1:{server.port}"
        for session in await asyncio.gather(*[pool.fresh(host) for _ in range(4)]):
            await session.close()
    assert side.secrets.asked == ["passphrase of locked"] * 2


async def test_an_encrypted_key_without_a_passphrase_is_named(server: Sshd, tmp_path: Path) -> None:
    key = keygen(tmp_path / "locked", "ed25519", "open sesame")
    with (server.folder / "authorized_keys").open("a") as file:
        file.write(public(key))
    error = await refused(Side(tmp_path), f"127.0.0.1:{server.port}", identity_files=[str(key)])
    assert "locked" in str(error)


async def test_a_certificate(tmp_path: Path) -> None:
    authority, key = keygen(tmp_path / "ca"), keygen(tmp_path / "key")
    sign(authority, key, "root")
    with sshd(tmp_path / "sshd", config=f"TrustedUserCAKeys {authority}.pub") as server:
        host = f"root@127.0.0.1:{server.port}"
        assert await who(Side(tmp_path), host, identity_files=[str(key)]) == "root"
        elsewhere = shutil.move(tmp_path / "key-cert.pub", tmp_path / "cert")
        config = f"Host *\n  IdentityFile {key}\n  CertificateFile {elsewhere}\n"
        assert await who(Side(tmp_path), host, config) == "root"
        with ssh_agent(tmp_path, key) as socket:
            config += f"  IdentitiesOnly yes\n  IdentityAgent {socket}\n"
            assert await who(Side(tmp_path), host, config, agent=True) == "root"
            key.unlink()
            assert await who(Side(tmp_path), host, config, agent=True) == "root"


async def test_identities_only_keeps_the_agents_other_keys_back(server: Sshd, tmp_path: Path) -> None:
    others = [keygen(tmp_path / f"key{n}") for n in range(8)]
    with ssh_agent(tmp_path, *others, server.key) as socket:
        host = f"127.0.0.1:{server.port}"
        config = f"Host *\n  IdentityAgent {socket}\n"
        error = await refused(Side(tmp_path), host, config, agent=True)
        assert "Too many authentication failures" in str(error)
        config += f"  IdentitiesOnly yes\n  IdentityFile {server.key}\n"
        assert await who(Side(tmp_path), host, config, agent=True) == server.user


async def test_a_password_and_what_became_of_it(with_password: Sshd, tmp_path: Path) -> None:
    host = f"{with_password.user}@127.0.0.1:{with_password.port}"
    side = Side(tmp_path, Typed("wrong", PASSWORD))
    assert isinstance(side.secrets, Typed)
    assert await who(side, host) == with_password.user
    assert side.secrets.told == [("refused", "wrong"), ("accepted", PASSWORD)]


async def test_a_wrong_password_is_in_no_message(with_password: Sshd, tmp_path: Path) -> None:
    host = f"{with_password.user}@127.0.0.1:{with_password.port}"
    side = Side(tmp_path, Typed("hunter2", "hunter3"))
    error = await refused(side, host)
    assert "hunter" not in str(error) + repr(error.__dict__) + repr(error.__cause__)
    assert "tried password, password" in str(error)
    assert "offers publickey, keyboard-interactive, password" in str(error)


async def test_typing_takes_no_time_from_the_login(with_password: Sshd, tmp_path: Path) -> None:
    host = f"{with_password.user}@127.0.0.1:{with_password.port}"
    side = Side(tmp_path, Typed(PASSWORD, takes=1.5))
    assert await who(side, host, login_timeout="1s") == with_password.user


async def test_the_error_says_what_was_tried_and_what_the_host_offers(server: Sshd, tmp_path: Path) -> None:
    key = keygen(tmp_path / "stranger")
    error = await refused(Side(tmp_path), f"127.0.0.1:{server.port}", identity_files=[str(key)])
    assert "tried publickey (ssh-ed25519 SHA256:" in str(error)
    assert "the host offers publickey" in str(error)
    assert "authorized_keys" in error.advice
    assert error.phase == "login"
    nothing = await refused(Side(tmp_path), f"127.0.0.1:{server.port}", identity_files=[])
    assert "tried nothing" in str(nothing)
    assert "no key was found" in nothing.advice


async def test_an_unreadable_key_is_warned_about_once(server: Sshd, tmp_path: Path) -> None:
    side = Side(tmp_path)
    (tmp_path / "garbage").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nno\n")
    (tmp_path / "garbage").chmod(0o600)
    files = [str(tmp_path / "missing"), str(tmp_path / "garbage"), str(server.key)]
    async with side.pool(identity_files=files) as pool:
        for _ in range(2):
            await (await pool.fresh(f"127.0.0.1:{server.port}")).close()
    assert len([w for w in side.warnings if "missing" in w]) == 1
    assert len([w for w in side.warnings if "garbage" in w]) == 1


class Asking(asyncssh.SSHServer):
    """A server that asks questions at the login."""

    def __init__(self, questions: Sequence[tuple[str, bool]], right: list[str]) -> None:
        self._questions, self._right = questions, right

    def begin_auth(self, username: str) -> bool:
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> KbdIntChallenge:
        return "", "", "", list(self._questions)

    def validate_kbdint_response(self, username: str, responses: KbdIntResponse) -> KbdIntChallenge:
        return list(responses) == self._right


class Nagging(Asking):
    """A server that asks again, whatever the answer."""

    def validate_kbdint_response(self, username: str, responses: KbdIntResponse) -> KbdIntChallenge:
        return self.get_kbdint_challenge(username, "", "")


@contextlib.asynccontextmanager
async def serving(factory: Callable[[], asyncssh.SSHServer]) -> AsyncIterator[int]:
    """Serve with AsyncSSH; yields the port."""
    before = other_tasks()
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen("127.0.0.1", 0, server_factory=factory, server_host_keys=[key])
    try:
        yield server.get_port()
    finally:
        server.close()
        await server.wait_closed()
        if left := other_tasks() - before:
            await asyncio.wait(left, timeout=2)


async def test_questions_at_the_login_are_put_to_whom_it_may_concern(tmp_path: Path) -> None:
    questions = [("Password: ", False), ("Token code: ", True)]
    side = Side(tmp_path, Typed(PASSWORD, answers={"Token code: ": "123456"}))
    async with serving(lambda: Asking(questions, [PASSWORD, "123456"])) as port:
        connection = await side.connector().connect(side.options(f"127.0.0.1:{port}"))
        await connection.close()
    assert isinstance(side.secrets, Typed)
    assert side.secrets.asked == [f"password of {os.environ.get('USER', 'root')}", "Token code: "]


async def test_a_question_that_nobody_answers_is_in_the_error(tmp_path: Path) -> None:
    async with serving(lambda: Asking([("Mother's maiden name\x1b[2J?", True)], ["x"])) as port:
        with pytest.raises(AuthenticationFailed) as caught:
            await who(Side(tmp_path), f"127.0.0.1:{port}")
    assert "Mother's maiden name\\x1b[2J?" in str(caught.value)
    assert "no answer" in str(caught.value)


async def test_a_host_that_goes_on_asking_is_left(tmp_path: Path) -> None:
    side = Side(tmp_path, Typed(answers={"Again?": "yes"}))
    async with serving(lambda: Nagging([("Again?", True)], [])) as port:
        with pytest.raises(AuthenticationFailed, match="went on asking"):
            await who(side, f"127.0.0.1:{port}")


async def test_a_host_that_goes_on_asking_nothing_is_timed_out(tmp_path: Path) -> None:
    async with serving(lambda: Nagging([], [])) as port:
        with pytest.raises(TimedOut) as caught:
            await who(Side(tmp_path), f"127.0.0.1:{port}", login_timeout="700ms")
    assert caught.value.phase == "login"


async def test_legacy_algorithms_are_used_only_where_a_rule_allows_them(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-rsa")
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=lambda: Asking([("Password: ", False)], [PASSWORD]),
        server_host_keys=[key], kex_algs=["diffie-hellman-group14-sha1"], encryption_algs=["aes128-cbc"],
        mac_algs=["hmac-sha1"], signature_algs=["ssh-rsa"],
    )  # fmt: skip
    host = f"127.0.0.1:{server.get_port()}"
    try:
        with pytest.raises(Unreachable) as caught:
            await who(Side(tmp_path), host)
        assert caught.value.reason == "protocol"
        assert "diffie-hellman-group14-sha1" in str(caught.value)
        assert "legacy_algorithms = true" in caught.value.advice
        side = Side(tmp_path / "2")
        with pytest.raises(Unreachable):
            await who(side, host, "Host *\n  KexAlgorithms +diffie-hellman-group14-sha1\n")
        assert len([w for w in side.warnings if "legacy_algorithms" in w]) == 1
        rules = [{"hosts": "name = '127.0.0.1'", "legacy_algorithms": True}]
        async with Side(tmp_path / "3", Typed(PASSWORD)).connected(host, rule=rules) as connection:
            assert connection.raw.get_extra_info("send_cipher") == "aes128-cbc"
    finally:
        server.close()
        await server.wait_closed()


async def test_a_port_on_which_nothing_listens_is_no_login_failure(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        await who(Side(tmp_path), f"127.0.0.1:{free_port()}")
