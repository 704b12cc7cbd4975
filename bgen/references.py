"""Whether every reference between the objects of a release leads somewhere.

Every object has passed its schema, which lets much be absent; what is absent refers to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bgen.diagnostics import Diagnostic
from bgen.diagnostics import Path
from bgen.source import Source

Labels = dict[str, str]


def unresolved(manifests: list[Source], routes: list[Source]) -> Iterator[Diagnostic]:
    """Each reference that leads nowhere: subset → labels → pods, Service → port → container port, and so on (BG505)."""
    world = _World(manifests)
    for source in manifests:
        yield from _CHECKS.get(source.data["kind"], _nothing)(world, source)
    for source in routes:
        yield from _virtual_service(world, source)


def _get(value: Any, *path: str | int, default: Any = None) -> Any:
    """What stands at the path, the default where anything on the way is absent."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return default
    return value


class _World:
    """The objects by kind and name."""

    def __init__(self, manifests: list[Source]) -> None:
        self.by_kind: dict[str, dict[str, dict[str, Any]]] = {}
        for source in manifests:
            self.by_kind.setdefault(source.data["kind"], {})[source.data["metadata"]["name"]] = source.data

    def pods(self, labels: Labels) -> list[dict[str, Any]]:
        """The pod templates that carry all the labels; none for no labels, which select nothing in a Service."""
        templates = [_get(deployment, "spec", "template") for deployment in self.by_kind.get("Deployment", {}).values()]
        return [t for t in templates if labels and labels.items() <= _get(t, "metadata", "labels", default={}).items()]

    def service(self, host: str) -> dict[str, Any] | None:
        """The Service behind a fully qualified host, `name.namespace.svc.<domain>`."""
        name, _, rest = host.partition(".")
        found = self.by_kind.get("Service", {}).get(name)
        return found if found and rest.startswith(f"{_get(found, 'metadata', 'namespace')}.svc.") else None


def _broken(source: Source, path: Path, message: str) -> Diagnostic:
    return source.diagnose(path, "BG505", message)


def _nothing(world: _World, source: Source) -> Iterator[Diagnostic]:
    yield from ()


def _selected(source: Source) -> Labels:
    labels: Labels = _get(source.data, "spec", "selector", "matchLabels", default={})
    return labels


def _deployment(world: _World, source: Source) -> Iterator[Diagnostic]:
    template = _get(source.data, "spec", "template")
    labels = _get(template, "metadata", "labels", default={})
    if not _selected(source) or not _selected(source).items() <= labels.items():
        yield _broken(source, ("spec", "selector"), "the selector does not fit the pods of the template")
    pod = _get(template, "spec", default={})
    account, accounts = pod.get("serviceAccountName"), world.by_kind.get("ServiceAccount", {})
    if accounts and account not in accounts:
        yield _broken(source, ("spec", "template", "spec", "serviceAccountName"), f"there is no ServiceAccount {account}")
    volumes = {volume["name"] for volume in pod.get("volumes", ())}
    for field in ("containers", "initContainers"):
        for i, container in enumerate(pod.get(field, ())):
            for j, mount in enumerate(container.get("volumeMounts", ())):
                if mount["name"] not in volumes:
                    path = ("spec", "template", "spec", field, i, "volumeMounts", j, "name")
                    yield _broken(source, path, f"there is no volume {mount['name']}")


def _service(world: _World, source: Source) -> Iterator[Diagnostic]:
    pods = world.pods(_get(source.data, "spec", "selector", default={}))
    if not pods:
        yield _broken(source, ("spec", "selector"), "the selector fits no pod")
    for i, port in enumerate(_get(source.data, "spec", "ports", default=())):
        target = port.get("targetPort", port["port"])
        if not all(_opens(pod, target) for pod in pods):
            yield _broken(source, ("spec", "ports", i, "targetPort"), f"no container opens the port {target}")


def _opens(pod: dict[str, Any], target: int | str) -> bool:
    # An init container that restarts is a sidecar, and as good as any other container.
    sidecars = [c for c in _get(pod, "spec", "initContainers", default=()) if c.get("restartPolicy") == "Always"]
    containers = [*_get(pod, "spec", "containers", default=()), *sidecars]
    ports = [port for container in containers for port in container.get("ports", ())]
    return any(target in (port.get("name"), port["containerPort"]) for port in ports)


def _destination_rule(world: _World, source: Source) -> Iterator[Diagnostic]:
    spec = source.data["spec"]
    service = world.service(spec["host"])
    if service is None:
        yield _broken(source, ("spec", "host"), f"there is no Service behind {spec['host']}")
        return
    for i, subset in enumerate(spec.get("subsets", ())):
        if not world.pods({**_get(service, "spec", "selector", default={}), **subset.get("labels", {})}):
            yield _broken(source, ("spec", "subsets", i), f"the subset {subset['name']} fits no pod")


def _virtual_service(world: _World, source: Source) -> Iterator[Diagnostic]:
    spec = source.data["spec"]
    for field in ("http", "tcp"):
        for i, rule in enumerate(spec.get(field, ())):
            for part in ("route", "mirrors"):
                for j, entry in enumerate(rule.get(part, ())):
                    path = ("spec", field, i, part, j, "destination")
                    yield from _destination(world, source, path, entry.get("destination", {}))
    gateways = world.by_kind.get("Gateway", {}).values()
    own = {f"{_get(found, 'metadata', 'namespace')}/{found['metadata']['name']}" for found in gateways}
    for name in sorted(own - set(spec.get("gateways", ()))):
        yield _broken(source, ("spec", "gateways"), f"the Gateway {name} serves no route")


def _destination(world: _World, source: Source, path: Path, to: dict[str, Any]) -> Iterator[Diagnostic]:
    host, port, subset = to.get("host", ""), _get(to, "port", "number"), to.get("subset")
    service = world.service(host)
    if service is None:
        yield _broken(source, (*path, "host"), f"there is no Service behind {host}")
        return
    if port not in [found["port"] for found in _get(service, "spec", "ports", default=())]:
        yield _broken(source, (*path, "port"), f"the Service has no port {port}")
    rules = [rule["spec"] for rule in world.by_kind.get("DestinationRule", {}).values() if rule["spec"]["host"] == host]
    if subset not in [found["name"] for rule in rules for found in rule.get("subsets", ())]:
        yield _broken(source, (*path, "subset"), f"no DestinationRule declares the subset {subset}")


def _target(world: _World, source: Source) -> Iterator[Diagnostic]:
    target = source.data["spec"]["scaleTargetRef"]
    deployment = world.by_kind.get("Deployment", {}).get(target["name"])
    if target["kind"] != "Deployment" or deployment is None:
        yield _broken(source, ("spec", "scaleTargetRef"), f"there is no {target['kind']} {target['name']}")
    elif "replicas" in deployment["spec"]:
        yield _broken(source, ("spec", "scaleTargetRef"), f"{target['name']} has fixed replicas, which every sync would restore")


def _budget(world: _World, source: Source) -> Iterator[Diagnostic]:
    if not world.pods(_selected(source)):
        yield _broken(source, ("spec", "selector"), "the selector fits no pod")


_CHECKS = {
    "Deployment": _deployment,
    "Service": _service,
    "DestinationRule": _destination_rule,
    "VirtualService": _virtual_service,
    "HorizontalPodAutoscaler": _target,
    "PodDisruptionBudget": _budget,
}
