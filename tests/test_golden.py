"""The examples: what bgen makes of them is what is committed, and what holds of every release in every stage.

`make goldens` writes `examples/*/deploy`; the difference is what a change of bgen does to its users.
"""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bgen.build import build
from bgen.build import finish
from bgen.build import prepare

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/release.yaml"))
NAMES = {"minimal": "my-app", "my-app": "my-app", "production": "checkout"}
STAGES = {
    "minimal": ["blue", "header", "mirror", "split", "green", "rollback"],
    "my-app": ["blue", "header", "mirror", "split", "green", "rollback"],
    "production": ["blue", "testers", "shadow", "canary", "half", "green", "rollback"],
}
# The candidate's declared share of the requests that no match decides.
WEIGHTS = {
    "blue": 0,
    "header": 0,
    "mirror": 0,
    "split": 10,
    "green": 100,
    "rollback": 0,
    "testers": 0,
    "shadow": 0,
    "canary": 5,
    "half": 50,
}
WAITED_FOR = {"header", "mirror", "split", "green", "testers", "shadow", "canary", "half"}
CASES = [(example, stage) for example in NAMES for stage in STAGES[example]]
VIRTUAL_SERVICE = "manifests/virtual-service.yaml"
WAVE = "argocd.argoproj.io/sync-wave"


def spec(example: str) -> bytes:
    return (ROOT / "examples" / example / "release.yaml").read_bytes()


@cache
def made(example: str, stage: str) -> dict[str, str]:
    """Path → text of the example as if its spec named this stage."""
    content = spec(example)
    if b"\nrollback:" not in content:
        content += b"rollback: {reason: payments fail}\n"
    return {file.path: file.text for file in finish(prepare(content, "release.yaml", stage).release, "release.yaml")}


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@cache
def manifests(example: str, stage: str) -> dict[str, Any]:
    return {
        path.removeprefix("manifests/"): read(text)
        for path, text in made(example, stage).items()
        if path.startswith("manifests/")
    }


def test_every_example_is_in_the_tables() -> None:
    assert EXAMPLES == sorted(NAMES) == sorted(STAGES)


