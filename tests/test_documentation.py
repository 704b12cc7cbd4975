"""What the README promises is what the code has."""

import re
import subprocess
import sys
from pathlib import Path

from bgen.diagnostics import CODES
from bgen.rules import RULES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_diagnostics_is_the_registry() -> None:
    rules = {r.code: r.title + (" (warning)" if r.severity == "warning" else "") for r in RULES.values()}
    table = dict(re.findall(r"^\| (BG\d{3}) \| (.+) \|$", README, re.MULTILINE))
    assert table == CODES | rules
    assert not CODES.keys() & rules.keys()


def test_every_code_that_the_source_uses_is_registered() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "bgen").rglob("*.py"))
    assert set(re.findall(r'"(BG\d{3})"', sources)) == CODES.keys() | RULES.keys()


def test_every_option_of_the_commands_is_in_the_readme() -> None:
    for command in ("build", "verify"):
        done = subprocess.run([sys.executable, "-m", "bgen", command, "--help"], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0
        options = set(re.findall(r"--[a-z]+", done.stdout)) - {"--help", "--color", "--quiet", "--output"}
        assert options
        assert {option for option in options if option not in README} == set()


def test_the_example_of_the_readme_is_the_minimal_example() -> None:
    shown = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert shown
    minimal = (ROOT / "examples/minimal/release.yaml").read_text(encoding="utf-8")

    def words(text: str) -> list[str]:
        return [" ".join(line.split()) for line in text.splitlines() if not line.startswith("#")]

    assert words(shown[1]) == words(minimal)
