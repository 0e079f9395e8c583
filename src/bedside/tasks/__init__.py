"""Tasks: `@task`, the `host` it is given, the stages of a host's procedure, the loader of task files."""

from bedside.tasks.host import AsyncHost, Host, Settings
from bedside.tasks.runtime import TaskStage, run_task
from bedside.tasks.stages import Stage, run_stages
from bedside.tasks.task import Task, get_task, in_file, task

__all__ = [
    "AsyncHost",
    "Host",
    "Settings",
    "Stage",
    "Task",
    "TaskStage",
    "get_task",
    "in_file",
    "run_stages",
    "run_task",
    "task",
]
