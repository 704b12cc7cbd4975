#!/usr/bin/env python3
"""Write the schema bundles in `schemas/` and their `PROVENANCE.md`.

To make everything again, from the root of the repository, with ruamel.yaml installed and `pip` and `go` on the machine:

    python scripts/bundle_schemas.py --out schemas [--structural DIR] [--downloads DIR] [--cel-rules FILE]

Inputs are pinned in the tables below and come from package registries: the wheel of `kubernetes-validate` for Kubernetes,
Go modules for the custom resources. Change a version there, run the script, read the diff: each definition is one line.
Two runs over the same inputs write the same bytes.

Some Istio releases are served by no registry. `--structural DIR` names a folder with closed structural schemas of them,
`DIR/<minor>/<kind>_v1.json`, standalone JSON Schemas of one kind each; without it their bundles are left as they are.

What a bundle is, beyond plain JSON Schema 2020-12:

* structure only: no descriptions, defaults, formats or CEL rules; no `status`; every object that names its properties is closed;
* it judges partial input as well as complete objects, so the keyword `required` is spelled `x-required`, which a standard
  validator ignores. Inside oneOf, anyOf, allOf and not it stays `required`: there it tells the branches of a union apart;
* an explicit null means "remove": every property accepts it, and so does every definition except the kinds themselves.
  List items and map values do not: where they are a $ref, a `type` beside the $ref takes null away again. Kubernetes' maps of
  texts and quantities are merged by key, so there a null value removes an entry;
* items of the pod's lists that Kubernetes merges by key accept `$patch: delete`;
* `bgen.container`, `bgen.pod` and `bgen.service` are the native objects as a spec takes them: less the fields that the
  compiler owns, and with labels and annotations where the object has metadata.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import TypeAlias

from ruamel.yaml import YAML

Json: TypeAlias = dict[str, Any]

KUBERNETES_VALIDATE = "1.37.0"
KUBERNETES_MINORS = range(30, 38)
KUBERNETES_KINDS = (
    "io.k8s.api.apps.v1.Deployment",
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    "io.k8s.api.batch.v1.Job",
    "io.k8s.api.core.v1.ConfigMap",
    "io.k8s.api.core.v1.Service",
    "io.k8s.api.core.v1.ServiceAccount",
    "io.k8s.api.policy.v1.PodDisruptionBudget",
)
# The owners whose keyed lists are merged with defaults. topologySpreadConstraints are always replaced whole.
MERGED_OWNERS = ("Container", "PodSpec")
NEVER_MERGED = "topologySpreadConstraints"

# What upstream leaves loose or spells as a oneOf that is true twice for null.
OVERRIDES: dict[str, Json] = {
    "Quantity": {"type": ["string", "integer", "number"]},
    "IntOrString": {"type": ["integer", "string"]},
}
# A pattern's flag in mid-expression is Go's alone; JSON Schema's dialect and Python's refuse it.
PATTERNS = {"^(?i)(abort|warn)?$": "^([Aa][Bb][Oo][Rr][Tt]|[Ww][Aa][Rr][Nn])?$"}
INT_OR_STRING_BRANCHES = [{"type": "integer"}, {"type": "string"}]

STRINGS: Json = {"type": "object", "additionalProperties": {"type": "string"}}
TEMPLATE_METADATA: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 253},
        "namespace": {"type": "string", "minLength": 1, "maxLength": 63},
        "labels": STRINGS,
        "annotations": STRINGS,
        "finalizers": {"type": "array", "items": {"type": "string"}},
    },
}
METADATA: Json = {**TEMPLATE_METADATA, "x-required": ["name"]}

BOUNDS = {f"{side}{what}" for side in ("min", "max") for what in ("imum", "Length", "Items", "Properties")}
KEPT = BOUNDS | {
    "type",
    "enum",
    "const",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "pattern",
    "uniqueItems",
    "multipleOf",
}
BRANCHES = ("allOf", "anyOf", "oneOf")


@dataclass(frozen=True)
class Custom:
    """A pinned release of a project's CustomResourceDefinitions and what to take from it."""

    bundle: str
    project: str
    module: str
    version: str
    path: str
    kinds: tuple[str, ...]
    served_version: str
    names: dict[str, str]
    commit: str = ""
    structural: str = ""  # the folder under --structural, for a release that no registry serves


