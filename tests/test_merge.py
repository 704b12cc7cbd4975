"""How the layers of a spec become one, and where a merged value was written."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from bgen.merge import MERGE_KEYS
from bgen.merge import merge
from bgen.merge import override
from bgen.merge import settle
from bgen.merge import trace

from .conftest import drawn

HTTP = {"httpGet": {"path": "/", "port": 80}}
TCP = {"tcpSocket": {"port": 80}}
DELETE = {"$patch": "delete"}

# field, base, over, merged
MERGES: list[tuple[str, Any, Any, Any]] = [
    # What changes nothing.
    ("", {}, {}, {}),
    ("", {"a": 1}, {}, {"a": 1}),
    ("", {"a": [1]}, {}, {"a": [1]}),
    ("", {"a": 1}, {"a": 1}, {"a": 1}),
    ("", {"a": 1}, {"b": None}, {"a": 1}),
    ("env", [{"name": "a", "value": "1"}], [], [{"name": "a", "value": "1"}]),
    ("env", [{"name": "a"}], [{"name": "b", **DELETE}], [{"name": "a"}]),
    # Mappings are merged deep, in the order of the lower layer.
    ("", {}, {"a": 1}, {"a": 1}),
    ("", {"a": 1, "b": 2}, {"b": 3, "c": 4, "a": 5}, {"a": 5, "b": 3, "c": 4}),
    ("", {"a": {"b": {"c": 1}}}, {"a": {"b": {"d": 2}}}, {"a": {"b": {"c": 1, "d": 2}}}),
    ("", {"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}),
    ("", {"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ("", {"a": {"b": 1}}, {"a": 2}, {"a": 2}),
    ("", {"a": {"b": 1}}, {"a": []}, {"a": []}),
    ("", {"a": ""}, {"a": False}, {"a": False}),
    # An explicit null removes.
    ("", {"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    ("", {"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
    ("", {"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
    ("", {}, {"a": {"b": None}}, {"a": {}}),
    ("", {"a": 1}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
    ("", {}, {"a": [{"b": None, "c": 1}]}, {"a": [{"c": 1}]}),
    ("env", [{"name": "a", "value": "1"}], [{"name": "a", "value": None}], [{"name": "a"}]),
    # Lists that Kubernetes merges by key.
    (
        "env",
        [{"name": "a", "value": "1"}],
        [{"name": "b", "value": "2"}],
        [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
    ),
    ("env", [{"name": "a", "value": "1"}], [{"name": "a", "value": "2"}], [{"name": "a", "value": "2"}]),
    (
        "env",
        [{"name": "a"}, {"name": "b"}],
        [{"name": "b", "value": "1"}],
        [{"name": "a"}, {"name": "b", "value": "1"}],
    ),
    ("env", [{"name": "a"}, {"name": "b"}], [{"name": "a", **DELETE}], [{"name": "b"}]),
    ("env", [{"name": "a"}], [{"name": "a", **DELETE}, {"name": "a", "value": "n"}], [{"name": "a", "value": "n"}]),
    ("env", [], [{"name": "a", **DELETE}], []),
    (
        "containers",
        [{"name": "a", "image": "i", "args": ["x"]}],
        [{"name": "a", "args": ["y"]}],
        [{"name": "a", "image": "i", "args": ["y"]}],
    ),
    (
        "containers",
        [{"name": "a", "env": [{"name": "e"}]}],
        [{"name": "a", "env": [{"name": "e", **DELETE}]}],
        [{"name": "a", "env": []}],
    ),
    ("initContainers", [{"name": "a"}], [{"name": "b"}], [{"name": "a"}, {"name": "b"}]),
    (
        "volumes",
        [{"name": "a", "emptyDir": {}}],
        [{"name": "b", "emptyDir": {}}],
        [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}],
    ),
    (
        "volumeMounts",
        [{"name": "a", "mountPath": "/a"}],
        [{"name": "b", "mountPath": "/a"}],
        [{"name": "b", "mountPath": "/a"}],
    ),
    (
        "volumeMounts",
        [{"name": "a", "mountPath": "/a"}],
        [{"name": "a", "mountPath": "/b"}],
        [{"name": "a", "mountPath": "/a"}, {"name": "a", "mountPath": "/b"}],
    ),
    ("volumeDevices", [{"name": "a", "devicePath": "/d"}], [{"devicePath": "/d", **DELETE}], []),
    (
        "hostAliases",
        [{"ip": "1.1.1.1", "hostnames": ["a"]}],
        [{"ip": "1.1.1.1", "hostnames": ["b"]}],
        [{"ip": "1.1.1.1", "hostnames": ["b"]}],
    ),
    ("imagePullSecrets", [{"name": "a"}], [{"name": "b"}], [{"name": "a"}, {"name": "b"}]),
    (
        "resourceClaims",
        [{"name": "a", "resourceClaimName": "x"}],
        [{"name": "a", "resourceClaimName": "y"}],
        [{"name": "a", "resourceClaimName": "y"}],
    ),
    ("schedulingGates", [{"name": "a"}], [{"name": "a", **DELETE}], []),
    # One number may be open for TCP and for UDP; TCP is what Kubernetes takes when nothing is said.
    (
        "ports",
        [{"containerPort": 1, "name": "a"}],
        [{"containerPort": 1, "name": "b"}],
        [{"containerPort": 1, "name": "b"}],
    ),
    (
        "ports",
        [{"containerPort": 1}],
        [{"containerPort": 1, "protocol": "TCP"}],
        [{"containerPort": 1, "protocol": "TCP"}],
    ),
    (
        "ports",
        [{"containerPort": 1}],
        [{"containerPort": 1, "protocol": "UDP"}],
        [{"containerPort": 1}, {"containerPort": 1, "protocol": "UDP"}],
    ),
    (
        "ports",
        [{"containerPort": 1, "protocol": "UDP"}, {"containerPort": 1}],
        [{"containerPort": 1, **DELETE}],
        [{"containerPort": 1, "protocol": "UDP"}],
    ),
    # Every other list is replaced whole.
    ("", {"args": ["a", "b"]}, {"args": ["c"]}, {"args": ["c"]}),
    ("", {"args": ["a"]}, {"args": []}, {"args": []}),
    ("", {"drop": ["ALL"]}, {"drop": ["NET_RAW"]}, {"drop": ["NET_RAW"]}),
    (
        "",
        {"envFrom": [{"configMapRef": {"name": "a"}}]},
        {"envFrom": [{"secretRef": {"name": "b"}}]},
        {"envFrom": [{"secretRef": {"name": "b"}}]},
    ),
    ("", {"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, {"tolerations": [{"key": "b"}]}),
    (
        "",
        {"topologySpreadConstraints": [{"topologyKey": "a"}]},
        {"topologySpreadConstraints": [{"topologyKey": "b"}]},
        {"topologySpreadConstraints": [{"topologyKey": "b"}]},
    ),
    ("", {"metrics": [{"type": "Pods"}]}, {"metrics": [{"type": "Object"}]}, {"metrics": [{"type": "Object"}]}),
    # Of a union one member survives.
    (
        "",
        {"readinessProbe": {**TCP, "periodSeconds": 5}},
        {"readinessProbe": HTTP},
        {"readinessProbe": {"periodSeconds": 5, **HTTP}},
    ),
    (
        "",
        {"livenessProbe": {"exec": {"command": ["a"]}}},
        {"livenessProbe": {"grpc": {"port": 1}}},
        {"livenessProbe": {"grpc": {"port": 1}}},
    ),
    ("", {"startupProbe": TCP}, {"startupProbe": {"periodSeconds": 5}}, {"startupProbe": {**TCP, "periodSeconds": 5}}),
    (
        "",
        {"readinessProbe": HTTP},
        {"readinessProbe": {"httpGet": {"path": "/b"}}},
        {"readinessProbe": {"httpGet": {"path": "/b"}}},
    ),
    ("", {"readinessProbe": TCP}, {"readinessProbe": {"tcpSocket": None}}, {"readinessProbe": {}}),
    ("", {"readinessProbe": TCP}, {"readinessProbe": None}, {}),
    (
        "",
        {"lifecycle": {"preStop": {"sleep": {"seconds": 10}}}},
        {"lifecycle": {"preStop": HTTP}},
        {"lifecycle": {"preStop": HTTP}},
    ),
    (
        "",
        {"lifecycle": {"preStop": {"sleep": {"seconds": 10}}}},
        {"lifecycle": {"postStart": TCP}},
        {"lifecycle": {"preStop": {"sleep": {"seconds": 10}}, "postStart": TCP}},
    ),
    (
        "env",
        [{"name": "a", "value": "1"}],
        [{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "p"}}}],
        [{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "p"}}}],
    ),
    (
        "env",
        [{"name": "a", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        [{"name": "a", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}],
        [{"name": "a", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}],
    ),
    (
        "volumes",
        [{"name": "a", "emptyDir": {"sizeLimit": "1Gi"}}],
        [{"name": "a", "configMap": {"name": "c"}}],
        [{"name": "a", "configMap": {"name": "c"}}],
    ),
    ("volumes", [{"name": "a", "emptyDir": {}}], [{"name": "a"}], [{"name": "a", "emptyDir": {}}]),
    (
        "",
        {"loadBalancer": {"simple": "LEAST_REQUEST", "warmup": {"duration": "1s"}}},
        {"loadBalancer": {"consistentHash": {"useSourceIp": True}}},
        {"loadBalancer": {"warmup": {"duration": "1s"}, "consistentHash": {"useSourceIp": True}}},
    ),
    (
        "podDisruptionBudget",
        {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
        {"minAvailable": 2},
        {"unhealthyPodEvictionPolicy": "AlwaysAllow", "minAvailable": 2},
    ),
    ("podDisruptionBudget", {"maxUnavailable": 1}, {"maxUnavailable": "50%"}, {"maxUnavailable": "50%"}),
    # The fields of one strategy type mean nothing to another.
    (
        "",
        {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
        {"strategy": {"type": "Recreate"}},
        {"strategy": {"type": "Recreate"}},
    ),
    (
        "",
        {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}},
        {"strategy": {"rollingUpdate": {"maxSurge": 2}}},
        {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}},
    ),
    (
        "",
        {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
        {"strategy": {"type": "RollingUpdate"}},
        {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
    ),
]


@pytest.mark.parametrize("field, base, over, merged", MERGES)
def test_merge(field, base, over, merged):
    before = copy.deepcopy((base, over))
    found = merge(base, over, field)
    # repr, because the order of the keys is the order of the output, and 1 == True.
    assert repr(found) == repr(merged)
    assert (base, over) == before


SETTLED: list[tuple[Any, Any]] = [
    (None, None),
    ({"a": 1}, {"a": 1}),
    ({"a": None}, {}),
    ({"a": {"b": None}}, {"a": {}}),
    ([{"a": None}], [{}]),
    ([{"name": "a", "$patch": "delete"}, {"name": "b"}], [{"name": "b"}]),
    ({"a": [[{"b": None}]]}, {"a": [[{}]]}),
    ({"a": "", "b": 0, "c": [], "d": {}, "e": False}, {"a": "", "b": 0, "c": [], "d": {}, "e": False}),
]


@pytest.mark.parametrize("value, settled", SETTLED)
def test_a_layer_with_nothing_below_it_loses_its_nulls_and_deletions(value, settled):
    assert repr(settle(value)) == repr(settled)


REMOVE = {"headers": {"request": {"remove": ["x-a"]}}}
OVERRIDES: list[tuple[Any, Any, Any]] = [
    ({"timeout": "1s"}, None, {"timeout": "1s"}),
    ({"timeout": "1s"}, {}, {"timeout": "1s"}),
    ({"timeout": "1s", "retries": {"attempts": 1}}, {"timeout": "2s"}, {"timeout": "2s", "retries": {"attempts": 1}}),
    ({"retries": {"attempts": 3, "retryOn": "5xx"}}, {"retries": {"attempts": 0}}, {"retries": {"attempts": 0}}),
    ({"timeout": "1s"}, {"timeout": None}, {}),
    ({}, {"fault": {"abort": {}}}, {"fault": {"abort": {}}}),
    (
        REMOVE,
        {"headers": {"response": {"set": {"x-b": "1"}}}},
        {"headers": {"request": {"remove": ["x-a"]}, "response": {"set": {"x-b": "1"}}}},
    ),
    (
        REMOVE,
        {"headers": {"request": {"remove": ["x-b", "x-a"]}}},
        {"headers": {"request": {"remove": ["x-a", "x-b"]}}},
    ),
    (
        REMOVE,
        {"headers": {"request": {"set": {"x-b": "1"}}}},
        {"headers": {"request": {"remove": ["x-a"], "set": {"x-b": "1"}}}},
    ),
    (
        {"headers": {"response": {"set": {"x-a": "1", "x-b": "1"}}}},
        {"headers": {"response": {"set": {"x-a": "2"}}}},
        {"headers": {"response": {"set": {"x-a": "2", "x-b": "1"}}}},
    ),
    (REMOVE, {"headers": None}, {}),
    (REMOVE, {"headers": {"request": None}}, {"headers": {}}),
]


@pytest.mark.parametrize("fields, own, merged", OVERRIDES)
def test_a_field_of_a_rule_is_replaced_whole_but_headers_unite(fields, own, merged):
    before = copy.deepcopy((fields, own))
    assert override(fields, own) == merged
    assert (fields, own) == before


LEAVES = st.one_of(st.none(), st.integers(0, 2), st.sampled_from(["x", ""]))
# Each with the key of `env` and of `ports`, no two alike.
ENTRIES = st.builds(
    lambda name, more: {"name": name, "containerPort": ord(name), **more},
    st.sampled_from("abc"),
    st.fixed_dictionaries({}, optional={"value": LEAVES, "$patch": st.just("delete")}),
)
KEYED = st.lists(ENTRIES, max_size=3, unique_by=lambda entry: entry["name"])
LAYERS = st.recursive(
    st.fixed_dictionaries({}, optional={"a": LEAVES, "args": st.lists(st.integers(0, 2), max_size=2), "env": KEYED}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "a": st.one_of(LEAVES, inner),
            "args": st.lists(inner, max_size=2),
            "ports": KEYED,
            "readinessProbe": st.fixed_dictionaries({}, optional={"exec": inner, "grpc": inner, "periodSeconds": LEAVES}),
            "strategy": st.fixed_dictionaries({}, optional={"type": st.sampled_from("xy"), "rollingUpdate": inner}),
        },
    ),
    max_leaves=4,
)


def _leaves(value: Any) -> list[Any]:
    if type(value) is dict:
        return [leaf for entry in value.values() for leaf in _leaves(entry)]
    return [leaf for entry in value for leaf in _leaves(entry)] if type(value) is list else [value]


@settings(max_examples=drawn(300), deadline=None)
@given(LAYERS, LAYERS, LAYERS)
def test_merging_leaves_no_null_no_deletion_and_its_layers_as_they_were(one, two, three):
    layers = copy.deepcopy((one, two, three))
    merged = merge(merge(settle(one), two), three)
    assert (one, two, three) == layers
    assert None not in _leaves(merged)
    assert "delete" not in _leaves(merged)
    # An empty layer changes nothing, and the same layer once more changes nothing either.
    assert merge(merged, {}) == merged
    assert merge(merge(settle(one), settle(two)), settle(two)) == merge(settle(one), settle(two))


SHARED = {
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "ports": [{"containerPort": 1, "protocol": "UDP"}, {"containerPort": 1}],
    "args": ["x", "y"],
    "readinessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 5},
}
OWN = {
    "env": [{"name": "C", "value": "3"}, {"name": "B", "value": "4"}],
    "args": ["z"],
    "readinessProbe": {"httpGet": {"path": "/", "port": 2}},
    "resources": {"limits": {"cpu": 1}},
}
DEFAULT = {"name": "app", "env": [{"name": "D", "value": "0"}], "readinessProbe": {"failureThreshold": 3}}
MERGED = merge(merge(DEFAULT, SHARED), OWN)
LAYERED = [(("container",), SHARED), (("slots", "blue", "container"), OWN)]
BLUE = ("slots", "blue", "container")
TRACES: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = [
    ((), BLUE),
    # Defaults are nowhere in the spec: the nearest thing that is.
    (("name",), BLUE),
    (("env", 0), (*BLUE, "env")),
    (("env", 0, "value"), (*BLUE, "env")),
    (("env", 1), ("container", "env", 0)),
    (("env", 1, "value"), ("container", "env", 0, "value")),
    (("env", 2), (*BLUE, "env", 1)),
    (("env", 2, "value"), (*BLUE, "env", 1, "value")),
    (("env", 3, "name"), (*BLUE, "env", 0, "name")),
    (("ports", 0), ("container", "ports", 0)),
    (("ports", 1, "containerPort"), ("container", "ports", 1, "containerPort")),
    (("args", 0), (*BLUE, "args", 0)),
    (("readinessProbe", "httpGet", "port"), (*BLUE, "readinessProbe", "httpGet", "port")),
    (("readinessProbe", "periodSeconds"), ("container", "readinessProbe", "periodSeconds")),
    (("readinessProbe", "failureThreshold"), (*BLUE, "readinessProbe")),
    (("resources", "limits", "cpu"), (*BLUE, "resources", "limits", "cpu")),
    (("resources", "limits", "memory"), (*BLUE, "resources", "limits")),
    (("nowhere", 7, "x"), BLUE),
    (("env", 0, "value", "deeper"), (*BLUE, "env")),
]


def test_the_merged_value_of_the_table_below_is_this():
    assert [entry["name"] for entry in MERGED["env"]] == ["D", "A", "B", "C"]
    assert [entry.get("value") for entry in MERGED["env"]] == ["0", "1", "4", "3"]
    assert MERGED["readinessProbe"] == {"failureThreshold": 3, "periodSeconds": 5, "httpGet": {"path": "/", "port": 2}}


@pytest.mark.parametrize("path, written", TRACES)
def test_trace_finds_where_a_value_was_written(path, written):
    assert trace(MERGED, path, LAYERED) == written


def test_trace_without_a_written_layer_names_the_lowest_place():
    absent: list[tuple[Any, Any]] = [(("container",), None), (("slots", "blue", "container"), None)]
    assert trace({"a": 1}, ("a",), absent) == ("container",)
    assert trace({"a": 1}, ("a",), []) == ()
    assert trace({"a": 1}, ("a",), [(("container",), None), (("slots",), {"a": 1})]) == ("slots", "a")


def test_trace_finds_the_second_of_two_entries_with_one_key():
    twice = {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}
    assert trace(twice, ("env", 1, "value"), [(("container",), twice)]) == ("container", "env", 1, "value")


def test_every_keyed_list_is_keyed_as_in_kubernetes():
    # patchMergeKey of the Kubernetes API types; `ports` has the listMapKeys, which tell TCP from UDP.
    assert MERGE_KEYS == {
        "containers": ("name",),
        "env": ("name",),
        "hostAliases": ("ip",),
        "imagePullSecrets": ("name",),
        "initContainers": ("name",),
        "ports": ("containerPort", "protocol"),
        "resourceClaims": ("name",),
        "schedulingGates": ("name",),
        "volumeDevices": ("devicePath",),
        "volumeMounts": ("mountPath",),
        "volumes": ("name",),
    }
