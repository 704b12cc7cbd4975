"""How the time to read a spec grows with its size: linear, whatever the size is made of.

For each kind of large or hostile text the script doubles the size four times, up to the largest spec that bgen takes
(1 MiB), and prints the CPU time of each step and the factor between the last two. A factor near 2 is linear, 4 would be
quadratic. Run it from the repository: `python benchmarks/linear.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bgen.build import build
from bgen.diagnostics import Rejected
from bgen.source import MAX_BYTES

HEAD = "apiVersion: bgen/v1\nname: a\nnamespace: b\nslots:\n  blue: {image: 'x:1'}\nstable: blue\nstage: blue\n"
KINDS: dict[str, Callable[[int], str]] = {
    "environment variables": lambda n: "container:\n  env:\n" + "".join(f"  - {{name: V{i}, value: x}}\n" for i in range(n)),
    "one variable, again and again": lambda n: "container:\n  env:\n" + "  - {name: V, value: x}\n" * n,
    "mounts without volumes": lambda n: (
        "container:\n  volumeMounts:\n" + "".join(f"  - {{name: v{i}, mountPath: /m{i}}}\n" for i in range(n))
    ),
    "annotations": lambda n: "annotations:\n" + "".join(f"  k{i}: v\n" for i in range(n)),
    "one long text": lambda n: f"annotations: {{x: '{'y' * n * 10}'}}\n",
    "unknown keys": lambda n: "".join(f"k{i}: 1\n" for i in range(n)),
    "one key, again and again": lambda n: "a: 1\n" * n,
    "ambiguous words": lambda n: "x:\n" + "- no\n" * n,
    "routes": lambda n: "routes:\n" + "".join(f"- {{name: r{i}, match: [{{uri: {{prefix: /{i}}}}}]}}\n" for i in range(n)),
    "brackets": lambda n: "x: " + "[" * n,
    "control characters": lambda n: "x: " + "\x01" * n,
    "quotes": lambda n: "x: " + "'\"&*!|>" * n,
    "comments": lambda n: "# a\n" * n,
}


def measure(text: str) -> float:
    """CPU seconds of one build, accepted or rejected."""
    content = (HEAD + text).encode()[:MAX_BYTES]
    start = time.process_time()
    try:
        build(content, "release.yaml")
    except Rejected:
        pass
    return time.process_time() - start


def main() -> None:
    measure("")
    print(f"{'':32}{'2,500':>9}{'5,000':>9}{'10,000':>9}{'20,000':>9}  entries; last factor")
    for name, make in KINDS.items():
        seconds = [measure(make(n)) for n in (2500, 5000, 10000, 20000)]
        factor = f"{seconds[-1] / seconds[-2]:.1f}" if seconds[-1] > 0.02 else "-"
        print(f"{name:32}" + "".join(f"{s:8.2f}s" for s in seconds) + f"  {factor}")


if __name__ == "__main__":
    main()
