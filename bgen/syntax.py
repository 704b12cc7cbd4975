"""What the YAML grammar complains of, in words for who wrote the spec."""

from __future__ import annotations

from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from bgen.problem import Problem

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


def complaint(error: MarkedYAMLError, text: str) -> Problem:
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


def unreadable_character(text: str, error: ReaderError) -> Problem:
    before = text[: error.position] if isinstance(error.position, int) else ""
    return Problem(before.count("\n"), len(before) - before.rfind("\n") - 1, "character", str(error.reason))