# Where each named definition is found; `[]` is a list's item. Every equal structure elsewhere refers to it too.
ISTIO_NAMES = {
    "VirtualService.spec": "VirtualServiceSpec",
    "VirtualService.spec.http[]": "HTTPRoute",
    "VirtualService.spec.http[].match[]": "HTTPMatchRequest",
    "VirtualService.spec.http[].match[].uri": "StringMatch",
    "VirtualService.spec.http[].route[]": "HTTPRouteDestination",
    "VirtualService.spec.http[].route[].destination": "Destination",
    "VirtualService.spec.http[].route[].destination.port": "PortSelector",
    "VirtualService.spec.http[].headers": "Headers",
    "VirtualService.spec.http[].headers.request": "HeaderOperations",
    "VirtualService.spec.http[].corsPolicy": "CorsPolicy",
    "VirtualService.spec.http[].delegate": "Delegate",
    "VirtualService.spec.http[].directResponse": "HTTPDirectResponse",
    "VirtualService.spec.http[].fault": "HTTPFaultInjection",
    "VirtualService.spec.http[].mirrors[]": "HTTPMirrorPolicy",
    "VirtualService.spec.http[].mirrorPercentage": "Percent",
    "VirtualService.spec.http[].redirect": "HTTPRedirect",
    "VirtualService.spec.http[].retries": "HTTPRetry",
    "VirtualService.spec.http[].rewrite": "HTTPRewrite",
    "VirtualService.spec.tcp[]": "TCPRoute",
    "VirtualService.spec.tcp[].match[]": "L4MatchAttributes",
    "VirtualService.spec.tcp[].route[]": "RouteDestination",
    "VirtualService.spec.tls[]": "TLSRoute",
    "VirtualService.spec.tls[].match[]": "TLSMatchAttributes",
    "DestinationRule.spec": "DestinationRuleSpec",
    "DestinationRule.spec.subsets[]": "Subset",
    "DestinationRule.spec.trafficPolicy": "TrafficPolicy",
    "DestinationRule.spec.subsets[].trafficPolicy": "SubsetTrafficPolicy",
    "DestinationRule.spec.trafficPolicy.connectionPool": "ConnectionPoolSettings",
    "DestinationRule.spec.trafficPolicy.loadBalancer": "LoadBalancerSettings",
    "DestinationRule.spec.trafficPolicy.outlierDetection": "OutlierDetection",
    "DestinationRule.spec.trafficPolicy.portLevelSettings[]": "PortTrafficPolicy",
    "DestinationRule.spec.trafficPolicy.tls": "ClientTLSSettings",
    "Gateway.spec": "GatewaySpec",
    "Gateway.spec.servers[]": "Server",
    "Gateway.spec.servers[].port": "Port",
    "Gateway.spec.servers[].tls": "ServerTLSSettings",
}
PROMETHEUS_NAMES = {
    "PrometheusRule.spec": "PrometheusRuleSpec",
    "PrometheusRule.spec.groups[]": "RuleGroup",
    "PrometheusRule.spec.groups[].rules[]": "Rule",
}
ARGO_NAMES = {
    "Application.operation": "Operation",
    "Application.operation.sync.syncStrategy": "SyncStrategy",
    "Application.spec": "ApplicationSpec",
    "Application.spec.destination": "ApplicationDestination",
    "Application.spec.ignoreDifferences[]": "ResourceIgnoreDifferences",
    "Application.spec.info[]": "Info",
    "Application.spec.source": "ApplicationSource",
    "Application.spec.source.directory": "ApplicationSourceDirectory",
    "Application.spec.source.directory.jsonnet.tlas[]": "JsonnetVar",
    "Application.spec.source.helm": "ApplicationSourceHelm",
    "Application.spec.source.kustomize": "ApplicationSourceKustomize",
    "Application.spec.source.plugin": "ApplicationSourcePlugin",
    "Application.spec.sourceHydrator": "SourceHydrator",
    "Application.spec.syncPolicy": "SyncPolicy",
    "Application.spec.syncPolicy.automated": "SyncPolicyAutomated",
    "Application.spec.syncPolicy.retry": "RetryStrategy",
}


