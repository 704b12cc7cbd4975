"""`verify` finds every single thing that is broken in a finished release, and nothing in one that is whole."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from bgen.build import platform_of
from bgen.build import prepare
from bgen.diagnostics import Diagnostic
from bgen.document import File
from bgen.document import Hole
from bgen.plan import plan
from bgen.render import render
from bgen.verify import verify

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if (path / "release.yaml").is_file())


@cache
def rendered(example: str) -> tuple[list[File], dict[str, str]]:
    release = prepare((EXAMPLES / example / "release.yaml").read_bytes(), "release.yaml").release
    return render(plan(release), "release.yaml"), platform_of(release.platform)


def on_disk(example: str) -> list[File]:
    """The files as they are read from a directory: text, and no holes that it could be compared with."""
    return [File(file.path, file.text) for file in rendered(example)[0]]


def complaints(example: str, files: list[File]) -> list[Diagnostic]:
    return verify(files, rendered(example)[1]).complaints


@pytest.mark.parametrize("example", NAMES)
def test_a_whole_release_has_no_complaint(example):
    assert complaints(example, rendered(example)[0]) == []
    assert complaints(example, on_disk(example)) == []


@pytest.mark.parametrize("example", NAMES)
def test_every_yaml_file_is_read_and_has_values_to_prove(example):
    files, platform = rendered(example)
    verified = verify(files, platform)
    yaml = [file for file in files if file.path.endswith(".yaml")]
    assert {file.path for file in yaml} == set(verified.documents)
    assert all(file.holes for file in yaml)
    assert [source.file for source in verified.objects("routes")] == sorted(f.path for f in files if f.path.startswith("routes/"))


def changed(files: list[File], path: str, old: str, new: str, count: int = 1) -> list[File]:
    """The files with one text replaced in one of them, at its first places."""
    found = []
    for file in files:
        if file.path == path:
            assert file.text.count(old) >= count, f"{path} has no {old!r}"
            file = file._replace(text=file.text.replace(old, new, count))
        found.append(file)
    assert path in {file.path for file in files}
    return found


def without(files: list[File], path: str) -> list[File]:
    assert path in {file.path for file in files}
    return [file for file in files if file.path != path]


def copied(files: list[File], path: str, to: str, *edits: tuple[str, str]) -> list[File]:
    file = next(file for file in files if file.path == path)._replace(path=to)
    return [*files, *(changed_one(file, edits))]


def changed_one(file: File, edits: tuple[tuple[str, str], ...]) -> list[File]:
    for old, new in edits:
        file = changed([file], file.path, old, new)[0]
    return [file]


BLUE, GREEN = "manifests/deployment-blue.yaml", "manifests/deployment-green.yaml"
SERVICE, RULE, LIVE = "manifests/service.yaml", "manifests/destination-rule.yaml", "manifests/virtual-service.yaml"
HPA, PDB = "manifests/horizontal-pod-autoscaler-blue.yaml", "manifests/pod-disruption-budget-blue.yaml"
GATEWAY, ACCOUNT, DASHBOARD = (
    "manifests/gateway.yaml",
    "manifests/service-account.yaml",
    "manifests/grafana-dashboard.yaml",
)
ALERTS, APPLICATION = "manifests/prometheus-rule.yaml", "argocd/application.yaml"
CHECKOUT = sorted(f.path for f in rendered("production")[0] if f.path.startswith("routes/"))
MY_APP = sorted(f.path for f in rendered("my-app")[0] if f.path.startswith("routes/"))
OTHER_STAGES = [path for path in MY_APP if path != "routes/blue.yaml"]


class Mutation(NamedTuple):
    """One thing broken: how, and the exact codes and files that complain, with a part of one message."""

    why: str
    example: str
    edits: list[tuple[str, str, str]] | Callable[[list[File]], list[File]]
    found: set[tuple[str, str]]
    message: str
    built: bool = False


def each(paths: list[str], old: str, new: str) -> list[tuple[str, str, str]]:
    return [(path, old, new) for path in paths]


def at(code: str, *paths: str) -> set[tuple[str, str]]:
    return {(code, path) for path in paths}


M = Mutation
TEXT = [
    # What was placed is what a reader finds there.
    M(
        "another number",
        "my-app",
        [(BLUE, "replicas: 3", "replicas: 4")],
        at("BG502", BLUE),
        "3 was placed here, 4",
        True,
    ),
    M(
        "a number that is true",
        "my-app",
        [(BLUE, "maxSurge: 1", "maxSurge: true")],
        at("BG502", BLUE) | at("BG503", BLUE),
        "'maxSurge': True",
        True,
    ),
    M(
        "an integer that is a float",
        "my-app",
        [(BLUE, "replicas: 3", "replicas: 3.0")],
        at("BG502", BLUE) | at("BG503", BLUE),
        "3 was placed here, 3.0",
        True,
    ),
    M(
        "a text that is a number",
        "production",
        [(BLUE, '"9464"', "9464")],
        at("BG502", BLUE) | at("BG503", BLUE),
        "9464",
        True,
    ),
    M("another word", "production", [(BLUE, "value: info", "value: debug")], at("BG502", BLUE), "debug", True),
    M(
        "keys in another order",
        "my-app",
        [
            (
                SERVICE,
                "    app: my-app\n    app.kubernetes.io/managed-by: bgen\n",
                "    app.kubernetes.io/managed-by: bgen\n    app: my-app\n",
            )
        ],
        at("BG502", SERVICE),
        "was placed here",
        True,
    ),
    M(
        "an entry too many",
        "my-app",
        [(BLUE, "            - ALL\n", "            - ALL\n            - NONE\n")],
        at("BG502", BLUE),
        "NONE",
        True,
    ),
    M(
        "a line moved down",
        "my-app",
        [(BLUE, "  replicas: 3\n", "\n  replicas: 3\n")],
        at("BG502", BLUE),
        "3 was placed here, None",
        True,
    ),
    M(
        "a value that is gone",
        "my-app",
        [(RULE, "  host: my-app.production.svc.cluster.local\n", "  host: elsewhere\n")],
        at("BG502", RULE),
        "elsewhere",
        True,
    ),
    M(
        "a changed expression",
        "my-app",
        [("alerts/my-app.rules.yaml", "> 0.05", "> 0.5")],
        at("BG502", "alerts/my-app.rules.yaml"),
        "was placed here",
        True,
    ),
    M(
        "a changed line of a workflow",
        "my-app",
        [("ci/github-workflow.yaml", "OUTPUT: deploy", "OUTPUT: deployed")],
        at("BG502", "ci/github-workflow.yaml"),
        "'deploy' was placed",
        True,
    ),
    # The text is the YAML that every reader takes for the same.
    M(
        "an empty value",
        "my-app",
        [(BLUE, "replicas: 3", "replicas:")],
        at("BG501", BLUE) | at("BG503", BLUE),
        "an empty value",
    ),
    M(
        "a parent without children",
        "my-app",
        [(BLUE, "        emptyDir: {}\n", "        emptyDir:\n")],
        at("BG501", BLUE) | at("BG503", BLUE),
        "an empty value",
    ),
    M(
        "a word of YAML 1.1",
        "production",
        [(BLUE, '"on"', "on")],
        at("BG501", BLUE),
        "on is not a scalar that every reader",
    ),
    M("a time", "my-app", [(BLUE, "my-app:1.0.0", "12:30")], at("BG501", BLUE), "12:30"),
    M(
        "an octal number",
        "my-app",
        [(BLUE, "replicas: 3", "replicas: 0o3")],
        at("BG501", BLUE) | at("BG503", BLUE),
        "0o3",
    ),
    M(
        "an exponent",
        "my-app",
        [("routes/split.yaml", "weight: 10", "weight: 1e1")],
        at("BG501", "routes/split.yaml") | at("BG503", "routes/split.yaml"),
        "1e1",
    ),
    M(
        "null",
        "my-app",
        [(BLUE, "replicas: 3", "replicas: null")],
        at("BG501", BLUE) | at("BG503", BLUE),
        "null is not a scalar",
    ),
    M(
        "a tilde",
        "my-app",
        [(BLUE, "replicas: 3", "replicas: ~")],
        at("BG501", BLUE) | at("BG503", BLUE),
        "~ is not a scalar",
    ),
    M(
        "a key that is no text",
        "my-app",
        [(SERVICE, "app.kubernetes.io/managed-by:", "on:")],
        at("BG501", SERVICE),
        "`on` is not text",
    ),
    M(
        "a key twice",
        "my-app",
        [(SERVICE, "  selector:\n", "  type: ClusterIP\n  type: NodePort\n  selector:\n")],
        at("BG501", SERVICE),
        "`type` stands twice",
    ),
    M(
        "an anchor",
        "my-app",
        [(SERVICE, "    app: my-app\n", "    app: &a my-app\n")],
        at("BG501", SERVICE),
        "anchor &a",
    ),
    M(
        "an alias",
        "my-app",
        [(SERVICE, "    app: my-app\n", "    app: *a\n")],
        at("BG501", SERVICE),
        "*a",
    ),
    M(
        "a tag",
        "my-app",
        [(SERVICE, "    app: my-app\n", "    app: !!str my-app\n")],
        at("BG501", SERVICE),
        "tag !!str",
    ),
    M(
        "a merge key",
        "my-app",
        [(SERVICE, "    app: my-app\n", "    <<: {}\n")],
        at("BG501", SERVICE) | at("BG503", SERVICE),
        "a merge key",
    ),
    M("a second document", "my-app", [(SERVICE, "spec:\n", "---\nspec:\n")], at("BG501", SERVICE), "a second document"),
    M("a broken line", "my-app", [(SERVICE, "spec:\n", "spec\n")], at("BG501", SERVICE), ""),
    M("a tab", "my-app", [(SERVICE, "  selector:\n", "\tselector:\n")], at("BG501", SERVICE), ""),
    M(
        "nothing but a list",
        "my-app",
        lambda files: [*files, File("manifests/x.yaml", "- a\n")],
        at("BG501", "manifests/x.yaml"),
        "not a mapping",
    ),
    M(
        "nothing at all",
        "my-app",
        lambda files: [*files, File("routes/x.yaml", "# empty\n")],
        at("BG501", "routes/x.yaml"),
        "not a mapping",
    ),
    M("a control character", "my-app", [(ALERTS, "groups:", "groups: \x07")], at("BG501", ALERTS), "U+0007"),
    M("a line separator", "my-app", [(DASHBOARD, "data:", "data: # \u2028")], at("BG501", DASHBOARD), "U+2028"),
    M("a byte order mark", "my-app", [(SERVICE, "apiVersion", "\ufeffapiVersion")], at("BG501", SERVICE), "U+FEFF"),
    M(
        "what Argo CD skips",
        "my-app",
        [(SERVICE, "# Both slots", "# +argocd:skip-file-rendering")],
        at("BG501", SERVICE),
        "Argo CD would drop",
    ),
    M(
        "broken JSON",
        "my-app",
        [("dashboards/my-app.json", "{", "{,")],
        at("BG501", "dashboards/my-app.json"),
        "not JSON",
    ),
    M(
        "no JSON",
        "my-app",
        lambda files: [*files, File("dashboards/x.json", "")],
        at("BG501", "dashboards/x.json"),
        "not JSON",
    ),
]
STRUCTURE = [
    M(
        "an unknown kind",
        "my-app",
        [(SERVICE, "kind: Service", "kind: Servise")],
        at("BG503", SERVICE),
        "v1 Servise is not a kind",
    ),
    M(
        "another version of a kind",
        "my-app",
        [(RULE, "networking.istio.io/v1", "networking.istio.io/v1alpha3")],
        at("BG503", RULE),
        "v1alpha3 DestinationRule is not a kind",
    ),
    M("no kind", "my-app", [(SERVICE, "kind: Service\n", "")], at("BG503", SERVICE), "None is not a kind"),
    M(
        "a misspelt field at depth",
        "production",
        [(BLUE, "readinessProbe:", "readynessProbe:")],
        at("BG503", BLUE),
        "unknown key `readynessProbe`",
    ),
    M(
        "a misspelt field deeper still",
        "production",
        [(BLUE, "containerPort: 9464", "containerport: 9464")],
        at("BG503", BLUE),
        "`containerport`",
    ),
    M(
        "a field of another object",
        "my-app",
        [(SERVICE, "spec:\n", "spec:\n  replicas: 3\n")],
        at("BG503", SERVICE),
        "`replicas`",
    ),
    M(
        "a required field is missing",
        "my-app",
        [(BLUE, "          mountPath: /tmp\n", "")],
        at("BG503", BLUE),
        "lacks `mountPath`",
    ),
    M(
        "a required field of a list entry",
        "production",
        [(BLUE, "        - name: LOG_LEVEL\n          value: info\n", "        - value: info\n")],
        at("BG503", BLUE),
        "lacks `name`",
    ),
    M(
        "the deletion of a merge",
        "production",
        [(BLUE, "          value: info\n", '          "$patch": delete\n')],
        at("BG503", BLUE),
        "",
    ),
    M(
        "replicas that are true",
        "my-app",
        [(BLUE, "replicas: 3", "replicas: true")],
        at("BG503", BLUE),
        "must be a whole number, not true",
    ),
    M("a port that is a float", "my-app", [(SERVICE, "port: 80", "port: 80.0")], at("BG503", SERVICE), "80.0"),
    M(
        "a weight that is text",
        "my-app",
        [("routes/split.yaml", "weight: 90", 'weight: "90"')],
        at("BG503", "routes/split.yaml"),
        "must be a whole number",
    ),
    M(
        "an annotation that is a number",
        "my-app",
        [(SERVICE, '"-1"', "-1")],
        at("BG503", SERVICE),
        "must be text, not -1",
    ),
    M("an alert without expression", "my-app", [(ALERTS, "      expr: ", "      exp: ")], at("BG503", ALERTS), "`exp`"),
    M(
        "a field of the Application",
        "my-app",
        [(APPLICATION, "targetRevision", "revision")],
        at("BG503", APPLICATION),
        "`revision`",
    ),
    M(
        "a word that is none of the enumerated",
        "my-app",
        [(SERVICE, "protocol: TCP", "protocol: tcp")],
        at("BG503", SERVICE),
        'cannot be "tcp"',
    ),
]
IDENTITY = [
    M(
        "an object twice",
        "my-app",
        lambda files: copied(files, SERVICE, "manifests/x.yaml"),
        at("BG504", "manifests/x.yaml"),
        f"stands in {SERVICE} too",
    ),
    M(
        "a Deployment twice",
        "production",
        [(GREEN, "name: checkout-v4-8-0\n", "name: checkout-v4-7-2\n")],
        at("BG504", GREEN) | at("BG505", RULE, PDB, "manifests/horizontal-pod-autoscaler-green.yaml"),
        "Argo CD would apply only one",
    ),
    M("no live route", "my-app", lambda files: without(files, LIVE), at("BG506", "manifests"), "0 VirtualServices"),
    M(
        "a second live route",
        "my-app",
        lambda files: copied(files, LIVE, "manifests/x.yaml", ("name: my-app-routing", "name: other")),
        at("BG506", "manifests/x.yaml"),
        "2 VirtualServices",
    ),
]
ROUTES = [
    M(
        "the live route is not its stage's",
        "my-app",
        [(LIVE, "timeout: 30s", "timeout: 31s")],
        at("BG507", LIVE),
        "not that of routes/blue.yaml",
    ),
    M(
        "a stage file is not its live route",
        "my-app",
        [("routes/blue.yaml", "timeout: 30s", "timeout: 31s")],
        at("BG507", LIVE),
        "not that of routes/blue.yaml",
    ),
    M(
        "the live route names another stage",
        "my-app",
        [(LIVE, "bgen/stage: blue", "bgen/stage: green")],
        at("BG507", LIVE),
        "not that of routes/green.yaml",
    ),
    M(
        "the live route names no stage",
        "my-app",
        [(LIVE, "    bgen/stage: blue\n", "")],
        at("BG507", LIVE),
        "not that of routes/None.yaml",
    ),
    M(
        "the live stage has no file",
        "my-app",
        lambda files: without(files, "routes/blue.yaml"),
        at("BG507", LIVE),
        "not that of routes/blue.yaml",
    ),
    M(
        "a stage has another host",
        "my-app",
        [("routes/split.yaml", "  - my-app.example.com\n", "  - example.com\n")],
        at("BG507", "routes/split.yaml"),
        "in more than rules and annotations",
    ),
    M(
        "a stage lacks a gateway",
        "my-app",
        [("routes/split.yaml", "  - mesh\n", "")],
        at("BG507", "routes/split.yaml"),
        "in more than rules",
    ),
    M(
        "a stage has another name",
        "my-app",
        [("routes/split.yaml", "name: my-app-routing", "name: my-app-route")],
        at("BG507", "routes/split.yaml"),
        "in more than rules",
    ),
    M(
        "a stage has another namespace",
        "my-app",
        [("routes/split.yaml", "namespace: production", "namespace: staging")],
        at("BG507", "routes/split.yaml"),
        "in more than rules",
    ),
    M(
        "a stage has another label",
        "my-app",
        [("routes/split.yaml", "managed-by: bgen", "managed-by: helm")],
        at("BG507", "routes/split.yaml"),
        "in more than rules",
    ),
    M(
        "a stage has another wave",
        "my-app",
        [("routes/split.yaml", '"1"', '"2"')],
        at("BG507", "routes/split.yaml"),
        "in more than rules",
    ),
    M(
        "a stage is exported",
        "my-app",
        [("routes/split.yaml", "spec:\n", 'spec:\n  exportTo:\n  - "."\n')],
        at("BG507", "routes/split.yaml"),
        "in more than rules",
    ),
]
REFERENCES = [
    M(
        "a Deployment that does not select its pods",
        "production",
        [
            (
                BLUE,
                "    matchLabels:\n      app: checkout\n      version: v4.7.2",
                "    matchLabels:\n      app: checkout\n      version: v4.7.1",
            )
        ],
        at("BG505", BLUE),
        "does not fit the pods",
    ),
    M(
        "another service account",
        "production",
        [(BLUE, "serviceAccountName: checkout", "serviceAccountName: other")],
        at("BG505", BLUE),
        "no ServiceAccount other",
    ),
    M(
        "no service account",
        "production",
        [(BLUE, "      serviceAccountName: checkout\n", "")],
        at("BG505", BLUE),
        "no ServiceAccount None",
    ),
    M(
        "the service account is called something else",
        "my-app",
        [(ACCOUNT, "name: my-app\n", "name: other\n")],
        at("BG505", BLUE, GREEN),
        "no ServiceAccount my-app",
    ),
    M(
        "a mount without a volume",
        "production",
        [(BLUE, "      - name: logs\n        emptyDir", "      - name: log\n        emptyDir")],
        at("BG505", BLUE),
        "no volume logs",
    ),
    M(
        "a mount of an init container",
        "production",
        [(BLUE, "name: tmp-schema\n          mountPath", "name: tmp-scheme\n          mountPath")],
        at("BG505", BLUE),
        "no volume tmp-scheme",
    ),
    M(
        "no volumes at all",
        "my-app",
        [(BLUE, "      volumes:\n      - name: tmp\n        emptyDir: {}\n", "")],
        at("BG505", BLUE),
        "no volume tmp",
    ),
    M(
        "a Service without pods",
        "my-app",
        [(SERVICE, "  selector:\n    app: my-app\n", "  selector:\n    app: other\n")],
        at("BG505", SERVICE, RULE),
        "the selector fits no pod",
    ),
    M(
        "a Service port that leads nowhere",
        "my-app",
        [(SERVICE, "targetPort: 8080", "targetPort: 8081")],
        at("BG505", SERVICE),
        "no container opens the port 8081",
    ),
    M(
        "a named Service port that leads nowhere",
        "production",
        [(SERVICE, "targetPort: grpc", "targetPort: rpc")],
        at("BG505", SERVICE),
        "no container opens the port rpc",
    ),
    M(
        "no target port",
        "my-app",
        [(SERVICE, "    targetPort: 8080\n", "")],
        at("BG505", SERVICE),
        "no container opens the port 80",
    ),
    M(
        "one slot does not open the port",
        "production",
        [(GREEN, "        - name: grpc\n          containerPort: 9090\n", "")],
        at("BG505", SERVICE),
        "no container opens the port grpc",
    ),
    M(
        "a rule for another host",
        "my-app",
        [(RULE, "host: my-app.", "host: app.")],
        at("BG505", RULE, LIVE, *MY_APP),
        "no Service behind app.",
    ),
    M(
        "a rule for another namespace",
        "my-app",
        [(RULE, "my-app.production.svc", "my-app.staging.svc")],
        at("BG505", RULE, LIVE, *MY_APP),
        "no Service behind",
    ),
    M(
        "a subset without pods",
        "production",
        [(RULE, "version: v4.8.0", "version: v4.8.1")],
        at("BG505", RULE),
        "the subset green fits no pod",
    ),
    M(
        "a subset that is not declared",
        "my-app",
        [(RULE, "- name: green", "- name: grün".replace("ü", "u"))],
        at("BG505", *(p for p in MY_APP if p not in ("routes/blue.yaml", "routes/rollback.yaml"))),
        "declares the subset green",
    ),
    M(
        "a route to another subset",
        "my-app",
        each([LIVE, "routes/blue.yaml"], "subset: blue", "subset: red"),
        at("BG505", LIVE, "routes/blue.yaml"),
        "declares the subset red",
    ),
    M(
        "a route without a subset",
        "my-app",
        [("routes/green.yaml", "        subset: green\n", "")],
        at("BG505", "routes/green.yaml"),
        "declares the subset None",
    ),
    M(
        "a copy to another subset",
        "production",
        [("routes/shadow.yaml", "subset: green", "subset: red")],
        at("BG505", "routes/shadow.yaml"),
        "declares the subset red",
    ),
    M(
        "a copy to another port",
        "my-app",
        [("routes/mirror.yaml", "number: 80\n        subset: green", "number: 81\n        subset: green")],
        at("BG505", "routes/mirror.yaml"),
        "the Service has no port 81",
    ),
    M(
        "a route to another port",
        "my-app",
        each([LIVE, "routes/blue.yaml"], "number: 80", "number: 8080"),
        at("BG505", LIVE, "routes/blue.yaml"),
        "the Service has no port 8080",
    ),
    M(
        "a route without a port",
        "my-app",
        [("routes/green.yaml", "        port:\n          number: 80\n", "")],
        at("BG505", "routes/green.yaml"),
        "the Service has no port None",
    ),
    M(
        "a route to another host",
        "my-app",
        [("routes/green.yaml", "    - destination:\n        host: my-app.", "    - destination:\n        host: app.")],
        at("BG505", "routes/green.yaml"),
        "no Service behind app.",
    ),
    M(
        "a route to a short host name",
        "my-app",
        [("routes/green.yaml", "        host: my-app.production.svc.cluster.local", "        host: my-app")],
        at("BG505", "routes/green.yaml"),
        "no Service behind my-app",
    ),
    M(
        "a gateway that no route uses",
        "my-app",
        each([LIVE, *MY_APP], "  - production/my-app-gateway\n", ""),
        at("BG505", LIVE, *MY_APP),
        "the Gateway production/my-app-gateway serves no route",
    ),
    M(
        "a gateway of another namespace",
        "production",
        [(GATEWAY, "namespace: istio-ingress", "namespace: ingress")],
        at("BG505", LIVE, *CHECKOUT),
        "the Gateway ingress/checkout-gateway serves",
    ),
    M(
        "an autoscaler of nothing",
        "production",
        [(HPA, "    name: checkout-v4-7-2", "    name: checkout-v4-7-1")],
        at("BG505", HPA),
        "there is no Deployment checkout-v4-7-1",
    ),
    M(
        "an autoscaler of another kind",
        "production",
        [(HPA, "kind: Deployment", "kind: StatefulSet")],
        at("BG505", HPA),
        "there is no StatefulSet",
    ),
    M(
        "an autoscaler of fixed replicas",
        "production",
        [(BLUE, "spec:\n  revision", "spec:\n  replicas: 3\n  revision")],
        at("BG505", HPA),
        "has fixed replicas",
    ),
    M(
        "a budget of no pods",
        "production",
        [(PDB, "      version: v4.7.2", "      version: v4.7.1")],
        at("BG505", PDB),
        "the selector fits no pod",
    ),
]
MUTATIONS = [*TEXT, *STRUCTURE, *IDENTITY, *ROUTES, *REFERENCES]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.why for mutation in MUTATIONS])
def test_one_broken_thing_is_found_where_it_is(mutation):
    files = list(rendered(mutation.example)[0]) if mutation.built else on_disk(mutation.example)
    if callable(mutation.edits):
        files = mutation.edits(files)
    else:
        for path, old, new in mutation.edits:
            files = changed(files, path, old, new)
    found = complaints(mutation.example, files)
    assert {(one.code, one.file) for one in found} == mutation.found
    assert any(mutation.message in one.message for one in found), found
    assert all(one.severity == "error" for one in found)


def test_the_table_covers_every_code_and_is_long():
    assert {code for mutation in MUTATIONS for code, _ in mutation.found} == {f"BG50{i}" for i in range(1, 8)}
    assert len(MUTATIONS) >= 90
    assert len({mutation.why for mutation in MUTATIONS}) == len(MUTATIONS)


PLACES: list[tuple[str, str, str, str]] = [
    (BLUE, "image: my-app:1.0.0", "image: yes", "image: yes"),
    (BLUE, "replicas: 3", "replicas: true", "replicas: true"),
    (BLUE, "readinessProbe:", "readynessProbe:", "        readynessProbe:"),
    (SERVICE, "targetPort: 8080", "targetPort: 8081", "    targetPort: 8081"),
    ("routes/green.yaml", "        subset: green\n", "", "        port:"),
]


@pytest.mark.parametrize("path, old, new, line", PLACES)
def test_a_complaint_names_the_line_in_the_finished_file(path, old, new, line):
    files = changed(on_disk("my-app"), path, old, new)
    text = next(file.text for file in files if file.path == path)
    [found] = complaints("my-app", files)
    assert (found.file, found.column > 0) == (path, True)
    near = text.split("\n")[found.line - 1]
    assert near.strip() == line.strip() or "destination:" in near


def test_what_cannot_be_followed_hides_what_would_follow():
    files = changed(changed(on_disk("my-app"), BLUE, "my-app:1.0.0", "no"), RULE, "version: v1", "version: v9")
    assert {one.code for one in complaints("my-app", files)} == {"BG501"}


def test_all_complaints_come_at_once():
    files = on_disk("my-app")
    for path in (BLUE, GREEN, SERVICE):
        files = changed(files, path, "namespace: production", "namespace: production\n  nonsense: 1")
    found = complaints("my-app", files)
    assert sorted((one.code, one.file) for one in found) == [("BG503", BLUE), ("BG503", GREEN), ("BG503", SERVICE)]


def test_a_hole_that_leads_nowhere_is_a_complaint():
    file = next(file for file in rendered("my-app")[0] if file.path == SERVICE)
    lost = file._replace(holes=(*file.holes, Hole(999, 0, "value")))
    files = [lost if one.path == SERVICE else one for one in rendered("my-app")[0]]
    [found] = complaints("my-app", files)
    assert (found.code, found.file, found.line, found.column) == ("BG502", SERVICE, 1000, 1)


@pytest.mark.parametrize(
    "value, seen",
    [(1, True), (1, 1.0), (True, 1), (0, False), ("1", 1), ({"a": 1}, {"a": True}), ([], {}), (None, "a")],
)
def test_a_value_is_told_from_what_python_calls_equal(value, seen):
    file = File("alerts/x.yaml", f"a: {json.dumps(seen)}\n", "t", (Hole(0, 3, value),))
    assert {one.code for one in verify([file], rendered("my-app")[1]).complaints} == {"BG502"}


def test_a_tuple_is_read_back_as_a_list():
    file = File("alerts/x.yaml", "a:\n- 1\n- 2\n", "t", (Hole(1, 0, (1, 2)),))
    assert verify([file], rendered("my-app")[1]).complaints == []


# Edits by hand that leave legal Kubernetes: the files are judged, whatever they lack.
BEREFT: list[tuple[str, str, str]] = [
    (
        BLUE,
        "    matchLabels:\n      app: checkout\n      version: v4.7.2\n",
        "    matchExpressions:\n    - key: app\n      operator: Exists\n",
    ),
    (SERVICE, "  selector:\n    app: checkout\n", "  type: ClusterIP\n"),
    (SERVICE, "  namespace: shop\n", ""),
    (GATEWAY, "  namespace: istio-ingress\n", ""),
    (RULE, "  namespace: shop\n", ""),
    (LIVE, "  namespace: shop\n", ""),
    (PDB, "  selector:\n    matchLabels:\n      app: checkout\n      version: v4.7.2\n", ""),
    (
        PDB,
        "    matchLabels:\n      app: checkout\n      version: v4.7.2\n",
        "    matchExpressions:\n    - key: app\n      operator: Exists\n",
    ),
    (
        SERVICE,
        "  ports:\n  - name: http\n    port: 80\n    targetPort: 8080\n    protocol: TCP\n    appProtocol: http\n  - name: grpc\n    port: 9090\n    targetPort: grpc\n    protocol: TCP\n    appProtocol: grpc\n",
        "  type: ClusterIP\n",
    ),
]


@pytest.mark.parametrize("path, old, new", BEREFT)
def test_an_object_that_lacks_something_is_judged_all_the_same(path, old, new):
    found = complaints("production", changed(on_disk("production"), path, old, new))
    assert {one.code for one in found} <= {"BG503", "BG505", "BG507"}
