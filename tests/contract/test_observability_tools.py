"""What outside tools say of the alerts, the dashboard, the workflow and the script, and what these really do."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bgen import decode
from bgen import plan
from bgen import render
from bgen import schema
from bgen import source

from .tools import run
from .tools import tool

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
GREEN = '  green: {image: "shop:2", version: v2.0}\n'
ARGOCD = "gitops: {argocd: {repoURL: 'https://git.example.com/shop.git'}}\n"
STAGES = ("blue", "header", "mirror", "split", "green", "rollback")


def built(stage: str = "split", more: str = "", spec: str = SPEC) -> dict[str, str]:
    read = source.parse((spec.replace("STAGE", stage) + more).encode(), "release.yaml")
    schema.check(read)
    return {file.path: file.text for file in render.render(plan.plan(decode.decode(read.data)), "release.yaml")}


def placed(directory: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return directory


# The rules, checked.


@pytest.mark.parametrize("stage", STAGES)
def test_promtool_accepts_the_rules(tmp_path: Path, stage: str) -> None:
    placed(tmp_path, built(stage))
    done = run([tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", tmp_path / "alerts/shop.rules.yaml"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 rules found" in done.stdout


@pytest.mark.parametrize(
    "more",
    [
        "monitoring: {prometheusRule: {runbookBaseURL: 'https://git.example.com/{{.X}}'}}\n",
        "monitoring: {prometheusRule: {alerts: {BlueGreenHighErrorRate: {threshold: 0.0001}}}}\n",
        "monitoring: {prometheusRule: {extra: [{record: 'a:b', expr: 1}, {alert: Mine, expr: 'up == 0', for: 5m}]}}\n",
        "ports: [{name: tcp, port: 5432, protocol: tcp}]\n",
    ],
    ids=["url", "small", "extra", "tcp"],
)
def test_promtool_accepts_every_setting(tmp_path: Path, more: str) -> None:
    placed(tmp_path, built("blue", more))
    done = run([tool("promtool"), "check", "rules", tmp_path / "alerts/shop.rules.yaml"])
    assert done.returncode == 0, done.stdout + done.stderr


def test_alert_expressions_are_the_same_in_all_stages() -> None:
    def alerts(stage: str) -> list[Any]:
        groups = yaml.safe_load(built(stage)["alerts/shop.rules.yaml"])["groups"]
        return [rule for group in groups for rule in group["rules"] if "alert" in rule]

    assert len(alerts("blue")) == 7
    for stage in STAGES:
        assert alerts(stage) == alerts("blue")


# The rules, run. A series: labels on top of the ones below, and its growth per minute.

SERVICE = {
    "reporter": "source",
    "destination_service_name": "shop",
    "destination_service_namespace": "prod",
    "response_code": "200",
    "response_flags": "-",
    "source_workload": "istio-ingressgateway",
}
V1 = {"destination_canonical_revision": "v1.0", "destination_workload": "shop-v1-0"}
V2 = {"destination_canonical_revision": "v2.0", "destination_workload": "shop-v2-0"}
NO_POD = {
    "destination_canonical_revision": "latest",
    "destination_workload": "unknown",
    "destination_version": "unknown",
}
FAIL = {"response_code": "503"}
ERROR, LATENCY, SILENT = "BlueGreenHighErrorRate", "BlueGreenHighLatency", "BlueGreenVersionNoTraffic"


def requests(per_minute: float, *labels: dict[str, str]) -> tuple[str, float]:
    return _series("istio_requests_total", per_minute, *labels)


def bucket(edge: str, per_minute: float, *labels: dict[str, str]) -> tuple[str, float]:
    return _series("istio_request_duration_milliseconds_bucket", per_minute, *labels, {"le": edge})


def _series(metric: str, per_minute: float, *labels: dict[str, str]) -> tuple[str, float]:
    merged = dict(SERVICE)
    for more in labels:
        merged |= more
    return f"{metric}{{{','.join(f'{name}={json.dumps(value)}' for name, value in merged.items())}}}", per_minute


HEALTHY = [requests(540, V1), requests(60, V2)]
SLOW = [bucket("1000", 48, V2), bucket("2500", 54, V2), bucket("5000", 60, V2), bucket("+Inf", 60, V2)]
QUICK = [bucket("1000", 540, V1), bucket("2500", 540, V1), bucket("5000", 540, V1), bucket("+Inf", 540, V1)]
COPIES = {"reporter": "destination"}

# name: (stage, series, what fires)
SCENARIOS: dict[str, tuple[str, list[tuple[str, float]], set[tuple[str, str]]]] = {
    "healthy": ("split", [*HEALTHY, *QUICK], set()),
    "no series at all": ("split", [], set()),
    "bad candidate hidden in the mean": ("split", [*HEALTHY, requests(20, V2, FAIL)], {(ERROR, "green")}),
    "everything fails": (
        "split",
        [*HEALTHY, requests(100, V1, FAIL), requests(10, V2, FAIL)],
        {(ERROR, ""), (ERROR, "blue"), (ERROR, "green")},
    ),
    "total outage, no pod known": (
        "split",
        [requests(600, NO_POD, FAIL, {"response_flags": "UH"})],
        {(ERROR, ""), (SILENT, "blue"), (SILENT, "green")},
    ),
    "outage through a waypoint": (
        "blue",
        [requests(600, NO_POD, FAIL, {"reporter": "waypoint"})],
        {(ERROR, ""), (SILENT, "blue")},
    ),
    "a few requests reach no pod": ("split", [*HEALTHY, requests(10, NO_POD, FAIL)], set()),
    "mirrored requests fail": (
        "mirror",
        [requests(600, V1), requests(300, V2, FAIL, COPIES), requests(600, V1, COPIES)],
        set(),
    ),
    "gRPC fails with HTTP 200": (
        "blue",
        [requests(600, V1, {"grpc_response_status": "14"})],
        {(ERROR, ""), (ERROR, "blue")},
    ),
    "gRPC says not found": ("blue", [requests(600, V1, {"grpc_response_status": "5"})], set()),
    "gRPC status and 503 count once": (
        "blue",
        [requests(580, V1), requests(20, V1, FAIL, {"grpc_response_status": "14"})],
        set(),
    ),
    "both sides report and one fails": ("blue", [requests(600, V1), requests(600, V1, FAIL, COPIES)], set()),
    "callers hang up": (
        "blue",
        [requests(300, V1), requests(300, V1, {"response_code": "0", "response_flags": "DC"})],
        set(),
    ),
    "too few requests to judge": ("blue", [requests(2, V1, FAIL)], set()),
    "another service fails": (
        "split",
        [*HEALTHY, requests(600, V1, FAIL, {"destination_service_name": "cart"})],
        set(),
    ),
    "its namesake elsewhere fails": (
        "split",
        [*HEALTHY, requests(600, V1, FAIL, {"destination_service_namespace": "test"})],
        set(),
    ),
    "slow candidate": ("split", [*HEALTHY, *QUICK, *SLOW], {(LATENCY, "green")}),
    "slow copies": (
        "mirror",
        [
            requests(600, V1),
            *QUICK,
            requests(60, V2, COPIES),
            *[(s.replace('source"', 'destination"'), n) for s, n in SLOW],
        ],
        set(),
    ),
    "slow, but hardly a request": ("header", [requests(600, V1), requests(2, V2), *QUICK, *SLOW], set()),
    "candidate gets nothing": ("split", [requests(600, V1)], {(SILENT, "green")}),
    "candidate's series stands still": ("split", [requests(600, V1), requests(0, V2)], {(SILENT, "green")}),
    "live slot gets nothing": ("green", [requests(600, V1)], {(SILENT, "green")}),
    "idle on purpose": ("blue", [requests(600, V1)], set()),
    "idle after a rollback": ("rollback", [requests(600, V1)], set()),
    "a share too small to expect anything": ("split", [requests(30, V1)], set()),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_fires(tmp_path: Path, name: str) -> None:
    stage, series, firing = SCENARIOS[name]
    samples = [{"labels": _labels(alert, slot), "value": 1} for alert, slot in sorted(firing)]
    judged = {
        "expr": 'count by (alertname, slot) (ALERTS{alertstate="firing"})',
        "eval_time": "20m",
        "exp_samples": samples,
    }
    done = promtool_test(tmp_path, stage, series, judged)
    assert done.returncode == 0, done.stdout + done.stderr


def _labels(alert: str, slot: str) -> str:
    return f'{{alertname="{alert}", slot="{slot}"}}' if slot else f'{{alertname="{alert}"}}'


def promtool_test(directory: Path, stage: str, series: list[tuple[str, float]], judged: dict[str, Any]) -> Any:
    placed(directory, {"rules.yaml": built(stage)["alerts/shop.rules.yaml"]})
    given = [{"series": labels, "values": f"0+{growth}x30"} for labels, growth in series]
    tests = [{"interval": "1m", "input_series": given, "promql_expr_test": [judged]}]
    written = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    placed(directory, {"test.yaml": json.dumps(written)})
    return run([tool("promtool"), "test", "rules", directory / "test.yaml"])


def test_each_alert_fires_somewhere_and_is_silent_elsewhere() -> None:
    for alert in (ERROR, LATENCY, SILENT):
        fires = [any(found == alert for found, _ in firing) for _, _, firing in SCENARIOS.values()]
        assert any(fires)
        assert fires.count(False) >= 2


def test_the_words_of_an_alert(tmp_path: Path) -> None:
    placed(tmp_path, {"rules.yaml": built("split")["alerts/shop.rules.yaml"]})
    rules = yaml.safe_load((tmp_path / "rules.yaml").read_text(encoding="utf-8"))["groups"][1]["rules"]
    rule = next(rule for rule in rules if rule["alert"] == SILENT and rule["labels"]["slot"] == "green")
    words = {name: text.replace("{{ $value | humanize }}", "1") for name, text in rule["annotations"].items()}
    expected = {
        "alertname": SILENT,
        "eval_time": "20m",
        "exp_alerts": [{"exp_labels": rule["labels"], "exp_annotations": words}],
    }
    series = [{"series": requests(600, V1)[0], "values": "0+600x30"}]
    tests = [{"interval": "1m", "input_series": series, "alert_rule_test": [expected]}]
    placed(tmp_path, {"test.yaml": json.dumps({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests})})
    done = run([tool("promtool"), "test", "rules", tmp_path / "test.yaml"])
    assert done.returncode == 0, done.stdout + done.stderr


# The dashboard.


def expressions() -> list[str]:
    model = json.loads(built()["dashboards/shop.json"])
    found = [target["expr"] for panel in model["panels"] for target in panel["targets"]]
    return [expression.replace("$__rate_interval", "5m") for expression in found]


def test_promtool_parses_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions())]
    placed(tmp_path, {"rules.yaml": json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})})
    done = run([tool("promtool"), "check", "rules", tmp_path / "rules.yaml"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_measured_and_declared_shares_agree(tmp_path: Path) -> None:
    for number, (expression, share) in enumerate(zip(expressions()[:4], (90, 10, 90, 10), strict=True)):
        judged = {"expr": expression, "eval_time": "20m", "exp_samples": [{"labels": "{}", "value": share}]}
        done = promtool_test(tmp_path / str(number), "split", HEALTHY, judged)
        assert done.returncode == 0, done.stdout + done.stderr


# The workflow.


@pytest.mark.parametrize("requirement", ["bgen", "bgen==0.1;'${{github.token}}'", "a${{}}", "bgen${{'}}", 'b"$(x)`y`"\\'])
def test_actionlint_accepts_the_workflow(tmp_path: Path, requirement: str) -> None:
    more = f"gitops: {{github: {{requirement: {json.dumps(requirement)}}}}}\n"
    path = placed(tmp_path, {"ci.yaml": built(more=more)["ci/github-workflow.yaml"]}) / "ci.yaml"
    done = run([tool("actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", path], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


# The script: what shellcheck says, then what it does with a kubectl that only remembers.

SPECS = {
    "plain": built(),
    "argocd": built(more=ARGOCD),
    "no candidate": built("blue", ARGOCD, SPEC.replace(GREEN, "")),
    "tcp": built(more="ports: [{name: tcp, port: 5432, protocol: tcp}]\n"),
    "words of a shell": built("if", "stages: [{name: if, weight: 5}, {name: 'null', weight: 6}]\n"),
}


@pytest.mark.parametrize("name", SPECS)
def test_shellcheck_accepts_the_script(tmp_path: Path, name: str) -> None:
    path = placed(tmp_path, SPECS[name]) / "ops/traffic.sh"
    done = run([tool("shellcheck"), "--norc", path])
    assert done.returncode == 0, done.stdout
    assert "shellcheck disable" not in path.read_text(encoding="utf-8")


KUBECTL = f"""\
#!{sys.executable}
import json, pathlib, re, sys

