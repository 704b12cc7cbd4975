"""The fast judge of shapes agrees with jsonschema, and `schemas/release.schema.json` says what `decode` does."""

import copy
import json
from collections.abc import Callable
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from bgen import conforms
from bgen import schema
from bgen import yamlread
from bgen.build import build
from bgen.decode import decode
from bgen.release import Release
from bgen.scalars import resolve_strictly
from bgen.verify import KINDS

from .conftest import drawn

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent
SPEC = schema.SPEC
FILES = sorted(path.relative_to(ROOT / "schemas").as_posix() for path in (ROOT / "schemas").rglob("*.json"))
KUBERNETES = [file for file in FILES if file.startswith("kubernetes/")]
ISTIO = [file for file in FILES if file.startswith("istio/")]
SOME = settings(max_examples=drawn(60), deadline=None, suppress_health_check=list(HealthCheck))


@cache
def specs() -> dict[str, Json]:
    return {path.parent.name: read(path.read_text()) for path in sorted((ROOT / "examples").glob("*/release.yaml"))}


def read(text: str) -> Any:
    root, problems = yamlread.read(text)
    assert root is not None
    assert problems == []
    return root.value


@cache
def objects() -> list[tuple[str, str, Json]]:
    """Every object of the examples: its schema file, its definition there, and itself."""
    found = []
    for name in specs():
        path = ROOT / "examples" / name / "release.yaml"
        for file in build(path.read_bytes(), path.name)[0]:
            if file.path.startswith(("manifests/", "routes/", "argocd/")):
                root, _ = yamlread.read(file.text, resolve_strictly)
                assert root is not None
                kind = (root.value["apiVersion"], root.value["kind"])
                found.append((KINDS[kind], kind[1], root.value))
    return found


def agree(value: Any, ref: str, checker: conforms.Checker) -> bool:
    """The verdict that both judges give."""
    file = ref.partition("#")[0]
    fast = checker.conforms(value, {"$ref": ref}, file)
    slow = schema.problems(value, {"$ref": ref}, checker)
    assert fast == (not slow), slow
    return fast


# --- both judges, on values that are known -------------------------------------------------------------------------

PARTIAL = conforms.checker("kubernetes/1.32.json", "istio/1.28.json")
COMPLETE = conforms.checker("kubernetes/1.32.json", "istio/1.28.json", complete=True)
CONTAINER = "kubernetes/1.32.json#/$defs/Container"
MATCH = "istio/1.28.json#/$defs/HTTPMatchRequest"
PORT = f"{SPEC}#/$defs/port"
STAGE = f"{SPEC}#/$defs/stage"
VERDICTS: list[tuple[str, Any, bool, bool]] = [
    (PORT, {"name": "http", "port": 80}, True, True),
    (PORT, {"name": "http", "port": 80.0}, False, False),
    (PORT, {"name": "http", "port": True}, False, False),
    (PORT, {"name": "http", "port": "80"}, False, False),
    (PORT, {"name": "http", "port": 0}, False, False),
    (PORT, {"name": "http", "port": 65536}, False, False),
    (PORT, {"name": "http", "port": 65535, "targetPort": "web"}, True, True),
    (PORT, {"name": "http\n", "port": 80}, False, False),
    (PORT, {"name": "h" * 16, "port": 80}, False, False),
    (PORT, {"name": "http", "port": 80, "protocol": "HTTP"}, False, False),
    (PORT, {"name": "http"}, False, False),
    (PORT, {"name": "http", "port": 80, "nodePort": 1}, False, False),
    (PORT, [], False, False),
    (PORT, None, False, False),
    (STAGE, {"name": "a", "mirror": {"percent": 0}}, False, False),
    (STAGE, {"name": "a", "mirror": {"percent": 0.1}}, True, True),
    (STAGE, {"name": "a", "mirror": {"percent": True}}, False, False),
    (STAGE, {"name": "a", "mirror": {"methods": []}}, False, False),
    (STAGE, {"name": "a", "mirror": {"methods": ["GET", "GET"]}}, False, False),
    (STAGE, {"name": "a", "match": []}, False, False),
    (STAGE, {"name": "a", "sticky": {}}, False, False),
    (STAGE, {"name": "a", "annotations": {"a b": "c"}}, False, False),
    (STAGE, {"name": "a", "annotations": {"a": 1}}, False, False),
    (CONTAINER, {"name": "a"}, True, True),
    (CONTAINER, {}, True, False),
    (CONTAINER, {"name": None}, True, False),
    (CONTAINER, {"name": "a", "env": [{"name": "b", "$patch": "delete"}]}, True, False),
    (CONTAINER, {"name": "a", "env": [{"value": "b"}]}, True, False),
    (CONTAINER, {"name": "a", "env": [{"name": "b", "value": 1}]}, False, False),
    (CONTAINER, {"name": "a", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}, True, True),
    (CONTAINER, {"name": "a", "resources": {"limits": None}}, True, False),
    (CONTAINER, {"name": "a", "resources": {"limits": {"cpu": None}}}, True, True),
    (CONTAINER, {"name": "a", "resources": {"limits": {"cpu": [1]}}}, False, False),
    (CONTAINER, {"name": "a", "readinessprobe": {}}, False, False),
    (MATCH, {"uri": {"prefix": "/"}}, True, True),
    (MATCH, {"uri": {"prefix": "/", "exact": "/"}}, False, False),
    (MATCH, {"uri": "/"}, False, False),
    (MATCH, {"headers": {"a": {}}}, True, True),
]


