"""Both of two match lists at once: by tables, and against every request of a small world."""

import re
from itertools import product
from typing import Any
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck
from hypothesis import event
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from bgen.matching import Clash
from bgen.matching import Disjoint
from bgen.matching import both
from bgen.matching import combine
from bgen.matching import covers
from bgen.matching import method_match
from bgen.matching import methods_of

from .conftest import drawn

Match = dict[str, Any]


def uri(kind: str, text: str) -> Match:
    return {"uri": {kind: text}}


def header(name: str, **match: str) -> Match:
    return {"headers": {name: match}}


GET, POST, READS = {"exact": "GET"}, {"exact": "POST"}, {"regex": "GET|HEAD"}

# one, two, both; each row holds with the sides exchanged, too.
COMBINED: list[tuple[Match, Match, Match]] = [
    ({}, {}, {}),
    ({}, uri("prefix", "/a"), uri("prefix", "/a")),
    (uri("prefix", "/a"), uri("prefix", "/a"), uri("prefix", "/a")),
    (uri("regex", "/a.*"), uri("regex", "/a.*"), uri("regex", "/a.*")),
    (uri("prefix", "/"), uri("prefix", "/a"), uri("prefix", "/a")),
    (uri("prefix", "/a"), uri("prefix", "/a/b"), uri("prefix", "/a/b")),
    (uri("prefix", "/a"), uri("prefix", "/ab"), uri("prefix", "/ab")),
    (uri("prefix", "/a"), uri("exact", "/a"), uri("exact", "/a")),
    (uri("prefix", "/a"), uri("exact", "/a/b"), uri("exact", "/a/b")),
    (uri("exact", "/a"), {"method": GET}, {**uri("exact", "/a"), "method": GET}),
    ({"authority": {"prefix": "a."}}, {"authority": {"exact": "a.b"}}, {"authority": {"exact": "a.b"}}),
    ({"scheme": {"exact": "https"}}, {"scheme": {"prefix": "http"}}, {"scheme": {"exact": "https"}}),
    ({"method": READS}, {"method": GET}, {"method": GET}),
    ({"method": {"regex": "GET|HEAD|POST"}}, {"method": {"regex": "GET|HEAD|PUT"}}, {"method": READS}),
    (header("a", exact="1"), header("b", exact="2"), {"headers": {"a": {"exact": "1"}, "b": {"exact": "2"}}}),
    (header("a", exact="1"), header("a", prefix="1"), header("a", exact="1")),
    (header("a"), header("a", exact="1"), header("a", exact="1")),
    (header("a"), header("a", regex="1.*"), header("a", regex="1.*")),
    (header("a"), header("a"), header("a")),
    (
        {"queryParams": {"a": {"exact": "1"}}},
        {"queryParams": {"b": {}}},
        {"queryParams": {"a": {"exact": "1"}, "b": {}}},
    ),
    ({"withoutHeaders": {"a": {}}}, {"withoutHeaders": {"b": {}}}, {"withoutHeaders": {"a": {}, "b": {}}}),
    ({"withoutHeaders": {"a": {}}}, {"withoutHeaders": {"a": {}}}, {"withoutHeaders": {"a": {}}}),
    ({"port": 80}, {"port": 80}, {"port": 80}),
    ({"gateways": ["mesh", "a/b"]}, {"gateways": ["mesh"]}, {"gateways": ["mesh"]}),
    ({"sourceLabels": {"a": "1"}}, {"sourceLabels": {"b": "2"}}, {"sourceLabels": {"a": "1", "b": "2"}}),
    ({"sourceNamespace": "a"}, {"sourceNamespace": "a"}, {"sourceNamespace": "a"}),
    # Upper and lower case: the narrower of the two holds.
    (
        {**uri("prefix", "/a"), "ignoreUriCase": True},
        {"method": GET},
        {**uri("prefix", "/a"), "ignoreUriCase": True, "method": GET},
    ),
    ({**uri("prefix", "/a"), "ignoreUriCase": True}, uri("prefix", "/a"), uri("prefix", "/a")),
    (uri("prefix", "/a"), {"ignoreUriCase": True, "method": GET}, {**uri("prefix", "/a"), "method": GET}),
    (
        {**uri("prefix", "/a"), "ignoreUriCase": True},
        {**uri("prefix", "/a"), "ignoreUriCase": True},
        {**uri("prefix", "/a"), "ignoreUriCase": True},
    ),
]
DISJOINT: list[tuple[Match, Match]] = [
    (uri("prefix", "/a"), uri("prefix", "/b")),
    (uri("exact", "/a"), uri("exact", "/b")),
    (uri("exact", "/a"), uri("exact", "/A")),
    (uri("exact", "/a"), uri("prefix", "/a/")),
    ({"method": GET}, {"method": POST}),
    ({"method": READS}, {"method": POST}),
    (header("a", exact="1"), header("a", exact="2")),
    (header("a", prefix="1"), header("a", exact="2")),
    ({"queryParams": {"a": {"exact": "1"}}}, {"queryParams": {"a": {"exact": "2"}}}),
    ({"authority": {"exact": "a"}}, {"authority": {"exact": "b"}}),
    ({"port": 80}, {"port": 81}),
    ({"gateways": ["mesh"]}, {"gateways": ["a/b"]}),
    ({"sourceLabels": {"a": "1"}}, {"sourceLabels": {"a": "2"}}),
    ({"sourceNamespace": "a"}, {"sourceNamespace": "b"}),
    # One field cannot be told, another one decides, whichever comes first.
    ({"method": {"regex": "P.*"}, **uri("exact", "/a")}, {"method": GET, **uri("exact", "/b")}),
    ({**uri("exact", "/a"), "method": {"regex": "P.*"}}, {**uri("exact", "/b"), "method": GET}),
    (
        {"headers": {"a": {"regex": "1.*"}, "b": {"exact": "1"}}},
        {"headers": {"a": {"exact": "1"}, "b": {"exact": "2"}}},
    ),
    (
        {"headers": {"b": {"exact": "1"}, "a": {"regex": "1.*"}}},
        {"headers": {"a": {"exact": "1"}, "b": {"exact": "2"}}},
    ),
]
CLASHES: list[tuple[Match, Match, str]] = [
    (uri("regex", "/a.*"), uri("prefix", "/a"), "uri"),
    (uri("regex", "/a.*"), uri("regex", "/b.*"), "uri"),
    (uri("regex", "/a.*"), uri("exact", "/a"), "uri"),
    (header("a", regex="1.*"), header("a", exact="1"), "headers a"),
    ({"queryParams": {"q": {"regex": "1.*"}}}, {"queryParams": {"q": {"exact": "1"}}}, "queryParams q"),
    ({"withoutHeaders": {"a": {"exact": "1"}}}, {"withoutHeaders": {"a": {"exact": "2"}}}, "withoutHeaders a"),
    ({"method": {"regex": "G.*"}}, {"method": GET}, "method"),
    ({"method": {"prefix": "G"}}, {"method": GET}, "method"),
    ({"statPrefix": "a"}, {"statPrefix": "b"}, "statPrefix"),
    ({**uri("prefix", "/a"), "ignoreUriCase": True}, uri("prefix", "/a/b"), "uri"),
    ({**uri("prefix", "/a"), "ignoreUriCase": True}, {**uri("prefix", "/A"), "ignoreUriCase": True}, "uri"),
]


