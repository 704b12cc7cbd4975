"""The schema bundles in `schemas/`: sound, closed, and judging partial and complete objects as their users rely on."""

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

Json = dict[str, Any]

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
KUBERNETES = [f"kubernetes/1.{minor}.json" for minor in range(30, 38)]
ISTIO = [f"istio/1.{minor}.json" for minor in (24, 26, 28, 30)]
BUNDLES = [*KUBERNETES, *ISTIO, "prometheus-operator.json", "argo-cd.json"]
LOGIC = ("allOf", "anyOf", "oneOf")

LABELS = {"app": "demo"}
POD_SPEC: Json = {
    "serviceAccountName": "demo",
    "containers": [
        {
            "name": "demo",
            "image": "demo:1.0.0",
            "ports": [{"name": "http", "containerPort": 8080}],
            "env": [{"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "demo", "key": "level"}}}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": 1}},
            "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        }
    ],
    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
}
TEMPLATE: Json = {"metadata": {"labels": LABELS}, "spec": POD_SPEC}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "demo"}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
SPECS: dict[str, tuple[str, Json]] = {
    "Deployment": (
        "apps/v1",
        {
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": LABELS},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
                "template": TEMPLATE,
            }
        },
    ),
    "Service": ("v1", {"spec": {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}),
    "ServiceAccount": ("v1", {"automountServiceAccountToken": False}),
    "ConfigMap": ("v1", {"data": {"level": "info"}}),
    "PodDisruptionBudget": ("policy/v1", {"spec": {"maxUnavailable": "50%", "selector": {"matchLabels": LABELS}}}),
    "HorizontalPodAutoscaler": (
        "autoscaling/v2",
        {"spec": {"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 5, "metrics": [CPU]}},
    ),
    "Job": ("batch/v1", {"spec": {"backoffLimit": 1, "template": {"spec": {**POD_SPEC, "restartPolicy": "Never"}}}}),
    "VirtualService": (
        "networking.istio.io/v1",
        {
            "spec": {
                "hosts": ["demo.example.com"],
                "http": [
                    {
                        "match": [{"uri": {"prefix": "/"}, "headers": {"x-test": {"exact": "green"}}}],
                        "route": [{"destination": {"host": "demo", "subset": "blue", "port": {"number": 80}}}],
                        "mirrors": [{"destination": {"host": "demo"}, "percentage": {"value": 12.5}}],
                        "retries": {"attempts": 2, "perTryTimeout": "2s", "retryOn": "5xx"},
                    },
                    {"directResponse": {"status": 503, "body": {"string": "closed"}}},
                ],
                "tcp": [{"match": [{"port": 5432}], "route": [{"destination": {"host": "demo"}, "weight": 100}]}],
            }
        },
    ),
    "DestinationRule": (
        "networking.istio.io/v1",
        {
            "spec": {
                "host": "demo",
                "trafficPolicy": {"loadBalancer": {"simple": "LEAST_REQUEST"}},
                "subsets": [{"name": "blue", "labels": {"version": "v1"}, "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}],
            }
        },
    ),
    "Gateway": (
        "networking.istio.io/v1",
        {
            "spec": {
                "selector": {"istio": "ingressgateway"},
                "servers": [
                    {
                        "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
                        "hosts": ["demo.example.com"],
                        "tls": {"mode": "SIMPLE", "credentialName": "demo"},
                    }
                ],
            }
        },
    ),
    "PrometheusRule": (
        "monitoring.coreos.com/v1",
        {
            "spec": {
                "groups": [
                    {
                        "name": "demo",
                        "partial_response_strategy": "Warn",
                        "rules": [{"alert": "Down", "expr": "up == 0", "for": "5m", "labels": {"severity": "page"}}],
                    }
                ]
            }
        },
    ),
    "Application": (
        "argoproj.io/v1alpha1",
        {
            "spec": {
                "project": "default",
                "destination": {"name": "in-cluster", "namespace": "demo"},
                "source": {"repoURL": "git@example.com:demo.git", "path": "out", "directory": {"include": "*.yaml"}},
                "syncPolicy": {
                    "automated": {"prune": True, "selfHeal": True},
                    "retry": {"limit": 3, "refresh": True, "backoff": {"duration": "5s", "factor": 2}},
                    "syncOptions": ["ServerSideApply=true"],
                },
            }
        },
    ),
}
KUBERNETES_KINDS = tuple(list(SPECS)[:7])
KINDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(KUBERNETES, KUBERNETES_KINDS),
    **dict.fromkeys(ISTIO, ("DestinationRule", "Gateway", "VirtualService")),
    "prometheus-operator.json": ("PrometheusRule",),
    "argo-cd.json": ("Application",),
}
EVERY_KIND = [(bundle, kind) for bundle, kinds in KINDS.items() for kind in kinds]


def example(kind: str) -> Json:
    """A small complete object that is valid."""
    api_version, rest = SPECS[kind]
    envelope = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "demo", "namespace": "demo"}}
    return envelope | copy.deepcopy(rest)


@cache
def load(bundle: str) -> Json:
    document: Json = json.loads((SCHEMAS / bundle).read_text(encoding="utf-8"))
    return document


def nodes(node: Json) -> Iterator[Json]:
    """Every schema below a schema, itself included; names of properties are not taken for keywords."""
    yield node
    for key in ("items", "additionalProperties", "not"):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key])
    for branch in (branch for key in LOGIC for branch in node.get(key, ())):
        yield from nodes(branch)
    for sub in node.get("properties", {}).values():
        yield from nodes(sub)


