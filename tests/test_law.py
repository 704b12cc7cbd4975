"""The rendering law: what a template line may be, what becomes of it, and that no value changes the shape of a file."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from jinja2 import DictLoader
from jinja2 import FileSystemLoader
from jinja2 import ModuleLoader
from jinja2 import nodes

from bgen import law
from bgen import packaged
from bgen import render
from bgen import yamlread
from bgen.build import prepare
from bgen.diagnostics import InternalError
from bgen.document import Document
from bgen.document import File
from bgen.plan import plan
from bgen.scalars import resolve_strictly

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
TEMPLATES = packaged.directory("templates")
HEADER_LINES = {"yaml": 2, "sh": 2, "md": 2, "json": 0}
Draw = Callable[..., File]


def drawn(source: str, values: dict[str, Any], kind: str = "yaml") -> File:
    """What a template of this source renders to, by way of `render` itself."""
    name = f"t.{kind}.j2"
    return _with(DictLoader({name: source}), [Document(f"t.{kind}", name, values)])[0]


def _with(loader: Any, documents: list[Document], spec_name: str = "release.yaml") -> list[File]:
    with pytest.MonkeyPatch.context() as patch:
        environment = render.environment(loader)
        patch.setattr(render, "_ours", lambda: environment)
        return render.render(documents, spec_name)


def body(file: File) -> str:
    """The text without bgen's header."""
    kind = file.path.rpartition(".")[2]
    return "".join(file.text.splitlines(keepends=True)[HEADER_LINES[kind] :])


@dataclass(frozen=True)
class Box:
    name: Any = None
    labels: Any = None


# --- lines of YAML -------------------------------------------------------------------------------------------------

ACCEPTED: list[tuple[str, Any, str]] = [
    ("a: 1\n", None, "a: 1\n"),
    ("a: 1", None, "a: 1\n"),
    ("a: 1\r\nb: {{ x }}\r\n", "v", "a: 1\nb: v\n"),
    ("a: {{ x }}\n", "v", "a: v\n"),
    ("a: {{ x }}", "v", "a: v\n"),
    ("a: {{ x }}\n", "yes", 'a: "yes"\n'),
    ("a: {{ x }}\n", True, "a: true\n"),
    ("a: {{ x }}\n", {}, "a: {}\n"),
    ("a: {{ x }}\n", [], "a: []\n"),
    ("a: {{ x }}\n", {"b": [1, "c: d"]}, 'a:\n  b:\n  - 1\n  - "c: d"\n'),
    ("  a: {{ x }}\n", [{"b": 1}], "  a:\n  - b: 1\n"),
    ("a: {{ x }}\n", "l1\nl2\n", "a: |\n  l1\n  l2\n"),
    ("- {{ x }}\n", "v", "- v\n"),
    ("- {{ x }}\n", {"a": 1, "b": 2}, "- a: 1\n  b: 2\n"),
    ("  - - {{ x }}\n", [1, 2], "  - - - 1\n      - 2\n"),
    ("- a: {{ x }}\n", [1], "- a:\n  - 1\n"),
    ("- a: {{ x }}\n", {"b": 1}, "- a:\n    b: 1\n"),
    ("  - - a: {{ x }}\n", "l1\nl2", "  - - a: |-\n        l1\n        l2\n"),
    ('"a b": {{ x }}\n', 1, '"a b": 1\n'),
    ("app.kubernetes.io/name: {{ x }}\n", "v", "app.kubernetes.io/name: v\n"),
    ("a: {{ x.name }}\n", Box("v"), "a: v\n"),
    ("a: {{ x }}\n", "{{ y }}", 'a: "{{ y }}"\n'),
    ("a: {{ x }}\n", "{% raw %}", 'a: "{% raw %}"\n'),
    ("a: }} %} #}\n", None, "a: }} %} #}\n"),
    ("{% if x %}\na: {{ x }}\n{% else %}\nb: 1\n{% endif %}\n", "v", "a: v\n"),
    ("{% if x %}\na: {{ x }}\n{% else %}\nb: 1\n{% endif %}\n", "", "b: 1\n"),
    ("l:\n  {% for e in x %}\n  - {{ e }}\n  {% endfor %}\nz: 1\n", [1, "no"], 'l:\n  - 1\n  - "no"\nz: 1\n'),
    ("l:\n  {% for e in x %}\n  - n: {{ e.name }}\n  {% endfor %}\n", [Box("a"), Box("b")], "l:\n  - n: a\n  - n: b\n"),
]


