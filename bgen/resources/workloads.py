"""Deployments, Service, ServiceAccount, PodDisruptionBudgets and HorizontalPodAutoscalers."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple
from typing import TypeVar

from bgen import names
from bgen.document import Document
from bgen.release import Fields
from bgen.release import Port
from bgen.release import Release
from bgen.release import Slot

# Nothing stands after the last wave, because Argo CD waits for every wave but the last to be healthy.
_EARLY, _CANDIDATE, _LATE = -1, 0, 2


class Container(NamedTuple):
    """A core/v1 Container in the order that the template prints; `others` are the fields that it has no line for."""

    name: str
    image: str | None
    imagePullPolicy: str | None
    command: list[str] | None
    args: list[str] | None
    workingDir: str | None
    ports: list[Fields] | None
    envFrom: list[Fields] | None
    env: list[Fields] | None
    resources: Fields | None
    volumeMounts: list[Fields] | None
    startupProbe: Fields | None
    readinessProbe: Fields | None
    livenessProbe: Fields | None
    lifecycle: Fields | None
    securityContext: Fields | None
    others: Fields


class Pod(NamedTuple):
    """A PodSpec likewise."""

    serviceAccountName: str
    automountServiceAccountToken: bool | None
    terminationGracePeriodSeconds: int | None
    securityContext: Fields | None
    topologySpreadConstraints: list[Fields] | None
    affinity: Fields | None
    volumes: list[Fields] | None
    others: Fields


class ServicePort(NamedTuple):
    name: str
    port: int
    targetPort: int | str
    appProtocol: str


_View = TypeVar("_View", Container, Pod)


def _view(kind: type[_View], native: Fields) -> _View:
    """A native mapping as the template's dataclass: a field for each line, the rest under `others` in the data's order."""
    known = [name for name in kind._fields if name != "others"]
    others = {name: value for name, value in native.items() if name not in known}
    lines: dict[str, Any] = {name: native.get(name) for name in known}
    return kind(**lines, others=others)


def documents(release: Release) -> list[Document]:
    found = []
    for slot in release.slots.values():
        found.append(_document(f"deployment-{slot.name}", "deployment", _deployment(release, slot)))
        if release.pod_disruption_budget is not None:
            found.append(_document(f"pod-disruption-budget-{slot.name}", "pod-disruption-budget", _budget(release, slot)))
        if release.autoscaling:
            found.append(_document(f"horizontal-pod-autoscaler-{slot.name}", "horizontal-pod-autoscaler", _hpa(release, slot)))
    found.append(_document("service", "service", _service(release)))
    if release.service_account.create:
        found.append(_document("service-account", "service-account", _account(release)))
    return found


def _document(name: str, template: str, values: dict[str, Any]) -> Document:
    return Document(f"{names.MANIFESTS}/{name}.yaml", f"{template}.yaml.j2", values)


def _metadata(release: Release, name: str, wave: int, slot: Slot | None = None) -> dict[str, Any]:
    labels, annotations = dict(names.metadata_labels(release)), dict(release.annotations)
    if slot:
        labels = {**names.identity(release, slot), **labels, **slot.labels, **names.identity(release, slot)}
        annotations |= slot.annotations
    if release.waves:
        annotations[names.WAVE] = str(wave)
    return {"name": name, "namespace": release.namespace, "labels": labels, "annotations": annotations or None}


def _deployment(release: Release, slot: Slot) -> dict[str, Any]:
    # Only a candidate with traffic is waited for: a wave that waits for the live slot would block the way back.
    wave = _CANDIDATE if release.is_waited_for(slot.name) else _LATE
    pod = {k: v for k, v in slot.pod.items() if k not in ("containers", "initContainers")}
    return {
        **_metadata(release, names.deployment(release, slot), wave, slot),
        "replicas": slot.replicas,
        "revisionHistoryLimit": slot.deployment.get("revisionHistoryLimit"),
        "progressDeadlineSeconds": slot.deployment.get("progressDeadlineSeconds"),
        "minReadySeconds": slot.deployment.get("minReadySeconds"),
        "strategy": slot.deployment.get("strategy"),
        "selector": names.identity(release, slot),
        "pod_labels": slot.pod_labels,
        "pod_annotations": slot.pod_annotations or None,
        "pod": _view(Pod, pod),
        "init_containers": slot.pod.get("initContainers") or None,
        "container": _view(Container, {**slot.container, "image": slot.image}),
        "sidecars": slot.pod.get("containers", []),
    }


def _service(release: Release) -> dict[str, Any]:
    # Argo CD counts a LoadBalancer without an address as not healthy, so it must not stand in front of the route.
    wave = _LATE if release.service.get("type") == "LoadBalancer" else _EARLY
    values = _metadata(release, release.name, wave)
    annotations = {**(values["annotations"] or {}), **release.service_annotations}
    return {
        **values,
        "labels": {**values["labels"], **release.service_labels},
        "annotations": annotations or None,
        "selector": release.selector,
        "ports": [_port(port) for port in release.ports],
        "others": release.service,
    }


def _port(port: Port) -> ServicePort:
    return ServicePort(port.name, port.port, port.target, port.protocol)


def _account(release: Release) -> dict[str, Any]:
    values = _metadata(release, release.service_account.name, _EARLY)
    annotations = {**(values["annotations"] or {}), **release.service_account.annotations}
    return {**values, "annotations": annotations or None}


def _budget(release: Release, slot: Slot) -> dict[str, Any]:
    metadata = _metadata(release, names.deployment(release, slot), _EARLY, slot)
    return {**metadata, "budget": release.pod_disruption_budget, "selector": names.identity(release, slot)}


def _hpa(release: Release, slot: Slot) -> dict[str, Any]:
    scaling = release.autoscaling
    assert scaling is not None
    return {
        **_metadata(release, names.deployment(release, slot), _LATE, slot),
        "minReplicas": scaling.min_replicas,
        "maxReplicas": scaling.max_replicas,
        "metrics": [*_cpu(scaling.cpu, slot), *scaling.metrics] or None,
        "behavior": scaling.behavior,
    }


def _cpu(percent: int | None, slot: Slot) -> list[Fields]:
    """The short form `cpu`: ContainerResource counts the application alone, Resource would count the proxy's cpu too."""
    if percent is None:
        return []
    target = {"type": "Utilization", "averageUtilization": percent}
    metric = {"name": "cpu", "container": slot.container["name"], "target": target}
    return [{"type": "ContainerResource", "containerResource": metric}]
