"""How a command speaks: reports to stderr, data to stdout."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from bgen.diagnostics import Diagnostic

FORMATS = ("github", "json", "text")


class Printer:
    """The only place that prints: reports to stderr, data to stdout."""

    def __init__(self, form: str, color: str, quiet: bool, strict: bool) -> None:
        self.form = form
        self.quiet = quiet
        self.strict = strict
        self.color = {"auto": None, "always": True, "never": False}[color]
        self.pending: list[Diagnostic] = []

    def diagnose(self, diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> bool:
        """Report, and say whether anything of it rejects. JSON is printed as one array at the end."""
        if not diagnostics:
            return False
        from bgen import report

        shown = [d._replace(severity="error") if self.strict else d for d in diagnostics]
        if self.form == "json":
            self.pending += shown
        elif self.form == "github":
            click.echo(report.github(shown), err=True, nl=False)
        else:
            style = _styled if self._wants_color() else None
            click.echo(report.text(shown, style, _width()), err=True, nl=False, color=self._wants_color())
        return any(d.severity == "error" for d in shown)

    def finish(self) -> None:
        if self.form == "json":
            from bgen import report

            click.echo(report.as_json(self.pending), err=True, nl=False)

    def say(self, line: str) -> None:
        if not self.quiet and self.form == "text":
            click.echo(line, err=True)

    def _wants_color(self) -> bool:
        if self.color is not None:
            return self.color
        if os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or sys.stderr.isatty()


def _styled(shown: str, **how: Any) -> str:
    return click.style(shown, **how)


def _width() -> int:
    """Columns of the terminal; what goes into a file or a pipe does not depend on any."""
    if not sys.stderr.isatty():
        return 160
    import shutil

    return shutil.get_terminal_size().columns
