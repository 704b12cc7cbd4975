"""One call of `bgen build` or `bgen verify` over several releases, and what only shows when they are seen together."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from bgen import lock
from bgen import names
from bgen import tree
from bgen import yamlread
from bgen.build import finish
from bgen.build import prepare
from bgen.diagnostics import Diagnostic
from bgen.diagnostics import Rejected
from bgen.document import File
from bgen.foreign import conflicts
from bgen.printer import Printer
from bgen.release import Release
from bgen.verify import verify

STDIN = "<stdin>"
_STANDARD_INPUT = "standard input"


class Accepted(NamedTuple):
    """A judged release and the file that its spec stands in."""

    file: str
    release: Release
    at_name: Diagnostic

    @property
    def spec_name(self) -> str:
        return _STANDARD_INPUT if self.file == STDIN else self.file.rpartition("/")[2]


class Run:
    """The releases of one call. `rejected` and `changed` say how it went."""

    def __init__(self, printer: Printer, output: Path, force: bool = False, stage: str | None = None) -> None:
        self.printer = printer
        self.output = output
        self.force = force
        self.stage = stage
        self.accepted: list[Accepted] = []
        self.names: set[str] = set()
        self.rejected = False
        self.changed = False

    def judge(self, specs: list[tuple[str, bytes]]) -> None:
        """Judge every spec, then all of them together; those that are wrong are reported and left out."""
        if not yamlread.FAST:
            self.printer.say("bgen: the C extension of ruamel.yaml is missing; everything works, only slower")
        for file, content in specs:
            try:
                judged = prepare(content, file, self.stage)
            except Rejected as error:
                self.rejected |= self.printer.diagnose(error.diagnostics)
                continue
            if self.printer.diagnose(judged.warnings):
                self.rejected = True
            else:
                self.accepted.append(Accepted(file, judged.release, judged.at_name))
        self.names = {one.release.name for one in self.accepted}
        colliding = {one.file: found for one, found in _collisions(self.accepted)}
        for found in colliding.values():
            self.rejected |= self.printer.diagnose([found])
        self.accepted = [one for one in self.accepted if one.file not in colliding]

    def print_manifests(self) -> None:
        """The synced manifests of every release as one YAML stream."""
        for one in self.accepted:
            for file in finish(one.release, one.spec_name):
                if file.path.startswith(f"{names.MANIFESTS}/"):
                    click.echo(f"---\n{file.text}", nl=False)

    def print_diff(self) -> None:
        for one in self.accepted:
            root = self.output / one.release.name
            found = tree.compare(root, finish(one.release, one.spec_name), force=True)
            self.rejected |= self.printer.diagnose(found.obstacles)
            self.changed |= bool(found.changes)
            for line in tree.diff(root, found.changes):
                click.echo(line, nl=False)

    def write(self, dry: bool) -> None:
        """Render and write each release by itself; one that is in the way of nothing is not held up by another."""
        for one in self.accepted:
            files = finish(one.release, one.spec_name)
            root = self.output / one.release.name
            try:
                self._write(root, files, dry)
            except Rejected as error:
                self.rejected |= self.printer.diagnose(error.diagnostics)

    def _write(self, root: Path, files: list[File], dry: bool) -> None:
        found = tree.compare(root, files, self.force)
        # What this build removes is no user's file.
        gone = {root / change.path for change in found.changes if change.after is None}
        foreign = [path for path in tree.foreign_manifests(root, files) if path not in gone]
        obstacles = [*found.obstacles, *conflicts(foreign, files)]
        if obstacles:
            raise Rejected(obstacles)
        self.changed |= bool(found.changes)
        if (found.changes or found.unfinished) and not dry:
            self._commit(root, files)
        self.printer.say(_summary(root, found.changes, len(files), dry))

    def _commit(self, root: Path, files: list[File]) -> None:
        """Write what is missing, alone in the directory; another build may have been there since we looked."""
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Rejected([Diagnostic(root.as_posix(), 0, 0, "BG307", f"cannot write: {error.strerror}")]) from None
        with tree.held(root):
            found = tree.compare(root, files, self.force)
            if found.obstacles:
                raise Rejected(found.obstacles)
            tree.write(root, found.changes, files[-1])

    def orphans(self, directories: list[Path], prune: bool) -> None:
        """Trees whose spec is gone from the directories that were built: reported, or removed."""
        for file in sorted(self.output.glob(f"*/{names.LOCK}")) if directories else ():
            root = file.parent
            try:
                found = tree.read_lock(root)
                if found is None or not self._is_orphan(root, found.spec, directories):
                    continue
                if prune:
                    self.changed |= bool(tree.remove(root))
                    self.printer.say(f"{root.as_posix()}: removed, its spec {found.spec} is gone")
                else:
                    message = f"the spec {found.spec} of this tree is gone"
                    hint = "`--prune` removes the tree; Argo CD would remove its objects"
                    raise Rejected([Diagnostic(root.as_posix(), 0, 0, "BG306", message, hint)])
            except lock.Unusable as error:
                self.rejected |= self.printer.diagnose(
                    [Diagnostic(file.as_posix(), 0, 0, "BG303", f"the lock cannot be used: {error}")]
                )
            except Rejected as error:
                self.rejected |= self.printer.diagnose(error.diagnostics)

    def _is_orphan(self, root: Path, spec: str, directories: list[Path]) -> bool:
        """Whether the spec that made this tree is in none of the directories.

        The lock knows the spec's file name only, so a file of that name, whatever it makes, keeps the tree.
        """
        if root.name in self.names or spec == _STANDARD_INPUT:
            return False
        return not any((place / spec).exists() for place in directories)


def _summary(root: Path, changes: list[tree.Change], count: int, dry: bool) -> str:
    if not changes:
        return f"{root.as_posix()}: {count} files, up to date"
    verbs = {"create": "created", "update": "updated", "remove": "removed"}
    numbers = {verbs[verb]: sum(change.verb == verb for change in changes) for verb in verbs}
    parts = ", ".join(f"{number} {verb}" for verb, number in numbers.items() if number)
    return f"{root.as_posix()}: {'would be: ' if dry else ''}{parts} of {count} files"


def _collisions(accepted: list[Accepted]) -> Iterator[tuple[Accepted, Diagnostic]]:
    """Releases that cannot live beside each other; the later of two is the one at fault."""
    taken: dict[tuple[str, ...], str] = {}
    for one in accepted:
        release = one.release
        claims: dict[tuple[str, ...], str] = {("directory", release.name): f"the directory {release.name}/"}
        for slot in release.slots.values():
            name = names.deployment(release, slot)
            claims["Deployment", release.namespace, name] = f"the Deployment {name} in {release.namespace}"
        for name, what in ((release.name, "Service"), (names.virtual_service(release), "VirtualService")):
            claims[what, release.namespace, name] = f"the {what} {name} in {release.namespace}"
        if release.service_account.create:
            name = release.service_account.name
            claims["ServiceAccount", release.namespace, name] = f"the ServiceAccount {name} in {release.namespace}"
        if release.gateway:
            name = release.gateway.name
            claims["Gateway", release.gateway.namespace, name] = f"the Gateway {name} in {release.gateway.namespace}"
        for gateway in release.gateways:
            for host in release.hosts:
                # Gateways merge the rules of several VirtualServices for a host, sidecars follow one of them.
                if gateway == "mesh" or release.rules[-1].match is None:
                    claims["host", gateway, host] = f"all of {host} at {gateway}"
        for claim, what in claims.items():
            if claim in taken:
                message = f"{taken[claim]} makes {what} too"
                hint = "give each its own; at a gateway, without mesh, `route.match` lets releases share a host"
                yield one, one.at_name._replace(message=message, hint=hint)
                break
        else:
            taken |= dict.fromkeys(claims, one.file)


def verify_tree(root: Path, mode: str, say: Callable[[str], None]) -> list[Diagnostic]:
    """Everything wrong with a release directory on disk. `mode` is that of --kubeconform."""
    try:
        found = tree.read_lock(root)
        files = tree.read_tree(root)
    except lock.Unusable as error:
        return [Diagnostic((root / names.LOCK).as_posix(), 0, 0, "BG303", f"the lock cannot be used: {error}")]
    except Rejected as error:
        return list(error.diagnostics)
    assert found is not None
    platform = {"kubernetes": "1.32", "istio": "1.28", **found.state.get("platform", {})}
    complaints = [c._replace(file=(root / c.file).as_posix()) for c in verify(files, platform).complaints]
    complaints += _edited(root, files, found)
    complaints += conflicts(tree.foreign_manifests(root, files), files)
    from bgen import kubeconform

    judged = ""
    if mode == "require" or (mode == "auto" and kubeconform.executable()):
        paths = [
            root / f.path
            for f in files
            if f.path.endswith(".yaml") and f.path.partition("/")[0] in (names.MANIFESTS, names.ROUTES, "argocd")
        ]
        complaints += kubeconform.judge(paths, platform)
        judged = ", and by kubeconform"
    elif mode == "auto":
        judged = " (kubeconform is not on PATH and was not asked)"
    if not complaints:
        say(f"{root.as_posix()}: {len(files)} files verified{judged}")
    return complaints


def _edited(root: Path, files: list[File], found: lock.Lock) -> Iterator[Diagnostic]:
    for file in files:
        if lock.sha256(file.text.encode()) != found.files[file.path]:
            hint = "change the spec and build again"
            yield Diagnostic(
                (root / file.path).as_posix(), 0, 0, "BG302", "the file was edited by hand since bgen wrote it", hint
            )