state = pathlib.Path(__file__).parent / "state.json"
known = json.loads(state.read_text())
words = sys.argv[1:]
known["calls"].append(words)
options = {{word: value for word, value in zip(words, words[1:]) if word.startswith("--")}}
field = options.get("--output", "").removeprefix("jsonpath=")
verb = next(word for word in words if word in ("get", "patch", "apply"))
if verb == "apply":
    if known["takes"]:
        known["stage"] = re.search("bgen/stage: (.*)", pathlib.Path(options["--filename"]).read_text())[1].strip('"')
elif verb == "patch":
    change = json.loads(options["--patch"])
    if "spec" in change and known["knows_enabled"]:
        known["enabled"] = change["spec"]["syncPolicy"]["automated"]["enabled"]
elif "stage" in field:
    print(known["stage"], end="")
elif "availableReplicas" in field:
    print(known["available"].get(words[words.index("deployments.apps") + 1], ""), end="")
elif "spec.replicas" in field:
    print(3, end="")
elif "spec.http" in field:
    print("rule default: blue 90% green 10%\\nrule other: blue %")
elif field.endswith("automated}}"):
    print(known["automated"], end="")
elif field.endswith("enabled}}"):
    print(json.dumps(known["enabled"]) if known["enabled"] is not None else "", end="")
