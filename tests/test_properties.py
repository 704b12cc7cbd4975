"""Whatever a spec says: it is rejected with diagnostics, or it builds, proves itself, and builds to the same bytes again."""

import copy
import random
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from bgen import yamlread
from bgen import yamltext
from bgen.build import build
from bgen.diagnostics import Rejected
from bgen.document import File
from bgen.schema import DEFAULT_PLATFORM
from bgen.schema import SPEC
from bgen.verify import verify

from .conftest import drawn
from .test_conforms import BARE
from .test_conforms import of

Json = dict[str, Any]
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))

HOSTILE = [
    *(
        "",
        " ",
        "no",
        "null",
        "1e3",
        "0x1f",
        "12:30",
        "~",
        "- a",
        "a: b",
        "# a",
        "a #b",
        "&a",
        "*a",
        "!!str",
        "|",
        "%",
        "@",
        "`",
    ),
    *(
        '"',
        "'",
        "\\",
        "{{ x }}",
        "{% raw %}",
        "${{ secrets.T }}",
        "$(id)",
        "`id`",
        "'; id #",
        "</script>",
        "-->",
        "```",
        "|a|b|",
    ),
    *(
        "a\nb",
        "a\nb\n",
        "\n",
        " a\nb",
        "a \nb",
        "\ta",
        "a\r\nb",
        "\x00",
        "\x07\x1b[31m",
        "\x7f\x85\x9f",
        "\u2028\u2029",
        "\ufeff",
    ),
    *(
        "\u00e9\U0001f642",
        "---\n...\n",
        "<<",
        "=",
        "+argocd:skip-file-rendering",
        "x" * 3000,
        '{"a": "b"}',
        "kind: Secret\n",
    ),
]
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
LABEL_VALUES = st.sampled_from(["a", "1", "true", "on", "v1.2", "A_b-c", "", "0755", "1e3", "null"])
NAMES = ["a", "env", "no", "on", "x-y", "null"]


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


def few(values: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=most)


