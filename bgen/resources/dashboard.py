"""The Grafana dashboard, as a file to import and as a ConfigMap for Grafana's sidecar.

The classic model, which every Grafana from 9 on reads, from a file as well as from a ConfigMap. No `__inputs`: only the
import dialogue resolves them (grafana/grafana#10786). Nothing in it depends on the live stage.
"""

from __future__ import annotations

import json
from typing import Any
from typing import NamedTuple

from bgen import names
from bgen import promql
from bgen.document import Document
from bgen.release import Fields
from bgen.release import Grafana
from bgen.release import Release
from bgen.release import Slot

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WINDOW = "$__rate_interval"
_COLUMNS, _WIDTH, _HEIGHT = 24, 12, 8
_COLOURS = {"blue": "blue", "green": "green"}
_MAX_TITLE = 100


class _Query(NamedTuple):
    """One target; `colour` is a fixed colour of its lines, `dashed` marks what is declared and not measured."""

    legend: str
    expression: str
    colour: str | None = None
    dashed: bool = False


class _Panel(NamedTuple):
    title: str
    description: str
    unit: str
    queries: list[_Query]


def documents(release: Release) -> list[Document]:
    settings = release.grafana
    if settings is None:
        return []
    model = _model(release)
    found = []
    if settings.delivery in ("file", "both"):
        found.append(Document(f"dashboards/{release.name}.json", "dashboard.json.j2", {"model": model}))
    if settings.delivery in ("configMap", "both"):
        values = _config_map(release, settings, model)
        found.append(Document(f"{names.MANIFESTS}/grafana-dashboard.yaml", "grafana-dashboard.yaml.j2", values))
    return found


def _config_map(release: Release, settings: Grafana, model: Fields) -> Fields:
    # A client-side apply would copy the whole model into an annotation, which may hold 262,144 bytes.
    annotations = {**release.annotations, names.SYNC_OPTIONS: "ServerSideApply=true"}
    if settings.folder is not None:
        annotations[settings.folder_annotation] = settings.folder
    if release.waves:
        annotations[names.WAVE] = "-1"
    return {
        "name": names.dashboard(release),
        "namespace": release.namespace,
        "labels": {**names.metadata_labels(release), **settings.labels},
        "annotations": annotations,
        "data": {f"{release.name}.json": json.dumps(model, indent=2, ensure_ascii=False) + "\n"},
    }


