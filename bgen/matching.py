"""Both of two match lists at once: how a stage's match limits a rule's.

An Istio match list is an "or" of entries, an entry an "and" of fields, so the conjunction of two lists is the cross
product of their entries. A pair that no request can fit is left out; a pair that cannot be written as one entry, or of
which nobody can tell, is a `Clash`.
"""

from __future__ import annotations

import re
from typing import Any

Match = dict[str, Any]
_METHODS = re.compile(r"[A-Za-z]+(?:\|[A-Za-z]+)*", re.ASCII)


class Disjoint(Exception):
    """No request fits both."""


class Clash(Exception):
    """Both sides set the field and bgen cannot write their conjunction; the argument names the field."""


def both(one: list[Match] | None, two: list[Match] | None) -> list[Match] | None:
    """The requests that fit both lists; None fits everything, an empty list nothing. Raises Clash."""
    if one is None or two is None:
        return two if one is None else one
    found: list[Match] = []
    for a in one:
        for b in two:
            try:
                entry = combine(a, b)
            except Disjoint:
                continue
            if entry not in found:
                found.append(entry)
    return found


def combine(a: Match, b: Match) -> Match:
    """One entry for the requests that fit both entries. Raises Disjoint or Clash."""
    a, b = _minding_case(a, b), _minding_case(b, a)
    out: Match = {}
    clash: Clash | None = None
    for field in (*a, *(name for name in b if name not in a)):
        try:
            shared = field in a and field in b and a[field] != b[field]
            out[field] = _one_field(field, a, b) if shared else a.get(field, b.get(field))
        except Clash as error:
            # Whatever cannot be told of this field, another one may still say that no request fits both.
            clash = clash or error
    if clash:
        raise clash
    return out


def _minding_case(entry: Match, other: Match) -> Match:
    """The entry without an `ignoreUriCase` that would take away the case of the other's path."""
    strict = entry.get("uri") == other.get("uri") and not other.get("ignoreUriCase")
    if "ignoreUriCase" in entry and ("uri" not in entry or ("uri" in other and entry["ignoreUriCase"] and strict)):
        return {name: value for name, value in entry.items() if name != "ignoreUriCase"}
    return entry


def covers(wide: Match, narrow: Match) -> bool:
    """Whether every request that fits `narrow` surely fits `wide`; what cannot be decided counts as no."""
    try:
        return combine(wide, narrow) == narrow
    except (Disjoint, Clash):
        return False


def _one_field(field: str, a: Match, b: Match) -> Any:
    one, two = a[field], b[field]
    if field in ("headers", "queryParams"):
        return _united(field, one, two, _text_match)
    if field == "sourceLabels":
        return _united(field, one, two, _only_equal)
    if field == "withoutHeaders":
        return _united(field, one, two, _never)
    if field in ("port", "sourceNamespace"):
        raise Disjoint
    if field == "gateways":
        shared = [name for name in one if name in two]
        if not shared:
            raise Disjoint
        return shared
    if field == "method":
        return _method(one, two)
    if field == "name":
        return f"{one}-{two}"
    ignoring_case = field == "uri" and (a.get("ignoreUriCase") or b.get("ignoreUriCase"))
    if field in ("uri", "scheme", "authority") and not ignoring_case:
        return _text_match(field, one, two)
    raise Clash(field)


def _united(field: str, one: Match, two: Match, judge: Any) -> Match:
    out = {**one, **two}
    clash: Clash | None = None
    for name in one:
        try:
            if name in two and one[name] != two[name]:
                out[name] = judge(f"{field} {name}", one[name], two[name])
        except Clash as error:
            clash = clash or error
    if clash:
        raise clash
    return out


def _only_equal(field: str, one: Any, two: Any) -> Any:
    raise Disjoint


def _never(field: str, one: Any, two: Any) -> Any:
    raise Clash(field)


def _text_match(field: str, one: Match, two: Match) -> Match:
    """Two StringMatches: `exact` and `prefix` can be decided, a regex cannot, `{}` (present) yields to the other."""
    if not one or not two:
        return two or one
    (kind, text), (other_kind, other) = _only(field, one), _only(field, two)
    if "regex" in (kind, other_kind):
        raise Clash(field)
    if kind == "exact":
        fits = text == other if other_kind == "exact" else text.startswith(other)
    elif other_kind == "exact":
        fits, one = other.startswith(text), two
    else:
        fits = text.startswith(other) or other.startswith(text)
        one = one if len(text) >= len(other) else two
    if not fits:
        raise Disjoint
    return one


def _only(field: str, match: Match) -> tuple[str, str]:
    if len(match) != 1:
        raise Clash(field)
    return next(iter(match.items()))


def methods_of(match: Match) -> list[str] | None:
    """The methods that a StringMatch lists, in its order; None when it is not a plain list of methods."""
    text = match.get("exact") or match.get("regex") or ""
    return text.split("|") if len(match) == 1 and _METHODS.fullmatch(text) else None


def method_match(methods: list[str] | tuple[str, ...]) -> Match:
    return {"exact": methods[0]} if len(methods) == 1 else {"regex": "|".join(methods)}


def mirrored(methods: tuple[str, ...], match: list[Match] | None) -> list[Match] | None:
    """What a mirror copies: requests of the methods that fit the match. Raises Clash."""
    return both([{"method": method_match(methods)}], match)


def _method(one: Match, two: Match) -> Match:
    left, right = methods_of(one), methods_of(two)
    if left is None or right is None:
        raise Clash("method")
    shared = [method for method in left if method in right]
    if not shared:
        raise Disjoint
    return method_match(shared)
