"""Native objects after the merge: what the API server would refuse of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bgen import conforms
from bgen import schema
from bgen.diagnostics import Path
from bgen.merge import UNIONS
from bgen.release import Fields
from bgen.release import Release
from bgen.rules.rule import Finding
from bgen.rules.rule import containers
from bgen.rules.rule import error
from bgen.rules.rule import repeated
from bgen.rules.rule import written_at
from bgen.source import Source

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def _complete(release: Release, source: Source) -> conforms.Checker:
    files = conforms.bundles_for(schema.platform_of(source.data))
    return conforms.checker(files["kubernetes"], files["istio"], complete=True)


@error("BG241", "a native object is not complete")
def incomplete(release: Release, source: Source) -> Iterator[Finding]:
    """After defaults, shared fields and the slot's own are merged, a required field is still missing. The API server would
    refuse the object in the middle of a sync.

    Fix: add the field, on either level.
    """
    checker = _complete(release, source)
    for slot in release.slots.values():
        parts = {
            "container": ("Container", slot.container),
            "deployment": ("DeploymentStrategy", slot.deployment.get("strategy", {})),
        }
        for part, (name, value) in parts.items():
            base: Path = ("strategy",) if part == "deployment" else ()
            for path, message, hint in _lacking(checker, "kubernetes/1.32.json", name, value, (part, *base)):
                yield Finding(written_at(source, slot, part, (*base, *path)), message, hint, "key")
        whole = {**slot.pod, "containers": slot.pod.get("containers", [])}
        for path, message, hint in _lacking(checker, "kubernetes/1.32.json", "PodSpec", whole, ("pod",)):
            yield Finding(written_at(source, slot, "pod", path), message, hint, "key")
        for path, message, hint in _lacking(checker, "istio/1.28.json", "TrafficPolicy", slot.traffic_policy, ("trafficPolicy",)):
            yield Finding(written_at(source, slot, "trafficPolicy", path), message, hint, "key")
        # The schema lets a container go without an image, because a workload may get one from a higher level.
        for part, prefix, container in containers(slot):
            if part == "pod" and not container.get("image"):
                yield Finding(
                    written_at(source, slot, part, prefix),
                    f"`{prefix[0]}[{prefix[1]}]` lacks `image`",
                    "add `image`",
                    "key",
                )
    yield from _incomplete_elsewhere(release, source, checker)


def _incomplete_elsewhere(release: Release, source: Source, checker: conforms.Checker) -> Iterator[Finding]:
    """What is complete as it stands in the spec, because nothing is merged into it."""
    istio, kubernetes = "istio/1.28.json", "kubernetes/1.32.json"
    places: list[tuple[Path, str, str, Any]] = []
    if release.gateway:
        places += [(("gateway", "servers", i), istio, "Server", s) for i, s in enumerate(_own_servers(release, source))]
    if release.autoscaling and source.get(("autoscaling", "metrics")):
        places += [
            (("autoscaling", "metrics", i), kubernetes, "MetricSpec", m)
            for i, m in enumerate(source.get(("autoscaling", "metrics")))
        ]
    if release.autoscaling and release.autoscaling.behavior:
        behavior = release.autoscaling.behavior
        places.append((("autoscaling", "behavior"), kubernetes, "HorizontalPodAutoscalerBehavior", behavior))
    for i, rule in enumerate(release.rules):
        own: Path = ("route",) if i == len(release.rules) - 1 else ("routes", i)
        places.append((own, istio, "HTTPRoute", {**rule.fields, **({"match": rule.match} if rule.match else {})}))
    if release.prometheus_rule:
        places += [
            (("monitoring", "prometheusRule", "extra", i), "prometheus-operator.json", "Rule", extra)
            for i, extra in enumerate(release.prometheus_rule.extra)
        ]
    for base, file, name, value in places:
        for path, message, hint in _lacking(checker, file, name, value, base):
            yield Finding((*base, *path), message, hint, "key")


def _own_servers(release: Release, source: Source) -> list[Fields]:
    own = len(source.get(("gateway", "servers")) or ())
    return release.gateway.servers[-own:] if release.gateway and own else []


def _lacking(checker: conforms.Checker, file: str, name: str, value: Any, base: Path) -> list[tuple[Path, str, str]]:
    """What a native object lacks: path within it, message and hint. `base` is where the spec has it, for the message."""
    if checker.conforms(value, {"$ref": f"{file}#/$defs/{name}"}, file):
        return []
    found = schema.problems(value, {"$ref": f"{file}#/$defs/{name}"}, checker, base=base)
    return [(path[len(base) :], message, hint) for path, _, message, hint, _ in found]


@error("BG242", "two entries of a list are one thing to Kubernetes")
def duplicates(release: Release, source: Source) -> Iterator[Finding]:
    """Kubernetes refuses two containers, volumes, mounts or port names that are one, and of two environment variables of one
    name only the last counts.

    Fix: keep one. Lists of the two levels merge by key, so a slot may change an entry of the shared list.
    """
    for slot in release.slots.values():
        for part, prefix, container in containers(slot):
            for field, key in (
                ("env", "name"),
                ("volumeMounts", "mountPath"),
                ("ports", "name"),
                ("volumeDevices", "devicePath"),
            ):
                values = [entry.get(key) for entry in container.get(field, ())]
                for i in repeated(values):
                    path = written_at(source, slot, part, (*prefix, field, i, key))
                    # A port that the Service's ports made has a finding there.
                    if values[i] is not None and len(path) > 2:
                        yield Finding(path, f"{field}: {key} {values[i]} stands twice", "keep one")
        names = [
            slot.container["name"],
            *(c.get("name") for f in ("initContainers", "containers") for c in slot.pod.get(f, ())),
        ]
        for i in repeated(names):
            before = len(slot.pod.get("initContainers", ()))
            step: Path = ("initContainers", i - 1, "name") if i <= before else ("containers", i - 1 - before, "name")
            yield Finding(written_at(source, slot, "pod", step), f"two containers have the name {names[i]}", "rename one")
        volumes = [volume.get("name") for volume in slot.pod.get("volumes", ())]
        for i in repeated(volumes):
            yield Finding(
                written_at(source, slot, "pod", ("volumes", i, "name")),
                f"the volume {volumes[i]} is declared twice",
                "keep one",
            )


@error("BG243", "a mount without a volume")
def mounts(release: Release, source: Source) -> Iterator[Finding]:
    """The API server refuses a pod whose container mounts a volume that the pod does not declare.

    Fix: declare it in `pod.volumes`.
    """
    for slot in release.slots.values():
        volumes = {volume.get("name") for volume in slot.pod.get("volumes", ())}
        for part, prefix, container in containers(slot):
            for i, mount in enumerate(container.get("volumeMounts", ())):
                if mount.get("name") not in volumes:
                    path = written_at(source, slot, part, (*prefix, "volumeMounts", i, "name"))
                    yield Finding(path, f"there is no volume `{mount.get('name')}`", "declare it in `pod.volumes`")


@error("BG244", "a port name that no container port has")
def port_names(release: Release, source: Source) -> Iterator[Finding]:
    """A Service or probe that names a port no container has is refused, or leads nowhere.

    Fix: declare the name in `container.ports`, or use the number.
    """
    for slot in release.slots.values():
        lasting = [c for _, path, c in containers(slot) if path[:1] != ("initContainers",) or c.get("restartPolicy") == "Always"]
        opened = [port for container in lasting for port in container.get("ports", ())]
        every = {port.get("name") for port in opened}
        numbers = {port.get("containerPort") for port in opened}
        for i, port in enumerate(release.ports):
            if type(port.target) is int and port.target not in numbers:
                path = written_at(source, slot, "container", ("ports",))
                message = f"the Service leads to port {port.target}, which no container has any more"
                yield Finding(path, message, "bgen declares it by itself: do not remove it", "key")
            if type(port.target) is str and port.target not in every:
                message = f"no container has a port named `{port.target}`"
                yield Finding(("ports", i, "targetPort"), message, "declare it in `container.ports`, or use the number")
        for part, prefix, container in containers(slot):
            own = {port.get("name") for port in container.get("ports", ())}
            for probe, handler in ((p, h) for p in _PROBES for h in ("httpGet", "tcpSocket")):
                port_name = (container.get(probe) or {}).get(handler, {}).get("port")
                if type(port_name) is str and port_name not in own:
                    path = written_at(source, slot, part, (*prefix, probe, handler, "port"))
                    # The default probe follows the Service's port, which has a finding of its own.
                    if path[-1] == "port":
                        hint = "declare it in `ports`, or use the number"
                        yield Finding(path, f"the container has no port named `{port_name}`", hint)


@error("BG251", "two members of a union")
def unions(release: Release, source: Source) -> Iterator[Finding]:
    """A probe has one handler, an environment variable one source, a volume one kind. The API server refuses two.

    Fix: keep one. A slot's member replaces the shared one, so two can only stand in one place.
    """
    for slot in release.slots.values():
        for part, prefix, container in containers(slot):
            for path, members in _doubled(container, ""):
                where = written_at(source, slot, part, (*prefix, *path, members[1]))
                yield Finding(where, f"`{members[0]}` and `{members[1]}` exclude each other", "keep one", "key")
        for i, volume in enumerate(slot.pod.get("volumes", ())):
            kinds = [name for name in volume if name != "name"]
            if len(kinds) > 1:
                where = written_at(source, slot, "pod", ("volumes", i, kinds[1]))
                yield Finding(where, f"`{kinds[0]}` and `{kinds[1]}` exclude each other", "keep one", "key")


def _doubled(value: Any, field: str) -> Iterator[tuple[Path, list[str]]]:
    """Every mapping inside that has two members of its union: its path and the members."""
    items: Any = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    if type(value) is dict:
        members = [name for name in value if name in UNIONS.get(field, ())]
        if len(members) > 1:
            yield (), members
    for step, entry in items:
        for path, members in _doubled(entry, step if type(step) is str else field):
            yield (step, *path), members


@error("BG254", "a probe that probes nothing")
def empty_probes(release: Release, source: Source) -> Iterator[Finding]:
    """A probe needs one of httpGet, tcpSocket, grpc or exec; the API server refuses one without.

    Fix: say what to ask. `null` removes the default probe.
    """
    for slot in release.slots.values():
        for part, prefix, container in containers(slot):
            for probe in _PROBES:
                if probe in container and not UNIONS[probe] & container[probe].keys():
                    path = written_at(source, slot, part, (*prefix, probe))
                    yield Finding(path, f"`{probe}` has no handler", "add httpGet, tcpSocket, grpc or exec", "key")