def every_node(bundle: str) -> list[Json]:
    return [node for definition in load(bundle)["$defs"].values() for node in nodes(definition)]


def completed(node: Any) -> Any:
    """The form that judges complete objects: x-required is the keyword that it stands for."""
    if isinstance(node, list):
        return [completed(value) for value in node]
    if not isinstance(node, dict):
        return node
    return {"required" if key == "x-required" else key: completed(value) for key, value in node.items()}


@cache
def validator(bundle: str, name: str, complete: bool) -> Draft202012Validator:
    definitions = load(bundle)["$defs"]
    definitions = completed(definitions) if complete else definitions
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})


def partial_ok(bundle: str, name: str, value: Any) -> bool:
    return bool(validator(bundle, name, False).is_valid(value))


def complete_ok(bundle: str, name: str, value: Any) -> bool:
    return bool(validator(bundle, name, True).is_valid(value))


def node_at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


# Form


@pytest.mark.parametrize("bundle", BUNDLES)
def test_bundle_is_a_schema_with_provenance_and_one_definition_a_line(bundle: str) -> None:
    text = (SCHEMAS / bundle).read_text(encoding="utf-8")
    document = load(bundle)
    Draft202012Validator.check_schema(document)
    assert document.keys() == {"$schema", "$comment", "$defs"}
    assert f"| {bundle} | {' | '.join(document['$comment'].split('; '))} |" in (SCHEMAS / "PROVENANCE.md").read_text()
    assert list(document["$defs"]) == sorted(document["$defs"])
    assert len(text.splitlines()) == len(document["$defs"]) + 4
    assert set(KINDS[bundle]) | {"Metadata"} <= document["$defs"].keys()


@pytest.mark.parametrize("bundle", BUNDLES)
def test_every_reference_resolves_and_every_definition_is_reached(bundle: str) -> None:
    definitions = load(bundle)["$defs"]
    used = {node["$ref"] for node in every_node(bundle) if "$ref" in node}
    assert used <= {f"#/$defs/{name}" for name in definitions}
    # The spec's schema refers to the parts made for it.
    inner = {name for name in definitions.keys() - set(KINDS[bundle]) if not name.startswith("bgen.")}
    assert {f"#/$defs/{name}" for name in inner} <= used


@pytest.mark.parametrize("bundle", BUNDLES)
def test_only_structure_is_kept(bundle: str) -> None:
    dropped = {"description", "default", "format", "title", "example"}
    assert not [node for node in every_node(bundle) if dropped & node.keys()]
    for kind in KINDS[bundle]:
        assert "status" not in load(bundle)["$defs"][kind]["properties"]
    assert not [name for name in load(bundle)["$defs"] if name.endswith("Status")]
    for node in every_node(bundle):
        re.compile(node.get("pattern", ""))


@pytest.mark.parametrize("bundle", BUNDLES)
def test_objects_that_name_their_properties_are_closed(bundle: str) -> None:
    named = [node for node in every_node(bundle) if "properties" in node]
    assert len(named) > 3
    assert not [node for node in named if node.get("additionalProperties") is not False]


