"""What `yamltext` writes: the exact form by tables, and that five YAML readers and Kubernetes' own read back the value."""

import json
import math
import random
import re
import shutil
import string
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bgen import yamlread
from bgen import yamltext
from bgen.scalars import resolve_strictly

from .conftest import drawn

# Bare in the text, the same string to every reader.
NOOP = [
    "a",
    "my-app",
    "my-app:1.0.0",
    "registry:5000/shop/my-app:1.0.0",
    "registry.example.com/a/b@sha256:0123abcd",
    "--a=b",
    "-a",
    "/ready",
    "_private",
    "100m",
    "10s",
    "128Mi",
    "0s",
    "nowhere",
    "yesterday",
    "nullable",
    "a b",
    "a:b",
    "some words (in brackets), and more",
    "topology.kubernetes.io/zone",
    "LEAST_REQUEST",
    "e1",
    "a,b",
    "x%y",
    "a=b",
    "arn:aws:iam",
]

DOUBLE_QUOTED = [
    ("", '""'),
    (" ", '" "'),
    (" a", '" a"'),
    ("a ", '"a "'),
    ("a  b", '"a  b"'),
    ("y", '"y"'),
    ("N", '"N"'),
    ("Yes", '"Yes"'),
    ("no", '"no"'),
    ("on", '"on"'),
    ("OFF", '"OFF"'),
    ("true", '"true"'),
    ("False", '"False"'),
    ("null", '"null"'),
    ("~", '"~"'),
    (".nan", '".nan"'),
    ("nan", '"nan"'),
    ("-.inf", '"-.inf"'),
    ("inf", '"inf"'),
    ("1", '"1"'),
    ("-1", '"-1"'),
    ("+1", '"+1"'),
    ("1.28", '"1.28"'),
    ("1e3", '"1e3"'),
    ("0x1f", '"0x1f"'),
    ("0o17", '"0o17"'),
    ("0755", '"0755"'),
    ("12:30", '"12:30"'),
    ("1_000", '"1_000"'),
    ("2024-01-15", '"2024-01-15"'),
    ("2024-01-15T10:30:00Z", '"2024-01-15T10:30:00Z"'),
    ("01s", '"01s"'),
    ("25%", '"25%"'),
    ("5xx,reset", '"5xx,reset"'),
    ("*.example.com", '"*.example.com"'),
    ("*", '"*"'),
    ("&a", '"&a"'),
    ("!tag", '"!tag"'),
    ("?", '"?"'),
    ("? a", '"? a"'),
    ("-", '"-"'),
    ("- a", '"- a"'),
    ("---", '"---"'),
    ("...", '"..."'),
    ("-_", '"-_"'),
    ("-1s", '"-1s"'),
    ("---a", '"---a"'),
    ("=", '"="'),
    ("<<", '"<<"'),
    ("#", '"#"'),
    ("a #b", '"a #b"'),
    ("a#b", '"a#b"'),
    ("arn:aws:iam::1", '"arn:aws:iam::1"'),
    ("a:", '"a:"'),
    ("a: b", '"a: b"'),
    (":a", '":a"'),
    ("{a}", '"{a}"'),
    ("[a]", '"[a]"'),
    ("%a", '"%a"'),
    ("@a", '"@a"'),
    ("`a`", '"`a`"'),
    ("|", '"|"'),
    (">", '">"'),
    (",", '","'),
    ("it's", '"it\'s"'),
    ("'", '"\'"'),
    ("'\"\\", '"\'\\"\\\\"'),
    ("a\tb", '"a\\u0009b"'),
    ("a\rb", '"a\\u000db"'),
    ("a\n", '"a\\u000a"'),
    ("\n", '"\\u000a"'),
    ("\0", '"\\u0000"'),
    ("\x07", '"\\u0007"'),
    ("\x7f", '"\\u007f"'),
    ("\x85", '"\\u0085"'),
    ("\u2028", '"\\u2028"'),
    ("\u2029", '"\\u2029"'),
    ("\ufeff", '"\\ufeff"'),
    ("\ufffe", '"\\ufffe"'),
    ("\u00e9", '"\u00e9"'),
    ("\u00a0", '"\u00a0"'),
    ("\U0001f642", '"\U0001f642"'),
    ("y\u0131", '"y\u0131"'),
    ("+argocd:skip-file-rendering", '"\\u002bargocd:skip-file-rendering"'),
    ("a+argocd:skip-file-rendering", '"a\\u002bargocd:skip-file-rendering"'),
]
SINGLE_QUOTED = [
    ('"', "'\"'"),
    ("\\", "'\\'"),
    ("\\d+\\.\\d", "'\\d+\\.\\d'"),
    ('sum(rate(x{a="b"}[5m]))', "'sum(rate(x{a=\"b\"}[5m]))'"),
    ('{"a": 1}', "'{\"a\": 1}'"),
]
SCALARS = [
    *((text, text) for text in NOOP),
    *DOUBLE_QUOTED,
    *SINGLE_QUOTED,
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-7, "-7"),
    (65535, "65535"),
    (1.0, "1.0"),
    (0.05, "0.05"),
    (-0.0, "-0.0"),
    (1e-05, "0.00001"),
    (1e16, "10000000000000000.0"),
    ({}, "{}"),
    ([], "[]"),
    ((), "[]"),
]


