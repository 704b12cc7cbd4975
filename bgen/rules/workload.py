"""Pods that the API server takes and that still do not work, and two ways to say one thing."""

from __future__ import annotations

from collections.abc import Iterator

from bgen.diagnostics import Path
from bgen.release import Fields
from bgen.release import Release
from bgen.rules.rule import Finding
from bgen.rules.rule import containers
from bgen.rules.rule import error
from bgen.rules.rule import warning
from bgen.rules.rule import written_at
from bgen.source import Source

_PROXY_UID = 1337


@error("BG245", "two ways to say one thing")
def contradictions(release: Release, source: Source) -> Iterator[Finding]:
    """Two fields that say the same thing differently: nobody could tell which one holds.

    Fix: keep one.
    """
    pairs: list[tuple[Path, str, str]] = [((), "port", "ports"), ((), "replicas", "autoscaling")]
    pairs += [
        (("podDisruptionBudget",), "minAvailable", "maxUnavailable"),
        (("gitops", "argocd", "destination"), "server", "name"),
    ]
    for place, one, two in pairs:
        written = source.get(place)
        if type(written) is dict and one in written and two in written:
            yield Finding((*place, two), f"`{one}` and `{two}` exclude each other", "keep one", "key")
    for slot in release.slots:
        if release.autoscaling and source.get(("slots", slot, "replicas")) is not None:
            yield Finding(
                ("slots", slot, "replicas"),
                "`replicas` and `autoscaling` exclude each other",
                "the autoscaler decides",
                "key",
            )


@error("BG246", "an autoscaler that cannot work")
def autoscaling(release: Release, source: Source) -> Iterator[Finding]:
    """An autoscaler needs something to scale by, and cpu utilization is a share of the request.

    Fix: `cpu: 70` together with `container.resources.requests.cpu`. Source: Kubernetes, HorizontalPodAutoscaler algorithm.
    """
    scaling = release.autoscaling
    if scaling is None:
        return
    if scaling.min_replicas > scaling.max_replicas:
        message = f"minReplicas {scaling.min_replicas} is more than maxReplicas {scaling.max_replicas}"
        yield Finding(("autoscaling", "maxReplicas"), message, "raise maxReplicas")
    for i, metric in enumerate(scaling.metrics):
        kind = metric.get("type", "")
        if kind and kind[0].lower() + kind[1:] not in metric:
            message = f"a metric of type {kind} needs `{kind[0].lower() + kind[1:]}`"
            yield Finding(("autoscaling", "metrics", i), message, "say what to measure", "key")
    if not scaling.metrics and scaling.cpu is None:
        yield Finding(("autoscaling",), "nothing to scale by", "add `cpu: 70`, or `metrics`", "key")
    if source.get(("autoscaling", "cpu")) is None:
        return
    for slot in release.slots.values():
        resources = slot.container.get("resources", {})
        if "cpu" not in resources.get("requests", {}) and "cpu" not in resources.get("limits", {}):
            message = "cpu is a share of the cpu request, and the container has none"
            yield Finding(("autoscaling", "cpu"), message, "add `container.resources.requests.cpu`")


@error("BG247", "the proxy's user ID")
def proxy_uid(release: Release, source: Source) -> Iterator[Finding]:
    """Traffic of user 1337 is not redirected to the sidecar, because that is the proxy itself: no mTLS, no routes (IST0144).

    Fix: another user ID.
    """
    for slot in release.slots.values():
        places: list[tuple[str, Path, Fields]] = [*containers(slot), ("pod", (), slot.pod)]
        for part, prefix, holder in places:
            if holder.get("securityContext", {}).get("runAsUser") == _PROXY_UID:
                path = written_at(source, slot, part, (*prefix, "securityContext", "runAsUser"))
                yield Finding(
                    path,
                    "1337 is the user ID of Istio's proxy, whose traffic is not intercepted",
                    "use another (IST0144)",
                )


