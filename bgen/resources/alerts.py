"""The PrometheusRule and the same groups as a plain rules file.

The declared share of each slot is recorded as a constant series. It is the only thing here that depends on the live
stage: an alert that needs the declaration reads that series, so a promotion changes no alert and resets no `for`.
"""

from __future__ import annotations

from typing import NamedTuple

from bgen import names
from bgen import promql
from bgen.document import Document
from bgen.release import Alert
from bgen.release import Fields
from bgen.release import PrometheusRule
from bgen.release import Release
from bgen.release import Slot

_WINDOW = "5m"
# Requests per second below which a ratio says nothing: 30 requests in the window.
_LEAST = "0.1"
_GO_BACK = (
    "Set `stage: rollback` and `rollback.reason` in the spec, run `bgen build` and merge."
    " In an emergency: `ops/traffic.sh apply rollback`."
)


class _Subject(NamedTuple):
    """What an alert speaks of: a slot, or the whole service."""

    title: str
    labels: dict[str, str]
    matchers: tuple[str, ...]
    advice: str


def documents(release: Release) -> list[Document]:
    settings = release.prometheus_rule
    if settings is None:
        return []
    groups = _groups(release, settings)
    custom = {**_metadata(release, settings), "groups": groups}
    return [
        Document(f"{names.MANIFESTS}/prometheus-rule.yaml", "prometheus-rule.yaml.j2", custom),
        Document(f"alerts/{release.name}.rules.yaml", "rules.yaml.j2", {"groups": groups}),
    ]


def _metadata(release: Release, settings: PrometheusRule) -> Fields:
    # A cluster without the operator's CRD must still be able to sync everything else.
    annotations = {**release.annotations, names.SYNC_OPTIONS: "SkipDryRunOnMissingResource=true"}
    if release.waves:
        annotations[names.WAVE] = "-1"
    return {
        "name": names.prometheus_rule(release),
        "namespace": settings.namespace,
        "labels": {**names.metadata_labels(release), **settings.labels},
        "annotations": annotations,
    }


def _groups(release: Release, settings: PrometheusRule) -> list[Fields]:
    """The groups in Prometheus' own shape; an empty one is left out."""
    rules = {
        "declared": [_declared(release, slot) for slot in release.slots.values()],
        "alerts": _alerts(release, settings),
        "extra": settings.extra,
    }
    return [{"name": f"{names.application(release)}-{part}", "rules": found} for part, found in rules.items() if found]


def _declared(release: Release, slot: Slot) -> Fields:
    return {
        "record": names.DECLARED_WEIGHT,
        "expr": f"vector({release.weight_of(slot.name, release.live)})",
        "labels": {**_service_labels(release), **_slot_labels(slot)},
    }


def _service_labels(release: Release) -> dict[str, str]:
    return {"app": release.name, "namespace": release.namespace}


def _slot_labels(slot: Slot) -> dict[str, str]:
    return {"slot": slot.name, "version": slot.version}


def _alerts(release: Release, settings: PrometheusRule) -> list[Fields]:
    if not release.http_ports:
        # TCP has no requests: an alert that can never fire would only pretend to watch.
        return []
    service, slots = _service(release), [_slot(release, slot) for slot in release.slots.values()]
    found = [_error_rate(settings, subject) for subject in (service, *slots)]
    found += [_latency(settings, subject) for subject in slots]
    found += [_no_traffic(release, settings, subject) for subject in slots]
    return [rule for rule in found if settings.alerts[rule["alert"]].enabled]


def _service(release: Release) -> _Subject:
    advice = f"`ops/traffic.sh status` shows the live stage and the pods that are available. {_GO_BACK}"
    matchers = promql.user_requests(release.name, release.namespace)
    return _Subject(f"{release.name} in {release.namespace}", _service_labels(release), matchers, advice)


def _slot(release: Release, slot: Slot) -> _Subject:
    service = _service(release)
    title = f"slot {slot.name} ({slot.version}) of {service.title}"
    labels = {**service.labels, **_slot_labels(slot)}
    logs = f"`kubectl --namespace {release.namespace} logs deployment/{names.deployment(release, slot)}`"
    advice = f"A rollback leads to this slot, so it must be repaired: look at {logs}."
    if slot.name == release.candidate:
        advice = _GO_BACK
    return _Subject(title, labels, (*service.matchers, promql.of_revision(names.revision(slot))), advice)


def _requests(matchers: tuple[str, ...]) -> str:
    return promql.rate_sum(promql.selector(names.REQUESTS, *matchers), _WINDOW)


def _error_rate(settings: PrometheusRule, subject: _Subject) -> Fields:
    """By slot, so that a small share of bad requests cannot hide; and as a whole, for those that reached no slot."""
    name = "BlueGreenHighErrorRate"
    all_requests = _requests(subject.matchers)
    failed = promql.failed_sum(names.REQUESTS, subject.matchers, _WINDOW)
    expression = f"{failed}\n/\n{all_requests}\n> {_threshold(settings.alerts[name])}\nand\n{all_requests} > {_LEAST}"
    summary = f"Too many requests to {subject.title} fail."
    said = f"{{{{ $value | humanizePercentage }}}} of the requests of the last {_WINDOW} failed. {subject.advice}"
    return _alert(settings, name, subject, expression, summary, said)


def _latency(settings: PrometheusRule, subject: _Subject) -> Fields:
    name = "BlueGreenHighLatency"
    buckets = promql.selector(names.DURATION, *subject.matchers)
    slow = f"{promql.quantile(0.99, buckets, _WINDOW)}\n> {_threshold(settings.alerts[name])}"
    expression = f"{slow}\nand\n{_requests(subject.matchers)} > {_LEAST}"
    summary = f"Requests to {subject.title} are slow."
    said = f"One request in a hundred takes longer than {{{{ $value | humanize }}}} ms. {subject.advice}"
    return _alert(settings, name, subject, expression, summary, said)


def _no_traffic(release: Release, settings: PrometheusRule, subject: _Subject) -> Fields:
    """Fires on an absent series too; a share so small that chance explains the silence does not count."""
    name = "BlueGreenVersionNoTraffic"
    wanted = (promql.equal(label, subject.labels[label]) for label in ("app", "namespace", "slot"))
    declared = promql.selector(names.DECLARED_WEIGHT, *wanted)
    everything = _requests(_service(release).matchers)
    expected = f"{declared} / 100 * scalar({everything}) > {_LEAST}"
    expression = f"{expected}\nunless on ()\n{_requests(subject.matchers)} > 0"
    summary = f"No request reaches {subject.title}, although it has a declared share."
    said = (
        "By its declared share it should get {{ $value | humanize }} requests per second. `ops/traffic.sh status` shows the"
        f" route that is live and the pods that are available. {subject.advice}"
    )
    return _alert(settings, name, subject, expression, summary, said)


def _threshold(alert: Alert) -> str:
    assert alert.threshold is not None
    return promql.number(alert.threshold)


def _alert(settings: PrometheusRule, name: str, subject: _Subject, expression: str, summary: str, description: str) -> Fields:
    alert = settings.alerts[name]
    annotations = {"summary": summary, "description": description}
    if settings.runbook_base_url is not None:
        annotations["runbook_url"] = promql.template_text(f"{settings.runbook_base_url}#{name.lower()}")
    return {
        "alert": name,
        "expr": expression,
        "for": alert.duration,
        "labels": {**subject.labels, "severity": alert.severity, **settings.alert_labels},
        "annotations": annotations,
    }