@pytest.mark.parametrize("value, written", SCALARS)
def test_a_scalar_is_one_line_in_the_most_readable_form_that_every_reader_agrees_on(value, written):
    assert yamltext.scalar(value) == written
    assert differences({"value": value}) == []


@pytest.mark.parametrize("value", [None, object(), b"bytes", {1}, 1j])
def test_a_value_that_no_manifest_may_hold_is_refused(value):
    with pytest.raises(TypeError, match="is not a value of a manifest"):
        yamltext.scalar(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e-22, 5e-324])
def test_a_float_without_a_fixed_point_form_is_refused(value):
    with pytest.raises(ValueError, match="form"):
        yamltext.scalar(value)


LITERALS = [
    ("a\nb", ["k: |-", "  a", "  b"]),
    ("a\nb\n", ["k: |", "  a", "  b"]),
    ("a\n\nb", ["k: |-", "  a", "", "  b"]),
    ("a\n  b\n", ["k: |", "  a", "    b"]),
    ("# a\nb", ["k: |-", "  # a", "  b"]),
    ("---\n...\n", ["k: |", "  ---", "  ..."]),
    ("- a\n- b", ["k: |-", "  - a", "  - b"]),
    ("a\tb\nc", ["k: |-", "  a\tb", "  c"]),
    ("a\n\tb", ["k: |-", "  a", "  \tb"]),
    ("'\n\"", ["k: |-", "  '", '  "']),
    ("\u00e9\n\U0001f642", ["k: |-", "  \u00e9", "  \U0001f642"]),
]
NOT_LITERALS = [
    "",
    "a",
    "a\n",
    "\n",
    "\n\n",
    "a\nb\n\n",
    " a\nb",
    "\ta\nb",
    "\na\nb",
    "a \nb",
    "a\nb ",
    "a\t\nb",
    "a\n \nb",
    "a\u00a0\nb",
    "a\u3000\nb",
    "\u2003a\nb",
    "a\r\nb",
    "a\nb\r",
    "\x07a\nb",
    "a\n\x85b",
    "a\n\u2028",
    "a\n\ufeffb",
    "a\n+argocd:skip-file-rendering",
]


@pytest.mark.parametrize("value, written", LITERALS)
def test_several_lines_are_a_literal_block(value, written):
    assert list(yamltext.placed("k:", value, "")) == written
    assert differences({"k": value, "after": ["x", value]}) == []


@pytest.mark.parametrize("value", NOT_LITERALS)
def test_a_text_that_a_literal_block_would_change_is_quoted(value):
    assert len(list(yamltext.placed("k:", value, ""))) == 1
    assert differences({"k": value, "after": ["x", value]}) == []