@pytest.mark.parametrize("source, value, text", ACCEPTED)
def test_an_accepted_template_becomes_this_text(source, value, text):
    assert body(drawn(source, {"x": value})) == text


SPREAD: list[tuple[str, Any, str]] = [
    ("{{ x }}\n", {"a": 1, "no": [1]}, 'a: 1\n"no":\n- 1\n'),
    ("  {{ x }}\n", {"a": {"b": {}}, "c": "l1\nl2"}, "  a:\n    b: {}\n  c: |-\n    l1\n    l2\n"),
    ("a: 1\n# why\n{{ x }}\nb: 2\n", {}, "a: 1\nb: 2\n"),
    ("a: 1\n# why\n{{ x }}\nb: 2\n", None, "a: 1\nb: 2\n"),
    ("a: 1\n# why\n{{ x }}\nb: 2\n", {"c": 3}, "a: 1\n# why\nc: 3\nb: 2\n"),
]


@pytest.mark.parametrize("source, value, text", SPREAD)
def test_a_line_that_is_only_an_expression_places_the_entries_of_a_mapping(source, value, text):
    assert body(drawn(source, {"x": value})) == text


ABSENT: list[tuple[str, str]] = [
    ("a: {{ x }}\nb: 1\n", "b: 1\n"),
    ("- {{ x }}\n- b\n", "- b\n"),
    ("# why\na: {{ x }}\nb: 1\n", "b: 1\n"),
    ("# one\n# two\na: {{ x }}\nb: 1\n", "b: 1\n"),
    ("p:\n  # why\n  a: {{ x }}\n  b: 1\n", "p:\n  b: 1\n"),
    ("# of b\nb: 1\na: {{ x }}\n", "# of b\nb: 1\n"),
    ("# apart\n\na: {{ x }}\nb: 1\n", "# apart\n\nb: 1\n"),
    ("# of p\np:\n  a: {{ x }}\n  b: 1\n", "# of p\np:\n  b: 1\n"),
    ("p:\n# other column\n  a: {{ x }}\n  b: 1\n", "p:\n# other column\n  b: 1\n"),
    ("l:\n# why\n- {{ x }}\n- b\n", "l:\n- b\n"),
    ("l:\n  # why\n  - - {{ x }}\n  - b\n", "l:\n  - b\n"),
    ("# of the loop\n{% if true %}\na: {{ x }}\n{% endif %}\nb: 1\n", "# of the loop\nb: 1\n"),
    ("a: {{ x }}\n# of b\nb: {{ y }}\n", "# of b\nb: 2\n"),
]


@pytest.mark.parametrize("source, text", ABSENT)
def test_none_removes_the_line_and_the_comment_directly_above_it_at_its_column(source, text):
    assert body(drawn(source, {"x": None, "y": 2})) == text


KEPT = [source for source, _ in ABSENT]


@pytest.mark.parametrize("source", KEPT)
def test_a_value_keeps_every_comment(source):
    kept = body(drawn(source, {"x": "v", "y": 2}))
    assert [line.strip() for line in kept.splitlines() if "#" in line] == [
        line.strip() for line in source.splitlines() if "#" in line
    ]


# --- lines that are refused ----------------------------------------------------------------------------------------

