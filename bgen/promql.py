"""PromQL as text: the only place where a value becomes part of an expression.

Everything about Istio's request metrics that alerts and dashboard share is here too, so that both count the same
requests: each once, as the caller's proxy saw it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

_META = re.compile(r"[\\.+*?()|\[\]{}^$]")
# Unknown, deadline exceeded, resource exhausted, internal, unavailable, data loss: the server's fault, not the caller's
# (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). gRPC sends them with HTTP status 200.
_GRPC_FAILURES = "2|4|8|13|14|15"


def text(value: str) -> str:
    """A string literal (https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals)."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def literal(value: str) -> str:
    """An RE2 pattern that matches exactly this text; Prometheus anchors every pattern itself."""
    return _META.sub(r"\\\g<0>", value)


def number(value: float) -> str:
    """In fixed point, with the digits that were written: 0.1 stays 0.1."""
    exact = Decimal(repr(value))
    if not exact.is_finite():
        raise ValueError(f"{value} is no threshold")
    return format(exact.normalize(), "f")


def template_text(value: str) -> str:
    """Text for a label or an annotation of an alert, which Prometheus runs as a Go template."""
    return value.replace("{{", '{{"{{"}}')


def equal(label: str, value: str) -> str:
    return f"{label}={text(value)}"


def unequal(label: str, value: str) -> str:
    return f"{label}!={text(value)}"


def matching(label: str, pattern: str) -> str:
    return f"{label}=~{text(pattern)}"


def none_of(label: str, values: Iterable[str]) -> str:
    return f"{label}!~{text('|'.join(map(literal, values)))}"


def selector(metric: str, *matchers: str) -> str:
    return f"{metric}{{{','.join(matchers)}}}"


def rate_sum(selected: str, window: str, by: str = "") -> str:
    """Events per second of all the selected series together, or for each value of the label `by`."""
    return f"sum by ({by}) (rate({selected}[{window}]))" if by else f"sum(rate({selected}[{window}]))"


def quantile(share: float, selected_buckets: str, window: str) -> str:
    return f"histogram_quantile({number(share)}, {rate_sum(selected_buckets, window, 'le')})"


def user_requests(name: str, namespace: str) -> tuple[str, ...]:
    """Matchers of the requests that callers sent to a service, each once.

    The caller's side reports them: it alone sees those that reached no pod, and it does not see mirrored copies. Such
    requests have `unknown` for everything that a pod would have told, so the service is selected by its own labels.
    """
    return (matching("reporter", "source|waypoint"), *_service(name, namespace))


def pod_requests(name: str, namespace: str) -> tuple[str, ...]:
    """Matchers of the requests that pods of a service executed, mirrored copies included."""
    return (equal("reporter", "destination"), *_service(name, namespace))


def _service(name: str, namespace: str) -> tuple[str, str]:
    return equal("destination_service_name", name), equal("destination_service_namespace", namespace)


def of_revision(revision: str) -> str:
    """The matcher of one slot: bgen always sets this label, while `destination_version` needs a label named `version`."""
    return equal("destination_canonical_revision", revision)


def of_no_revision(revisions: Iterable[str]) -> str:
    return none_of("destination_canonical_revision", revisions)


def failed_sum(metric: str, matchers: tuple[str, ...], window: str) -> str:
    """Failed requests per second. `or` unites the two sets of series, so that one in both counts once."""
    http = selector(metric, *matchers, matching("response_code", "5.."))
    grpc = selector(metric, *matchers, matching("grpc_response_status", _GRPC_FAILURES))
    return f"sum(\n  rate({http}[{window}])\n  or\n  rate({grpc}[{window}])\n)"
