"""`check`: JSON Schema → diagnostics at line and column, with hints. Shape only; meaning is for `rules`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING
from typing import Any

from bgen import conforms
from bgen.departures import Problem
from bgen.departures import explain
from bgen.diagnostics import Path
from bgen.diagnostics import Rejected
from bgen.source import Source

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SPEC = "release.schema.json"
DEFAULT_PLATFORM = {"kubernetes": "1.32", "istio": "1.28", "clusterDomain": "cluster.local"}


def platform_of(data: dict[str, Any]) -> dict[str, str]:
    """The platform that judges a spec, before it is known to be well formed: anything odd is left to the schema."""
    written = data.get("platform")
    given = written if type(written) is dict else {}
    shape = conforms.bundle(SPEC)["properties"]["platform"]["properties"]
    judge = conforms.checker("", "")
    usable = {k: v for k, v in given.items() if k in shape and judge.conforms(v, shape[k], SPEC)}
    return {**DEFAULT_PLATFORM, **usable}


def check(source: Source) -> None:
    """Raises Rejected with BG1xx: everything in which the spec departs from its schema."""
    files = conforms.bundles_for(platform_of(source.data))
    checker = conforms.checker(files["kubernetes"], files["istio"])
    if checker.conforms(source.data, conforms.bundle(SPEC), SPEC):
        return
    found = [
        source.diagnose(path, code, message, hint, at=at)
        for path, code, message, hint, at in _newer(problems(source.data, {"$ref": SPEC}, checker, source), source)
    ]
    if not found:
        raise AssertionError("jsonschema accepts what bgen.conforms refuses")
    raise Rejected(found)


def _newer(found: list[Problem], source: Source) -> list[Problem]:
    """The problems, with unknown keys that a newer platform knows told as that (BG110)."""
    if not any(code == "BG101" for _, code, *_ in found):
        return found
    known: dict[Path, str] = {}
    platform = platform_of(source.data)
    for kind, versions in conforms.bundled_versions().items():
        for version in versions:
            shown = "{}.{}".format(*version)
            files = conforms.bundles_for({**platform, kind: shown})
            still = {path for path, *_ in problems(source.data, {"$ref": SPEC}, conforms.checker(**files), source)}
            for path, code, *_ in found:
                if code == "BG101" and path not in still:
                    known.setdefault(path, f"{kind.capitalize()} {shown}")
    return [_since(problem, known) for problem in found]


def _since(problem: Problem, known: dict[Path, str]) -> Problem:
    path, code, _, _, at = problem
    if code != "BG101" or path not in known:
        return problem
    kind, _, version = known[path].partition(" ")
    hint = f'remove it, or set `platform: {{{kind.lower()}: "{version}"}}` if that is what runs'
    return path, "BG110", f"`{path[-1]}` came with {known[path]}, and the platform of this release is older", hint, at


def problems(
    value: Any,
    schema: conforms.Schema,
    checker: conforms.Checker,
    source: Source | None = None,
    base: Path = (),
) -> list[Problem]:
    """Every departure of `value` from `schema` by jsonschema: path, code, message, hint, and "key" or "value".

    `source` gives the raw text of scalars for hints; `base` is the path of `value` in the spec.
    """
    found: dict[tuple[Path, str, str], Problem] = {}
    every = (p for error in _validator(schema, checker).iter_errors(value) for p in explain(error, base, source))
    for problem in islice(every, _MOST):
        found.setdefault(problem[:3], problem)
    # A value of the wrong type fails everything else too, and that helps nobody.
    found = _without_misspelled(found)
    mistyped = {path for path, code, *_ in found if code == "BG102"}
    return [problem for problem in found.values() if problem[1] == "BG102" or problem[0] not in mistyped]


# More than anybody reads; a file with thousands of mistakes is not a spec.
_MOST = 500
_BASE = "https://bgen.invalid/schemas/"


def _without_misspelled(found: dict[tuple[Path, str, str], Problem]) -> dict[tuple[Path, str, str], Problem]:
    """The problems less every missing key that an unknown one beside it was meant to be."""
    meant = {(path[:-1], hint) for path, code, _, hint, _ in found.values() if code == "BG101"}
    return {
        key: problem
        for key, problem in found.items()
        if problem[1] != "BG103"
        or not any((problem[0], f"did you mean {word}?") in meant for word in problem[2].split() if word[0] == "`")
    }


def _validator(schema: conforms.Schema, checker: conforms.Checker) -> Any:
    # Loaded here, on the way to a rejection: importing jsonschema costs more than a whole build.
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    def retrieve(uri: str) -> Any:
        file = uri.removeprefix(_BASE)
        # With its `$schema` jsonschema would judge the file by the plain dialect, without our keywords.
        content = {name: part for name, part in conforms.bundle(checker.file(file)).items() if name != "$schema"}
        return DRAFT202012.create_resource(content)

    own: dict[str, Any] = {"pattern": _pattern, "x-later": _later, "items": _items(Draft202012Validator.VALIDATORS["items"])}
    if checker.complete:
        own |= {"x-required": _needed, "properties": _properties(Draft202012Validator.VALIDATORS["properties"])}
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {name: (lambda _, v, test=test: test(v)) for name, test in conforms.TYPES.items()}
    )
    validator: Any = extend(Draft202012Validator, own, type_checker=types)  # type: ignore[no-untyped-call]
    registry: Any = Registry(retrieve=retrieve)  # type: ignore[call-arg]
    return validator({"$ref": _BASE + schema["$ref"]}, registry=registry)


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    if type(value) is str and not conforms.regex(pattern).search(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _later(validator: Any, comes: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    yield ValidationError(comes)


def _items(standard: Any) -> Any:
    """The keyword `items`, which has nothing to add where a list is too long anyway."""

    def items(validator: Any, part: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        if type(value) is list and len(value) <= schema.get("maxItems", len(value)):
            yield from standard(validator, part, value, schema)

    return items


def _needed(validator: Any, names: list[str], value: Any, schema: Any) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    if type(value) is dict:
        for name in names:
            if name not in value:
                yield ValidationError(f"{name!r} is a required property")


def _properties(standard: Any) -> Any:
    """The keyword `properties` for complete objects, where neither null nor `$patch` has anything left to remove."""

    def properties(validator: Any, parts: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        from jsonschema.exceptions import ValidationError

        yield from standard(validator, parts, value, schema)
        if type(value) is dict:
            for name, entry in value.items():
                if entry is None or name == "$patch":
                    yield ValidationError(
                        "null and $patch are for merging", path=[name], validator="type", validator_value="object"
                    )

    return properties
