"""The one YAML reader: text → nodes with a position for every key and value.

The spec and the finished documents are both read by it, so that what bgen accepts and what it promises rest on the same
grammar: one document, no anchors, tags, merge keys or duplicate keys, and no plain scalar on which YAML 1.1, YAML 1.2 and
Kubernetes' own reader differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

from bgen import yamltext

try:
    # The libyaml binding of ruamel.yaml, ten times faster than its pure reader; it has no other public name.
    from _ruamel_yaml import CParser

    FAST = True
except ImportError:  # pragma: no cover - exercised by a subprocess test
    FAST = False

from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.reader import ReaderError

MAX_DEPTH = 100

_INT = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~"), None),
}
# What at least one reader takes for something other than a string (YAML 1.1 types, YAML 1.2 core schema, Go's yaml.v2).
_DIFFERS = re.compile(
    r"(?:y|n|yes|no|on|off)\Z"
    r"|[-+]?0b[01_]+\Z|[-+]?0o?[0-9_]+\Z|[-+]?0x[0-9a-f_]+\Z|[-+]?[0-9][0-9_]*\Z"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z"
    r"|[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:e[-+]?[0-9]+)?\Z"
    r"|[-+]?\.(?:inf|nan)\Z|=\Z|<<\Z"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?\Z",
    re.IGNORECASE | re.ASCII,
)


class Problem(NamedTuple):
    """What the text does that bgen does not read; `kind` is one of the names in `source.CODE_OF`."""

    line: int
    column: int
    kind: str
    message: str
    hint: str = ""


class Node:
    """A value and where it stands (0-based). `items` holds the children: name → (key line, key column, node), or nodes."""

    __slots__ = ("column", "items", "line", "raw", "value")

    def __init__(self, line: int, column: int, value: Any, raw: str = "", items: Any = None) -> None:
        self.line = line
        self.column = column
        self.value = value
        self.raw = raw
        self.items = items


class Ambiguous(Exception):
    """A plain scalar that readers take for different things; the argument says which."""


class Unreadable(Exception):
    """The text is not the YAML that bgen reads; nothing after the problem was looked at."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


def resolve(raw: str) -> Any:
    """The value of a plain scalar of a spec: what every reader agrees on. Raises Ambiguous."""
    if raw in _CONSTANTS:
        return _CONSTANTS[raw]
    if _INT.fullmatch(raw) and raw != "-0" and len(raw) < 20:
        return int(raw)
    if _FLOAT.fullmatch(raw):
        if repr(float(raw)) != raw:
            raise Ambiguous(f"{raw} is a number to YAML and would become {float(raw)!r}")
        return float(raw)
    if _DIFFERS.match(raw):
        raise Ambiguous(f"{raw} is not the same thing to every YAML reader")
    return raw


# A literal line of a template, such as a command: no reader has a type that begins with a letter and holds a blank.
_SENTENCE = re.compile(r"[A-Za-z][!-~]*(?: [!-~]+)+")


def resolve_strictly(raw: str) -> Any:
    """The value of a plain scalar of a finished document: what the emitter and the templates write, nothing else."""
    if yamltext.PLAIN.fullmatch(raw) or _SENTENCE.fullmatch(raw):
        return raw
    if raw in ("true", "false"):
        return raw == "true"
    if _INT.fullmatch(raw):
        return int(raw)
    if _FLOAT.fullmatch(raw):
        return float(raw)
    raise Ambiguous(f"{raw or 'an empty value'} is not a scalar that every reader takes for the same value")


def read(text: str, resolver: Callable[[str], Any] = resolve) -> tuple[Node | None, list[Problem]]:
    """The root node of the only document in `text` (None when there is none), and every problem met on the way.

    Raises Unreadable where the grammar ends the reading.
    """
    problems: list[Problem] = []
    try:
        root = _compose(_events(text), resolver, problems)
    except MarkedYAMLError as error:
        raise Unreadable(_syntax(error, text)) from None
    except ReaderError as error:
        raise Unreadable(_unreadable_character(text, error)) from None
    except YAMLError as error:
        raise Unreadable(Problem(0, 0, "syntax", str(error).splitlines()[0])) from None
    return root, problems


def _events(text: str) -> Iterator[Any]:
    if FAST:
        parser = CParser(text)
        # The end of the stream is falsy nothing: the C parser then raises or repeats, so stop at StreamEnd ourselves.
        while True:
            event = parser.get_event()
            yield event
            if type(event).__name__ == "StreamEndEvent":
                return
    from ruamel.yaml import YAML

    yield from YAML(typ="safe", pure=True).parse(text)