@pytest.mark.parametrize("bundle", BUNDLES)
def test_required_is_spelled_apart_outside_unions(bundle: str) -> None:
    for node in every_node(bundle):
        union_branch = node.keys() == {"required", "type"}
        assert union_branch or "required" not in node
        assert set(node.get("x-required", ())) <= node.get("properties", {}).keys()


@pytest.mark.parametrize("bundle", BUNDLES)
def test_null_is_for_properties_and_the_values_of_merged_maps(bundle: str) -> None:
    definitions = load(bundle)["$defs"]
    for node in every_node(bundle):
        for name, sub in node.get("properties", {}).items():
            judge = Draft202012Validator({**sub, "$defs": definitions})
            assert judge.is_valid(None) == ("const" not in sub and name != "$patch"), (name, sub)
        # Kubernetes' maps merge by key with other layers; a null header match in Istio would match more than was meant.
        for key, removes in (("items", False), ("additionalProperties", bundle in KUBERNETES)):
            if isinstance(node.get(key), dict):
                assert Draft202012Validator({**node[key], "$defs": definitions}).is_valid(None) == removes, node


@pytest.mark.parametrize("bundle", BUNDLES[len(KUBERNETES) :])
def test_no_large_structure_is_spelled_twice_in_custom_resources(bundle: str) -> None:
    large = [text for node in every_node(bundle) if "properties" in node and len(text := json.dumps(node)) > 250]
    assert len(large) == len(set(large))


def test_bundles_stay_small() -> None:
    assert sum((SCHEMAS / bundle).stat().st_size for bundle in BUNDLES) < 1_500_000


# Judgement


@pytest.mark.parametrize(("bundle", "kind"), EVERY_KIND)
def test_small_object_passes_in_both_forms(bundle: str, kind: str) -> None:
    for complete in (False, True):
        assert [error.message for error in validator(bundle, kind, complete).iter_errors(example(kind))] == []


@pytest.mark.parametrize(("bundle", "kind"), EVERY_KIND)
def test_envelope_is_strict(bundle: str, kind: str) -> None:
    good = example(kind)
    for metadata in ({"name": "demo", "namespce": "demo"}, {"name": "demo", "labels": {"a": 1}}):
        assert not partial_ok(bundle, kind, {**good, "metadata": metadata})
    changes: list[Json] = [{"specs": {}}, {"status": {}}, {"kind": "Other"}, {"apiVersion": "v0"}]
    for change in changes:
        assert not partial_ok(bundle, kind, {**good, **change})
    for left_out in {"apiVersion", "kind", "metadata", "spec"} & good.keys():
        lacking = {key: value for key, value in good.items() if key != left_out}
        assert partial_ok(bundle, kind, lacking)
        assert not complete_ok(bundle, kind, lacking)
    assert not complete_ok(bundle, kind, {**good, "metadata": {"namespace": "demo"}})


@pytest.mark.parametrize("bundle", KUBERNETES)
def test_typo_deep_in_a_deployment_is_refused(bundle: str) -> None:
    path = ("spec", "template", "spec", "containers", 0, "env", 0, "valueFrom", "configMapKeyRef")
    good = example("Deployment")
    node_at(good, path)["optional"] = True
    assert partial_ok(bundle, "Deployment", good)
    node_at(good, path)["optionl"] = True
    errors = list(validator(bundle, "Deployment", False).iter_errors(good))
    assert [tuple(error.absolute_path) for error in errors] == [path]


@pytest.mark.parametrize("bundle", KUBERNETES)
def test_partial_containers(bundle: str) -> None:
    good: list[Json] = [
        {},
        {"livenessProbe": None, "securityContext": {"capabilities": None}, "imagePullPolicy": None},
        {"env": [{"name": "LEVEL", "$patch": "delete"}], "ports": [{"containerPort": 80, "$patch": "delete"}]},
        {"resources": {"limits": {"cpu": 0.5, "memory": None}}, "readinessProbe": {"tcpSocket": {"port": None}}},
    ]
    bad: list[Json] = [
        {"env": [None]},
        {"args": [None]},
        {"env": [{"name": "LEVEL", "$patch": "replace"}]},
        {"readinessProbe": {"$patch": "delete"}},
        {"securityContext": {"capabilitys": {}}},
        {"imagePullPolicy": 1},
    ]
    assert [value for value in good if not partial_ok(bundle, "Container", value)] == []
    assert [value for value in bad if partial_ok(bundle, "Container", value)] == []


