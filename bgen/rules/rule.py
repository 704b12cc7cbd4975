"""What a rule is, and what several of them need."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from itertools import islice
from typing import Any
from typing import NamedTuple

from bgen.diagnostics import Diagnostic
from bgen.diagnostics import Path
from bgen.matching import Match
from bgen.merge import trace
from bgen.release import Fields
from bgen.release import Release
from bgen.release import Slot
from bgen.source import Source

# Of one rule; more than anybody reads.
_MOST = 200


class Finding(NamedTuple):
    """What a rule says: the path in the spec, one sentence, and what to do. `at` is "key" or "value"."""

    path: Path
    message: str
    hint: str = ""
    at: str = "value"


Generator = Callable[[Release, Source], Iterator[Finding]]


class Rule(NamedTuple):
    """A registered generator with its code and severity."""

    code: str
    severity: str
    title: str
    generator: Generator

    def __call__(self, release: Release, source: Source) -> Iterator[Diagnostic]:
        for path, message, hint, at in islice(self.generator(release, source), _MOST):
            yield source.diagnose(path, self.code, message, hint, at=at, severity=self.severity)


RULES: dict[str, Rule] = {}


def error(code: str, title: str) -> Callable[[Generator], Generator]:
    """Register a generator whose findings reject the spec."""
    return _register(code, "error", title)


def warning(code: str, title: str) -> Callable[[Generator], Generator]:
    """Register a generator whose findings are printed and pass."""
    return _register(code, "warning", title)


def _register(code: str, severity: str, title: str) -> Callable[[Generator], Generator]:
    def register(generator: Generator) -> Generator:
        if code in RULES:
            raise ValueError(f"{code} has two rules")
        RULES[code] = Rule(code, severity, title, generator)
        return generator

    return register


def written_at(source: Source, slot: Slot, part: str, path: Path) -> Path:
    """The spec path of what stands at `path` of a slot's merged `part` (container, pod, deployment, trafficPolicy)."""
    merged: Any = {
        "container": slot.container,
        "pod": slot.pod,
        "deployment": slot.deployment,
        "trafficPolicy": slot.traffic_policy,
    }
    own = ("slots", slot.name, part)
    found = trace(merged[part], path, [((part,), source.get((part,))), (own, source.get(own))])
    # Neither layer was written: a default is at fault, and the slot is the nearest thing that the user wrote.
    return found if source.get(found) is not None else ("slots", slot.name)


def containers(slot: Slot) -> Iterator[tuple[str, Path, Fields]]:
    """Every container of a slot: the part of the spec it comes from, its path there, and itself."""
    yield "container", (), slot.container
    for field in ("initContainers", "containers"):
        for i, container in enumerate(slot.pod.get(field, ())):
            yield "pod", (field, i), container


def written_matches(release: Release, source: Source) -> Iterator[tuple[Path, Match]]:
    """Every match entry of the spec and its path."""
    places: list[Path] = [("route", "match")]
    places += [("routes", i, "match") for i in range(len(release.rules) - 1)]
    places += [("stages", i, *part) for i in range(len(release.stages)) for part in (("match",), ("mirror", "match"))]
    for place in places:
        for i, entry in enumerate(source.get(place) or ()):
            yield (*place, i), entry


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was most likely meant, or an empty text."""
    import difflib

    return next(iter(difflib.get_close_matches(word, list(known), n=1)), "")


def repeated(values: list[Any]) -> list[int]:
    """The indexes of the values, all hashable, that stood before."""
    first: dict[Any, int] = {}
    return [i for i, value in enumerate(values) if first.setdefault(value, i) != i]
