"""Matches that select nothing, everything, or what an earlier rule has taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bgen.diagnostics import Path
from bgen.matching import Match
from bgen.matching import covers
from bgen.matching import methods_of
from bgen.release import Release
from bgen.rules.rule import Finding
from bgen.rules.rule import error
from bgen.rules.rule import warning
from bgen.rules.rule import written_matches
from bgen.source import Source

MAX_REGEX = 1024
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
# Conditions under which a request may have reached the application before it is sent again (Envoy, router filter).
_AFTER_SENDING = (
    "5xx",
    "gateway-error",
    "reset",
    "retriable-4xx",
    "retriable-status-codes",
    "internal",
    "deadline-exceeded",
)


@error("BG271", "a match that fits every request")
def empty_matches(release: Release, source: Source) -> Iterator[Finding]:
    """An empty match fits everything, so no later rule is ever reached.

    Fix: say what it should fit, or leave `match` out. Source: Istio, IST0130.
    """
    for path, entry in written_matches(release, source):
        if not entry:
            hint = "say what it should fit, or leave `match` out where every request is meant"
            yield Finding(path, "an empty match fits every request, so nothing after it is reached", hint)


@error("BG272", "a method that no request has")
def lower_case_methods(release: Release, source: Source) -> Iterator[Finding]:
    """HTTP methods are case-sensitive and upper case: `get` matches no request. istiod does not notice.

    Fix: GET. Source: RFC 9110, 9.1.
    """
    for path, entry in written_matches(release, source):
        method = entry.get("method") or {}
        text = method.get("exact") or method.get("prefix") or ""
        if text != text.upper():
            kind = "exact" if "exact" in method else "prefix"
            yield Finding((*path, "method", kind), f"HTTP methods are upper case, `{text}` never fits", f"write {text.upper()}")


@error("BG273", "a regular expression that RE2 refuses")
def expressions(release: Release, source: Source) -> Iterator[Finding]:
    """Envoy matches with RE2, which has no lookaround, backreferences or possessive quantifiers; Istio refuses such a rule at
    apply time, and expressions over 1024 characters.

    Fix: rewrite it, or match by prefix. Source: https://github.com/google/re2/wiki/Syntax; istio/pkg/config/validation.
    """
    from bgen import re2

    for root in ("route", "routes", "stages"):
        for path, pattern in _regexes(source.get((root,)), (root,)):
            if len(pattern) > MAX_REGEX:
                message = f"the expression has {len(pattern)} characters, Istio takes {MAX_REGEX}"
                yield Finding(path, message, "match by prefix, or split the rule")
            elif not pattern:
                yield Finding(path, "an empty expression", "Istio refuses it: say what it should fit")
            elif problem := re2.refusal(pattern):
                hint = "Envoy uses RE2: no lookaround, backreferences or possessive quantifiers"
                yield Finding(path, f"RE2 does not take this expression: {problem}", hint)


def _regexes(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    items: Any = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for step, entry in items:
        if step == "regex" and type(entry) is str:
            yield (*path, step), entry
        else:
            yield from _regexes(entry, (*path, step))


@warning("BG274", "a rule that no request reaches")
def unreachable_rules(release: Release, source: Source) -> Iterator[Finding]:
    """The first rule that fits decides, so a rule behind a wider one never gets a request (IST0130).

    Fix: put the narrower rule first.
    """
    rules = release.rules[:-1]
    for i, rule in enumerate(rules):
        for earlier in rules[:i]:
            taken = [any(covers(wide, narrow) for wide in earlier.match or ()) for narrow in rule.match or ()]
            if taken and all(taken):
                message = f"every request of `{rule.name}` is taken by `{earlier.name}`, which stands before it"
                yield Finding(("routes", i, "match"), message, "put the narrower rule first", "key")
                break
    for i, rule in enumerate(rules):
        if any(covers(entry, {}) or entry == {"uri": {"prefix": "/"}} for entry in rule.match or ()):
            message = f"`{rule.name}` fits every request, so the default rule is never reached"
            yield Finding(("routes", i, "match"), message, "describe it in `route` instead", "key")


@warning("BG275", "a write that may be done twice")
def retried_writes(release: Release, source: Source) -> Iterator[Finding]:
    """With these conditions Envoy sends a request again that may have reached the application, for every method. A POST that the
    application answers with 503 was seen to run four times.

    Fix: keep Istio's default, or limit the rule to GET and HEAD. Source: Envoy, x-envoy-retry-on.
    """
    for i, rule in enumerate(release.rules):
        own: Path = ("route",) if i == len(release.rules) - 1 else ("routes", i)
        retries = source.get((*own, "retries")) or {}
        words = (retries.get("retryOn") or "").split(",")
        risky = [word for word in words if word in _AFTER_SENDING or word.isdigit()]
        if risky and retries.get("attempts") != 0 and not _reads_only(rule.match):
            message = f"`{risky[0]}` sends a request again that the application may have done already, a POST too"
            hint = "drop it, or retry in a rule of its own with `method: {regex: GET|HEAD}`"
            yield Finding((*own, "retries", "retryOn"), message, hint)


def _reads_only(match: list[Match] | None) -> bool:
    listed = [methods_of(entry["method"]) if "method" in entry else None for entry in match or ()]
    return bool(listed) and all(methods is not None and not set(methods) & set(_WRITES) for methods in listed)


@warning("BG276", "a mirrored write")
def mirrored_writes(release: Release, source: Source) -> Iterator[Finding]:
    """The candidate executes the copy: it writes to the same database, sends the same mail, charges the same card.

    Fix: mirror reads only, or give the candidate a store of its own and accept the warning with `allow`.
    """
    for i, stage in enumerate(release.stages):
        writes = [method for method in stage.mirror.methods if method in _WRITES] if stage.mirror else []
        if writes and not stage.is_default:
            message = f"the candidate does every mirrored {writes[0]} for real: a second order, mail or payment"
            yield Finding(
                ("stages", i, "mirror", "methods"),
                message,
                "mirror reads only, or give the candidate a store of its own",
                "key",
            )


@error("BG277", "a null in a match")
def null_matches(release: Release, source: Source) -> Iterator[Finding]:
    """A match has no layer below, so null has nothing to remove; dropped, it would make the match fit more than was meant.

    Fix: remove the line; `{}` as a header's value means that the header is there.
    """
    for path, entry in written_matches(release, source):
        for inner in _nulls(entry):
            yield Finding((*path, *inner), "null in a match would make it fit more", "remove the line")


def _nulls(value: Any) -> Iterator[Path]:
    items: Any = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for step, entry in items:
        if entry is None:
            yield (step,)
        for inner in _nulls(entry):
            yield (step, *inner)
