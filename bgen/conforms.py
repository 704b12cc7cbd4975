"""A fast yes or no: does a value conform to one of the packaged JSON Schemas?

jsonschema is the authority on what is wrong, and is loaded only when something is: importing it costs more than a whole
build. This check answers the same question for the keywords that the packaged schemas use (a test compares the two on
valid and mutated values, another that no schema uses a keyword unknown here).

Two keywords are ours. `x-required`: names that an object must have once everything is merged; partial input may lack
them. `x-later`: a field that this version refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from bgen import packaged

Schema = dict[str, Any]
KEYWORDS = frozenset(
    "$ref type enum const required x-required properties additionalProperties propertyNames minProperties maxProperties items"
    " minItems maxItems uniqueItems minLength maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf"
    " anyOf oneOf allOf not x-later".split()
)
ANNOTATIONS = frozenset("$schema $comment $defs title description default examples x-hint".split())
TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda v: v is None,
    "boolean": lambda v: type(v) is bool,
    # 3.0 is no integer here: it would be written as 3.0, which Kubernetes refuses for an int32.
    "integer": lambda v: type(v) is int,
    "number": lambda v: type(v) in (int, float),
    "string": lambda v: type(v) is str,
    "array": lambda v: type(v) is list,
    "object": lambda v: type(v) is dict,
}


@lru_cache(maxsize=64)
def bundle(file: str) -> Schema:
    """A packaged schema file, as in `release.schema.json` or `kubernetes/1.32.json`."""
    found: Schema = json.loads((packaged.directory("schemas") / file).read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=512)
def regex(pattern: str) -> re.Pattern[str]:
    """A schema's pattern as Python sees it: `$` must not pass a text that ends with a newline, as it does not in ECMA 262."""
    return re.compile(re.sub(r"(?<!\\)\$", r"\\Z", pattern))


class Checker:
    """Conformance for one platform: references to `kubernetes/…` and `istio/…` lead to that platform's bundles.

    `complete` also demands what `x-required` names, and refuses `$patch` and null.
    """

    def __init__(self, bundles: dict[str, str], complete: bool = False) -> None:
        self._bundles = bundles
        self.complete = complete
        self._resolved: dict[tuple[str, str], tuple[Schema, str]] = {}

    def file(self, name: str) -> str:
        """The schema file that stands for `name` on this platform."""
        return self._bundles.get(name.partition("/")[0], name)

    def resolve(self, ref: str, home: str) -> tuple[Schema, str]:
        """The schema that `ref`, standing in the file `home`, names, and its file."""
        found = self._resolved.get((ref, home))
        if found is None:
            file, _, pointer = ref.partition("#")
            file = self.file(file or home)
            schema: Any = bundle(file)
            for step in filter(None, pointer.split("/")):
                schema = schema.get(step, {"not": {}})
            found = self._resolved[ref, home] = (schema, file)
        return found

    def conforms(self, value: Any, schema: Schema | bool, home: str) -> bool:
        """Whether `value` is valid against `schema`, which stands in the file `home`."""
        if schema is True or schema is False:
            return schema
        ref = schema.get("$ref")
        if ref is not None:
            target, file = self.resolve(ref, home)
            if not self.conforms(value, target, file):
                return False
        kind = schema.get("type")
        if kind is not None and not has_type(value, kind):
            return False
        check = _BY_TYPE.get(type(value))
        if check is not None and not check(self, value, schema, home):
            return False
        return self._logic(value, schema, home)

    def _logic(self, value: Any, schema: Schema, home: str) -> bool:
        if "enum" in schema and not any(same(value, entry) for entry in schema["enum"]):
            return False
        if "const" in schema and not same(value, schema["const"]):
            return False
        if "x-later" in schema:
            return False
        if "allOf" in schema and not all(self.conforms(value, part, home) for part in schema["allOf"]):
            return False
        if "anyOf" in schema and not any(self.conforms(value, part, home) for part in schema["anyOf"]):
            return False
        if "oneOf" in schema and sum(self.conforms(value, part, home) for part in schema["oneOf"]) != 1:
            return False
        return "not" not in schema or not self.conforms(value, schema["not"], home)

    def _mapping(self, value: dict[str, Any], schema: Schema, home: str) -> bool:
        properties = schema.get("properties", {})
        rest = schema.get("additionalProperties", True)
        names = schema.get("propertyNames")
        for name, entry in value.items():
            part = properties.get(name, rest)
            if self.complete and properties and (entry is None or name == "$patch"):
                return False
            if part is False or (part is not True and not self.conforms(entry, part, home)):
                return False
            if names is not None and not self.conforms(name, names, home):
                return False
        needed = schema.get("required", ())
        if self.complete:
            needed = (*needed, *schema.get("x-required", ()))
        size = len(value)
        return all(name in value for name in needed) and schema.get("minProperties", 0) <= size <= schema.get(
            "maxProperties", size
        )

    def _list(self, value: list[Any], schema: Schema, home: str) -> bool:
        size = len(value)
        if not schema.get("minItems", 0) <= size <= schema.get("maxItems", size):
            return False
        if schema.get("uniqueItems") and any(same(a, b) for i, a in enumerate(value) for b in value[:i]):
            return False
        items = schema.get("items", True)
        return items is True or all(self.conforms(entry, items, home) for entry in value)

    def _text(self, value: str, schema: Schema, home: str) -> bool:
        size = len(value)
        if not schema.get("minLength", 0) <= size <= schema.get("maxLength", size):
            return False
        return "pattern" not in schema or regex(schema["pattern"]).search(value) is not None

    def _number(self, value: float, schema: Schema, home: str) -> bool:
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            return False
        if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            return False
        if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
            return False
        return "multipleOf" not in schema or value % schema["multipleOf"] == 0


