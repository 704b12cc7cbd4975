"""What the API server's own code says of everything that bgen emits: no refusal and no warning, in any stage.

`apiserver/` holds the judge. It decodes strictly, sets defaults and runs the create strategies of Kubernetes, Pod Security
admission, and the schemas and CEL rules of the CRDs of Istio, prometheus-operator and Argo CD.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bgen.build import finish
from bgen.build import prepare
from bgen.release import Release

from .tools import run
from .tools import tool

ROOT = Path(__file__).parent.parent.parent
MY_APP = (ROOT / "examples/my-app/release.yaml").read_text(encoding="utf-8")
PRODUCTION = (ROOT / "examples/production/release.yaml").read_text(encoding="utf-8")
ISTIO = ("1.24", "1.28", "1.30")

HEAD = """\
apiVersion: bgen/v1
name: web
namespace: shop
slots:
  blue: {image: "web:1.0.0", version: v1}
  green: {image: "web:2.0.0", version: v2}
stable: blue
stage: blue
"""
BASELINE = HEAD + "hardening: baseline\n"
SPECS = {
    **{path.parent.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*/release.yaml"))},
    "tcp": HEAD
    + """\
ports: [{name: redis, port: 6379, protocol: tcp}]
stages:
  - {name: tenth, weight: 10}
""",
    "tcp-and-http": HEAD
    + """\
ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: admin, port: 9000, protocol: http2}
  - {name: raw, port: 7000, protocol: tcp}
hosts: [web.example.com]
gateways: [istio-ingress/public, mesh]
route: {timeout: 5s, corsPolicy: {allowOrigins: [{exact: "https://example.com"}], maxAge: 24h}}
routes:
  - {name: api, match: [{uri: {prefix: /api/}}], rewrite: {uri: /}}
  - {name: gone, match: [{uri: {exact: /gone}}], directResponse: {status: 410}}
trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}
stages:
  - {name: tenth, weight: 10}
""",
    "sidecars": HEAD
    + """\
hardening: restricted
pod:
  initContainers:
    - {name: migrate, image: "web-migrate:1.0.0"}
    - {name: proxy, image: "proxy:1.0.0", restartPolicy: Always}
  containers:
    - {name: logs, image: "logs:1.0.0", volumeMounts: [{name: spool, mountPath: /spool}]}
  volumes: [{name: spool, emptyDir: {sizeLimit: 16Mi}}]
container: {volumeMounts: [{name: spool, mountPath: /spool}]}
""",
    "autoscaling": HEAD
    + """\
