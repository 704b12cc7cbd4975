"""Find and run the outside tools that judge what bgen writes.

`scripts/install_tools.py` puts them into `.tools/bin`; one on PATH serves as well. A missing tool skips the test on a
developer's machine, and fails it where BGEN_REQUIRE_TOOLS=1 says that a silent skip would hide a broken setup.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import pytest

TOOLS_DIR = Path(__file__).resolve().parents[2] / ".tools" / "bin"
TIMEOUT_SECONDS = 60.0


def tool(name: str) -> str:
    """Give the path of a tool, the pinned one first; skip or fail the test that asks when there is none."""
    search = os.pathsep.join([str(TOOLS_DIR), *os.get_exec_path()])
    found = shutil.which(name, path=search)
    if found is not None:
        return found
    reason = f"{name} is neither in .tools/bin nor on PATH; run scripts/install_tools.py"
    if os.environ.get("BGEN_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end and give what it wrote; the caller judges the exit status."""
    words = [str(word) for word in argv]
    return subprocess.run(
        words, check=False, cwd=cwd, env=env, input=stdin or "", capture_output=True, text=True, timeout=timeout
    )
