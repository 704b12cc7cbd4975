"""The command line: reads specs, prints, and touches the disk through `tree`. Everything else is a function of text."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable
from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import click

from bgen import __version__
from bgen.diagnostics import InternalError
from bgen.diagnostics import Rejected
from bgen.printer import FORMATS
from bgen.printer import Printer

_MARK = re.compile(rb"^\xef\xbb\xbf?apiVersion:[ \t]*[\"']?bgen/|^apiVersion:[ \t]*[\"']?bgen/", re.MULTILINE)


_PYTHON = ".".join(map(str, sys.version_info[:3]))


def _guarded(command: Callable[..., int]) -> Callable[..., None]:
    """Exit codes: 0 done, 1 rejected or differs, 2 usage (click), 3 a bug in bgen, 130 interrupted."""

    @wraps(command)
    def run(**options: Any) -> None:
        # A run is short and leaves no cycles worth collecting; looking for them costs a tenth of it.
        gc.disable()
        try:
            code = command(**options)
        except KeyboardInterrupt:
            code = 130
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            # The reader of a pipe has seen enough, as in `bgen build --stdout | head`.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except Exception as error:  # noqa: BLE001 - the one boundary where a bug is told from a mistake
            click.echo(_bug_report(error), err=True)
            code = 3
        finally:
            gc.enable()
        sys.exit(code)

    return run


def _bug_report(error: Exception) -> str:
    import platform
    import traceback

    trace = "" if isinstance(error, InternalError) else "".join(traceback.format_exception(error))
    return "\n".join(
        [
            "bgen: this is a bug in bgen, not in your spec. Nothing of the release was written.",
            "Please report the following, with the spec if you can share it:",
            "",
            "```",
            f"bgen {__version__}, Python {platform.python_version()}, {platform.system()}",
            f"{type(error).__name__}: {error}",
            trace.rstrip(),
            "```",
        ]
    )


def _reporting(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="Print nothing but problems."),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="Color the report; NO_COLOR and FORCE_COLOR are obeyed.",
        ),
        click.option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            default="text",
            help="How problems are reported.",
        ),
        click.option("--strict", is_flag=True, help="Warnings are errors."),
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message=f"bgen %(version)s (Python {_PYTHON})")
def main() -> None:
    """Compile small release specs into the complete Kubernetes and Istio manifests of blue-green releases.

    No controller, no network: the state of a release is one line in git, the output is committed, Argo CD applies it.

    Exit codes: 0 done or up to date, 1 rejected or differs, 2 usage, 3 a bug in bgen, 130 interrupted.
    """


_OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("deploy"),
    show_default=True,
    help="Release directories are DIR/<name>.",
    metavar="DIR",
)


@main.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@_OUTPUT
@click.option("--check", is_flag=True, help="Write nothing, exit 1 if anything would change.")
@click.option(
    "--diff",
    "show_diff",
    is_flag=True,
    help="Print what would change as a unified diff, write nothing, exit 1 if anything would.",
)
@click.option("--stdout", is_flag=True, help="Print the synced manifests as one YAML stream, write nothing.")
@click.option("--stage", metavar="NAME", help="As if the spec said so; with --stdout, --diff or --check.")
@click.option("--force", is_flag=True, help="Overwrite files of bgen's that were edited by hand.")
@click.option("--prune", is_flag=True, help="Remove the tree of a spec that is gone.")
@click.option("--hook", is_flag=True, help="For pre-commit: exit 1 whenever a file was created, changed or removed.")
@_reporting
@_guarded
def build(
    paths: tuple[Path, ...],
    output: Path,
    check: bool,
    show_diff: bool,
    stdout: bool,
    stage: str | None,
    force: bool,
    prune: bool,
    hook: bool,
    form: str,
    color: str,
    quiet: bool,
    strict: bool,
) -> int:
    """Compile specs and write DIR/<name>/ for each.

    PATH is a spec, a directory (every YAML file directly in it with a line that starts `apiVersion: bgen/`), or - for standard
    input; the working directory when nothing is given. All specs are judged first; a rejected one keeps its tree.
    """
    from bgen.run import Run

    reads_only = check or show_diff or stdout
    if stage and not reads_only:
        raise click.UsageError("--stage needs --stdout, --diff or --check: the stage that is written is the spec's")
    printer = Printer(form, color, quiet, strict)
    run = Run(printer, output, force=force, stage=stage)
    specs = list(_specs(paths or (Path(),)))
    if not specs:
        raise click.UsageError(
            "no spec found: a spec has a line that starts `apiVersion: bgen/v1`; subdirectories are not searched"
        )
    run.judge(specs)
    if stdout:
        run.print_manifests()
    elif show_diff:
        run.print_diff()
    else:
        run.write(dry=check)
        run.orphans([path for path in paths if path.is_dir()] if paths else [Path()], prune=prune and not check)
    printer.finish()
    return 1 if run.rejected or ((check or show_diff or hook) and run.changed) else 0


@main.command()
@click.argument(
    "directories",
    metavar="DIR...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "--kubeconform",
    "mode",
    type=click.Choice(["auto", "require", "off"]),
    default="auto",
    show_default=True,
    help="Also run kubeconform: when it is on PATH, always, or never.",
)
@_reporting
@_guarded
def verify(directories: tuple[Path, ...], mode: str, form: str, color: str, quiet: bool, strict: bool) -> int:
    """Judge release directories on disk.

    DIR is a release directory (with a bgen.lock), or one that contains some. The same checks as in a build, and that no
    file was edited by hand.
    """
    from bgen.run import verify_tree

    printer = Printer(form, color, quiet, strict)
    trees = [tree for directory in directories for tree in _trees(directory)]
    if not trees:
        raise click.UsageError("no release directory found: it would have a bgen.lock")
    # A list, so that every tree is judged although one is wrong.
    wrong = [printer.diagnose(verify_tree(tree, mode, printer.say)) for tree in trees]
    printer.finish()
    return int(any(wrong))


@main.command()
@click.argument("name")
@click.option(
    "-o", "--output", type=click.Path(allow_dash=True), default="-", help="Write to FILE; - is standard output.", metavar="FILE"
)
@_guarded
def init(name: str, output: str) -> int:
    """Print a commented spec for the application NAME that builds at once."""
    from bgen import starter
    from bgen.build import prepare

    text = starter.spec(name)
    try:
        prepare(text.encode(), "NAME")
    except Rejected as error:
        raise click.UsageError(f"{error.diagnostics[0].message}; {error.diagnostics[0].hint}") from None
    if output == "-":
        click.echo(text, nl=False)
    else:
        try:
            with Path(output).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise click.UsageError(f"{output}: {error.strerror}") from None
    click.echo(starter.PRE_COMMIT.format(version=__version__), err=True, nl=False)
    return 0


@main.command()
@click.argument("topic", metavar="FIELD|CODE")
@_guarded
def explain(topic: str) -> int:
    """Print the documentation of a spec's field, as in route.timeout, or of a diagnostic, as in BG204."""
    from bgen import explain

    text = explain.explain(topic)
    if text is None:
        close = explain.meant(topic)
        raise click.UsageError(f"{topic} is neither a field nor a code" + (f"; did you mean {close}?" if close else ""))
    click.echo(text, nl=False)
    return 0


