"""The rendering law: how a template line becomes text, one emitter per file type.

A template line with an expression has exactly one form for its file type; the `Law` extension turns each such line into
one call of the type's emitter when the template is compiled, so a misplaced expression is an error with the template's
line in every branch, and no template can forget to escape. Values travel out of band: an emitter returns `Laid`, text
that remembers which values it placed where.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

from jinja2 import TemplateSyntaxError
from jinja2 import Undefined
from jinja2.ext import Extension

from bgen import yamltext
from bgen.document import Hole

_EXPRESSION = r"\{\{ (?P<expression>(?:(?!\}\}).)+) \}\}"
_FORMS = {
    "yaml": re.compile(r'(?P<lead> *(?:- )*)(?:(?P<key>[A-Za-z_][\w./-]*|"[\w./ -]+"): )?' + _EXPRESSION + "(?P<tail>)"),
    "json": re.compile(r'(?P<lead> *)(?:"(?P<key>[\w./-]+)": )?' + _EXPRESSION + "(?P<tail>,?)"),
    "sh": re.compile(
        r"(?P<lead>(?:readonly |declare -ra )?)(?P<key>[a-z_]+)=(?P<open>\()?" + _EXPRESSION + r"(?P<tail>(?(open)\)))"
    ),
}
_MESSAGES = {
    "yaml": "an expression stands alone after at most one literal key: `key: {{ value }}`",
    "json": 'an expression is a whole JSON value on its line: `"key": {{ value }}`',
    "sh": "an expression is the whole right side of an assignment: `name={{ value }}`",
    "md": "a Markdown expression is `{{ value }}` in prose or in a fenced block",
}
_STATEMENT = re.compile(r" *(\{% (?:(?!%\}).)+ %\})")
_SPAN = re.compile(_EXPRESSION)


class Laid(str):
    """Text written by an emitter, with the values it placed (positions relative to its own first line)."""

    __slots__ = ("holes",)
    holes: tuple[Hole, ...]

    def __str__(self) -> str:
        # Jinja calls str() on every expression; the subclass, and with it the holes, must survive that.
        return self


def _laid(text: str, holes: tuple[Hole, ...] = ()) -> Laid:
    out = Laid(text)
    out.holes = holes
    return out


def _defined(value: Any) -> Any:
    if isinstance(value, Undefined):
        str(value)  # StrictUndefined raises here and names what is missing
    return value


def emit_yaml(note: str, lead: str, name: str, value: Any, tail: str) -> Laid:
    """A line of YAML: `lead` is indentation and dashes, `name` the literal key or "", `note` the comment lines above."""
    if _defined(value) is None:
        if name and "-" in lead:
            raise TypeError(f"the first key of a list item may not be absent: {name}")
        return _laid("")
    row = note.count("\n")
    if not name and "-" not in lead:
        return _spread(note, lead, value, row)
    head = f"{lead}{name}:" if name else lead.rstrip(" ")
    pad = " " * (len(lead) if name else len(lead) - 2)
    written = list(yamltext.placed(head, value, pad))
    return _laid(note + "\n".join(written) + "\n", (_hole(written, head, pad, value, row),))


def _spread(note: str, lead: str, value: Any, row: int) -> Laid:
    """Each entry of a mapping as if the template had a line for it; an empty mapping is no line at all."""
    if type(value) is not dict:
        raise TypeError("a line that is only an expression places the entries of a mapping")
    written: list[str] = []
    holes = []
    for name, entry in value.items():
        head = f"{lead}{yamltext.key(name)}:"
        block = list(yamltext.placed(head, entry, lead))
        holes.append(_hole(block, head, lead, entry, row + len(written)))
        written += block
    return _laid(note + "\n".join(written) + "\n" if written else "", tuple(holes))


def _hole(written: list[str], head: str, pad: str, value: Any, row: int) -> Hole:
    """Where a reader will report the value: after the head, or at the first line of its block."""
    if head[-1] == "-" or len(written[0]) > len(head):
        return Hole(row, len(head) + 1, value)
    return Hole(row + 1, len(pad) + (2 if type(value) is dict else 0), value)


def emit_json(note: str, lead: str, name: str, value: Any, tail: str) -> Laid:
    written = json.dumps(_defined(value), indent=2, ensure_ascii=False, allow_nan=False).replace("\n", "\n" + lead)
    written = yamltext.UNPRINTABLE.sub(lambda m: m[0] if m[0] == "\n" else f"\\u{ord(m[0]):04x}", written)
    return _laid(f'{lead}"{name}": {written}{tail}\n' if name else f"{lead}{written}{tail}\n")


def shell_word(value: object) -> str:
    """A str or int as one word of any POSIX shell."""
    if type(value) not in (str, int) or "\0" in str(value):
        raise TypeError(f"{value!r} has no shell form")
    return shlex.quote(str(value))


def emit_sh(note: str, lead: str, name: str, value: Any, tail: str) -> Laid:
    if _defined(value) is None:
        raise TypeError(f"the shell variable {name} has no value")
    if tail == ")":
        if type(value) not in (list, tuple):
            raise TypeError(f"{value!r} is not a list")
        return _laid(f"{lead}{name}=({' '.join(map(shell_word, value))})\n")
    return _laid(f"{lead}{name}={shell_word(value)}\n")


def emit_span(value: Any) -> Laid:
    """A value in Markdown prose: a code span whose fence is longer than any run of backticks in it."""
    text = str(_defined(value))
    if "\n" in text or yamltext.UNPRINTABLE.search(text):
        text = json.dumps(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    blank = " " if text[:1] in ("`", " ", "") or text[-1:] in ("`", " ") else ""
    return _laid(fence + blank + _in_a_cell(text) + blank + fence)


def _in_a_cell(text: str) -> str:
    # A pipe ends a table's cell even in a code span, unless a backslash is before it, and none before that.
    return text.replace("\\|", "\\u007c").replace("|", "\\|")


def emit_word(value: Any) -> Laid:
    """A value in a fenced shell block of a Markdown file."""
    word = shell_word(_defined(value))
    if yamltext.UNPRINTABLE.search(word) or "```" in word:
        raise TypeError(f"{value!r} does not fit on one line of a fenced block")
    return _laid(word)


def emit_picture(value: Any) -> Laid:
    """Lines prepared by `plan` for a Mermaid block; only names that are legal labels may be in them."""
    text = str(_defined(value))
    if "`" in text or yamltext.UNPRINTABLE.search(text.replace("\n", "")):
        raise TypeError("a picture may not hold backticks or control characters")
    return _laid(text + "\n")


EMITTERS: dict[str, Callable[..., Laid]] = {
    "emit_yaml": emit_yaml,
    "emit_json": emit_json,
    "emit_sh": emit_sh,
    "emit_span": emit_span,
    "emit_word": emit_word,
    "emit_picture": emit_picture,
}


def only_laid(value: Any) -> Any:
    """Jinja's `finalize`: no text leaves a template but its literal lines and what an emitter wrote."""
    if type(value) is not Laid:
        raise TypeError(f"{type(value).__name__} did not come from an emitter")
    return value