elif field.endswith("operation}}"):
    print(known["operation"], end="")
state.write_text(json.dumps(known))
"""
FINE = {"shop-v1-0": "3", "shop-v2-0": "2"}
OFF = '{"spec":{"syncPolicy":{"automated":{"enabled":false}}}}'
ON = '{"spec":{"syncPolicy":{"automated":{"enabled":null}}}}'
END = '{"status":{"operationState":{"phase":"Terminating"}}}'


class Cluster:
    """A release on disk, and a kubectl in front of PATH that remembers calls and a little state."""

    def __init__(self, directory: Path, files: dict[str, str], **state: Any) -> None:
        self.tree = placed(directory / "a release", files)
        self.bin = directory / "bin"
        start = {"stage": "split", "available": FINE, "automated": "", "enabled": None, "operation": ""}
        start |= {"takes": True, "knows_enabled": True, "calls": []}
        placed(self.bin, {"kubectl": KUBECTL, "sleep": "#!/bin/sh\n", "state.json": json.dumps({**start, **state})})
        for name in ("kubectl", "sleep"):
            (self.bin / name).chmod(stat.S_IRWXU)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return run(
            ["bash", self.tree / "ops/traffic.sh", *words],
            cwd=self.tree.parent,
            env={**os.environ, "PATH": path, **env},
        )

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.bin / "state.json").read_text(encoding="utf-8"))
        return found

    def changes(self) -> list[list[str]]:
        """The calls that change something, in order: verb and what it is given last."""
        calls = self.state["calls"]
        return [[verb, words[-1]] for words in calls for verb in ("patch", "apply") if verb in words]


def test_status(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, SPECS["plain"], stage="header", available={"shop-v1-0": "3"})
    done = cluster.run("status")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "declared in this checkout: split",
        "live in the cluster: header",
        "rule default: blue 90% green 10%",
        "rule other: blue 100%",
        "slot blue: 3 of 3 pods of shop-v1-0 available",
        "slot green: 0 of 3 pods of shop-v2-0 available",
    ]
    assert cluster.changes() == []
    assert all(words[:2] == ["--namespace", "prod"] for words in cluster.state["calls"])


@pytest.mark.parametrize("stage", ["if", "null"])
def test_the_declared_stage_is_read_whatever_its_name(tmp_path: Path, stage: str) -> None:
    files = built(f"'{stage}'", "stages: [{name: if, weight: 5}, {name: 'null', weight: 6}]\n")
    assert f"declared in this checkout: {stage}\n" in Cluster(tmp_path, files).run("status").stdout


def test_stages(tmp_path: Path) -> None:
    done = Cluster(tmp_path, SPECS["plain"]).run("stages")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(STAGES)
    assert "blue 90 %, green 10 %" in done.stdout


def test_apply_without_argo_cd(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, SPECS["plain"])
    done = cluster.run("apply", "rollback")
    assert done.returncode == 0, done.stderr
    assert cluster.changes() == [["apply", str(cluster.tree / "routes/rollback.yaml")]]
    assert cluster.state["stage"] == "rollback"
    assert "set 'stage: rollback' and 'rollback.reason' in the spec" in done.stdout
    assert "resume" not in done.stdout


@pytest.mark.parametrize(
    ("state", "before"),
    [
        ({}, []),
        ({"automated": "{}"}, [OFF]),
        ({"automated": '{"prune":true}', "operation": '{"sync":{}}'}, [OFF, END]),
        ({"operation": '{"sync":{}}'}, [END]),
    ],
    ids=["by hand", "automated", "automated and running", "running"],
)
def test_apply_stops_argo_cd_first(tmp_path: Path, state: dict[str, Any], before: list[str]) -> None:
    cluster = Cluster(tmp_path, SPECS["argocd"], **state)
    done = cluster.run("apply", "blue")
    assert done.returncode == 0, done.stderr
    route = ["apply", str(cluster.tree / "routes/blue.yaml")]
    assert cluster.changes() == [*(["patch", patch] for patch in before), route]
    assert "traffic.sh resume" in done.stdout
    for words in cluster.state["calls"]:
        if "applications.argoproj.io" in words:
            assert words[:2] == ["--namespace", "argocd"]


def test_argo_cd_may_have_a_context_of_its_own(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, SPECS["argocd"], automated="{}")
    assert cluster.run("apply", "blue", ARGOCD_CONTEXT="hub").returncode == 0
    for words in cluster.state["calls"]:
        assert (words[:2] == ["--context", "hub"]) is ("applications.argoproj.io" in words)


def test_apply_stops_when_the_automation_cannot_be_stopped(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, SPECS["argocd"], automated="{}", knows_enabled=False)
    done = cluster.run("apply", "blue")
    assert done.returncode == 1
    assert "did not keep automated.enabled" in done.stderr
    assert cluster.changes() == [["patch", OFF]]


@pytest.mark.parametrize(
    ("stage", "available", "refused"),
    [
        ("green", {"shop-v1-0": "3"}, "slot green would get requests, but no pod of shop-v2-0 is available"),
        ("header", {"shop-v1-0": "3"}, "slot green would get requests"),
        ("rollback", {"shop-v2-0": "3"}, "slot blue would get requests"),
        ("blue", {"shop-v1-0": "1"}, ""),
    ],
)
def test_apply_refuses_dead_pods(tmp_path: Path, stage: str, available: dict[str, str], refused: str) -> None:
    cluster = Cluster(tmp_path, SPECS["argocd"], available=available, automated="{}")
    done = cluster.run("apply", stage)
    assert refused in done.stderr
    assert done.returncode == (1 if refused else 0)
    assert bool(cluster.changes()) is not bool(refused)
    forced = cluster.run("apply", stage, "--force")
    assert forced.returncode == 0, forced.stderr
    assert cluster.state["stage"] == stage


def test_apply_notices_that_the_route_was_taken_back(tmp_path: Path) -> None:
    done = Cluster(tmp_path, SPECS["plain"], takes=False).run("apply", "blue")
    assert done.returncode == 1
    assert "stage blue was applied, but split is live" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (
            ("apply", "nonsense"),
            1,
            "there is no stage nonsense; the stages are: blue header mirror split green rollback",
        ),
        (("apply",), 1, "apply needs a stage"),
        (("apply", "blue", "green"), 1, "one stage at a time"),
        (("apply", "blue", "--quick"), 1, "unknown option --quick"),
        (("status", "blue"), 1, "status takes no stage"),
        (("frobnicate",), 1, "unknown command frobnicate"),
        ((), 2, "usage: traffic.sh status"),
    ],
)
def test_wrong_words_change_nothing(tmp_path: Path, words: tuple[str, ...], status: int, said: str) -> None:
    cluster = Cluster(tmp_path, SPECS["plain"])
    done = cluster.run(*words)
    assert done.returncode == status
    assert said in done.stderr
    assert cluster.state["calls"] == []


def test_help(tmp_path: Path) -> None:
    done = Cluster(tmp_path, SPECS["plain"]).run("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: ")


@pytest.mark.parametrize(
    ("state", "words", "status", "said", "changes"),
    [
        ({"automated": "{}"}, ["resume"], 0, "syncs by itself again", [["patch", ON]]),
        (
            {"automated": "{}", "stage": "blue"},
            ["resume"],
            1,
            "stage blue is live, but this checkout declares split",
            [],
        ),
        ({"automated": "{}", "stage": "blue"}, ["resume", "--force"], 0, "syncs by itself again", [["patch", ON]]),
        ({}, ["resume"], 0, "is synced by hand", []),
    ],
    ids=["agrees", "differs", "forced", "by hand"],
)
def test_resume(
    tmp_path: Path, state: dict[str, Any], words: list[str], status: int, said: str, changes: list[list[str]]
) -> None:
    cluster = Cluster(tmp_path, SPECS["argocd"], **state)
    done = cluster.run(*words)
    assert done.returncode == status
    assert said in done.stdout + done.stderr
    assert cluster.changes() == changes


def test_resume_without_argo_cd(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, SPECS["plain"])
    assert cluster.run("resume").returncode == 0
    assert cluster.state["calls"] == []


def test_a_kubectl_that_fails_stops_everything(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, SPECS["argocd"])
    placed(cluster.bin, {"kubectl": "#!/bin/sh\necho no connection >&2\nexit 1\n"})
    for words in (["status"], ["apply", "blue"], ["apply", "blue", "--force"], ["resume"]):
        done = cluster.run(*words)
        assert done.returncode == 1, words
        assert "traffic.sh: cannot read" in done.stderr