ANNOTATIONS = st.dictionaries(st.sampled_from(["a", "on", "example.com/x", "1"]), TEXTS, max_size=3)
LABELS = st.dictionaries(st.sampled_from(["team", "on", "example.com/x", "1"]), LABEL_VALUES, max_size=2)
SECONDS = st.integers(1, 300)
PROBES = st.one_of(
    st.builds(
        lambda path, port: {"httpGet": {"path": path, "port": port}},
        st.sampled_from(["/", "/a b", "/?a=b"]),
        st.just(8080),
    ),
    st.builds(lambda command: {"exec": {"command": command}}, few(TEXTS)),
    st.builds(lambda n: {"tcpSocket": {"port": 8080}, "periodSeconds": n}, SECONDS),
)
QUANTITIES = st.sampled_from([1, "1", "100m", 0.5, "128Mi", "1e3", "2Gi"])
RESOURCES = maybe(requests=maybe(cpu=QUANTITIES, memory=QUANTITIES), limits=maybe(cpu=QUANTITIES, memory=QUANTITIES))
ENV = st.lists(
    st.one_of(
        st.builds(lambda name, value: {"name": name, "value": value}, st.sampled_from(["A", "B", "on"]), TEXTS),
        st.just({"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
    ),
    max_size=3,
    unique_by=lambda entry: entry["name"],
)
CONTAINER = maybe(
    env=ENV,
    args=st.lists(TEXTS, max_size=3),
    command=few(TEXTS),
    resources=RESOURCES,
    readinessProbe=PROBES,
    livenessProbe=st.one_of(st.none(), PROBES),
    securityContext=maybe(readOnlyRootFilesystem=st.booleans(), runAsUser=st.integers(1, 2000)),
    volumeMounts=st.just([{"name": "data", "mountPath": "/data"}]),
    workingDir=st.sampled_from(["/", "/a b"]),
    imagePullPolicy=st.sampled_from(["Always", "Never"]),
    terminationMessagePath=st.sampled_from(["/dev/x"]),
)
POD = maybe(
    labels=LABELS,
    annotations=ANNOTATIONS,
    terminationGracePeriodSeconds=st.integers(1, 90),
    nodeSelector=LABELS,
    priorityClassName=st.just("high"),
    initContainers=st.just([{"name": "init", "image": "i:1", "args": ["--a=b", "on"]}]),
    containers=st.builds(lambda env: [{"name": "side", "image": "s:1", "env": env}], ENV),
    affinity=st.just({"podAntiAffinity": {}}),
    dnsPolicy=st.just("ClusterFirst"),
)
DEPLOYMENT = maybe(
    minReadySeconds=st.integers(0, 30),
    strategy=st.sampled_from([{"type": "Recreate"}, {"rollingUpdate": {"maxSurge": "25%"}}]),
    revisionHistoryLimit=st.integers(0, 5),
)
DURATIONS = st.sampled_from(["1s", "500ms", "1h30m", "10s"])
POLICY = maybe(
    loadBalancer=st.sampled_from([{"simple": "ROUND_ROBIN"}, {"consistentHash": {"useSourceIp": True}}]),
    connectionPool=st.builds(lambda n, d: {"tcp": {"maxConnections": n, "connectTimeout": d}}, st.integers(1, 99), DURATIONS),
    outlierDetection=st.builds(lambda d: {"interval": d}, DURATIONS),
)
SLOT_FIELDS = maybe(
    version=st.sampled_from(["v1", "v2", "1.2.3", "a-b", "1", "0x1", "on"]),
    container=CONTAINER,
    pod=POD,
    deployment=DEPLOYMENT,
    trafficPolicy=POLICY,
    labels=LABELS,
    annotations=ANNOTATIONS,
)
WORDS = st.sampled_from(["a", "/", "/a", "/a/b", "/\u00e9", "yes", "1", "a.b", '"', "a b"])
STRING_MATCHES = st.one_of(WORDS.map(lambda w: {"exact": w}), WORDS.map(lambda w: {"prefix": w}), st.just({"regex": "a.*"}))
PATH_MATCHES = st.sampled_from([{"prefix": "/"}, {"prefix": "/a"}, {"exact": "/a/b"}, {"prefix": "/a/b"}])
MATCHES = few(
    st.one_of(
        maybe(uri=PATH_MATCHES, method=st.sampled_from([{"exact": "GET"}, {"regex": "GET|POST"}])),
        st.builds(lambda name, match: {"headers": {name: match}}, st.sampled_from(["x-a", "x-b", "cookie"]), STRING_MATCHES),
        st.builds(lambda match: {"queryParams": {"q": match}}, STRING_MATCHES),
    ).filter(bool)
)
HEADERS = st.builds(
    lambda value, name: {"response": {"set": {name: value}}, "request": {"remove": ["x-c"]}},
    WORDS,
    st.sampled_from(["x-a", "x-b"]),
)
RULE = maybe(
    timeout=DURATIONS,
    retries=st.sampled_from([{"attempts": 0}, {"attempts": 2, "retryOn": "connect-failure"}]),
    headers=HEADERS,
    rewrite=st.just({"uri": "/"}),
    fault=st.just({"abort": {"httpStatus": 503, "percentage": {"value": 0.1}}}),
    corsPolicy=st.just({"allowOrigins": [{"exact": "https://a.example"}], "maxAge": "24h"}),
)
STAGE_FIELDS = st.one_of(
    st.builds(lambda n: {"weight": n}, st.integers(0, 100)),
    st.builds(lambda match, n: {"match": match, "weight": n}, MATCHES, st.integers(0, 50)),
    st.builds(lambda match, own: {"match": match, "candidate": own}, MATCHES, RULE),
    st.builds(lambda mirror: {"mirror": mirror}, maybe(percent=st.sampled_from([1, 0.5, 100]), match=MATCHES)),
    st.builds(lambda own, notes: {"route": own, "annotations": notes}, RULE, ANNOTATIONS),
)
PORTS = st.sampled_from(
    [
        [{"name": "http", "port": 80, "targetPort": 8080}],
        [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "grpc", "port": 9090, "protocol": "grpc"}],
        [{"name": "grpc", "port": 9090, "targetPort": 8080, "protocol": "grpc"}],
        [{"name": "h2", "port": 8080, "protocol": "http2"}, {"name": "tcp", "port": 5432, "protocol": "tcp"}],
        [{"name": "tcp", "port": 5432, "protocol": "tcp"}],
        [{"name": "tcp", "port": 5432, "protocol": "tcp"}, {"name": "http", "port": 80, "targetPort": 8080}],
    ]
)
MONITORING = maybe(
    prometheusRule=st.one_of(
        st.none(),
        maybe(
            preset=st.sampled_from(["kube-prometheus", "none"]),
            alertLabels=st.dictionaries(st.sampled_from(["team", "on"]), TEXTS, max_size=2),
            alerts=maybe(BlueGreenHighErrorRate=maybe(threshold=st.floats(0.001, 1), enabled=st.booleans())),
            extra=st.builds(
                lambda text: [{"alert": "Own", "expr": "up == 0", "for": "5m", "annotations": {"summary": text}}], TEXTS
            ),
            runbookBaseURL=st.just("https://a.example/x?y='z'"),
        ),
    ),
    grafana=st.one_of(
        st.none(),
        maybe(delivery=st.sampled_from(["file", "configMap", "both"]), folder=TEXTS.filter(lambda t: 0 < len(t) < 100)),
    ),
)
GITOPS = maybe(
    argocd=st.one_of(
        st.none(),
        st.builds(
            lambda more: {"repoURL": "https://git.example/a.git?x='y'", **more},
            maybe(automated=st.booleans(), waves=st.booleans(), targetRevision=st.sampled_from(["main", "${{x}}", "1.0"])),
        ),
    ),
    github=st.one_of(st.none(), maybe(python=st.just("3.12"), branch=st.sampled_from(["main", "a/b"]))),
)
SHARED = maybe(
    container=CONTAINER,
    pod=POD,
    deployment=DEPLOYMENT,
    trafficPolicy=POLICY,
    labels=LABELS,
    annotations=ANNOTATIONS,
    service=maybe(type=st.sampled_from(["ClusterIP", "LoadBalancer"]), annotations=ANNOTATIONS, sessionAffinity=st.just("None")),
    serviceAccount=maybe(create=st.booleans(), name=st.just("other"), annotations=ANNOTATIONS),
    podDisruptionBudget=st.sampled_from([None, {"minAvailable": 1}, {"maxUnavailable": "50%"}]),
    hardening=st.sampled_from(["restricted", "baseline", "none"]),
    selector=st.just({"app.kubernetes.io/name": "on"}),
    versionLabel=st.just("release"),
    exportTo=st.sampled_from([["."], ["*"]]),
    monitoring=MONITORING,
    gitops=GITOPS,
    platform=maybe(
        kubernetes=st.sampled_from(["1.30", "1.33", "1.37", "1.99"]),
        istio=st.sampled_from(["1.24", "1.27", "1.30"]),
        clusterDomain=st.sampled_from(["cluster.local", "a.b"]),
    ),
)


@st.composite
def specs(draw: st.DrawFn) -> Json:
    """A spec over most of the vocabulary, built so that most of them are right."""
    stable = draw(st.sampled_from(["blue", "green"]))
    candidate = "green" if stable == "blue" else "blue"
    spec: Json = {
        "apiVersion": "bgen/v1",
        "name": draw(st.sampled_from(["my-app", "a", "on", "null"])),
        "namespace": "n",
    }
    spec["slots"] = {stable: {"image": "registry.example:5000/a/b:1.0", **draw(SLOT_FIELDS)}}
    if draw(st.integers(0, 4)):
        spec["slots"][candidate] = {"image": "a@sha256:0123", **draw(SLOT_FIELDS)}
    spec |= {"stable": stable, **draw(SHARED)}
    ports = draw(st.one_of(st.none(), PORTS))
    spec |= {"ports": ports} if ports else draw(maybe(port=st.just(8080)))
    routed = not ports or any(port.get("protocol") != "tcp" for port in ports)
    if routed:
        spec |= draw(maybe(route=RULE))
        rules = draw(st.lists(st.builds(lambda match, own: {"match": match, **own}, MATCHES, RULE), max_size=2))
        if rules:
            spec["routes"] = [{"name": f"rule-{i}", **rule} for i, rule in enumerate(rules)]
    stages = draw(st.lists(STAGE_FIELDS if routed else st.builds(lambda n: {"weight": n}, st.integers(0, 100)), max_size=3))
    if stages:
        spec["stages"] = [{"name": f"s{i}", **stage} for i, stage in enumerate(stages)]
    if draw(st.booleans()):
        spec["hosts"] = ["a.example.com", "*.b.example.com"]
        spec["gateway"] = draw(st.sampled_from([{}, {"tls": "secret"}, {"namespace": "ingress", "name": "g"}]))
        spec |= draw(maybe(gateways=st.sampled_from([["mesh"], ["a/b", "mesh"], ["a/b"]])))
    if draw(st.integers(0, 3)) == 0:
        cpu = {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
        }
        spec["autoscaling"] = {"minReplicas": 2, "maxReplicas": 5, "metrics": [cpu]}
    else:
        spec |= draw(maybe(replicas=st.integers(1, 5)))
    if draw(st.booleans()):
        spec["rollback"] = {"reason": draw(TEXTS.filter(lambda t: 0 < len(t) <= 1000)), "at": "2026-01-15T10:30:00Z"}
    if any("volumeMounts" in part.get("container", {}) for part in (spec, *spec["slots"].values())):
        spec.setdefault("pod", {})["volumes"] = [{"name": "data", "emptyDir": {}}]
    spec["stage"] = draw(st.sampled_from([stable, stable, candidate, "rollback", *(f"s{i}" for i in range(len(stages)))]))
    return spec


def attempt(content: bytes) -> list[File] | None:
    """The files, or None for a rejection that says what is wrong and where."""
    try:
        files, warnings = build(content, "release.yaml")
    except Rejected as error:
        _is_told_well(error, content)
        return None
    assert all(one.severity == "warning" for one in warnings)
    return files


def _is_told_well(error: Rejected, content: bytes) -> None:
    # The end of the file is the line after its last one.
    lines = content.count(b"\n") + content.count(b"\r") + 2
    assert error.diagnostics
    for one in error.diagnostics:
        assert one.file == "release.yaml"
        assert one.code.startswith(("BG0", "BG1", "BG2"))
        assert one.message
        assert 0 <= one.line <= lines


def as_yaml(spec: Json) -> bytes:
    """The spec as text: by bgen's own emitter, which every reader agrees with, and null where it cannot write one."""
    mark = "no value at all"
    text = "\n".join(yamltext.lines(_marked(spec, mark), "")) + "\n"
    return text.replace(f": {mark}\n", ": null\n").encode()


def _marked(value: Any, mark: str) -> Any:
    if type(value) is dict:
        return {name: _marked(entry, mark) for name, entry in value.items()}
    if type(value) is list:
        return [_marked(entry, mark) for entry in value]
    return mark if value is None else value


def test_a_spec_drawn_at_random_is_rejected_or_builds_twice_to_the_same_bytes():
    outcome: Counter[str] = Counter()

    @settings(SLOW, max_examples=drawn(80))
    @given(specs())
    def judge(spec: Json) -> None:
        content = as_yaml(spec)
        files = attempt(content)
        outcome["rejected" if files is None else "built"] += 1
        if files is not None:
            assert attempt(content) == files
            _is_sound(files, {**DEFAULT_PLATFORM, **spec.get("platform", {})})
            _holds_its_data(files, spec)

    judge()
    assert outcome["built"] >= 20, outcome


def _is_sound(files: list[File], platform: dict[str, str]) -> None:
    bare = [File(file.path, file.text) for file in files]
    assert verify(bare, platform).complaints == []
    for file in files:
        assert file.text.endswith("\n")
        assert "\r" not in file.text
        assert len({other.path.lower() for other in files}) == len(files)
    assert files[-1].path == "bgen.lock"


def _holds_its_data(files: list[File], spec: Json) -> None:
    """Every text that the spec gives to the containers stands in the Deployment as another reader sees it."""
    for slot, own in spec["slots"].items():
        text = next(file.text for file in files if file.path == f"manifests/deployment-{slot}.yaml")
        pod = yaml.load(text, yaml.CSafeLoader)["spec"]["template"]
        container = pod["spec"]["containers"][0]
        for field in ("args", "command"):
            wanted = own.get("container", {}).get(field, spec.get("container", {}).get(field))
            assert container.get(field, wanted) == wanted
            assert (field in container) == (wanted is not None)
        env = {entry["name"]: entry.get("value") for entry in container.get("env", [])}
        for layer in (spec, own):
            later = {entry["name"] for entry in own.get("container", {}).get("env", [])} if layer is spec else set()
            for entry in layer.get("container", {}).get("env", []):
                assert entry["name"] in later or env[entry["name"]] == entry.get("value")
        for name, value in own.get("annotations", {}).items():
            assert pod["metadata"]["annotations"][name] == value


PARTS = {
    "container": "kubernetes/1.32.json#/$defs/bgen.container",
    "pod": "kubernetes/1.32.json#/$defs/bgen.pod",
    "service": "kubernetes/1.32.json#/$defs/bgen.service",
    "trafficPolicy": "istio/1.28.json#/$defs/TrafficPolicy",
    "deployment": f"{SPEC}#/$defs/deployment",
    "route": f"{SPEC}#/properties/route",
    "autoscaling": f"{SPEC}#/properties/autoscaling",
    "gateway": f"{SPEC}#/properties/gateway",
    "monitoring": f"{SPEC}#/properties/monitoring",
    "gitops": f"{SPEC}#/properties/gitops",
}
OF_A_SLOT = ("container", "pod", "deployment", "trafficPolicy")


@pytest.mark.parametrize("part", PARTS)
def test_any_part_that_the_schema_describes_is_rejected_or_builds(part):
    @settings(SLOW, max_examples=drawn(25))
    @given(of({"$ref": PARTS[part]}, SPEC), st.booleans(), st.sampled_from(["blue", "header", "mirror", "split"]))
    def judge(value: Any, shared: bool, stage: str) -> None:
        spec = {**copy.deepcopy(BARE), "stage": stage}
        holder = spec if shared or part not in OF_A_SLOT else spec["slots"]["blue"]
        holder[part] = value
        attempt(as_yaml(spec))

    judge()


# What random parts and changes have found: each is rejected with diagnostics or builds, and nothing else.
ODD: list[Json] = [
    {"container": {"name": None}},
    {"container": {"ports": None}},
    {"container": {"ports": [{"containerPort": 8080, "$patch": "delete"}]}},
    {"container": {"readinessProbe": None, "lifecycle": None, "securityContext": None}},
    {"container": {"volumeMounts": [{"mountPath": "/tmp"}]}},
    {"deployment": {"strategy": None}},
    {"deployment": {"strategy": {"type": None}}},
    {"pod": {"terminationGracePeriodSeconds": None}},
    {"pod": {"labels": None, "annotations": None, "volumes": None}},
    {"trafficPolicy": None},
    {"slots": {"blue": {"image": "a:1", "version": "v1", "trafficPolicy": None}}},
    {"slots": {"blue": {"image": "a:1", "version": "v1", "container": {"name": None}}}},
    # A rule's own match, and a default stage that limits the same field.
    {"routes": [{"name": "r", "match": [{"method": {"regex": "P.*"}}]}]},
    {"routes": [{"name": "r", "match": [{"method": {}}]}]},
    {"routes": [{"name": "r", "match": [{"headers": {"x-test-version": {"regex": ".*"}}}]}]},
    {"route": {"match": [{"method": {"regex": "P.*"}}]}},
    {
        "routes": [{"name": "r", "match": [{"uri": {"exact": "/a"}, "method": {"regex": "P.*"}}]}],
        "stages": [{"name": "s", "mirror": {"match": [{"uri": {"prefix": "/b"}}]}}],
    },
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_an_odd_spec_is_rejected_or_builds(odd):
    attempt(as_yaml({**BARE, **odd}))


# --- specs that someone broke --------------------------------------------------------------------------------------


@cache
def examples() -> list[Json]:
    found = []
    for path in sorted(EXAMPLES.glob("*/release.yaml")):
        root, _ = yamlread.read(path.read_text(encoding="utf-8"))
        assert root is not None
        found.append(root.value)
    return found


JUNK: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        1.5,
        10**30,
        float("inf"),
        float("nan"),
        1e-30,
        [],
        {},
        [None],
        {"a": None},
        [[]],
        {"": ""},
    ),
    *(
        "",
        "a",
        "A b",
        "a\nb",
        "25%",
        "1",
        "100m",
        "blue",
        "green",
        "rollback",
        "mesh",
        "*",
        "GET",
        "x" * 400,
        "\x07",
        "\u00e9",
    ),
    *(
        {"$patch": "delete"},
        {"name": "x"},
        [{"name": "x"}, {"name": "x"}],
        {"exact": "a", "prefix": "b"},
        [{"uri": {"regex": "("}}],
    ),
    *(
        {"name": "x", "$patch": "delete"},
        {"weight": 50, "mirror": {}},
        {"httpGet": {}},
        "2026-01-01",
        b"bytes",
        "{{ x }}",
    ),
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for step, entry in items:
        yield (*path, step)
        yield from paths(entry, (*path, step))


def broken(spec: Json, draw: random.Random) -> Json:
    """The spec with up to four nodes deleted, replaced, inserted or moved."""
    spec = copy.deepcopy(spec)
    for _ in range(draw.randint(1, 4)):
        every = list(paths(spec))
        if not every:
            return spec
        path = draw.choice(every)
        holder: Any = spec
        for step in path[:-1]:
            holder = holder[step]
        other: Any = spec
        for step in draw.choice(every):
            other = other[step]
        replacement = copy.deepcopy(draw.choice([draw.choice(JUNK), draw.choice(JUNK), other]))
        change = draw.choice(["delete", "replace", "replace", "insert", "rename"])
        if change == "replace":
            holder[path[-1]] = replacement
        elif change == "insert" and type(holder) is list:
            holder.insert(path[-1], replacement)
        elif change == "insert":
            holder[draw.choice([str(draw.choice(every)[-1]), "match", "weight", "env", "a b", ""])] = replacement
        elif change == "rename" and type(holder) is dict:
            holder[str(draw.choice(every)[-1])] = holder.pop(path[-1])
        else:
            del holder[path[-1]]
    return spec


@pytest.mark.parametrize("seed", range(4))
def test_an_example_changed_at_random_is_rejected_or_builds(seed):
    draw = random.Random(seed)
    for _ in range(30):
        spec = broken(draw.choice(examples()), draw)
        attempt(yaml.safe_dump(spec, sort_keys=False, allow_unicode=draw.random() < 0.5).encode())


@settings(SLOW, max_examples=drawn(40))
@given(specs(), st.randoms(use_true_random=False))
def test_a_drawn_spec_changed_at_random_is_rejected_or_builds(spec, draw):
    attempt(yaml.safe_dump(broken(spec, draw), sort_keys=False).encode())


PIECES = [
    *(
        b"apiVersion: bgen/v1\n",
        b"name: a\n",
        b"slots:\n",
        b"  blue: {image: a}\n",
        b"- ",
        b": ",
        b"\n",
        b"  ",
        b"\t",
        b"{",
        b"}",
    ),
    *(
        b"[",
        b"]",
        b'"',
        b"'",
        b"|\n",
        b">",
        b"&a",
        b"*a",
        b"!!x ",
        b"#",
        b"---\n",
        b"...\n",
        b"<<: ",
        b"? ",
        b"%YAML 1.1\n",
        b"\\u0000",
    ),
    *(
        b"\x00",
        b"\xff",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"\r",
        b"null",
        b"1e400",
        b"0x",
        b"=",
        b"~",
    ),
]


@settings(SLOW, max_examples=drawn(300))
@given(st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)))
def test_any_bytes_are_rejected_or_build(content):
    attempt(content)


