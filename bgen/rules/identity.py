"""Names, labels and what tells one thing from another."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from bgen import names
from bgen.release import Release
from bgen.rules.rule import Finding
from bgen.rules.rule import error
from bgen.rules.rule import repeated
from bgen.source import Source

MAX_NAME = 63
# Files that Windows cannot create, whatever their extension (Naming Files, Paths, and Namespaces).
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}


@error("BG201", "the live stage is not a stage of the release")
def unknown_stage(release: Release, source: Source) -> Iterator[Finding]:
    if release.stage_named(release.stage):
        return
    known = [stage.name for stage in release.all_stages()]
    steps = [stage.name for stage in release.stages]
    if release.stage in (*steps, release.candidate):
        hint = f"add `slots.{release.candidate}`, or set `stage: {release.stable}`"
        yield Finding(
            ("stage",), f"`{release.stage}` needs the slot {release.candidate}, which the release does not have", hint
        )
        return
    close = difflib.get_close_matches(release.stage, known, n=1)
    hint = f"did you mean `{close[0]}`?" if close else f"one of: {', '.join(known)}"
    yield Finding(("stage",), f"`{release.stage}` is not a stage of this release", hint)


@error("BG202", "the stable slot is missing")
def missing_stable(release: Release, source: Source) -> Iterator[Finding]:
    if release.stable not in release.slots:
        hint = f"add `slots.{release.stable}`, or set `stable: {release.candidate}`"
        yield Finding(("stable",), f"the stable slot {release.stable} is not among the slots", hint)


@error("BG203", "both slots have the same identity")
def same_identity(release: Release, source: Source) -> Iterator[Finding]:
    if len(release.slots) < 2:
        return
    blue, green = release.slots["blue"], release.slots["green"]
    if names.deployment(release, blue) == names.deployment(release, green):
        message = f"version {green.version} gives both slots the Deployment {names.deployment(release, green)}"
        yield Finding(("slots", "green", "version"), message, "give each slot a version of its own, as in v1 and v2")


@error("BG204", "a derived name is too long")
def long_names(release: Release, source: Source) -> Iterator[Finding]:
    derived = [names.virtual_service(release), names.destination_rule(release)]
    derived += [names.prometheus_rule(release)] if release.prometheus_rule else []
    derived += [names.dashboard(release)] if release.grafana else []
    derived += [names.application(release)] if release.argocd else []
    longest = max(derived, key=len)
    if len(longest) > MAX_NAME:
        room = MAX_NAME - (len(longest) - len(release.name))
        yield Finding(
            ("name",), f"`{longest}` has {len(longest)} characters, a name may have {MAX_NAME}", f"at most {room} here"
        )
    for slot in release.slots.values():
        name = names.deployment(release, slot)
        if len(name) > MAX_NAME:
            message = f"`{name}` has {len(name)} characters, a name may have {MAX_NAME}"
            yield Finding(("slots", slot.name, "version"), message, "shorten the name or the version")


@error("BG205", "two stages have one name, or a reserved one")
def stage_names(release: Release, source: Source) -> Iterator[Finding]:
    taken = [stage.name for stage in release.stages]
    again = repeated(taken)
    for i, name in enumerate(taken):
        path = ("stages", i, "name")
        if name in ("blue", "green", "rollback"):
            yield Finding(
                path, f"`{name}` is always a stage, with 100 % to one slot", "choose another name, or leave it out"
            )
        elif name in _DEVICES:
            yield Finding(path, f"`{name}` cannot be a file name on Windows", "choose another name")
        elif i in again:
            yield Finding(path, f"the stage `{name}` is declared twice", "give it a name of its own")


@error("BG206", "a host is named twice")
def hosts_twice(release: Release, source: Source) -> Iterator[Finding]:
    for i in repeated(list(release.hosts)):
        yield Finding(("hosts", i), f"the host {release.hosts[i]} is named twice", "Istio refuses it: keep one")
    for i, host in enumerate(release.hosts):
        if release.in_mesh and host == release.host:
            yield Finding(("hosts", i), f"{host} is added by itself, because `gateways` contains mesh", "remove it")
        covering = [
            other for other in release.hosts if other.startswith("*") and other != host and host.endswith(other[1:])
        ]
        if covering:
            message = f"the host {host} is covered by {covering[0]}"
            yield Finding(
                ("hosts", i), message, "Istio refuses overlapping hosts in one VirtualService: keep one of them"
            )


@error("BG207", "two ports share a name or number")
def ports_twice(release: Release, source: Source) -> Iterator[Finding]:
    for field in ("name", "port"):
        values = [getattr(port, field) for port in release.ports]
        for i in repeated(values):
            yield Finding(("ports", i, field), f"the port {field} {values[i]} is used twice", "each port needs its own")


@error("BG208", "two rules have one name, or a reserved one")
def routes_twice(release: Release, source: Source) -> Iterator[Finding]:
    taken = [rule.name for rule in release.rules[:-1]]
    for i in repeated(taken):
        yield Finding(("routes", i, "name"), f"the rule `{taken[i]}` is declared twice", "give it a name of its own")
    for i, name in enumerate(taken):
        if name == "default":
            yield Finding(("routes", i, "name"), "`default` is the rule that `route` describes", "choose another name")


@error("BG209", "a label would change the identity of the pods")
def identity_labels(release: Release, source: Source) -> Iterator[Finding]:
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
                yield Finding(
                    (*place, name), message, "set it by `selector`, `versionLabel` and `slots.*.version`", "key"
                )
    if release.version_label in release.selector:
        yield Finding(
            ("selector", release.version_label),
            "`versionLabel` must not be in `selector`: it tells the slots apart",
            at="key",
        )