YAML_FORM = "an expression stands alone after at most one literal key: `key: {{ value }}`"
JSON_FORM = 'an expression is a whole JSON value on its line: `"key": {{ value }}`'
SHELL_FORM = "an expression is the whole right side of an assignment: `name={{ value }}`"
MARKDOWN_FORM = "a Markdown expression is `{{ value }}` in prose or in a fenced block"
REFUSED = {
    ("yaml", YAML_FORM): [
        'a: "{{ x }}"',
        "a: '{{ x }}'",
        "a: {{ x }} b",
        "a: b {{ x }}",
        "a: {{ x }}{{ x }}",
        "a: {{ x }} {{ x }}",
        "a: {{ x }} # why",
        "a: {{ x }} ",
        "a: {{ x }},",
        "a: [{{ x }}]",
        "a: {b: {{ x }}}",
        "a: b: {{ x }}",
        "a:{{ x }}",
        "a:  {{ x }}",
        "a b: {{ x }}",
        "1a: {{ x }}",
        "'a': {{ x }}",
        "\ta: {{ x }}",
        "-  {{ x }}",
        "-{{ x }}",
        "? {{ x }}",
        "{{ x }}: a",
        "{{ x }}: {{ x }}",
        "# {{ x }}",
        "# a: {{ x }}",
        "a: |\n  text {{ x }}",
        "a: {{x}}",
        "a: {{ x}}",
        "a: {{- x }}",
        "a: {{ x -}}",
        "a: {{ x\n  }}",
        "a: {{ }}",
        "a: {{ '}}' }}",
        "a: {# note #}",
        "{# note #}",
        "a: 1 {# note #}",
        "{%- if x %}",
        "{% if x -%}",
        "{%+ if x %}",
        "{%if x%}",
        "{% if x %}a: 1{% endif %}",
        "a: {% if x %}1{% endif %}",
        "a: 1 {% if x %}",
        "{% if x %} ",
        "{% if x %}{% endif %}",
        "{% if x\n%}",
        "{{ x }} # why",
        '"{{ x }}"',
    ],
    ("json", JSON_FORM): [
        "a: {{ x }}",
        '"a":{{ x }}',
        '"a": "{{ x }}"',
        '"a": {{ x }} ,',
        '"a": {{ x }};',
        '"a": [{{ x }}]',
        "[{{ x }}, {{ x }}]",
        "- {{ x }}",
        '{"a": {{ x }}}',
        "{{ x }}: {{ x }}",
        "{# note #}",
        "{% if x %}1{% endif %}",
    ],
    ("sh", SHELL_FORM): [
        "{{ x }}",
        "echo {{ x }}",
        'a="{{ x }}"',
        "a='{{ x }}'",
        "a={{ x }} b",
        "a={{ x }};",
        "  a={{ x }}",
        "A={{ x }}",
        "export a={{ x }}",
        "a=({{ x }}",
        "a={{ x }})",
        "a=({{ x }} {{ x }})",
        "a=$({{ x }})",
        "# {{ x }}",
        "a={{ x }} # why",
        "{% if x %}echo{% endif %}",
    ],
    ("md", MARKDOWN_FORM): [
        "a {{x}}",
        "a {{ x}}",
        "a {{- x }}",
        "a {# note #}",
        "a {% if x %}b{% endif %}",
        "{%- if x %}",
        "a {{ x",
        "a {{ }}",
    ],
}
REFUSALS = [(kind, form, line) for (kind, form), lines in REFUSED.items() for line in lines]


@pytest.mark.parametrize("kind, form, line", REFUSALS)
def test_a_misplaced_expression_is_refused_with_template_and_line(kind, form, line):
    bad = line.split("\n")
    at = 2 + next(i for i, part in enumerate(bad) if "{{" in part or "{%" in part or "{#" in part)
    with pytest.raises(InternalError) as found:
        drawn(f"first\n{line}\nlast\n", {"x": "v"}, kind)
    assert str(found.value) == f"t.{kind}.j2:{at}: {form}"


@pytest.mark.parametrize("kind, form, line", REFUSALS)
def test_a_misplaced_expression_is_refused_in_a_branch_that_is_never_taken(kind, form, line):
    at = 3 + next(i for i, part in enumerate(line.split("\n")) if "{{" in part or "{%" in part or "{#" in part)
    with pytest.raises(InternalError) as found:
        drawn("first\n{% if false %}\n" + line + "\n{% endif %}\n", {"x": "v"}, kind)
    assert str(found.value) == f"t.{kind}.j2:{at}: {form}"


SYNTAX = [
    ("a: {{ x + }}", 2),
    ("a: {{ x | upper }}", 2),
    ("a: {{ x | default('b') }}", 2),
    ("a: {{ x) }}", 2),
    ("{% nonsense %}", 2),
    ("{% if x %}", None),
    ("{% filter upper %}\na: 1\n{% endfilter %}", 2),
]


@pytest.mark.parametrize("line, at", SYNTAX)
def test_what_jinja_itself_refuses_has_template_and_line(line, at):
    with pytest.raises(InternalError, match=r"\At\.yaml\.j2:%s: " % (at or r"\d+")):
        drawn(f"b: 1\n{line}\n", {"x": "v"})


# --- mistakes that show when the template is rendered --------------------------------------------------------------

