"""Every way to get a spec wrong that has a code: `rejected/<case>.yaml` in, `rejected/<case>.txt` out, to the letter.

A first line `# bgen: --strict` gives options to the command, for the codes that are warnings. `UPDATE_GOLDENS=1` writes
the texts anew; read the difference as somebody would who knows neither Istio nor bgen.
"""

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result

from bgen.build import build
from bgen.cli import main

HERE = Path(__file__).resolve().parent
CASES = sorted((HERE / "rejected").glob("*.yaml"))
SOURCES = HERE.parent / "bgen"
SPEC = (HERE / "rejected" / "BG101-depth-1.yaml").read_bytes().replace(b"replica: 3\n", b"")
HEAD = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): (?:error|warning) (?P<code>BG\d{3}): .", re.M)


def run(case: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.chdir(case.parent)
    options = re.match(rb"# bgen: (.*)\n", case.read_bytes())
    words = options[1].decode().split() if options else []
    return CliRunner().invoke(main, ["build", case.name, "--output", str(output), "--color", "never", *words])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_is_rejected_with_exactly_this_text(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(case, tmp_path / "deploy", monkeypatch)
    assert (result.exit_code, result.stdout) == (1, "")
    assert list(tmp_path.iterdir()) == []
    expected = case.with_suffix(".txt")
    if os.environ.get("UPDATE_GOLDENS"):
        expected.write_text(result.stderr, encoding="utf-8", newline="\n")
    assert result.stderr == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_names_the_code_of_the_case_and_sorts_by_place(case: Path) -> None:
    found = list(HEAD.finditer(case.with_suffix(".txt").read_text(encoding="utf-8")))
    assert found
    assert {match["file"] for match in found} == {case.name}
    places = [(int(match["line"]), int(match["column"]), match["code"]) for match in found]
    assert places == sorted(places)
    if case.name.startswith("BG"):
        assert case.name.partition("-")[0] in {match["code"] for match in found}


def test_every_text_belongs_to_a_case() -> None:
    assert {path.stem for path in (HERE / "rejected").glob("*.txt")} == {case.stem for case in CASES}


def test_every_code_has_a_case() -> None:
    # Every code is a literal in the sources; those that judge a spec are BG0xx, BG1xx and BG2xx.
    written = "".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    codes = set(re.findall(r'"(BG[012]\d\d)"', written))
    assert len(codes) > 50
    assert codes - {case.name.partition("-")[0] for case in CASES} == set()


@pytest.mark.parametrize("case", ["many-at-once", "many-meanings", "BG002-tab-indent", "BG001-utf16", "BG218-no-pods"])
def test_the_tree_of_a_rejected_release_stays_as_it_is(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.yaml").write_bytes(SPEC)
    assert CliRunner().invoke(main, ["build", str(tmp_path / "shop.yaml"), "-o", str(tmp_path / "deploy")]).exit_code == 0
    before = snapshot(tmp_path)
    assert len(before) > 20
    assert run(HERE / "rejected" / f"{case}.yaml", tmp_path / "deploy", monkeypatch).exit_code == 1
    assert snapshot(tmp_path) == before


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_file_over_one_mebibyte_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "big.yaml"
    spec.write_bytes(SPEC + b"# " + b"x" * (1 << 20) + b"\n")
    size = spec.stat().st_size
    result = run(spec, tmp_path / "deploy", monkeypatch)
    assert result.exit_code == 1
    assert result.stderr == f"big.yaml: error BG010: {size} bytes: a spec may have at most 1048576\n"


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(b"\xef\xbb\xbf" + SPEC, id="byte order mark"),
        pytest.param(SPEC.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(SPEC.rstrip(b"\n"), id="no line end at the end"),
        pytest.param(b"---\n" + SPEC + b"...\n", id="document marks"),
        pytest.param(b"# a comment\n\n" + SPEC, id="comment"),
    ],
)
def test_what_only_looks_wrong_changes_nothing(same: bytes) -> None:
    files, warnings = build(same, "shop.yaml")
    assert warnings == ()
    assert files == build(SPEC, "shop.yaml")[0]