autoscaling: {minReplicas: 2, maxReplicas: 9, cpu: 80, behavior: {scaleDown: {stabilizationWindowSeconds: 300}}}
podDisruptionBudget: {minAvailable: 50%}
container: {resources: {requests: {cpu: 100m, memory: 64Mi}}}
""",
    "first-release": HEAD.replace('  green: {image: "web:2.0.0", version: v2}\n', ""),
    "headless": HEAD + "service: {clusterIP: None}\n",
    "baseline": BASELINE,
    "unhardened": HEAD + "hardening: none\n",
}
LEVELS = {"baseline": "baseline", "unhardened": "baseline"}


def released(spec: str, istio: str | None = None, stage: str | None = None) -> Release:
    """The release of a spec, for another Istio or in another stage than it says."""
    if stage == "rollback" and "\nrollback:" not in spec:
        spec += "\nrollback: {reason: The canary lost orders}\n"
    line = next((line for line in spec.splitlines() if line.startswith("platform:")), None)
    if istio is not None:
        spec = spec.replace(line or "\0", "") + f'\nplatform: {{istio: "{istio}"}}\n'
    return prepare(spec.encode(), "release.yaml", stage).release


def written(release: Release, folder: Path) -> list[Path]:
    """Write a release and give the paths of its objects."""
    found = []
    for file in finish(release, "release.yaml"):
        if file.path.startswith(("manifests/", "routes/", "argocd/")):
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
            found.append(path)
    return found


def complaints(paths: list[Path], istio: str, level: str = "restricted") -> dict[Path, list[str]]:
    """What the judge has against each file, for the files that it has anything against."""
    check = tool("apiserver-check")
    crds = ",".join(f"{check}.d/{name}.yaml" for name in ("argo-cd", f"istio-{istio}", "prometheus-operator"))
    done = run([check, "-crds", crds, "-pod-security", level, *paths])
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(verdict["file"]) for verdict in verdicts] == paths, done.stderr
    found = {Path(verdict["file"]): [*verdict["errors"], *verdict["warnings"]] for verdict in verdicts}
    against = {path: said for path, said in found.items() if said}
    assert done.returncode == bool(against), done.stderr
    return against


@pytest.mark.parametrize("istio", ISTIO)
@pytest.mark.parametrize("name", SPECS)
def test_nothing_is_refused_or_warned_of(name: str, istio: str, tmp_path: Path) -> None:
    release = released(SPECS[name], istio)
    paths: list[Path] = []
    for stage in release.all_stages():
        paths += written(released(SPECS[name], istio, stage.name), tmp_path / stage.name)
    assert len(paths) >= 3 * 6
    assert complaints(paths, istio, LEVELS.get(name, "restricted")) == {}


@pytest.mark.parametrize(
    "path, old, new, words",
    [
        # Strict decoding.
        ("deployment-blue", "revisionHistoryLimit:", "revisionHistoryLimits:", 'unknown field "spec.revisionHistoryLimits"'),
        ("deployment-blue", "  replicas: 3\n", "  replicas: 3\n  replicas: 4\n", '"replicas" already set in map'),
        ("deployment-blue", "replicas: 3", 'replicas: "3"', "cannot unmarshal string into Go struct field"),
        ("service", "kind: Service\n", "kind: Servise\n", "no judge for /v1, Kind=Servise"),
        # Pod Security.
        ("deployment-blue", "allowPrivilegeEscalation: false", "privileged: true", "pod security: privileged"),
        ("deployment-blue", "        runAsNonRoot: true\n", "", "pod security: runAsNonRoot != true"),
        ("deployment-blue", "- ALL", "- all", "pod security: unrestricted capabilities"),
        ("deployment-blue", "type: RuntimeDefault", "type: Unconfined", "pod security: seccompProfile"),
        # The create strategies of Kubernetes, and a warning of one.
        ("deployment-blue", "maxSurge: 1", "maxSurge: 0", "may not be 0 when `maxSurge` is 0"),
        ("deployment-blue", "containerPort: 8080", "containerPort: 80800", "must be between 1 and 65535, inclusive"),
        ("deployment-blue", "memory: 128Mi", "memory: 128m", 'fractional byte value "128m" is invalid'),
        ("service", "port: 80\n", "port: 80\n    nodePort: 30080\n", "may not be used when `type` is 'ClusterIP'"),
        ("service-account", "name: my-app\n", "name: my_app\n", "a lowercase RFC 1123 subdomain must"),
        ("grafana-dashboard", "name: my-app-dashboard", "name: My-dashboard", "a lowercase RFC 1123 subdomain must"),
        ("pod-disruption-budget-blue", "spec:\n", "spec:\n  minAvailable: 1\n", "cannot be both set"),
        ("horizontal-pod-autoscaler-blue", "minReplicas: 4", "minReplicas: 40", "must be greater than or equal to `minReplicas`"),
        # Custom resources: pruning, structural schema, CEL.
        ("virtual-service", "subset: blue", "subsett: blue", "unknown field spec.http[0].route[0].destination.subsett"),
        ("virtual-service", "  labels:\n", "  label:\n", "unknown field metadata.label"),
        ("virtual-service", "    app: my-app\n", "    app: 3\n", "cannot unmarshal number into Go struct field ObjectMeta.labels"),
        ("virtual-service", "attempts: 3", "attempts: three", "must be of type integer"),
        ("virtual-service", "timeout: 30s", "timeout: 0s", "spec.http[0].timeout: Invalid value: \"0s\": must be a valid duration"),
        ("header", "exact: green", "exact: green\n          prefix: green", "must validate one and only one schema (oneOf)"),
        ("destination-rule", "simple: LEAST_REQUEST", "simple: LEAST_REQUEST\n        consistentHash: {useSourceIp: true}", "(oneOf)"),
        ("destination-rule", "connectTimeout: 30s", "connectTimeout: 0s", "must be a valid duration greater than 1ms"),
        ("gateway", "mode: SIMPLE", "mode: SIMPLY", "Unsupported value"),
        ("prometheus-rule", "for: 5m", "for: five", "should match"),
        ("application", "prune: true", "prune: often", "must be of type boolean"),
    ],
)  # fmt: skip
def test_what_is_broken_is_refused(path: str, old: str, new: str, words: str, tmp_path: Path) -> None:
    paths = written(released(PRODUCTION if path.startswith("horizontal") else MY_APP), tmp_path)
    [broken] = [found for found in paths if found.stem == path]
    text = broken.read_text(encoding="utf-8")
    assert old in text
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = complaints(paths, "1.28")
    assert set(found) == {broken}
    assert any(words in said for said in found[broken]), found[broken]


def test_the_level_of_pod_security_counts(tmp_path: Path) -> None:
    found = complaints(written(released(BASELINE), tmp_path), "1.28")
    assert {path.stem for path in found} == {"deployment-blue", "deployment-green"}
    assert all(said.startswith("pod security: ") for messages in found.values() for said in messages)
