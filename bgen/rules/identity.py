"""Names, labels and what tells one thing from another."""

from __future__ import annotations

from collections.abc import Iterator

from bgen import names
from bgen.release import Release
from bgen.rules.rule import Finding
from bgen.rules.rule import error
from bgen.rules.rule import nearest
from bgen.rules.rule import repeated
from bgen.source import Source

MAX_NAME = 63
# Files that Windows cannot create, whatever their extension (Naming Files, Paths, and Namespaces).
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}


@error("BG201", "the live stage is not a stage of the release")
def unknown_stage(release: Release, source: Source) -> Iterator[Finding]:
    """The spec's `stage` is the one line that decides where traffic goes. A name that is not a stage has no route.

    Fix: use a name from `stages`, the name of a slot, or `rollback`. Stages that send traffic to the candidate exist only
    while the candidate's slot is in the spec.
    """
    if release.stage_named(release.stage):
        return
    known = [stage.name for stage in release.all_stages()]
    steps = [stage.name for stage in release.stages]
    if release.stage in (*steps, release.candidate):
        hint = f"add `slots.{release.candidate}`, or set `stage: {release.stable}`"
        yield Finding(("stage",), f"`{release.stage}` needs the slot {release.candidate}, which the release does not have", hint)
        return
    close = nearest(release.stage, [*known, *steps, release.candidate])
    if close and close not in known:
        hint = f"did you mean `{close}`? It needs `slots.{release.candidate}` too"
        yield Finding(("stage",), f"`{release.stage}` is not a stage of this release", hint)
        return
    hint = f"did you mean `{close}`?" if close else f"one of: {', '.join(known)}"
    yield Finding(("stage",), f"`{release.stage}` is not a stage of this release", hint)


@error("BG202", "the stable slot is missing")
def missing_stable(release: Release, source: Source) -> Iterator[Finding]:
    """`stable` names the slot that a rollback returns to. Without it there would be no way back.

    Fix: add the slot, or name the other one.
    """
    if release.stable not in release.slots:
        hint = f"add `slots.{release.stable}`, or set `stable: {release.candidate}`"
        yield Finding(("stable",), f"the stable slot {release.stable} is not among the slots", hint)


@error("BG203", "both slots have the same identity")
def same_identity(release: Release, source: Source) -> Iterator[Finding]:
    """The version label tells the pods of the two slots apart, and is part of the Deployment's name. With one identity
    both Deployments would select the same pods, and a subset would contain both versions.

    Fix: give each slot a `version` of its own. Dots become dashes in names, so v1.0 and v1-0 are the same.
    """
    if len(release.slots) < 2:
        return
    blue, green = release.slots["blue"], release.slots["green"]
    if names.deployment(release, blue) == names.deployment(release, green):
        message = f"version {green.version} gives both slots the Deployment {names.deployment(release, green)}"
        yield Finding(("slots", "green", "version"), message, "give each slot a version of its own, as in v1 and v2")


@error("BG204", "a derived name is too long")
def long_names(release: Release, source: Source) -> Iterator[Finding]:
    """Names of at most 63 characters work everywhere: as host name label, as label value, as name of a Service.

    Fix: shorten `name` or `version`. Source: RFC 1123; Kubernetes, Object Names and IDs.
    """
    derived = [names.virtual_service(release), names.destination_rule(release)]
    derived += [names.prometheus_rule(release)] if release.prometheus_rule else []
    derived += [names.dashboard(release)] if release.grafana else []
    derived += [names.application(release)] if release.argocd else []
    longest = max(derived, key=len)
    if len(longest) > MAX_NAME:
        room = MAX_NAME - (len(longest) - len(release.name))
        yield Finding(
            ("name",),
            f"`{longest}` has {len(longest)} characters, a name may have {MAX_NAME}",
            f"shorten `name` to {room} characters",
        )
    for slot in release.slots.values():
        name = names.deployment(release, slot)
        if len(name) > MAX_NAME:
            message = f"`{name}` has {len(name)} characters, a name may have {MAX_NAME}"
            yield Finding(("slots", slot.name, "version"), message, "shorten the name or the version")


