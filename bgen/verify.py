"""`verify`: post-conditions on the finished text, read back once, without a network or a cluster.

A complaint about what `build` rendered is a bug of bgen; about a tree on disk it is a diagnostic (BG5xx).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bgen import conforms
from bgen import names
from bgen import references
from bgen import scalars
from bgen import schema
from bgen import yamlread
from bgen import yamltext
from bgen.diagnostics import Diagnostic
from bgen.document import File
from bgen.source import Source

# kind → the bundle and definition that judges it.
KINDS = {
    ("apps/v1", "Deployment"): "kubernetes/1.32.json",
    ("v1", "Service"): "kubernetes/1.32.json",
    ("v1", "ServiceAccount"): "kubernetes/1.32.json",
    ("v1", "ConfigMap"): "kubernetes/1.32.json",
    ("policy/v1", "PodDisruptionBudget"): "kubernetes/1.32.json",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "kubernetes/1.32.json",
    ("networking.istio.io/v1", "DestinationRule"): "istio/1.28.json",
    ("networking.istio.io/v1", "VirtualService"): "istio/1.28.json",
    ("networking.istio.io/v1", "Gateway"): "istio/1.28.json",
    ("monitoring.coreos.com/v1", "PrometheusRule"): "prometheus-operator.json",
    ("argoproj.io/v1alpha1", "Application"): "argo-cd.json",
}
# As the emitter escapes them, but for the line ends and tabs of literal blocks.
_UNPRINTABLE = re.compile(yamltext.UNPRINTABLE.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
# What a stage may change in a VirtualService besides its annotations.
_STAGED = ("http", "tcp")


class Verified:
    """The documents of a release directory, read back: path → Source."""

    def __init__(self) -> None:
        self.documents: dict[str, Source] = {}
        self.complaints: list[Diagnostic] = []

    def objects(self, *folders: str) -> list[Source]:
        """The Kubernetes objects under the folders, in the order of their paths."""
        return [source for path, source in sorted(self.documents.items()) if path.partition("/")[0] in folders]


def verify(files: list[File] | tuple[File, ...], platform: dict[str, str]) -> Verified:
    """Read every file back and collect what is wrong with it; `platform` has the versions as in the spec."""
    verified = Verified()
    for file in files:
        verified.complaints += _read(file, verified)
    bundles = conforms.bundles_for(platform)
    checker = conforms.checker(bundles["kubernetes"], bundles["istio"], complete=True)
    for source in verified.objects(names.MANIFESTS, names.ROUTES, "argocd"):
        verified.complaints += _structure(source, checker)
    # What is not built as it should be has nothing that could be followed.
    if not verified.complaints:
        verified.complaints += _identities(verified)
        verified.complaints += _routes(verified)
        verified.complaints += references.unresolved(verified.objects(names.MANIFESTS), verified.objects(names.ROUTES))
    return verified


def _read(file: File, verified: Verified) -> Iterator[Diagnostic]:
    if file.path.endswith(".json"):
        try:
            json.loads(file.text)
        except ValueError as error:
            yield Diagnostic(file.path, 0, 0, "BG501", f"not JSON: {error}")
    elif file.path.endswith(".yaml"):
        yield from _read_yaml(file, verified)


def _read_yaml(file: File, verified: Verified) -> Iterator[Diagnostic]:
    bare = _UNPRINTABLE.search(file.text)
    if bare:
        yield Diagnostic(file.path, 0, 0, "BG501", f"the raw character U+{ord(bare[0]):04X}")
        return
    if yamltext.SKIP_MARKER in file.text:
        yield Diagnostic(file.path, 0, 0, "BG501", f"Argo CD would drop this file, because it contains {yamltext.SKIP_MARKER}")
    try:
        root, problems = yamlread.read(file.text, scalars.resolve_strictly)
    except yamlread.Unreadable as error:
        problems, root = [error.problem], None
    for problem in problems:
        yield Diagnostic(file.path, problem.line + 1, problem.column + 1, "BG501", problem.message, problem.hint)
    if root is None or type(root.value) is not dict:
        yield Diagnostic(file.path, 1, 1, "BG501", "not a mapping")
        return
    verified.documents[file.path] = Source(file.path, file.text, root)
    yield from _holes(file, root)


def _holes(file: File, root: yamlread.Node) -> Iterator[Diagnostic]:
    """Exactly the values that the template placed stand where it placed them, and nowhere is there an empty value."""
    found = dict(_places(root))
    for (line, column), value in found.items():
        if value is None:
            yield Diagnostic(file.path, line + 1, column + 1, "BG501", "an empty value")
    for line, column, value in file.holes:
        seen = found.get((line, column))
        if type(value) is type(seen) is str and value == seen:
            continue
        # repr, because 1 == True == 1.0 in Python and key order counts.
        if repr(found.get((line, column))) != repr(_listed(value)):
            message = f"{value!r} was placed here, {found.get((line, column))!r} is what a reader sees"
            yield Diagnostic(file.path, line + 1, column + 1, "BG502", message)


def _listed(value: Any) -> Any:
    return list(value) if type(value) is tuple else value


def _places(root: yamlread.Node) -> Iterator[tuple[tuple[int, int], Any]]:
    todo = [root]
    while todo:
        node = todo.pop()
        yield (node.line, node.column), node.value
        if type(node.items) is dict:
            todo += [child for _, _, child in node.items.values()]
        elif node.items:
            todo += node.items


def _structure(source: Source, checker: conforms.Checker) -> Iterator[Diagnostic]:
    kind = (str(source.data.get("apiVersion")), str(source.data.get("kind")))
    file = KINDS.get(kind)
    if file is None:
        yield source.diagnose(("kind",), "BG503", f"{' '.join(kind)} is not a kind that bgen emits")
        return
    shape = {"$ref": f"{file}#/$defs/{kind[1]}"}
    if not checker.conforms(source.data, shape, file):
        for path, _, message, hint, at in schema.problems(source.data, shape, checker, source):
            yield source.diagnose(path, "BG503", message, hint, at=at)


def _identities(verified: Verified) -> Iterator[Diagnostic]:
    seen: dict[tuple[str, ...], str] = {}
    for source in verified.objects(names.MANIFESTS):
        identity = identity_of(source)
        if identity in seen:
            message = f"{identity[1]} {identity[3]} stands in {seen[identity]} too: Argo CD would apply only one of them"
            yield source.diagnose(("metadata", "name"), "BG504", message)
        seen.setdefault(identity, source.file)


def identity_of(source: Source) -> tuple[str, ...]:
    """Group, kind, namespace and name, by which Argo CD and the API server tell objects apart."""
    group = str(source.get(("apiVersion",))).rpartition("/")[0]
    return (
        group,
        str(source.get(("kind",))),
        str(source.get(("metadata", "namespace"))),
        str(source.get(("metadata", "name"))),
    )


def _routes(verified: Verified) -> Iterator[Diagnostic]:
    """One VirtualService is live, it is the one of its stage, and the stages differ in rules and annotations only."""
    live = [source for source in verified.objects(names.MANIFESTS) if source.data["kind"] == "VirtualService"]
    staged = verified.objects(names.ROUTES)
    if not staged:
        return
    if len(live) != 1:
        file = live[1].file if live else names.MANIFESTS
        yield Diagnostic(file, 0, 0, "BG506", f"{len(live)} VirtualServices in {names.MANIFESTS}/, exactly one belongs there")
        return
    stage = live[0].get(("metadata", "annotations", names.STAGE))
    twin = verified.documents.get(f"{names.ROUTES}/{stage}.yaml")
    if twin is None or repr(twin.data) != repr(live[0].data):
        yield live[0].diagnose(("metadata",), "BG507", f"the live route is not that of {names.ROUTES}/{stage}.yaml")
    for source in staged:
        if repr(_without_rules(source)) != repr(_without_rules(live[0])):
            yield source.diagnose(("spec",), "BG507", "this stage differs from the live route in more than rules and annotations")


def _without_rules(source: Source) -> dict[str, Any]:
    spec = {name: value for name, value in source.data["spec"].items() if name not in _STAGED}
    metadata = {name: value for name, value in source.data["metadata"].items() if name != "annotations"}
    wave = source.get(("metadata", "annotations", names.WAVE))
    return {**source.data, "metadata": metadata, "spec": spec, "wave": wave}