@pytest.mark.parametrize("ref, value, partial, complete", VERDICTS)
def test_both_judges_give_this_verdict(ref, value, partial, complete):
    assert agree(value, ref, PARTIAL) == partial
    assert agree(value, ref, COMPLETE) == complete


def test_examples_and_what_is_built_from_them_conform():
    for name, spec in specs().items():
        assert agree(spec, SPEC, PARTIAL), name
    for file, kind, value in objects():
        assert agree(value, f"{file}#/$defs/{kind}", COMPLETE), value["metadata"]["name"]


# --- and on values that are drawn ----------------------------------------------------------------------------------

JUNK = [
    *(None, True, False, 0, 1, -1, 3.0, 1.5, 65536, 10**20, -0.0),
    *("", "a", "A b", "a\n", "25%", "1.2.3", "100m", "10s", "\u00e9" * 320, "x" * 1001, "blue", "GET", "TCP", "1"),
    *([], {}, [1], ["a", "a"], [1, 1.0], [1, True], [None], {"a": 1}, {"a": None}, {"$patch": "delete"}),
    *({"name": "x"}, {"exact": "a"}, {"exact": "a", "prefix": "b"}, {"a b": "c"}, [{"name": "x"}, {"name": "x"}]),
]
NAMES = ["name", "$patch", "x", "match", "port", "value", "type", "labels", "A b", "env", "spec", "weight", "sticky"]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for step, entry in items:
        yield from paths(entry, (*path, step))