@pytest.mark.parametrize("seed", range(3))
def test_an_example_with_bytes_changed_is_rejected_or_builds(seed):
    draw = random.Random(seed)
    sources = [path.read_bytes() for path in sorted(EXAMPLES.glob("*/release.yaml"))]
    for _ in range(40):
        content = bytearray(draw.choice(sources))
        for _ in range(draw.randint(1, 5)):
            start = draw.randrange(len(content))
            content[start : start + draw.choice([0, 1, 1, 5, 40])] = draw.choice([b"", draw.choice(PIECES), draw.randbytes(2)])
        attempt(bytes(content))


DEEP = [
    b"[" * 200,
    b"{a: " * 200,
    b"a:\n" + b"".join(b" " * i + b"- \n" for i in range(200)),
    b"- " * 5000,
    b"a: &a [*a]\n",
    b"? " * 300,
    b"x: " + b"9" * 5000 + b"\n",
    b"apiVersion: bgen/v1\n" * 3000,
    b"a" * (1 << 20),
    b"a: " + b"b" * (1 << 20),
    b"#" * 1000,
    b"",
    b"\n",
    b"null",
    b"[]",
    b"{}",
    b'"bgen/v1"',
]


@pytest.mark.parametrize("content", DEEP, ids=range(len(DEEP)))
def test_what_is_deep_long_or_empty_is_rejected(content):
    assert attempt(content) is None
