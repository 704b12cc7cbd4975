"""Hosts, gateways, rules and policies: what istiod's webhook refuses, and what it lets through although it cannot work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bgen.diagnostics import Path
from bgen.diagnostics import dotted
from bgen.release import Release
from bgen.rules.rule import Finding
from bgen.rules.rule import error
from bgen.rules.rule import nearest
from bgen.rules.rule import warning
from bgen.rules.rule import written_at
from bgen.rules.rule import written_matches
from bgen.source import Source

_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+", re.ASCII)
_UNITS = {"ms": Decimal(1), "s": Decimal(1000), "m": Decimal(60_000), "h": Decimal(3_600_000)}
# Fields of type Duration in HTTPRoute and TrafficPolicy, by name (istio/api networking/v1).
_DURATION_FIELDS = frozenset(
    "timeout perTryTimeout maxAge fixedDelay backoff connectTimeout idleTimeout maxConnectionDuration interval baseEjectionTime"
    " duration warmupDurationSecs time".split()
)
# Go keeps a duration in 64 bits of nanoseconds.
_LONGEST = Decimal(2**63 - 1) / 1_000_000
_TCHAR = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_RETRY_ON = frozenset(
    "5xx gateway-error reset reset-before-request connect-failure retriable-4xx refused-stream retriable-status-codes"
    " retriable-headers envoy-ratelimited http3-post-connect-failure cancelled deadline-exceeded internal resource-exhausted"
    " unavailable".split()
)
_PSEUDO = ("method", "uri", "scheme", "authority")


@error("BG221", "`*` as a host in the mesh")
def star_in_mesh(release: Release, source: Source) -> Iterator[Finding]:
    """Istio refuses the host `*` in a VirtualService that holds for the mesh: it would capture every request of every client.

    Fix: name the hosts, or leave mesh out of `gateways`. Source: istio/pkg/config/validation.
    """
    for i, host in enumerate(release.hosts):
        if host == "*" and release.in_mesh:
            hint = "name the hosts, or set `gateways` without mesh"
            yield Finding(("hosts", i), "Istio refuses the host * on the gateway mesh", hint)


@error("BG222", "a gateway that cannot be found")
def unknown_gateway(release: Release, source: Source) -> Iterator[Finding]:
    """A VirtualService that names a missing Gateway is bound to nothing there: the gateway answers 404 to everyone (IST0101).

    Fix: write `namespace/name` of an existing Gateway, or add `gateway:`.
    """
    for i, name in enumerate(source.get(("gateways",)) or ()):
        if "/" not in name and name != "mesh" and (release.gateway is None or name != release.gateway.name):
            own = [release.gateway.name] if release.gateway else []
            close = nearest(name, own)
            hint = f"did you mean `{close}`?" if close else f"write `namespace/{name}`, or add `gateway:` to emit one"
            yield Finding(("gateways", i), f"`{name}` is not a Gateway that bgen emits", hint)


@error("BG234", "a match at a gateway where the routes do not hold")
def match_gateways(release: Release, source: Source) -> Iterator[Finding]:
    """A match's `gateways` select among those of the release; a name that is not one of them, as Istio spells it, never matches.

    Fix: `namespace/name` of one of `gateways`, or mesh. Source: Istio, HTTPMatchRequest.gateways.
    """
    for path, entry in written_matches(release, source):
        for i, name in enumerate(entry.get("gateways") or ()):
            if name not in release.gateways:
                hint = f"one of: {', '.join(release.gateways)}"
                yield Finding((*path, "gateways", i), f"the routes do not hold at `{name}`, so this never matches", hint)


@warning("BG223", "hosts that no gateway serves")
def hosts_without_gateway(release: Release, source: Source) -> Iterator[Finding]:
    """`hosts` are public names, and callers from outside come through a gateway. With `mesh` alone they get a 404.

    Fix: add `gateway:`, or name an existing one in `gateways`.
    """
    if release.hosts and set(release.gateways) == {"mesh"}:
        hint = "add `gateway:`, or name an existing one in `gateways`; remove `hosts` if only the mesh calls them"
        yield Finding(("hosts",), "these hosts answer inside the mesh only: no gateway serves them", hint, "key")
    elif release.gateway and len(set(release.gateways) - {"mesh"}) == 1:
        served = [host.rpartition("/")[2] for server in release.gateway.servers for host in server.get("hosts", ())]
        for i, host in enumerate(release.hosts):
            if not any(one in ("*", host) or (one.startswith("*.") and host.endswith(one[1:])) for one in served):
                yield Finding(("hosts", i), f"no server of the gateway serves {host}", "add it to the `hosts` of a server")


@error("BG224", "a gateway without hosts")
def gateway_without_hosts(release: Release, source: Source) -> Iterator[Finding]:
    """A Gateway server must name at least one host, else Istio refuses it.

    Fix: add `hosts` to the release. Source: Istio, Server.hosts.
    """
    if release.gateway is None:
        return
    for i, server in enumerate(release.gateway.servers):
        if not server.get("hosts"):
            path: Path = ("gateway", "servers", i) if source.get(("gateway", "servers", i)) is not None else ("gateway",)
            yield Finding(path, "the gateway serves no host", "add `hosts` to the release", "key")
            return


@error("BG225", "two servers of the gateway share a port name")
def server_names(release: Release, source: Source) -> Iterator[Finding]:
    """Port names are unique across the servers of a Gateway.

    Fix: rename one. Source: istio/pkg/config/validation, ValidateGateway.
    """
    taken = [server.get("port", {}).get("name") for server in release.gateway.servers] if release.gateway else []
    own = len(source.get(("gateway", "servers")) or ())
    for i in range(len(taken) - own, len(taken)):
        if taken[i] in taken[:i]:
            path = ("gateway", "servers", i - (len(taken) - own), "port", "name")
            yield Finding(path, f"two servers have the port name `{taken[i]}`", "Istio refuses it: choose another")


@error("BG226", "a release without a host or port that can be reached")
def unreachable_release(release: Release, source: Source) -> Iterator[Finding]:
    """A VirtualService needs at least one host. The mesh host is there only with `mesh` among the gateways, and TCP ports are
    routed in the mesh only.

    Fix: add `hosts`, or mesh.
    """
    if not release.in_mesh and not release.hosts:
        yield Finding(("gateways",), "without mesh among the gateways the routes need `hosts`", "add hosts, or mesh", "key")
    if not release.in_mesh and release.tcp_ports and not release.http_ports:
        message = "TCP ports are routed inside the mesh only, and `gateways` lacks mesh"
        yield Finding(("gateways",), message, "add mesh", "key")


@warning("BG227", "callers inside the mesh reach both slots")
def unrouted_callers(release: Release, source: Source) -> Iterator[Finding]:
    """The Service selects the pods of both slots. Whoever reaches it past the routes, because `mesh` is not among the gateways
    or through a NodePort or load balancer, gets either version by chance.

    Fix: add mesh; let callers from outside come through an Istio gateway.
    """
    kind = release.service.get("type", "ClusterIP")
    if not release.in_mesh:
        message = "without mesh among the gateways, callers inside the cluster reach both slots"
        yield Finding(("gateways",), message, "add mesh, unless nobody calls the Service directly", "key")
    if kind in ("NodePort", "LoadBalancer"):
        message = f"a Service of type {kind} leads past the routes, to both slots"
        yield Finding(("service", "type"), message, "use an Istio gateway for callers outside the mesh")


@error("BG228", "a header key that never matches")
def header_keys(release: Release, source: Source) -> Iterator[Finding]:
    """Header names are lower case in HTTP/2 and Envoy; Istio ignores the keys uri, scheme, method and authority. Such a rule
    looks right and never matches.

    Fix: lower case; `:authority` and friends have fields of their own. Source: Istio, HTTPMatchRequest.headers.
    """
    for path, name in _header_keys(source.data, ()):
        if name in _PSEUDO:
            yield Finding((*path, name), f"Istio ignores the header key `{name}`", f"use the field `{name}` of the match", "key")
        elif not _TCHAR.fullmatch(name.removeprefix(":")) and not name.startswith("@request.auth.claims"):
            yield Finding((*path, name), f"`{name}` is not a header name", "letters, digits and dashes", "key")
        elif name != name.lower() and not name.startswith("@"):
            message = f"the header key `{name}` in `{dotted(path)}` is not in lower case"
            yield Finding((*path, name), message, f"write `{name.lower()}`: HTTP/2 has lower-case header names only", "key")


def _header_keys(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every key of `headers` and `withoutHeaders` inside a match."""
    items: Any = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for step, entry in items:
        inside = (*path, step)
        if step in ("headers", "withoutHeaders") and "match" in path and type(entry) is dict:
            for name in entry:
                yield inside, name
        else:
            yield from _header_keys(entry, inside)


