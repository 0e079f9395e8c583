"""What the operations return: strings and lists with attributes."""

from __future__ import annotations


class AttributeString(str):
    """Captured output, white space at its ends cut. Empty output is false even on success."""

    __slots__ = ("__dict__",)
    return_code: int
    failed: bool
    command: str
    real_command: str
    stderr: AttributeString

    @property
    def stdout(self) -> str:
        """The same text, as a plain string."""
        return str(self)

    @property
    def succeeded(self) -> bool:
        """The contrary of `failed`."""
        return not self.failed


class AttributeList(list[str]):
    """Paths that were copied; `failed` are those that were not."""

    __slots__ = ("failed",)

    def __init__(self, paths: list[str], failed: list[str]) -> None:
        super().__init__(paths)
        self.failed = failed

    @property
    def succeeded(self) -> bool:
        """True where every path was copied."""
        return not self.failed


def outcome(
    stdout: str, stderr: str, code: int, command: str, real_command: str, ok: bool
) -> AttributeString:
    """Make the return value of `run`, `sudo` or `local`."""
    result = AttributeString(stdout.strip())
    result.return_code, result.failed = code, not ok
    result.command, result.real_command = command, real_command
    result.stderr = AttributeString(stderr.strip())
    return result