@pytest.mark.parametrize("bundle", KUBERNETES)
def test_complete_container_needs_a_name(bundle: str) -> None:
    assert complete_ok(bundle, "Container", {"name": "demo"})
    assert not complete_ok(bundle, "Container", {"image": "demo:1.0.0"})


@pytest.mark.parametrize("bundle", KUBERNETES)
def test_patch_is_for_lists_merged_by_key(bundle: str) -> None:
    merged = ["containers", "initContainers", "volumes", "imagePullSecrets", "hostAliases"]
    replaced = ["topologySpreadConstraints", "tolerations"]
    for field in [*merged, *replaced]:
        assert partial_ok(bundle, "PodSpec", {field: [{"$patch": "delete"}]}) == (field in merged), field


@pytest.mark.parametrize("bundle", KUBERNETES)
def test_template_metadata_needs_no_name_but_is_closed(bundle: str) -> None:
    assert complete_ok(bundle, "TemplateMetadata", {"labels": LABELS})
    assert not complete_ok(bundle, "TemplateMetadata", {"label": LABELS})


@pytest.mark.parametrize("bundle", ISTIO)
def test_istio_structures(bundle: str) -> None:
    route, policy = "HTTPRoute", "TrafficPolicy"
    assert partial_ok(bundle, route, {"timeout": None, "retries": None, "rewrite": {"uri": None}})
    assert partial_ok(bundle, "HTTPMatchRequest", {"uri": None})
    assert partial_ok(bundle, policy, {"loadBalancer": None, "outlierDetection": {"interval": "5s"}})
    assert not partial_ok(bundle, route, {"retries": {"attemps": 3}})
    assert not partial_ok(bundle, "HTTPMatchRequest", {"uri": {"exact": "/", "prefix": "/"}})
    assert not partial_ok(bundle, "HTTPMatchRequest", {"headers": {"x-test": None}})
    both = {"consistentHash": {"useSourceIp": True}, "simple": "RANDOM"}
    assert not partial_ok(bundle, policy, {"loadBalancer": both})
    assert not partial_ok(bundle, policy, {"loadBalancer": {"simple": "FASTEST"}})
    assert not complete_ok(bundle, "HTTPRouteDestination", {"weight": 100})
    assert {"Server", "TCPRoute", "Destination"} <= load(bundle)["$defs"].keys()


def test_releases_differ_where_upstream_does() -> None:
    certificates = {"tlsCertificates": [{"privateKey": "/key"}]}
    accepted = [bundle for bundle in ISTIO if partial_ok(bundle, "ServerTLSSettings", certificates)]
    assert accepted == ISTIO[1:]
    retry_budget = {"retryBudget": {"percent": 20}}
    assert [bundle for bundle in ISTIO if partial_ok(bundle, "TrafficPolicy", retry_budget)] == ISTIO[2:]
    rules: Json = {"restartPolicyRules": []}
    assert [bundle for bundle in KUBERNETES if partial_ok(bundle, "Container", rules)] == KUBERNETES[4:]


def test_prometheus_rule() -> None:
    bundle = "prometheus-operator.json"
    assert partial_ok(bundle, "Rule", {"for": None, "expr": 1})
    assert not partial_ok(bundle, "Rule", {"for": "5 minutes"})
    assert not partial_ok(bundle, "RuleGroup", {"partial_response_strategy": "ignore"})
    assert not complete_ok(bundle, "Rule", {"alert": "Down"})


def test_argo_cd_application() -> None:
    bundle = "argo-cd.json"
    assert partial_ok(bundle, "SyncPolicy", {"retry": {"refresh": True}, "automated": None})
    assert not partial_ok(bundle, "SyncPolicy", {"retry": {"refesh": True}})
    assert partial_ok(bundle, "ApplicationSource", {"helm": {"valuesObject": {"any": {"thing": 1}}}})
    assert not partial_ok(bundle, "ApplicationSource", {"directory": {"recursive": True}})
    assert not complete_ok(bundle, "ApplicationSpec", {"project": "default"})
