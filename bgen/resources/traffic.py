"""DestinationRule, Gateway and the VirtualService of every stage.

A VirtualService holds on every HTTP port of its Service (pilot/pkg/networking/core/route), so every further port gets a
rule set of its own, in front of the port-less rules of the main port.
"""

from __future__ import annotations

from typing import Any
from typing import NamedTuple

from bgen import names
from bgen.document import Document
from bgen.matching import both
from bgen.matching import mirrored
from bgen.merge import override
from bgen.release import Fields
from bgen.release import Port
from bgen.release import Release
from bgen.release import Rule
from bgen.release import Stage

RULE_FIELDS = ("timeout", "retries", "corsPolicy", "headers", "rewrite", "fault", "redirect", "directResponse")


class HTTPRule(NamedTuple):
    """One entry of a VirtualService's `http`, complete. Field names are Istio's, so that the template reads like it."""

    name: str
    match: list[Fields] | None
    redirect: Fields | None
    directResponse: Fields | None
    route: list[Fields] | None
    mirrors: list[Fields] | None
    timeout: str | None
    retries: Fields | None
    corsPolicy: Fields | None
    headers: Fields | None
    rewrite: Fields | None
    fault: Fields | None


class Subset(NamedTuple):
    name: str
    labels: dict[str, str]
    trafficPolicy: Fields | None


def documents(release: Release) -> list[Document]:
    """The DestinationRule, the Gateway if there is one, the live VirtualService, and each stage's under routes/."""
    found = [_destination_rule(release)]
    if release.gateway:
        found.append(Document(f"{names.MANIFESTS}/gateway.yaml", "gateway.yaml.j2", _gateway(release)))
    live = virtual_service(release, release.live)
    found.append(Document(f"{names.MANIFESTS}/virtual-service.yaml", "virtual-service.yaml.j2", live))
    for stage in release.all_stages():
        values = virtual_service(release, stage)
        found.append(Document(f"{names.ROUTES}/{stage.name}.yaml", "virtual-service.yaml.j2", values))
    return found


