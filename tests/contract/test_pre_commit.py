"""The hooks in the real pre-commit, in a scratch repository as a platform team would have it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SPEC = """\
apiVersion: bgen/v1
name: NAME
namespace: shop
slots:
  blue: {image: "NAME:1", version: v1}
  green: {image: "NAME:2", version: v2}
stable: blue
stage: blue
"""
CONFIG = """\
repos:
- repo: HOOKS
  rev: HEAD
  hooks:
  - id: ID
    args: [releases, --output, deploy]
"""


def sh(*argv: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    whole = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.com", **env}
    whole |= {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.com"}
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, env=whole, timeout=300)


def git(repository: Path, *words: str) -> str:
    done = sh("git", *words, cwd=repository)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Team:
    """A repository with releases/ and deploy/, and pre-commit in it."""

    def __init__(self, path: Path, hooks: Path, home: Path) -> None:
        self.path = path
        self.home = home
        self.hooks = hooks
        path.mkdir()
        git(path, "init", "-q")
        self.use("bgen")

    def use(self, hook: str) -> None:
        text = (
            CONFIG.replace("HOOKS", str(self.hooks))
            .replace("ID", hook)
            .replace("HEAD", git(self.hooks, "rev-parse", "HEAD").strip())
        )
        self.write(".pre-commit-config.yaml", text)

    def write(self, path: str, text: str) -> None:
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_text(text, encoding="utf-8")

    def spec(self, name: str, old: str = "", new: str = "") -> None:
        self.write(f"releases/{name}.yaml", SPEC.replace("NAME", name).replace(old, new) if old else SPEC.replace("NAME", name))

    def stage(self, *paths: str) -> None:
        git(self.path, "add", "-A", *(paths or (".",)))

    def hook(self) -> tuple[int, str]:
        done = sh(sys.executable, "-m", "pre_commit", "run", cwd=self.path, PRE_COMMIT_HOME=str(self.home))
        return done.returncode, done.stdout + done.stderr

    def commit(self) -> None:
        git(self.path, "commit", "-q", "--no-verify", "-m", "x")

    def status(self) -> list[str]:
        return git(self.path, "status", "--porcelain").splitlines()


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the checkout as it is now, for pre-commit to clone."""
    copy = tmp_path_factory.mktemp("hooks")
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if not name.startswith(("tests/", "examples/")) and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    git(copy, "init", "-q")
    git(copy, "add", "-A")
    git(copy, "commit", "-q", "-m", "x")
    return copy


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def team(tmp_path: Path, hooks: Path, home: Path) -> Team:
    """Two releases, built and committed."""
    found = Team(tmp_path / "team", hooks, home)
    found.spec("shop")
    found.spec("cart")
    found.stage()
    code, text = found.hook()
    # pre-commit does not see new files: the exit code is bgen's.
    assert code == 1, text
    assert "20 created of 20 files" in text
    assert "deploy/cart" in text
    found.stage()
    assert found.hook()[0] == 0
    found.commit()
    return found


def test_a_changed_spec_fails_once_and_passes_when_the_output_is_staged(team: Team) -> None:
    team.spec("shop", "stage: blue", "stage: split")
    team.stage()
    code, text = team.hook()
    assert code == 1
    assert "updated of 20 files" in text
    changed = [line for line in team.status() if line.startswith(" M")]
    assert " M deploy/shop/manifests/virtual-service.yaml" in changed
    assert not [line for line in changed if "deploy/cart" in line]
    team.stage()
    assert team.hook()[0] == 0


def test_a_new_spec_is_built_although_pre_commit_sees_no_change(team: Team) -> None:
    team.spec("mail")
    team.stage()
    code, text = team.hook()
    assert code == 1
    assert "deploy/mail" in text
    assert (team.path / "deploy/mail/manifests/service.yaml").is_file()


def test_a_deleted_spec_names_the_orphan_and_prune_removes_it(team: Team) -> None:
    (team.path / "releases/cart.yaml").unlink()
    team.stage()
    code, text = team.hook()
    assert code == 1
    assert "deploy/cart: error BG306: the spec cart.yaml of this tree is gone" in text
    assert (team.path / "deploy/cart/bgen.lock").is_file()
    done = sh(sys.executable, "-m", "bgen", "build", "releases", "--prune", cwd=team.path, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    assert not (team.path / "deploy/cart").exists()
    team.stage()
    assert team.hook()[0] == 0


def test_a_broken_spec_keeps_its_tree_and_builds_the_other(team: Team) -> None:
    team.spec("shop", "stage: blue", "stage: spilt")
    team.spec("cart", "stage: blue", "stage: split")
    before = (team.path / "deploy/shop/bgen.lock").read_bytes()
    team.stage()
    code, text = team.hook()
    assert code == 1
    assert "releases/shop.yaml:8:8: error BG201" in text
    assert (team.path / "deploy/shop/bgen.lock").read_bytes() == before
    assert " M deploy/cart/manifests/virtual-service.yaml" in team.status()


def test_a_hand_edited_file_is_refused_and_stays(team: Team) -> None:
    file = team.path / "deploy/shop/manifests/service.yaml"
    file.write_text(file.read_text() + "# mine\n")
    team.stage()
    code, text = team.hook()
    assert code == 1
    assert "error BG302" in text
    assert file.read_text().endswith("# mine\n")


def test_what_is_not_staged_is_neither_built_nor_lost(team: Team) -> None:
    team.spec("shop", "stage: blue", "stage: split")
    team.stage()
    team.spec("cart", "stage: blue", "stage: split")
    code, _ = team.hook()
    assert code == 1
    assert "stage: split" in (team.path / "releases/cart.yaml").read_text()
    assert "bgen/stage: blue" in (team.path / "deploy/cart/manifests/virtual-service.yaml").read_text()
    assert "bgen/stage: split" in (team.path / "deploy/shop/manifests/virtual-service.yaml").read_text()


def test_the_checking_hook_writes_nothing(team: Team) -> None:
    team.use("bgen-check")
    team.spec("shop", "stage: blue", "stage: split")
    team.stage()
    code, text = team.hook()
    assert code == 1
    assert "would be: " in text
    assert "bgen/stage: blue" in (team.path / "deploy/shop/manifests/virtual-service.yaml").read_text()
    team.spec("shop")
    team.stage()
    assert team.hook()[0] == 0
