"""One simulated host's SSH server, and the faults that concern its network.

Cutting the cable is done with a socket filter that drops every packet (classic BPF, `SO_ATTACH_FILTER`,
socket(7)): new connections time out and standing ones fall silent, without any privilege. Mending takes
the filter off, and TCP goes on where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import struct
import sys
from datetime import UTC, datetime

import asyncssh

from bedside.errors import LabError
from bedside.lab.level import OPS_PASSWORD
from bedside.lab.simulated.files import HOMES
from bedside.lab.simulated.host import Host
from bedside.lab.simulated.session import serve
from bedside.lab.simulated.sftp import HostFiles

REBOOT_SECONDS = 2.0
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27


class HostServer:
    """The SSH server of one host; listens from `start` to `stop`, except while the host is off."""

    def __init__(self, host: Host, key: asyncssh.SSHKey, authorized: asyncssh.SSHKey) -> None:
        self.host, self.key, self._authorized = host, key, authorized
        self.port = 0
        self._listener: asyncio.Server | asyncssh.SSHAcceptor | None = None
        self._socket: socket.socket | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._silent: set[asyncio.StreamWriter] = set()
        self._booting: asyncio.Task[None] | None = None
        host.on_reboot = self.reboot

    async def start(self) -> None:
        """Listen, on the same port as before where there was one."""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((self.host.address, self.port))
        self.port = self._socket.getsockname()[1]
        self._filter(self._socket)
        if self.host.platform.kind == "appliance":
            self._listener = await asyncio.start_server(self._banner_only, sock=self._socket)
            return
        self._listener = await asyncssh.listen(
            sock=self._socket,
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

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._booting:
            self._booting.cancel()
            self._booting = None
        self.deafen()
        for connection in list(self._connections):
            connection.abort()
        for writer in list(self._silent):
            writer.transport.abort()

    # --- faults

    def cut(self) -> None:
        """Pull the cable out. Raises LabError where the machine can't do that."""
        if not sys.platform.startswith("linux"):
            raise LabError("the fault 'cut' needs Linux")
        self.host.cut = True
        self._filter_all()

    def mend(self) -> None:
        """Put the cable back."""
        self.host.cut = False
        self._filter_all()

    def deafen(self) -> None:
        """Stop listening; connections that stand stay, as with an sshd that was killed."""
        if self._listener:
            self._listener.close()
            self._listener = None

    async def listen_again(self) -> None:
        """Listen, if the host is on and does not."""
        if self.host.powered and not self._listener:
            await self.start()

    async def power_off(self) -> None:
        """Pull the plug: connections break, new ones are refused."""
        await self.stop()
        if self.host.powered:
            self.host.powered, self.host.since = False, datetime.now(UTC)

    async def power_on(self) -> None:
        """Boot, unless the host is on."""
        if not self.host.powered:
            self.host.boot()
            await self.listen_again()

    def reboot(self) -> None:
        """Go down now and come back after REBOOT_SECONDS, with a new boot id. A host that is off boots."""
        if not self._booting:
            self._booting = asyncio.create_task(self._reboot())

    async def _reboot(self) -> None:
        booting, self._booting = self._booting, None  # stop() would cancel this very task
        await self.power_off()
        self._booting = booting
        await asyncio.sleep(REBOOT_SECONDS)
        self._booting = None
        await self.power_on()

    # --- sockets

    def _filter_all(self) -> None:
        if self._listener and self._socket:
            self._filter(self._socket)
        for connection in self._connections:
            self._filter(connection.get_extra_info("socket"))
        for writer in self._silent:
            self._filter(writer.get_extra_info("socket"))

    def _filter(self, sock: socket.socket) -> None:
        if self.host.cut:
            drop = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K, 0
            program = struct.pack("HL", 1, ctypes.addressof(drop))
            sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        elif sys.platform.startswith("linux"):
            with contextlib.suppress(OSError):  # none was attached
                sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)

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
