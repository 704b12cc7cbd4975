"""What a stage can and cannot do."""

from __future__ import annotations

from collections.abc import Iterator

from bgen import matching
from bgen.diagnostics import Path
from bgen.release import Release
from bgen.release import Rule
from bgen.release import Stage
from bgen.rules.rule import Finding
from bgen.rules.rule import error
from bgen.rules.rule import warning
from bgen.source import Source


@error("BG211", "weight and mirror in one stage")
def weight_and_mirror(release: Release, source: Source) -> Iterator[Finding]:
    """A request would arrive at the candidate as a real one and as a copy, and be done twice.

    Fix: mirror in one stage, weigh in the next.
    """
    for i, stage in enumerate(release.stages):
        if stage.weight and stage.mirror:
            message = f"the stage `{stage.name}` sends a request to the candidate twice: by weight and as a copy"
            yield Finding(("stages", i, "mirror"), message, "make two stages of it", "key")


@error("BG212", "a stage that TCP ports cannot follow")
def tcp_only(release: Release, source: Source) -> Iterator[Finding]:
    """TCP has no requests, so there is nothing to match, copy or add headers to. A connection follows weights only.

    Fix: use stages with `weight`. Source: Istio, TCPRoute.
    """
    if release.http_ports:
        return
    for i, stage in enumerate(release.stages):
        for field in ("match", "mirror", "route", "candidate"):
            if getattr(stage, field) is not None and not stage.is_default:
                message = f"`{field}` needs an HTTP port, and the release has only TCP ports"
                yield Finding(("stages", i, field), message, "TCP connections can follow a `weight` only", "key")
    for field in ("route", "routes"):
        if field in source.data:
            yield Finding((field,), f"`{field}` needs an HTTP port, and the release has only TCP ports", "remove it", "key")


@error("BG213", "a stage's match cannot be combined with a rule's")
def clashing_matches(release: Release, source: Source) -> Iterator[Finding]:
    """A stage's match limits every rule's match, so both must hold. Two prefixes, exact texts and lists of methods can be
    compared; a regular expression on one side cannot, and Istio takes only one value for a field.

    Fix: set the field on one side, or use exact or prefix. Source: Istio, HTTPMatchRequest.
    """
    base = release.rules[-1].match
    for i, rule in enumerate(release.rules[:-1]):
        field = _clash(base, rule.match)
        if field:
            message = f"the rule and `route.match` both set {field}, and bgen cannot tell what fits both"
            yield Finding(("routes", i, "match"), message, _CLASH)
    for i, stage in enumerate(release.stages):
        for part, limit in (("match", stage.match), ("mirror", _copied(stage))):
            for j, rule in enumerate(release.rules):
                field = "" if rule.ends_here or limit is None else _clash(_whole(release, rule), limit)
                if field:
                    own: Path = ("route", "match") if rule.name == "default" else ("routes", j, "match")
                    path: Path = own if stage.is_default else ("stages", i, part)
                    message = f"the stage `{stage.name}` and the rule `{rule.name}` both set {field}, and bgen cannot tell what fits both"
                    yield Finding(path, message, _CLASH, "key")


_CLASH = "set it on one side only, or use exact and prefix, which can be compared"


def _copied(stage: Stage) -> list[matching.Match] | None:
    if stage.mirror is None:
        return None
    try:
        return matching.mirrored(stage.mirror.methods, stage.mirror.match)
    except matching.Clash:
        # The mirror's own match sets a method that cannot be compared; every rule clashes with it then.
        return [{"method": {"regex": "."}}]


def _whole(release: Release, rule: Rule) -> list[matching.Match] | None:
    base = release.rules[-1].match
    try:
        return rule.match if rule.name == "default" else matching.both(base, rule.match)
    except matching.Clash:
        return rule.match


def _clash(one: list[matching.Match] | None, two: list[matching.Match] | None) -> str:
    try:
        matching.both(one, two)
    except matching.Clash as error:
        return str(error)
    return ""