@error("BG248", "a preStop that the grace period cuts short")
def grace(release: Release, source: Source) -> Iterator[Finding]:
    """The preStop sleep runs inside the grace period. When it is longer, the application is killed with requests still open.

    Fix: raise `pod.terminationGracePeriodSeconds`. Source: Kubernetes, Pod Lifecycle, termination.
    """
    for slot in release.slots.values():
        seconds = slot.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds")
        period = slot.pod.get("terminationGracePeriodSeconds", 30)
        if type(seconds) is int and type(period) is int and seconds >= period:
            path = written_at(source, slot, "container", ("lifecycle", "preStop", "sleep", "seconds"))
            message = f"preStop sleeps {seconds} s, and the pod is killed after {period} s"
            yield Finding(path, message, "raise `pod.terminationGracePeriodSeconds`")


@warning("BG249", "an image that can change under its name")
def floating_image(release: Release, source: Source) -> Iterator[Finding]:
    """The same manifest can start different programs on different days or nodes, so neither review nor rollback means anything.

    Fix: a tag that never moves, or a digest.
    """
    for slot in release.slots.values():
        tag = slot.image.rpartition("/")[2].partition(":")[2]
        if "@" not in slot.image and tag in ("", "latest"):
            message = f"{slot.image} is not one version: the same manifest can start different programs"
            yield Finding(("slots", slot.name, "image"), message, "use a tag that never moves, or a digest")


@warning("BG250", "a single pod")
def single_pod(release: Release, source: Source) -> Iterator[Finding]:
    """With one pod every restart, drain and crash is an outage, and a switch lands on a single cold process.

    Fix: two at least.
    """
    for slot in release.slots.values():
        own: Path = ("slots", slot.name, "replicas")
        path = own if source.get(own) is not None else ("replicas",)
        if slot.replicas == 1:
            yield Finding(path, "a slot has one pod: every restart is an outage", "use 2 at least")
    if release.autoscaling and release.autoscaling.min_replicas == 1:
        yield Finding(
            ("autoscaling", "minReplicas"),
            "an idle slot scales to one pod: a switch would overload it",
            "use 2 at least",
        )


@error("BG252", "a roll-out that cannot move")
def stuck_rollout(release: Release, source: Source) -> Iterator[Finding]:
    """A deadline within minReadySeconds is over before any pod counts; with neither a surge nor a missing pod allowed, none can
    be replaced. The API server refuses both.

    Fix: raise `progressDeadlineSeconds`, or allow one pod more or less. Source: Kubernetes, apps validation.
    """
    for slot in release.slots.values():
        deployment = slot.deployment
        deadline, ready = deployment.get("progressDeadlineSeconds"), deployment.get("minReadySeconds", 0)
        if deadline is not None and deadline <= ready:
            path = written_at(source, slot, "deployment", ("progressDeadlineSeconds",))
            yield Finding(path, f"the deadline of {deadline} s is within minReadySeconds ({ready})", f"{ready + 60} at least")
        strategy = deployment.get("strategy", {})
        if strategy.get("type") == "Recreate" and "rollingUpdate" in strategy:
            path = written_at(source, slot, "deployment", ("strategy", "rollingUpdate"))
            yield Finding(path, "`rollingUpdate` means nothing to the strategy Recreate", "remove one of them", "key")
        rolling = strategy.get("rollingUpdate", {})
        if all(rolling.get(name) in (0, "0%") for name in ("maxSurge", "maxUnavailable")):
            path = written_at(source, slot, "deployment", ("strategy", "rollingUpdate", "maxSurge"))
            yield Finding(path, "maxSurge and maxUnavailable are both 0: no pod could be replaced", "set one of them to 1")


@error("BG253", "a Windows pod")
def windows(release: Release, source: Source) -> Iterator[Finding]:
    """Istio has no sidecar for Windows, and the security defaults are Linux's.

    Fix: run it outside the mesh. Source: Istio, supported platforms; Kubernetes, PodOS.
    """
    for slot in release.slots.values():
        if slot.pod.get("os", {}).get("name") == "windows":
            path = written_at(source, slot, "pod", ("os", "name"))
            yield Finding(path, "there is no Istio sidecar for Windows", "only Linux pods can be routed")