MISTAKES: list[tuple[str, str, Any, str]] = [
    ("yaml", "b: 1\na: {{ missing }}\n", None, "t.yaml.j2:2: 'missing' is undefined"),
    ("yaml", "b: 1\n\n# c\na: {{ x.missing }}\n", Box(), "t.yaml.j2:4: .*has no attribute 'missing'"),
    ("yaml", "{% if missing %}\na: 1\n{% endif %}\n", None, "t.yaml.j2:1: 'missing' is undefined"),
    ("yaml", "b: 1\n{% for e in missing %}\n- {{ e }}\n{% endfor %}\n", None, "t.yaml.j2:2: 'missing' is undefined"),
    ("yaml", "{% for e in x %}\n- a: 1\n  b: {{ e.missing }}\n{% endfor %}\n", [Box()], "t.yaml.j2:3: .*'missing'"),
    ("yaml", "l:\n- a: {{ x }}\n  b: 1\n", None, "t.yaml.j2:2: the first key of a list item may not be absent: a"),
    ("yaml", "l:\n# c\n  - - a: {{ x }}\n", None, "t.yaml.j2:3: the first key of a list item may not be absent: a"),
    ("yaml", "a: {{ x }}\n", {"b": [None]}, "t.yaml.j2:1: NoneType is not a value of a manifest"),
    ("yaml", "a: {{ x }}\n", object(), "t.yaml.j2:1: object is not a value of a manifest"),
    ("yaml", "a: {{ x }}\n", float("nan"), "t.yaml.j2:1: nan has no YAML form"),
    ("yaml", "a: {{ x.items }}\n", {"items": 1}, "t.yaml.j2:1: builtin_function_or_method is not a value"),
    ("yaml", "a: {{ x }}\n", {1: 2}, "t.yaml.j2:1: a key must be text, not int"),
    ("yaml", "b: 1\n{{ x }}\n", [1], "t.yaml.j2:2: a line that is only an expression places the entries of a mapping"),
    ("yaml", "b: 1\n{{ x }}\n", "text", "t.yaml.j2:2: a line that is only an expression"),
    ("yaml", "b: 1\n{% print x %}\n", "text", "t.yaml.j2:2: str did not come from an emitter"),
    ("yaml", "b: 1\n{% print 'constant' %}\n", None, "t.yaml.j2:2: str did not come from an emitter"),
    ("yaml", "b: 1\n{% print 1 %}\n", None, "t.yaml.j2:2: int did not come from an emitter"),
    ("json", '{\n  "a": {{ missing }}\n}\n', None, "t.json.j2:2: 'missing' is undefined"),
    ("json", '{\n  "a": {{ x }}\n}\n', float("inf"), "t.json.j2:2: Out of range float"),
    ("json", '{\n  "a": {{ x }}\n}\n', object(), "t.json.j2:2: Object of type object"),
    ("sh", "#!/bin/sh\n\na={{ missing }}\n", None, "t.sh.j2:3: 'missing' is undefined"),
    ("sh", "b=1\na={{ x }}\n", None, "t.sh.j2:2: the shell variable a has no value"),
    ("sh", "b=1\na={{ x }}\n", True, "t.sh.j2:2: True has no shell form"),
    ("sh", "b=1\na={{ x }}\n", 1.5, "t.sh.j2:2: 1.5 has no shell form"),
    ("sh", "b=1\na={{ x }}\n", ["a"], r"t.sh.j2:2: \['a'\] has no shell form"),
    ("sh", "b=1\na={{ x }}\n", "a\0b", r"t.sh.j2:2: 'a\\x00b' has no shell form"),
    ("sh", "b=1\na=({{ x }})\n", ["a", None], "t.sh.j2:2: None has no shell form"),
    ("sh", "b=1\na=({{ x }})\n", None, "t.sh.j2:2: the shell variable a has no value"),
    ("sh", "b=1\na=({{ x }})\n", "word", "t.sh.j2:2: 'word' is not a list"),
    ("md", "# a\n\nb {{ missing }} c\n", None, "t.md.j2:3: 'missing' is undefined"),
    ("md", "a\n```sh\nx {{ x }}\n```\n", "l1\nl2", "t.md.j2:3: .*does not fit on one line"),
    ("md", "a\n```sh\nx {{ x }}\n```\n", "```", "t.md.j2:3: .*does not fit on one line"),
    ("md", "a\n```mermaid\n{{ x }}\n```\n", "```", "t.md.j2:3: a picture may not hold backticks"),
    ("md", "a\n```mermaid\n{{ x }}\n```\n", "a\x1bb", "t.md.j2:3: a picture may not hold backticks"),
]


