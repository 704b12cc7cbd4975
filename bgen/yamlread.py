"""The one YAML reader: text → nodes with a position for every key and value.

The spec and the finished documents are both read by it, so that what bgen accepts and what it promises rest on the same
grammar: one document, no anchors, tags, merge keys or duplicate keys, and no plain scalar on which readers differ.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.reader import ReaderError

from bgen import syntax
from bgen.diagnostics import dotted
from bgen.problem import Problem
from bgen.scalars import Ambiguous
from bgen.scalars import advice
from bgen.scalars import resolve

try:
    # The libyaml binding of ruamel.yaml, ten times faster than its pure reader; it has no other public name.
    from _ruamel_yaml import CParser

    FAST = True
except ImportError:  # pragma: no cover - exercised by a subprocess test
    FAST = False

MAX_DEPTH = 100
_QUOTED = ("'", '"', "|", ">")
_NO_ANCHORS = "write the value out: a reader of the diff should not have to look it up"
_EMPTY = 'write the value; `null` removes a default, `{}`, `[]` and `""` are empty values'


class Node:
    """A value and where it stands (0-based). `items` holds the children: name → (key line, key column, node), or nodes."""

    __slots__ = ("column", "items", "line", "raw", "value")

    def __init__(self, line: int, column: int, value: Any, raw: str = "", items: Any = None) -> None:
        self.line = line
        self.column = column
        self.value = value
        self.raw = raw
        self.items = items


class Unreadable(Exception):
    """The text is not the YAML that bgen reads; nothing after the problem was looked at."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


def read(text: str, resolver: Callable[[str], Any] = resolve) -> tuple[Node | None, list[Problem]]:
    """The root node of the only document in `text` (None when there is none), and every problem met on the way.

    Raises Unreadable where the grammar ends the reading.
    """
    composer = _Composer(resolver)
    try:
        for event in _events(text):
            composer.take(event)
    except MarkedYAMLError as error:
        raise Unreadable(syntax.complaint(error, text)) from None
    except ReaderError as error:
        raise Unreadable(syntax.unreadable_character(text, error)) from None
    except YAMLError as error:
        raise Unreadable(Problem(0, 0, "syntax", str(error).splitlines()[0])) from None
    return composer.root, composer.problems


def _events(text: str) -> Iterator[Any]:
    if FAST:
        parser = CParser(text)
        # After the end of the stream the C parser has nothing but None, so stop there.
        while True:
            event = parser.get_event()
            yield event
            if type(event).__name__ == "StreamEndEvent":
                return
    from ruamel.yaml import YAML

    yield from YAML(typ="safe", pure=True).parse(text)


class _Open:
    """A collection whose end has not been seen: `step` leads to it from its parent, `key` is a mapping's pending one."""

    __slots__ = ("key", "node", "step")

    def __init__(self, node: Node, step: str | int) -> None:
        self.node = node
        self.step = step
        self.key: tuple[int, int, str] | None = None

    @property
    def wants_key(self) -> bool:
        return self.key is None and type(self.node.value) is dict


