"""Alert settings that would make an alert wrong."""

from __future__ import annotations

from collections.abc import Iterator

from bgen.diagnostics import Path
from bgen.release import Release
from bgen.rules.rule import Finding
from bgen.rules.rule import error
from bgen.rules.rule import warning
from bgen.source import Source

# Upper bounds of istio_request_duration_milliseconds (Envoy's default histogram buckets).
BUCKETS = (
    0.5,
    1,
    5,
    10,
    25,
    50,
    100,
    250,
    500,
    1000,
    2500,
    5000,
    10000,
    30000,
    60000,
    300000,
    600000,
    1800000,
    3600000,
)
_ALERTS: Path = ("monitoring", "prometheusRule", "alerts")


@error("BG261", "a share over one")
def ratio(release: Release, source: Source) -> Iterator[Finding]:
    """The threshold is a share of all requests, from 0 to 1. Above 1 the alert can never fire.

    Fix: 0.05 for 5 %.
    """
    path = (*_ALERTS, "BlueGreenHighErrorRate", "threshold")
    value = source.get(path)
    if value is not None and value > 1:
        yield Finding(path, f"{value} is more than all requests", f"a share from 0 to 1, as in {value / 100:g} for {value:g} %")


@warning("BG262", "a latency threshold between two buckets")
def bucket_edge(release: Release, source: Source) -> Iterator[Finding]:
    """A quantile of a histogram is interpolated between bucket edges. A threshold between two edges compares with a figure
    that nobody measured.

    Fix: use an edge: …, 500, 1000, 2500, 5000, 10000, … ms. Source: Prometheus, histogram_quantile; Envoy's default buckets.
    """
    path = (*_ALERTS, "BlueGreenHighLatency", "threshold")
    value = source.get(path)
    if value is not None and value not in BUCKETS:
        near = min(BUCKETS, key=lambda edge: abs(edge - value))
        yield Finding(
            path,
            f"{value:g} ms lies between two buckets of Istio's histogram",
            f"the figure would be interpolated: use {near:g}",
        )
