"""A host's procedure is a list of stages with one protocol; a fault is injected by wrapping a stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from bedside.clock import Clock
from bedside.errors import HostError, TaskFailed
from bedside.model import Done, Failed, Outcome
from bedside.tasks.traces import user_trace

C_contra = TypeVar("C_contra", contravariant=True)
C = TypeVar("C")


class Stage(Protocol[C_contra]):
    """One step of a procedure. What it returns is the procedure's value if it is the last."""

    @property
    def name(self) -> str:
        """One word for the step."""

    async def run(self, context: C_contra, /) -> Any:
        """Do the step. Raises HostError where the host failed."""


async def run_stages(host: str, stages: Sequence[Stage[C]], context: C, clock: Clock) -> Outcome[Any]:
    """Run the stages in order until one fails. A failed host is data: nothing is raised but cancellation.

    A HostError says its own phase. An exception that is no HostError is the user's own: it becomes
    TaskFailed, with the stage as its phase and the traceback of the user's code.
    """
    began = clock.monotonic()
    value: Any = None
    for stage in stages:
        try:
            value = await stage.run(context)
        except HostError as error:
            return Failed(host, error, clock.monotonic() - began)
        except (Exception, SystemExit) as error:
            seconds = clock.monotonic() - began
            failed = TaskFailed(
                f"{type(error).__name__}: {error}".rstrip(": "),
                trace=user_trace(error), host=host, phase=stage.name, seconds=seconds,
            )  # fmt: skip
            return Failed(host, failed, seconds)
    return Done(host, value, clock.monotonic() - began)