@pytest.mark.parametrize("kind, source, value, message", MISTAKES)
def test_a_mistake_at_rendering_names_template_and_line(kind, source, value, message):
    with pytest.raises(InternalError, match=r"\A" + message):
        drawn(source, {"x": value}, kind)


@pytest.mark.parametrize("kind, source, value, message", MISTAKES)
def test_templates_compiled_ahead_name_the_same_place(tmp_path, kind, source, value, message):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / f"t.{kind}.j2").write_text(source, encoding="utf-8")
    render.compile_templates(tmp_path / "templates", tmp_path / "compiled")
    with pytest.raises(InternalError, match=r"\A" + message):
        _with(ModuleLoader(tmp_path / "compiled"), [Document(f"t.{kind}", f"t.{kind}.j2", {"x": value})])


# --- where the values stand ----------------------------------------------------------------------------------------

LEAVES = st.one_of(st.booleans(), st.integers(-9, 9), st.sampled_from(["v", "no", "a: b", "l1\nl2", "l1\nl2\n", " x"]))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "no", "b c"]), inner, max_size=3)),
    max_leaves=6,
)
EVERYWHERE = """\
top: {{ v }}
# comment
absent: {{ gone }}
"quoted key": {{ v }}
nested:
  # comment
  inner: {{ v }}
  {{ mapping }}
list:
- {{ v }}
- {{ gone }}
- first: {{ v }}
  second: {{ v }}
  {% for e in many %}
  more:
  - - {{ e }}
    - name: {{ e }}
  {% endfor %}
last: {{ v }}
"""


@settings(max_examples=200, deadline=None)
@given(TREES, st.dictionaries(st.sampled_from(["x", "on", "z"]), TREES, max_size=3), TREES)
def test_each_hole_is_where_a_reader_finds_its_value(value, mapping, other):
    file = drawn(EVERYWHERE, {"v": value, "gone": None, "mapping": mapping, "many": [other]})
    root, problems = yamlread.read(file.text, resolve_strictly)
    assert problems == []
    seen = {place: repr(found) for place, found in _places(root)}
    assert len(file.holes) == 9 + len(mapping)
    for line, column, placed in file.holes:
        assert seen[line, column] == repr(placed)


def _places(node: Any) -> Iterator[tuple[tuple[int, int], Any]]:
    yield (node.line, node.column), node.value
    children = [child for _, _, child in node.items.values()] if type(node.items) is dict else node.items or []
    for child in children:
        yield from _places(child)


# --- JSON, shell, Markdown -----------------------------------------------------------------------------------------

HOSTILE = [
    "",
    " ",
    "a b",
    "-n",
    "--",
    "~",
    "*",
    "?",
    "!",
    "!!",
    "#a",
    "a#b",
    "a;id",
    "a&b",
    "a|b",
    "a>b",
    "<a",
    "(a)",
    "{a,b}",
    "[a]",
    "$HOME",
    "${HOME}",
    "$(id)",
    "`id`",
    "$'a'",
    '$"a"',
    "\\",
    "\\n",
    "a\\",
    "'",
    "''",
    "it's",
    '"',
    "'\"'\"'",
    '"$(id)"',
    "'; id; '",
    "a\nb",
    "\n",
    "a\n",
    "\ta",
    "a\r",
    "END",
    "x=1",
    "{{ x }}",
    "{% if %}",
    "${{ secrets.T }}",
    "\x01\x1b[31m\x7f",
    "\u0085\u2028\u2029\ufeff",
    "\u00e9\U0001f642",
    "%s%n",
    "</script>",
    "-->",
    "a" * 5000,
]
bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not on PATH")
SCRIPT = """\
#!/usr/bin/env bash
set -euo pipefail
readonly word={{ word }}
plain={{ word }}
declare -ra words=({{ words }})
empty=({{ empty }})
count() { printf '%s\\0' "$#"; }
count "${words[@]}"
count "${empty[@]}"
printf '%s\\0' "$word" "$plain" "${words[@]}"
"""


def _read_by_bash(script: str) -> list[str]:
    done = subprocess.run(["bash", "-c", script], check=True, capture_output=True, timeout=20)
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


