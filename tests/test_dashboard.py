"""The dashboard: sound as a Grafana model, the same in every stage, and the same bytes in both deliveries."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from bgen import names
from bgen import render
from bgen.release import Release
from bgen.resources import dashboard

from .releases import release_of

SPEC = """\
apiVersion: bgen/v1
name: shop
namespace: prod
slots:
  blue: {image: "shop:1", version: v1}
  green: {image: "shop:2", version: v2}
stable: blue
stage: STAGE
rollback: {reason: test}
"""


def release(stage: str = "blue", monitoring: str = "{grafana: {delivery: both}}", spec: str = SPEC) -> Release:
    text = spec.replace("STAGE", stage) + f"monitoring: {monitoring}\n"
    return release_of(text)


def files(of: Release) -> dict[str, str]:
    return {file.path: file.text for file in render.render(dashboard.documents(of), "release.yaml")}


def model(of: Release) -> Any:
    return json.loads(files(of)["dashboards/shop.json"])


def expressions(of: Release) -> list[str]:
    return [target["expr"] for panel in model(of)["panels"] for target in panel["targets"]]


@pytest.mark.parametrize(
    ("monitoring", "paths"),
    [
        ("{}", ["dashboards/shop.json"]),
        ("{grafana: null}", []),
        ("{grafana: {delivery: configMap}}", ["manifests/grafana-dashboard.yaml"]),
        ("{grafana: {delivery: both}}", ["dashboards/shop.json", "manifests/grafana-dashboard.yaml"]),
    ],
)
def test_delivery(monitoring: str, paths: list[str]) -> None:
    assert list(files(release(monitoring=monitoring))) == paths


def test_the_config_map_holds_the_file() -> None:
    found = files(release())
    assert yaml.safe_load(found["manifests/grafana-dashboard.yaml"])["data"] == {"shop.json": found["dashboards/shop.json"]}
    assert "\n  shop.json: |\n    {\n" in found["manifests/grafana-dashboard.yaml"]


def test_metadata_of_the_config_map() -> None:
    monitoring = "{grafana: {delivery: configMap, folder: Releases, folderAnnotation: dir, labels: {dash: 'yes'}}}"
    found = yaml.safe_load(files(release(monitoring=monitoring))["manifests/grafana-dashboard.yaml"])
    assert found["metadata"] == {
        "name": "shop-dashboard",
        "namespace": "prod",
        "labels": {"app": "shop", "app.kubernetes.io/managed-by": "bgen", "dash": "yes"},
        "annotations": {
            "argocd.argoproj.io/sync-options": "ServerSideApply=true",
            "dir": "Releases",
            "argocd.argoproj.io/sync-wave": "-1",
        },
    }


@pytest.mark.parametrize("stage", ["header", "mirror", "split", "green", "rollback"])
def test_no_stage_changes_it(stage: str) -> None:
    assert files(release(stage)) == files(release("blue"))


def test_the_same_bytes_twice() -> None:
    assert files(release()) == files(release())


def test_the_model_as_grafana_wants_it() -> None:
    found = model(release())
    assert found["schemaVersion"] == 39
    assert found["editable"] is False
    assert found["id"] is None
    assert "__inputs" not in found
    (variable,) = found["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")


def test_panels_are_complete() -> None:
    panels = model(release())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"] in ("percent", "percentunit", "reqps", "ms")
        assert isinstance(panel["fieldConfig"]["overrides"], list)
        assert panel["targets"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for holder in (panel, *panel["targets"]):
            assert holder["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_panels_lie_side_by_side() -> None:
    cells = [panel["gridPos"] for panel in model(release())["panels"]]
    for cell in cells:
        assert cell["x"] >= 0
        assert cell["x"] + cell["w"] <= 24
    for a, b in combinations(cells, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert apart, (a, b)


def test_every_rate_takes_grafanas_interval() -> None:
    for expression in expressions(release()):
        assert set(re.findall(r"\[[^\]]*\]", expression)) <= {"[$__rate_interval]"}
        assert ("rate(" in expression) is ("istio_" in expression)


def test_every_selector_names_one_side() -> None:
    for expression in expressions(release()):
        for selector in expression.split("istio_")[1:]:
            assert re.match(r'\w+\{reporter(=~"source\|waypoint"|="destination"),destination_service_name="shop"', selector), (
                selector
            )


def test_a_slot_has_its_colour_everywhere() -> None:
    for panel in model(release())["panels"]:
        colours = {
            entry["matcher"]["options"]: entry["properties"][0]["value"]["fixedColor"]
            for entry in panel["fieldConfig"]["overrides"]
        }
        for legend, colour in colours.items():
            if legend.startswith(("blue", "green")):
                assert colour == legend.split(" ")[0]
        legends = {target["legendFormat"] for target in panel["targets"]}
        assert set(colours) <= legends


@pytest.mark.parametrize(("rule", "declared"), [("{}", 2), ("null", 0)])
def test_the_declared_share_is_drawn_where_it_is_recorded(rule: str, declared: int) -> None:
    found = expressions(release(monitoring=f"{{prometheusRule: {rule}}}"))
    assert sum("bgen:traffic_weight:percent{" in expression for expression in found) == declared


def test_without_a_candidate_nothing_asks_for_it() -> None:
    spec = SPEC.replace('  green: {image: "shop:2", version: v2}\n', "")
    assert "green" not in json.dumps(model(release(spec=spec))).replace("blue-green", "")


@pytest.mark.parametrize(
    ("one", "two"),
    [(("a-b", "c"), ("a", "b-c")), (("x" * 50, "same"), ("x" * 50 + "y", "same")), (("a", "one"), ("a", "two"))],
)
def test_the_uid_tells_releases_apart(one: tuple[str, str], two: tuple[str, str]) -> None:
    def uid(name: str, namespace: str) -> str:
        return names.dashboard_uid(release(spec=SPEC.replace("name: shop", f"name: {name}").replace("prod", namespace)))

    assert uid(*one) != uid(*two)
    for found in (uid(*one), uid(*two)):
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", found)
