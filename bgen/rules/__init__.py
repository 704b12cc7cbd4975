"""`judge`: meaning. One small generator per code; each says what is wrong at which path of the spec."""

from __future__ import annotations

from bgen.diagnostics import Diagnostic
from bgen.diagnostics import Rejected
from bgen.release import Release
from bgen.rules import identity
from bgen.rules import monitoring
from bgen.rules import routing
from bgen.rules import stages
from bgen.rules import workload
from bgen.rules.rule import RULES
from bgen.source import Source

__all__ = ["RULES", "judge"]
# The modules register their rules when they are imported.
_SUBJECTS = (identity, stages, routing, workload, monitoring)


def judge(release: Release, source: Source) -> tuple[Diagnostic, ...]:
    """Run every rule. Returns the warnings; raises Rejected with everything, warnings included, when there is an error."""
    found = list(dict.fromkeys(diagnostic for rule in RULES.values() for diagnostic in rule(release, source)))
    if any(diagnostic.severity == "error" for diagnostic in found):
        raise Rejected(found)
    return Rejected(found).diagnostics