@bash
@pytest.mark.parametrize("word", HOSTILE)
def test_bash_reads_every_word_back(word):
    script = drawn(SCRIPT, {"word": word, "words": [word, "x", word], "empty": []}, "sh").text
    assert _read_by_bash(script) == ["3", "0", word, word, word, "x", word]


@bash
@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=1, max_size=12))
def test_bash_reads_any_words_back(words):
    script = drawn(SCRIPT, {"word": words[0], "words": tuple(words), "empty": ()}, "sh").text
    assert _read_by_bash(script) == [str(len(words)), "0", words[0], words[0], *words]


SHELL = [
    ("a={{ x }}", "v", "a=v\n"),
    ("a={{ x }}", 7, "a=7\n"),
    ("a={{ x }}", "", "a=''\n"),
    ("readonly a={{ x }}", "a b", "readonly a='a b'\n"),
    ("a=({{ x }})", ["a", "b c"], "a=(a 'b c')\n"),
    ("a=({{ x }})", [], "a=()\n"),
    ("declare -ra a=({{ x }})", (1, "$b"), "declare -ra a=(1 '$b')\n"),
    ("echo ${a} }} %} # {", "", "echo ${a} }} %} # {\n"),
]


@pytest.mark.parametrize("source, value, text", SHELL)
def test_a_line_of_a_script(source, value, text):
    assert body(drawn(source, {"x": value}, "sh")) == text


def test_the_header_of_a_script_stands_after_its_shebang():
    rows = drawn("#!/usr/bin/env bash\necho\n", {}, "sh").text.splitlines()
    assert rows == [
        "#!/usr/bin/env bash",
        "# Generated by bgen from release.yaml.",
        "# Do not edit: change the spec, then run bgen build.",
        "echo",
    ]


JSON = [
    ('{\n  "a": {{ x }},\n  "b": {{ y }}\n}\n', "v", '{\n  "a": "v",\n  "b": 2\n}\n'),
    ('{\n  "a": {{ x }}\n}\n', None, '{\n  "a": null\n}\n'),
    ('{\n  "a": {{ x }}\n}\n', True, '{\n  "a": true\n}\n'),
    ("[\n  {{ x }},\n  1\n]\n", {"a": [1, {}]}, '[\n  {\n    "a": [\n      1,\n      {}\n    ]\n  },\n  1\n]\n'),
    ("{{ x }}\n", {"a": "\u00e9\u2028\n\x7f"}, '{\n  "a": "\u00e9\\u2028\\n\\u007f"\n}\n'),
]


@pytest.mark.parametrize("source, value, text", JSON)
def test_a_line_of_json(source, value, text):
    assert drawn(source, {"x": value, "y": 2}, "json").text == text


@pytest.mark.parametrize("value", HOSTILE)
def test_json_reads_every_value_back(value):
    file = drawn('{\n  "a": {{ x }},\n  "b": {{ y }}\n}\n', {"x": value, "y": [{value: value}]}, "json")
    assert json.loads(file.text) == {"a": value, "b": [{value: value}]}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]", file.text)


MARKDOWN = [
    ("a {{ x }} b\n", "v", "a `v` b\n"),
    ("a {{ x }}, {{ x }}.\n", "v", "a `v`, `v`.\n"),
    ("a {{ x }}\n", 7, "a `7`\n"),
    ("a {{ x }}\n", "a`b", "a ``a`b``\n"),
    ("a {{ x }}\n", "`", "a `` ` ``\n"),
    ("a {{ x }}\n", "a``", "a ``` a`` ```\n"),
    ("a {{ x }}\n", " a", "a `  a `\n"),
    ("a {{ x }}\n", "<b> **c** [d](e) ![f](g)", "a `<b> **c** [d](e) ![f](g)`\n"),
    ("a {{ x }}\n", "a\nb", 'a `"a\\nb"`\n'),
    ("a {{ x }}\n", "a\u2028", 'a `"a\\u2028"`\n'),
    ("| {{ x }} |\n", "a|b", "| `a\\|b` |\n"),
    ("```sh\nrun {{ x }}\n```\n{{ x }}\n", "a b", "```sh\nrun 'a b'\n```\n`a b`\n"),
    ("```mermaid\n{{ x }}\n```\n", "a\nb", "```mermaid\na\nb\n```\n"),
    ("{% if x %}\na\n{% endif %}\nb\n", "v", "a\nb\n"),
    ("a }} b\n", "", "a }} b\n"),
]


