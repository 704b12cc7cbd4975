"""The only place where a value becomes YAML text.

YAML 1.1 readers (PyYAML), YAML 1.2 readers and Kubernetes' own reader must all give back the same value, so a scalar
stands bare only where none of them could see anything but a string; everything else is quoted or a literal block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

# Bare only: a word with a letter, `_` or `/` first (or `-x`, `--x`), or a quantity such as 100m, 10s, 128Mi.
PLAIN = re.compile(
    r"(?!(?:y|n|yes|no|on|off|true|false|null|nan|inf)\Z)"
    r"(?:(?:--?(?=[a-z]))?[a-z/_][\w./@%+=,-]*(?::[\w./@%+=,-]+)*|(?:0|[1-9]\d*)(?:ms|s|m|h|d|Ki|Mi|Gi|Ti|k|M|G|T))"
    r"(?: [\w./@%+=,()-]+(?::[\w./@%+=,-]+)*)*",
    re.IGNORECASE | re.ASCII,
)
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
# No literal block when a line ends with a blank, more than one newline ends the text, or white space starts it.
_NOT_LITERAL = re.compile(r"[^\S\n](?=\n|\Z)|\n\n\Z|\A\s")
# Argo CD drops a whole file whose raw bytes contain this text (reposerver/repository/repository.go).
SKIP_MARKER = "+argocd:skip-file-rendering"
# libyaml, ruamel.yaml and Go's yaml all refuse a simple key of more than 1,024 characters.
MAX_KEY = 1000


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


@lru_cache(maxsize=4096)
def text(value: str) -> str:
    """A string as one line of YAML: bare, single-quoted or double-quoted, the most readable that every reader agrees on."""
    if PLAIN.fullmatch(value) and SKIP_MARKER not in value:
        return value
    quoted = "'" in value or not ('"' in value or "\\" in value)
    if quoted or SKIP_MARKER in value or UNPRINTABLE.search(value):
        value = UNPRINTABLE.sub(_escape, value.replace("\\", "\\\\").replace('"', '\\"'))
        return '"' + value.replace(SKIP_MARKER, "\\u002b" + SKIP_MARKER[1:]) + '"'
    return f"'{value}'"


def scalar(value: object) -> str:
    """Any leaf as one line of YAML. Raises TypeError or ValueError for what no manifest may hold (None, NaN, objects)."""
    kind = type(value)
    if kind is str:
        return text(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return _fixed_point(value)  # type: ignore[arg-type]
    if kind is dict:
        return "{}"
    if kind in (list, tuple):
        return "[]"
    raise TypeError(f"{kind.__name__} is not a value of a manifest")


def _fixed_point(value: float) -> str:
    # `1e-05` is a string to YAML 1.1, so no exponent is ever written.
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"{value} has no YAML form that readers agree on")
    written = repr(value)
    if "e" in written:
        written = format(value, ".20f").rstrip("0")
        written += "0" if written.endswith(".") else ""
        if float(written) != value:
            raise ValueError(f"{value!r} has no fixed-point form")
    return written


def key(name: object) -> str:
    if type(name) is not str:
        raise TypeError(f"a key must be text, not {type(name).__name__}")
    written = text(name)
    if len(written) > MAX_KEY:
        raise ValueError(f"a key of {len(written)} characters is more than YAML readers accept")
    return written


def is_literal(value: str) -> bool:
    """Whether a text reads back the same from a literal block (`|`), and so may be written as one."""
    return (
        "\n" in value[:-1]
        and not _NOT_LITERAL.search(value)
        and not UNPRINTABLE.search(value.replace("\n", "").replace("\t", ""))
        and SKIP_MARKER not in value
    )


def lines(value: Any, pad: str) -> Iterator[str]:
    """The block lines of a non-empty mapping or list at the column of `pad`; lists stand at their key's column."""
    if type(value) is dict:
        for name, entry in value.items():
            yield from placed(f"{pad}{key(name)}:", entry, pad)
    else:
        for entry in value:
            yield from placed(f"{pad}-", entry, pad)


def placed(head: str, value: Any, pad: str) -> Iterator[str]:
    """The lines of `head` (`key:` or `-`, standing at the column of `pad`) followed by its value."""
    kind = type(value)
    if kind is str and is_literal(value):
        yield head + (" |" if value[-1] == "\n" else " |-")
        for line in value.removesuffix("\n").split("\n"):
            yield f"{pad}  {line}" if line else ""
    elif kind not in (dict, list, tuple) or not value:
        yield f"{head} {scalar(value)}"
    elif head[-1] == "-":
        first, *rest = lines(value, pad + "  ")
        yield f"{head} {first.lstrip(' ')}"
        yield from rest
    else:
        yield head
        yield from lines(value, pad + "  " if kind is dict else pad)
