"""How layers of a spec become one: defaults ← shared ← slot.

Mappings merge deep. Lists that Kubernetes merges by key (the `patchMergeKey` of its API types) merge by that key, and
`$patch: delete` removes an entry. Every other list, and every union, is replaced whole. An explicit null removes.
"""

from __future__ import annotations

from typing import Any

from bgen.diagnostics import Path

# Field name of a list → what identifies an entry. Containers may open one number for TCP and for UDP, hence two keys.
MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "env": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ports": ("containerPort", "protocol"),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_PROBE = frozenset(("exec", "httpGet", "tcpSocket", "grpc"))
_HANDLER = frozenset(("exec", "httpGet", "tcpSocket", "sleep"))
# Field name of a mapping (or of the list it is an entry of) → members of which one excludes the others.
UNIONS: dict[str, frozenset[str]] = {
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
    "postStart": _HANDLER,
    "preStop": _HANDLER,
    "env": frozenset(("value", "valueFrom")),
    "loadBalancer": frozenset(("simple", "consistentHash")),
    "podDisruptionBudget": frozenset(("minAvailable", "maxUnavailable")),
}


def merge(base: Any, over: Any, field: str = "") -> Any:
    """`over` laid on `base`; `field` is the name they stand under, which decides how lists and unions merge."""
    if type(base) is dict and type(over) is dict:
        return _mappings(base, over, field)
    if type(base) is list and type(over) is list and field in MERGE_KEYS:
        return _keyed_lists(base, over, field)
    return settle(over)


def override(fields: dict[str, Any], own: dict[str, Any] | None) -> dict[str, Any]:
    """The fields of an HTTP rule with a stage's or a further rule's own laid over them.

    A field is replaced whole, because half a retry policy makes no sense; `headers` unite, because a stage that adds a
    response header must not undo the request header that the rule takes away.
    """
    out = {**fields, **{name: value if value is None else settle(value) for name, value in (own or {}).items()}}
    if own and fields.get("headers") and own.get("headers"):
        out["headers"] = _united_headers(fields["headers"], own["headers"])
    return {name: value for name, value in out.items() if value is not None}


def _united_headers(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    united: dict[str, Any] = merge(base, over)
    for side in ("request", "response"):
        removed = [*(base.get(side) or {}).get("remove", []), *(over.get(side) or {}).get("remove", [])]
        if removed and side in united:
            united[side] = {**united[side], "remove": list(dict.fromkeys(removed))}
    return united


def settle(value: Any) -> Any:
    """A layer with nothing below it: nulls and deletions have nothing to remove and go."""
    if type(value) is dict:
        return {name: settle(entry) for name, entry in value.items() if entry is not None}
    if type(value) is list:
        return [settle(entry) for entry in value if not _deletes(entry)]
    return value


def _mappings(base: dict[str, Any], over: dict[str, Any], field: str) -> dict[str, Any]:
    dropped = _replaced(base, over, field)
    merged = {}
    for name in (*base, *(name for name in over if name not in base)):
        if name in over:
            if over[name] is not None:
                merged[name] = merge(None if name in dropped else base.get(name), over[name], name)
        elif name not in dropped:
            merged[name] = base[name]
    return merged


def _replaced(base: dict[str, Any], over: dict[str, Any], field: str) -> frozenset[str]:
    """The names of `base` that do not survive because `over` chooses a member of the same union."""
    if field == "volumes":
        members = frozenset(base) | frozenset(over) - {"name"}
        members -= {"name"}
    elif field == "strategy":
        # The fields of one strategy type mean nothing to another.
        return frozenset(base) if (over.get("type") or base.get("type")) != base.get("type") else frozenset()
    else:
        members = UNIONS.get(field, frozenset())
    return members if any(over[name] is not None for name in members if name in over) else frozenset()


def _keyed_lists(base: list[Any], over: list[Any], field: str) -> list[Any]:
    """Each entry of `over` changes the entry of `base` that has its key, once; a second one of that key is kept to be found."""
    merged: list[Any] = list(base)
    added: list[Any] = []
    left = {identity(entry, field): i for i, entry in reversed(list(enumerate(base)))}
    left = {key: i for key, i in left.items() if key[0] is not None}
    for entry in over:
        place = left.pop(identity(entry, field), None)
        if _deletes(entry):
            merged = [old if old is _GONE or identity(old, field) != identity(entry, field) else _GONE for old in merged]
        elif place is not None:
            merged[place] = merge(merged[place], entry, field)
        else:
            added.append(settle(entry))
    return [entry for entry in merged if entry is not _GONE] + added


_GONE = object()


def identity(entry: Any, field: str) -> tuple[Any, ...]:
    """What tells an entry of a keyed list from the others; it begins with None where the key is missing."""
    if type(entry) is not dict:
        return (id(entry),)
    return tuple(entry.get(key, "TCP" if key == "protocol" else None) for key in MERGE_KEYS[field])


def _deletes(entry: Any) -> bool:
    return type(entry) is dict and entry.get("$patch") == "delete"


def trace(merged: Any, path: Path, layers: list[tuple[Path, Any]]) -> Path:
    """Where in the spec the value at `path` of a merged object was written.

    `layers` are the spec paths and data of what was merged, lowest first. Where a default wrote the value, the path of
    its nearest written ancestor.
    """
    live = [(where, data) for where, data in layers if data is not None]
    best: Path = live[-1][0] if live else (layers[0][0] if layers else ())
    field = ""
    for step in path:
        key = _occurrence(merged, step, field) if type(step) is int and field in MERGE_KEYS else None
        live = [((*where, found), data[found]) for where, data in live if (found := _step(data, step, key, field)) is not None]
        if not live:
            break
        best = live[-1][0]
        try:
            merged = merged[step]
        except (KeyError, IndexError, TypeError):
            break
        field = step if type(step) is str else field
    return best


def _occurrence(merged: Any, index: int, field: str) -> tuple[tuple[Any, ...], int]:
    """The identity of a merged entry, and how many entries before it have the same one."""
    key = identity(merged[index], field)
    return key, sum(identity(entry, field) == key for entry in merged[:index])


def _step(data: Any, step: str | int, key: tuple[tuple[Any, ...], int] | None, field: str) -> str | int | None:
    if type(step) is str:
        return step if type(data) is dict and step in data else None
    if type(data) is not list:
        return None
    if key is not None:
        found = [i for i, entry in enumerate(data) if identity(entry, field) == key[0]]
        return found[min(key[1], len(found) - 1)] if found else None
    return step if type(step) is int and step < len(data) else None