def istio(minor: str, version: str, commit: str = "", structural: str = "") -> Custom:
    """One pinned Istio release."""
    path, kinds = "kubernetes/customresourcedefinitions.gen.yaml", ("DestinationRule", "Gateway", "VirtualService")
    bundle = f"istio/{minor}.json"
    return Custom(bundle, "istio/api", "istio.io/api", version, path, kinds, "v1", ISTIO_NAMES, commit, structural)


CUSTOM = (
    istio("1.24", "v1.24.2"),
    istio("1.26", "v1.26.8", commit="04fd5ef", structural="1.26"),
    istio("1.28", "v1.28.10", commit="0b93120", structural="1.28"),
    istio("1.30", "v1.30.3", commit="2e43f07"),
    Custom(
        "prometheus-operator.json",
        "prometheus-operator",
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        ("PrometheusRule",),
        "v1",
        PROMETHEUS_NAMES,
    ),
    Custom(
        "argo-cd.json",
        "argo-cd",
        "github.com/argoproj/argo-cd/v3",
        "v3.5.7",
        "manifests/crds/application-crd.yaml",
        ("Application",),
        "v1alpha1",
        ARGO_NAMES,
    ),
)


# Cleaning: one upstream node becomes a bare node, structure only and without null anywhere.


def bare_type(types: str | list[str]) -> str | list[str]:
    """A `type` keyword without null, a lone type as a string."""
    left = [name for name in ([types] if isinstance(types, str) else types) if name != "null"]
    return left[0] if len(left) == 1 else left


def clean_branch(node: Json) -> Json:
    """A node inside oneOf, anyOf, allOf or not, where `required` decides.

    It says that it means objects: else a null, which is no object, would satisfy every branch of a oneOf at once.
    """
    out = {key: value for key, value in node.items() if key in KEPT}
    for key in BRANCHES:
        if key in node:
            out[key] = [clean_branch(branch) for branch in node[key]]
    if "not" in node:
        out["not"] = clean_branch(node["not"])
    if "required" in node:
        out |= {"required": sorted(node["required"]), "type": "object"}
    if unknown := node.keys() - KEPT - {*BRANCHES, "not", "required"}:
        raise ValueError(f"unexpected keywords in a union: {sorted(unknown)}")
    return out


def takes_null(branch: Json) -> bool:
    """Whether a cleaned branch is true for null."""
    if branch.keys() & {"type", "enum", "const"}:
        return False
    verdicts = [not takes_null(branch["not"])] if "not" in branch else []
    for key in BRANCHES:
        hits = [takes_null(sub) for sub in branch.get(key, ())]
        verdicts += [{"allOf": all(hits), "anyOf": any(hits), "oneOf": sum(hits) == 1}[key]] if hits else []
    return all(verdicts)


def clean_logic(node: Json) -> Json:
    """The unions of a node; what they say about null must not get in the way of removing the whole property."""
    found = {key: node[key] for key in (*BRANCHES, "not") if key in node}
    out = clean_branch(found)
    if not takes_null(out):
        raise ValueError(f"a union that null cannot pass: {json.dumps(found)}")
    return out


def clean(node: Json) -> Json:
    """One upstream node (OpenAPI v3 or JSON Schema) as a bare node, closed where it names its properties."""
    if node.get("x-kubernetes-int-or-string") or node.get("anyOf") == INT_OR_STRING_BRANCHES:
        return OVERRIDES["IntOrString"]
    out = {key: value for key, value in node.items() if key in KEPT}
    if "$ref" in node:
        out["$ref"] = node["$ref"]
    if "type" in out:
        out["type"] = bare_type(out["type"])
    if "enum" in out:
        out["enum"] = [value for value in out["enum"] if value is not None]
    if "pattern" in out:
        out["pattern"] = PATTERNS.get(out["pattern"], out["pattern"])
    if node.get("required"):
        out["x-required"] = sorted(node["required"])
    if "items" in node:
        out["items"] = clean(node["items"])
    if isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = clean(node["additionalProperties"])
    if "properties" in node:
        out["properties"] = {name: clean(sub) for name, sub in node["properties"].items()}
        if not node.get("x-kubernetes-preserve-unknown-fields"):
            out["additionalProperties"] = False
    return out | clean_logic(node)


