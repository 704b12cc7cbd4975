"""What a slot runs, complete: defaults ← shared ← slot."""

from __future__ import annotations

from bgen.merge import merge
from bgen.release import Fields
from bgen.release import Platform
from bgen.release import Port
from bgen.release import ServiceAccount
from bgen.release import Slot

REPLICAS = 3
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
_TMP = "/tmp"  # noqa: S108 - a path inside the container


class Slots:
    """What both slots are made from; `slot` makes one of them."""

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
            deployment=self._deployment(own),
            traffic_policy=self._layers("trafficPolicy", own, TRAFFIC_POLICY),
            labels=own.get("labels", {}),
            annotations=own.get("annotations", {}),
        )

    def _layers(self, part: str, own: Fields, defaults: Fields) -> Fields:
        """defaults ← shared ← slot; a layer that is null removes all that is below it."""
        merged = defaults
        for layer in (self.data.get(part, {}), own.get(part, {})):
            merged = {} if layer is None else merge(merged, layer, part)
        return merged

    def _deployment(self, own: Fields) -> Fields:
        merged = self._layers("deployment", own, DEPLOYMENT)
        written = merge(self.data.get("deployment", {}), own.get("deployment", {}), "deployment")
        if "progressDeadlineSeconds" not in written and "progressDeadlineSeconds" in merged:
            # The API server wants it above minReadySeconds.
            merged["progressDeadlineSeconds"] = max(merged["progressDeadlineSeconds"], merged.get("minReadySeconds", 0) + 60)
        rolling = (merged.get("strategy") or {}).get("rollingUpdate", {})
        chosen = (written.get("strategy") or {}).get("rollingUpdate", {})
        if rolling.get("maxSurge") in (0, "0%") and "maxUnavailable" not in chosen:
            # With neither more nor fewer pods than wanted none could ever be replaced.
            merged["strategy"] = merge(merged["strategy"], {"rollingUpdate": {"maxUnavailable": 1}})
        return merged

    def _pod(self, own: Fields, identity: dict[str, str]) -> Fields:
        defaults: Fields = {"serviceAccountName": self.service_account.name}
        if self.hardening != "none":
            defaults["automountServiceAccountToken"] = False
        defaults["terminationGracePeriodSeconds"] = GRACE_SECONDS
        security = dict(POD_SECURITY[self.hardening])
        if any((layer.get("pod", {}).get("securityContext") or {}).get("runAsUser") == 0 for layer in (self.data, own)):
            # The user's own value wins: a pod that must not be root could not start as root.
            security.pop("runAsNonRoot", None)
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
        written = merge(self.data.get("container", {}), own.get("container", {}), "container")
        security = _security(self.hardening, written)
        if security:
            defaults["securityContext"] = security
        return {"name": self.data["name"], **self._layers("container", own, defaults)}

    def _container_ports(self) -> list[Fields]:
        ports: dict[int, Fields] = {}
        for port in self.ports:
            if type(port.target) is int:
                ports.setdefault(port.target, {"name": port.name, "containerPort": port.target, "protocol": "TCP"})
        return list(ports.values())

    def _hardened(self, pod: Fields, container: Fields) -> Fields:
        """The pod with every container under the security defaults, and a /tmp where the root is read-only."""
        for field in ("initContainers", "containers"):
            if field in pod:
                pod[field] = [
                    {**entry, "securityContext": merge(security, entry.get("securityContext", {}))} if security else entry
                    for entry in pod[field]
                    for security in (_security(self.hardening, entry),)
                ]
        everyone = [*pod.get("initContainers", ()), *pod.get("containers", ())]
        for entry in (container, *everyone):
            _give_tmp(entry, pod, "tmp" if entry is container else f"tmp-{entry.get('name', '')[:50]}".rstrip("-"))
        return pod

    def _pod_labels(self, own: Fields, written: dict[str, str], identity: dict[str, str], version: str) -> dict[str, str]:
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


def _security(hardening: str, container: Fields) -> Fields:
    """The defaults that fit the container: the API server refuses a privileged one that may not escalate."""
    own = container.get("securityContext") or {}
    added = (own.get("capabilities") or {}).get("add") or ()
    defaults = dict(CONTAINER_SECURITY[hardening])
    if own.get("privileged") or "CAP_SYS_ADMIN" in added:
        defaults.pop("allowPrivilegeEscalation", None)
    if own.get("runAsUser") == 0 and hardening == "restricted":
        # The kubelet would refuse to start it under the pod's runAsNonRoot.
        defaults["runAsNonRoot"] = False
    return defaults


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
