"""The modules that `import fabric...` finds inside `bedside fab`, and the names that are still missing."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from bedside.fabric1 import (
    colors,
    console,
    context,
    decorators,
    env,
    errors,
    execute,
    hosts,
    messages,
    operations,
    taskobjects,
    transfer,
)

VERSION = (1, 14, 1, "final", 0)

_OPERATIONS = {
    "run": operations.run, "sudo": operations.sudo, "local": operations.local, "prompt": operations.prompt,
    "put": transfer.put, "get": transfer.get,
}  # fmt: skip
_CONTEXT_MANAGERS = {
    name: getattr(context, name)
    for name in ("cd", "lcd", "path", "prefix", "shell_env", "settings", "hide", "show", "quiet", "warn_only")
}
_DECORATORS = {
    name: getattr(decorators, name) for name in ("task", "hosts", "roles", "runs_once", "serial")
} | {"with_settings": context.with_settings}
_UTILS = {name: getattr(messages, name) for name in ("abort", "warn", "puts", "fastprint")}

MODULES: dict[str, dict[str, Any]] = {
    "fabric": {"__version__": "1.14.1"},
    "fabric.api": {
        **_OPERATIONS, **_CONTEXT_MANAGERS, **_DECORATORS, **_UTILS,
        "env": env.env, "output": env.output, "execute": execute.execute,
    },
    "fabric.operations": _OPERATIONS,
    "fabric.context_managers": {**_CONTEXT_MANAGERS},
    "fabric.decorators": _DECORATORS,
    "fabric.tasks": {
        "Task": taskobjects.Task, "WrappedCallableTask": taskobjects.WrappedCallableTask,
        "execute": execute.execute,
    },
    "fabric.state": {"env": env.env, "output": env.output},
    "fabric.utils": {
        **_UTILS, "error": messages.error, "indent": messages.indent,
        "_AttributeDict": env.AttributeDict, "_AliasDict": env.AliasDict,
    },
    "fabric.network": {
        "normalize": hosts.normalize, "parse_host_string": hosts.parse_host_string,
        "denormalize": hosts.denormalize, "join_host_strings": hosts.join_host_strings,
    },
    "fabric.exceptions": {"NetworkError": errors.NetworkError, "CommandTimeout": errors.CommandTimeout},
    "fabric.colors": {
        name: getattr(colors, name)
        for name in ("red", "green", "yellow", "blue", "magenta", "cyan", "white")
    },
    "fabric.version": {"VERSION": VERSION, "__version__": "1.14.1"},
    "fabric.contrib": {},
    "fabric.contrib.console": {"confirm": console.confirm},
}  # fmt: skip

MISSING: dict[str, tuple[str, ...]] = {
    "fabric.api": ("open_shell", "parallel", "reboot", "remote_tunnel", "require"),
    "fabric.operations": ("open_shell", "reboot", "require"),
    "fabric.context_managers": ("char_buffered", "remote_tunnel"),
    "fabric.decorators": ("parallel",),
    "fabric.tasks": ("get_task_details", "requires_parallel"),
    "fabric.state": ("commands", "connections", "default_channel", "env_options", "win32"),
    "fabric.utils": ("RingBuffer", "apply_lcwd", "handle_prompt_abort", "isatty"),
    "fabric.network": (
        "HostConnectionCache", "connect", "disconnect_all", "from_dict", "key_filenames", "needs_host",
        "normalize_to_string", "prompt_for_password", "ssh", "ssh_config", "to_dict",
    ),
    "fabric.version": ("get_version",),
}  # fmt: skip
"""What Fabric 1 has there and bedside does not have yet."""
MISSING_MODULES = (
    "fabric.contrib.django", "fabric.contrib.files", "fabric.contrib.project", "fabric.docs", "fabric.main",
)  # fmt: skip
FABRIC_2 = frozenset(
    {"Config", "Connection", "Executor", "Group", "SerialGroup", "ThreadingGroup", "task", "Remote", "Result"}
)
"""What a fabfile for Fabric 2 or 3 takes from `fabric` itself."""


def missing_name(module: str, name: str) -> str | None:
    """Return what to say of a name that Fabric 1 has and bedside has not, None for any other."""
    if f"{module}.{name}" in MISSING_MODULES:
        return f"bedside has no module {module}.{name} yet"
    if name in MISSING.get(module, ()):
        return f"bedside's {module} has no {name!r} yet"
    if module == "fabric" and name in FABRIC_2:
        return (
            f"{name!r} is of Fabric 2 or 3: bedside fab runs fabfiles of Fabric 1 (from fabric.api import *)"
        )
    return None


def explain(raised: BaseException) -> None:
    """Add to a NameError what is to be said of it, where the name is one that we do not have yet."""
    if isinstance(raised, NameError) and (told := missing_name("fabric.api", raised.name or "")):
        raised.add_note(told)


def is_own(value: Any) -> bool:
    """Return True for what is Fabric 1's own, and so no task of a fabfile."""
    return any(value is other for names in MODULES.values() for other in names.values())


def make(name: str) -> ModuleType:
    """Make the module `name`; taking a missing name from it is an ImportError that says so."""
    module = ModuleType(name, "Fabric 1's names, as bedside has them.")
    module.__dict__.update(MODULES[name])
    module.__dict__["__all__"] = [key for key in MODULES[name] if not key.startswith("_")]
    if any(other.startswith(name + ".") for other in MODULES):
        module.__path__ = []

    def __getattr__(key: str) -> Any:  # noqa: N807 (PEP 562)
        if told := missing_name(name, key):
            raise ImportError(told, name=name)
        raise AttributeError(f"module {name!r} has no attribute {key!r}")

    module.__getattr__ = __getattr__  # type: ignore[method-assign]
    return module
