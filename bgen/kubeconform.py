"""kubeconform on a finished tree, with the bundled schemas and without a network."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bgen import conforms
from bgen.diagnostics import Diagnostic
from bgen.verify import KINDS


def executable() -> str | None:
    return shutil.which("kubeconform")


def judge(files: list[Path], platform: dict[str, str]) -> list[Diagnostic]:
    """Run `kubeconform -strict` over manifests with the platform's bundled schemas; BG509 for each refusal.

    A document that it skips, or cannot find a schema for, counts as refused.
    """
    program = executable()
    if program is None:
        return [
            Diagnostic("kubeconform", 0, 0, "BG509", "kubeconform is not on PATH", "install it, or leave --kubeconform at auto")
        ]
    with tempfile.TemporaryDirectory() as folder:
        export(Path(folder), platform)
        location = folder + "/{{.ResourceKind}}{{.KindSuffix}}.json"
        command = [
            program,
            "-strict",
            "-output",
            "json",
            "-summary",
            "-verbose",
            "-schema-location",
            location,
            *map(str, files),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return _refusals(done.stdout, done.stderr, len(files))


def _refusals(stdout: str, stderr: str, count: int) -> list[Diagnostic]:
    try:
        report = json.loads(stdout)
        results, summary = report["resources"], report["summary"]
    except (ValueError, KeyError):
        return [Diagnostic("kubeconform", 0, 0, "BG509", f"kubeconform gave no report: {stderr.strip()[:200]}")]
    found = [
        Diagnostic(result["filename"], 0, 0, "BG509", f"kubeconform: {result['status']} {result['msg']}".strip())
        for result in results
        if result["status"] != "statusValid"
    ]
    if not found and summary["valid"] != count:
        found.append(Diagnostic("kubeconform", 0, 0, "BG509", f"kubeconform judged {summary['valid']} of {count} files"))
    return found


def export(folder: Path, platform: dict[str, str]) -> None:
    """Write one standalone schema per kind, named as kubeconform looks them up."""
    bundles = conforms.bundles_for(platform)
    for (version, kind), file in KINDS.items():
        bundle = conforms.bundle(bundles.get(file.partition("/")[0], file))
        schema = {"$ref": f"#/$defs/{kind}", "$schema": bundle["$schema"], "$defs": standard(bundle["$defs"])}
        group, _, number = version.rpartition("/")
        suffix = f"-{group.partition('.')[0]}-{number}" if group else f"-{number}"
        (folder / f"{kind.lower()}{suffix}.json").write_text(json.dumps(schema), encoding="utf-8")


def standard(node: Any) -> Any:
    """A bundle's definitions as any validator takes them for complete objects: `x-required` is `required`, no `$patch`."""
    if type(node) is list:
        return [standard(entry) for entry in node]
    if type(node) is not dict:
        return node
    return {"required" if name == "x-required" else name: standard(entry) for name, entry in node.items() if name != "$patch"}
