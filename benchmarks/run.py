"""Measures bgen as users get it, beside `helm template` of a chart that renders the same objects.

    python benchmarks/run.py [--quick] [--rounds N] [--helm PATH] [--json FILE]

What: builds a wheel of this checkout, installs it with the pinned dependencies of requirements/runtime.txt into a
temporary environment (templates compiled, .pyc files present) and runs, in turns, N rounds of: a bare `python -c pass`,
`bgen --help`, a build into an empty directory (cold), the same build again (no-op), `--check`, one call for 200 specs
(cold and no-op), and `helm template` of benchmarks/chart. Needs the development environment (`make bench`) and a
package index for the pinned dependencies.

How to read the figures: medians. Wall time depends on what else the machine does, so compare the ratios of one run and
not the milliseconds of two; CPU is user + system time. Every run is a new process, while the files it reads are in the
page cache. Peak memory is the resident set, in MB of 10^6 bytes. "CPU per further release" is (cpu(200) - cpu(1)) /
199; the system's part of it, mostly for creating files, depends on the file system of TMPDIR. The chart renders the 18
objects of bgen's manifests/, routes/ and argocd/ to standard output, equal but for the order and the words of the
alerts; bgen also checks its input against schemas and rules, reads all of its output back, and writes 6 more files
(dashboard, rules, README, workflow, traffic.sh, lock), to disk. A goal that is missed is reported; the exit code is 0
all the same.

Helm is not part of this repository. Without it the comparison is left out. To get it from the Go module proxy:

    GOBIN=/tmp/gobin go install helm.sh/helm/v3/cmd/helm@v3.19.0
    python benchmarks/run.py --helm /tmp/gobin/helm
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SPEC = ROOT / "examples/my-app/release.yaml"
MANY = 200
# Stage of the pipeline → "first" and "further" → milliseconds.
Stages = dict[str, dict[str, float]]
HEAVY = ("jinja2", "jsonschema", "ruamel")
# Starts the command and prints its wall, user and system seconds, peak KiB and exit code. It is a process of its own
# because Linux counts the memory of whoever starts a program into that program's peak, and this one is a small one.
LAUNCHER = """
import os, sys, time
null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
start = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=null)
_, status, used = os.wait4(pid, 0)
print(time.perf_counter() - start, used.ru_utime, used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


class Sample(NamedTuple):
    """One run of one command, or the medians of several: milliseconds and MB. `cpu` includes `system`."""

    wall: float
    cpu: float
    system: float
    peak: float


class Case(NamedTuple):
    """A command to measure; `prepare` puts the disk right before each run, only each `every`th round has it."""

    name: str
    command: list[str]
    prepare: Callable[[], None] | None = None
    every: int = 1


class Goal(NamedTuple):
    """`met` is None where it could not be measured."""

    text: str
    figure: str
    met: bool | None


class Installed(NamedTuple):
    """A temporary directory with the environment that bgen was installed into."""

    work: Path
    python: str
    bgen: str


def main() -> None:
    options = _options()
    helm = options.helm or shutil.which("helm")
    with tempfile.TemporaryDirectory(prefix="bgen-bench-") as name:
        installed = install(Path(name))
        specs = generate(installed.work / "specs")
        samples = measure(cases(installed, helm), 3 if options.quick else options.rounds)
        stages = micro(installed, specs[:30])
        judged = goals(installed, samples)
        facts = versions(installed, helm, samples)
    report(facts, samples, stages, judged)
    if options.json:
        save(options.json, facts, samples, stages, judged)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure bgen as users get it, beside helm.")
    parser.add_argument("--rounds", type=int, default=15, help="how often each command runs (default 15)")
    parser.add_argument("--quick", action="store_true", help="3 rounds")
    parser.add_argument("--helm", type=_absolute, metavar="PATH", help="a helm that is not on PATH")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE too")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def _absolute(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise argparse.ArgumentTypeError(f"{name} is not an executable")
    return str(Path(found).resolve())


def install(work: Path) -> Installed:
    """Build the wheel from a copy of the checkout, so that the checkout stays as it is, and install it."""
    say("building the wheel and installing it ...")
    source, wheels, venv = work / "source", work / "wheels", work / "venv"
    hidden = shutil.ignore_patterns(".*", "__pycache__", "compiled", "node_modules", "deploy", "tests")
    shutil.copytree(ROOT, source, ignore=hidden)
    if find_spec("build") and find_spec("hatchling"):
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(wheels), str(source))
    else:
        run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(wheels), str(source))
    run(sys.executable, "-m", "venv", str(venv))
    python = str(venv / "bin/python")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", str(ROOT / "requirements/runtime.txt"))
    run(*pip, "--no-deps", *map(str, wheels.glob("bgen-*.whl")))
    return Installed(work, python, str(venv / "bin/bgen"))


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run to the end; what went wrong is shown, and ends the benchmark."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir())
    if done.returncode:
        sys.exit(f"{' '.join(command)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def generate(target: Path) -> list[Path]:
    """The example 200 times, each with names and hosts of its own."""
    target.mkdir()
    text = SPEC.read_text(encoding="utf-8")
    paths = [target / f"my-app-{number:03}.yaml" for number in range(MANY)]
    for path in paths:
        path.write_text(text.replace("my-app", path.stem), encoding="utf-8")
    return paths


def cases(installed: Installed, helm: str | None) -> list[Case]:
    """In the order in which they run in each round: a no-op follows the build that it repeats."""
    one, many = str(installed.work / "one"), str(installed.work / "many")
    build = [installed.bgen, "build", str(SPEC), "-o", one]
    build_many = [installed.bgen, "build", str(installed.work / "specs"), "-o", many]

    def empty(directory: str) -> Callable[[], None]:
        return lambda: shutil.rmtree(directory, ignore_errors=True)

    found = [
        Case("python -c pass", [installed.python, "-c", "pass"]),
        Case("bgen --help", [installed.bgen, "--help"]),
        Case("cold build", build, empty(one)),
        Case("no-op build", build),
        Case("build --check", [*build, "--check"]),
        Case(f"{MANY} specs, cold", build_many, empty(many), every=3),
        Case(f"{MANY} specs, no-op", build_many, every=3),
    ]
    if helm:
        found.append(Case("helm template", [helm, "template", "my-app", str(HERE / "chart")]))
    return found


def measure(found: list[Case], rounds: int) -> dict[str, Sample]:
    """The medians of every case. The first round warms the page cache and does not count."""
    samples: dict[str, list[Sample]] = {case.name: [] for case in found}
    for number in range(rounds + 1):
        say(f"round {number} of {rounds} ..." if number else "warming up ...")
        for case in found:
            # Of a few rounds all count, so that there are at least three of everything.
            if number and rounds >= 9 and number % case.every:
                continue
            if case.prepare:
                case.prepare()
            sample = launch(case.command)
            if number:
                samples[case.name].append(sample)
    return {name: Sample(*map(median, zip(*taken, strict=True))) for name, taken in samples.items()}


def launch(command: list[str]) -> Sample:
    done = run(sys.executable, "-I", "-S", "-c", LAUNCHER, *command)
    wall, user, system, peak, code = map(float, done.stdout.split())
    if code:
        sys.exit(f"{' '.join(command)} exited with {code:.0f}")
    return Sample(wall * 1000, (user + system) * 1000, system * 1000, peak * 1024 / 1e6)


def micro(installed: Installed, specs: list[Path]) -> Stages:
    """Stage → milliseconds for the first and for each further release of a process."""
    done = run(installed.python, str(HERE / "micro.py"), *map(str, specs))
    found: Stages = json.loads(done.stdout)
    return found


def further(samples: dict[str, Sample], kind: str) -> Sample:
    """What each release after the first of a call adds."""
    one, many = samples[f"{kind} build"], samples[f"{MANY} specs, {kind}"]
    return Sample(*((last - first) / (MANY - 1) for first, last in zip(one, many, strict=True)))


def goals(installed: Installed, samples: dict[str, Sample]) -> list[Goal]:
    cold, many, helm = samples["cold build"], samples[f"{MANY} specs, cold"], samples.get("helm template")
    ratio = cold.wall / helm.wall if helm else None
    cold_build = ["build", str(SPEC), "-o", str(installed.work / "new")]
    each, repeated = further(samples, "cold").cpu, further(samples, "no-op").cpu
    added = f"cold {each:.1f} ms, no-op {repeated:.1f} ms"
    compared = f"{ratio:.2f} x (CPU {cold.cpu / helm.cpu:.2f} x)" if helm and ratio else "no helm"
    return [
        Goal("cold build takes ≤ 3 x helm template", compared, ratio <= 3 if ratio else None),
        Goal("≤ 25 ms CPU per further release", added, max(each, repeated) <= 25),
        _without(installed, "--help", HEAVY, ["--help"]),
        _without(installed, "a good cold build", ("jsonschema",), cold_build),
        Goal("peak memory < 60 MB for one release", f"{cold.peak:.1f} MB", cold.peak < 60),
        Goal(f"and for {MANY} releases", f"{many.peak:.1f} MB ({many.peak - cold.peak:+.1f})", many.peak < 60),
        _unwritten(installed),
    ]


def _without(installed: Installed, what: str, packages: tuple[str, ...], arguments: list[str]) -> Goal:
    """None of the packages is imported, as -X importtime sees it."""
    done = run(installed.python, "-X", "importtime", installed.bgen, *arguments)
    modules = re.findall(r"^import time:[^|]+\|[^|]+\|\s*(\S+)$", done.stderr, re.MULTILINE)
    loaded = sorted({module.partition(".")[0].removeprefix("_").replace("ruamel_yaml", "ruamel") for module in modules})
    wrong = [package for package in packages if package in loaded]
    figure = f"imports {', '.join(wrong)}" if wrong else f"none among {len(modules)} modules"
    return Goal(f"{what} imports no {', '.join(packages)}", figure, not wrong)


def _unwritten(installed: Installed) -> Goal:
    """A second build leaves every inode and time of modification as it was."""
    target = installed.work / "twice"
    states = []
    for _ in range(2):
        run(installed.bgen, "build", str(SPEC), "-o", str(target))
        states.append({path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in target.rglob("*")})
    written = [path for path, state in states[1].items() if states[0].get(path) != state]
    figure = f"{len(written)} of {len(states[1])} files and directories written"
    return Goal("unchanged files are not written", figure, not written)


def versions(installed: Installed, helm: str | None, samples: dict[str, Sample]) -> dict[str, str]:
    """What was measured on what."""
    freeze = run(installed.python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check").stdout.split()
    kept = sorted(line.replace("==", " ") for line in freeze if not line.startswith(("pip=", "setuptools=")))
    return {
        "python": platform.python_version(),
        "helm": run(helm, "version", "--short").stdout.strip() if helm else "absent: not on PATH, and no --helm",
        "packages": ", ".join(kept),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "output": _sizes(installed, helm),
    }


def _sizes(installed: Installed, helm: str | None) -> str:
    """How much the two render, to show that they are comparable."""
    files = [path for path in (installed.work / "one/my-app").rglob("*") if path.is_file()]
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in files}
    objects = [path for path in files if path.parent.name in ("manifests", "routes", "argocd")]
    shown = f"bgen {len(objects)} objects in {sum(lines[path] for path in objects)} lines"
    shown += f" ({len(files)} files, {sum(lines.values())} lines in all)"
    if helm:
        text = run(helm, "template", "my-app", str(HERE / "chart")).stdout
        shown += f"; chart {len(re.findall('^kind:', text, re.MULTILINE))} objects in {text.count(chr(10))} lines"
    return shown


def report(facts: dict[str, str], samples: dict[str, Sample], stages: Stages, judged: list[Goal]) -> None:
    for name, value in facts.items():
        print(f"{name:9} {value}")
    print("", *_table(samples), "", sep="\n")
    for kind in ("cold", "no-op"):
        each = further(samples, kind)
        print(f"CPU per further release, {kind:5}: {each.cpu:5.1f} ms, of it the system's {each.system:.1f} ms")
    print("\nIn one process, ms     first   further")
    for stage, times in stages.items():
        print(f"  {stage:17} {times['first']:8.2f}  {times['further']:8.2f}")
    sums = [sum(times[kind] for times in stages.values()) for kind in ("first", "further")]
    print(f"  {'together':17} {sums[0]:8.2f}  {sums[1]:8.2f}\n")
    for goal in judged:
        print(f"{'met   ' if goal.met else 'MISSED' if goal.met is False else '?     '}  {goal.text}: {goal.figure}")


def _table(samples: dict[str, Sample]) -> Iterator[str]:
    base, helm = samples["python -c pass"].wall, samples.get("helm template")
    yield "medians                wall ms    CPU ms  (system)   peak MB  x python    x helm"
    for name, sample in samples.items():
        compared = f"{sample.wall / helm.wall:10.2f}" if helm else f"{'no helm':>10}"
        own = f"{sample.wall:11.1f}{sample.cpu:10.1f}{sample.system:10.1f}{sample.peak:10.1f}"
        yield f"{name:18} {own}{sample.wall / base:10.2f}{compared}"


def save(file: Path, facts: dict[str, str], samples: dict[str, Sample], stages: Stages, judged: list[Goal]) -> None:
    content: dict[str, Any] = {
        "versions": facts,
        "samples": {name: sample._asdict() for name, sample in samples.items()},
        "per_further_release": {kind: further(samples, kind)._asdict() for kind in ("cold", "no-op")},
        "stages": stages,
        "goals": [goal._asdict() for goal in judged],
    }
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
