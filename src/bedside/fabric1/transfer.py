"""`put` and `get`, each file with its line and its own failure."""

from __future__ import annotations

import glob
import os
import posixpath
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bedside.errors import HostError
from bedside.fabric1 import connections, probes
from bedside.fabric1.context import hide, settings
from bedside.fabric1.env import env, output
from bedside.fabric1.messages import abort, error, say, warn
from bedside.fabric1.operations import sudo
from bedside.fabric1.results import AttributeList


def put(
    local_path: Any = None, remote_path: str | None = None, use_sudo: bool = False,
    mirror_local_mode: bool = False, mode: int | str | None = None, use_glob: bool = True, temp_dir: str = "",
) -> AttributeList:  # fmt: skip
    """Copy a file, glob, folder or file object to the host; return the remote paths.

    Raises ValueError where nothing local matches.
    """
    connections.need_host()
    upload = _Upload(use_sudo, mirror_local_mode, int(mode, 8) if isinstance(mode, str) else mode, temp_dir)
    target = probes.absolute(remote_path or "")
    if hasattr(local_path, "read"):
        with _spooled(local_path) as name:
            upload.file(name, probes.look([target]), getattr(local_path, "name", None) or "<file obj>")
        return upload.done
    path = os.path.expanduser(os.path.join(env.lcwd, str(local_path)))  # noqa: PTH111, PTH118 (as it is shown)
    sources = glob.glob(path) if use_glob else [path]  # noqa: PTH207
    if not sources or not os.path.lexists(sources[0]):
        raise ValueError(f"'{path}' is not a valid local path or glob.")
    for source in sources:
        with _told("put", "uploading", source, upload.failed):
            if Path(source).is_dir():
                upload.folder(source, target)
            else:
                upload.into(source, target)
    return upload.done


class _Upload:
    def __init__(self, use_sudo: bool, mirror: bool, mode: int | None, temp_dir: str) -> None:
        self._use_sudo, self._mirror, self._mode, self._temp_dir = use_sudo, mirror, mode, temp_dir
        self.paths: list[str] = []
        self.failed: list[str] = []

    @property
    def done(self) -> AttributeList:
        return AttributeList(self.paths, self.failed)

    def into(self, source: str, target: str) -> None:
        """Copy a file to a path, or into the folder that is there."""
        looked = probes.look([target])
        if looked.places[0].kind == "d":
            looked = probes.look([posixpath.join(target, os.path.basename(source))])  # noqa: PTH119
        self.file(source, looked, source)

    def folder(self, source: str, target: str) -> None:
        """Copy a folder under its own name into the folder that must be there."""
        looked = probes.look([target])
        if looked.places[0].kind != "d":
            raise FileNotFoundError("No such file")
        top = source.rstrip("/")
        root = posixpath.join(looked.places[0].path, os.path.basename(top))  # noqa: PTH119
        for folder, _, files in os.walk(top):
            inner = os.path.relpath(folder, top)
            remote = root if inner == "." else posixpath.join(root, inner)
            probes.make_folders([remote])
            for name in files:
                path = os.path.join(folder, name)  # noqa: PTH118
                self.file(path, probes.look([posixpath.join(remote, name)]), path)

    def file(self, source: str, looked: probes.Looked, shown: str) -> None:
        """Copy one file to the path that was looked at."""
        place = looked.places[0]
        if output.running:
            say(f"[{env.host_string}] put: {shown} -> {place.path}")
        mode = self._mode
        if mode is None and self._mirror:
            mode = Path(source).stat().st_mode & 0o777
        if mode is None:
            mode = place.mode if place.mode is not None else 0o666 & ~looked.umask
        path = posixpath.join(self._temp_dir, uuid.uuid4().hex) if self._use_sudo else place.path
        with _told("put", "uploading", shown, self.failed):
            _copy(connections.runner().put(glob.escape(source), path, mode=mode))
            if self._use_sudo:
                _hidden_sudo(f'mv "{path}" "{place.path}"')
            self.paths.append(place.path)
        env._engine.did(f"put {shown} -> {place.path}")


def get(
    remote_path: str, local_path: Any = None, use_sudo: bool = False, temp_dir: str = ""
) -> AttributeList:
    """Copy a file, glob or folder from the host; return the local paths.

    `local_path` may hold `%(host)s %(dirname)s %(basename)s %(path)s`, or be a file object.
    """
    connections.need_host()
    wanted = probes.absolute(str(remote_path))
    download = _Download(use_sudo, temp_dir)
    if hasattr(local_path, "write"):
        return download.to_object(wanted, local_path)
    with _told("get", "downloading", str(remote_path), download.failed):
        download.user, found = probes.find(wanted)
        root: str | None = None
        for place in found:
            if place.kind == "d":
                root = posixpath.dirname(place.path)
            else:
                inside = root and place.path.startswith(root + "/")
                relative = place.path[len(root or "") + 1 :] if inside else posixpath.basename(place.path)
                download.file(place, relative, local_path)
    return AttributeList(download.paths, download.failed)


