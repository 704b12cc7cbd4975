"""A release directory on disk: what would change there, and writing just that, each file as a whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pathlib import PurePosixPath
from typing import NamedTuple

from bgen import lock
from bgen import names
from bgen import ownership
from bgen.diagnostics import Diagnostic
from bgen.diagnostics import Rejected
from bgen.document import File

if sys.platform != "win32":
    import fcntl

_TEMPORARY = ".bgen-tmp"


class Change(NamedTuple):
    """One file that would be created (`before` is None), updated, or removed (`after` is None)."""

    path: str
    before: bytes | None
    after: File | None

    @property
    def verb(self) -> str:
        return "create" if self.before is None else "remove" if self.after is None else "update"


class Comparison(NamedTuple):
    """What a directory lacks of the finished files. `obstacles` must be empty before anything is written.

    `unfinished` says that a build was cut short there, and left what the next one has to clear away.
    """

    changes: list[Change]
    obstacles: list[Diagnostic]
    unfinished: bool = False


def compare(root: Path, files: list[File], force: bool = False) -> Comparison:
    """Compare the directory with the files; `force` overwrites files of bgen's that were edited by hand."""
    obstacles: list[Diagnostic] = []
    owned = ownership.owned(root, obstacles)
    if obstacles:
        return Comparison([], obstacles)
    changes = []
    for file in files:
        before = _read(root, file.path, obstacles)
        content = file.text.encode()
        if before == content and (not file.is_executable or _is_executable(root / file.path)):
            continue
        if file.path != names.LOCK and before is not None and before != content:
            obstacles += _in_the_way(root, file.path, before, owned, force)
        changes.append(Change(file.path, before, file))
    changes += _stale(root, files, owned, force, obstacles)
    return Comparison(sorted(changes, key=lambda change: change.path), obstacles, (root / ownership.JOURNAL).exists())


@contextmanager
def held(root: Path) -> Iterator[None]:
    """Keep a second build out of the directory until this one is done; it waits. Windows has no such lock."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(root: Path, changes: list[Change], next_lock: File) -> None:
    """Make the changes: the journal, the new files by rename, the stale ones away, and the lock last.

    Raises Rejected (BG307) when the disk refuses; what was not reached is as before.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        _put(root / ownership.JOURNAL, ownership.journal(root, next_lock))
        for leftover in _leftovers(root):
            leftover.unlink(missing_ok=True)
        written = [(root / change.path, change.after) for change in changes if change.path != names.LOCK and change.after]
        for folder in {path.parent for path, _ in written}:
            folder.mkdir(parents=True, exist_ok=True)
        for path, file in written:
            _put(path, file)
        for change in changes:
            if change.after is None:
                (root / change.path).unlink(missing_ok=True)
                _remove_empty(root, (root / change.path).parent)
        _put(root / names.LOCK, next_lock)
        (root / ownership.JOURNAL).unlink()
    except OSError as error:
        raise Rejected([_refused(root, error)]) from error


