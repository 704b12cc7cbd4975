"""`decode`: schema-valid data → Release. Total on such data, and the only home of defaults."""

from __future__ import annotations

from bgen.merge import merge
from bgen.merge import override
from bgen.merge import settle
from bgen.release import Alert
from bgen.release import ArgoCD
from bgen.release import Autoscaling
from bgen.release import Fields
from bgen.release import Gateway
from bgen.release import GitHub
from bgen.release import Grafana
from bgen.release import Mirror
from bgen.release import Platform
from bgen.release import Port
from bgen.release import PrometheusRule
from bgen.release import Release
from bgen.release import Rule
from bgen.release import ServiceAccount
from bgen.release import Slot
from bgen.release import Stage
from bgen.schema import platform_of

REPLICAS = 3
PORT = 8080
PRE_STOP_SECONDS = 10
# The preStop sleep, 30 seconds for the longest request, and 5 for the proxy (Istio's own drain default).
GRACE_SECONDS = 45
DEPLOYMENT: Fields = {
    "revisionHistoryLimit": 2,
    "progressDeadlineSeconds": 180,
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
}
TRAFFIC_POLICY: Fields = {
    "loadBalancer": {"simple": "LEAST_REQUEST"},
    "outlierDetection": {
        "consecutiveGatewayErrors": 5,
        "consecutive5xxErrors": 0,
        "interval": "10s",
        "baseEjectionTime": "30s",
        "maxEjectionPercent": 50,
    },
}
POD_DISRUPTION_BUDGET: Fields = {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
_SECCOMP = {"seccompProfile": {"type": "RuntimeDefault"}}
POD_SECURITY: dict[str, Fields] = {
    "restricted": {"runAsNonRoot": True, **_SECCOMP},
    "baseline": dict(_SECCOMP),
    "none": {},
}
CONTAINER_SECURITY: dict[str, Fields] = {
    "restricted": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
    "baseline": {"allowPrivilegeEscalation": False},
    "none": {},
}
RULE_PRESETS: dict[str, dict[str, str]] = {
    "kube-prometheus-stack": {"release": "kube-prometheus-stack"},
    "kube-prometheus": {"prometheus": "k8s", "role": "alert-rules"},
    "none": {},
}
ALERTS: dict[str, Alert] = {
    "BlueGreenHighErrorRate": Alert(True, 0.05, "2m", "critical"),
    "BlueGreenHighLatency": Alert(True, 2500, "3m", "warning"),
    "BlueGreenVersionNoTraffic": Alert(True, None, "5m", "critical"),
}
# What a further rule takes over from `route` when it says nothing itself; rewrite and fault belong to the default rule.
_TMP = "/tmp"  # noqa: S108 - a path inside the container
INHERITED = ("timeout", "retries", "corsPolicy", "headers")


def decode(data: Fields) -> Release:
    """The release that schema-valid data describes. Never fails on such data."""
    platform = _platform(data)
    name, namespace = data["name"], data["namespace"]
    ports = _ports(data)
    gateway = _gateway(data)
    monitoring, gitops = data.get("monitoring", {}), data.get("gitops", {})
    service = settle(data.get("service", {}))
    base = _Base(data, platform, ports)
    return Release(
        name=name,
        namespace=namespace,
        platform=platform,
        slots={slot: base.slot(slot) for slot in ("blue", "green") if slot in data["slots"]},
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
        selector=base.selector,
        version_label=base.version_label,
        service_account=base.service_account,
        pod_disruption_budget=_budget(data),
        hosts=tuple(data.get("hosts", ())),
        gateways=_gateways(data, gateway),
        gateway=gateway,
        rules=_rules(data),
        export_to=data.get("exportTo"),
        rollback_reason=data.get("rollback", {}).get("reason"),
        rollback_at=data.get("rollback", {}).get("at"),
        prometheus_rule=_prometheus_rule(monitoring.get("prometheusRule", {}), namespace),
        grafana=_grafana(monitoring.get("grafana", {})),
        argocd=_argocd(gitops.get("argocd"), name),
        github=_github(gitops.get("github", {})),
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


class _Base:
    """What both slots are made from."""

    def __init__(self, data: Fields, platform: Platform, ports: tuple[Port, ...]) -> None:
        self.data = data
        self.platform = platform
        self.ports = ports
        self.selector: dict[str, str] = data.get("selector") or {"app": data["name"]}
        self.version_label: str = data.get("versionLabel", "version")
        account = data.get("serviceAccount", {})
        self.service_account = ServiceAccount(
            account.get("create", True), account.get("name", data["name"]), account.get("annotations", {})
        )
        self.hardening: str = data.get("hardening", "restricted")

    def slot(self, name: str) -> Slot:
        own = self.data["slots"][name]
        version = own.get("version", name)
        identity = {**self.selector, self.version_label: version}
        pod = self._pod(own, identity)
        labels, annotations = pod.pop("labels", {}), pod.pop("annotations", {})
        container = self._container(own, pod)
        return Slot(
            name=name,
            version=version,
            image=own["image"],
            replicas=None if "autoscaling" in self.data else own.get("replicas", self.data.get("replicas", REPLICAS)),
            container=container,
            pod=self._hardened(pod, container),
            pod_labels=self._pod_labels(own, labels, identity, version),
            pod_annotations=self._pod_annotations(own, annotations, container, pod),
            deployment=self._layers("deployment", own, DEPLOYMENT),
            traffic_policy=self._layers("trafficPolicy", own, TRAFFIC_POLICY),
            labels=own.get("labels", {}),
            annotations=own.get("annotations", {}),
        )

    def _layers(self, part: str, own: Fields, defaults: Fields) -> Fields:
        """defaults ← shared ← slot."""
        merged: Fields = merge(merge(defaults, self.data.get(part, {}), part), own.get(part, {}), part)
        return merged

    def _pod(self, own: Fields, identity: dict[str, str]) -> Fields:
        defaults: Fields = {"serviceAccountName": self.service_account.name}
        if self.hardening != "none":
            defaults["automountServiceAccountToken"] = False
        defaults["terminationGracePeriodSeconds"] = GRACE_SECONDS
        security = POD_SECURITY[self.hardening]
        if security:
            defaults["securityContext"] = security
        placed = [layer.get("pod", {}) for layer in (self.data, own)]
        if not any(field in layer for layer in placed for field in ("affinity", "topologySpreadConstraints")):
            defaults["topologySpreadConstraints"] = _spread(identity)
        return self._layers("pod", own, defaults)

    def _container(self, own: Fields, pod: Fields) -> Fields:
        defaults: Fields = {"name": self.data["name"], "ports": self._container_ports()}
        if not defaults["ports"]:
            del defaults["ports"]
        defaults["readinessProbe"] = {"tcpSocket": {"port": self.ports[0].target}}
        # A sleep that the grace period cuts short would end in SIGKILL with requests still open.
        if pod.get("terminationGracePeriodSeconds", 30) >= PRE_STOP_SECONDS + 5:
            defaults["lifecycle"] = {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}}
        security = CONTAINER_SECURITY[self.hardening]
        if security:
            defaults["securityContext"] = security
        return self._layers("container", own, defaults)

    def _container_ports(self) -> list[Fields]:
        ports: dict[int, Fields] = {}
        for port in self.ports:
            if type(port.target) is int:
                ports.setdefault(port.target, {"name": port.name, "containerPort": port.target, "protocol": "TCP"})
        return list(ports.values())

    def _hardened(self, pod: Fields, container: Fields) -> Fields:
        """The pod with every container under the security defaults, and a /tmp where the root is read-only."""
        security = CONTAINER_SECURITY[self.hardening]
        for field in ("initContainers", "containers"):
            if field in pod:
                pod[field] = [
                    {**entry, "securityContext": merge(security, entry.get("securityContext", {}))}
                    if security
                    else entry
                    for entry in pod[field]
                ]
        everyone = [*pod.get("initContainers", ()), *pod.get("containers", ())]
        for entry in (container, *everyone):
            _give_tmp(entry, pod, "tmp" if entry is container else f"tmp-{entry.get('name')}")
        return pod

    def _pod_labels(
        self, own: Fields, written: dict[str, str], identity: dict[str, str], version: str
    ) -> dict[str, str]:
        # canonical-name and -revision decide Istio's telemetry labels before any app.kubernetes.io label does.
        istio = {
            "service.istio.io/canonical-name": self.data["name"],
            "service.istio.io/canonical-revision": version,
            "sidecar.istio.io/inject": "true",
        }
        return {**identity, **istio, **self.data.get("labels", {}), **written, **own.get("labels", {}), **identity}

    def _pod_annotations(self, own: Fields, written: dict[str, str], container: Fields, pod: Fields) -> dict[str, str]:
        defaults = {"kubectl.kubernetes.io/default-container": container["name"]}
        grace = pod.get("terminationGracePeriodSeconds", 30)
        # Native sidecars (Kubernetes 1.33) outlive the application by themselves; an older proxy must be told to.
        if self.platform.kubernetes < (1, 33) and grace > 10:
            drain = f"terminationDrainDuration: {grace - 5}s"
            defaults["proxy.istio.io/config"] = f"holdApplicationUntilProxyStarts: true\n{drain}\n"
        return {**defaults, **written, **own.get("annotations", {})}


def _spread(identity: dict[str, str]) -> list[Fields]:
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": identity},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def _give_tmp(container: Fields, pod: Fields, volume: str) -> None:
    """Mount an emptyDir at /tmp of a container whose root is read-only, unless something is mounted there."""
    if not container.get("securityContext", {}).get("readOnlyRootFilesystem"):
        return
    mounts = container.get("volumeMounts", [])
    if any(mount.get("mountPath", "").rstrip("/") == _TMP for mount in mounts):
        return
    taken = {entry.get("name") for entry in pod.get("volumes", ())}
    while volume in taken:
        volume = f"{volume}-bgen"
    container["volumeMounts"] = [*mounts, {"name": volume, "mountPath": _TMP}]
    pod["volumes"] = [*pod.get("volumes", []), {"name": volume, "emptyDir": {}}]


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
    return Mirror(
        mirror.get("percent", 100), tuple(mirror.get("methods", ("GET", "HEAD"))), settle(mirror.get("match"))
    )


def _autoscaling(data: Fields) -> Autoscaling | None:
    written = data.get("autoscaling")
    if written is None:
        return None
    metrics: list[Fields] = settle(written.get("metrics", []))
    if "cpu" in written:
        # ContainerResource counts the application alone; Resource would count the proxy's cpu too.
        name = data.get("container", {}).get("name") or data["name"]
        target = {"type": "Utilization", "averageUtilization": written["cpu"]}
        metrics = [
            {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": name, "target": target}},
            *metrics,
        ]
    smallest = written.get("minReplicas", REPLICAS)
    return Autoscaling(smallest, written["maxReplicas"], metrics, settle(written.get("behavior")))


def _budget(data: Fields) -> Fields | None:
    written = data.get("podDisruptionBudget", {})
    return None if written is None else merge(POD_DISRUPTION_BUDGET, written, "podDisruptionBudget")


def _gateway(data: Fields) -> Gateway | None:
    written = data.get("gateway")
    if written is None:
        return None
    hosts = list(data.get("hosts", ()))
    servers: list[Fields] = [
        {**server, "hosts": server.get("hosts", hosts)} for server in settle(written.get("servers", []))
    ]
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


def _prometheus_rule(written: Fields | None, namespace: str) -> PrometheusRule | None:
    if written is None:
        return None
    return PrometheusRule(
        written.get("namespace", namespace),
        {**RULE_PRESETS[written.get("preset", "kube-prometheus-stack")], **written.get("labels", {})},
        written.get("alertLabels", {}),
        {name: _alert(alert, written.get("alerts", {}).get(name, {})) for name, alert in ALERTS.items()},
        settle(written.get("extra", [])),
        written.get("runbookBaseURL"),
    )


def _alert(default: Alert, own: Fields) -> Alert:
    return Alert(
        own.get("enabled", default.enabled),
        own.get("threshold", default.threshold),
        own.get("for", default.duration),
        own.get("severity", default.severity),
    )


def _grafana(written: Fields | None) -> Grafana | None:
    if written is None:
        return None
    return Grafana(
        written.get("delivery", "file"),
        written.get("folder"),
        written.get("folderAnnotation", "grafana_folder"),
        written.get("labels", {"grafana_dashboard": "1"}),
    )


def _argocd(written: Fields | None, name: str) -> ArgoCD | None:
    if written is None:
        return None
    return ArgoCD(
        written["repoURL"],
        written.get("targetRevision", "HEAD"),
        written.get("path", f"deploy/{name}/manifests"),
        written.get("project", "default"),
        written.get("namespace", "argocd"),
        written.get("destination") or {"server": "https://kubernetes.default.svc"},
        written.get("automated", True),
        written.get("namespaceLabels", {"istio-injection": "enabled"}),
    )


def _github(written: Fields | None) -> GitHub | None:
    if written is None:
        return None
    return GitHub(
        written.get("requirement", "bgen"),
        written.get("python", "3.13"),
        written.get("runsOn", "ubuntu-latest"),
        written.get("branch", "main"),
    )