class _Download:
    def __init__(self, use_sudo: bool, temp_dir: str) -> None:
        self._use_sudo, self._temp_dir = use_sudo, temp_dir
        self.user = ""
        self.paths: list[str] = []
        self.failed: list[str] = []

    def file(self, place: probes.Place, relative: str, local_path: str | None) -> None:
        """Copy one file to where `local_path` says."""
        if place.kind == "-" and not self._use_sudo and any(mark in place.path for mark in "*?"):
            raise FileNotFoundError("No such file")
        local = _local(local_path, relative)
        if output.running:
            say(f"[{env.host_string}] download: {local} <- {place.path}")
        with _told("get", "downloading", place.path, self.failed):
            if local.exists() and not local.is_dir():
                warn(f"Local file {local} already exists and is being overwritten.")
            local.parent.mkdir(parents=True, exist_ok=True)
            self._fetch(place.path, str(local))
            self.paths.append(str(local))
        env._engine.did(f"get {place.path}")

    def to_object(self, wanted: str, target: Any) -> AttributeList:
        """Write one remote file into a file object."""
        self.user, found = probes.find(wanted)
        if len(found) != 1 or found[0].kind == "d":
            abort(f"[{env.host_string}] {wanted} is a glob or directory, but local_path is a file object!")
        if output.running:
            shown = getattr(target, "name", None) or "<file obj>"
            say(f"[{env.host_string}] download: {shown} <- {found[0].path}")
        with _told("get", "downloading", found[0].path, self.failed), tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "file")  # noqa: PTH118
            self._fetch(found[0].path, name)
            data = Path(name).read_bytes()
            target.seek(0)
            try:
                target.write(data)
            except TypeError:
                target.write(data.decode("utf-8", "surrogateescape"))
        return AttributeList(self.paths, self.failed)

    def _fetch(self, path: str, local: str) -> None:
        if self._use_sudo:
            self._fetch_as_root(path, local)
        else:
            _copy(connections.runner().get(glob.escape(path), local))
        os.utime(local)  # a session keeps the host's times; for Fabric 1 the file was made now

    def _fetch_as_root(self, path: str, local: str) -> None:
        copy = posixpath.join(self._temp_dir, uuid.uuid4().hex)
        _hidden_sudo(f'cp -p "{path}" "{copy}"')
        try:
            _hidden_sudo(f'chown {self.user} "{copy}"')
            _hidden_sudo(f'chmod 400 "{copy}"')
            _copy(connections.runner().get(copy, local))
        finally:
            _hidden_sudo(f'rm -f "{copy}"')


def _local(local_path: str | None, relative: str) -> Path:
    pattern = "%(host)s/%(path)s" if local_path is None else str(local_path)
    words = {
        "host": (env.host_string or "").replace(":", "-"),
        "dirname": posixpath.dirname(relative),
        "basename": posixpath.basename(relative),
        "path": relative,
    }
    named = os.path.expanduser(pattern % words)  # noqa: PTH111
    path = Path(os.path.abspath(os.path.join(env.lcwd, named)))  # noqa: PTH100, PTH118
    has_place = "%(path)s" in pattern or "%(basename)s" in pattern
    if path.is_dir() or ("/" in relative and not has_place):
        return path / relative
    return path


def _copy(copying: Any) -> None:
    try:
        env._engine.wait(copying)
    except HostError as failed:
        raise OSError(_reason(failed)) from failed


def _reason(failed: HostError) -> str:
    words = failed.message.lower()
    if "permission denied" in words:
        return "Permission denied"
    return "No such file" if "no such file" in words else failed.message


def _hidden_sudo(command: str) -> None:
    with settings(hide("everything")):
        sudo(command)


@contextmanager
def _told(operation: str, doing: str, path: str, failed: list[str]) -> Iterator[None]:
    """Turn what goes wrong with a path into Fabric 1's words, and go on under `warn_only`."""
    try:
        yield
    except (OSError, HostError) as raised:
        failed.append(path)
        error(f"{operation}() encountered an exception while {doing} '{path}'", exception=raised)


@contextmanager
def _spooled(source: Any) -> Iterator[str]:
    """Write a file object, from its start, to a file for a while; its position stays where it was."""
    position = source.tell()
    source.seek(0)
    data = source.read()
    source.seek(position)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)
        yield str(path)