def read_lock(root: Path) -> lock.Lock | None:
    """The lock of a directory, None without one. Raises lock.Unusable."""
    try:
        return lock.load((root / names.LOCK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise lock.Unusable(str(error)) from None


def diff(root: Path, changes: list[Change]) -> Iterator[str]:
    """The changes as a unified diff, lines with their line ends."""
    from difflib import unified_diff

    for change in changes:
        if change.path == names.LOCK:
            continue
        before = (change.before or b"").decode("utf-8", "replace").splitlines(keepends=True)
        after = change.after.text.splitlines(keepends=True) if change.after else []
        shown = (root / change.path).as_posix()
        old, new = (shown if change.before is not None else "/dev/null"), (shown if change.after else "/dev/null")
        for line in unified_diff(before, after, old, new):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def foreign_manifests(root: Path, files: list[File]) -> list[Path]:
    """What lies beside bgen's manifests and is not bgen's: Argo CD applies it too."""
    folder = root / names.MANIFESTS
    ours = {root / file.path for file in files}
    if not folder.is_dir():
        return []
    return [
        path for path in sorted(folder.iterdir()) if path not in ours and not path.name.endswith(_TEMPORARY) and path.is_file()
    ]


def read_tree(root: Path) -> list[File]:
    """The files that the lock names, as they are on disk. Raises Rejected (BG3xx) when they cannot be read."""
    obstacles: list[Diagnostic] = []
    owned = ownership.owned(root, obstacles)
    if obstacles:
        raise Rejected(obstacles)
    found = []
    for path in sorted(owned):
        content = _read(root, path, obstacles)
        if content is None:
            obstacles.append(
                Diagnostic(str(root / path), 0, 0, "BG308", "the lock names this file and it is not there", "build again")
            )
        else:
            found.append(File(path, content.decode("utf-8", "replace")))
    if obstacles:
        raise Rejected(obstacles)
    return found


def _read(root: Path, path: str, obstacles: list[Diagnostic]) -> bytes | None:
    """The bytes at a path below root, None when there is nothing. Follows no symbolic link below root."""
    place = root
    for step in PurePosixPath(path).parts:
        place /= step
        if place.is_symlink():
            obstacles.append(ownership.link(place))
            return None
    try:
        return place.read_bytes()
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        obstacles.append(Diagnostic(str(place.parent), 0, 0, "BG301", "a file stands where bgen needs a directory", "move it"))
        return None
    except OSError as error:
        obstacles.append(Diagnostic(str(place), 0, 0, "BG307", f"cannot read: {error.strerror}"))
        return None


def _in_the_way(root: Path, path: str, before: bytes, owned: dict[str, set[str]], force: bool) -> Iterator[Diagnostic]:
    file = str(root / path)
    if path not in owned and not _has_header(before):
        yield Diagnostic(
            file,
            0,
            0,
            "BG301",
            "a file that bgen did not write is in the way",
            "move it, or build into another directory",
        )
    elif lock.sha256(before) not in owned.get(path, set()) and not force:
        hint = "change the spec instead; --force overwrites the file"
        yield Diagnostic(file, 0, 0, "BG302", "the file was edited by hand since bgen wrote it", hint)


def _has_header(content: bytes) -> bool:
    # Without a lock the header is what is left to tell our files; they are then treated as edited, so --force is asked for.
    return b"Generated by bgen from " in content[:200]


def _stale(
    root: Path, files: list[File], owned: dict[str, set[str]], force: bool, obstacles: list[Diagnostic]
) -> Iterator[Change]:
    wanted = {file.path for file in files}
    for path in sorted(owned.keys() - wanted):
        before = _read(root, path, obstacles)
        if before is None:
            continue
        if lock.sha256(before) not in owned[path] and not force:
            hint = "it is no longer part of the output: remove it yourself, or use --force"
            obstacles.append(Diagnostic(str(root / path), 0, 0, "BG302", "the file was edited by hand since bgen wrote it", hint))
        yield Change(path, before, None)


def remove(root: Path) -> list[Change]:
    """Remove what the lock names, and the lock: the tree of a spec that is gone. Raises Rejected (BG3xx)."""
    obstacles: list[Diagnostic] = []
    owned = ownership.owned(root, obstacles)
    changes = [] if obstacles else list(_stale(root, [], owned, False, obstacles))
    if obstacles:
        raise Rejected(obstacles)
    try:
        for change in changes:
            (root / change.path).unlink(missing_ok=True)
            _remove_empty(root, (root / change.path).parent)
        (root / names.LOCK).unlink(missing_ok=True)
        (root / ownership.JOURNAL).unlink(missing_ok=True)
        _remove_empty(root.parent, root)
    except OSError as error:
        raise Rejected([_refused(root, error)]) from error
    return changes


def _refused(root: Path, error: OSError) -> Diagnostic:
    return Diagnostic(str(error.filename or root), 0, 0, "BG307", f"cannot write: {error.strerror}")


def _leftovers(root: Path) -> list[Path]:
    """Temporary files of builds that were killed."""
    folders = [root, *(entry for entry in root.iterdir() if entry.is_dir() and not entry.is_symlink())]
    return [file for folder in folders for file in folder.glob(f".*{_TEMPORARY}")]


def _put(path: Path, file: File) -> None:
    """Write a file as a whole or not at all."""
    temporary = path.with_name(f".{path.name}{_TEMPORARY}")
    temporary.unlink(missing_ok=True)
    try:
        _create(temporary, file)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _create(path: Path, file: File) -> None:
    mode = 0o777 if file.is_executable else 0o666
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, mode), "wb") as out:
        out.write(file.text.encode())


def _is_executable(path: Path) -> bool:
    # Windows has no such bit, and git keeps the one it was told.
    return os.name == "nt" or bool(path.stat().st_mode & stat.S_IXUSR)


def _remove_empty(root: Path, folder: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