def as_kind(node: Json, api_version: str, kind: str) -> Json:
    """A cleaned top-level object: envelope fixed, metadata shared, no status."""
    properties = {name: sub for name, sub in node["properties"].items() if name != "status"}
    properties |= {
        "apiVersion": {"const": api_version},
        "kind": {"const": kind},
        "metadata": {"$ref": "#/$defs/Metadata"},
    }
    required = {*node.get("x-required", ()), "apiVersion", "kind", "metadata", "spec"} & properties.keys()
    return {**node, "properties": properties, "x-required": sorted(required), "additionalProperties": False}


# Null: the last step turns bare definitions into those of a bundle.


def nullable(node: Json) -> Json:
    """The node, null accepted. A $ref is left alone, because definitions accept null themselves."""
    out = dict(node)
    if "type" in out:
        out["type"] = [*([out["type"]] if isinstance(out["type"], str) else out["type"]), "null"]
    if "enum" in out:
        out["enum"] = [*out["enum"], None]
    return out


def without_null(node: Json, bare: dict[str, Json]) -> Json:
    """A list item or map value: where it refers to a definition, the bare type beside the $ref refuses null."""
    if "$ref" not in node:
        return with_null_properties(node, bare)
    return {**node, "type": bare[node["$ref"].rsplit("/", 1)[1]]["type"]}


def with_null_properties(node: Json, bare: dict[str, Json]) -> Json:
    """The node with every property below it accepting null, constants and $patch excepted."""
    out = dict(node)
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            out[key] = without_null(node[key], bare)
    if "properties" in node:
        subs = {name: with_null_properties(sub, bare) for name, sub in node["properties"].items()}
        out["properties"] = {name: sub if name == "$patch" else nullable(sub) for name, sub in subs.items()}
    return out


def finish(bare: dict[str, Json], kinds: set[str]) -> dict[str, Json]:
    """Bare definitions as those of a bundle."""
    done = {name: with_null_properties(node, bare) for name, node in bare.items()}
    return {name: node if name in kinds else nullable(node) for name, node in done.items()}


# Kubernetes


def refs(node: Any) -> Iterator[str]:
    """The names of the definitions that a node refers to."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rsplit("/", 1)[1]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def reachable(definitions: dict[str, Json], roots: tuple[str, ...]) -> dict[str, Json]:
    """The definitions that the roots reach."""
    todo, found = list(roots), dict[str, Json]()
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = definitions[name]
            todo += refs(definitions[name])
    return found


def short_names(names: list[str]) -> dict[str, str]:
    """Long names to their last segment; two that share it keep group and version (autoscaling.v2.X)."""
    last = [name.rsplit(".", 1)[1] for name in names]
    return {
        name: short if last.count(short) == 1 else ".".join(name.split(".")[-3:]) for name, short in zip(names, last, strict=True)
    }


def renamed(node: Any, names: dict[str, str]) -> Any:
    """The node with its references under the short names."""
    if isinstance(node, list):
        return [renamed(value, names) for value in node]
    if not isinstance(node, dict):
        return node
    return {
        key: f"#/$defs/{names[value.rsplit('/', 1)[1]]}" if key == "$ref" else renamed(value, names)
        for key, value in node.items()
    }


def merge_keys(upstream: dict[str, Json]) -> dict[str, str]:
    """`Owner.field` to patch merge key, for every list that Kubernetes merges by key."""
    return {
        f"{owner.rsplit('.', 1)[1]}.{field}": sub["x-kubernetes-patch-merge-key"]
        for owner, node in upstream.items()
        for field, sub in node.get("properties", {}).items()
        if "x-kubernetes-patch-merge-key" in sub
    }


def allow_patch(bare: dict[str, Json], keys: dict[str, str]) -> None:
    """Let the items of the pod's merged lists say `$patch: delete`."""
    for owner, field in (name.split(".") for name in keys):
        if owner in MERGED_OWNERS and field != NEVER_MERGED:
            item = bare[bare[owner]["properties"][field]["items"]["$ref"].rsplit("/", 1)[1]]
            item["properties"] = item["properties"] | {"$patch": {"enum": ["delete"]}}