@pytest.mark.parametrize("one, two, entry", COMBINED)
def test_two_entries_become_one(one, two, entry):
    assert combine(one, two) == entry
    assert combine(two, one) == entry
    assert both([one], [two]) == [entry]


@pytest.mark.parametrize("one, two", DISJOINT)
def test_entries_that_no_request_fits_together_are_left_out(one, two):
    for left, right in ((one, two), (two, one)):
        with pytest.raises(Disjoint):
            combine(left, right)
        assert both([left], [right]) == []
        assert both([left, right], [right]) == [right]


@pytest.mark.parametrize("one, two, field", CLASHES)
def test_entries_whose_conjunction_cannot_be_written_clash(one, two, field):
    for left, right in ((one, two), (two, one)):
        with pytest.raises(Clash, match=rf"\A{field}\Z"):
            both([left], [right])


def test_names_are_joined_so_that_a_trace_shows_both():
    assert combine({"name": "a"}, {"name": "b"}) == {"name": "a-b"}
    assert combine({"name": "a"}, {}) == {"name": "a"}


A, B, C, D = uri("prefix", "/a"), uri("prefix", "/b"), {"method": GET}, {"method": POST}
LISTS: list[tuple[list[Match] | None, list[Match] | None, list[Match] | None]] = [
    (None, None, None),
    (None, [A], [A]),
    ([A], None, [A]),
    ([], None, []),
    (None, [], []),
    ([], [A], []),
    ([A, B], [], []),
    ([A, B], [C], [{**A, **C}, {**B, **C}]),
    ([A, B], [C, D], [{**A, **C}, {**A, **D}, {**B, **C}, {**B, **D}]),
    ([A, B], [B], [B]),
    ([A, uri("prefix", "/a/x")], [uri("prefix", "/a/x")], [uri("prefix", "/a/x")]),
    ([C], [D], []),
]


