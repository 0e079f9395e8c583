"""The import name `fabric` is ours inside one context only: an installed Fabric is shadowed nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from bedside.errors import FabfileError
from bedside.fabric1 import names
from bedside.tasks.loader import told_errors
from bedside.tasks.traces import is_foreign


class _Finder(MetaPathFinder):
    """Answers for modules of Fabric 1 that bedside does not have."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in names.MISSING_MODULES:
            raise ModuleNotFoundError(f"bedside has no module {fullname} yet", name=fullname)
        return None


@contextmanager
def fabric_names() -> Iterator[None]:
    """Let `import fabric` find Fabric 1's names; forget them, and what the fabfile imported, at the end."""
    before = dict(sys.modules)
    path = list(sys.path)
    finder = _Finder()
    hidden = {name: sys.modules.pop(name) for name in before if name.split(".")[0] == "fabric"}
    modules = {name: names.make(name) for name in names.MODULES}
    for name, module in modules.items():
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(modules[parent], last, module)
    sys.modules.update(modules)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.path[:] = path
        for name in [name for name in sys.modules if name not in before or name in modules]:
            if name.split(".")[0] == "fabric" or _is_users(sys.modules[name]):
                del sys.modules[name]
        sys.modules.update(hidden)


def _is_users(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and not is_foreign(file)


def find(name: str) -> Path | None:
    """Return the fabfile: `NAME` (a package) or `NAME.py` here or in a parent, or a path with a slash."""
    if "/" in name:
        path = Path(name).expanduser()
        found = [path] if path.is_dir() else [path, path.with_name(path.name + ".py")]
        return next((one.absolute() for one in found if _is_fabfile(one)), None)
    stem = name.removesuffix(".py")
    folder = Path.cwd()
    for place in (folder, *folder.parents[:-1]):
        for one in (place / stem, place / f"{stem}.py"):
            if _is_fabfile(one):
                return one
    return None


def _is_fabfile(path: Path) -> bool:
    return (path / "__init__.py").is_file() if path.is_dir() else path.suffix == ".py" and path.is_file()


def load(path: Path) -> ModuleType:
    """Import a fabfile under its own name, as Fabric 1 did. Call within `fabric_names`.

    Its folder, and for a package the package's too (Python 2's implicit relative imports), can be
    imported from for the whole run. Raises FabfileError.
    """
    path = path.resolve()
    name = path.stem if path.is_file() else path.name
    if "." in name:
        raise FabfileError(
            f"{path} can't be imported: its name has a dot in it", advice="rename it, or name the file"
        )
    sys.path[:0] = [str(path.parent)] if path.is_file() else [str(path.parent), str(path)]
    sys.modules.pop(name, None)
    with told_errors(path):
        try:
            return __import__(name)
        except NameError as raised:
            names.explain(raised)
            raise