def with_null_values(node: Any) -> Any:
    """The node with the values of its maps accepting null."""
    if isinstance(node, list):
        return [with_null_values(value) for value in node]
    if not isinstance(node, dict):
        return node
    out = {key: with_null_values(value) for key, value in node.items()}
    values = out.get("additionalProperties")
    if isinstance(values, dict):
        out["additionalProperties"] = {"$ref": values["$ref"]} if "$ref" in values else nullable(values)
    return out


def kubernetes_kind(name: str, node: Json) -> Json:
    """A cleaned kind of Kubernetes; its group is read off upstream's own annotation."""
    gvk = node["x-kubernetes-group-version-kind"][0]
    api_version = "/".join(filter(None, (gvk["group"], gvk["version"])))
    return as_kind(clean(node), api_version, gvk["kind"])


def kubernetes_definitions(upstream: dict[str, Json]) -> tuple[dict[str, Json], dict[str, str]]:
    """The definitions of one Kubernetes bundle, and the merge keys of the lists in them."""
    template = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    kinds = {name: kubernetes_kind(name, upstream[name]) for name in KUBERNETES_KINDS}
    pool = {name: clean(node) for name, node in upstream.items() if name.rsplit(".", 1)[1] not in OVERRIDES}
    pool |= {name: OVERRIDES[name.rsplit(".", 1)[1]] for name in upstream.keys() - pool.keys()}
    pool |= kinds | {template: TEMPLATE_METADATA, "Metadata": METADATA}
    found = reachable(pool, KUBERNETES_KINDS)
    names = short_names([name for name in found if name != "Metadata"])
    names |= {template: "TemplateMetadata", "Metadata": "Metadata"}
    if len(set(names.values())) != len(names):
        raise ValueError("two definitions share a short name")
    bare = {names[name]: renamed(node, names) for name, node in found.items()}
    keys = merge_keys({name: node for name, node in upstream.items() if name in found})
    allow_patch(bare, keys)
    done = finish(bare, {names[name] for name in KUBERNETES_KINDS})
    enumerate_words(done)
    whole: dict[str, Json] = with_null_values(done | spec_parts(done))
    return whole, keys


# Words that the API server takes and upstream's schemas leave open (Kubernetes API reference). null removes.
ENUMS = {
    "Container.imagePullPolicy": "Always IfNotPresent Never",
    "Container.terminationMessagePolicy": "File FallbackToLogsOnError",
    "ContainerPort.protocol": "TCP UDP SCTP",
    "DeploymentStrategy.type": "Recreate RollingUpdate",
    "HPAScalingPolicy.type": "Pods Percent",
    "HPAScalingRules.selectPolicy": "Max Min Disabled",
    "HTTPGetAction.scheme": "HTTP HTTPS",
    "LabelSelectorRequirement.operator": "In NotIn Exists DoesNotExist",
    "MetricSpec.type": "ContainerResource External Object Pods Resource",
    "MetricTarget.type": "AverageValue Utilization Value",
    "PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy": "AlwaysAllow IfHealthyBudget",
    "PodSpec.dnsPolicy": "ClusterFirst ClusterFirstWithHostNet Default None",
    "PodSpec.preemptionPolicy": "Never PreemptLowerPriority",
    "SeccompProfile.type": "Localhost RuntimeDefault Unconfined",
    "ServicePort.protocol": "TCP UDP SCTP",
    "ServiceSpec.externalTrafficPolicy": "Cluster Local",
    "ServiceSpec.internalTrafficPolicy": "Cluster Local",
    "ServiceSpec.ipFamilyPolicy": "PreferDualStack RequireDualStack SingleStack",
    "ServiceSpec.sessionAffinity": "ClientIP None",
    "ServiceSpec.type": "ClusterIP ExternalName LoadBalancer NodePort",
    "Toleration.effect": "NoExecute NoSchedule PreferNoSchedule",
    "TopologySpreadConstraint.whenUnsatisfiable": "DoNotSchedule ScheduleAnyway",
    "VolumeMount.mountPropagation": "Bidirectional HostToContainer None",
}


