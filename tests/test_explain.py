"""`bgen explain`, `bgen schema` and `bgen init`: what people read before they write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from bgen import conforms
from bgen import explain
from bgen.cli import main
from bgen.diagnostics import CODES
from bgen.rules import RULES

ROOT = Path(__file__).parent.parent


def run(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, list(words), input=stdin)


@pytest.mark.parametrize("code", sorted({**CODES, **RULES}))
def test_every_code_is_explained_beyond_its_title(code: str) -> None:
    text = run("explain", code.lower()).stdout
    head, _, body = text.partition("\n\n")
    assert head.startswith(code)
    assert len(body.split()) >= 10
    if code in RULES:
        assert "Fix: " in body


def test_no_text_is_left_over() -> None:
    assert explain.TEXTS.keys() == CODES.keys()


def fields(node: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every field of the spec's own vocabulary."""
    bundle = conforms.bundle("release.schema.json")
    if node.get("$ref", "").startswith("#/$defs/"):
        node = bundle["$defs"][node["$ref"].rpartition("/")[2]]
    node = node.get("items", node)
    if node.get("$ref", "").startswith("#/$defs/"):
        node = bundle["$defs"][node["$ref"].rpartition("/")[2]]
    found = []
    for name, part in node.get("properties", {}).items():
        found += [(*path, name), *fields(part, (*path, name))]
    return found


@pytest.mark.parametrize("path", fields(conforms.bundle("release.schema.json")), ids=".".join)
def test_every_field_is_explained_in_its_own_words(path: tuple[str, ...]) -> None:
    result = run("explain", ".".join(path))
    assert result.exit_code == 0
    assert "its API reference describes it" not in result.stdout
    assert len(result.stdout.split("\n\n")[1].split()) >= 2


@pytest.mark.parametrize(
    "topic, expected",
    [
        ("container.readinessProbe.httpGet.scheme", "one of: HTTP, HTTPS"),
        ("trafficPolicy.outlierDetection.interval", "A field of Istio"),
        ("stages.weight", "default: 0"),
        ("hardening", "one of: restricted, baseline, none"),
    ],
)
def test_native_fields_types_and_defaults(topic: str, expected: str) -> None:
    assert expected in run("explain", topic).stdout


def test_an_unknown_topic_is_a_usage_error_with_a_hint() -> None:
    result = run("explain", "slot")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean slots?" in result.stderr


def test_the_schema_stands_alone_and_judges_the_examples() -> None:
    schema = YAML(typ="safe").load(run("schema").stdout)
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    for spec in sorted((ROOT / "examples").glob("*/release.yaml")):
        data = YAML(typ="safe").load(spec.read_text(encoding="utf-8"))
        assert list(judge.iter_errors(data)) == []
        data.setdefault("container", {})["readinessProbe"] = {"httpGet": {"pth": "/"}}
        assert not judge.is_valid(data)


def test_init_writes_a_spec_that_builds_at_once(tmp_path: Path) -> None:
    spec = tmp_path / "shop.yaml"
    assert run("init", "shop", "-o", str(spec)).exit_code == 0
    built = run("build", str(spec), "-o", str(tmp_path / "deploy"), "--strict")
    assert built.exit_code == 0, built.stderr
    assert (tmp_path / "deploy/shop/manifests/virtual-service.yaml").is_file()
    again = run("init", "shop", "-o", str(spec))
    assert (again.exit_code, "File exists" in again.stderr) == (2, True)


def test_every_commented_line_of_the_first_spec_may_be_uncommented() -> None:
    text = run("init", "shop").stdout
    lines = [line.replace("# ", "", 1) if _is_code(line) else line for line in text.splitlines()]
    assert lines != text.splitlines()
    built = run("build", "-", "--stdout", stdin="\n".join(lines) + "\n")
    assert built.exit_code == 0, built.stderr
    assert "kind: Gateway" in built.stdout
    assert "version: v2" in built.stdout


def _is_code(line: str) -> bool:
    """Whether a comment is a line of YAML that was switched off, not prose."""
    word = line.strip().removeprefix("#").strip().split(" ")[0]
    return line.strip().startswith("# ") and word.endswith(":") and word[:-1].isalpha() and word[0].islower()


def test_init_refuses_what_is_no_name() -> None:
    result = run("init", "Shop")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "lower-case letters" in result.stderr
