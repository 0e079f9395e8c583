"""Runs `bedside` as a user would: as a process of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIMIT = 60.0
"""Seconds after which a command that hangs fails its test."""


@dataclass
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Cli:
    """A user: a home folder, a configuration file, a working directory."""

    home: Path
    config: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def whole_environ(self) -> dict[str, str]:
        """The environment of a command."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "BEDSIDE_", "SSH_"))}
        return {**kept, "HOME": str(self.home), "BEDSIDE_CONFIG": str(self.config), **self.environ}

    def start(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "bedside", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=more.pop("stdin", subprocess.DEVNULL),
            text=True,
            errors="surrogateescape",
            cwd=self.home,
            env=self.whole_environ,
            **more,
        )

    def __call__(self, *words: str) -> Ended:
        """Run a command to its end."""
        with self.start(*words) as process:
            try:
                out, err = process.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Ended(process.returncode, out, err)

    def on_terminal(self, *words: str) -> Ended:
        """Run a command with its standard streams on one terminal of 80 columns."""
        inner, outer = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "bedside", *words],
            stdin=outer,
            stdout=outer,
            stderr=outer,
            cwd=self.home,
            env={**self.whole_environ, "TERM": "xterm", "COLUMNS": "80"},
            start_new_session=True,
        )
        os.close(outer)
        screen, until = b"", time.monotonic() + LIMIT
        try:
            while time.monotonic() < until:
                if select.select([inner], [], [], 0.1)[0]:
                    try:
                        screen += os.read(inner, 65536)
                    except OSError:  # the terminal's other end is closed
                        break
                elif process.poll() is not None:
                    break
        finally:
            os.close(inner)
            if process.poll() is None and time.monotonic() >= until:
                process.kill()
            status = process.wait(10)
        return Ended(status, screen.decode("utf-8", "replace"), "")
