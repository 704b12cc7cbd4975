"""`decode`: schema-valid data → Release. Total on such data, and the only home of defaults."""

from __future__ import annotations

from bgen.decode import delivery
from bgen.decode.slots import REPLICAS
from bgen.decode.slots import Slots
from bgen.merge import merge
from bgen.merge import override
from bgen.merge import settle
from bgen.release import Autoscaling
from bgen.release import Fields
from bgen.release import Gateway
from bgen.release import Mirror
from bgen.release import Platform
from bgen.release import Port
from bgen.release import Release
from bgen.release import Rule
from bgen.release import Stage
from bgen.schema import platform_of

PORT = 8080
POD_DISRUPTION_BUDGET: Fields = {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
# What a further rule takes over from `route` when it says nothing itself; rewrite and fault belong to the default rule.
INHERITED = ("timeout", "retries", "corsPolicy", "headers")


def decode(data: Fields) -> Release:
    """The release that schema-valid data describes. Never fails on such data."""
    platform = _platform(data)
    name, namespace = data["name"], data["namespace"]
    ports = _ports(data)
    gateway = _gateway(data)
    monitoring, gitops = data.get("monitoring", {}), data.get("gitops", {})
    service = settle(data.get("service", {}))
    slots = Slots(data, platform, ports)
    return Release(
        name=name,
        namespace=namespace,
        platform=platform,
        slots={slot: slots.slot(slot) for slot in ("blue", "green") if slot in data["slots"]},
        stable=data["stable"],
        stage=data["stage"],
        stages=_stages(data, ports),
        ports=ports,
        autoscaling=_autoscaling(data),
        service={k: v for k, v in service.items() if k not in ("labels", "annotations")},
        service_labels=service.get("labels", {}),
        service_annotations=service.get("annotations", {}),
        labels=data.get("labels", {}),
        annotations=data.get("annotations", {}),
        selector=slots.selector,
        version_label=slots.version_label,
        service_account=slots.service_account,
        pod_disruption_budget=_budget(data),
        hosts=tuple(data.get("hosts", ())),
        gateways=_gateways(data, gateway),
        gateway=gateway,
        rules=_rules(data),
        export_to=data.get("exportTo"),
        rollback_reason=data.get("rollback", {}).get("reason"),
        rollback_at=data.get("rollback", {}).get("at"),
        prometheus_rule=delivery.prometheus_rule(monitoring.get("prometheusRule", {}), namespace),
        grafana=delivery.grafana(monitoring.get("grafana", {})),
        argocd=delivery.argocd(gitops.get("argocd"), name),
        github=delivery.github(gitops.get("github")),
        waves=(gitops.get("argocd") or {}).get("waves", True),
    )


def _platform(data: Fields) -> Platform:
    wanted = platform_of(data)
    kubernetes, istio = (tuple(map(int, wanted[kind].split("."))) for kind in ("kubernetes", "istio"))
    return Platform((kubernetes[0], kubernetes[1]), (istio[0], istio[1]), wanted["clusterDomain"])


def _ports(data: Fields) -> tuple[Port, ...]:
    if "ports" not in data:
        return (Port("http", 80, data.get("port", PORT), "http"),)
    return tuple(
        Port(port["name"], port["port"], port.get("targetPort", port["port"]), port.get("protocol", "http"))
        for port in data["ports"]
    )


def _stages(data: Fields, ports: tuple[Port, ...]) -> tuple[Stage, ...]:
    if "stages" in data:
        return tuple(_stage(stage) for stage in data["stages"])
    candidate = "green" if data["stable"] == "blue" else "blue"
    protocols = {port.protocol for port in ports} - {"tcp"}
    stages = [Stage("split", weight=10)]
    # gRPC is always POST, and to mirror writes is a decision that nobody can take for the user.
    if protocols - {"grpc"}:
        stages.insert(0, Stage("mirror", mirror=Mirror(100, ("GET", "HEAD"), None)))
    # Without an HTTP port there is nothing to match by.
    if protocols:
        stages.insert(0, Stage("header", match=[{"headers": {"x-test-version": {"exact": candidate}}}]))
    return tuple(stages)


def _stage(stage: Fields) -> Stage:
    mirror = stage.get("mirror")
    return Stage(
        stage["name"],
        stage.get("weight", 0),
        settle(stage.get("match")),
        None if mirror is None else _mirror(mirror),
        stage.get("route"),
        stage.get("candidate"),
        stage.get("annotations"),
        is_default=False,
    )


def _mirror(mirror: Fields) -> Mirror:
    return Mirror(mirror.get("percent", 100), tuple(mirror.get("methods", ("GET", "HEAD"))), settle(mirror.get("match")))


def _autoscaling(data: Fields) -> Autoscaling | None:
    written = data.get("autoscaling")
    if written is None:
        return None
    metrics: list[Fields] = settle(written.get("metrics", []))
    smallest = written.get("minReplicas", REPLICAS)
    return Autoscaling(smallest, written["maxReplicas"], written.get("cpu"), metrics, settle(written.get("behavior")))


def _budget(data: Fields) -> Fields | None:
    written = data.get("podDisruptionBudget", {})
    return None if written is None else merge(POD_DISRUPTION_BUDGET, written, "podDisruptionBudget")


def _gateway(data: Fields) -> Gateway | None:
    written = data.get("gateway")
    if written is None:
        return None
    hosts = list(data.get("hosts", ()))
    servers: list[Fields] = [{**server, "hosts": server.get("hosts", hosts)} for server in settle(written.get("servers", []))]
    if "tls" in written:
        redirect = {
            "port": {"number": 80, "name": "http", "protocol": "HTTP"},
            "hosts": hosts,
            "tls": {"httpsRedirect": True},
        }
        tls = {"mode": "SIMPLE", "credentialName": written["tls"]}
        servers = [
            redirect,
            {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": hosts, "tls": tls},
            *servers,
        ]
    elif not servers:
        servers = [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": hosts}]
    return Gateway(
        written.get("name", f"{data['name']}-gateway"),
        written.get("namespace", data["namespace"]),
        written.get("selector", {"istio": "ingressgateway"}),
        servers,
    )


def _gateways(data: Fields, gateway: Gateway | None) -> tuple[str, ...]:
    """Every gateway as `namespace/name` or `mesh`; a bare name can only be the emitted one's."""
    own = f"{gateway.namespace}/{gateway.name}" if gateway else ""
    names = [own if gateway and name == gateway.name else name for name in data.get("gateways", ["mesh"])]
    return tuple(dict.fromkeys([*names, own] if own else names))


def _rules(data: Fields) -> tuple[Rule, ...]:
    """The application's rules in order, the default one last."""
    shared = settle(data.get("route", {}))
    inherited = {name: shared[name] for name in INHERITED if name in shared}
    rules = []
    for written in data.get("routes", ()):
        own = {k: v for k, v in written.items() if k not in ("name", "match", "port")}
        answers = "redirect" in own or "directResponse" in own
        fields = settle(own if answers else override(inherited, own))
        rules.append(Rule(written["name"], settle(written["match"]), written.get("port"), fields))
    default = {k: v for k, v in shared.items() if k != "match"}
    return (*rules, Rule("default", shared.get("match"), None, default))
