"""Defaults that give way to what the user wrote, seen in the finished objects."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bgen.build import build

SPEC = """\
apiVersion: bgen/v1
name: shop
namespace: demo
slots:
  blue: {image: "shop:1", version: v1}
  green: {image: "shop:2", version: v2}
stable: blue
stage: blue
"""


def built(more: str, spec: str = SPEC) -> dict[str, Any]:
    files, _ = build((spec + more).encode(), "release.yaml")
    return {file.path: yaml.safe_load(file.text) for file in files if file.path.startswith(("manifests/", "routes/"))}


def pod(objects: dict[str, Any], slot: str = "blue") -> dict[str, Any]:
    found: dict[str, Any] = objects[f"manifests/deployment-{slot}.yaml"]["spec"]["template"]["spec"]
    return found


def test_a_container_of_root_may_run_as_root() -> None:
    found = pod(built("container: {securityContext: {runAsUser: 0}}\n"))
    assert found["securityContext"]["runAsNonRoot"] is True
    assert found["containers"][0]["securityContext"]["runAsNonRoot"] is False
    found = pod(built("pod: {securityContext: {runAsUser: 0}}\n"))
    assert "runAsNonRoot" not in found["securityContext"]
    assert "runAsNonRoot" not in found["containers"][0]["securityContext"]


@pytest.mark.parametrize(
    "context, default",
    [
        ("{}", False),
        ("{privileged: true}", None),
        ("{capabilities: {add: [CAP_SYS_ADMIN]}}", None),
        ("{allowPrivilegeEscalation: true}", True),
    ],
)
def test_a_privileged_container_has_no_contradicting_default(context: str, default: bool | None) -> None:
    found = pod(built(f"container: {{securityContext: {context}}}\n"))["containers"][0]["securityContext"]
    assert found.get("allowPrivilegeEscalation") is default


@pytest.mark.parametrize(("ready", "deadline"), [(0, 180), (100, 180), (121, 181), (600, 660)])
def test_the_deadline_is_always_above_min_ready_seconds(ready: int, deadline: int) -> None:
    found = built(f"deployment: {{minReadySeconds: {ready}}}\n")["manifests/deployment-blue.yaml"]["spec"]
    assert found["progressDeadlineSeconds"] == deadline


def test_without_a_surge_one_pod_may_be_missing() -> None:
    objects = built("deployment: {strategy: {rollingUpdate: {maxSurge: 0}}}\n")
    assert objects["manifests/deployment-blue.yaml"]["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_each_autoscaler_watches_the_container_of_its_slot() -> None:
    spec = SPEC.replace("version: v2", "version: v2, container: {name: other}")
    objects = built("autoscaling: {maxReplicas: 6, cpu: 70}\ncontainer: {resources: {requests: {cpu: 100m}}}\n", spec)
    watched = {
        slot: objects[f"manifests/horizontal-pod-autoscaler-{slot}.yaml"]["spec"]["metrics"][0]["containerResource"]["container"]
        for slot in ("blue", "green")
    }
    assert watched == {"blue": "shop", "green": "other"}


def test_a_restarting_init_container_can_be_the_target_of_the_service() -> None:
    more = (
        "platform: {kubernetes: '1.34'}\n"
        "ports: [{name: http, port: 80, targetPort: proxy}]\n"
        "container: {readinessProbe: {tcpSocket: {port: 8081}}}\n"
        "pod: {initContainers: [{name: px, image: 'px:1', restartPolicy: Always, ports: [{name: proxy, containerPort: 9000}]}]}\n"
    )
    assert built(more)["manifests/service.yaml"]["spec"]["ports"][0]["targetPort"] == "proxy"


def test_null_in_a_stages_fields_removes_and_is_never_written() -> None:
    more = (
        "route: {timeout: 30s, headers: {request: {remove: [x-a]}}}\n"
        "stages:\n"
        "  - name: s\n"
        "    weight: 5\n"
        "    route: {timeout: null, retries: {attempts: 2, perTryTimeout: null}}\n"
        "    candidate: {headers: {response: {set: {a: b}}, request: null}}\n"
    )
    (rule,) = built(more)["routes/s.yaml"]["spec"]["http"]
    assert "timeout" not in rule
    assert rule["retries"] == {"attempts": 2}
    assert rule["route"][1]["headers"] == {"response": {"set": {"a": "b"}}}


def test_a_null_policy_leaves_the_subset_without_one() -> None:
    subsets = built("trafficPolicy: null\n")["manifests/destination-rule.yaml"]["spec"]["subsets"]
    assert subsets == [{"name": "blue", "labels": {"version": "v1"}}, {"name": "green", "labels": {"version": "v2"}}]
