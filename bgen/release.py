"""The release as data: frozen, complete, every default filled in, every layer merged."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple

Fields = dict[str, Any]
SLOTS = ("blue", "green")


class Platform(NamedTuple):
    """What may be emitted: minor versions as tuples, as in (1, 32)."""

    kubernetes: tuple[int, int]
    istio: tuple[int, int]
    cluster_domain: str


class Port(NamedTuple):
    """One port of the Service; `target` is a container port's number or name."""

    name: str
    port: int
    target: int | str
    protocol: str

    @property
    def is_http(self) -> bool:
        """Whether Istio routes it by rule; a TCP port only follows weights."""
        return self.protocol != "tcp"


class Slot(NamedTuple):
    """One of the two places a version runs in, complete: native objects as Kubernetes and Istio will see them."""

    name: str
    version: str
    image: str
    replicas: int | None
    container: Fields
    pod: Fields
    pod_labels: dict[str, str]
    pod_annotations: dict[str, str]
    deployment: Fields
    traffic_policy: Fields
    labels: dict[str, str]
    annotations: dict[str, str]


class Autoscaling(NamedTuple):
    """autoscaling/v2, the same for both slots."""

    min_replicas: int
    max_replicas: int
    cpu: int | None
    metrics: list[Fields]
    behavior: Fields | None


class Mirror(NamedTuple):
    """Copies of requests for the candidate: `percent` of those whose method is listed and that fit `match`."""

    percent: float
    methods: tuple[str, ...]
    match: list[Fields] | None


class Stage(NamedTuple):
    """One traffic state. `weight` is the candidate's share in percent; `route` and `candidate` override rule fields."""

    name: str
    weight: int = 0
    match: list[Fields] | None = None
    mirror: Mirror | None = None
    route: Fields | None = None
    candidate: Fields | None = None
    annotations: dict[str, str] | None = None
    is_default: bool = True

    @property
    def needs_candidate(self) -> bool:
        return bool(self.weight or self.match is not None or self.mirror)


class Rule(NamedTuple):
    """One HTTP rule of the application before any stage: `fields` are native HTTPRoute fields but match and route."""

    name: str
    match: list[Fields] | None
    port: int | None
    fields: Fields

    @property
    def ends_here(self) -> bool:
        """Whether it answers by itself, without a destination."""
        return "redirect" in self.fields or "directResponse" in self.fields


class Gateway(NamedTuple):
    """An emitted Istio Gateway; `servers` are native."""

    name: str
    namespace: str
    selector: dict[str, str]
    servers: list[Fields]


class ServiceAccount(NamedTuple):
    create: bool
    name: str
    annotations: dict[str, str]


class Alert(NamedTuple):
    """Settings of one alert; `threshold` is None where there is nothing to compare with."""

    enabled: bool
    threshold: float | None
    duration: str
    severity: str


class PrometheusRule(NamedTuple):
    namespace: str
    labels: dict[str, str]
    alert_labels: dict[str, str]
    alerts: dict[str, Alert]
    extra: list[Fields]
    runbook_base_url: str | None


class Grafana(NamedTuple):
    delivery: str
    folder: str | None
    folder_annotation: str
    labels: dict[str, str]


class ArgoCD(NamedTuple):
    repo_url: str
    target_revision: str
    path: str
    project: str
    namespace: str
    destination: dict[str, str]
    automated: bool
    namespace_labels: dict[str, str]


class GitHub(NamedTuple):
    requirement: str
    python: str
    runs_on: str
    branch: str


class Release(NamedTuple):
    """Everything that the output is made of, and nothing else."""

    name: str
    namespace: str
    platform: Platform
    slots: dict[str, Slot]
    stable: str
    stage: str
    stages: tuple[Stage, ...]
    ports: tuple[Port, ...]
    autoscaling: Autoscaling | None
    service: Fields
    service_labels: dict[str, str]
    service_annotations: dict[str, str]
    labels: dict[str, str]
    annotations: dict[str, str]
    selector: dict[str, str]
    version_label: str
    service_account: ServiceAccount
    pod_disruption_budget: Fields | None
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    gateway: Gateway | None
    rules: tuple[Rule, ...]
    export_to: list[str] | None
    rollback_reason: str | None
    rollback_at: str | None
    prometheus_rule: PrometheusRule | None
    grafana: Grafana | None
    argocd: ArgoCD | None
    github: GitHub | None
    waves: bool

    @property
    def candidate(self) -> str:
        """The slot that is not stable; it may be absent from `slots`."""
        return "green" if self.stable == "blue" else "blue"

    @property
    def host(self) -> str:
        """The Service's name in the mesh."""
        return f"{self.name}.{self.namespace}.svc.{self.platform.cluster_domain}"

    @property
    def http_ports(self) -> tuple[Port, ...]:
        return tuple(port for port in self.ports if port.is_http)

    @property
    def tcp_ports(self) -> tuple[Port, ...]:
        return tuple(port for port in self.ports if not port.is_http)

    @property
    def in_mesh(self) -> bool:
        return "mesh" in self.gateways

    def walk(self) -> tuple[Stage, ...]:
        """The stages in walking order, stable first and candidate last; those that lack their slot are left out."""
        ends = Stage(self.stable), Stage(self.candidate, weight=100)
        steps = (ends[0], *self.stages, ends[1])
        return tuple(stage for stage in steps if self.candidate in self.slots or not stage.needs_candidate)

    def all_stages(self) -> tuple[Stage, ...]:
        """Every stage that has a route file: the walk, and the way back."""
        return (*self.walk(), Stage("rollback"))

    def stage_named(self, name: str) -> Stage | None:
        return next((stage for stage in self.all_stages() if stage.name == name), None)

    @property
    def live(self) -> Stage:
        """The stage that the spec declares; `judge` has made sure that it exists."""
        found = self.stage_named(self.stage)
        if found is None:
            raise LookupError(f"the stage {self.stage} is not in the release")
        return found

    def weight_of(self, slot: str, stage: Stage) -> int:
        """The declared share of a slot in percent, of the requests that no match decides."""
        return stage.weight if slot == self.candidate else 100 - stage.weight

    def is_waited_for(self, slot: str) -> bool:
        """Whether the slot is the candidate and gets any traffic in the live stage, mirrored and matched included."""
        return slot == self.candidate and self.live.needs_candidate