LAYOUTS = [
    ("k:", "", {"a": 1}, ["k:", "  a: 1"]),
    ("k:", "", [1, 2], ["k:", "- 1", "- 2"]),
    ("k:", "", (1, 2), ["k:", "- 1", "- 2"]),
    ("k:", "", {}, ["k: {}"]),
    ("k:", "", [], ["k: []"]),
    ("-", "", "a", ["- a"]),
    ("-", "", {"a": 1, "b": 2}, ["- a: 1", "  b: 2"]),
    ("-", "", [[1], 2], ["- - - 1", "  - 2"]),
    ("-", "", {"a": {"b": [1]}}, ["- a:", "    b:", "    - 1"]),
    ("-", "", {"a": "x\ny"}, ["- a: |-", "    x", "    y"]),
    ("-", "", ["x\ny\n"], ["- - |", "    x", "    y"]),
    ("-", "", "x\ny", ["- |-", "  x", "  y"]),
    ("    k:", "    ", {"a": [{"b": {}}]}, ["    k:", "      a:", "      - b: {}"]),
    ("k:", "", {"no": {"1": "on"}}, ["k:", '  "no":', '    "1": "on"']),
    ("k:", "", {"z": 1, "a": 2}, ["k:", "  z: 1", "  a: 2"]),
]


@pytest.mark.parametrize("head, pad, value, written", LAYOUTS)
def test_lists_stand_at_the_column_of_their_key_and_mappings_two_further(head, pad, value, written):
    assert list(yamltext.placed(head, value, pad)) == written


KEYS = [
    ("a", "a"),
    ("app.kubernetes.io/name", "app.kubernetes.io/name"),
    ("on", '"on"'),
    ("1", '"1"'),
    ("<<", '"<<"'),
    ("", '""'),
    ("a: b", '"a: b"'),
    ("a\nb", '"a\\u000ab"'),
    ('a"b', "'a\"b'"),
    ("a" * 1000, "a" * 1000),
    ("1" * 998, '"' + "1" * 998 + '"'),
]


@pytest.mark.parametrize("name, written", KEYS)
def test_a_key_is_written_as_a_scalar_on_one_line(name, written):
    assert yamltext.key(name) == written
    assert differences({name: 1}) == []


@pytest.mark.parametrize("name", ["a" * 1001, "1" * 999, "\0" * 167])
def test_a_key_longer_than_readers_accept_is_refused(name):
    with pytest.raises(ValueError, match="more than YAML readers accept"):
        yamltext.key(name)


@pytest.mark.parametrize("name", [1, True, None, 1.5, ("a",)])
def test_a_key_that_is_not_text_is_refused(name):
    with pytest.raises(TypeError, match="a key must be text"):
        yamltext.key(name)


def test_none_inside_a_placed_value_is_refused():
    with pytest.raises(TypeError, match="NoneType"):
        list(yamltext.lines({"a": [{"b": None}]}, ""))


# --- the readers ---------------------------------------------------------------------------------------------------


def _strictly(text: str) -> Any:
    root, problems = yamlread.read(text, resolve_strictly)
    assert root is not None
    assert problems == []
    return root.value


READERS: dict[str, Callable[[str], Any]] = {
    "PyYAML, C": lambda text: yaml.load(text, yaml.CSafeLoader),
    "PyYAML, pure": lambda text: yaml.load(text, yaml.SafeLoader),
    "ruamel.yaml, C": lambda text: YAML(typ="safe").load(text),
    "ruamel.yaml, pure": lambda text: YAML(typ="safe", pure=True).load(text),
    "bgen.yamlread": _strictly,
}


