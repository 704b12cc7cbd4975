"""What a plain scalar is: to every YAML reader the same, or to no one.

YAML 1.1 (PyYAML), YAML 1.2 (ruamel.yaml) and Kubernetes' own reader differ in which unquoted words are booleans, numbers,
dates or text. bgen reads and writes only those on which they agree.
"""

from __future__ import annotations

import re
from typing import Any

from bgen import yamltext

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


class Ambiguous(Exception):
    """A plain scalar that readers take for different things; the argument says which."""


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


def advice(raw: str) -> str:
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
