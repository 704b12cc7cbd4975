"""Prove that each outside tool can fail: a broken input it must reject, beside the good input it must accept.

A contract test that only ever sees good files would stay green with a tool that is misconfigured or checks nothing.
Each broken input is the good one with a single edit, and the test looks for the tool's words about that edit.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .tools import run
from .tools import tool

Done = subprocess.CompletedProcess[str]


def edited(text: str, old: str, new: str) -> str:
    """Make one edit, and insist that it is one, so that a broken input cannot quietly equal the good one."""
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
    return text.replace(old, new)


def saw(done: Done) -> str:
    """Give all that a tool wrote, for assertion messages and searches alike."""
    return f"exit {done.returncode}\n{done.stdout}{done.stderr}"


def written(path: Path, text: str) -> Path:
    """Write an input file and give its path."""
    path.write_text(text, encoding="utf-8")
    return path


# kubeconform: schemas from a local directory alone.

GADGET_SCHEMA = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": "example.com/v1"},
        "kind": {"const": "Gadget"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"size": {"type": "integer"}},
        },
    },
}

GADGET = """\
apiVersion: example.com/v1
kind: Gadget
metadata:
  name: one
spec:
  size: 3
"""


def kubeconform(directory: Path, manifest: str) -> Done:
    """Validate one manifest against a schema named as kubeconform's template expands for Gadget of example.com/v1."""
    schemas = directory / "schemas"
    schemas.mkdir()
    written(schemas / "gadget-example-v1.json", json.dumps(GADGET_SCHEMA))
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    path = written(directory / "gadget.yaml", manifest)
    return run([tool("kubeconform"), "-strict", "-summary", "-schema-location", location, path])


def test_kubeconform_accepts_a_valid_object(tmp_path: Path) -> None:
    done = kubeconform(tmp_path, GADGET)
    assert done.returncode == 0, saw(done)
    assert "Valid: 1, Invalid: 0, Errors: 0, Skipped: 0" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("size: 3", "sise: 3", "additional properties 'sise' not allowed"),
        ("size: 3", 'size: "3"', "got string, want integer"),
        ("size: 3", "size: 3\n  size: 4", "already set in map"),
        ("kind: Gadget", "kind: Gizmo", "could not find schema for Gizmo"),
    ],
    ids=["unknown-field", "wrong-type", "duplicate-key", "no-schema"],
)
def test_kubeconform_rejects(tmp_path: Path, old: str, new: str, words: str) -> None:
    done = kubeconform(tmp_path, edited(GADGET, old, new))
    assert done.returncode == 1, saw(done)
    assert words in saw(done)


# kube-score: probes are asked for only where a Service targets the pods.

READINESS_PROBE = """\
          readinessProbe:
            httpGet: {path: /ready, port: 8080}
"""