def differences(value: Any) -> list[str]:
    """The readers that refuse the text of `value`, or take it for another value."""
    text = "\n".join(yamltext.lines(value, "")) + "\n"
    wanted = repr(plain(value))
    found = []
    for name, read in READERS.items():
        try:
            # repr, because 1 == True == 1.0.
            same = repr(plain(read(text))) == wanted
        except Exception:  # noqa: BLE001 - whatever a reader raises, it has refused the text
            same = False
        if not same:
            found.append(name)
    return found


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def blemishes(value: Any) -> list[str]:
    """What pre-commit hooks and Argo CD would make of the text: lines that end in white space, the marker to skip."""
    text = "\n".join(yamltext.lines(value, "")) + "\n"
    found = ["blank at a line's end"] if re.search(r"\s(?=\n)(?<!\n)|\n\n\Z", text) else []
    return found + (["skipped by Argo CD"] if yamltext.SKIP_MARKER in text else [])


HOSTILE = [
    *NOOP,
    *(text for text, _ in DOUBLE_QUOTED),
    *(text for text, _ in SINGLE_QUOTED),
    *(text for text, _ in LITERALS),
    *NOT_LITERALS,
    # Words and numbers of YAML 1.1, YAML 1.2 and Go's readers.
    *("Y", "n", "YES", "No", "NO", "On", "ON", "Off", "off", "True", "TRUE", "FALSE", "Null", "NULL", "NaN", ".NaN"),
    *(".NAN", ".Inf", "+.inf", "Infinity", "-inf", "-0", "+0", "00", "08", "0b1", "0B1", "0O7", "0X1F", "-0x1", "1e"),
    *("1e-3",),
    *("1E+3", ".5", "5.", "-.5", "+.5", "1.", "1.e1", "1..2", "1.2.3", "1,000", "1__0", "_1", "0_", "190:20:30"),
    *("1:60", "1:2.5"),
    *("2024-1-1", "2024-01-15 10:30:00", "2024-01-15t10:30:00.5+01:00", "0001-01-01", "99999999999999999999", "1e999"),
    *("0.1e-400",),
    # Indicators in every position.
    *("a: ", "a :b", "a:b", "a :", "::", "a::b", ": a", "-a-", "--", "--1", "- ", "-\t", "?a", "a?", "a ?b", "!"),
    *("!!str a", "!<x>"),
    *("& a", "*a", "*a b", "| a", "|-", ">-", "%YAML 1.2", "%TAG", "@", "`", "[", "]", "{", "}", "[]", "{}", "[a, b]"),
    *("{a: b}",),
    *("# a", " # a", "a # b", "a\t#b", '"a', 'a"', '"a"', "'a", "a'", "'a'", "''", '""', '"a" b', "\\n", "\\x41", "\\"),
    *("a\\",),
    *("--- a", "---\n", "...\n", "--- |", "\n---\n", "a\n---\nb", "a\n...\nb", "a\n--- b\nc", "<< ", "<<: a", "=a"),
    *("a=",),
    # Line ends, tabs, blanks.
    *("\t", "\ta", "a\t", " \t ", "a\n b", "a\n\tb", "a\n\n\n", "\n\na", "\r", "\r\n", "a\r\nb\r\n", "a\rb\nc", "a\n "),
    *("a\n\n ",),
    *("\x0b", "\x0c", "a\x0bb\nc", "\x1c\x1d\x1e", "a\x85b\nc", "\u2028\na", "a\n\u2029\nb", "\u200b", "\u2060"),
    *("\u3000a\nb", "\u00a0"),
    # Characters that look alike, change direction, or lie at the edges of Unicode.
    *("\ufeffa", "a\ufeffb", "\uffff", "\ufffd", "\ue000", "\ud7ff", "\U00010000", "\U0010ffff"),
    *("\U0001f1e9\U0001f1ea", "e\u0301"),
    *("\u202ea", "\u0661", "\uff11", "\u0130", "\u017f", "\u212a", "Ye\u017f", "o\u0130", "\x1b[31m", "\x00\x01\x02"),
    *("\x7f\x80\x9f",),
    # What templates, shells, GitHub and Go templates would act on.
    *("{{ x }}", "{% raw %}", "{#", "${{ secrets.X }}", "$(id)", "`id`", "$X", "$$", "a;b", "a&&b", "<b>", "-->"),
    *("$labels.x",),
    *('{{ printf "%.1f" $value }}', "a" * 70 + " " + "b" * 70, "a " * 50 + "b", "x" * 10_000),
    *(("long line " * 30).strip() + "\n" + "y" * 200,),
    *("+argocd:skip-file-rendering\na", "x\n+argocd:skip-file-rendering\n", "+argocd:skip-file-renderin", "+argocd"),
]


