"""Monitoring and delivery: what the alerts, the dashboard, Argo CD and GitHub are told."""

from __future__ import annotations

from bgen.merge import settle
from bgen.release import Alert
from bgen.release import ArgoCD
from bgen.release import Fields
from bgen.release import GitHub
from bgen.release import Grafana
from bgen.release import PrometheusRule

RULE_PRESETS: dict[str, dict[str, str]] = {
    "kube-prometheus-stack": {"release": "kube-prometheus-stack"},
    "kube-prometheus": {"prometheus": "k8s", "role": "alert-rules"},
    "none": {},
}
ALERTS: dict[str, Alert] = {
    "BlueGreenHighErrorRate": Alert(True, 0.05, "2m", "critical"),
    "BlueGreenHighLatency": Alert(True, 2500, "3m", "warning"),
    "BlueGreenVersionNoTraffic": Alert(True, None, "5m", "critical"),
}


def prometheus_rule(written: Fields | None, namespace: str) -> PrometheusRule | None:
    if written is None:
        return None
    return PrometheusRule(
        written.get("namespace", namespace),
        {**RULE_PRESETS[written.get("preset", "kube-prometheus-stack")], **written.get("labels", {})},
        written.get("alertLabels", {}),
        {name: _alert(alert, written.get("alerts", {}).get(name, {})) for name, alert in ALERTS.items()},
        settle(written.get("extra", [])),
        written.get("runbookBaseURL"),
    )


def _alert(default: Alert, own: Fields) -> Alert:
    return Alert(
        own.get("enabled", default.enabled),
        own.get("threshold", default.threshold),
        own.get("for", default.duration),
        own.get("severity", default.severity),
    )


def grafana(written: Fields | None) -> Grafana | None:
    if written is None:
        return None
    return Grafana(
        written.get("delivery", "file"),
        written.get("folder"),
        written.get("folderAnnotation", "grafana_folder"),
        written.get("labels", {"grafana_dashboard": "1"}),
    )


def argocd(written: Fields | None, name: str) -> ArgoCD | None:
    if written is None:
        return None
    return ArgoCD(
        written["repoURL"],
        written.get("targetRevision", "HEAD"),
        written.get("path", f"deploy/{name}/manifests"),
        written.get("project", "default"),
        written.get("namespace", "argocd"),
        written.get("destination") or {"server": "https://kubernetes.default.svc"},
        written.get("automated", True),
        written.get("namespaceLabels", {"istio-injection": "enabled"}),
    )


def github(written: Fields | None) -> GitHub | None:
    if written is None:
        return None
    return GitHub(
        written["requirement"],
        written.get("python", "3.13"),
        written.get("runsOn", "ubuntu-latest"),
        written.get("branch", "main"),
    )