WORKLOAD = f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {{app: web}}
  template:
    metadata:
      labels: {{app: web}}
    spec:
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels: {{app: web}}
      containers:
        - name: web
          image: registry.example/web:1.0.0
          imagePullPolicy: Always
          ports:
            - containerPort: 8080
          resources:
            requests: {{cpu: 100m, memory: 64Mi, ephemeral-storage: 16Mi}}
            limits: {{cpu: 100m, memory: 64Mi, ephemeral-storage: 16Mi}}
          securityContext:
            readOnlyRootFilesystem: true
            runAsUser: 10001
            runAsGroup: 10001
{READINESS_PROBE}\
          livenessProbe:
            httpGet: {{path: /live, port: 8080}}
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {{app: web}}
  ports:
    - port: 80
      targetPort: 8080
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
spec:
  minAvailable: 1
  selector:
    matchLabels: {{app: web}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
spec:
  podSelector:
    matchLabels: {{app: web}}
  policyTypes: [Ingress, Egress]
"""


def kube_score(directory: Path, manifests: str) -> Done:
    """Score manifests with every default check on."""
    path = written(directory / "web.yaml", manifests)
    return run([tool("kube-score"), "score", "--output-format", "ci", path])


def test_kube_score_accepts_a_careful_workload(tmp_path: Path) -> None:
    done = kube_score(tmp_path, WORKLOAD)
    assert done.returncode == 0, saw(done)
    assert "[CRITICAL]" not in done.stdout


def test_kube_score_rejects_a_container_without_readiness_probe(tmp_path: Path) -> None:
    done = kube_score(tmp_path, edited(WORKLOAD, READINESS_PROBE, ""))
    assert done.returncode == 1, saw(done)
    critical = [line for line in done.stdout.splitlines() if line.startswith("[CRITICAL]")]
    assert len(critical) == 1, saw(done)
    assert "missing a readinessProbe" in critical[0]


# promtool: rule files, then rule tests.

RULES = """\
groups:
  - name: web
    rules:
      - alert: WebDown
        expr: sum by (job) (up{job="web"}) == 0
        for: 5m
        labels:
          severity: page
"""

RULE_TESTS = """\
rule_files:
  - rules.yaml
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: up{job="web"}
        values: 0x20
    alert_rule_test:
      - alertname: WebDown
        eval_time: 10m
        exp_alerts:
          - exp_labels:
              job: web
              severity: page
"""


def promtool_check(directory: Path, rules: str) -> Done:
    """Check the syntax of a rule file and of the PromQL in it."""
    return run([tool("promtool"), "check", "rules", written(directory / "rules.yaml", rules)])


def promtool_test(directory: Path, rule_tests: str) -> Done:
    """Run rule tests over the good rule file, which they name relative to themselves."""
    written(directory / "rules.yaml", RULES)
    return run([tool("promtool"), "test", "rules", written(directory / "rules_test.yaml", rule_tests)])


def test_promtool_check_accepts_good_rules(tmp_path: Path) -> None:
    done = promtool_check(tmp_path, RULES)
    assert done.returncode == 0, saw(done)
    assert "1 rules found" in saw(done)


def test_promtool_check_rejects_bad_promql(tmp_path: Path) -> None:
    done = promtool_check(tmp_path, edited(RULES, 'up{job="web"})', 'up{job="web"'))
    assert done.returncode == 1, saw(done)
    assert "could not parse expression" in saw(done)


def test_promtool_test_accepts_an_alert_that_fires(tmp_path: Path) -> None:
    done = promtool_test(tmp_path, RULE_TESTS)
    assert done.returncode == 0, saw(done)
    assert "SUCCESS" in saw(done)


def test_promtool_test_rejects_an_expectation_that_does_not_hold(tmp_path: Path) -> None:
    done = promtool_test(tmp_path, edited(RULE_TESTS, "eval_time: 10m", "eval_time: 4m"))
    assert done.returncode == 1, saw(done)
    assert "FAILED" in saw(done)
    assert "WebDown" in saw(done)


# shellcheck

SCRIPT = """\
#!/bin/sh
set -eu
rm -f -- "$1"
"""


def shellcheck(directory: Path, script: str) -> Done:
    """Check one script, with no rc file from the directories above it."""
    return run([tool("shellcheck"), "--norc", written(directory / "script.sh", script)])


def test_shellcheck_accepts_a_quoted_variable(tmp_path: Path) -> None:
    done = shellcheck(tmp_path, SCRIPT)
    assert done.returncode == 0, saw(done)


def test_shellcheck_rejects_an_unquoted_variable(tmp_path: Path) -> None:
    done = shellcheck(tmp_path, edited(SCRIPT, '"$1"', "$1"))
    assert done.returncode == 1, saw(done)
    assert "SC2086" in saw(done)


# actionlint: its calls of shellcheck and pyflakes are off, so that the verdict does not depend on what is installed.

WORKFLOW = """\
name: ci
on:
  push:
    branches: [main]
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make check
        env:
          REF: ${{ github.ref }}
"""


def actionlint(directory: Path, workflow: str) -> Done:
    """Lint one workflow file, outside of any repository."""
    path = written(directory / "ci.yml", workflow)
    return run([tool("actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", path], cwd=directory)


def test_actionlint_accepts_a_good_workflow(tmp_path: Path) -> None:
    done = actionlint(tmp_path, WORKFLOW)
    assert done.returncode == 0, saw(done)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  push:", "  pushed:", 'unknown Webhook event "pushed"'),
        ("github.ref ", "github.reff ", 'property "reff" is not defined'),
        ("contents: read", "contents: reed", '"reed" is invalid as permission'),
    ],
    ids=["unknown-event", "unknown-property", "unknown-permission"],
)
def test_actionlint_rejects(tmp_path: Path, old: str, new: str, words: str) -> None:
    done = actionlint(tmp_path, edited(WORKFLOW, old, new))
    assert done.returncode == 1, saw(done)
    assert words in saw(done)