# What the grammar complains of (libyaml's words or the pure reader's) → message and hint for who wrote the spec.
_SYNTAX = (
    ("find expected ':'", "this line is not `key: value`", "write a colon and a blank between the two"),
    (
        "mapping values are not allowed",
        "a `: ` where no key can stand",
        "quote a text that contains `: `, and check the indentation",
    ),
    (
        "unexpected ':'",
        "a `:` inside a text between braces or brackets",
        "quote the text, and check the quotes of the line above",
    ),
    ("scanning an alias", "a text cannot begin with `*`", 'quote it, as in "*.example.com"'),
    ("quoted scalar", "the quoted text that begins here does not end", "close the quote"),
    ("flow node", "a value is missing here", "close the braces and brackets above, or write the value"),
    (
        "flow ",
        "what begins here is not closed where it should be",
        "compare the braces, brackets and commas up to line {line}",
    ),
    ("expected", "this line fits nothing above it", "check the indentation of this line and the one above"),
)
_AT_BEGINNING = {"quoted scalar", "find expected ':'", "scanning an alias", "flow "}


def _syntax(error: MarkedYAMLError, text: str) -> Problem:
    message = " ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if "cannot start any token" in message:
        character = _row(text, line)[column : column + 1]
        if character == "\t":
            return Problem(line, column, "syntax", "a tab", "indent with spaces, YAML allows no tabs there")
        return Problem(line, column, "syntax", f"a text cannot begin with `{character}`", "quote it")
    for words, said, hint in _SYNTAX:
        if words in message:
            hint = hint.format(line=line + 1)
            if words in _AT_BEGINNING and error.context_mark:
                line, column = error.context_mark.line, error.context_mark.column
            return Problem(line, column, "syntax", said, _unseen(_row(text, line)) or hint)
    return Problem(line, column, "syntax", message)


def _row(text: str, line: int) -> str:
    rows = text.split("\n")
    return rows[line] if line < len(rows) else ""


def _unseen(row: str) -> str:
    """A hint for what is easily overlooked in a line."""
    if row.startswith(("<<<<<<<", "=======", ">>>>>>>")):
        return "a merge left its marks: choose one side"
    for character, name in (("\u00a0", "no-break space"), ("\ufeff", "byte order mark")):
        if character in row:
            return f"the line contains an invisible {name} (U+{ord(character):04X}): delete it, or type a blank instead"
    return ""


def _unreadable_character(text: str, error: ReaderError) -> Problem:
    before = text[: error.position] if isinstance(error.position, int) else ""
    return Problem(before.count("\n"), len(before) - before.rfind("\n") - 1, "character", str(error.reason))


class _Open:
    """A collection whose end has not been seen; `key` is the pending key of a mapping."""

    __slots__ = ("key", "node")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.key: tuple[int, int, str] | None = None


def _compose(events: Iterator[Any], resolver: Callable[[str], Any], problems: list[Problem]) -> Node | None:
    root: Node | None = None
    documents = 0
    stack: list[_Open] = []
    for event in events:
        kind = type(event).__name__
        if kind == "ScalarEvent":
            mark = event.start_mark
            if stack and type(stack[-1].node.value) is dict and stack[-1].key is None:
                stack[-1].key = _key(event, stack[-1].node, resolver, problems)
                continue
            node = Node(mark.line, mark.column, _value(event, mark, resolver, problems), event.value)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            node = _collection(event, kind, stack, problems)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            stack.pop()
            continue
        elif kind == "AliasEvent":
            mark = event.start_mark
            problems.append(Problem(mark.line, mark.column, "anchor", f"alias *{event.anchor}", _NO_ANCHORS))
            node = Node(mark.line, mark.column, None)
            if stack and type(stack[-1].node.value) is dict and stack[-1].key is None:
                stack[-1].key = (mark.line, mark.column, f"*{event.anchor}")
                continue
        elif kind == "DocumentStartEvent":
            documents += 1
            if documents > 1:
                raise Unreadable(Problem(event.start_mark.line, event.start_mark.column, "documents", "a second document", _ONE))
            continue
        else:
            continue
        _attach(stack, node)
        root = root or node
        if kind != "ScalarEvent" and kind != "AliasEvent":
            stack.append(_Open(node))
    return root


_NO_ANCHORS = "write the value out: a reader of the diff should not have to look it up"
_ONE = "one file holds one release; move the second one to a file of its own"


