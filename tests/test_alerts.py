"""The PrometheusRule: what is declared, what is watched, and that only the declaration follows the stage."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bgen import conforms
from bgen import names
from bgen import promql
from bgen import render
from bgen.release import Release
from bgen.resources import alerts

from .releases import release_of

SPEC = """\
apiVersion: bgen/v1
name: shop
namespace: prod
slots:
  blue: {image: "shop:1", version: v1.0}
  green: {image: "shop:2", version: v2.0}
stable: blue
stage: STAGE
rollback: {reason: test}
"""
STAGES = ("blue", "header", "mirror", "split", "green", "rollback")


def release(stage: str = "blue", monitoring: str = "{}", spec: str = SPEC) -> Release:
    text = spec.replace("STAGE", stage) + f"monitoring: {monitoring}\n"
    return release_of(text)


def rendered(of: Release) -> dict[str, str]:
    return {file.path: file.text for file in render.render(alerts.documents(of), "release.yaml")}


def custom(of: Release) -> Any:
    return yaml.safe_load(rendered(of)["manifests/prometheus-rule.yaml"])


def groups(of: Release) -> dict[str, Any]:
    return {group["name"]: group["rules"] for group in custom(of)["spec"]["groups"]}


def alerting(of: Release) -> list[Any]:
    return groups(of).get("shop-blue-green-alerts", [])


@pytest.mark.parametrize(
    ("value", "written"),
    [("a", '"a"'), ('a"b', '"a\\"b"'), ("a\\b", '"a\\\\b"'), ("a\nb", '"a\\nb"'), ('"} or up', '"\\"} or up"')],
)
def test_a_label_value_is_one_string(value: str, written: str) -> None:
    assert promql.equal("l", value) == f"l={written}"


@pytest.mark.parametrize(("value", "written"), [("v1", "v1"), ("v1.0", r"v1\.0"), ("a|b", r"a\|b"), ("^(a)$", r"\^\(a\)\$")])
def test_a_literal_matches_only_itself(value: str, written: str) -> None:
    assert promql.literal(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.05, "0.05"),
        (0.999, "0.999"),
        (2500, "2500"),
        (2500.0, "2500"),
        (1e-7, "0.0000001"),
        (1 / 3, "0.3333333333333333"),
        (100, "100"),
    ],
)
def test_a_number_keeps_its_digits(value: float, written: str) -> None:
    assert promql.number(value) == written


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_number_is_finite(value: float) -> None:
    with pytest.raises(ValueError, match="no threshold"):
        promql.number(value)


def test_a_selector_holds_its_matchers() -> None:
    assert promql.selector("m", promql.equal("a", "b"), promql.none_of("c", ["d.e", "f"])) == r'm{a="b",c!~"d\\.e|f"}'


def test_no_rule_when_it_is_null() -> None:
    assert alerts.documents(release(monitoring="{prometheusRule: null}")) == []


@pytest.mark.parametrize(
    ("stage", "blue", "green"),
    [
        ("blue", 100, 0),
        ("header", 100, 0),
        ("mirror", 100, 0),
        ("split", 90, 10),
        ("green", 0, 100),
        ("rollback", 100, 0),
    ],
)
def test_the_declared_share_follows_the_stage(stage: str, blue: int, green: int) -> None:
    first, second = groups(release(stage))["shop-blue-green-declared"]
    common = {"app": "shop", "namespace": "prod"}
    assert first == {
        "record": "bgen:traffic_weight:percent",
        "expr": f"vector({blue})",
        "labels": {**common, "slot": "blue", "version": "v1.0"},
    }
    assert second["expr"] == f"vector({green})"
    assert second["labels"] == {**common, "slot": "green", "version": "v2.0"}


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_else_follows_the_stage(stage: str) -> None:
    def fixed(of: Release) -> Any:
        found = custom(of)
        for rule in found["spec"]["groups"][0]["rules"]:
            del rule["expr"]
        return found

    assert fixed(release(stage)) == fixed(release("blue"))


def test_both_files_hold_the_same_groups() -> None:
    files = rendered(release("split", "{prometheusRule: {extra: [{alert: Mine, expr: 'up == 0'}]}}"))
    plain = yaml.safe_load(files["alerts/shop.rules.yaml"])
    assert plain == {"groups": yaml.safe_load(files["manifests/prometheus-rule.yaml"])["spec"]["groups"]}


def test_the_object_is_valid() -> None:
    found = custom(release("split", "{prometheusRule: {extra: [{alert: Mine, expr: 'up == 0', for: 5m}]}}"))
    checker = conforms.checker("kubernetes/1.32.json", "istio/1.28.json", complete=True)
    assert checker.conforms(found, {"$ref": "#/$defs/PrometheusRule"}, "prometheus-operator.json")
    found["spec"]["groups"][0]["rules"][0]["exp"] = "x"
    assert not checker.conforms(found, {"$ref": "#/$defs/PrometheusRule"}, "prometheus-operator.json")


@pytest.mark.parametrize(
    ("settings", "labels", "namespace"),
    [
        ("{}", {"release": "kube-prometheus-stack"}, "prod"),
        ("{preset: kube-prometheus}", {"prometheus": "k8s", "role": "alert-rules"}, "prod"),
        ("{preset: none, namespace: monitoring, labels: {team: a}}", {"team": "a"}, "monitoring"),
    ],
)
def test_metadata(settings: str, labels: dict[str, str], namespace: str) -> None:
    assert custom(release(monitoring=f"{{prometheusRule: {settings}}}"))["metadata"] == {
        "name": "shop-blue-green-alerts",
        "namespace": namespace,
        "labels": {"app": "shop", "app.kubernetes.io/managed-by": "bgen", **labels},
        "annotations": {
            "argocd.argoproj.io/sync-options": "SkipDryRunOnMissingResource=true",
            "argocd.argoproj.io/sync-wave": "-1",
        },
    }


def test_no_wave_where_waves_are_off() -> None:
    spec = SPEC + "gitops: {argocd: {repoURL: 'https://git.example.com/a.git', waves: false}}\n"
    assert "argocd.argoproj.io/sync-wave" not in custom(release(spec=spec))["metadata"]["annotations"]


def test_which_alerts_there_are() -> None:
    found = [(rule["alert"], rule["labels"].get("slot")) for rule in alerting(release())]
    assert found == [
        ("BlueGreenHighErrorRate", None),
        ("BlueGreenHighErrorRate", "blue"),
        ("BlueGreenHighErrorRate", "green"),
        ("BlueGreenHighLatency", "blue"),
        ("BlueGreenHighLatency", "green"),
        ("BlueGreenVersionNoTraffic", "blue"),
        ("BlueGreenVersionNoTraffic", "green"),
    ]


def test_no_two_alerts_have_the_same_labels() -> None:
    found = [(rule["alert"], *sorted(rule["labels"].items())) for rule in alerting(release())]
    assert len(set(found)) == len(found)


def test_without_a_candidate_only_the_stable_slot_is_watched() -> None:
    spec = SPEC.replace('  green: {image: "shop:2", version: v2.0}\n', "")
    assert {rule["labels"].get("slot") for rule in alerting(release(spec=spec))} == {None, "blue"}


def test_tcp_alone_has_no_request_to_watch() -> None:
    spec = SPEC + "ports: [{name: tcp, port: 5432, protocol: tcp}]\n"
    assert list(groups(release(spec=spec))) == ["shop-blue-green-declared"]


def test_settings_reach_the_alert() -> None:
    settings = "{BlueGreenHighErrorRate: {threshold: 0.001, for: 7m, severity: info}, BlueGreenHighLatency: {enabled: false}}"
    found = alerting(release(monitoring=f"{{prometheusRule: {{alertLabels: {{team: pay}}, alerts: {settings}}}}}"))
    assert "BlueGreenHighLatency" not in {rule["alert"] for rule in found}
    first = found[0]
    assert "\n> 0.001\n" in first["expr"]
    assert first["for"] == "7m"
    assert first["labels"] == {"app": "shop", "namespace": "prod", "severity": "info", "team": "pay"}


def test_every_alert_says_what_and_what_next() -> None:
    for rule in alerting(release()):
        assert rule["annotations"]["summary"].endswith("."), rule
        assert "`" in rule["annotations"]["description"], rule
        assert set(rule["annotations"]) == {"summary", "description"}


def test_runbook_url() -> None:
    found = alerting(release(monitoring="{prometheusRule: {runbookBaseURL: 'https://git.example.com/README.md'}}"))
    assert found[0]["annotations"]["runbook_url"] == "https://git.example.com/README.md#bluegreenhigherrorrate"


def test_a_runbook_url_is_no_template() -> None:
    found = alerting(release(monitoring="{prometheusRule: {runbookBaseURL: 'https://git.example.com/{{.X}}'}}"))
    assert found[0]["annotations"]["runbook_url"].startswith('https://git.example.com/{{"{{"}}.X}}#')


def test_extra_rules_stay_as_they_are() -> None:
    extra = {"alert": "Mine", "expr": "up == 0", "for": "5m", "annotations": {"summary": "{{ $labels.job }} is down."}}
    found = groups(release(monitoring=f"{{prometheusRule: {{extra: [{extra}]}}}}"))
    assert found["shop-blue-green-extra"] == [extra]


def test_every_selector_names_the_service_and_one_side() -> None:
    for rule in alerting(release()):
        selectors = rule["expr"].split("istio_")[1:]
        assert selectors
        for selector in selectors:
            assert 'reporter=~"source|waypoint",destination_service_name="shop",destination_service_namespace="prod"' in selector


def test_a_replaced_revision_label_is_the_one_that_is_selected() -> None:
    spec = SPEC.replace("version: v2.0}", f"version: v2.0, pod: {{labels: {{{names.CANONICAL_REVISION}: next}}}}}}")
    assert 'destination_canonical_revision="next"' in alerting(release(spec=spec))[2]["expr"]
