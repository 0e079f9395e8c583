"""One simulated host's SSH server, and the faults that concern its network."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime

import asyncssh

from bedside.lab.level import OPS_PASSWORD
from bedside.lab.simulated.door import Door, Listener
from bedside.lab.simulated.files import HOMES
from bedside.lab.simulated.host import Host
from bedside.lab.simulated.session import serve
from bedside.lab.simulated.sftp import HostFiles

REBOOT_SECONDS = 2.0


class HostServer:
    """The SSH server of one host. Faults change what is wanted, `settle` makes it so."""

    def __init__(self, host: Host, key: asyncssh.SSHKey, authorized: asyncssh.SSHKey) -> None:
        self.host, self.key, self._authorized = host, key, authorized
        self._door = Door(host.address, self._accept)
        self._broken = False
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._silent: set[asyncio.StreamWriter] = set()
        self._booting: asyncio.Task[None] | None = None
        host.on_reboot = self.reboot

    @property
    def port(self) -> int:
        """The port, once it has been opened."""
        return self._door.port

    async def settle(self) -> None:
        """Listen, be silent or refuse, as the host's state has it."""
        if self._broken or not self.host.powered:
            await self._door.shut()
        elif self.host.cut:
            await self._door.silence()
        else:
            await self._door.open()

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._booting:
            self._booting.cancel()
            self._booting = None
        await self._door.shut()
        self._drop()

    # --- faults

    async def cut(self) -> None:
        """Pull the cable out: what stands falls silent."""
        self.host.cut = True
        self.host.plugged.clear()
        for connection in self._connections:
            _pause(connection)
        await self.settle()

    async def mend(self) -> None:
        """Put the cable back: what stands goes on."""
        self.host.cut = False
        self.host.plugged.set()
        for connection in self._connections:
            _resume(connection)
        await self.settle()

    async def break_sshd(self, *, broken: bool) -> None:
        """Stop listening, or do again; connections that stand stay, as with an sshd that was killed."""
        self._broken = broken
        await self.settle()

    async def power_off(self) -> None:
        """Pull the plug: connections break, new ones are refused."""
        if self._booting:
            self._booting.cancel()
            self._booting = None
        await self._go_down()

    async def power_on(self) -> None:
        """Boot, unless the host is on."""
        if not self.host.powered:
            self.host.boot()
            await self.settle()

    def reboot(self) -> None:
        """Go down now and come back after REBOOT_SECONDS, with a new boot id. A host that is off boots."""
        if not self._booting:
            self._booting = asyncio.create_task(self._reboot())

    async def _reboot(self) -> None:
        await self._go_down()
        await asyncio.sleep(REBOOT_SECONDS)
        self._booting = None
        await self.power_on()

    async def _go_down(self) -> None:
        if self.host.powered:
            self.host.powered, self.host.since = False, datetime.now(UTC)
        await self.settle()
        self._drop()

    # --- connections

    async def _accept(self, listening: socket.socket) -> Listener:
        if self.host.platform.kind == "appliance":
            return await asyncio.start_server(self._banner_only, sock=listening)
        return await asyncssh.listen(
            sock=listening,
            config=[],
            server_factory=lambda: _Login(self._connections, self._authorized),
            server_host_keys=[self.key],
            server_version=f"{self.host.platform.ssh_version} bedside-lab-simulated",
            process_factory=lambda process: serve(self.host, process),
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            sftp_factory=(lambda chan: HostFiles(self.host, chan)) if self.host.platform.sftp else None,
            allow_scp=self.host.platform.sftp,
        )

    def _drop(self) -> None:
        for connection in list(self._connections):
            connection.abort()
        for writer in list(self._silent):
            writer.transport.abort()

    async def _banner_only(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._silent.add(writer)
        try:
            writer.write(f"SSH-2.0-{self.host.platform.ssh_version} bedside-lab-simulated\r\n".encode())
            while await reader.read(65536):
                pass
        except OSError:
            pass
        finally:
            self._silent.discard(writer)
            writer.close()


def _pause(connection: asyncssh.SSHServerConnection) -> None:
    """Read nothing from a connection: AsyncSSH has no public way to."""
    if connection._transport:
        connection._transport.pause_reading()


def _resume(connection: asyncssh.SSHServerConnection) -> None:
    if connection._transport:
        connection._transport.resume_reading()


class _Login(asyncssh.SSHServer):
    """Lets root and ops in by the lab's key, ops by password too."""

    def __init__(self, connections: set[asyncssh.SSHServerConnection], authorized: asyncssh.SSHKey) -> None:
        self._connections, self._authorized = connections, authorized.public_data
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection:
            self._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username in HOMES and key.public_data == self._authorized

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == "ops" and password == OPS_PASSWORD