@main.command()
@_guarded
def schema() -> int:
    """Print the JSON Schema of the spec as one document, for editors."""
    import json

    from bgen import conforms
    from bgen.schema import SPEC

    click.echo(json.dumps(conforms.standalone(SPEC), indent=1, ensure_ascii=False))
    return 0


def _trees(directory: Path) -> list[Path]:
    if (directory / "bgen.lock").is_file():
        return [directory]
    return sorted(lock.parent for lock in directory.glob("*/bgen.lock"))


def _specs(paths: tuple[Path, ...]) -> Iterator[tuple[str, bytes]]:
    """The name and bytes of every spec that the arguments stand for, each once, in the order of the arguments."""
    seen = set()
    for path in paths:
        for name, content in _read(path):
            place = Path(name).resolve()
            if place not in seen:
                seen.add(place)
                yield name, content


def _read(path: Path) -> Iterator[tuple[str, bytes]]:
    if str(path) == "-":
        yield "<stdin>", sys.stdin.buffer.read()
    elif path.is_dir():
        for file in sorted(path.iterdir()):
            if file.suffix in (".yaml", ".yml") and file.is_file():
                content = file.read_bytes()
                if _MARK.search(content):
                    yield file.as_posix(), content
    else:
        try:
            yield path.as_posix(), path.read_bytes()
        except OSError as error:
            raise click.UsageError(f"{path}: {error.strerror}") from None
