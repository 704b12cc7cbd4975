"""`parse`: the bytes of a spec → data, with the place and raw text of every key and value."""

from __future__ import annotations

import codecs
import re
from itertools import islice
from typing import Any

from bgen import yamlread
from bgen.diagnostics import Diagnostic
from bgen.diagnostics import Path
from bgen.diagnostics import Rejected
from bgen.problem import Problem

MAX_BYTES = 1 << 20
# Control characters, and the line separators that some YAML readers take for a line end and others do not.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
CODE_OF = {
    "syntax": "BG002",
    "character": "BG003",
    "duplicate": "BG004",
    "ambiguous": "BG005",
    "empty": "BG006",
    "anchor": "BG007",
    "key": "BG008",
    "documents": "BG009",
    "size": "BG010",
}


class Source:
    """One parsed spec. Paths are tuples of keys and indexes, as in `("slots", "blue", "image")`."""

    def __init__(self, file: str, text: str, root: yamlread.Node) -> None:
        self.file = file
        self.text = text
        self.data: dict[str, Any] = root.value
        self._root = root
        self._rows = text.split("\n")

    def diagnose(self, path: Path, code: str, message: str, hint: str = "", **kind: str) -> Diagnostic:
        """A diagnostic at a value (at its key where the value is a mapping or list, and where `at="key"`)."""
        line, column = self.position(path, **{k: v for k, v in kind.items() if k == "at"})
        severity = kind.get("severity", "error")
        return Diagnostic(self.file, line, column, code, message, hint, path, severity, self.line(line))

    def position(self, path: Path, at: str = "value") -> tuple[int, int]:
        """1-based line and column of the value at `path`, or of its nearest ancestor that was written."""
        node, place = self._root, (self._root.line + 1, self._root.column + 1)
        for step in path:
            child = self._child(node, step)
            if child is None:
                break
            line, column, node = child
            on_key = at == "key" or node.items is not None
            place = (line + 1, column + 1) if on_key else (node.line + 1, node.column + 1)
        return place

    def raw(self, path: Path) -> str:
        """The scalar at `path` as it was written, without quotes."""
        node = self._root
        for step in path:
            child = self._child(node, step)
            if child is None:
                return ""
            node = child[2]
        return node.raw

    def get(self, path: Path) -> Any:
        """The value at `path`, None when it was not written."""
        value: Any = self.data
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def line(self, number: int) -> str:
        return self._rows[number - 1] if 0 < number <= len(self._rows) else ""

    @staticmethod
    def _child(node: yamlread.Node, step: str | int) -> tuple[int, int, yamlread.Node] | None:
        if type(node.items) is dict and step in node.items:
            found: tuple[int, int, yamlread.Node] = node.items[step]
            return found
        if type(node.items) is list and type(step) is int and step < len(node.items):
            item = node.items[step]
            return item.line, item.column, item
        return None


def parse(content: bytes, file: str) -> Source:
    """Read a spec. Raises Rejected with BG0xx: everything wrong with the text that can be seen in one reading."""
    text = _decode(content, file)
    rows = text.split("\n")

    def diagnose(problem: Problem) -> Diagnostic:
        line = rows[problem.line] if problem.line < len(rows) else ""
        place = (file, problem.line + 1, problem.column + 1)
        return Diagnostic(*place, CODE_OF[problem.kind], problem.message, problem.hint, excerpt=line)

    try:
        root, problems = yamlread.read(text)
    except yamlread.Unreadable as error:
        raise Rejected([diagnose(error.problem)]) from None
    if problems:
        raise Rejected([diagnose(problem) for problem in problems])
    if root is None:
        raise Rejected([Diagnostic(file, 1, 1, "BG009", "the file holds no release", "a spec starts with `apiVersion: bgen/v1`")])
    if type(root.value) is not dict:
        place = (file, root.line + 1, root.column + 1)
        hint = "a spec starts with `apiVersion: bgen/v1`"
        raise Rejected([Diagnostic(*place, "BG009", "a release is a mapping of fields", hint, excerpt=rows[root.line])])
    return Source(file, text, root)


def _decode(content: bytes, file: str) -> str:
    if len(content) > MAX_BYTES:
        raise Rejected([Diagnostic(file, 0, 0, "BG010", f"{len(content)} bytes: a spec may have at most {MAX_BYTES}")])
    # Every second byte of an ASCII text in UTF-16 is NUL.
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or content[:200].count(b"\0") > len(content[:200]) // 4:
        raise Rejected([Diagnostic(file, 1, 1, "BG001", "the file is UTF-16", "save it as UTF-8")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        message = f"byte 0x{content[error.start]:02x} is not UTF-8"
        shown = content.split(b"\n")[line - 1].decode("utf-8", "replace")
        raise Rejected([Diagnostic(file, line, column, "BG001", message, "save the file as UTF-8", excerpt=shown)]) from None
    # A lone carriage return is a line end to YAML, so every reader of the spec counts lines alike after this.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    bad = [_illegal(text, file, match) for match in islice(_ILLEGAL.finditer(text), 20)]
    if bad:
        raise Rejected(bad)
    return text


def _illegal(text: str, file: str, match: re.Match[str]) -> Diagnostic:
    line, column = text.count("\n", 0, match.start()) + 1, match.start() - text.rfind("\n", 0, match.start())
    message = f"the character U+{ord(match[0]):04X} is invisible and not the same to every reader"
    hint = f'write it as "\\u{ord(match[0]):04x}" in double quotes'
    return Diagnostic(file, line, column, "BG003", message, hint, excerpt=text.split("\n")[line - 1])