@pytest.mark.parametrize("one, two, found", LISTS)
def test_lists_combine_every_entry_with_every_other(one, two, found):
    assert both(one, two) == found


METHODS: list[tuple[Match, list[str] | None]] = [
    (GET, ["GET"]),
    (READS, ["GET", "HEAD"]),
    ({"regex": "G.*"}, None),
    ({"regex": "(GET|HEAD)"}, None),
    ({"prefix": "GET"}, None),
    ({"exact": "get"}, ["get"]),
    ({}, None),
    ({"exact": "GET", "regex": "GET"}, None),
]


@pytest.mark.parametrize("match, methods", METHODS)
def test_a_plain_list_of_methods_is_recognized(match, methods):
    assert methods_of(match) == methods
    if methods:
        assert method_match(methods) == match
        assert method_match(tuple(methods)) == match


# --- a small world -------------------------------------------------------------------------------------------------


class Request(NamedTuple):
    path: str
    method: str
    headers: dict[str, str]
    query: dict[str, str]
    port: int
    gateway: str
    labels: dict[str, str]
    namespace: str


TEXTS: list[dict[str, str]] = [{}, {"h": "1"}, {"h": "12"}, {"g": "1"}, {"h": "1", "g": "2"}]
REQUESTS = [
    Request(path, method, headers, query, *place, *caller)
    for path, method, headers, query, place, caller in product(
        ["/", "/a", "/A", "/ab", "/a/b", "/b"],
        ["GET", "HEAD", "POST"],
        TEXTS,
        [{}, {"h": "1"}],
        [(80, "mesh"), (90, "mesh"), (80, "a/b")],
        [({}, "n"), ({"l": "1"}, "n"), ({"l": "2", "k": "1"}, "m")],
    )
]


def says(match: Match, text: str, ignoring_case: bool = False) -> bool:
    """Whether a text fits a StringMatch, as Istio documents it."""
    for kind, wanted in match.items():
        if ignoring_case:
            wanted, text = wanted.lower(), text.lower()
        fits = {"exact": text == wanted, "prefix": text.startswith(wanted), "regex": bool(re.fullmatch(wanted, text))}
        if not fits[kind]:
            return False
    return True


def fits(entry: Match, request: Request) -> bool:
    def each(field: str, given: dict[str, str]) -> bool:
        return all(name in given and says(match, given[name]) for name, match in entry.get(field, {}).items())

    without = entry.get("withoutHeaders", {}).items()
    return (
        says(entry.get("uri", {}), request.path, entry.get("ignoreUriCase", False))
        and says(entry.get("method", {}), request.method)
        and each("headers", request.headers)
        and each("queryParams", request.query)
        and not any(name in request.headers and says(match, request.headers[name]) for name, match in without)
        and entry.get("port", request.port) == request.port
        and request.gateway in entry.get("gateways", [request.gateway])
        and entry.get("sourceLabels", {}).items() <= request.labels.items()
        and entry.get("sourceNamespace", request.namespace) == request.namespace
    )


def fits_any(entries: list[Match] | None, request: Request) -> bool:
    return entries is None or any(fits(entry, request) for entry in entries)