_BY_TYPE: dict[type, Callable[[Checker, Any, Schema, str], bool]] = {
    dict: Checker._mapping,
    list: Checker._list,
    str: Checker._text,
    int: Checker._number,
    float: Checker._number,
}


def has_type(value: Any, kind: str | list[str]) -> bool:
    return TYPES[kind](value) if type(kind) is str else any(TYPES[name](value) for name in kind)


def same(a: Any, b: Any) -> bool:
    """JSON equality: 1 is 1.0 but not true."""
    if type(a) is bool or type(b) is bool:
        return a is b
    if type(a) is list and type(b) is list:
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict and type(b) is dict:
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return bool(a == b)


def standalone(file: str) -> Schema:
    """A schema file with everything it refers to in other files under its own `$defs`, reduced to what is reached."""
    whole = {name: part for name, part in bundle(file).items() if name != "$defs"}
    found: Schema = {}

    def local(node: Any, home: str) -> Any:
        if type(node) is list:
            return [local(entry, home) for entry in node]
        if type(node) is not dict:
            return node
        out = {name: local(entry, home) for name, entry in node.items() if name != "$ref"}
        if "$ref" in node:
            out["$ref"] = _adopt(node["$ref"], home, found, local)
        return out

    return {**local(whole, file), "$defs": found}


def _adopt(ref: str, home: str, found: Schema, local: Callable[[Any, str], Any]) -> str:
    """Take the referenced definition over under a name that tells its file, and give the new reference."""
    there, _, pointer = ref.partition("#")
    target = there or home
    name = f"{target.removesuffix('.json')}{pointer}".replace("/", ".").replace("$defs.", "")
    if name not in found:
        found[name] = {}
        node: Any = bundle(target)
        for step in filter(None, pointer.split("/")):
            node = node[step]
        found[name] = local(node, target)
    return f"#/$defs/{name}"


@lru_cache(maxsize=1)
def bundled_versions() -> dict[str, list[tuple[int, int]]]:
    """The bundled minor versions of kubernetes and istio, ascending."""
    root = packaged.directory("schemas")
    return {
        kind: sorted(tuple(map(int, path.stem.split("."))) for path in (root / kind).glob("*.json"))  # type: ignore[misc]
        for kind in ("kubernetes", "istio")
    }


def bundles_for(platform: dict[str, str]) -> dict[str, str]:
    """kubernetes and istio → the file of the nearest lower bundled version ("1.29" of Istio is judged by 1.28)."""
    found = {}
    for kind, versions in bundled_versions().items():
        wanted = tuple(map(int, platform[kind].split(".")))
        best = max((v for v in versions if v <= wanted), default=versions[0])
        found[kind] = f"{kind}/{best[0]}.{best[1]}.json"
    return found


@lru_cache(maxsize=32)
def checker(kubernetes: str, istio: str, complete: bool = False) -> Checker:
    """The checker for a platform's bundle files; kept, so that references are resolved once."""
    return Checker({"kubernetes": kubernetes, "istio": istio}, complete)
