"""A host that answers from a script: what each command prints and how it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bedside.errors import HostError
from bedside.fabric1.main import Surroundings, main
from bedside.fabric1.target import Target
from bedside.model import Outcome
from bedside.runner import Command, OnData, OnLine, Result


@dataclass
class Answer:
    """What a command prints, chunk by chunk; a chunk that is a function waits for what is typed."""

    chunks: Sequence[bytes] = ()
    stderr: bytes = b""
    status: int | None = 0


@dataclass
class ScriptedHost:
    """A Runner and a Connector in one. Commands that are not in the script print nothing."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    fails: Mapping[str, HostError] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    host: str = "scripted"
    commands: list[Command] = field(default_factory=list)
    typed: list[bytes] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    gone: list[Target] = field(default_factory=list)
    closed: bool = False

    def answer(self, line: str) -> Answer:
        return next((answer for words, answer in self.answers.items() if words in line), Answer())

    async def excluded(self, hosts: Sequence[str]) -> Mapping[str, str]:
        return {host: reason for host, reason in self.left_out.items() if host in hosts}

    async def connect(self, target: Target) -> ScriptedHost:
        self.targets.append(target)
        if target.host in self.fails:
            raise self.fails[target.host]
        return self

    async def disconnect(self, target: Target) -> None:
        self.gone.append(target)

    async def sudo_password(self, target: Target) -> str | None:
        return None

    async def close(self) -> None:
        self.closed = True

    async def open(self, command: Command) -> ScriptedChannel:
        self.commands.append(command)
        return ScriptedChannel(self, command)

    async def run(
        self, command: Command, *, on_line: OnLine | None = None, on_data: OnData | None = None
    ) -> Result:
        self.commands.append(command)
        answer = self.answer(command.line)
        if on_data:
            for chunk in answer.chunks:
                on_data("stdout", chunk)
            on_data("stderr", answer.stderr)
        return Result(
            self.host, command.line, answer.status, None, b"".join(answer.chunks), answer.stderr, 0.0
        )

    async def sudo(self, command: Command, **more: Any) -> Result:
        return await self.run(command)

    async def put(self, source: str, target: str, *, mode: int | None = None) -> list[str]:
        return [target]

    async def get(self, source: str, target: str) -> list[str]:
        return [target]


class ScriptedChannel:
    def __init__(self, host: ScriptedHost, command: Command) -> None:
        self._host, self._command = host, command
        self._answer = host.answer(command.line)
        self._chunks = list(self._answer.chunks)

    async def write(self, data: bytes) -> None:
        self._host.typed.append(data)

    async def write_eof(self) -> None:
        raise NotImplementedError

    async def read(self, limit: int = 65536, *, timeout: float | None = None) -> bytes:
        return self._chunks.pop(0) if self._chunks else b""

    async def wait(self, *, timeout: float | None = None) -> Result:
        return Result(self._host.host, self._command.line, self._answer.status, None, b"", b"", 0.0)

    async def close(self) -> None:
        self._chunks.clear()


@dataclass
class KeptRecord:
    """What a run would leave in the ledger."""

    hosts: Sequence[str] = ()
    what: Mapping[str, Any] = field(default_factory=dict)
    outcomes: list[tuple[Outcome[Any], dict[str, Any]]] = field(default_factory=list)
    ended: dict[str, Any] | None = None

    def outcome(self, outcome: Outcome[Any], **more: Any) -> None:
        self.outcomes.append((outcome, more))

    def flush(self) -> None:
        pass

    def end(self, **summary: Any) -> None:
        self.ended = summary


@dataclass
class Fab:
    """Runs `fab` on scripted hosts; `record` is that of the last run."""

    host: ScriptedHost = field(default_factory=ScriptedHost)
    record: KeptRecord = field(default_factory=KeptRecord)

    def __call__(self, *arguments: str) -> int:
        def begin(hosts: Sequence[str], what: Mapping[str, Any]) -> KeptRecord:
            self.record = KeptRecord(hosts, what)
            return self.record

        return main([*arguments], Surroundings(lambda reason: self.host, begin, "0.0"))
