"""Resources: quantities, and requests against limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bgen.release import Release
from bgen.rules.rule import Finding
from bgen.rules.rule import containers
from bgen.rules.rule import error
from bgen.rules.rule import warning
from bgen.rules.rule import written_at
from bgen.source import Source

# resource.Quantity: a decimal number, then a binary or decimal suffix, or an exponent.
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?", re.ASCII)
_SUFFIXES: dict[str | None, int] = {
    "n": -9,
    "u": -6,
    "m": -3,
    None: 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}


def amount(quantity: Any) -> Decimal | None:
    """The value of a Kubernetes quantity, None when it is not one."""
    found = _QUANTITY.fullmatch(str(quantity))
    if type(quantity) not in (str, int, float) or found is None:
        return None
    number, suffix = Decimal(found[1]), found[2]
    if suffix in _SUFFIXES:
        return number.scaleb(_SUFFIXES[suffix])
    if suffix.endswith("i"):
        return number * Decimal(1024) ** ("KMGTPE".index(suffix[0]) + 1)
    return number.scaleb(int(suffix[1:]))


@error("BG281", "not a quantity")
def quantities(release: Release, source: Source) -> Iterator[Finding]:
    """The API server refuses what is not a quantity.

    Fix: 250m, 1, 512Mi, 2Gi. Source: Kubernetes, resource.Quantity.
    """
    for slot in release.slots.values():
        for part, prefix, container in containers(slot):
            for kind, entries in (container.get("resources") or {}).items():
                for name, quantity in entries.items() if kind in ("requests", "limits") else ():
                    value = amount(quantity)
                    if value is None or value < 0:
                        path = written_at(source, slot, part, (*prefix, "resources", kind, name))
                        yield Finding(path, f"`{quantity}` is not a quantity", "as in 250m, 1, 512Mi or 2Gi")


@error("BG282", "a request above its limit")
def requests(release: Release, source: Source) -> Iterator[Finding]:
    """The API server refuses a container that requests more than its limit.

    Fix: raise the limit or lower the request. Source: Kubernetes, core validation, resources.
    """
    for slot in release.slots.values():
        for part, prefix, container in containers(slot):
            resources = container.get("resources") or {}
            for name, quantity in (resources.get("requests") or {}).items():
                wanted, limit = amount(quantity), amount((resources.get("limits") or {}).get(name, "x"))
                if wanted is not None and limit is not None and wanted > limit:
                    path = written_at(source, slot, part, (*prefix, "resources", "requests", name))
                    message = f"the {name} request {quantity} is above the limit {resources['limits'][name]}"
                    yield Finding(path, message, "raise the limit, or lower the request")


@warning("BG283", "a disruption budget that lets no pod go")
def blocking_budget(release: Release, source: Source) -> Iterator[Finding]:
    """A budget that never lets a pod go blocks every node drain, and with it cluster upgrades.

    Fix: `maxUnavailable: 1`. Source: Kubernetes, Specifying a Disruption Budget.
    """
    budget = release.pod_disruption_budget or {}
    for slot in release.slots.values():
        least = release.autoscaling.min_replicas if release.autoscaling else slot.replicas or 0
        kept = budget.get("minAvailable")
        whole = kept == "100%" or (type(kept) is int and 0 < least <= kept)
        if budget.get("maxUnavailable") in (0, "0", "0%") or whole:
            field = "maxUnavailable" if "maxUnavailable" in budget else "minAvailable"
            message = "no pod may ever be evicted: a node cannot be drained"
            yield Finding(("podDisruptionBudget", field), message, "`maxUnavailable: 1` lets them go one by one")
            return


@error("BG284", "a selector that Argo CD rewrites")
def tracked_selector(release: Release, source: Source) -> Iterator[Finding]:
    """With label tracking Argo CD writes its own value into app.kubernetes.io/instance. In an immutable selector that blocks every
    sync.

    Fix: another label. Source: Argo CD, Resource Tracking.
    """
    name = "app.kubernetes.io/instance"
    if name in release.selector or release.version_label == name:
        path = ("selector", name) if name in release.selector else ("versionLabel",)
        message = f"Argo CD may track objects by the label {name} and would set it to its own value"
        yield Finding(path, message, "an immutable selector must not contain it: use another label", "key")
