"""bgen.lock: what bgen wrote, and the state that transitions are judged by. JSON, one file a line, nothing but facts."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from typing import NamedTuple

from bgen import __version__
from bgen import names
from bgen.document import File
from bgen.release import Release
from bgen.release import Slot

FORMAT = 1


class Unusable(Exception):
    """The lock cannot be trusted: not JSON, not bgen's, or from a later version. The argument says why."""


class Lock(NamedTuple):
    """A lock as read from disk: path → sha256 of the bytes that bgen wrote, and the release's state."""

    spec: str
    files: dict[str, str]
    state: dict[str, Any]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def dump(release: Release, spec_name: str, files: list[File], templates: dict[str, Any]) -> File:
    """The lock of a finished release; `templates` are the pod templates by slot, as they were read back."""
    content = {
        "format": FORMAT,
        "bgen": __version__,
        "spec": spec_name,
        "state": _state(release, templates),
        "files": {file.path: sha256(file.text.encode()) for file in sorted(files, key=lambda file: file.path)},
    }
    return File(names.LOCK, json.dumps(content, indent=2, ensure_ascii=True) + "\n")


def load(text: str) -> Lock:
    """Read a lock. Raises Unusable."""
    try:
        content = json.loads(text)
        format_number = content["format"]
        lock = Lock(content["spec"], content["files"], content["state"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(f"not a lock of bgen ({type(error).__name__})") from None
    if format_number != FORMAT:
        raise Unusable(f"format {format_number} is not {FORMAT}, the one that this bgen writes")
    if type(lock.files) is not dict or not all(type(name) is str and type(sha) is str for name, sha in lock.files.items()):
        raise Unusable("its list of files is not a list of files")
    if type(lock.spec) is not str or type(lock.state) is not dict or not _is_platform(lock.state.get("platform")):
        raise Unusable("its state is not the state of a release")
    return lock


def _is_platform(value: Any) -> bool:
    """Whether it names the versions that `verify` judges by."""
    return type(value) is dict and all(re.fullmatch(r"\d+\.\d+", str(value.get(kind))) for kind in ("kubernetes", "istio"))


def _state(release: Release, templates: dict[str, Any]) -> dict[str, Any]:
    live = release.live
    return {
        "name": release.name,
        "namespace": release.namespace,
        "platform": {
            "kubernetes": "{}.{}".format(*release.platform.kubernetes),
            "istio": "{}.{}".format(*release.platform.istio),
            "clusterDomain": release.platform.cluster_domain,
        },
        "stable": release.stable,
        "stage": release.stage,
        "slots": {name: _slot(release, slot, templates[name]) for name, slot in release.slots.items()},
        "match": live.match,
        "mirror": live.mirror
        and {"percent": live.mirror.percent, "methods": list(live.mirror.methods), "match": live.mirror.match},
        "stages": [stage.name for stage in release.all_stages()],
        "hosts": list(release.hosts),
        "gateways": list(release.gateways),
        "ports": [{"name": p.name, "port": p.port, "protocol": p.protocol} for p in release.ports],
    }


def _slot(release: Release, slot: Slot, template: Any) -> dict[str, Any]:
    scaling = release.autoscaling
    return {
        "version": slot.version,
        "image": slot.image,
        "template": sha256(json.dumps(template, sort_keys=True).encode()),
        "replicas": slot.replicas,
        "autoscaling": scaling and {"minReplicas": scaling.min_replicas, "maxReplicas": scaling.max_replicas},
        "weight": release.weight_of(slot.name, release.live),
    }
