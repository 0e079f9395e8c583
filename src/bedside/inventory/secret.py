"""Passwords of sources: named in the configuration, read only when they are needed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bedside.errors import SourceError

COMMAND_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a password is to be had; at most one of the three is set."""

    file: Path | None = None
    env: str | None = None
    command: str | None = None

    async def read(self, source: str, environ: Mapping[str, str]) -> str:
        """Return the password: the first line of what is there. Raises SourceError."""
        if self.env is not None:
            if self.env not in environ:
                raise SourceError(f"${self.env} is not set", source=source, advice="it holds the password")
            return environ[self.env]
        if self.file is not None:
            try:
                text = self.file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise SourceError(
                    f"the password file {self.file} can't be read: {reason}", source=source
                ) from None
            return _first_line(text)
        return await self._from_command(source) if self.command is not None else ""

    async def _from_command(self, source: str) -> str:
        process = await asyncio.create_subprocess_shell(
            self.command or "", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                out, _ = await process.communicate()
        except TimeoutError:
            raise SourceError(
                f"the password command did not end within {COMMAND_SECONDS:g} s", source=source
            ) from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            raise SourceError(f"the password command ended with status {process.returncode}", source=source)
        return _first_line(out.decode("utf-8", "replace"))


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0].removesuffix("\r")