@error("BG205", "two stages have one name, or a reserved one")
def stage_names(release: Release, source: Source) -> Iterator[Finding]:
    """A stage is a name in the spec and a file in `routes/`. `blue`, `green` and `rollback` always exist; some names cannot be
    files on Windows, which would break every checkout there.

    Fix: choose another name. Source: Microsoft, Naming Files, Paths, and Namespaces.
    """
    taken = [stage.name for stage in release.stages]
    again = repeated(taken)
    for i, name in enumerate(taken):
        path = ("stages", i, "name")
        if name in ("blue", "green", "rollback"):
            yield Finding(path, f"`{name}` is always a stage, with 100 % to one slot", "choose another name, or leave it out")
        elif name in _DEVICES:
            yield Finding(path, f"`{name}` cannot be a file name on Windows", "choose another name")
        elif i in again:
            yield Finding(path, f"the stage `{name}` is declared twice", "give it a name of its own")


@error("BG206", "a host is named twice")
def hosts_twice(release: Release, source: Source) -> Iterator[Finding]:
    """Istio refuses a VirtualService that names a host twice, directly, by a wildcard that covers it, or because bgen adds
    the mesh host itself.

    Fix: keep one. Source: istio/pkg/config/validation, duplicate hosts in virtual service.
    """
    for i in repeated(list(release.hosts)):
        yield Finding(("hosts", i), f"the host {release.hosts[i]} is named twice", "Istio refuses it: keep one")
    for i, host in enumerate(release.hosts):
        if release.in_mesh and host == release.host:
            yield Finding(("hosts", i), f"{host} is added by itself, because `gateways` contains mesh", "remove it")
        covering = [other for other in release.hosts if other.startswith("*") and other != host and host.endswith(other[1:])]
        if covering:
            message = f"the host {host} is covered by {covering[0]}"
            yield Finding(("hosts", i), message, "Istio refuses overlapping hosts in one VirtualService: keep one of them")


_WORDS = {"name": "name", "port": "number"}


@error("BG207", "two ports share a name or number")
def ports_twice(release: Release, source: Source) -> Iterator[Finding]:
    """The ports of a Service have unique names and numbers, else the API server refuses it.

    Fix: rename or renumber one. Source: Kubernetes, ServiceSpec.ports.
    """
    for field in ("name", "port"):
        values = [getattr(port, field) for port in release.ports]
        for i in repeated(values):
            yield Finding(("ports", i, field), f"the port {_WORDS[field]} {values[i]} is used twice", "each port needs its own")


@error("BG208", "two rules have one name, or a reserved one")
def routes_twice(release: Release, source: Source) -> Iterator[Finding]:
    """Rule names appear in access logs, metrics and the other stages' rules. `default` is the rule of `route`.

    Fix: choose another name.
    """
    taken = [rule.name for rule in release.rules[:-1]]
    for i in repeated(taken):
        yield Finding(("routes", i, "name"), f"the rule `{taken[i]}` is declared twice", "give it a name of its own")
    for i, name in enumerate(taken):
        if name == "default":
            yield Finding(("routes", i, "name"), "`default` is the rule that `route` describes", "choose another name")


@error("BG209", "a label would change the identity of the pods")
def identity_labels(release: Release, source: Source) -> Iterator[Finding]:
    """Selector labels are immutable in a Deployment, and they are what the subsets select by. A free label of the same name
    would change the identity of running pods.

    Fix: use `selector`, `versionLabel` and `slots.*.version`. Source: Kubernetes, Deployment, label selector updates.
    """
    own = {*release.selector, release.version_label}
    places = [
        ("labels",),
        ("pod", "labels"),
        *(("slots", s, *rest) for s in release.slots for rest in (("labels",), ("pod", "labels"))),
    ]
    for place in places:
        for name in source.get(place) or ():
            if name in own:
                message = f"the label `{name}` belongs to the selector of the pods"
                yield Finding((*place, name), message, "set it by `selector`, `versionLabel` and `slots.*.version`", "key")
    if release.version_label in release.selector:
        yield Finding(
            ("selector", release.version_label),
            "`versionLabel` must not be in `selector`: it tells the slots apart",
            at="key",
        )
