"""Diagnostics as text with a caret, as JSON lines' array, or as GitHub annotations."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from collections.abc import Iterable

from bgen.diagnostics import Diagnostic

WIDTH = 160


def text(diagnostics: Iterable[Diagnostic], style: Callable[..., str] | None = None, width: int = WIDTH) -> str:
    """The form for people: `file:line:column: error BG204: message`, the line with a caret, a hint; `width` in columns."""
    return "".join(_one(diagnostic, style or _plain, max(40, width - 6)) for diagnostic in diagnostics)


def _plain(shown: str, **_: object) -> str:
    return shown


def _one(diagnostic: Diagnostic, style: Callable[..., str], width: int) -> str:
    place = ":".join(str(part) for part in (diagnostic.file, diagnostic.line, diagnostic.column) if part)
    color = "red" if diagnostic.severity == "error" else "yellow"
    word = style(f"{diagnostic.severity} {diagnostic.code}:", fg=color, bold=True)
    out = f"{style(f'{place}:', bold=True)} {word} {_visible(diagnostic.message)}\n"
    if diagnostic.excerpt:
        out += _excerpt(diagnostic, style, width)
    if diagnostic.hint:
        out += f"    {style('hint:', fg='cyan')} {_visible(diagnostic.hint)}\n"
    return out


def _excerpt(diagnostic: Diagnostic, style: Callable[..., str], width: int) -> str:
    line, column = diagnostic.excerpt, diagnostic.column - 1
    start = max(0, column - width // 2) if len(line) > width else 0
    shown = line[start : start + width]
    # The caret stands under the character as a terminal draws it: tabs stay tabs, wide characters take two cells.
    before = "".join("\t" if c == "\t" else " " * sum(map(_cells, _visible(c))) for c in shown[: column - start])
    return f"    {_visible(shown)}\n    {before}{style('^', fg='green', bold=True)}\n"


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


# Invisible, or a line end to some programs, and part of no word or emoji.
_SHOWN_AS_ESCAPE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


def _visible(shown: str) -> str:
    """Text for a terminal: what could move the cursor or turn the line around becomes an escape."""
    return _SHOWN_AS_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", shown)


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """An array of objects with file, line, column, severity, code, message, hint and path."""
    return json.dumps([_object(diagnostic) for diagnostic in diagnostics], indent=2) + "\n"


def _object(diagnostic: Diagnostic) -> dict[str, object]:
    found = diagnostic._asdict()
    del found["excerpt"]
    return {**found, "path": list(diagnostic.path)}


def github(diagnostics: Iterable[Diagnostic]) -> str:
    """Workflow commands that GitHub shows as annotations on the lines of a pull request."""
    return "".join(_annotation(diagnostic) for diagnostic in diagnostics)


def _annotation(diagnostic: Diagnostic) -> str:
    message = f"{diagnostic.message}; {diagnostic.hint}" if diagnostic.hint else diagnostic.message
    place = {"file": diagnostic.file, "line": diagnostic.line, "col": diagnostic.column, "title": diagnostic.code}
    fields = ",".join(f"{name}={_property(str(value))}" for name, value in place.items() if value)
    return f"::{diagnostic.severity} {fields}::{_data(message)}\n"


def _data(shown: str) -> str:
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(shown: str) -> str:
    return _data(shown).replace(":", "%3A").replace(",", "%2C")
