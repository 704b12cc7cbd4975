"""What bgen owns in a release directory: the files of its lock, and those that a build which was killed had begun.

Before anything else a build writes down, in a journal beside the lock, what it is about to write; the lock comes last, and
the journal goes. So a build that was cut short leaves a journal by which the next one knows its own hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from pathlib import PurePosixPath

from bgen import lock
from bgen import names
from bgen.diagnostics import Diagnostic
from bgen.document import File

JOURNAL = ".bgen.journal"


def journal(root: Path, next_lock: File) -> File:
    """What bgen may have written here: the files of the next lock, and what earlier builds that were killed began."""
    claims = {path: {sha} for path, sha in lock.load(next_lock.text).files.items()}
    for path, shas in _claims(root).items():
        claims.setdefault(path, set()).update(shas)
    return File(JOURNAL, json.dumps({path: sorted(shas) for path, shas in sorted(claims.items())}, indent=1) + "\n")


def _claims(root: Path) -> dict[str, list[str]]:
    """The journal's claims; none without a journal, or with one that is not what bgen writes."""
    try:
        found = json.loads((root / JOURNAL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {path: shas for path, shas in found.items() if type(shas) is list} if type(found) is dict else {}


def owned(root: Path, obstacles: list[Diagnostic]) -> dict[str, set[str]]:
    """path → the hashes that bgen may have written there: the lock's, and those of builds that were cut short."""
    found: dict[str, set[str]] = {}
    for path, sha in _locked(root / names.LOCK, obstacles).items():
        found.setdefault(path, set()).add(sha)
    if (root / JOURNAL).is_symlink():
        obstacles.append(link(root / JOURNAL))
        return found
    for path, shas in _claims(root).items():
        if _is_inside(path):
            found.setdefault(path, set()).update(shas)
    return found


def _locked(file: Path, obstacles: list[Diagnostic]) -> dict[str, str]:
    """What the lock names; whatever makes it unusable is an obstacle."""
    if file.is_symlink():
        obstacles.append(link(file))
        return {}
    try:
        found = lock.load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, lock.Unusable) as error:
        hint = "update bgen, or remove the lock if the directory may be taken over"
        obstacles.append(Diagnostic(str(file), 0, 0, "BG303", f"the lock cannot be used: {error}", hint))
        return {}
    for path in found.files:
        if not _is_inside(path):
            message = f"the lock names `{path}`, outside the directory"
            obstacles.append(Diagnostic(str(file), 0, 0, "BG305", message, "restore it from git"))
    return found.files


def link(file: Path) -> Diagnostic:
    return Diagnostic(str(file), 0, 0, "BG304", "a symbolic link where bgen writes", "remove it")


def _is_inside(path: str) -> bool:
    """Whether a path of a lock is one that bgen could have written: relative, plain, and below the directory."""
    pure = PurePosixPath(path)
    plain = path.isprintable() and not set(path) & {"\\", ":"} and str(pure) == path
    return plain and path not in ("", ".") and not pure.is_absolute() and ".." not in pure.parts