# -------------------------------------------------------------------------------------------------------------- goldens


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_committed_output_is_what_bgen_makes(example: str) -> None:
    deploy = ROOT / "examples" / example / "deploy"
    files, _ = build(spec(example), "release.yaml")
    expected = {f"{NAMES[example]}/{file.path}": file.text.encode() for file in files}
    committed = {path.relative_to(deploy).as_posix(): path.read_bytes() for path in deploy.rglob("*") if path.is_file()}
    assert sorted(committed) == sorted(expected), "run `make goldens`"
    assert [path for path in expected if committed[path] != expected[path]] == [], "run `make goldens`"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_builds_without_a_warning(example: str) -> None:
    assert build(spec(example), "release.yaml")[1] == ()


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_bytes_depend_on_nothing_but_the_spec(example: str, tmp_path: Path) -> None:
    spec_file = ROOT / "examples" / example / "release.yaml"
    trees = []
    for name, environment in {
        "one": {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"},
        "two": {"PYTHONHASHSEED": "2", "TZ": "America/Los_Angeles", "LANG": "tr_TR.UTF-8", "LC_ALL": ""},
    }.items():
        work = tmp_path / name / "work"
        work.mkdir(parents=True)
        done = subprocess.run(
            [sys.executable, "-m", "bgen", "build", str(spec_file), "--output", "../deploy", "--quiet"],
            cwd=work,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        deploy = tmp_path / name / "deploy"
        trees.append({path.relative_to(deploy): path.read_bytes() for path in deploy.rglob("*") if path.is_file()})
    assert len(trees[0]) >= 20
    assert trees[0] == trees[1]


# ----------------------------------------------------------------------------------------------------------- invariants


@pytest.mark.parametrize("example, stage", CASES)
def test_the_weights_of_a_rule_are_100_together(example: str, stage: str) -> None:
    rules = manifests(example, stage)["virtual-service.yaml"]["spec"]["http"]
    for rule in rules:
        routes = rule.get("route", [])
        if len(routes) > 1:
            assert sum(route["weight"] for route in routes) == 100
        elif routes:
            assert "weight" not in routes[0]
        else:
            assert {"redirect", "directResponse"} & rule.keys()


@pytest.mark.parametrize("example, stage", CASES)
def test_the_default_rule_gives_the_candidate_its_share(example: str, stage: str) -> None:
    default = manifests(example, stage)["virtual-service.yaml"]["spec"]["http"][-1]
    assert (default["name"], "match" in default) == ("default", False)
    shares = {route["destination"]["subset"]: route.get("weight", 100) for route in default["route"]}
    assert {"blue": 0, "green": 0, **shares} == {"blue": 100 - WEIGHTS[stage], "green": WEIGHTS[stage]}


@pytest.mark.parametrize("example, stage", CASES)
def test_both_subsets_are_declared_and_no_other_is_used(example: str, stage: str) -> None:
    objects = manifests(example, stage)
    rule = objects["destination-rule.yaml"]["spec"]
    assert [subset["name"] for subset in rule["subsets"]] == ["blue", "green"]
    for subset in rule["subsets"]:
        pods = objects[f"deployment-{subset['name']}.yaml"]["spec"]["template"]["metadata"]["labels"]
        assert subset["labels"].items() <= pods.items()
    hosts, subsets = set(), set()
    for http in objects["virtual-service.yaml"]["spec"]["http"]:
        for entry in (*http.get("route", ()), *http.get("mirrors", ())):
            hosts.add(entry["destination"]["host"])
            subsets.add(entry["destination"]["subset"])
    assert hosts == {rule["host"]}
    assert subsets <= {"blue", "green"}


@pytest.mark.parametrize("example, stage", CASES)
def test_exactly_one_virtual_service_is_synced_and_it_is_the_stages_route(example: str, stage: str) -> None:
    kinds = [found["kind"] for found in manifests(example, stage).values()]
    assert kinds.count("VirtualService") == 1
    assert made(example, stage)[VIRTUAL_SERVICE] == made(example, stage)[f"routes/{stage}.yaml"]


@pytest.mark.parametrize("example", NAMES)
def test_every_stage_has_a_route_that_differs_in_its_rules_only(example: str) -> None:
    files = made(example, STAGES[example][0])
    routes = {path[7:-5]: read(text) for path, text in files.items() if path.startswith("routes/")}
    assert sorted(routes) == sorted(STAGES[example])
    frames = []
    for stage, route in routes.items():
        assert route["metadata"]["annotations"].pop("bgen/stage") == stage
        for name in ("bgen/rollback-reason", "bgen/rollback-at"):
            route["metadata"]["annotations"].pop(name, None)
        del route["spec"]["http"]
        frames.append(route)
    assert all(frame == frames[0] for frame in frames)


@pytest.mark.parametrize("example, stage", CASES)
def test_every_object_has_a_namespace_and_nothing_else_lies_among_the_manifests(example: str, stage: str) -> None:
    objects = manifests(example, stage)
    identities = [(found["kind"], found["metadata"]["namespace"], found["metadata"]["name"]) for found in objects.values()]
    assert len(set(identities)) == len(identities)
    assert [name for name in objects if not name.endswith(".yaml")] == []


@pytest.mark.parametrize("example, stage", CASES)
def test_the_selectors_of_the_slots_fit_their_own_pods_only(example: str, stage: str) -> None:
    objects = manifests(example, stage)
    for slot, other in (("blue", "green"), ("green", "blue")):
        selector = objects[f"deployment-{slot}.yaml"]["spec"]["selector"]["matchLabels"]
        labels = {name: objects[f"deployment-{name}.yaml"]["spec"]["template"]["metadata"]["labels"] for name in (slot, other)}
        assert sorted(selector) == ["app", "version"]
        assert selector.items() <= labels[slot].items()
        assert not selector.items() <= labels[other].items()
        assert objects[f"pod-disruption-budget-{slot}.yaml"]["spec"]["selector"]["matchLabels"] == selector
        assert objects["service.yaml"]["spec"]["selector"].items() <= labels[slot].items()


@pytest.mark.parametrize("example, stage", CASES)
def test_only_a_candidate_with_traffic_is_waited_for(example: str, stage: str) -> None:
    waves = {name: int(found["metadata"]["annotations"][WAVE]) for name, found in manifests(example, stage).items()}
    late = {"deployment-blue.yaml": 2, "deployment-green.yaml": 0 if stage in WAITED_FOR else 2}
    late |= {name: 2 for name in waves if name.startswith("horizontal-pod-autoscaler")}
    assert waves == {**dict.fromkeys(waves, -1), "virtual-service.yaml": 1, **late}


# ----------------------------------------------------------------------------------------------- what a stage changes


@pytest.mark.parametrize("example, stage", CASES)
def test_a_stage_changes_these_files_only(example: str, stage: str) -> None:
    before, after = made(example, STAGES[example][0]), made(example, stage)
    assert before.keys() == after.keys()
    may_change = {
        VIRTUAL_SERVICE,
        "manifests/deployment-green.yaml",
        "manifests/prometheus-rule.yaml",
        f"alerts/{NAMES[example]}.rules.yaml",
        "argocd/application.yaml",
        "README.md",
        "bgen.lock",
    }
    assert {path for path in after if after[path] != before[path]} <= may_change


@pytest.mark.parametrize("example, stage", CASES)
def test_a_stage_changes_the_wave_and_nothing_else_of_the_deployments(example: str, stage: str) -> None:
    wave = re.compile(f'^    {WAVE}: "-?[0-9]"\n', re.MULTILINE)
    for slot in ("blue", "green"):
        path = f"manifests/deployment-{slot}.yaml"
        texts = [wave.subn("", made(example, name)[path]) for name in (STAGES[example][0], stage)]
        assert [count for _, count in texts] == [1, 1]
        assert texts[0] == texts[1]


@pytest.mark.parametrize("example, stage", CASES)
def test_a_stage_changes_the_declared_shares_and_nothing_else_of_the_alerts(example: str, stage: str) -> None:
    constant = re.compile(r'expr: "?vector\((\d+)\)"?')
    for path in ("manifests/prometheus-rule.yaml", f"alerts/{NAMES[example]}.rules.yaml"):
        first, now = made(example, STAGES[example][0])[path], made(example, stage)[path]
        assert constant.findall(now) == [str(100 - WEIGHTS[stage]), str(WEIGHTS[stage])]
        assert constant.sub("", now) == constant.sub("", first)


@pytest.mark.parametrize("example, stage", [case for case in CASES if case[0] != "minimal"])
def test_a_stage_changes_the_notice_and_nothing_else_of_the_application(example: str, stage: str) -> None:
    applications = [read(made(example, name)["argocd/application.yaml"]) for name in (STAGES[example][0], stage)]
    notices = [found["metadata"]["annotations"].pop("notice.argocd.argoproj.io/content") for found in applications]
    assert stage in notices[1]
    assert applications[0] == applications[1]


@pytest.mark.parametrize("example, stage", CASES)
def test_a_stage_changes_the_state_and_the_hashes_of_the_lock(example: str, stage: str) -> None:
    locks = [json.loads(made(example, name)["bgen.lock"]) for name in (STAGES[example][0], stage)]
    assert locks[1]["state"]["stage"] == stage
    templates = [{name: slot["template"] for name, slot in lock["state"]["slots"].items()} for lock in locks]
    assert templates[0] == templates[1]
    assert len(set(templates[0].values())) == 2
    for lock in locks:
        for name in ("stage", "match", "mirror"):
            del lock["state"][name]
        for slot in lock["state"]["slots"].values():
            del slot["weight"]
        del lock["files"]
    assert locks[0] == locks[1]