@error("BG229", "not a duration")
def durations(release: Release, source: Source) -> Iterator[Finding]:
    """Istio refuses durations below one millisecond and finer than that; `0s` does not mean "none".

    Fix: 500ms, 30s, 1h30m; leave the field out for no limit. Source: Istio CRDs, `duration(self) >= duration('1ms')`.
    """
    for root in ("route", "routes", "stages", "trafficPolicy", "slots"):
        for path, text in _durations(source.get((root,)), (root,)):
            length = milliseconds(text)
            if length is None or length > _LONGEST:
                yield Finding(path, f"`{text}` is not a duration", "a number with ms, s, m or h, as in 500ms, 30s or 1h30m")
            elif length < 1 or length != int(length):
                # Only the idle timeout of TCP can be switched off by 0s.
                if path[-2:] == ("tcp", "idleTimeout") and not length:
                    continue
                yield Finding(
                    path,
                    f"{text} is not a whole number of milliseconds, 1 at least",
                    "Istio refuses it; leave the field out for none",
                )


def _durations(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    items: Any = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for step, entry in items:
        if "container" in path[2:3] or "pod" in path[2:3]:
            return
        if step in _DURATION_FIELDS and type(entry) is str:
            yield (*path, step), entry
        else:
            yield from _durations(entry, (*path, step))


def milliseconds(text: str) -> Decimal | None:
    """The length of an Istio duration, None when it is not one."""
    if not _DURATION.fullmatch(text):
        return None
    return sum((Decimal(n) * _UNITS[unit] for n, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", text)), Decimal(0))


@warning("BG230", "retries that the timeout cuts short")
def retries_in_time(release: Release, source: Source) -> Iterator[Finding]:
    """A caller waits (attempts + 1) x perTryTimeout at most; a shorter timeout cuts the last tries off, which only adds load.

    Fix: raise the timeout or lower attempts. Source: Envoy, x-envoy-upstream-rq-per-try-timeout-ms.
    """
    for i, rule in enumerate(release.rules):
        retries = rule.fields.get("retries") or {}
        each, whole = (milliseconds(text or "") for text in (retries.get("perTryTimeout"), rule.fields.get("timeout")))
        tries = retries.get("attempts", 2) + 1
        if each is None or whole is None or whole >= tries * each:
            continue
        own: Path = ("route",) if rule.name == "default" else ("routes", i)
        path = (*own, "timeout") if source.get((*own, "timeout")) is not None else ("route", "timeout")
        message = f"{tries} tries of {retries['perTryTimeout']} do not fit into {rule.fields['timeout']}"
        yield Finding(path, message, f"at least {tries * each / 1000:f}s, or fewer attempts")


@error("BG231", "a rule that cannot go anywhere")
def rule_ends(release: Release, source: Source) -> Iterator[Finding]:
    """A rule has one end: a destination, a redirect or a direct response; a redirect has nothing to rewrite.

    Fix: keep one. Source: istio/pkg/config/validation, HTTPRoute.
    """
    for i, rule in enumerate(release.rules[:-1]):
        for first, second in (("redirect", "directResponse"), ("redirect", "rewrite"), ("directResponse", "rewrite")):
            if first in rule.fields and second in rule.fields:
                message = f"the rule `{rule.name}` has {first} and {second}"
                yield Finding(("routes", i, second), message, "Istio refuses both together: keep one", "key")
        ports = {port.port for port in release.http_ports}
        if rule.port is not None and rule.port not in ports:
            hint = f"one of: {', '.join(map(str, sorted(ports)))}" if ports else ""
            yield Finding(("routes", i, "port"), f"{rule.port} is not an HTTP port of the Service", hint)


@error("BG232", "a retry that Istio refuses")
def retry_words(release: Release, source: Source) -> Iterator[Finding]:
    """Istio splits retryOn at commas without trimming, and refuses words it does not know; `attempts: 0` allows no conditions.

    Fix: `retryOn: connect-failure,refused-stream`. Source: istio/pkg/config/validation, validateHTTPRetry.
    """
    places: list[Path] = [("route",), *(("routes", i) for i in range(len(release.rules) - 1))]
    places += [("stages", i, part) for i in range(len(release.stages)) for part in ("route", "candidate")]
    for place in places:
        retries = source.get((*place, "retries")) or {}
        text = retries.get("retryOn") or ""
        for word in filter(None, text.replace(" ", "").split(",")):
            if word not in _RETRY_ON and not (word.isdigit() and 100 <= int(word) <= 599):
                close = nearest(word, sorted(_RETRY_ON))
                hint = f"did you mean `{close}`?" if close else f"one of: {', '.join(sorted(_RETRY_ON))}, or a status"
                yield Finding((*place, "retries", "retryOn"), f"Istio does not know the retry condition `{word}`", hint)
        if " " in text:
            yield Finding(
                (*place, "retries", "retryOn"),
                "blanks in retryOn",
                f"Istio does not trim: write {text.replace(' ', '')}",
            )
        if retries.get("attempts") == 0 and len(retries) > 1:
            yield Finding(
                (*place, "retries"),
                "no attempts, but conditions for them",
                "with `attempts: 0` give nothing else",
                "key",
            )


@error("BG233", "an empty connection pool")
def policies(release: Release, source: Source) -> Iterator[Finding]:
    """Istio refuses a connection pool that says nothing.

    Fix: leave it out, or `null` to remove a shared one. Source: istio/pkg/config/validation, validateConnectionPool.
    """
    for slot in release.slots.values():
        pool = slot.traffic_policy.get("connectionPool")
        if pool is not None and not any(pool.values()):
            path = written_at(source, slot, "trafficPolicy", ("connectionPool",))
            yield Finding(path, "the connection pool is empty", "Istio refuses it: leave it out", "key")
