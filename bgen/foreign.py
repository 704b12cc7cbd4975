"""Files that users keep beside bgen's manifests: never touched, but Argo CD applies them together with ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bgen.diagnostics import Diagnostic
from bgen.document import File

# Their presence makes Argo CD take the directory for something else than plain manifests (tool detection).
_TOOL_FILES = {"kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml"}


def conflicts(root: Path, paths: list[Path], files: list[File]) -> Iterator[Diagnostic]:
    """What in the foreign files would fight with ours: one object twice, or a second VirtualService for a host (BG310)."""
    if not paths:
        return
    ours = list(_objects("\n---\n".join(f.text for f in files if f.path.startswith("manifests/"))))
    identities = {_identity(found) for found in ours}
    hosts = {host for found in ours if found["kind"] == "VirtualService" for host in found["spec"]["hosts"]}
    for path in paths:
        if path.name in _TOOL_FILES:
            message = "Argo CD would take the directory for another tool's and no longer apply the manifests as they are"
            yield Diagnostic(path.as_posix(), 0, 0, "BG310", message, "keep it outside manifests/")
        elif path.suffix in (".yaml", ".yml", ".json"):
            yield from _conflicts_of(path, identities, hosts)


def _conflicts_of(path: Path, identities: set[tuple[str, ...]], hosts: set[str]) -> Iterator[Diagnostic]:
    try:
        found = list(_objects(path.read_text(encoding="utf-8")))
    except (ValueError, OSError) as error:
        message = f"Argo CD applies this file too, and it cannot be read: {str(error).splitlines()[0]}"
        yield Diagnostic(path.as_posix(), 0, 0, "BG310", message, "repair it, or keep it outside manifests/")
        return
    for entry in found:
        if _identity(entry) in identities:
            message = (
                f"{entry['kind']} {entry['metadata'].get('name')} is in bgen's output too: Argo CD would apply only one of them"
            )
            yield Diagnostic(path.as_posix(), 0, 0, "BG310", message, "remove one of the two")
        elif entry["kind"] == "VirtualService":
            shared = hosts.intersection((entry.get("spec") or {}).get("hosts") or ())
            if shared:
                message = f"a second VirtualService for {sorted(shared)[0]}: a proxy follows one of them only"
                yield Diagnostic(path.as_posix(), 0, 0, "BG310", message, "put its rules into `routes` of the spec")


def _objects(text: str) -> Iterator[dict[str, Any]]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        for found in YAML(typ="safe").load_all(text):
            if isinstance(found, dict) and isinstance(found.get("kind"), str) and isinstance(found.get("metadata"), dict):
                yield found
    except YAMLError as error:
        raise ValueError(str(error)) from None


def _identity(found: dict[str, Any]) -> tuple[str, ...]:
    group = str(found.get("apiVersion")).rpartition("/")[0]
    return group, found["kind"], str(found["metadata"].get("namespace")), str(found["metadata"].get("name"))