# Label names and values, as the API server's validation has them.
LABELS: Json = {
    "type": ["object", "null"],
    "propertyNames": {
        "pattern": "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$",
        "maxLength": 317,
    },
    "additionalProperties": {
        "type": "string",
        "maxLength": 63,
        "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
    },
}
NAME: Json = {"type": ["string", "null"], "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}
PORT: Json = {"type": ["integer", "null"], "minimum": 1, "maximum": 65535}
# What the API server checks in code, and where a mistake is likely.
CLOSED: dict[str, Json] = {
    "Container.name": NAME,
    "ContainerPort.containerPort": PORT,
    "ContainerPort.hostPort": PORT,
    "PodSpec.nodeSelector": LABELS,
    "Volume.name": NAME,
}


def enumerate_words(done: dict[str, Json]) -> None:
    """Close the fields of ENUMS and CLOSED."""
    for place, node in CLOSED.items():
        name, _, field = place.partition(".")
        done[name]["properties"][field] = node
    for place, words in ENUMS.items():
        name, _, field = place.partition(".")
        node = done[name]["properties"][field]
        done[name]["properties"][field] = node | {"enum": [*words.split(), None]}


def part(definition: Json, without: set[str], extra: dict[str, Json]) -> Json:
    """A native object as the spec takes it: less the fields that the compiler owns, more those of its metadata."""
    properties = {name: sub for name, sub in definition["properties"].items() if name not in without}
    return {"type": "object", "additionalProperties": False, "properties": properties | extra}


def spec_parts(done: dict[str, Json]) -> dict[str, Json]:
    """`bgen.container`, `bgen.pod` and `bgen.service`: what the fields of those names in a spec may hold."""
    names = {"propertyNames": LABELS["propertyNames"]}
    texts = {"labels": LABELS, "annotations": done["TemplateMetadata"]["properties"]["annotations"] | names}
    account = {"serviceAccount", "serviceAccountName"}
    return {
        "bgen.container": part(done["Container"], {"image", "$patch"}, {}),
        "bgen.pod": part(done["PodSpec"], account | {"restartPolicy", "ephemeralContainers"}, texts),
        "bgen.service": part(done["ServiceSpec"], {"ports", "selector"}, texts),
    }


# Custom resources


def canonical(node: Json) -> str:
    """Equal text for equal structures."""
    return json.dumps(node, sort_keys=True)


def at(kinds: dict[str, Json], path: str) -> Json:
    """The node that a path of the name tables leads to."""
    kind, *fields = path.split(".")
    node = kinds[kind]
    for field in fields:
        node = node["properties"][field.removesuffix("[]")]
        node = node["items"] if field.endswith("[]") else node
    return node


def shared(node: Any, names: dict[str, str]) -> Any:
    """The node with every structure that has a name replaced by a reference to it."""
    if isinstance(node, list):
        return [shared(value, names) for value in node]
    if not isinstance(node, dict):
        return node
    if (name := names.get(canonical(node))) is not None:
        return {"$ref": f"#/$defs/{name}"}
    return {key: shared(value, names) for key, value in node.items()}


def lift(kinds: dict[str, Json], table: dict[str, str]) -> dict[str, Json]:
    """Definitions for the kinds and the structures the table names; of two names for one structure the first holds."""
    found: dict[str, Json] = {}
    names: dict[str, str] = {}
    for path, name in table.items():
        node = at(kinds, path)
        if names.setdefault(canonical(node), name) == name:
            found[name] = node
    # The node itself carries the name, so the search for names starts one level below it.
    return {name: {key: shared(value, names) for key, value in node.items()} for name, node in (found | kinds).items()}


def custom_definitions(roots: dict[str, tuple[str, Json]], table: dict[str, str]) -> dict[str, Json]:
    """The definitions of a bundle of custom resources, from kind to (apiVersion, upstream schema)."""
    kinds = {kind: as_kind(clean(node), api, kind) for kind, (api, node) in roots.items()}
    return finish(lift(kinds, table) | {"Metadata": METADATA}, set(kinds))


def from_crds(text: str, release: Custom) -> dict[str, tuple[str, Json]]:
    """The kinds of a release in a stream of CustomResourceDefinitions."""
    found: dict[str, tuple[str, Json]] = {}
    for document in YAML(typ="safe").load_all(text):
        spec = (document or {}).get("spec", {})
        kind = spec.get("names", {}).get("kind")
        for version in spec.get("versions", ()):
            if kind in release.kinds and version["name"] == release.served_version:
                found[kind] = (f"{spec['group']}/{version['name']}", version["schema"]["openAPIV3Schema"])
    if missing := set(release.kinds) - found.keys():
        raise ValueError(f"{release.bundle}: no {sorted(missing)} in {release.path}")
    return found


def from_structural(texts: dict[str, str]) -> dict[str, tuple[str, Json]]:
    """The kinds of a release in standalone structural schemas, by kind."""
    documents = {kind: json.loads(text) for kind, text in texts.items()}
    return {kind: (node["properties"]["apiVersion"]["const"], node) for kind, node in documents.items()}


def cel_rules(node: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """Path, rule and message of every CEL rule, which JSON Schema cannot express."""
    for rule in node.get("x-kubernetes-validations", ()):
        yield path, rule["rule"], rule.get("message", "")
    for name, sub in node.get("properties", {}).items():
        yield from cel_rules(sub, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(node.get(key), dict):
            yield from cel_rules(node[key], path + mark)


# Inputs


def sha256(data: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(data).hexdigest()


def download_wheel(folder: Path) -> Path:
    """The wheel of kubernetes-validate."""
    pin = f"kubernetes-validate=={KUBERNETES_VALIDATE}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), pin]
    subprocess.run(command, check=True)
    return next(folder.glob(f"kubernetes_validate-{KUBERNETES_VALIDATE}-*.whl"))


def download_module(release: Custom, folder: Path) -> tuple[bytes, str]:
    """The file of a release in its Go module, and the module's own checksum."""
    cache = folder / "gomod"
    cache.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "GOMODCACHE": str(cache.resolve()), "GOFLAGS": "-modcacherw"}
    command = ["go", "mod", "download", "-json", f"{release.module}@{release.version}"]
    ran = subprocess.run(command, cwd=folder, env=env, check=False, capture_output=True, text=True)
    facts = json.loads(ran.stdout or "{}")
    if ran.returncode != 0 or "Zip" not in facts:
        raise SystemExit(f"{release.module}@{release.version}: {facts.get('Error') or ran.stderr}")
    with zipfile.ZipFile(facts["Zip"]) as archive:
        return archive.read(f"{release.module}@{release.version}/{release.path}"), facts["Sum"]


# Outputs


def write_bundle(path: Path, comment: str, definitions: dict[str, Json]) -> None:
    """A bundle: compact, keys sorted, one line for each definition so that a diff says which one changed."""

    def dense(value: Any) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    lines = ",\n".join(f"{dense(name)}:{dense(definitions[name])}" for name in sorted(definitions))
    head, tail = f'{{"$comment":{dense(comment)},\n"$defs":{{\n', "https://json-schema.org/draft/2020-12/schema"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{head}{lines}\n}},\n"$schema":{dense(tail)}}}\n', encoding="utf-8", newline="\n")
    print(f"{path}: {len(definitions)} definitions, {path.stat().st_size} bytes")