def _metadata(release: Release, name: str, wave: int, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    waves = {names.WAVE: str(wave)} if release.waves else {}
    return {
        "name": name,
        "namespace": release.namespace,
        "labels": names.metadata_labels(release),
        "annotations": {**release.annotations, **(annotations or {}), **waves} or None,
    }


def _destination_rule(release: Release) -> Document:
    subsets = [
        Subset(slot.name, names.subset_labels(release, slot), slot.traffic_policy or None) for slot in release.slots.values()
    ]
    values = {
        **_metadata(release, names.destination_rule(release), -1),
        "host": release.host,
        "exportTo": release.export_to,
        "subsets": subsets,
    }
    return Document(f"{names.MANIFESTS}/destination-rule.yaml", "destination-rule.yaml.j2", values)


def _gateway(release: Release) -> dict[str, Any]:
    gateway = release.gateway
    assert gateway is not None
    metadata = {**_metadata(release, gateway.name, -1), "namespace": gateway.namespace}
    return {**metadata, "selector": gateway.selector, "servers": gateway.servers}


def virtual_service(release: Release, stage: Stage) -> dict[str, Any]:
    """The values of the VirtualService in a stage. Only `http`, `tcp` and the stage annotations depend on the stage."""
    annotations = {**(stage.annotations or {}), names.STAGE: stage.name}
    if stage.name == "rollback":
        written = {names.ROLLBACK_REASON: release.rollback_reason, names.ROLLBACK_AT: release.rollback_at}
        annotations |= {name: text for name, text in written.items() if text is not None}
    return {
        **_metadata(release, names.virtual_service(release), 1, annotations),
        "hosts": [*([release.host] if release.in_mesh else []), *release.hosts],
        "gateways": list(release.gateways),
        "exportTo": release.export_to,
        "http": http_rules(release, stage) or None,
        "tcp": _tcp_rules(release, stage) or None,
    }


def http_rules(release: Release, stage: Stage) -> list[HTTPRule]:
    """Every HTTP rule of a stage in order; the first that fits a request decides. Raises matching.Clash."""
    if not release.http_ports:
        return []
    main, *further = release.http_ports
    found: list[HTTPRule] = []
    # At a gateway `match.port` means the gateway's own listener, so the rules of further ports hold in the mesh only.
    for port in further if release.in_mesh else ():
        limit = [{"port": port.port, "gateways": ["mesh"]}]
        for rule in release.rules:
            if rule.name == "default" or rule.port == port.port:
                found += _staged(release, stage, rule, port, _limit(rule, limit), f"{port.name}-")
    base = release.rules[-1].match
    for rule in release.rules:
        target = next((port for port in release.http_ports if port.port == rule.port), main)
        match = rule.match if rule.name == "default" else both(base, rule.match)
        found += _staged(release, stage, rule, target, match, "")
    return found


def _limit(rule: Rule, limit: list[Fields]) -> list[Fields] | None:
    # `route.match` speaks of paths on a shared public host; the further ports are the application's own.
    return limit if rule.name == "default" else both(limit, rule.match)


def _staged(release: Release, stage: Stage, rule: Rule, port: Port, match: list[Fields] | None, prefix: str) -> list[HTTPRule]:
    """One rule of the application under a stage: the candidate's matches, the mirrored part, the rest."""
    if match == []:
        return []
    fields = rule.fields if rule.ends_here else override(rule.fields, stage.route)
    name = prefix + rule.name
    if rule.ends_here:
        return [_rule(name, match, fields)]
    found = []
    if stage.match is not None:
        chosen = override(fields, stage.candidate)
        found.append(_rule(f"{name}-candidate", both(match, stage.match), chosen, [_to(release, release.candidate, port)]))
    if stage.mirror and not (port.protocol == "grpc" and "POST" not in stage.mirror.methods):
        copied = both(match, mirrored(stage.mirror.methods, stage.mirror.match))
        copy = {**_to(release, release.candidate, port), "percentage": {"value": stage.mirror.percent}}
        found.append(_rule(f"{name}-mirror", copied, fields, [_to(release, release.stable, port)], [copy]))
    found.append(_rule(name, match, fields, _weighted(release, stage, port)))
    return [one for one in found if one.match != []]


def _weighted(release: Release, stage: Stage, port: Port) -> list[Fields]:
    """The destinations of the rest; a single one has no weight, because Istio would ignore it."""
    headers = override({}, stage.candidate).get("headers")
    stable, candidate = _to(release, release.stable, port), _to(release, release.candidate, port)
    if headers and stage.weight:
        candidate["headers"] = headers
    if stage.weight in (0, 100):
        return [candidate if stage.weight else stable]
    return [{**stable, "weight": 100 - stage.weight}, {**candidate, "weight": stage.weight}]


def _to(release: Release, slot: str, port: Port) -> Fields:
    return {"destination": {"host": release.host, "port": {"number": port.port}, "subset": slot}}


def _rule(
    name: str,
    match: list[Fields] | None,
    fields: Fields,
    route: list[Fields] | None = None,
    mirrors: list[Fields] | None = None,
) -> HTTPRule:
    return HTTPRule(name=name, match=match, route=route, mirrors=mirrors, **{field: fields.get(field) for field in RULE_FIELDS})


def _tcp_rules(release: Release, stage: Stage) -> list[Fields]:
    """One per TCP port: a connection follows the weights and knows neither match nor mirror."""
    return [
        {"match": [{"port": port.port, "gateways": ["mesh"]}], "route": _tcp_weighted(release, stage, port)}
        for port in (release.tcp_ports if release.in_mesh else ())
    ]


def _tcp_weighted(release: Release, stage: Stage, port: Port) -> list[Fields]:
    return [{k: v for k, v in destination.items() if k != "headers"} for destination in _weighted(release, stage, port)]