def _collection(event: Any, kind: str, stack: list[_Open], problems: list[Problem]) -> Node:
    mark = event.start_mark
    if len(stack) >= MAX_DEPTH:
        raise Unreadable(Problem(mark.line, mark.column, "size", f"nested more than {MAX_DEPTH} levels deep"))
    if event.anchor:
        problems.append(Problem(mark.line, mark.column, "anchor", f"anchor &{event.anchor}", _NO_ANCHORS))
    if event.tag:
        problems.append(Problem(mark.line, mark.column, "anchor", f"tag {_tag(event)}", "remove the tag"))
    if stack and type(stack[-1].node.value) is dict and stack[-1].key is None:
        raise Unreadable(
            Problem(
                mark.line,
                mark.column,
                "key",
                "a mapping or list as a key",
                "write the value: nothing fills in `{{ … }}` here",
            )
        )
    return Node(mark.line, mark.column, {}, "", {}) if kind[0] == "M" else Node(mark.line, mark.column, [], "", [])


def _tag(event: Any) -> str:
    return str(event.tag).replace("tag:yaml.org,2002:", "!!")


def _value(event: Any, mark: Any, resolver: Callable[[str], Any], problems: list[Problem]) -> Any:
    if event.anchor:
        problems.append(Problem(mark.line, mark.column, "anchor", f"anchor &{event.anchor}", _NO_ANCHORS))
    if event.tag and event.tag != "!":
        problems.append(Problem(mark.line, mark.column, "anchor", f"tag {_tag(event)}", "remove the tag, quote the text"))
        return event.value
    if event.style in ("'", '"', "|", ">"):
        return event.value
    if not event.value and resolver is resolve:
        problems.append(Problem(mark.line, mark.column, "empty", "nothing after the key or dash", _EMPTY))
        return None
    try:
        return resolver(event.value)
    except Ambiguous as error:
        problems.append(Problem(mark.line, mark.column, "ambiguous", str(error), _quoting(event.value)))
        return event.value


_EMPTY = 'write the value; `null` removes a default, `{}`, `[]` and `""` are empty values'


def _quoting(raw: str) -> str:
    word = raw.lower()
    as_bool = "true" if word in ("y", "yes", "on") else "false" if word in ("n", "no", "off") else ""
    meant = f"; write {as_bool} if it is a boolean" if as_bool else ""
    if not meant and _number(word):
        meant = f"; write {_number(word)} if it is a number"
    return f'quote it if it is text: "{raw}"{meant}'


def _number(word: str) -> str:
    """What a number that readers take differently was most likely meant to be, as all of them take it."""
    try:
        if re.fullmatch("0o?[0-7]+", word):
            return str(int(word.replace("o", ""), 8))
        value = int(word, 0) if word.startswith(("0x", "0b")) else float(word)
        shown = str(int(value) if value == int(value) else value)
    except (ValueError, OverflowError):
        return ""
    return shown if len(shown) < 20 and (_INT.fullmatch(shown) or _FLOAT.fullmatch(shown)) else ""


def _key(event: Any, node: Node, resolver: Callable[[str], Any], problems: list[Problem]) -> tuple[int, int, str]:
    mark, name = event.start_mark, event.value
    if event.anchor or event.tag:
        problems.append(Problem(mark.line, mark.column, "anchor", "an anchor or tag on a key", _NO_ANCHORS))
    elif event.style not in ("'", '"', "|", ">"):
        if name == "<<":
            problems.append(Problem(mark.line, mark.column, "anchor", "a merge key", _NO_ANCHORS))
        else:
            problems += _key_problem(name, mark, resolver)
    if name in node.items:
        first = node.items[name][0] + 1
        problems.append(Problem(mark.line, mark.column, "duplicate", f"{name} stands twice, first in line {first}", "keep one"))
    return mark.line, mark.column, name


def _key_problem(name: str, mark: Any, resolver: Callable[[str], Any]) -> Iterator[Problem]:
    try:
        if type(resolver(name)) is str:
            return
    except Ambiguous:
        pass
    shown = name or "an empty key"
    yield Problem(mark.line, mark.column, "key", f"{shown} is not text to every YAML reader", f'quote it: "{name}"')


def _attach(stack: list[_Open], node: Node) -> None:
    if not stack:
        return
    parent = stack[-1]
    if parent.key is None:
        parent.node.items.append(node)
        parent.node.value.append(node.value)
    else:
        line, column, name = parent.key
        parent.node.items[name] = (line, column, node)
        parent.node.value[name] = node.value
        parent.key = None