class Law(Extension):
    """Rewrites each line that holds an expression into one emitter call; every line keeps its number."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        kind = (name or "").removesuffix(".j2").rpartition(".")[2]
        rows = source.replace("\r\n", "\n").removesuffix("\n").split("\n")
        rewrite = _rewrite_markdown if kind == "md" else _rewrite_lines
        try:
            return rewrite(kind, rows)
        except _Misplaced as error:
            raise TemplateSyntaxError(_MESSAGES[kind], error.line, name, filename) from None


class _Misplaced(Exception):
    def __init__(self, line: int) -> None:
        self.line = line


def _rewrite_lines(kind: str, rows: list[str]) -> str:
    out: list[str] = []
    for number, line in enumerate(rows, 1):
        hole, statement = _FORMS[kind].fullmatch(line), _STATEMENT.fullmatch(line)
        if hole:
            out.append(_call(kind, hole, _take_note(kind, hole["lead"], out)))
        elif statement:
            out.append(statement[1] + "\n")
        elif "{{" in line or "{%" in line or "{#" in line:
            raise _Misplaced(number)
        else:
            out.append(line + "\n")
    return "".join(out)


def _take_note(kind: str, lead: str, out: list[str]) -> list[str]:
    """The comment lines directly above at the same column: they go when the line they explain goes."""
    note: list[str] = []
    column = len(lead) - len(lead.lstrip(" "))
    while kind == "yaml" and out and out[-1].startswith(" " * column + "#"):
        note.insert(0, out.pop())
    return note


def _call(kind: str, hole: re.Match[str], note: list[str]) -> str:
    # The newlines inside the call keep the line numbers of the template, for the comment lines swallowed too.
    arguments = f"{''.join(note)!r}, {hole['lead']!r}, {hole['key'] or ''!r}, ({hole['expression']}), {hole['tail']!r}"
    return "{{" + "\n" * len(note) + f"emit_{kind}({arguments})\n}}}}"


def _rewrite_markdown(kind: str, rows: list[str]) -> str:
    out: list[str] = []
    fence = ""
    for number, line in enumerate(rows, 1):
        if line.startswith("```"):
            fence = "" if fence else line
        statement = _STATEMENT.fullmatch(line)
        emitter = "emit_picture" if fence == "```mermaid" else "emit_word" if fence else "emit_span"
        if statement:
            out.append(statement[1] + "\n")
            continue
        written = _SPAN.sub(lambda m, call=emitter: f"\0{call}({m['expression']})\1", line)  # type: ignore[misc]
        if "{{" in written or "{%" in written or "{#" in written:
            raise _Misplaced(number)
        alone = emitter == "emit_picture" and written.startswith("\0")
        out.append(written.replace("\0", "{{ ").replace("\1", "\n}}" if alone else " }}") + ("" if alone else "\n"))
    return "".join(out)