def test_the_fixed_list_is_long():
    assert len(set(HOSTILE)) >= 250


@pytest.mark.parametrize("name", READERS)
def test_every_hostile_string_survives_as_value_list_entry_and_key(name):
    read = READERS[name]
    value = {
        "values": {f"k{i}": text for i, text in enumerate(HOSTILE)},
        "list": HOSTILE,
        "nested": [[text, {"deep": [text]}] for text in HOSTILE],
        "keys": {text: i for i, text in enumerate(HOSTILE) if len(text) < 900},
    }
    text = "\n".join(yamltext.lines(value, "")) + "\n"
    assert read(text) == value
    assert blemishes(value) == []


# Characters that some reader treats in its own way stand for a third of all characters drawn.
SPECIAL = "\t\n\r \"'\\:#-?!&*|>%@`{}[],=<~.+0123456789eExXoOyYnN_/\x00\x07\x7f\x85\xa0\u2028\ufeff\uffff\u3000\U0001f642"
CHARACTERS = st.one_of(
    st.sampled_from(SPECIAL),
    st.characters(codec="ascii"),
    st.characters(exclude_categories=("Cs",)),
)
SHORT = [text for text in HOSTILE if len(text) < 100]
TEXTS = st.one_of(st.text(CHARACTERS, max_size=30), st.sampled_from(SHORT))
FLOATS = st.floats(min_value=1e-5, max_value=1e15, allow_nan=False).map(lambda x: round(x, 6)).filter(bool)
LEAVES = st.one_of(TEXTS, st.booleans(), st.integers(-(2**63), 2**63 - 1), FLOATS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(CHARACTERS, max_size=12), inner, max_size=4),
    ),
    max_leaves=12,
)
FEW = settings(max_examples=drawn(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(st.lists(TEXTS, min_size=1, max_size=10))
def test_any_text_reads_back_the_same(texts):
    value = {"values": {f"k{i}": text for i, text in enumerate(texts)}, "list": texts, "keys": dict.fromkeys(texts, 1)}
    value["keys"] = {name: 1 for name in value["keys"] if len(yamltext.text(name)) <= yamltext.MAX_KEY}
    assert differences(value) == []
    assert blemishes(value) == []


@FEW
@given(st.dictionaries(st.text(CHARACTERS, max_size=12), VALUES, min_size=1, max_size=4))
def test_any_nested_value_reads_back_the_same(value):
    assert differences(value) == []
    assert blemishes(value) == []


@FEW
@given(VALUES)
def test_any_value_placed_after_a_key_or_dash_at_any_column_reads_back_the_same(value):
    lines = [
        "first:",
        *yamltext.placed("  key:", value, "  "),
        "  list:",
        *yamltext.placed("  - - -", value, "      "),
        "  last: 1",
    ]
    for name, read in READERS.items():
        found = plain(read("\n".join(lines) + "\n"))
        assert repr(found) == repr({"first": {"key": plain(value), "list": [[[plain(value)]]], "last": 1}}), name


@FEW
@given(st.floats())
def test_a_float_is_refused_or_reads_back_the_same_without_an_exponent(value):
    try:
        written = yamltext.scalar(value)
    except ValueError:
        return
    assert re.fullmatch(r"-?[0-9]+\.[0-9]+", written)
    assert differences({"value": value}) == []


@settings(max_examples=drawn(300), deadline=None)
@given(st.from_regex(r"\A[-+.0-9_:eExobaftnyTZ~=<]{1,7}\Z"))
def test_no_short_word_that_looks_like_a_number_or_constant_changes_its_type(word):
    assert differences({"value": word}) == []


# --- Kubernetes' own reader ----------------------------------------------------------------------------------------


def kubernetes_differences(texts: list[str]) -> list[str]:
    """The texts that Kubernetes' reader takes for another one; raises ValueError when it refuses the whole file."""
    data = {f"k{i}": text for i, text in enumerate(texts)}
    annotations = {text: str(i) for i, text in enumerate(texts) if 0 < len(yamltext.text(text)) < 1000}
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "hostile", "annotations": {**annotations, **{f"v{k}": v for k, v in data.items()}}},
        "data": data,
    }
    command = [shutil.which("kubectl") or "", "annotate", "--local", "-f", "-", "-o", "json", "bgen.test/read=yes"]
    text = "\n".join(yamltext.lines(manifest, "")) + "\n"
    done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=60)
    if done.returncode:
        raise ValueError(done.stderr.decode())
    found = json.loads(done.stdout)
    got, notes = found.get("data", {}), found["metadata"]["annotations"]
    wrong = [text for name, text in data.items() if got.get(name) != text or notes.get(f"v{name}") != text]
    return wrong + [text for text, number in annotations.items() if notes.get(text) != number]


needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")


@needs_kubectl
def test_kubernetes_own_reader_sees_every_hostile_string():
    assert kubernetes_differences(HOSTILE) == []


@needs_kubectl
@pytest.mark.parametrize("seed", range(4))
def test_kubernetes_own_reader_sees_texts_drawn_at_random(seed):
    draw = random.Random(seed)
    alphabets = [
        SPECIAL,
        SPECIAL + string.printable,
        string.printable,
        "aZ09 \n\t:#-'\"",
        "\u00e9\u3000\n\U0001f642 \ue000x",
    ]
    texts = ["".join(draw.choices(draw.choice(alphabets), k=draw.randrange(1, 25))) for _ in range(6000)]
    assert kubernetes_differences(list(dict.fromkeys(texts))) == []


# --- the oracle bites ----------------------------------------------------------------------------------------------


def _plain_without(words: str) -> re.Pattern[str]:
    return re.compile(yamltext.PLAIN.pattern.replace(words, ""), re.IGNORECASE | re.ASCII)


def _single_quoted(value: str) -> str:
    return f"'{value}'"


NEVER = re.compile(r"(?!)")
WEAKENED: list[tuple[str, str, Any, str, set[str]]] = [
    ("a word of YAML 1.1 may be bare", "PLAIN", _plain_without("yes|no|"), "no", {"PyYAML, C", "PyYAML, pure"}),
    ("null may be bare", "PLAIN", _plain_without("null|"), "null", {*READERS} - {"bgen.yamlread"}),
    ("a digit may come first", "PLAIN", re.compile(r"[\w:.]+"), "12:30", {"PyYAML, C", "PyYAML, pure"}),
    ("a number may be bare", "PLAIN", re.compile(r"[\w:.+]+"), "1e3", {"ruamel.yaml, C", "ruamel.yaml, pure"}),
    ("a date may be bare", "PLAIN", re.compile(r"[\w-]+"), "2024-01-15", {*READERS} - {"bgen.yamlread"}),
    ("a dash needs no letter", "PLAIN", re.compile(r"-?[\w]+"), "-_", {"ruamel.yaml, C", "ruamel.yaml, pure"}),
    ("any first character", "PLAIN", re.compile(r"[!-~]+"), "*a", {*READERS}),
    ("a comment sign", "PLAIN", re.compile(r"[a-z #]+"), "a #b", {*READERS}),
    ("a colon and a blank", "PLAIN", re.compile(r"[a-z: ]+"), "a: b", {*READERS}),
    ("blanks at the end", "PLAIN", re.compile(r"[a-z ]+"), "a ", {*READERS}),
    ("C0 alone is escaped", "UNPRINTABLE", re.compile("[\x00-\x1f]"), "\x7f", {*READERS} - {"bgen.yamlread"}),
    (
        "line separators stand raw",
        "UNPRINTABLE",
        re.compile("[\x00-\x1f\x7f-\x84]"),
        "a\x85b",
        {"PyYAML, C", "bgen.yamlread"},
    ),
    ("nothing is escaped", "UNPRINTABLE", NEVER, "a\rb", {*READERS}),
    ("a blank may start a literal", "_NOT_LITERAL", re.compile(r"\n\n\Z"), " a\nb", {*READERS}),
    ("a literal may end in two lines", "_NOT_LITERAL", re.compile(r"\A\s"), "a\nb\n\n", {*READERS}),
    ("a key may have any length", "MAX_KEY", 10_000, "a" * 1100, {*READERS}),
    ("quotes are not doubled", "text", _single_quoted, "it's", {*READERS}),
    ("backslashes are not escaped", "text", lambda value: f'"{value}"', "a\\d", {*READERS}),
]