@pytest.mark.parametrize("source, value, text", MARKDOWN)
def test_a_line_of_markdown(source, value, text):
    assert body(drawn(source, {"x": value}, "md")) == text


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_in_prose_is_one_code_span_on_one_line(value):
    rows = body(drawn("a {{ x }} b\n", {"x": value}, "md")).split("\n")
    assert len(rows) == 2
    span = re.fullmatch(r"a (`+)(?!`)(.*)(?<!`)\1 b", rows[0])
    assert span
    assert not re.search(rf"(?<!`){span[1]}(?!`)", span[2])


# --- the header ----------------------------------------------------------------------------------------------------

SPEC_NAMES = [
    ("release.yaml", "release.yaml"),
    ("my release@2.yaml", "my release@2.yaml"),
    ("\u00e9.yaml", "\u00e9.yaml"),
    ("a\nkind: Evil", "a\\u000akind\\u003a Evil"),
    ("a\rb", "a\\u000db"),
    ("a\u2028b", "a\\u2028b"),
    ("a\u0085b", "a\\u0085b"),
    ("a-->b", "a-\\u002d\\u003eb"),
    ("a--b", "a-\\u002db"),
    ("----", "-\\u002d-\\u002d"),
    ("--!>", "-\\u002d\\u0021\\u003e"),
    ("<script>", "\\u003cscript\\u003e"),
    ("$(id)`id`", "\\u0024\\u0028id\\u0029\\u0060id\\u0060"),
    ("{{ x }}", "\\u007b\\u007b x \\u007d\\u007d"),
    ("+argocd:skip-file-rendering", "\\u002bargocd\\u003askip-file-rendering"),
    ("\udcff.yaml", "\\udcff.yaml"),
    ("\\u000a", "\\u005cu000a"),
]
HEADED = [("yaml", "# ", "", "a: 1\n"), ("sh", "# ", "", "echo\n"), ("md", "<!-- ", " -->", "# a\n")]


@pytest.mark.parametrize("kind, opening, closing, source", HEADED)
@pytest.mark.parametrize("name, shown", SPEC_NAMES)
def test_no_file_name_of_a_spec_leaves_the_header(kind, opening, closing, source, name, shown):
    documents = [Document(f"t.{kind}", f"t.{kind}.j2", {})]
    file = _with(DictLoader({f"t.{kind}.j2": source}), documents, name)[0]
    assert file.text == (
        f"{opening}Generated by bgen from {shown}.{closing}\n"
        f"{opening}Do not edit: change the spec, then run bgen build.{closing}\n{source}"
    )
    assert file.text.encode()


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(), max_size=12))
def test_the_header_is_two_lines_of_comment_whatever_the_spec_is_called(name):
    documents = [Document("t.md", "t.md.j2", {})]
    text = _with(DictLoader({"t.md.j2": "x\n"}), documents, name)[0].text
    rows = text.split("\n")
    assert (len(rows), rows[2:]) == (4, ["x", ""])
    for row in rows[:2]:
        assert row.startswith("<!-- ")
        assert "--" not in row[4:-4]
        assert row.endswith(" -->")
        assert row.isprintable() or any(not c.isascii() for c in row)


def test_json_has_no_header():
    assert drawn("{{ x }}\n", {"x": 1}, "json").text == "1\n"


# --- bgen's own templates ------------------------------------------------------------------------------------------


def _documents() -> dict[str, list[Document]]:
    return {
        path.parent.name: plan(prepare(path.read_bytes(), path.name).release) for path in sorted(EXAMPLES.glob("*/release.yaml"))
    }


def test_modules_compiled_ahead_give_the_same_bytes(tmp_path):
    render.compile_templates(TEMPLATES, tmp_path / "compiled")
    fresh, ahead = FileSystemLoader(TEMPLATES, encoding="utf-8"), ModuleLoader(tmp_path / "compiled")
    assert len(list((tmp_path / "compiled").glob("*.py"))) == len(list(TEMPLATES.iterdir()))
    for name, documents in _documents().items():
        assert _with(ahead, documents) == _with(fresh, documents), name


def test_compiling_ahead_twice_gives_the_same_modules(tmp_path):
    for target in ("one", "two"):
        render.compile_templates(TEMPLATES, tmp_path / target)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / t).iterdir()} for t in ("one", "two"))
    assert one == two


