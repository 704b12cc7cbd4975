"""The pipeline: `parse → check → decode → judge → plan → render → verify`. Pure but for the packaged templates and schemas."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple

from bgen import lock
from bgen import names
from bgen.decode import decode
from bgen.diagnostics import Diagnostic
from bgen.diagnostics import InternalError
from bgen.document import File
from bgen.plan import plan
from bgen.release import Platform
from bgen.release import Release
from bgen.render import render
from bgen.rules import judge
from bgen.schema import check
from bgen.source import parse
from bgen.verify import Verified
from bgen.verify import verify


class Judged(NamedTuple):
    """A release that may be built, the warnings on the way, and where a collision with another release is reported."""

    release: Release
    warnings: tuple[Diagnostic, ...]
    at_name: Diagnostic


def prepare(content: bytes, file: str, stage: str | None = None) -> Judged:
    """The bytes of a spec → a release that is right. `stage` is the live stage as if the spec said so.

    Raises Rejected with everything that is wrong at the first stage of the pipeline that finds anything.
    """
    source = parse(content, file)
    check(source)
    release = decode({**source.data, "stage": stage} if stage else source.data)
    return Judged(release, judge(release, source), source.diagnose(("name",), "BG309", ""))


def finish(release: Release, spec_name: str) -> list[File]:
    """A release → every file of its directory, the lock last, proved. Raises InternalError when bgen is at fault."""
    files = render(plan(release), spec_name)
    verified = verify(files, platform_of(release.platform))
    if verified.complaints:
        raise InternalError("\n".join(_complaint(complaint, files) for complaint in verified.complaints[:10]))
    return [*files, lock.dump(release, spec_name, files, _templates(verified))]


def build(content: bytes, file: str) -> tuple[list[File], tuple[Diagnostic, ...]]:
    """One spec → its files and warnings."""
    judged = prepare(content, file)
    return finish(judged.release, file.replace("\\", "/").rpartition("/")[2]), judged.warnings


def platform_of(platform: Platform) -> dict[str, str]:
    return {kind: "{}.{}".format(*getattr(platform, kind)) for kind in ("kubernetes", "istio")}


def _complaint(complaint: Diagnostic, files: list[File]) -> str:
    template = next((file.template for file in files if file.path == complaint.file), "")
    return f"{complaint.code} {complaint.file}:{complaint.line} (template {template}): {complaint.message}"


def _templates(verified: Verified) -> dict[str, Any]:
    """The pod template of each slot as a reader sees it."""
    prefix = f"{names.MANIFESTS}/deployment-"
    deployments = {path: source for path, source in verified.documents.items() if path.startswith(prefix)}
    return {
        path.removeprefix(prefix).removesuffix(".yaml"): source.get(("spec", "template")) for path, source in deployments.items()
    }
