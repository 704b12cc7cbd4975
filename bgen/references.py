"""Whether every reference between the objects of a release leads somewhere."""

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


class _World:
    """The objects by kind and name."""

    def __init__(self, manifests: list[Source]) -> None:
        self.by_kind: dict[str, dict[str, dict[str, Any]]] = {}
        for source in manifests:
            self.by_kind.setdefault(source.data["kind"], {})[source.data["metadata"]["name"]] = source.data
        self.deployments = list(self.by_kind.get("Deployment", {}).values())

    def pods(self, labels: Labels) -> list[dict[str, Any]]:
        """The pod templates that carry all the labels."""
        templates = [deployment["spec"]["template"] for deployment in self.deployments]
        return [template for template in templates if labels.items() <= template["metadata"].get("labels", {}).items()]

    def service(self, host: str) -> dict[str, Any] | None:
        """The Service behind a fully qualified host, `name.namespace.svc.<domain>`."""
        name, _, rest = host.partition(".")
        found = self.by_kind.get("Service", {}).get(name)
        return found if found and rest.startswith(f"{found['metadata']['namespace']}.svc.") else None


def _broken(source: Source, path: Path, message: str) -> Diagnostic:
    return source.diagnose(path, "BG505", message)


def _nothing(world: _World, source: Source) -> Iterator[Diagnostic]:
    yield from ()


def _deployment(world: _World, source: Source) -> Iterator[Diagnostic]:
    spec = source.data["spec"]
    template = spec["template"]
    if not spec["selector"]["matchLabels"].items() <= template["metadata"].get("labels", {}).items():
        yield _broken(source, ("spec", "selector"), "the selector does not fit the pods of the template")
    account = template["spec"].get("serviceAccountName")
    accounts = world.by_kind.get("ServiceAccount", {})
    if accounts and account not in accounts:
        yield _broken(source, ("spec", "template", "spec", "serviceAccountName"), f"there is no ServiceAccount {account}")
    volumes = {volume["name"] for volume in template["spec"].get("volumes", ())}
    for field in ("containers", "initContainers"):
        for i, container in enumerate(template["spec"].get(field, ())):
            for j, mount in enumerate(container.get("volumeMounts", ())):
                if mount["name"] not in volumes:
                    path = ("spec", "template", "spec", field, i, "volumeMounts", j, "name")
                    yield _broken(source, path, f"there is no volume {mount['name']}")


def _service(world: _World, source: Source) -> Iterator[Diagnostic]:
    spec = source.data["spec"]
    pods = world.pods(spec["selector"])
    if not pods:
        yield _broken(source, ("spec", "selector"), "the selector fits no pod")
    for i, port in enumerate(spec["ports"]):
        target = port.get("targetPort", port["port"])
        for pod in pods:
            ports = [p for container in pod["spec"]["containers"] for p in container.get("ports", ())]
            if not any(target in (p.get("name"), p["containerPort"]) for p in ports):
                yield _broken(source, ("spec", "ports", i, "targetPort"), f"no container opens the port {target}")
                break


def _destination_rule(world: _World, source: Source) -> Iterator[Diagnostic]:
    spec = source.data["spec"]
    service = world.service(spec["host"])
    if service is None:
        yield _broken(source, ("spec", "host"), f"there is no Service behind {spec['host']}")
        return
    for i, subset in enumerate(spec.get("subsets", ())):
        if not world.pods({**service["spec"]["selector"], **subset.get("labels", {})}):
            yield _broken(source, ("spec", "subsets", i), f"the subset {subset['name']} fits no pod")


def _virtual_service(world: _World, source: Source) -> Iterator[Diagnostic]:
    spec = source.data["spec"]
    for field in ("http", "tcp"):
        for i, rule in enumerate(spec.get(field, ())):
            for part in ("route", "mirrors"):
                for j, entry in enumerate(rule.get(part, ())):
                    yield from _destination(world, source, ("spec", field, i, part, j, "destination"), entry["destination"])
    own = {f"{g['metadata']['namespace']}/{g['metadata']['name']}" for g in world.by_kind.get("Gateway", {}).values()}
    for name in own - set(spec.get("gateways", ())):
        yield _broken(source, ("spec", "gateways"), f"the Gateway {name} serves no route")


def _destination(world: _World, source: Source, path: Path, to: dict[str, Any]) -> Iterator[Diagnostic]:
    service = world.service(to["host"])
    if service is None:
        yield _broken(source, (*path, "host"), f"there is no Service behind {to['host']}")
        return
    if to.get("port", {}).get("number") not in [port["port"] for port in service["spec"]["ports"]]:
        yield _broken(source, (*path, "port"), f"the Service has no port {to.get('port', {}).get('number')}")
    rules = [rule["spec"] for rule in world.by_kind.get("DestinationRule", {}).values() if rule["spec"]["host"] == to["host"]]
    if to.get("subset") not in [subset["name"] for rule in rules for subset in rule.get("subsets", ())]:
        yield _broken(source, (*path, "subset"), f"no DestinationRule declares the subset {to.get('subset')}")


def _target(world: _World, source: Source) -> Iterator[Diagnostic]:
    target = source.data["spec"]["scaleTargetRef"]
    deployment = world.by_kind.get("Deployment", {}).get(target["name"])
    if target["kind"] != "Deployment" or deployment is None:
        yield _broken(source, ("spec", "scaleTargetRef"), f"there is no {target['kind']} {target['name']}")
    elif "replicas" in deployment["spec"]:
        yield _broken(source, ("spec", "scaleTargetRef"), f"{target['name']} has fixed replicas, which every sync would restore")


def _budget(world: _World, source: Source) -> Iterator[Diagnostic]:
    if not world.pods(source.data["spec"]["selector"]["matchLabels"]):
        yield _broken(source, ("spec", "selector"), "the selector fits no pod")


_CHECKS = {
    "Deployment": _deployment,
    "Service": _service,
    "DestinationRule": _destination_rule,
    "VirtualService": _virtual_service,
    "HorizontalPodAutoscaler": _target,
    "PodDisruptionBudget": _budget,
}