class _Composer:
    """Takes the parser's events one by one; a stack instead of recursion, so that no nesting can exhaust anything."""

    def __init__(self, resolver: Callable[[str], Any]) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._resolver = resolver
        self._stack: list[_Open] = []
        self._documents = 0

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "ScalarEvent":
            self._scalar(event)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._stack.pop()
        elif kind == "MappingStartEvent":
            self._collection(event, {}, {})
        elif kind == "SequenceStartEvent":
            self._collection(event, [], [])
        elif kind == "AliasEvent":
            self._alias(event)
        elif kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                hint = "one file holds one release; move the second one to a file of its own"
                self._stop(event, "documents", "a second document", hint)

    def _say(self, event: Any, kind: str, message: str, hint: str) -> None:
        self.problems.append(Problem(event.start_mark.line, event.start_mark.column, kind, message, hint))

    def _stop(self, event: Any, kind: str, message: str, hint: str = "") -> None:
        raise Unreadable(Problem(event.start_mark.line, event.start_mark.column, kind, message, hint))

    def _place(self) -> str:
        """The value that is being read, as in `slots.green.version`."""
        return dotted((*(one.step for one in self._stack[1:]), self._step()))

    def _step(self) -> str | int:
        """What leads from the innermost open collection to the value that comes next."""
        parent = self._stack[-1] if self._stack else None
        return "" if parent is None else parent.key[2] if parent.key else len(parent.node.value)

    def _scalar(self, event: Any) -> None:
        parent = self._stack[-1] if self._stack else None
        if parent and parent.wants_key:
            parent.key = self._key(event, parent.node)
        else:
            mark = event.start_mark
            self._attach(Node(mark.line, mark.column, self._value(event), event.value))

    def _value(self, event: Any) -> Any:
        if event.anchor:
            self._say(event, "anchor", f"anchor &{event.anchor}", _NO_ANCHORS)
        if event.tag and event.tag != "!":
            self._say(event, "anchor", f"tag {_shown(event.tag)}", "remove the tag, quote the text")
            return event.value
        if event.style in _QUOTED:
            return event.value
        if not event.value and self._resolver is resolve:
            self._say(event, "empty", f"`{self._place()}` has nothing after it", _EMPTY)
            return None
        try:
            return self._resolver(event.value)
        except Ambiguous as error:
            self._say(event, "ambiguous", f"`{self._place()}`: {error}", advice(event.value))
            return event.value

    def _key(self, event: Any, node: Node) -> tuple[int, int, str]:
        name = event.value
        if event.anchor or event.tag:
            self._say(event, "anchor", "an anchor or tag on a key", _NO_ANCHORS)
        elif event.style not in _QUOTED and name == "<<":
            self._say(event, "anchor", "a merge key", _NO_ANCHORS)
        elif event.style not in _QUOTED and not self._is_text(name):
            shown = f"`{name}`" if name else "an empty key"
            self._say(event, "key", f"{shown} is not text to every YAML reader", f'quote it: "{name}"')
        if name in node.items:
            message = f"`{name}` stands twice, first in line {node.items[name][0] + 1}"
            self._say(event, "duplicate", message, "keep one: YAML readers differ in which one wins")
        return event.start_mark.line, event.start_mark.column, name

    def _is_text(self, raw: str) -> bool:
        try:
            return type(self._resolver(raw)) is str
        except Ambiguous:
            return False

    def _collection(self, event: Any, value: Any, items: Any) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._stop(event, "size", f"nested more than {MAX_DEPTH} levels deep")
        if event.anchor:
            self._say(event, "anchor", f"anchor &{event.anchor}", _NO_ANCHORS)
        if event.tag:
            self._say(event, "anchor", f"tag {_shown(event.tag)}", "remove the tag")
        if self._stack and self._stack[-1].wants_key:
            hint = "write the value: nothing fills in `{{ … }}` here"
            self._stop(event, "key", "a mapping or list as a key", hint)
        node = Node(event.start_mark.line, event.start_mark.column, value, "", items)
        opened = _Open(node, self._step())
        self._attach(node)
        self._stack.append(opened)

    def _alias(self, event: Any) -> None:
        self._say(event, "anchor", f"alias *{event.anchor}", _NO_ANCHORS)
        mark = event.start_mark
        if self._stack and self._stack[-1].wants_key:
            self._stack[-1].key = (mark.line, mark.column, f"*{event.anchor}")
        else:
            self._attach(Node(mark.line, mark.column, None))

    def _attach(self, node: Node) -> None:
        if not self._stack:
            self.root = self.root or node
            return
        parent = self._stack[-1]
        if parent.key is None:
            parent.node.items.append(node)
            parent.node.value.append(node.value)
        else:
            line, column, name = parent.key
            parent.node.items[name] = (line, column, node)
            parent.node.value[name] = node.value
            parent.key = None


def _shown(tag: Any) -> str:
    return str(tag).replace("tag:yaml.org,2002:", "!!")