def bundle_kubernetes(out: Path, downloads: Path) -> None:
    """All Kubernetes bundles; prints the merge keys of the newest."""
    wheel = download_wheel(downloads)
    digest = sha256(wheel.read_bytes())
    keys: dict[str, str] = {}
    with zipfile.ZipFile(wheel) as archive:
        for minor in KUBERNETES_MINORS:
            folder = f"kubernetes_validate/kubernetes-json-schema/v1.{minor}.0-local-strict"
            upstream = json.loads(archive.read(f"{folder}/_definitions.json"))["$defs"]
            definitions, keys = kubernetes_definitions(upstream)
            source = f"kubernetes-validate {KUBERNETES_VALIDATE} {Path(folder).name}/_definitions.json"
            comment = f"Kubernetes v1.{minor}.0; Apache-2.0; {source}; wheel sha256 {digest}"
            write_bundle(out / f"kubernetes/1.{minor}.json", comment, definitions)
    for name, key in sorted(keys.items()):
        print(f"merge key: {name}: {key}")


def bundle_module(release: Custom, out: Path, downloads: Path) -> list[str]:
    """One bundle from a Go module; returns its CEL rules as text."""
    data, checksum = download_module(release, downloads)
    roots = from_crds(data.decode(), release)
    commit = f"commit {release.commit}, " if release.commit else ""
    fingerprint = f"{commit}module {checksum}, file sha256 {sha256(data)}"
    comment = f"{release.project} {release.version}; Apache-2.0; {release.path}; {fingerprint}"
    write_bundle(out / release.bundle, comment, custom_definitions(roots, release.names))
    rules = [rule for kind, (_, node) in sorted(roots.items()) for rule in cel_rules(node, kind)]
    return [f"{release.project} {release.version}", *("\t".join(rule) for rule in rules), ""]


