"""The Argo CD Application, and the GitHub workflow that checks the committed output."""

from __future__ import annotations

from bgen import names
from bgen.document import Document
from bgen.release import ArgoCD
from bgen.release import Fields
from bgen.release import GitHub
from bgen.release import Release

# Not ApplyOutOfSyncOnly: with it the retry of a failed cutover leaves out the Deployment that it should wait for, and
# opens the route to dead pods (measured with Argo CD 3.5).
_SYNC_OPTIONS = ["CreateNamespace=true", "PruneLast=true", "ServerSideApply=true", "FailOnSharedResource=true"]
_CONCURRENCY = "bgen-${{ github.workflow }}-${{ github.ref }}"
_OUTPUT = "deploy"


def documents(release: Release) -> list[Document]:
    found = []
    if release.argocd:
        found.append(Document("argocd/application.yaml", "application.yaml.j2", _application(release, release.argocd)))
    if release.github:
        found.append(Document("ci/github-workflow.yaml", "github-workflow.yaml.j2", _workflow(release, release.github)))
    return found


def _application(release: Release, settings: ArgoCD) -> Fields:
    return {
        "name": names.application(release),
        "namespace": settings.namespace,
        "labels": names.metadata_labels(release),
        # `.` is the source path itself: commits elsewhere in the repository start no sync.
        "annotations": {**release.annotations, names.GENERATE_PATHS: ".", names.NOTICE: _notice(release)},
        "project": settings.project,
        "repoURL": settings.repo_url,
        "targetRevision": settings.target_revision,
        "path": settings.path,
        "destination": {**settings.destination, "namespace": release.namespace},
        "automated": {"prune": True, "selfHeal": True} if settings.automated else None,
        "sync_options": _SYNC_OPTIONS,
        "namespace_labels": settings.namespace_labels or None,
    }


def _notice(release: Release) -> str:
    """What Argo CD 3.5 and later shows at the top of the Application."""
    slots = release.slots.values()
    shares = ", ".join(f"{slot.name} ({slot.version}) {release.weight_of(slot.name, release.live)} %" for slot in slots)
    return f"Stage {release.stage}: {shares}"


def _workflow(release: Release, settings: GitHub) -> Fields:
    return {
        "title": f"Blue-green release {release.name}",
        "branches": [settings.branch],
        "concurrency": _CONCURRENCY,
        "runs_on": settings.runs_on,
        "spec": f"{release.name}/release.yaml",
        "output": _output(release),
        "release": release.name,
        "requirement": inert(settings.requirement),
        "python": settings.python,
    }


def _output(release: Release) -> str:
    """The output directory of which Argo CD's source path is a part."""
    tail = f"/{release.name}/{names.MANIFESTS}"
    path = release.argocd.path if release.argocd else ""
    return path.removesuffix(tail) if path.endswith(tail) else _OUTPUT


def inert(value: str) -> str:
    """Text in a workflow: GitHub evaluates `${{` in every string, so it is written as an expression that yields it."""
    return value.replace("${{", "${{ '${{' }}")
