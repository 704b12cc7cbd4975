"""Every name, label, annotation and metric that bgen emits: look here first for what is called what."""

from __future__ import annotations

from hashlib import sha256

from bgen.release import Release
from bgen.release import Slot

WAVE = "argocd.argoproj.io/sync-wave"
SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
NOTICE = "notice.argocd.argoproj.io/content"
GENERATE_PATHS = "argocd.argoproj.io/manifest-generate-paths"
STAGE = "bgen/stage"
ROLLBACK_REASON = "bgen/rollback-reason"
ROLLBACK_AT = "bgen/rollback-at"
CANONICAL_REVISION = "service.istio.io/canonical-revision"
MANAGED_BY = {"app.kubernetes.io/managed-by": "bgen"}

REQUESTS = "istio_requests_total"
DURATION = "istio_request_duration_milliseconds_bucket"
DECLARED_WEIGHT = "bgen:traffic_weight:percent"

LOCK = "bgen.lock"
MANIFESTS = "manifests"
ROUTES = "routes"


def deployment(release: Release, slot: Slot) -> str:
    """Also the name of the slot's PodDisruptionBudget and HorizontalPodAutoscaler."""
    return f"{release.name}-{slot.version.replace('.', '-')}"


def destination_rule(release: Release) -> str:
    return f"{release.name}-destination"


def virtual_service(release: Release) -> str:
    return f"{release.name}-routing"


def prometheus_rule(release: Release) -> str:
    return f"{release.name}-blue-green-alerts"


def dashboard(release: Release) -> str:
    return f"{release.name}-dashboard"


def application(release: Release) -> str:
    return f"{release.name}-blue-green"


def dashboard_uid(release: Release) -> str:
    """At most 40 characters (Grafana's dashboard API), the same for every stage, another for every name and namespace."""
    digest = sha256(f"{release.namespace}/{release.name}".encode()).hexdigest()[:8]
    return f"bgen-{release.name[:26].rstrip('-')}-{digest}"


def revision(slot: Slot) -> str:
    """The slot's value of `destination_canonical_revision` in Istio's metrics; a pod label of the user's may replace it."""
    return slot.pod_labels.get(CANONICAL_REVISION, slot.version)


def subset_labels(release: Release, slot: Slot) -> dict[str, str]:
    return {release.version_label: slot.version}


def identity(release: Release, slot: Slot) -> dict[str, str]:
    """The selector of a slot's pods; immutable in a Deployment, so nothing else may ever be in it."""
    return {**release.selector, **subset_labels(release, slot)}


def metadata_labels(release: Release) -> dict[str, str]:
    return {**release.selector, **MANAGED_BY, **release.labels}