@error("BG214", "a stage's match selects no request")
def empty_selection(release: Release, source: Source) -> Iterator[Finding]:
    """Nothing fits the stage's match and any of the rules together, so the stage would send the candidate nothing while
    everybody believes that it is being tested.

    Fix: compare paths, hosts and methods of the stage with those of `route.match` and `routes`.
    """
    for i, stage in enumerate(release.stages):
        for part, limit in (("match", stage.match), ("mirror", _copied(stage))):
            if limit is None or stage.is_default or not release.http_ports:
                continue
            rules = [rule for rule in release.rules if not rule.ends_here]
            if not any(_fits(_whole(release, rule), limit) for rule in rules):
                message = f"no request fits `stages[{i}].{part}` and a rule of the release together"
                yield Finding(
                    ("stages", i, part),
                    message,
                    "the candidate would get nothing: compare the paths, hosts and methods",
                    "key",
                )


def _fits(one: list[matching.Match] | None, two: list[matching.Match]) -> bool:
    try:
        return matching.both(one, two) != []
    except matching.Clash:
        return True


@error("BG215", "fields for the candidate that a weighted rule cannot have")
def candidate_fields(release: Release, source: Source) -> Iterator[Finding]:
    """`candidate` is for the rules that go to the candidate only. A weighted rule is one rule for both slots; only `headers`
    can be set per destination.

    Fix: add a `match` to the stage, or keep to `headers`. Source: Istio, HTTPRouteDestination.
    """
    for i, stage in enumerate(release.stages):
        for field in stage.candidate or {}:
            path = ("stages", i, "candidate", field)
            if stage.match is None and not stage.weight:
                yield Finding(
                    path,
                    f"`{field}` is for the candidate, which has no rule of its own in `{stage.name}`",
                    "add a `match`",
                    "key",
                )
            elif stage.match is None and field != "headers":
                message = f"`{field}` would hold for both slots: a weighted rule has one for all its destinations"
                yield Finding(path, message, "use `match`, or `headers`, which a destination can have", "key")


@error("BG216", "a rollback without a reason")
def rollback_reason(release: Release, source: Source) -> Iterator[Finding]:
    """Somebody will ask at night why traffic went back. The reason is printed on the route and stays in git.

    Fix: `rollback: {reason: "…"}`.
    """
    if release.stage == "rollback" and not release.rollback_reason:
        hint = 'add `rollback: {reason: "…"}`: it is printed on the route, for whoever reads it at night'
        yield Finding(("stage",), "the stage is `rollback` and nobody says why", hint)


@warning("BG217", "a mirror that copies no gRPC request")
def mirrored_grpc(release: Release, source: Source) -> Iterator[Finding]:
    """Every gRPC call is a POST, and by default only GET and HEAD are mirrored, because a mirrored write is a real write.
    The stage would look tested while nothing was copied.

    Fix: add POST to `mirror.methods` if the copies can do no harm.
    """
    ports = [port.name for port in release.http_ports if port.protocol == "grpc"]
    for i, stage in enumerate(release.stages):
        # A match on paths of another port is a choice, not an oversight.
        overlooked = (
            stage.mirror and not stage.is_default and (stage.mirror.match is None or len(ports) == len(release.http_ports))
        )
        if ports and stage.mirror and overlooked and "POST" not in stage.mirror.methods:
            message = f"gRPC is always POST, so nothing of port {ports[0]} is copied in `{stage.name}`"
            yield Finding(("stages", i, "mirror"), message, "add POST to `mirror.methods` if the copies can do no harm", "key")


@error("BG218", "a slot without pods would get traffic")
def receiving_without_pods(release: Release, source: Source) -> Iterator[Finding]:
    """A subset without pods answers 503 (UH, no healthy upstream) to its whole share of the traffic.

    Fix: start the pods in a commit before the one that sends them traffic.
    """
    live = release.stage_named(release.stage)
    if live is None or release.stable not in release.slots:
        return
    for slot in release.slots.values():
        receives = live.needs_candidate if slot.name == release.candidate else live.weight < 100
        if receives and slot.replicas == 0:
            own = ("slots", slot.name, "replicas")
            path = own if source.get(own) is not None else ("replicas",)
            message = f"the slot {slot.name} gets traffic in the stage `{live.name}` and has no pods"
            yield Finding(path, message, "every request to it would be answered 503: give it replicas in a commit before")
