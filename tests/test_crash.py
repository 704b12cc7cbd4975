"""A build that is killed, or whose disk refuses, at any point: nothing half-written, and the next build heals.

The children of this test are forked from a warm process and leave without a word at their n-th operation on the tree, as
a SIGKILL would make them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bgen import tree
from bgen.build import build
from bgen.document import File

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
ROOT = Path(__file__).parent.parent
SPEC = (ROOT / "examples/my-app/release.yaml").read_bytes()
# Another stage, another version, no stage `split` any more, another name in the dashboard: files come, change and go.
NEXT = (
    SPEC.replace(b"version: v2", b"version: v3").replace(b"stage: blue", b"stage: mirror").replace(b"{delivery: both}", b"null")
)
NEXT += b"stages: [{name: mirror, mirror: {percent: 5}}]\n"
KILL_POINTS = 200


def files_of(spec: bytes) -> list[File]:
    return build(spec, "release.yaml")[0]


OLD, NEW = files_of(SPEC), files_of(NEXT)


def put(root: Path, files: list[File]) -> None:
    found = tree.compare(root, files)
    assert found.obstacles == []
    root.mkdir(parents=True, exist_ok=True)
    with tree.held(root):
        tree.write(root, found.changes, files[-1])


def on_disk(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def content(files: list[File]) -> dict[str, bytes]:
    return {file.path: file.text.encode() for file in files}


def killed_at(point: int, root: Path, work: Callable[[], None]) -> bool:
    """Do the work in a child that dies at its n-th operation below root; whether it died there."""
    child = os.fork()
    if child == 0:
        left = point

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir") and str(arguments[0]).startswith(str(root)):
                left -= 1
                if left < 0:
                    os._exit(9)

        sys.addaudithook(count)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def operations(folder: Path, before: list[File] | None, after: list[File]) -> int:
    """How many operations a whole build needs."""
    for point in range(1, 2000):
        root = folder / "measure"
        shutil.rmtree(root, ignore_errors=True)
        if before:
            put(root, before)
        if not killed_at(point, root, lambda root=root: put(root, after)):
            return point
    raise AssertionError("it never ends")


def check_whole(root: Path, before: list[File] | None, after: list[File]) -> None:
    """No file is half-written, and the lock claims nothing that is not there."""
    old, new = content(before or []), content(after)
    found = on_disk(root)
    for path, text in found.items():
        if not path.rpartition("/")[2].startswith("."):
            assert text in (old.get(path), new.get(path)), path
    if "bgen.lock" in found:
        claimed = json.loads(found["bgen.lock"])["files"]
        gone = [path for path in claimed if path not in found]
        # A stale file goes before the lock is renamed: only those may be missing from the old lock.
        assert set(gone) <= old.keys() - new.keys()
        if found["bgen.lock"] == new["bgen.lock"]:
            assert gone == []
            assert all(hashlib.sha256(found[path]).hexdigest() == sha for path, sha in claimed.items())


@pytest.mark.parametrize("first", [True, False], ids=["first build", "later build"])
def test_a_killed_build_is_healed_by_the_next(first: bool, tmp_path: Path) -> None:
    before = None if first else OLD
    total = operations(tmp_path, before, NEW)
    assert total > 20
    points = sorted({1 + i * total // (KILL_POINTS // 2) for i in range(KILL_POINTS // 2)} & set(range(1, total)))
    assert len(points) >= min(total - 1, KILL_POINTS // 2) - 1
    for point in points:
        root = tmp_path / str(point)
        if before:
            put(root, before)
        assert killed_at(point, root, lambda root=root: put(root, NEW))
        check_whole(root, before, NEW) if root.exists() else None
        # Whatever comes next, the same spec or the old one again, finds its way.
        put(root, NEW if point % 2 else OLD)
        assert on_disk(root) == content(NEW if point % 2 else OLD)
        assert tree.compare(root, NEW if point % 2 else OLD) == tree.Comparison([], [], False)
        shutil.rmtree(root)


def test_two_builds_at_once_leave_one_tree_or_the_other(tmp_path: Path) -> None:
    specs = {}
    for name, text in (("a", SPEC), ("b", NEXT)):
        specs[name] = tmp_path / name / "release.yaml"
        specs[name].parent.mkdir()
        specs[name].write_bytes(text)
    for _ in range(6):
        shutil.rmtree(tmp_path / "deploy", ignore_errors=True)
        command = [sys.executable, "-m", "bgen", "build", "-q", "-o", str(tmp_path / "deploy")]
        both = [subprocess.Popen([*command, str(spec)], stderr=subprocess.PIPE, cwd=ROOT) for spec in specs.values()]
        codes = [(process.wait(), process.stderr.read() if process.stderr else b"") for process in both]
        for process in both:
            assert process.stderr
            process.stderr.close()
        assert {code for code, _ in codes} <= {0, 1}, codes
        assert on_disk(tmp_path / "deploy/my-app") in (content(OLD), content(NEW))


def test_a_disk_that_refuses_is_a_diagnostic_and_the_next_build_heals(tmp_path: Path) -> None:
    spec = tmp_path / "release.yaml"
    spec.write_bytes(SPEC)
    # No file may grow beyond 4,000 bytes: some of the output fits, some does not.
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "from bgen.cli import main\n"
        f"main(['build', {str(spec)!r}, '-o', {str(tmp_path / 'deploy')!r}])"
    )
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1, done.stderr
    assert "error BG307: cannot write: File too large" in done.stderr
    root = tmp_path / "deploy/my-app"
    assert not [path for path in on_disk(root) if path.endswith(".bgen-tmp")]
    put(root, OLD)
    assert on_disk(root) == content(OLD)


def test_a_directory_that_vanishes_is_a_diagnostic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "app", OLD)
    found = tree.compare(tmp_path / "app", NEW)
    create = tree._create

    def vanish(path: Path, file: File) -> None:
        create(path, file)
        shutil.rmtree(tmp_path / "app", ignore_errors=True)

    monkeypatch.setattr(tree, "_create", vanish)
    with pytest.raises(tree.Rejected) as caught:
        tree.write(tmp_path / "app", found.changes, NEW[-1])
    assert [d.code for d in caught.value.diagnostics] == ["BG307"]
