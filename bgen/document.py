"""What `plan` asks for and what `render` gives back."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple


class Document(NamedTuple):
    """One file to be: its path below the release directory, the template that writes it, and the template's values."""

    path: str
    template: str
    values: dict[str, Any]


class Hole(NamedTuple):
    """A value that a template placed, and where it begins in the finished text (0-based line and column)."""

    line: int
    column: int
    value: Any


class File(NamedTuple):
    """One finished file: UTF-8 text with LF line ends, and the values that `verify` must find in it."""

    path: str
    text: str
    template: str = ""
    holes: tuple[Hole, ...] = ()

    @property
    def is_executable(self) -> bool:
        return self.path.endswith(".sh")
