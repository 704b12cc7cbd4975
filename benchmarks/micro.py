"""What each stage of the pipeline costs for one release, measured inside one process. Run by run.py in its environment.

    python benchmarks/micro.py SPEC...

Prints JSON: stage → milliseconds of wall time for the first release of the process (imports excluded, schemas and
templates loaded on the way) and the median over the further ones. Every release has a spec of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

from bgen import lock
from bgen.build import platform_of
from bgen.decode import decode
from bgen.plan import plan
from bgen.render import render
from bgen.rules import judge
from bgen.schema import check
from bgen.source import parse
from bgen.verify import verify

T = TypeVar("T")
Times = dict[str, list[float]]


def main() -> None:
    times: Times = {}
    for name in sys.argv[1:]:
        one_release(Path(name), times)
    json.dump({stage: {"first": all_[0], "further": median(all_[1:])} for stage, all_ in times.items()}, sys.stdout)


def one_release(spec: Path, times: Times) -> None:
    """The pipeline of bgen.build, one timed stage after the other."""

    def timed(stage: str, work: Callable[[], T]) -> T:
        start = perf_counter()
        result = work()
        times.setdefault(stage, []).append((perf_counter() - start) * 1000)
        return result

    content = spec.read_bytes()
    source = timed("parse", lambda: parse(content, spec.name))
    timed("check", lambda: check(source))
    release = timed("decode", lambda: decode(source.data))
    timed("judge", lambda: judge(release, source))
    documents = timed("plan", lambda: plan(release))
    files = timed("render", lambda: render(documents, spec.name))
    verified = timed("verify", lambda: verify(files, platform_of(release.platform)))
    assert not verified.complaints, verified.complaints
    timed("lock", lambda: lock.dump(release, spec.name, files, {slot: {} for slot in release.slots}))


if __name__ == "__main__":
    main()
