"""`plan`: what exists in the output, in the order of its paths."""

from __future__ import annotations

from bgen.document import Document
from bgen.release import Release
from bgen.resources import alerts
from bgen.resources import dashboard
from bgen.resources import gitops
from bgen.resources import ops
from bgen.resources import traffic
from bgen.resources import workloads

_PARTS = (workloads, traffic, alerts, dashboard, gitops, ops)


def plan(release: Release) -> list[Document]:
    """Every document of the release's output directory, sorted by path."""
    return sorted((document for part in _PARTS for document in part.documents(release)), key=lambda document: document.path)