def test_every_template_is_used_by_an_example():
    used = {document.template for documents in _documents().values() for document in documents}
    assert used == {path.name for path in TEMPLATES.iterdir()}


ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
    nodes.Name,
    nodes.Getattr,
    nodes.Const,
    nodes.Call,
)
STATEMENTS = {"if", "elif", "else", "endif", "for", "endfor"}
_ENVIRONMENT = render.environment(DictLoader({}))


def outside_the_language(source: str, name: str) -> list[str]:
    """What a template does beyond emitting names and attributes, choosing and repeating."""
    found = [word for word in re.findall(r"\{% *(\w+)", source) if word not in STATEMENTS]
    for node in _walk(_ENVIRONMENT.parse(source, name)):
        kind = type(node).__name__
        if not isinstance(node, ALLOWED):
            found.append(kind)
        elif isinstance(node, nodes.Call):
            found += [] if _is_emission(node) else [kind]
        elif isinstance(node, nodes.Output):
            text = (nodes.TemplateData, nodes.Call)
            found += [type(part).__name__ for part in node.nodes if not isinstance(part, text)]
        elif isinstance(node, nodes.For):
            found += ["loop filter"] if node.test or node.recursive or node.else_ else []
    return found


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _is_emission(node: nodes.Call) -> bool:
    """One value by one emitter, as the law writes it; the other arguments are its constants."""
    if not isinstance(node.node, nodes.Name) or node.node.name not in law.EMITTERS:
        return False
    if node.kwargs or node.dyn_args or node.dyn_kwargs:
        return False
    given = [isinstance(argument, (nodes.Name, nodes.Getattr)) for argument in node.args]
    spans = node.node.name in ("emit_span", "emit_word", "emit_picture")
    return given == ([True] if spans else [False, False, False, True, False])


@pytest.mark.parametrize("path", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_every_template_keeps_to_the_small_language(path):
    assert outside_the_language(path.read_text(encoding="utf-8"), path.name) == []


@pytest.mark.parametrize(
    "source, found",
    [
        ("a: {{ x }}", []),
        ("a: {{ x.y.z }}", []),
        ("{% if x %}\na: {{ x }}\n{% elif y %}\nb: 1\n{% else %}\nc: 1\n{% endif %}", []),
        ("{% for e in x.y %}\n- {{ e }}\n{% endfor %}", []),
        ("{% set a = 1 %}", ["set", "Assign"]),
        ("{% raw %}\na: 1\n{% endraw %}", ["raw", "endraw"]),
        ("{% include 'x' %}", ["include", "Include"]),
        ("{% import 'x' as y %}", ["import", "Import"]),
        ("{% macro m() %}\na: 1\n{% endmacro %}", ["macro", "endmacro", "Macro"]),
        ("{% print x %}", ["print", "Name"]),
        ("a: {{ x ~ y }}", ["Call", "Concat"]),
        ("a: {{ x + 1 }}", ["Call", "Add"]),
        ("a: {{ x() }}", ["Call", "Call"]),
        ("a: {{ x['y'] }}", ["Call", "Getitem"]),
        ("a: {{ x if y }}", ["Call", "CondExpr"]),
        ("a: {{ 'constant' }}", ["Call"]),
        ("a: {{ [x] }}", ["Call", "List"]),
        ("a: {{ x), (y }}", ["Call"]),
        ("{% if x == 1 %}\na: 1\n{% endif %}", ["Compare", "Operand"]),
        ("{% for e in x if e %}\na: 1\n{% endfor %}", ["loop filter"]),
        ("{% for e in x %}\na: 1\n{% else %}\nb: 1\n{% endfor %}", ["loop filter"]),
    ],
)
def test_the_judge_of_the_language_bites(source, found):
    assert sorted(outside_the_language(source + "\n", "t.yaml.j2")) == sorted(found)


def test_templates_have_no_line_that_a_checkout_or_an_editor_would_change():
    for path in TEMPLATES.iterdir():
        content = path.read_bytes()
        assert b"\r" not in content, path.name
        assert content.endswith(b"\n"), path.name
        assert not re.search(rb"[ \t]\n", content), path.name


def test_the_environment_offers_nothing_but_the_emitters():
    assert set(_ENVIRONMENT.globals) == set(law.EMITTERS)
    assert _ENVIRONMENT.filters == {}
