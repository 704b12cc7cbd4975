"""What is wrong, and where. Every stage collects all its diagnostics, then raises one `Rejected`."""

from __future__ import annotations

from typing import NamedTuple

Path = tuple[str | int, ...]

# The registry of codes: BG0xx text, BG1xx shape, BG2xx meaning, BG3xx tree, BG5xx verification. A code is never reused.
CODES: dict[str, str] = {}


class Diagnostic(NamedTuple):
    """One problem at a place; `line` and `column` are 1-based, 0 means the whole file."""

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""
    path: Path = ()
    severity: str = "error"
    excerpt: str = ""


class Rejected(Exception):
    """The input is not acceptable. Carries every diagnostic of the stage that refused it, sorted by place."""

    def __init__(self, diagnostics: list[Diagnostic] | tuple[Diagnostic, ...]) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=lambda d: (d.file, d.line, d.column, d.code, d.message)))
        super().__init__("; ".join(f"{d.code} {d.message}" for d in self.diagnostics))


class InternalError(Exception):
    """A bug in bgen: its own output or its own template is wrong. Never the user's fault, exit code 3."""