def bundle_structural(release: Custom, out: Path, folder: Path | None) -> None:
    """One bundle from structural schemas, or the bundle that is there left as it is."""
    target = out / release.bundle
    if folder is None:
        if not target.exists():
            raise SystemExit(f"{target} is missing and can only be made with --structural")
        print(f"{target}: left as it is, no --structural")
        return
    files = {kind: folder / release.structural / f"{kind.lower()}_v1.json" for kind in release.kinds}
    texts = {kind: path.read_text(encoding="utf-8") for kind, path in files.items()}
    source = f"structural schemas of {release.path}"
    fingerprint = f"commit {release.commit}, files sha256 {sha256(''.join(texts.values()).encode())}"
    comment = f"{release.project} {release.version}; Apache-2.0; {source}; {fingerprint}"
    write_bundle(target, comment, custom_definitions(from_structural(texts), release.names))


PROVENANCE = """\
# Where the schemas come from

Facts about the structure of Kubernetes objects and custom resources, one bundle a release. Made by
`scripts/bundle_schemas.py`, whose docstring says what a bundle is and how to make all of them again; this file and the
bundles are its output, do not edit them. Descriptions, defaults, formats and `status` are left out.

| bundle | project and version | licence | made from | fingerprint of the input |
|---|---|---|---|---|
"""
PROVENANCE_END = """
`structural schemas of` marks the Istio releases whose Go module no registry serves: they were converted from closed
structural schemas of the same file, which give the same bundle as the file itself where both can be had.
"""


def write_provenance(out: Path) -> None:
    """PROVENANCE.md out of the bundles' own comments, so that a bundle left as it is keeps its row."""
    bundles = [*(f"kubernetes/1.{minor}.json" for minor in KUBERNETES_MINORS), *(release.bundle for release in CUSTOM)]
    rows = []
    for bundle in bundles:
        comment = json.loads((out / bundle).read_text(encoding="utf-8"))["$comment"]
        rows.append(f"| {bundle} | {' | '.join(comment.split('; '))} |\n")
    text = PROVENANCE + "".join(rows) + PROVENANCE_END
    (out / "PROVENANCE.md").write_text(text, encoding="utf-8", newline="\n")


def bundle_all(out: Path, downloads: Path, structural: Path | None) -> list[str]:
    """Every bundle and the provenance; returns the CEL rules of the custom resources as lines."""
    downloads.mkdir(parents=True, exist_ok=True)
    bundle_kubernetes(out, downloads)
    rules: list[str] = []
    for release in CUSTOM:
        if release.structural:
            bundle_structural(release, out, structural)
        else:
            rules += bundle_module(release, out, downloads)
    write_provenance(out)
    return rules


def main() -> None:
    """Command line."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--out", type=Path, default=Path("schemas"), help="folder to write (default: schemas)")
    cli.add_argument("--structural", type=Path, help="folder of structural schemas for releases no registry serves")
    cli.add_argument("--downloads", type=Path, help="folder that keeps the downloads (default: a temporary one)")
    cli.add_argument("--cel-rules", type=Path, help="also write the CEL rules of the custom resources to this file")
    args = cli.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rules = bundle_all(args.out, args.downloads or Path(scratch), args.structural)
    if args.cel_rules:
        args.cel_rules.write_text("\n".join(rules) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
