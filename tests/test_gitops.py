"""The Application and the workflow."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
import yaml

from bgen import conforms
from bgen import render
from bgen.release import Release
from bgen.resources import gitops

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
REPO = "repoURL: 'https://git.example.com/shop.git'"


def release(argocd: str | None = "", github: str = "{requirement: bgen}", stage: str = "blue", spec: str = SPEC) -> Release:
    application = "null" if argocd is None else f"{{{REPO}{argocd}}}"
    text = spec.replace("STAGE", stage) + f"gitops: {{argocd: {application}, github: {github}}}\n"
    return release_of(text)


def files(of: Release) -> dict[str, str]:
    return {file.path: file.text for file in render.render(gitops.documents(of), "release.yaml")}


def application(of: Release) -> Any:
    return yaml.safe_load(files(of)["argocd/application.yaml"])


def workflow(of: Release) -> Any:
    return yaml.safe_load(files(of)["ci/github-workflow.yaml"])


@pytest.mark.parametrize(
    ("argocd", "github", "paths"),
    [
        ("", "{requirement: bgen}", ["argocd/application.yaml", "ci/github-workflow.yaml"]),
        (None, "{requirement: bgen}", ["ci/github-workflow.yaml"]),
        ("", "null", ["argocd/application.yaml"]),
        (None, "null", []),
    ],
)
def test_only_what_is_asked_for(argocd: str | None, github: str, paths: list[str]) -> None:
    assert list(files(release(argocd, github))) == paths


def test_the_application() -> None:
    found = application(release(stage="split"))
    assert found["metadata"] == {
        "name": "shop-blue-green",
        "namespace": "argocd",
        "labels": {"app": "shop", "app.kubernetes.io/managed-by": "bgen"},
        "annotations": {
            "argocd.argoproj.io/manifest-generate-paths": ".",
            "notice.argocd.argoproj.io/content": "Stage split: blue (v1) 90 %, green (v2) 10 %",
        },
    }
    assert found["spec"] == {
        "project": "default",
        "source": {
            "repoURL": "https://git.example.com/shop.git",
            "targetRevision": "HEAD",
            "path": "deploy/shop/manifests",
            "directory": {"include": "*.yaml"},
        },
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "prod"},
        "syncPolicy": {
            "automated": {"prune": True, "selfHeal": True},
            "retry": {"limit": -1, "refresh": True, "backoff": {"duration": "10s", "factor": 1}},
            "syncOptions": [
                "CreateNamespace=true",
                "PruneLast=true",
                "ServerSideApply=true",
                "FailOnSharedResource=true",
            ],
            "managedNamespaceMetadata": {"labels": {"istio-injection": "enabled"}},
        },
    }


@pytest.mark.parametrize("argocd", ["", ", automated: false", ", namespaceLabels: {}", ", destination: {name: far}"])
def test_the_application_is_valid(argocd: str) -> None:
    checker = conforms.checker("kubernetes/1.32.json", "istio/1.28.json", complete=True)
    found = application(release(argocd))
    assert checker.conforms(found, {"$ref": "#/$defs/Application"}, "argo-cd.json")
    found["spec"]["syncPolicy"]["retry"]["limit"] = "-1"
    assert not checker.conforms(found, {"$ref": "#/$defs/Application"}, "argo-cd.json")


def test_by_hand_there_is_no_automation() -> None:
    assert "automated" not in application(release(", automated: false"))["spec"]["syncPolicy"]


def test_no_namespace_labels_no_metadata() -> None:
    assert "managedNamespaceMetadata" not in application(release(", namespaceLabels: {}"))["spec"]["syncPolicy"]


def test_a_named_cluster_has_no_address() -> None:
    assert application(release(", destination: {name: far}"))["spec"]["destination"] == {
        "name": "far",
        "namespace": "prod",
    }


@pytest.mark.parametrize("stage", ["header", "mirror", "split", "green", "rollback"])
def test_a_stage_changes_the_notice_alone(stage: str) -> None:
    before, after = files(release()), files(release(stage=stage))
    assert before["ci/github-workflow.yaml"] == after["ci/github-workflow.yaml"]
    lines = difflib.ndiff(before["argocd/application.yaml"].splitlines(), after["argocd/application.yaml"].splitlines())
    changed = [line for line in lines if line[0] in "+-"]
    assert len(changed) == 2
    assert all("notice.argocd.argoproj.io/content: " in line for line in changed)


def test_the_notice_without_a_candidate() -> None:
    spec = SPEC.replace('  green: {image: "shop:2", version: v2}\n', "")
    annotations = application(release(spec=spec))["metadata"]["annotations"]
    assert annotations["notice.argocd.argoproj.io/content"] == "Stage blue: blue (v1) 100 %"


def test_the_workflow() -> None:
    found = workflow(release(github="{requirement: bgen==0.1.0, python: '3.10', runsOn: ubuntu-24.04, branch: release/1.x}"))
    assert found["on"] == {"pull_request": {}, "push": {"branches": ["release/1.x"]}}
    assert found["permissions"] == {"contents": "read"}
    job = found["jobs"]["bgen"]
    assert job["runs-on"] == "ubuntu-24.04"
    assert job["timeout-minutes"] == 10
    assert job["env"] == {
        "SPEC": "shop/release.yaml",
        "OUTPUT": "deploy",
        "RELEASE": "shop",
        "REQUIREMENT": "bgen==0.1.0",
    }
    assert [step["uses"].partition("@")[2] for step in job["steps"] if "uses" in step] == [
        "11bd71901bbe5b1630ceea73d27597364c9af683",
        "0b93645e9fea7318ecaed2b359559ac225c90a2b",
    ]
    assert job["steps"][1]["with"] == {"python-version": "3.10"}


def test_no_script_of_the_workflow_holds_a_value_of_the_spec() -> None:
    one, two = (workflow(release(github=f"{{requirement: '{what}'}}")) for what in ("bgen", "bgen;$(reboot)"))
    assert [step.get("run") for step in one["jobs"]["bgen"]["steps"]] == [
        step.get("run") for step in two["jobs"]["bgen"]["steps"]
    ]


@pytest.mark.parametrize(
    ("path", "output"),
    [
        ("", "deploy"),
        (", path: infra/out/shop/manifests", "infra/out"),
        (", path: elsewhere", "deploy"),
        (", path: x/myshop/manifests", "deploy"),
    ],
)
def test_the_output_directory_is_the_one_that_argo_cd_reads(path: str, output: str) -> None:
    assert workflow(release(path))["jobs"]["bgen"]["env"]["OUTPUT"] == output


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("bgen==1", "bgen==1"),
        ("a$b", "a$b"),
        ("a{{b}}", "a{{b}}"),
        ("a${{b}}", "a${{ '${{' }}b}}"),
        ("${{${{", "${{ '${{' }}${{ '${{' }}"),
        ("$${{", "$${{ '${{' }}"),
    ],
)
def test_github_evaluates_no_value(value: str, written: str) -> None:
    assert gitops.inert(value) == written
