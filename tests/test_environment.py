"""The same bytes wherever bgen runs, and everything without a home, a network or a right to write."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "examples/production/release.yaml"
PLAIN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def bgen(*words: str | Path, before: tuple[str, ...] = (), cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[bytes]:
    command = [*before, sys.executable, "-m", "bgen", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, env={**PLAIN, **env}, timeout=60)


def tree(root: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its bytes and whether it may be executed."""
    return {p.relative_to(root).as_posix(): (p.read_bytes(), p.stat().st_mode & 0o100) for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Pacific/Chatham"},
        {"PYTHONHASHSEED": "4242", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONOPTIMIZE": "2"},
    ],
    ids=str,
)
def test_the_same_bytes_in_every_environment(env: dict[str, str], tmp_path: Path) -> None:
    spec = tmp_path / "elsewhere/release.yaml"
    spec.parent.mkdir()
    # A text beyond ASCII, to be sure that no locale has a say.
    spec.write_text(SPEC.read_text(encoding="utf-8") + 'annotations: {note: "Größe ≥ 1 🦊"}\n', encoding="utf-8")
    assert bgen("build", spec, "-o", tmp_path / "a").returncode == 0
    done = bgen("build", "release.yaml", "-o", "../b", cwd=spec.parent, **env)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_the_umask_decides_on_modes_and_on_nothing_else(tmp_path: Path) -> None:
    for umask in (0o022, 0o077):
        done = bgen("build", SPEC, "-o", tmp_path / str(umask), before=("sh", "-c", f'umask {umask:o}; exec "$@"', "sh"))
        assert done.returncode == 0, done.stderr
    assert tree(tmp_path / str(0o022)) == tree(tmp_path / str(0o077))
    assert (tmp_path / str(0o077) / "checkout/bgen.lock").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_unknown_user_without_home_or_network(tmp_path: Path) -> None:
    for name in ("bgen", "templates", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / "code" / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "spec.yaml").write_bytes(SPEC.read_bytes())
    (tmp_path / "out").mkdir()
    os.chown(tmp_path / "out", 12345, 12345)
    for place in (tmp_path, *tmp_path.parents):
        if place.stat().st_uid == 0 and place != Path("/"):
            place.chmod(place.stat().st_mode | 0o055)
    # Everything but the output is another user's, and the network namespace is empty.
    before = ("unshare", "--net", "setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups")
    if subprocess.run([*before, sys.executable, "-c", "pass"], capture_output=True).returncode:
        pytest.skip("this machine cannot change user and network")
    done = bgen(
        "build", tmp_path / "spec.yaml", "-o", tmp_path / "out", before=before, cwd=Path("/"), PYTHONPATH=str(tmp_path / "code")
    )
    assert done.returncode == 0, done.stderr
    assert bgen("verify", tmp_path / "out").returncode == 0
    refused = bgen(
        "build", tmp_path / "spec.yaml", "-o", tmp_path / "no", before=before, cwd=Path("/"), PYTHONPATH=str(tmp_path / "code")
    )
    assert refused.returncode == 1
    assert b"BG307" in refused.stderr
    assert not (tmp_path / "no").exists()


def test_the_json_report_fits_its_schema() -> None:
    schema = json.loads((ROOT / "schemas/diagnostics.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    for case in ("many-at-once.yaml", "many-meanings.yaml", "BG010-too-large.yaml", "BG002-tab-indent.yaml"):
        path = ROOT / "tests/rejected" / case
        if path.exists():
            report = json.loads(bgen("build", path, "--format", "json").stderr)
            assert report
            assert list(judge.iter_errors(report)) == []
    assert not judge.is_valid([{"file": "x"}])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str) -> None:
    script = (
        "import os, sys; os.environ['_BGEN_COMPLETE'] = sys.argv[1] + '_source'; sys.argv = ['bgen']\n"
        "from bgen.cli import main; main(prog_name='bgen')"
    )
    done = subprocess.run([sys.executable, "-c", script, shell], capture_output=True, text=True, env=PLAIN, cwd=ROOT)
    # click asks bash for its version; where there is none it says so and exits 1.
    assert "_bgen_completion" in done.stdout or shutil.which(shell) is None
    env = {**PLAIN, "_BGEN_COMPLETE": "bash_complete", "COMP_WORDS": "bgen bu", "COMP_CWORD": "1"}
    words = subprocess.run(
        [sys.executable, "-c", "from bgen.cli import main; main(prog_name='bgen')"],
        capture_output=True,
        text=True,
        env=env,
        cwd=ROOT,
    )
    assert words.stdout.split() == ["plain,build"]