def _model(release: Release) -> Fields:
    """Grafana's JSON model (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/)."""
    return {
        "id": None,
        "uid": names.dashboard_uid(release),
        "title": f"{release.name} in {release.namespace}: blue-green"[:_MAX_TITLE],
        "description": "Which slot gets the requests of a blue-green release, and how each of them does.",
        "tags": ["bgen", "blue-green"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [],
        "annotations": {"list": []},
        "templating": {"list": [_datasource_variable()]},
        "panels": [_placed(number, panel) for number, panel in enumerate(_panels(release))],
    }


def _datasource_variable() -> Fields:
    return {
        "name": "datasource",
        "type": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
    }


def _panels(release: Release) -> list[_Panel]:
    users = promql.user_requests(release.name, release.namespace)
    pods = promql.pod_requests(release.name, release.namespace)
    return [
        _shares(release, users),
        _rates(release, users, "Requests", "Requests of users, each counted once, by the slot that answered."),
        _errors(
            release,
            users,
            "Failed requests",
            "Share of 5xx and of failed gRPC calls among what users got from each slot.",
        ),
        _flags(users),
        _latency(release, users, 0.5, "Median latency"),
        _latency(release, users, 0.99, "99th percentile of the latency"),
        _rates(
            release,
            pods,
            "Executed by pods",
            "Mirrored copies included: what exceeds the requests of users is the mirror.",
        ),
        _errors(release, pods, "Failed in pods", "Share of failures among what the pods executed, mirrored copies included."),
    ]


def _label(slot: Slot) -> str:
    return f"{slot.name} ({slot.version})"


def _of(slot: Slot, matchers: tuple[str, ...]) -> tuple[str, ...]:
    return (*matchers, promql.of_revision(names.revision(slot)))


def _requests(matchers: tuple[str, ...]) -> str:
    return promql.rate_sum(promql.selector(names.REQUESTS, *matchers), _WINDOW)


def _failed_share(matchers: tuple[str, ...]) -> str:
    failed = promql.failed_sum(names.REQUESTS, matchers, _WINDOW)
    # Without `vector(0)` a service that never failed would have no line instead of one at zero.
    return f"({failed} or vector(0))\n/\n{_requests(matchers)}"


def _shares(release: Release, users: tuple[str, ...]) -> _Panel:
    queries = []
    for slot in release.slots.values():
        measured = f"100 * {_requests(_of(slot, users))}\n/ {_requests(users)}"
        queries.append(_Query(_label(slot), measured, _COLOURS[slot.name]))
    for slot in release.slots.values() if release.prometheus_rule else ():
        of_slot = {"app": release.name, "namespace": release.namespace, "slot": slot.name}
        declared = promql.selector(names.DECLARED_WEIGHT, *(promql.equal(*pair) for pair in of_slot.items()))
        queries.append(_Query(f"{_label(slot)} declared", f"max({declared})", _COLOURS[slot.name], dashed=True))
    text = "Solid: what each slot gets. Dashed: what the spec declares; matched requests may move the solid line away from it."
    return _Panel("Share of requests", text, "percent", queries)


def _rates(release: Release, matchers: tuple[str, ...], title: str, text: str) -> _Panel:
    slots = [_Query(_label(slot), _requests(_of(slot, matchers)), _COLOURS[slot.name]) for slot in release.slots.values()]
    return _Panel(title, text, "reqps", [*slots, _Query("no slot", _requests(_lost(release, matchers)), "red")])


def _lost(release: Release, matchers: tuple[str, ...]) -> tuple[str, ...]:
    """Requests that no pod of a slot answered: Istio knows no revision for them."""
    return (*matchers, promql.of_no_revision(map(names.revision, release.slots.values())))


def _errors(release: Release, matchers: tuple[str, ...], title: str, text: str) -> _Panel:
    slots = [_Query(_label(slot), _failed_share(_of(slot, matchers)), _COLOURS[slot.name]) for slot in release.slots.values()]
    return _Panel(title, text, "percentunit", [*slots, _Query("all", _failed_share(matchers), "orange")])


def _latency(release: Release, users: tuple[str, ...], share: float, title: str) -> _Panel:
    queries = []
    for slot in release.slots.values():
        buckets = promql.selector(names.DURATION, *_of(slot, users))
        queries.append(_Query(_label(slot), promql.quantile(share, buckets, _WINDOW), _COLOURS[slot.name]))
    return _Panel(title, "As the caller's proxy measured it, interpolated between the edges of Istio's buckets.", "ms", queries)


def _flags(users: tuple[str, ...]) -> _Panel:
    flagged = promql.selector(names.REQUESTS, *users, promql.unequal("response_flags", "-"))
    query = _Query("{{response_flags}}", promql.rate_sum(flagged, _WINDOW, "response_flags"))
    text = "Why proxies failed requests: UH no healthy pod, UF connection failed, UO overflow, UT timeout, URX retries used up."
    return _Panel("Response flags", text, "reqps", [query])


def _placed(number: int, panel: _Panel) -> Fields:
    """A panel in its cell: they fill the 24 columns of Grafana's grid from left to right."""
    across = _COLUMNS // _WIDTH
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": _DATASOURCE,
        "gridPos": {"h": _HEIGHT, "w": _WIDTH, "x": number % across * _WIDTH, "y": number // across * _HEIGHT},
        # Grafana 9.4 fails on a panel without `overrides` (grafana/grafana#65247).
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "custom": {"lineWidth": 2, "fillOpacity": 10, "showPoints": "never"},
            },
            "overrides": [_override(query) for query in panel.queries if query.colour],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [_target(index, query) for index, query in enumerate(panel.queries)],
    }


def _override(query: _Query) -> Fields:
    properties: list[dict[str, Any]] = [{"id": "color", "value": {"mode": "fixed", "fixedColor": query.colour}}]
    if query.dashed:
        properties.append({"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}})
        properties.append({"id": "custom.fillOpacity", "value": 0})
    return {"matcher": {"id": "byName", "options": query.legend}, "properties": properties}


def _target(index: int, query: _Query) -> Fields:
    return {
        "refId": chr(ord("A") + index),
        "datasource": _DATASOURCE,
        "editorMode": "code",
        "expr": query.expression,
        "legendFormat": query.legend,
        "range": True,
    }
