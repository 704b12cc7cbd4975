"""What people hold in their hands: the break-glass script and the runbook of the release."""

from __future__ import annotations

import json
from typing import NamedTuple

from bgen import names
from bgen.document import Document
from bgen.release import Fields
from bgen.release import Mirror
from bgen.release import Release
from bgen.release import Stage


class _Slot(NamedTuple):
    name: str
    version: str
    image: str
    role: str
    deployment: str
    share: str


class _Stage(NamedTuple):
    """A row of the table of stages; `match` and `mirror` are a dash where there is nothing to say."""

    name: str
    shares: str
    match: str
    mirror: str
    file: str


class _Alerts(NamedTuple):
    """The alerts that have a section in the runbook."""

    exist: bool
    error_rate: bool
    latency: bool
    no_traffic: bool


def documents(release: Release) -> list[Document]:
    return [
        Document("ops/traffic.sh", "traffic.sh.j2", _script(release)),
        Document("README.md", "README.md.j2", _runbook(release)),
    ]


def _script(release: Release) -> Fields:
    """Nothing here depends on the live stage: the script reads it from the manifests beside it and from the cluster."""
    stages = release.all_stages()
    return {
        "namespace": release.namespace,
        "virtual_service": names.virtual_service(release),
        "slots": list(release.slots),
        "deployments": [names.deployment(release, slot) for slot in release.slots.values()],
        "stages": [stage.name for stage in stages],
        "receivers": [" ".join(_receivers(release, stage)) for stage in stages],
        "summaries": [_summary(release, stage) for stage in stages],
        "application": names.application(release) if release.argocd else "",
        "application_namespace": release.argocd.namespace if release.argocd else "",
    }


def _receivers(release: Release, stage: Stage) -> list[str]:
    """The slots that get any request in a stage, copies included."""
    return [
        slot for slot in release.slots if release.weight_of(slot, stage) or (slot == release.candidate and stage.needs_candidate)
    ]


def _shares(release: Release, stage: Stage) -> str:
    return ", ".join(f"{slot} {release.weight_of(slot, stage)} %" for slot in release.slots)


def _summary(release: Release, stage: Stage) -> str:
    parts = [_shares(release, stage)]
    if stage.match is not None:
        parts.append(f"matching requests to {release.candidate}")
    if stage.mirror:
        parts.append(f"copies of {_copied(stage.mirror)} to {release.candidate}")
    return "; ".join(parts)


def _copied(mirror: Mirror) -> str:
    matching = " that match" if mirror.match is not None else ""
    return f"{_percent(mirror.percent)} of {', '.join(mirror.methods)}{matching}"


def _percent(value: float) -> str:
    return f"{str(value).removesuffix('.0')} %"


def _runbook(release: Release) -> Fields:
    live, walk = release.live, [stage.name for stage in release.walk()]
    further = walk[walk.index(live.name) + 1 :] if live.name in walk else walk[1:]
    return {
        "name": release.name,
        "namespace": release.namespace,
        "stage": live.name,
        "stable": release.stable,
        "candidate": release.candidate,
        "next": further[0] if further else None,
        "rolled_back": live.name == "rollback",
        "at_stable": live.name == release.stable,
        "has_candidate": release.candidate in release.slots,
        "reason": release.rollback_reason if live.name == "rollback" else None,
        "at": release.rollback_at if live.name == "rollback" else None,
        "slots": [_slot(release, slot) for slot in release.slots],
        "stages": [_stage(release, stage) for stage in release.all_stages()],
        "picture": _picture(release),
        "application": names.application(release) if release.argocd else None,
        "automated": bool(release.argocd and release.argocd.automated),
        "manifests": release.argocd.path if release.argocd else names.MANIFESTS,
        **_monitoring(release),
        "workflow": release.github is not None,
        **_adoption(release),
    }


def _adoption(release: Release) -> Fields:
    """What the section about taking over a running application says; only a selector of the user's own needs it."""
    stable = release.slots[release.stable]
    return {
        "adopted": None
        if release.selector == {"app": release.name}
        else ",".join(f"{k}={v}" for k, v in release.selector.items()),
        "version_label": release.version_label,
        "has_account": release.service_account.create,
        "stable_file": f"{names.MANIFESTS}/deployment-{release.stable}.yaml",
        "stable_deployment": names.deployment(release, stable),
    }


def _monitoring(release: Release) -> Fields:
    """Which of the monitoring files exist, and which alerts have a section."""
    rule, delivery = release.prometheus_rule, release.grafana.delivery if release.grafana else ""
    settings = rule.alerts if rule and release.http_ports else {}
    watched = {name for name, alert in settings.items() if alert.enabled}
    return {
        "rules": f"alerts/{release.name}.rules.yaml" if rule else None,
        "dashboard": f"dashboards/{release.name}.json" if delivery in ("file", "both") else None,
        "dashboard_synced": delivery in ("configMap", "both"),
        "alerts": _Alerts(
            exist=bool(watched),
            error_rate="BlueGreenHighErrorRate" in watched,
            latency="BlueGreenHighLatency" in watched,
            no_traffic="BlueGreenVersionNoTraffic" in watched,
        ),
    }


def _slot(release: Release, name: str) -> _Slot:
    slot = release.slots[name]
    role = "stable" if name == release.stable else "candidate"
    share = f"{release.weight_of(name, release.live)} %"
    return _Slot(name, slot.version, slot.image, role, names.deployment(release, slot), share)


def _stage(release: Release, stage: Stage) -> _Stage:
    return _Stage(
        name=stage.name,
        shares=_shares(release, stage),
        match="-" if stage.match is None else json.dumps(stage.match, ensure_ascii=False),
        mirror=_copied(stage.mirror) if stage.mirror else "-",
        file=f"{names.ROUTES}/{stage.name}.yaml",
    )


def _picture(release: Release) -> str:
    """A Mermaid flowchart of the live stage: solid arrows are requests, dotted ones copies that nobody waits for."""
    live = release.live
    lines = [
        "flowchart LR",
        f'  callers(["callers"]) --> route["{names.virtual_service(release)}<br/>stage {live.name}"]',
    ]
    for slot in release.slots.values():
        weight = release.weight_of(slot.name, live)
        lines.append(f'  {slot.name}["{slot.name}: {slot.version}"]')
        if weight:
            lines.append(f'  route -->|"{weight} %"| {slot.name}')
    if live.match is not None:
        lines.append(f'  route -->|"matching requests"| {release.candidate}')
    if live.mirror:
        lines.append(f'  route -.->|"copies of {_copied(live.mirror)}"| {release.candidate}')
    return "\n".join(lines)
