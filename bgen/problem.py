"""What is wrong with a text, before anybody knows what it means."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """What the text does that bgen does not read; `kind` is one of the names in `source.CODE_OF`."""

    line: int
    column: int
    kind: str
    message: str
    hint: str = ""
