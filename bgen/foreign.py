"""Files that users keep beside bgen's manifests: never touched, but Argo CD applies them together with ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bgen.diagnostics import Diagnostic
from bgen.document import File

# Their presence makes Argo CD take the directory for something else than plain manifests (tool detection).
_TOOL_FILES = {"kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml"}
_ROUTING = ("VirtualService", "DestinationRule")


def conflicts(paths: list[Path], files: list[File]) -> Iterator[Diagnostic]:
    """What in the foreign files would fight with ours: one object twice, or a second VirtualService for a host (BG310)."""
    if not paths:
        return
    try:
        ours = list(_objects("\n---\n".join(f.text for f in files if f.path.startswith("manifests/"))))
    except ValueError:
        # A file of ours that was damaged by hand is reported as that; there is nothing to compare with.
        return
    service: dict[str, Any] = next((found["metadata"] for found in ours if found["kind"] == "Service"), {})
    name, namespace = str(service.get("name")), str(service.get("namespace"))
    identities = {_identity(found, namespace) for found in ours}
    hosts = {host for found in ours if found["kind"] in _ROUTING for host in _hosts(found)}
    # However a Service's host is spelled, it is the same one.
    hosts |= {name, f"{name}.{namespace}", f"{name}.{namespace}.svc"}
    for path in paths:
        if path.name in _TOOL_FILES:
            message = "Argo CD would take the directory for another tool's and no longer apply the manifests as they are"
            yield Diagnostic(path.as_posix(), 0, 0, "BG310", message, "keep it outside manifests/")
        elif path.suffix in (".yaml", ".yml", ".json"):
            yield from _conflicts_of(path, identities, hosts, namespace)


def _conflicts_of(path: Path, identities: set[tuple[str, ...]], hosts: set[str], namespace: str) -> Iterator[Diagnostic]:
    try:
        found = list(_objects(path.read_text(encoding="utf-8")))
    except (ValueError, OSError) as error:
        message = f"Argo CD applies this file too, and it cannot be read: {str(error).splitlines()[0]}"
        yield Diagnostic(path.as_posix(), 0, 0, "BG310", message, "repair it, or keep it outside manifests/")
        return
    for entry in found:
        if _identity(entry, namespace) in identities:
            message = (
                f"{entry['kind']} {entry['metadata'].get('name')} is in bgen's output too: Argo CD would apply only one of them"
            )
            yield Diagnostic(path.as_posix(), 0, 0, "BG310", message, "remove one of the two")
        elif entry["kind"] in _ROUTING:
            shared = sorted(hosts.intersection(_hosts(entry)))
            if shared:
                message = f"a second {entry['kind']} for {shared[0]}: a proxy follows one of them only"
                yield Diagnostic(path.as_posix(), 0, 0, "BG310", message, "put it into `routes` or `trafficPolicy` of the spec")


def _hosts(entry: dict[str, Any]) -> list[str]:
    """The hosts that a VirtualService or DestinationRule is for, as far as they are texts."""
    spec = entry.get("spec")
    written = [*spec["hosts"]] if isinstance(spec, dict) and isinstance(spec.get("hosts"), list) else []
    written += [spec["host"]] if isinstance(spec, dict) and "host" in spec else []
    return [host for host in written if isinstance(host, str)]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        for found in YAML(typ="safe").load_all(text):
            if isinstance(found, dict) and isinstance(found.get("kind"), str) and isinstance(found.get("metadata"), dict):
                yield found
    except YAMLError as error:
        raise ValueError(str(error)) from None


def _identity(found: dict[str, Any], namespace: str) -> tuple[str, ...]:
    """Without a namespace of its own an object lands in the Application's, which is the release's."""
    group = str(found.get("apiVersion")).rpartition("/")[0]
    return group, found["kind"], str(found["metadata"].get("namespace") or namespace), str(found["metadata"].get("name"))
