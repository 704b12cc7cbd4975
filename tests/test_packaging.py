"""What is installed behaves as the checkout does: wheel, wheel of the sdist, `python -m bgen`, from an empty directory."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import jinja2
import pytest

from bgen.build import build

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "examples/production/release.yaml"


def run(*argv: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, env={**os.environ, **env})
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def make_wheel(source: Path, target: Path) -> Path:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", target, source, cwd=source)
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked sdist of the checkout."""
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "-o", folder, ROOT, cwd=ROOT)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wheel(sdist, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds what pip would install; in front of the path, it hides the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


def test_the_wheel_is_small_and_carries_templates_schemas_and_compiled_modules(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder, source in (("templates", "*.j2"), ("schemas", "**/*.json")):
        expected = {f"bgen/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / folder).glob(source)}
        assert expected
        assert expected <= set(names)
    compiled = [name for name in names if name.startswith("bgen/compiled/tmpl_")]
    assert len(compiled) == len(list((ROOT / "templates").glob("*.j2")))
    assert wheel.stat().st_size < 2_000_000


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    def content(path: Path) -> dict[str, bytes]:
        packed = zipfile.ZipFile(path)
        return {name: packed.read(name) for name in packed.namelist() if not name.endswith("RECORD")}

    assert content(make_wheel(ROOT, tmp_path)) == content(wheel)
    assert not (ROOT / "bgen/compiled").exists()


def test_an_installed_bgen_writes_what_the_checkout_writes(installed: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    where = run(sys.executable, "-c", "import bgen; print(bgen.__file__)", cwd=empty, PYTHONPATH=str(installed))
    assert Path(where.stdout.strip()).is_relative_to(installed)
    run(sys.executable, "-m", "bgen", "build", SPEC, "-o", "out", cwd=empty, PYTHONPATH=str(installed))
    files, _ = build(SPEC.read_bytes(), "release.yaml")
    assert {
        path.relative_to(empty / "out/checkout").as_posix(): path.read_text(encoding="utf-8")
        for path in (empty / "out/checkout").rglob("*")
        if path.is_file()
    } == {file.path: file.text for file in files}


def test_an_installed_bgen_does_not_compile_templates(installed: Path, tmp_path: Path) -> None:
    code = (
        "import jinja2.environment as e\n"
        "def refuse(*a, **k): raise AssertionError('a template was compiled')\n"
        "e.Environment.compile = refuse\n"
        "from bgen.cli import main\n"
        f"main(['build', {str(SPEC)!r}, '--stdout', '-q'])"
    )
    done = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(installed))
    assert done.stdout.count("kind: VirtualService") == 1


def test_another_jinja_falls_back_to_the_source(installed: Path, tmp_path: Path) -> None:
    stamp = installed / "bgen/compiled/JINJA_VERSION"
    assert stamp.read_text() == jinja2.__version__ + "\n"
    stamp.write_text("0.0\n")
    try:
        done = run(sys.executable, "-m", "bgen", "build", SPEC, "--stdout", cwd=tmp_path, PYTHONPATH=str(installed))
        assert done.stdout.count("kind: VirtualService") == 1
    finally:
        stamp.write_text(jinja2.__version__ + "\n")


def test_the_sdist_has_what_its_tests_need(sdist: Path) -> None:
    for path in ("tests/test_packaging.py", "examples/minimal/release.yaml", "Makefile", "scripts/bundle_schemas.py", "LICENSE"):
        assert (sdist / path).is_file(), path


def test_the_pure_reader_takes_over_without_the_c_extension(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['_ruamel_yaml'] = None\n"
        "from bgen import yamlread\n"
        "assert not yamlread.FAST\n"
        "from bgen.cli import main\n"
        f"main(['build', {str(SPEC)!r}, '--stdout', '-q'])"
    )
    slow = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(ROOT))
    fast = run(sys.executable, "-m", "bgen", "build", SPEC, "--stdout", "-q", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert slow.stdout == fast.stdout
    told = run(sys.executable, "-c", code.replace(", '-q'", ""), cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert told.stderr.count("the C extension of ruamel.yaml is missing") == 1
    assert "C extension" not in slow.stderr + fast.stderr