def _dug(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@st.composite
def mutated(draw: st.DrawFn, values: st.SearchStrategy[Any], least: int = 1) -> Any:
    """A value with a few random changes at random places."""
    whole = [copy.deepcopy(draw(values))]
    for _ in range(draw(st.integers(least, 3))):
        path = (0, *draw(st.sampled_from(list(paths(whole[0])))))
        holder, last = _dug(whole, path[:-1]), path[-1]
        old = holder[last]
        change = draw(st.sampled_from(["junk", "junk", "retype", "remove", "add", "repeat", "wrap"]))
        if change == "remove" and len(path) > 1:
            del holder[last]
        elif change == "add" and type(old) is dict:
            old[draw(st.sampled_from(NAMES))] = copy.deepcopy(draw(st.sampled_from(JUNK)))
        elif change == "repeat" and type(old) is list and old:
            old.append(copy.deepcopy(draw(st.sampled_from(old))))
        elif change == "wrap":
            holder[last] = [old] if draw(st.booleans()) else {"a": old}
        elif change == "retype" and type(old) in (int, float, str, bool):
            turned = [str(old), bool(old), [old], f"{old}\n", *([float(old), old + 10**6] if type(old) is int else [])]
            holder[last] = draw(st.sampled_from(turned))
        else:
            holder[last] = copy.deepcopy(draw(st.sampled_from(JUNK)))
    return whole[0]


@SOME
@given(st.data())
def test_the_judges_agree_on_specs_changed_at_random(data):
    spec = data.draw(mutated(st.sampled_from(list(specs().values()))))
    agree(spec, SPEC, PARTIAL)


@pytest.mark.parametrize("checker", [PARTIAL, COMPLETE], ids=["partial", "complete"])
@SOME
@given(st.data())
def test_the_judges_agree_on_objects_changed_at_random(checker, data):
    file, kind, value = data.draw(st.sampled_from(objects()))
    agree(data.draw(mutated(st.just(value))), f"{file}#/$defs/{kind}", checker)


@st.composite
def of(draw: st.DrawFn, part: Any, home: str, depth: int = 0) -> Any:
    """A value made after a schema: mostly one that conforms, now and then one that misses a pattern or a limit."""
    if part is True or not part:
        return copy.deepcopy(draw(st.sampled_from(JUNK)))
    if "$ref" in part:
        target, file = PARTIAL.resolve(part["$ref"], home)
        return draw(of(target, file, depth))
    for logic in ("anyOf", "oneOf"):
        if logic in part:
            branch = draw(st.sampled_from(part[logic]))
            rest = {name: entry for name, entry in part.items() if name != logic}
            return draw(of({**rest, **branch} if "$ref" not in branch else branch, home, depth))
    if "const" in part or "enum" in part:
        return draw(st.sampled_from(part.get("enum") or [part["const"]]))
    kinds = part.get("type", "object")
    kind = draw(st.sampled_from(kinds)) if type(kinds) is list else kinds
    if kind == "object":
        return draw(_object_of(part, home, depth))
    if kind == "array":
        size = draw(st.integers(part.get("minItems", 0), 2))
        return [draw(of(part.get("items", True), home, depth + 1)) for _ in range(size)]
    return draw(_leaf_of(kind, part))


@st.composite
def _object_of(draw: st.DrawFn, part: Json, home: str, depth: int) -> Json:
    properties = part.get("properties", {})
    needed = [*part.get("required", ()), *(part.get("x-required", ()) if draw(st.booleans()) else ())]
    optional = draw(st.lists(st.sampled_from(list(properties)), max_size=3)) if properties and depth < 5 else []
    out = {name: draw(of(properties[name], home, depth + 1)) for name in dict.fromkeys([*needed, *optional])}
    rest = part.get("additionalProperties", True)
    if not properties and rest is not False and draw(st.booleans()):
        out[draw(st.sampled_from(["a", "cpu", "example.com/a", "a b"]))] = draw(of(rest, home, depth + 1))
    return out


def _leaf_of(kind: str, part: Json) -> st.SearchStrategy[Any]:
    if kind == "string" and "pattern" in part:
        return st.one_of(st.from_regex(part["pattern"]), st.sampled_from(["a", "A b", "1", "a-1", "x.y/z"]))
    lowest, highest = part.get("minimum", -3), part.get("maximum", 100)
    return {
        "string": st.sampled_from(["", "a", "10s", "/x", "25%", "x" * part.get("maxLength", 1)]),
        "integer": st.integers(lowest - 1, highest + 1),
        "number": st.one_of(st.floats(lowest - 1, highest + 1).map(lambda x: round(x, 3)), st.integers(lowest - 1, highest + 1)),
        "boolean": st.booleans(),
        "null": st.none(),
    }[kind]


DRAWN = [
    SPEC,
    f"{SPEC}#/$defs/slot",
    f"{SPEC}#/$defs/stage",
    "kubernetes/1.32.json#/$defs/bgen.container",
    "kubernetes/1.32.json#/$defs/bgen.pod",
    "kubernetes/1.32.json#/$defs/bgen.service",
    "kubernetes/1.32.json#/$defs/PodSpec",
    "kubernetes/1.32.json#/$defs/MetricSpec",
    "istio/1.28.json#/$defs/HTTPRoute",
    "istio/1.28.json#/$defs/TrafficPolicy",
    "istio/1.28.json#/$defs/Server",
    "prometheus-operator.json#/$defs/Rule",
    "argo-cd.json#/$defs/Application",
]


@pytest.mark.parametrize("ref", DRAWN)
@settings(SOME, max_examples=drawn(25))
@given(st.data())
def test_the_judges_agree_on_values_drawn_from_the_schemas(ref, data):
    value = data.draw(mutated(of({"$ref": ref}, ref.partition("#")[0]), least=0))
    agree(value, ref, data.draw(st.sampled_from([PARTIAL, COMPLETE])))


@SOME
@given(st.recursive(st.sampled_from([0, 1, 1.0, True, False, None, "a", -0.0]), st.lists, max_leaves=4), st.data())
def test_equality_is_that_of_json(one, data):
    from jsonschema import Draft202012Validator

    two = data.draw(st.one_of(st.just(copy.deepcopy(one)), mutated(st.just(one))))
    assert conforms.same(one, two) == Draft202012Validator({"const": one}).is_valid(two)
    assert conforms.same(one, two) == (not Draft202012Validator({"uniqueItems": True}).is_valid([one, two]))


# --- the schemas ---------------------------------------------------------------------------------------------------


def parts(node: Any) -> Iterator[Json]:
    """Every schema inside a schema, itself included."""
    if type(node) is not dict:
        return
    yield node
    for keyword, entry in node.items():
        if keyword in ("properties", "$defs"):
            inner = list(entry.values())
        elif keyword in ("items", "additionalProperties", "propertyNames", "not"):
            inner = [entry]
        else:
            inner = entry if keyword in ("anyOf", "oneOf", "allOf") else []
        for child in inner:
            yield from parts(child)


@pytest.mark.parametrize("file", FILES)
def test_no_schema_uses_a_keyword_that_the_fast_judge_does_not_know(file):
    used = {keyword for part in parts(conforms.bundle(file)) for keyword in part}
    assert used - conforms.KEYWORDS - conforms.ANNOTATIONS == set()


@pytest.mark.parametrize("istio", ISTIO)
@pytest.mark.parametrize("kubernetes", KUBERNETES)
def test_every_reference_resolves_for_every_bundled_version(kubernetes, istio):
    checker = conforms.checker(kubernetes, istio)
    todo = [(part["$ref"], SPEC) for part in parts(conforms.bundle(SPEC)) if "$ref" in part]
    seen = set(todo)
    while todo:
        ref, home = todo.pop()
        file, _, pointer = ref.partition("#")
        node: Any = conforms.bundle(checker.file(file or home))
        for step in filter(None, pointer.split("/")):
            assert step in node, f"{ref} in {home}"
            node = node[step]
        assert checker.resolve(ref, home) == (node, checker.file(file or home))
        found = {(part["$ref"], checker.file(file or home)) for part in parts(node) if "$ref" in part}
        todo += found - seen
        seen |= found


def test_a_reference_that_leads_nowhere_conforms_to_nothing():
    assert PARTIAL.conforms({}, {"$ref": f"{SPEC}#/$defs/nothing"}, SPEC) is False


def fields(node: Json, path: tuple[str, ...] = (), inside: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    """The fields of a spec by path, `[]` for an entry of a list; definitions are opened where they are used."""
    ref = node.get("$ref", "")
    if ref.startswith("#"):
        name = ref.rpartition("/")[2]
        if name not in inside:
            node = {**conforms.bundle(SPEC)["$defs"][name], **{k: v for k, v in node.items() if k != "$ref"}}
            yield from fields(node, path, (*inside, name))
        return
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from fields(child, (*path, name), inside)
    if type(node.get("items")) is dict:
        yield from fields(node["items"], (*path, "[]"), inside)


FIELDS = [(path, node) for path, node in fields(conforms.bundle(SPEC)) if path and path[-1] != "[]"]


def test_the_walk_over_the_fields_finds_them_all():
    found = {path for path, _ in FIELDS}
    assert len(found) == len(FIELDS) > 150
    assert {
        ("slots", "green", "container"),
        ("stages", "[]", "mirror", "percent"),
        ("gitops", "argocd", "waves"),
    } <= found


@pytest.mark.parametrize("path, node", FIELDS, ids=[".".join(path) for path, _ in FIELDS])
def test_every_field_is_described_and_its_examples_are_valid(path, node):
    assert node["description"].endswith((".", ")"))
    assert node["examples"]
    for example in node["examples"]:
        later = "x-later" in node
        for file in KUBERNETES:
            checker = conforms.checker(file, "istio/1.28.json")
            assert checker.conforms(example, node, SPEC) is not later
        for file in ISTIO:
            checker = conforms.checker("kubernetes/1.32.json", file)
            assert checker.conforms(example, node, SPEC) is not later


# --- defaults ------------------------------------------------------------------------------------------------------

BARE: Json = {
    "apiVersion": "bgen/v1",
    "name": "a",
    "namespace": "n",
    "slots": {"blue": {"image": "a:1"}, "green": {"image": "a:2"}},
    "stable": "blue",
    "stage": "blue",
}


def _released(**more: Any) -> Release:
    data = {**BARE, **more}
    assert PARTIAL.conforms(data, conforms.bundle(SPEC), SPEC)
    return decode(data)


def _alert(name: str, field: str) -> Callable[[], Any]:
    return lambda: getattr(_released().prometheus_rule.alerts[name], field)  # type: ignore[union-attr]


def _argocd(field: str) -> Callable[[], Any]:
    return lambda: getattr(_released(gitops={"argocd": {"repoURL": "r"}}).argocd, field)


def _github(field: str) -> Callable[[], Any]:
    return lambda: getattr(_released(gitops={"github": {"requirement": "x"}}).github, field)


DEFAULTS: dict[str, Callable[[], Any]] = {
    "replicas": lambda: _released().slots["blue"].replicas,
    "slots.blue.replicas": lambda: _released().slots["blue"].replicas,
    "slots.green.replicas": lambda: _released().slots["green"].replicas,
    "deployment.progressDeadlineSeconds": lambda: _released().slots["blue"].deployment["progressDeadlineSeconds"],
    "deployment.revisionHistoryLimit": lambda: _released().slots["blue"].deployment["revisionHistoryLimit"],
    "slots.blue.deployment.progressDeadlineSeconds": lambda: (
        _released(slots={"blue": {"image": "a:1", "deployment": {}}}).slots["blue"].deployment["progressDeadlineSeconds"]
    ),
    "slots.blue.deployment.revisionHistoryLimit": lambda: (
        _released(slots={"blue": {"image": "a:1", "deployment": {}}}).slots["blue"].deployment["revisionHistoryLimit"]
    ),
    "slots.green.deployment.progressDeadlineSeconds": lambda: _released().slots["green"].deployment["progressDeadlineSeconds"],
    "slots.green.deployment.revisionHistoryLimit": lambda: _released().slots["green"].deployment["revisionHistoryLimit"],
    "autoscaling.minReplicas": lambda: _released(autoscaling={"maxReplicas": 9}).autoscaling.min_replicas,  # type: ignore[union-attr]
    "port": lambda: _released().ports[0].target,
    "ports.[].protocol": lambda: _released(ports=[{"name": "a", "port": 1}]).ports[0].protocol,
    "versionLabel": lambda: _released().version_label,
    "serviceAccount.create": lambda: _released().service_account.create,
    "hardening": lambda: (
        "restricted"
        if _released().slots["blue"].container["securityContext"]
        == _released(hardening="restricted").slots["blue"].container["securityContext"]
        != _released(hardening="baseline").slots["blue"].container["securityContext"]
        else None
    ),
    "gateways": lambda: list(_released().gateways),
    "stages.[].weight": lambda: _released(stages=[{"name": "s"}]).stages[0].weight,
    "stages.[].mirror.percent": lambda: _released(stages=[{"name": "s", "mirror": {}}]).stages[0].mirror.percent,  # type: ignore[union-attr]
    "stages.[].mirror.methods": lambda: list(
        _released(stages=[{"name": "s", "mirror": {}}]).stages[0].mirror.methods  # type: ignore[union-attr]
    ),
    "monitoring.prometheusRule.preset": lambda: _released().prometheus_rule.labels["release"],  # type: ignore[union-attr]
    "monitoring.prometheusRule.alerts.BlueGreenHighErrorRate.enabled": _alert("BlueGreenHighErrorRate", "enabled"),
    "monitoring.prometheusRule.alerts.BlueGreenHighErrorRate.threshold": _alert("BlueGreenHighErrorRate", "threshold"),
    "monitoring.prometheusRule.alerts.BlueGreenHighErrorRate.for": _alert("BlueGreenHighErrorRate", "duration"),
    "monitoring.prometheusRule.alerts.BlueGreenHighErrorRate.severity": _alert("BlueGreenHighErrorRate", "severity"),
    "monitoring.prometheusRule.alerts.BlueGreenHighLatency.enabled": _alert("BlueGreenHighLatency", "enabled"),
    "monitoring.prometheusRule.alerts.BlueGreenHighLatency.threshold": _alert("BlueGreenHighLatency", "threshold"),
    "monitoring.prometheusRule.alerts.BlueGreenHighLatency.for": _alert("BlueGreenHighLatency", "duration"),
    "monitoring.prometheusRule.alerts.BlueGreenHighLatency.severity": _alert("BlueGreenHighLatency", "severity"),
    "monitoring.prometheusRule.alerts.BlueGreenVersionNoTraffic.enabled": _alert("BlueGreenVersionNoTraffic", "enabled"),
    "monitoring.prometheusRule.alerts.BlueGreenVersionNoTraffic.for": _alert("BlueGreenVersionNoTraffic", "duration"),
    "monitoring.prometheusRule.alerts.BlueGreenVersionNoTraffic.severity": _alert("BlueGreenVersionNoTraffic", "severity"),
    "monitoring.grafana.delivery": lambda: _released().grafana.delivery,  # type: ignore[union-attr]
    "monitoring.grafana.folderAnnotation": lambda: _released().grafana.folder_annotation,  # type: ignore[union-attr]
    "gitops.argocd.targetRevision": _argocd("target_revision"),
    "gitops.argocd.project": _argocd("project"),
    "gitops.argocd.namespace": _argocd("namespace"),
    "gitops.argocd.destination.server": lambda: _argocd("destination")()["server"],
    "gitops.argocd.automated": _argocd("automated"),
    "gitops.argocd.waves": lambda: _released(gitops={"argocd": {"repoURL": "r"}}).waves,
    "gitops.github.python": _github("python"),
    "gitops.github.runsOn": _github("runs_on"),
    "gitops.github.branch": _github("branch"),
    "platform.kubernetes": lambda: "{}.{}".format(*_released().platform.kubernetes),
    "platform.istio": lambda: "{}.{}".format(*_released().platform.istio),
    "platform.clusterDomain": lambda: _released().platform.cluster_domain,
}
DECLARED = {".".join(path): node["default"] for path, node in FIELDS if "default" in node}


def test_every_declared_default_has_a_row():
    assert DECLARED.keys() == DEFAULTS.keys()


@pytest.mark.parametrize("path", DECLARED)
def test_a_declared_default_is_what_decode_fills_in(path):
    assert repr(DEFAULTS[path]()) == repr(DECLARED[path])


def test_the_example_of_a_default_is_that_default_or_another_valid_value():
    for path, node in FIELDS:
        if "default" in node:
            assert PARTIAL.conforms(node["default"], node, SPEC), path


def test_the_bundles_of_a_platform_are_the_nearest_lower_ones():
    rows = [
        ({"kubernetes": "1.32", "istio": "1.28"}, "kubernetes/1.32.json", "istio/1.28.json"),
        ({"kubernetes": "1.30", "istio": "1.24"}, "kubernetes/1.30.json", "istio/1.24.json"),
        ({"kubernetes": "1.31", "istio": "1.25"}, "kubernetes/1.31.json", "istio/1.24.json"),
        ({"kubernetes": "1.37", "istio": "1.29"}, "kubernetes/1.37.json", "istio/1.28.json"),
        ({"kubernetes": "1.99", "istio": "1.99"}, KUBERNETES[-1], ISTIO[-1]),
    ]
    for platform, kubernetes, istio in rows:
        assert conforms.bundles_for(platform) == {"kubernetes": kubernetes, "istio": istio}
    assert json.loads((ROOT / "schemas" / KUBERNETES[-1]).read_text()) == conforms.bundle(KUBERNETES[-1])