@pytest.fixture
def weakened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Any], None]]:
    cached = yamltext.text

    def weaken(name: str, replacement: Any) -> None:
        monkeypatch.setattr(yamltext, name, replacement)
        cached.cache_clear()

    yield weaken
    monkeypatch.undo()
    cached.cache_clear()


@pytest.mark.parametrize("why, name, replacement, value, readers", WEAKENED, ids=[row[0] for row in WEAKENED])
def test_the_oracle_finds_a_weakened_emitter(weakened, why, name, replacement, value, readers):
    whole = {"value": value, "list": [value], value: 1}
    sound = {"value": value, "list": [value], **({value: 1} if name != "MAX_KEY" else {})}
    assert differences(sound) == []
    weakened(name, replacement)
    assert readers <= set(differences(whole))


BLEMISHED = [
    ("_NOT_LITERAL", re.compile(r"\n\n\Z|\A\s"), "a \nb", ["blank at a line's end"]),
    ("_NOT_LITERAL", re.compile(r"\n\n\Z|\A\s"), "a\u3000\nb", ["blank at a line's end"]),
    ("SKIP_MARKER", "nothing", "+argocd:skip-file-rendering", []),
]


@pytest.mark.parametrize("name, replacement, value, found", BLEMISHED)
def test_the_oracle_finds_a_blemish(weakened, name, replacement, value, found):
    marker = yamltext.SKIP_MARKER
    assert blemishes({"k": value}) == []
    assert marker not in "\n".join(yamltext.lines({"k": value}, ""))
    weakened(name, replacement)
    assert blemishes({"k": value}) == found
    assert found or marker in "\n".join(yamltext.lines({"k": value}, ""))


@needs_kubectl
@pytest.mark.parametrize(
    "name, replacement, value",
    [
        ("PLAIN", re.compile(yamltext.PLAIN.pattern.replace("y|n|", ""), re.I | re.A), "y"),
        ("PLAIN", re.compile(r"[\w:.+]+"), "1e3"),
        ("UNPRINTABLE", re.compile("[\x00-\x1f]"), "\x85"),
        ("_NOT_LITERAL", re.compile(r"\n\n\Z"), " a\nb"),
        ("MAX_KEY", 10_000, "a" * 1100),
    ],
)
def test_kubernetes_own_reader_bites_too(weakened, name, replacement, value):
    weakened(name, replacement)
    if name == "MAX_KEY":
        text = "\n".join(yamltext.lines({"kind": "ConfigMap", "apiVersion": "v1", value: "x"}, ""))
        command = [shutil.which("kubectl") or "", "annotate", "--local", "-f", "-", "-o", "json", "bgen.test/read=yes"]
        assert subprocess.run(command, input=text.encode(), capture_output=True, timeout=60).returncode
        return
    try:
        found = kubernetes_differences([value, "sound"])
    except ValueError as error:
        found = [str(error)]
    assert found
