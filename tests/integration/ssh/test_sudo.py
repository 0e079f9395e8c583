"""sudo with real users. Needs root, to make them."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.sessions import cut, open_folder, session
from tests.support.sshd import Sshd, password_user, sshd

from bedside.errors import ConnectionLost, Denied, TimedOut
from bedside.runner import Command, Pty
from bedside.ssh.secrets import NoSecrets
from bedside.ssh.session import Session

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, to make users"),
    pytest.mark.skipif(shutil.which("sudo") is None, reason="needs sudo"),
]

PASSWORD = "it's a \\ päss !"


@dataclass
class OnePassword(NoSecrets):
    """Knows a password, counts how often it is asked for it, and hears what was refused."""

    word: str | None = PASSWORD
    asked: int = 0
    heard: list[str] = field(default_factory=list)

    async def sudo_password(self, host: str, user: str) -> str | None:
        self.asked += 1
        return self.word

    def refused(self, host: str, user: str, secret: str) -> None:
        self.heard.append(secret)


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with password_user(PASSWORD) as user, open_folder() as folder, sshd(folder, user=user) as running:
        yield running


@contextmanager
def sudoers(server: Sshd, rule: str | None, *defaults: str) -> Iterator[None]:
    path = Path(f"/etc/sudoers.d/{server.user}")
    lines = [f"Defaults:{server.user} {default}" for default in ("!mail_always", *defaults)]
    path.touch(mode=0o440)
    path.write_text("\n".join([*lines, f"{server.user} {rule}" if rule else "", ""]))
    try:
        yield
    finally:
        path.unlink()


ASKING = "ALL=(ALL:ALL) ALL"
FREE = "ALL=(ALL:ALL) NOPASSWD: ALL"
ALWAYS = "timestamp_timeout=0"


@asynccontextmanager
async def host_of(
    server: Sshd, rule: str | None, *defaults: str, word: str | None = PASSWORD
) -> AsyncIterator[tuple[Session, OnePassword]]:
    known = OnePassword(word)
    with sudoers(server, rule, ALWAYS, *defaults):
        async with session(server, secrets=known) as host:
            yield host, known


async def test_the_password_is_sent_and_nothing_of_it_shows(server: Sshd) -> None:
    lines: list[bytes] = []
    async with host_of(server, ASKING, "lecture=always") as (host, known):
        result = await host.sudo(
            Command("id -un; echo err >&2; tr '\\0' ' ' < /proc/$PPID/cmdline"),
            on_line=lambda _, line: lines.append(line),
        )
    assert result.ok
    assert result.stdout.startswith(b"root\n")
    assert PASSWORD.encode() not in result.stdout
    assert result.stderr == b"err\n"
    assert lines[0] in (b"root", b"err")
    assert known.asked == 1
    assert result.command.startswith("id -un")


async def test_no_password_is_sent_where_none_is_asked_for(server: Sshd) -> None:
    async with host_of(server, FREE) as (host, known):
        result = await host.sudo(Command("id -un; cat", stdin=b"input"))
        assert result.stdout == b"root\ninput"
        assert (await host.sudo(Command("cat"))).stdout == b""
        assert known.asked == 0


async def test_the_commands_own_input_follows_the_password(server: Sshd) -> None:
    data = os.urandom(200_000)
    async with host_of(server, ASKING) as (host, _):
        result = await host.sudo(Command("cat", stdin=data))
        assert result.stdout == data
        assert (await host.sudo(Command("cat"))).stdout == b""


async def test_another_user_and_group_can_be_named(server: Sshd) -> None:
    async with host_of(server, ASKING) as (host, _):
        result = await host.sudo(Command("id -un; id -gn"), user="nobody", group="daemon")
    assert result.out.split() == ["nobody", "daemon"]


async def test_environment_and_folder_hold_inside(server: Sshd) -> None:
    async with host_of(server, ASKING) as (host, _):
        result = await host.sudo(
            Command('pwd; printf "%s" "$A"; exit 4', env={"A": "a 'b' \\c"}, cwd="/root")
        )
    assert (result.exit, result.stdout) == (4, b"/root\na 'b' \\c")


async def test_a_refused_password_is_never_sent_again(server: Sshd) -> None:
    async with host_of(server, ASKING, "passwd_tries=3", word="wrong") as (host, known):
        with pytest.raises(Denied, match="refused the password") as caught:
            await host.sudo(Command("id"))
        assert caught.value.phase == "sudo"
        assert "wrong" not in str(caught.value)
        assert known.heard == ["wrong"]
        with pytest.raises(Denied, match="not sent again"):
            await host.sudo(Command("id"))
        known.word = PASSWORD
        assert (await host.sudo(Command("id -un"))).out == "root"


async def test_a_password_refused_at_the_only_try_counts_too(server: Sshd) -> None:
    async with host_of(server, ASKING, "passwd_tries=1", word="wrong") as (host, known):
        with pytest.raises(Denied, match="sudo refused"):
            await host.sudo(Command("id"))
        assert known.heard == ["wrong"]


async def test_a_password_that_nobody_knows_is_said_so(server: Sshd) -> None:
    async with host_of(server, ASKING, word=None) as (host, _):
        with pytest.raises(Denied, match=r"none is known.*sudo_password_command"):
            await host.sudo(Command("id"))
        assert (await host.run(Command("echo still"))).out == "still"


async def test_a_user_without_rights_is_told_what_sudo_said(server: Sshd) -> None:
    async with host_of(server, None) as (host, _):
        with pytest.raises(Denied, match=r"sudo refused: .*not in the sudoers"):
            await host.sudo(Command("id"))


async def test_a_command_that_is_not_allowed_is_denied_though_sudo_quotes_it(server: Sshd) -> None:
    async with host_of(server, "ALL=(ALL) NOPASSWD: /bin/true") as (host, _):
        with pytest.raises(Denied, match="sudo refused"):
            await host.sudo(Command("echo hello"))


async def test_an_unknown_user_is_denied(server: Sshd) -> None:
    async with host_of(server, FREE) as (host, _):
        with pytest.raises(Denied, match="nosuchuser"):
            await host.sudo(Command("id"), user="nosuchuser")


async def test_a_terminal_is_given_where_sudo_insists(server: Sshd) -> None:
    async with host_of(server, ASKING, "requiretty") as (host, _):
        result = await host.sudo(Command("id -un; exit 3"))
        assert (result.exit, result.stdout) == (3, b"root\r\n")
        with pytest.raises(Denied, match="requiretty"):
            await host.sudo(Command("cat", stdin=b"binary"))


async def test_a_terminal_may_be_asked_for(server: Sshd) -> None:
    async with host_of(server, ASKING, "lecture=always") as (host, _):
        result = await host.sudo(Command("id -un; cat; tty", pty=Pty(), stdin=b"typed\n"))
        assert b"root\r\n" in result.stdout  # where the terminal's echo of the input stands is chance
        assert result.stdout.count(b"typed\r\n") >= 1
        assert b"/dev/" in result.stdout
        assert PASSWORD.encode() not in result.stdout


async def test_another_language_makes_no_difference(server: Sshd) -> None:
    async with host_of(server, ASKING, "badpass_message='Nein, so nicht'") as (host, known):
        command = Command("true")
        assert (await host.sudo(command)).ok
        known.word = "falsch"
        with pytest.raises(Denied, match="refused the password"):
            await host.sudo(command)


async def test_a_host_without_sudo_is_said_so(server: Sshd) -> None:
    with open_folder() as folder:
        config = "SetEnv PATH=/nowhere"
        with sshd(folder, user=server.user, config=config) as bare:
            async with session(bare) as host:
                with pytest.raises(Denied, match="sudo is not installed"):
                    await host.sudo(Command("id"))


async def test_a_command_that_hangs_in_sudo_times_out(server: Sshd) -> None:
    async with host_of(server, ASKING) as (host, _):
        with pytest.raises(TimedOut) as caught:
            await host.sudo(Command("echo begun; sleep 30", timeout=2))
        assert caught.value.phase == "sudo"
        assert caught.value.result
        assert caught.value.result.stdout == b"begun\n"


async def test_a_connection_that_breaks_while_sudo_asks_is_lost(server: Sshd) -> None:
    class Cutting(OnePassword):
        async def sudo_password(self, host: str, user: str) -> str | None:
            cut(server)
            return await super().sudo_password(host, user)

    known = Cutting()
    with sudoers(server, ASKING, ALWAYS):
        async with session(server, secrets=known) as host:
            with pytest.raises(ConnectionLost):
                await host.sudo(Command("id"))