VALUES = st.sampled_from([{}, {"exact": "1"}, {"exact": "12"}, {"prefix": "1"}, {"regex": "1."}])
NAMED = st.dictionaries(st.sampled_from("hg"), VALUES, min_size=1, max_size=2)
PATHS = st.sampled_from(["/", "/a", "/A", "/ab", "/a/b", "/b"])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "uri": st.one_of(PATHS.map(lambda p: {"exact": p}), PATHS.map(lambda p: {"prefix": p}), st.just({"regex": "/a.*"})),
    "ignoreUriCase": st.booleans(),
    "method": st.sampled_from([GET, POST, READS, {"regex": "HEAD|POST"}]),
    "headers": NAMED,
    "queryParams": NAMED,
    "withoutHeaders": NAMED,
    "port": st.sampled_from([80, 90]),
    "gateways": st.sampled_from([["mesh"], ["a/b"], ["mesh", "a/b"]]),
    "sourceLabels": st.sampled_from([{"l": "1"}, {"l": "2"}, {"k": "1"}]),
    "sourceNamespace": st.sampled_from("nm"),
}
# Few fields at a time, so that most entries fit some request.
ENTRIES = st.lists(st.sampled_from(["uri", "ignoreUriCase", "method", *FIELDS]), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in dict.fromkeys(names)})
)
WORLD = settings(max_examples=drawn(200), deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Match, Match]:
    """Two entries that often say something about the same fields, and often the same."""
    one, two = draw(ENTRIES), draw(ENTRIES)
    shared = draw(st.sets(st.sampled_from([*one, "uri"]), max_size=2))
    return one, {**two, **{name: one[name] for name in shared if name in one}}


@WORLD
@given(st.lists(pairs(), min_size=1, max_size=2), st.sampled_from(["both", "both", "both", "one", "two"]))
def test_a_request_fits_both_exactly_when_it_fits_one_and_the_other(drawn, given):
    one = None if given == "two" else [pair[0] for pair in drawn]
    two = None if given == "one" else [pair[1] for pair in drawn]
    try:
        found = both(one, two)
    except Clash:
        event("clash")
        return
    event("nothing" if found == [] else "something")
    for request in REQUESTS:
        assert fits_any(found, request) == (fits_any(one, request) and fits_any(two, request)), request


@WORLD
@given(pairs())
def test_a_match_covers_another_only_when_every_request_of_it_fits(pair):
    wide, narrow = pair
    if covers(wide, narrow):
        event("covers")
        assert all(fits(wide, request) for request in REQUESTS if fits(narrow, request))


URIS: list[Match] = [
    {},
    {"ignoreUriCase": True},
    *(uri("exact", path) for path in ("/a", "/A", "/a/b")),
    *(uri("prefix", path) for path in ("/", "/a", "/a/")),
    {**uri("exact", "/a"), "ignoreUriCase": True},
    {**uri("prefix", "/a"), "ignoreUriCase": True},
    {**uri("prefix", "/a"), "ignoreUriCase": False},
]
OTHERS: list[Match] = [
    {},
    {"method": GET},
    {"method": READS},
    header("h"),
    header("h", exact="1"),
    header("h", prefix="1"),
]
OTHERS += [{"withoutHeaders": {"h": {}}}, {"withoutHeaders": {"g": {}}}, {"port": 90}, {"gateways": ["mesh"]}]


def test_every_pair_of_small_entries_against_every_request():
    entries = [{**one, **two} for one in URIS for two in OTHERS]
    requests = REQUESTS[::7]
    seen: dict[str, list[bool]] = {}

    def verdicts(entry: Match) -> list[bool]:
        if repr(entry) not in seen:
            seen[repr(entry)] = [fits(entry, request) for request in requests]
        return seen[repr(entry)]

    decided = 0
    for one, two in product(entries, entries):
        try:
            found = both([one], [two])
        except Clash:
            continue
        decided += 1
        wanted = [a and b for a, b in zip(verdicts(one), verdicts(two), strict=True)]
        got = verdicts(found[0]) if found else [False] * len(requests)
        assert got == wanted, (one, two, found)
    assert decided > 8000


COVERS: list[tuple[Match, Match, bool]] = [
    ({}, {}, True),
    ({}, A, True),
    (A, {}, False),
    (A, A, True),
    (uri("prefix", "/"), A, True),
    (A, uri("prefix", "/"), False),
    (A, uri("exact", "/a"), True),
    (A, B, False),
    (header("a"), header("a", exact="1"), True),
    (header("a", exact="1"), header("a"), False),
    ({"method": READS}, {"method": GET}, True),
    (uri("regex", "/.*"), A, False),
    (uri("regex", "/.*"), uri("regex", "/.*"), True),
    ({**A, "ignoreUriCase": True}, A, True),
    (A, {**A, "ignoreUriCase": True}, False),
]


@pytest.mark.parametrize("wide, narrow, verdict", COVERS)
def test_covers(wide, narrow, verdict):
    assert covers(wide, narrow) is verdict
