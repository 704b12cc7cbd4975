"""Every value of the article's manifests, and where `examples/my-app` has it.

`same` are values that stand at the same path of our file. `other` are the rest: the article's value, our path ("" where it
is the same), our value, and why. A path is the keys and indexes on the way, parted by blanks.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from typing import NamedTuple

import pytest
from ruamel.yaml import YAML

from bgen.build import build

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "my-app" / "release.yaml"


class Absent:
    """What our file does not have."""


class Has(NamedTuple):
    """A text that contains every one of `parts`."""

    parts: tuple[str, ...]


class Other(NamedTuple):
    path: str
    theirs: Any
    place: str
    ours: Any
    why: str


class Manifest(NamedTuple):
    title: str
    file: str
    same: dict[str, Any]
    other: Sequence[Other] = ()


FQDN = "my-app.production.svc.cluster.local"
V1 = "v1beta1 is served still; v1 is the stored version"
QUALIFIED = "a short name is looked up in the namespace of whoever reads it"
RULE_NAME = "the names tell the rules of a release apart"
CATCH_ALL = "a match that fits everything says nothing, and hides every rule behind it"
ALONE = "the weight of a single destination is ignored"
ONE_POLICY = (
    "timeouts and retries are the same in every stage, so that a change of stage changes where requests go and nothing else"
)
EVERY_STAGE = "every stage has the same hosts and gateways; without the public host its requests would be answered 404"
REPLACED = "a block of a subset's policy replaces the block above it, so each subset has the whole of it"
LABELLED = "an operator selects rules by label; the namespace is the release's, as that of everything else"
NO_SOURCE = "counted where requests are sent: once each, and also when no pod was there to answer"


def deployment(slot: str, version: str, image: str) -> Manifest:
    container = "spec template spec containers 0"
    return Manifest(
        f"{slot} Deployment",
        f"manifests/deployment-{slot}.yaml",
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata name": f"my-app-{version}",
            "metadata labels app": "my-app",
            "metadata labels version": version,
            "spec replicas": 3,
            "spec selector matchLabels app": "my-app",
            "spec selector matchLabels version": version,
            "spec template metadata labels app": "my-app",
            "spec template metadata labels version": version,
            f"{container} name": "my-app",
            f"{container} image": image,
            f"{container} ports 0 containerPort": 8080,
            f"{container} resources requests memory": "128Mi",
            f"{container} resources requests cpu": "100m",
            f"{container} resources limits memory": "256Mi",
            f"{container} resources limits cpu": "200m",
            f"{container} readinessProbe httpGet path": "/health",
            f"{container} readinessProbe httpGet port": 8080,
            f"{container} readinessProbe initialDelaySeconds": 5,
            f"{container} readinessProbe periodSeconds": 10,
            f"{container} livenessProbe httpGet path": "/health",
            f"{container} livenessProbe httpGet port": 8080,
            f"{container} livenessProbe initialDelaySeconds": 15,
            f"{container} livenessProbe periodSeconds": 20,
        },
    )


SERVICE = Manifest(
    "Service",
    "manifests/service.yaml",
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata name": "my-app",
        "metadata labels app": "my-app",
        "spec ports 0 port": 80,
        "spec ports 0 targetPort": 8080,
        "spec ports 0 name": "http",
        "spec selector app": "my-app",
    },
)


def in_both_subsets(path: str, theirs: Any, ours: Any, why: str) -> list[Other]:
    return [Other(path, theirs, path.replace("spec", f"spec subsets {i}", 1), ours, why) for i in (0, 1)]


SUBSETS = {
    "kind": "DestinationRule",
    "metadata name": "my-app-destination",
    "spec subsets 0 name": "blue",
    "spec subsets 0 labels version": "v1",
    "spec subsets 1 name": "green",
    "spec subsets 1 labels version": "v2",
}
SUBSET_OF = [
    Other("apiVersion", "networking.istio.io/v1beta1", "", "networking.istio.io/v1", V1),
    Other("spec host", "my-app", "", FQDN, QUALIFIED),
]
POOL = "spec trafficPolicy connectionPool"
OUTLIER = "spec trafficPolicy outlierDetection"
STREAMS = "the subsets say 500, and theirs is what holds"
LEAST_REQUEST = "LEAST_CONN is its deprecated name; ROUND_ROBIN was overridden by both subsets"
BASIC = Manifest(
    "DestinationRule, basic",
    "manifests/destination-rule.yaml",
    {
        **SUBSETS,
        "spec subsets 0 trafficPolicy connectionPool http http2MaxRequests": 500,
        "spec subsets 1 trafficPolicy connectionPool http http2MaxRequests": 500,
    },
    [
        *SUBSET_OF,
        *in_both_subsets(f"{POOL} tcp maxConnections", 100, 100, REPLACED),
        *in_both_subsets(f"{POOL} http h2UpgradePolicy", "UPGRADE", Absent, "fails pods without a proxy, and WebSockets"),
        *in_both_subsets(f"{POOL} http http1MaxPendingRequests", 100, 100, REPLACED),
        *in_both_subsets(f"{POOL} http http2MaxRequests", 1000, 500, STREAMS),
    ],
)
ADVANCED = Manifest(
    "DestinationRule, advanced",
    "manifests/destination-rule.yaml",
    SUBSETS,
    [
        *SUBSET_OF,
        *in_both_subsets("spec trafficPolicy loadBalancer simple", "ROUND_ROBIN", "LEAST_REQUEST", LEAST_REQUEST),
        *in_both_subsets(f"{POOL} tcp maxConnections", 100, 100, REPLACED),
        *in_both_subsets(f"{POOL} tcp connectTimeout", "30s", "30s", REPLACED),
        *in_both_subsets(f"{POOL} http http1MaxPendingRequests", 100, 100, REPLACED),
        *in_both_subsets(f"{POOL} http http2MaxRequests", 1000, 500, STREAMS),
        *in_both_subsets(f"{POOL} http maxRequestsPerConnection", 100, 100, REPLACED),
        *in_both_subsets(f"{POOL} http maxRetries", 3, 3, REPLACED),
        *in_both_subsets(f"{OUTLIER} interval", "30s", "30s", REPLACED),
        *in_both_subsets(
            f"{OUTLIER} consecutive5xxErrors",
            5,
            0,
            "an application's own 500 would eject pods; consecutiveGatewayErrors counts what only a lost pod answers",
        ),
        *in_both_subsets(f"{OUTLIER} baseEjectionTime", "30s", "30s", REPLACED),
        *in_both_subsets(f"{OUTLIER} maxEjectionPercent", 50, 50, REPLACED),
        Other("spec subsets 0 trafficPolicy loadBalancer simple", "LEAST_CONN", "", "LEAST_REQUEST", LEAST_REQUEST),
        Other("spec subsets 1 trafficPolicy loadBalancer simple", "LEAST_CONN", "", "LEAST_REQUEST", LEAST_REQUEST),
    ],
)

ROUTING = {"kind": "VirtualService", "metadata name": "my-app-routing"}
PUBLIC = {
    **ROUTING,
    "spec hosts 1": "my-app.example.com",
    "spec gateways 1": "mesh",
}
POLICY = {
    "spec http 0 retries attempts": 3,
    "spec http 0 retries perTryTimeout": "2s",
    "spec http 0 retries retryOn": "gateway-error,connect-failure,refused-stream",
    "spec http 0 timeout": "30s",
}
IN_MESH = [
    Other("apiVersion", "networking.istio.io/v1beta1", "", "networking.istio.io/v1", V1),
    Other("spec hosts 0", "my-app", "", FQDN, QUALIFIED),
]
AT_GATEWAY = [
    *IN_MESH,
    Other("spec gateways 0", "my-app-gateway", "", "production/my-app-gateway", QUALIFIED),
    Other("spec http 0 name", "blue-green-route", "", "default", RULE_NAME),
    Other("spec http 0 match 0 uri prefix", "/", "spec http 0 match", Absent, CATCH_ALL),
    Other("spec http 0 route 0 destination host", "my-app", "", FQDN, QUALIFIED),
]
SINGLE = Other("spec http 0 route 0 weight", 100, "", Absent, ALONE)
BLUE = Manifest(
    "VirtualService, blue",
    "routes/blue.yaml",
    {**PUBLIC, **POLICY, "spec http 0 route 0 destination subset": "blue"},
    [*AT_GATEWAY, SINGLE],
)
GREEN = Manifest(
    "VirtualService, green",
    "routes/green.yaml",
    {**PUBLIC, **POLICY, "spec http 0 route 0 destination subset": "green"},
    [*AT_GATEWAY, SINGLE],
)
SPLIT = Manifest(
    "VirtualService, split",
    "routes/split.yaml",
    {
        **PUBLIC,
        "spec http 0 route 0 destination subset": "blue",
        "spec http 0 route 0 weight": 90,
        "spec http 0 route 1 destination subset": "green",
        "spec http 0 route 1 weight": 10,
        "spec http 0 retries attempts": 3,
        "spec http 0 retries perTryTimeout": "2s",
        "spec http 0 timeout": "30s",
    },
    [
        *AT_GATEWAY,
        Other("spec http 0 route 1 destination host", "my-app", "", FQDN, QUALIFIED),
        Other("", Absent, "spec http 0 retries retryOn", "gateway-error,connect-failure,refused-stream", ONE_POLICY),
    ],
)
ROLLBACK = Manifest(
    "VirtualService, rollback",
    "routes/rollback.yaml",
    {**PUBLIC, "spec http 0 route 0 destination subset": "blue"},
    [
        *AT_GATEWAY,
        SINGLE,
        *[
            Other(
                f"metadata annotations rollback.istio.io/{theirs}",
                value,
                f"metadata annotations bgen/{ours}",
                value,
                why,
            )
            for theirs, ours, value, why in [
                ("reason", "rollback-reason", "Emergency rollback to stable version", "istio.io is Istio's own prefix"),
                ("timestamp", "rollback-at", "2024-01-15T10:30:00Z", "istio.io is Istio's own prefix"),
            ]
        ],
        Other("spec http 0 retries attempts", 5, "", 3, ONE_POLICY),
        Other("spec http 0 retries perTryTimeout", "3s", "", "2s", ONE_POLICY),
        Other(
            "spec http 0 retries retryOn",
            "gateway-error,connect-failure,refused-stream,5xx",
            "",
            "gateway-error,connect-failure,refused-stream",
            "5xx repeats a POST that was done, up to six times",
        ),
        Other("spec http 0 timeout", "45s", "", "30s", ONE_POLICY),
    ],
)
MIRROR = Manifest(
    "VirtualService, mirror",
    "routes/mirror.yaml",
    {**ROUTING, "spec http 0 route 0 destination subset": "blue"},
    [
        *IN_MESH,
        Other("spec http 0 name", "blue-green-route", "", "default-mirror", RULE_NAME),
        Other("spec http 0 route 0 destination host", "my-app", "", FQDN, QUALIFIED),
        SINGLE,
        Other("spec http 0 mirror host", "my-app", "spec http 0 mirrors 0 destination host", FQDN, QUALIFIED),
        Other(
            "spec http 0 mirror subset",
            "green",
            "spec http 0 mirrors 0 destination subset",
            "green",
            "mirrors: a percentage of each",
        ),
        Other(
            "spec http 0 mirrorPercentage value",
            100.0,
            "spec http 0 mirrors 0 percentage value",
            100,
            "mirrors: a percentage of each",
        ),
        Other("", Absent, "spec http 0 match 0 method regex", "GET|HEAD", "a mirrored write is a second write"),
        Other("", Absent, "spec http 1 mirrors", Absent, "a mirrored write is a second write"),
        Other("", Absent, "spec hosts 1", "my-app.example.com", EVERY_STAGE),
        Other("", Absent, "spec gateways 0", "production/my-app-gateway", EVERY_STAGE),
    ],
)
HEADER = Manifest(
    "VirtualService, header",
    "routes/header.yaml",
    {
        **ROUTING,
        "spec http 0 match 0 headers x-test-version exact": "green",
        "spec http 0 route 0 destination subset": "green",
        "spec http 1 route 0 destination subset": "blue",
    },
    [
        *IN_MESH,
        Other("spec http 0 name", "test-green", "", "default-candidate", RULE_NAME),
        Other("spec http 0 route 0 destination host", "my-app", "", FQDN, QUALIFIED),
        Other("spec http 1 name", "production-blue", "", "default", RULE_NAME),
        Other("spec http 1 route 0 destination host", "my-app", "", FQDN, QUALIFIED),
        Other("", Absent, "spec hosts 1", "my-app.example.com", EVERY_STAGE),
        Other("", Absent, "spec gateways 0", "production/my-app-gateway", EVERY_STAGE),
        Other("", Absent, "spec http 0 timeout", "30s", ONE_POLICY),
        Other("", Absent, "spec http 1 timeout", "30s", ONE_POLICY),
    ],
)

HIDES = "it hides the rollback annotations from Argo CD, and has no effect on what is applied"
APPLICATION = Manifest(
    "Argo CD Application",
    "argocd/application.yaml",
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata name": "my-app-blue-green",
        "metadata namespace": "argocd",
        "spec project": "default",
        "spec source repoURL": "https://github.com/your-org/your-repo",
        "spec source targetRevision": "HEAD",
        "spec destination server": "https://kubernetes.default.svc",
        "spec destination namespace": "production",
        "spec syncPolicy automated prune": True,
        "spec syncPolicy automated selfHeal": True,
        "spec syncPolicy syncOptions 0": "CreateNamespace=true",
    },
    [
        Other("spec source path", "k8s/overlays/production", "", "deploy/my-app/manifests", "where bgen writes them"),
        Other("spec ignoreDifferences 0 group", "networking.istio.io", "spec ignoreDifferences", Absent, HIDES),
        Other("spec ignoreDifferences 0 kind", "VirtualService", "spec ignoreDifferences", Absent, HIDES),
        Other("spec ignoreDifferences 0 jsonPointers 0", "/metadata/annotations", "spec ignoreDifferences", Absent, HIDES),
        Other(
            "",
            Absent,
            "spec syncPolicy managedNamespaceMetadata labels istio-injection",
            "enabled",
            "the namespace that Argo CD creates would have no proxies",
        ),
    ],
)

RULES = "spec groups 0 rules"
OURS = "spec groups 1 rules"
ERRORS = """\
sum(rate(istio_requests_total{
  destination_app="my-app",
  response_code=~"5.*"
}[5m]))
/
sum(rate(istio_requests_total{
  destination_app="my-app"
}[5m]))
> 0.05
"""
LATENCY = """\
histogram_quantile(0.99,
  sum(rate(istio_request_duration_milliseconds_bucket{
    destination_app="my-app"
  }[5m])) by (le)
) > 2000
"""
NO_TRAFFIC = """\
sum(rate(istio_requests_total{
  destination_app="my-app",
  destination_version="v2"
}[5m])) == 0
"""
SERVICE_METRICS = 'reporter=~"source|waypoint",destination_service_name="my-app",destination_service_namespace="production"'
ALERT_TEXT = "the text says which slot and what to do"
# Our first three rules are one alert: for the service, for blue, for green. Then come two of latency, two of no traffic.
ALERTS = Manifest(
    "PrometheusRule",
    "manifests/prometheus-rule.yaml",
    {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule"},
    [
        Other("metadata name", "blue-green-alerts", "", "my-app-blue-green-alerts", "one name for every application"),
        Other("metadata namespace", "monitoring", "", "production", LABELLED),
        Other("", Absent, "metadata labels release", "kube-prometheus-stack", LABELLED),
        Other(
            "spec groups 0 name",
            "blue-green-deployment",
            "spec groups 1 name",
            "my-app-blue-green-alerts",
            "one name for every application",
        ),
        Other(f"{RULES} 0 alert", "BlueGreenHighErrorRate", f"{OURS} 0 alert", "BlueGreenHighErrorRate", ALERT_TEXT),
        Other(
            f"{RULES} 0 expr",
            ERRORS,
            f"{OURS} 0 expr",
            Has(
                (
                    f"istio_requests_total{{{SERVICE_METRICS}",
                    'response_code=~"5.."',
                    "[5m]",
                    "\n/\n",
                    "\n> 0.05\n",
                    "> 0.1",
                )
            ),
            NO_SOURCE,
        ),
        Other(f"{RULES} 0 for", "2m", f"{OURS} 0 for", "2m", ""),
        Other(f"{RULES} 0 labels severity", "critical", f"{OURS} 0 labels severity", "critical", ""),
        Other(
            f"{RULES} 0 annotations summary",
            "High error rate after blue-green switch",
            f"{OURS} 0 annotations summary",
            "Too many requests to my-app in production fail.",
            ALERT_TEXT,
        ),
        Other(
            f"{RULES} 0 annotations description",
            "Error rate is {{ $value | humanizePercentage }} for my-app",
            f"{OURS} 0 annotations description",
            Has(("{{ $value | humanizePercentage }} of the requests",)),
            ALERT_TEXT,
        ),
        *[
            other
            for ours, version in ((3, "v1"), (4, "v2"))
            for other in [
                Other(f"{RULES} 1 alert", "BlueGreenHighLatency", f"{OURS} {ours} alert", "BlueGreenHighLatency", ""),
                Other(
                    f"{RULES} 1 expr",
                    LATENCY,
                    f"{OURS} {ours} expr",
                    Has(
                        (
                            "histogram_quantile(0.99, sum by (le) (",
                            f"istio_request_duration_milliseconds_bucket{{{SERVICE_METRICS}",
                            f'destination_canonical_revision="{version}"',
                            "[5m]",
                            "\n> 2500\n",
                        )
                    ),
                    "2000 ms lies between two buckets, so the figure would be a guess",
                ),
                Other(f"{RULES} 1 for", "3m", f"{OURS} {ours} for", "3m", ""),
                Other(f"{RULES} 1 labels severity", "warning", f"{OURS} {ours} labels severity", "warning", ""),
                Other(
                    f"{RULES} 1 annotations summary",
                    "High latency detected after deployment",
                    f"{OURS} {ours} annotations summary",
                    Has((f"({version}) of my-app in production are slow.",)),
                    ALERT_TEXT,
                ),
                Other(
                    f"{RULES} 1 annotations description",
                    "P99 latency is {{ $value }}ms for my-app",
                    f"{OURS} {ours} annotations description",
                    Has(("{{ $value | humanize }} ms",)),
                    ALERT_TEXT,
                ),
            ]
        ],
        *[
            other
            for ours, version in ((5, "v1"), (6, "v2"))
            for other in [
                Other(
                    f"{RULES} 2 alert",
                    "BlueGreenVersionNoTraffic",
                    f"{OURS} {ours} alert",
                    "BlueGreenVersionNoTraffic",
                    "",
                ),
                Other(
                    f"{RULES} 2 expr",
                    NO_TRAFFIC,
                    f"{OURS} {ours} expr",
                    Has(
                        (
                            "bgen:traffic_weight:percent{",
                            "unless on ()",
                            f'destination_canonical_revision="{version}"',
                            "[5m]",
                        )
                    ),
                    "a sum over nothing is no value and never equals 0; an idle slot has no traffic on purpose",
                ),
                Other(f"{RULES} 2 for", "5m", f"{OURS} {ours} for", "5m", ""),
                Other(
                    f"{RULES} 2 labels severity",
                    "info",
                    f"{OURS} {ours} labels severity",
                    "critical",
                    "it fires only when a slot that should get requests gets none",
                ),
                Other(
                    f"{RULES} 2 annotations summary",
                    "Version v2 receiving no traffic",
                    f"{OURS} {ours} annotations summary",
                    Has((f"({version}) of my-app in production, although it has a declared share.",)),
                    ALERT_TEXT,
                ),
                Other(
                    f"{RULES} 2 annotations description",
                    "The green version is not receiving any traffic",
                    f"{OURS} {ours} annotations description",
                    Has(("By its declared share it should get",)),
                    ALERT_TEXT,
                ),
            ]
        ],
    ],
)

# In the order of the article.
MANIFESTS = [
    deployment("blue", "v1", "my-app:1.0.0"),
    deployment("green", "v2", "my-app:2.0.0"),
    SERVICE,
    BASIC,
    ADVANCED,
    BLUE,
    GREEN,
    SPLIT,
    ROLLBACK,
    APPLICATION,
    ALERTS,
    MIRROR,
    HEADER,
]


@cache
def files() -> dict[str, Any]:
    made, _ = build(EXAMPLE.read_bytes(), "release.yaml")
    reader = YAML(typ="safe", pure=True)
    return {file.path: reader.load(file.text) for file in made if file.path.endswith(".yaml")}


def found(file: str, path: str) -> Any:
    value = files()[file]
    for step in path.split():
        if type(value) is list:
            value = value[int(step)] if int(step) < len(value) else Absent
        else:
            value = value.get(step, Absent)
        if value is Absent:
            break
    return value


@pytest.mark.parametrize(
    "file, path, value",
    [
        pytest.param(manifest.file, path, value, id=f"{manifest.title}: {path}")
        for manifest in MANIFESTS
        for path, value in manifest.same.items()
    ],
)
def test_a_value_is_the_articles(file: str, path: str, value: Any) -> None:
    assert found(file, path) == value


@pytest.mark.parametrize(
    "file, other",
    [
        pytest.param(manifest.file, other, id=f"{manifest.title}: {other.path} -> {other.place}")
        for manifest in MANIFESTS
        for other in manifest.other
    ],
)
def test_a_value_differs_as_the_table_says(file: str, other: Other) -> None:
    value = found(file, other.place or other.path)
    if isinstance(other.ours, Has):
        assert [part for part in other.ours.parts if part not in value] == []
    else:
        assert value is other.ours or (value == other.ours and type(value) is type(other.ours))
    assert other.why or other.theirs == other.ours, "a difference has a reason"


def test_the_live_route_of_the_example_is_the_articles_blue_one() -> None:
    assert files()["manifests/virtual-service.yaml"] == files()["routes/blue.yaml"]


def test_the_gateway_that_the_article_names_exists() -> None:
    gateway = files()["manifests/gateway.yaml"]
    assert (gateway["kind"], gateway["metadata"]["name"], gateway["metadata"]["namespace"]) == (
        "Gateway",
        "my-app-gateway",
        "production",
    )
    assert [server["hosts"] for server in gateway["spec"]["servers"]] == [["my-app.example.com"]] * 2
