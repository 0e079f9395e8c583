"""Passwords and passphrases: where they come from. They never stand in arguments, logs or errors."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Secrets(Protocol):
    """Whom to ask for what must not be written down. None means that there is no answer."""

    async def password(self, host: str, user: str) -> str | None:
        """Return the login password."""

    async def passphrase(self, path: Path) -> str | None:
        """Return the passphrase of an encrypted key file."""

    async def answer(self, host: str, user: str, prompt: str, *, echo: bool) -> str | None:
        """Return the answer to a question that the host asks at the login. `prompt` is hostile text."""

    async def sudo_password(self, host: str, user: str) -> str | None:
        """Return what sudo wants to hear."""

    def refused(self, host: str, user: str, secret: str) -> None:
        """Tell that the host refused the secret: it must not be given out again."""


class NoSecrets:
    """Knows nothing: for what must run without a person."""

    async def password(self, host: str, user: str) -> str | None:
        """Return None."""
        return None

    async def passphrase(self, path: Path) -> str | None:
        """Return None."""
        return None

    async def answer(self, host: str, user: str, prompt: str, *, echo: bool) -> str | None:
        """Return None."""
        return None

    async def sudo_password(self, host: str, user: str) -> str | None:
        """Return None."""
        return None

    def refused(self, host: str, user: str, secret: str) -> None:
        """Forget it: nothing was given out."""
