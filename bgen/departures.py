"""What a jsonschema error means to somebody who writes a spec: a code, one sentence, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Any

from bgen.diagnostics import Path
from bgen.diagnostics import dotted
from bgen.source import Source

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

# Path, code, message, hint, and whether the key or the value is meant.
Problem = tuple[Path, str, str, str, str]


def explain(error: ValidationError, base: Path, source: Source | None) -> Iterator[Problem]:
    path: Path = (*base, *error.relative_path)
    keyword = str(error.validator)
    if keyword in ("anyOf", "oneOf"):
        yield from _alternatives(error, path, source)
    elif keyword == "additionalProperties":
        yield from _unknown(error, path)
    elif keyword in ("required", "x-required"):
        # jsonschema says one missing name per error, quoted at the front of the message.
        name = error.message.split("'")[1]
        yield path, "BG103", f"{_at(path)} lacks `{name}`", _field_hint(error, name), "key"
    elif keyword == "type":
        yield _wrong_type(error, path, source)
    elif keyword in ("enum", "const"):
        yield _wrong_word(error, path)
    elif keyword == "x-later":
        message = f"`{dotted(path)}` is not available yet"
        yield path, "BG108", message, f"it comes with {error.validator_value}; remove it until then", "key"
    else:
        yield _out_of_bounds(error, path, keyword)


def _unknown(error: ValidationError, path: Path) -> Iterator[Problem]:
    schema: Any = error.schema
    fields = schema.get("properties", {})
    known = [name for name, field in fields.items() if type(field) is not dict or "x-later" not in field]
    instance: Any = error.instance
    for name in instance:
        if name not in fields:
            if path == ("slots",):
                hint = "bgen has two slots by design, blue and green: a release is a step from one version to the next"
            else:
                hint = _meant(name, known) or f"known here: {', '.join(sorted(known))}"
            yield (*path, name), "BG101", f"unknown key `{name}` in {_at(path)}", hint, "key"


def _meant(word: str, known: list[str]) -> str:
    import difflib

    lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return f"did you mean `{lower[close[0]]}`?" if close else ""


def _wrong_type(error: ValidationError, path: Path, source: Source | None) -> Problem:
    kinds: Any = error.validator_value
    wanted: list[str] = kinds if type(kinds) is list else [kinds]
    names = [_TYPE_NAMES[name] for name in wanted if name != "null"]
    message = f"{_at(path)} must be {' or '.join(names)}, not {_shown(error.instance)}"
    return path, "BG102", message, _type_hint(error, wanted, path, source.raw(path) if source else ""), "value"


def _type_hint(error: ValidationError, wanted: list[str], path: Path, raw: str) -> str:
    value: Any = error.instance
    schema: Any = error.schema
    if "string" in wanted and type(value) in (int, float) and path[-1] in _WITH_UNIT:
        return f"write the unit: {raw or value}s"
    elif "string" in wanted and type(value) in (int, float, bool):
        return f'quote it: "{raw or value}"'
    elif type(value) is str and any(name in wanted for name in ("integer", "number")):
        return "write the number without quotes" if value.strip().isdigit() else ""
    elif type(value) is str and wanted == ["boolean"]:
        return "write true or false, without quotes"
    elif "array" in wanted:
        return "a list: each entry on a line of its own, after `- `"
    elif "object" in wanted and value is not None:
        fields = sorted(schema.get("properties", ()))
        return "a mapping: `name: value` lines" + (f"; known here: {', '.join(fields)}" if 0 < len(fields) < 12 else "")
    return "remove the line to get the default" if value is None else ""


# Durations that a number is written for; their schemas say no more than text.
_WITH_UNIT = set("timeout perTryTimeout connectTimeout idleTimeout interval baseEjectionTime maxAge for".split())
_TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}


def _shown(value: Any) -> str:
    if type(value) is dict:
        return "a mapping"
    if type(value) is list:
        return "a list"
    if value is None:
        return "null"
    text = ("true" if value else "false") if type(value) is bool else f'"{value}"' if type(value) is str else str(value)
    return text if len(text) <= 60 else text[:57] + '…"'


def _wrong_word(error: ValidationError, path: Path) -> Problem:
    given: Any = error.validator_value
    allowed = given if error.validator == "enum" else [given]
    words = [str(word) for word in allowed if word is not None]
    hint = _meant(str(error.instance), words) or ("write " if len(words) == 1 else "one of: ") + ", ".join(words)
    return path, "BG104", f"{_at(path)} cannot be {_shown(error.instance)}", hint, "value"


# The patterns of the bundles, which carry no words of ours.
_PATTERNS = {
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "lower-case letters, digits and dashes, beginning and ending with a letter or digit",
    "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$": "letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
    "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$": "letters, digits, '-', '_' and '.', "
    "optionally after a DNS prefix and '/', as in example.com/team",
}


def _in_words(pattern: str) -> str:
    return _PATTERNS.get(pattern, f"it must match {pattern}")


def _out_of_bounds(error: ValidationError, path: Path, keyword: str) -> Problem:
    schema: Any = error.schema
    limit: Any = error.validator_value
    instance: Any = error.instance
    what, value = _at(path), _shown(error.instance)
    if keyword in _NUMBER_LIMITS:
        low, high = schema.get("minimum"), schema.get("maximum")
        allowed = " and ".join(f"{word} {schema[name]}" for name, word in _NUMBER_LIMITS.items() if name in schema)
        if low is not None and high is not None:
            allowed = f"between {low} and {high}"
        return path, "BG105", f"{what} is {value}, it must be {allowed}", schema.get("x-hint", ""), "value"
    hint = schema.get("x-hint") or (_in_words(schema["pattern"]) if keyword == "pattern" else "")
    if "propertyNames" in error.relative_schema_path:
        return (*path, instance), "BG106", f"{value} cannot be a key of {what}", hint, "key"
    if keyword == "pattern":
        return path, "BG106", f"{what} cannot be {value}", hint, "value"
    if keyword in ("minLength", "maxLength"):
        return path, "BG106", f"{what} has {len(instance)} characters, {_SIZE[keyword]} {limit}", hint, "value"
    if keyword in ("minItems", "maxItems", "minProperties", "maxProperties"):
        return path, "BG107", f"{what} has {len(instance)} entries, {_SIZE[keyword]} {limit}", hint, "key"
    if keyword == "uniqueItems":
        return path, "BG107", f"{what} says the same thing twice", "keep one", "key"
    return path, "BG109", f"{what} is not valid here", hint, "value"


_NUMBER_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}
_SIZE = {
    "minLength": "it needs at least",
    "maxLength": "it may have at most",
    "minItems": "it needs at least",
    "maxItems": "it may have at most",
    "minProperties": "it needs at least",
    "maxProperties": "it may have at most",
}


def _alternatives(error: ValidationError, path: Path, source: Source | None) -> Iterator[Problem]:
    """Of several shapes that a value may have, explain the one it was most likely meant to have."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    likely = [found for found in branches.values() if not any(e.validator == "type" and not e.relative_path for e in found)]
    if len(likely) == 1:
        for inner in likely[0]:
            yield from explain(inner, path, source)
    elif not likely and branches:
        wanted: list[str] = []
        for found in branches.values():
            kinds: Any = found[0].validator_value
            wanted += [kinds] if type(kinds) is str else kinds
        words = dict.fromkeys(_TYPE_NAMES[name] for name in wanted if name != "null" and name in _TYPE_NAMES)
        yield path, "BG102", f"{_at(path)} must be {' or '.join(words)}, not {_shown(error.instance)}", "", "value"
    else:
        names = sorted(
            {str(n) for part in error.validator_value for n in part.get("required", ())}
            if type(error.validator_value) is list
            else ()
        )
        given = [name for name in names if type(error.instance) is dict and name in error.instance]
        hint = f"give exactly one of: {', '.join(names)}" if names else ""
        clash = f"{_at(path)} has {' and '.join(given)} together" if len(given) > 1 else f"{_at(path)} is not valid here"
        yield path, "BG109", clash, hint, "key"


def _field_hint(error: ValidationError, name: str) -> str:
    schema: Any = error.schema
    examples = schema.get("properties", {}).get(name, {}).get("examples")
    return f"as in `{name}: {examples[0]}`" if examples and type(examples[0]) in (str, int) else f"add `{name}`"


def _at(path: Path) -> str:
    return f"`{dotted(path)}`" if path else "the release"
