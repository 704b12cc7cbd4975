"""`judge`: meaning. One small generator per code; each says what is wrong at which path of the spec."""

from __future__ import annotations

from bgen.diagnostics import Diagnostic
from bgen.diagnostics import Rejected
from bgen.release import Release
from bgen.rules import identity
from bgen.rules import matches
from bgen.rules import monitoring
from bgen.rules import objects
from bgen.rules import quantities
from bgen.rules import routing
from bgen.rules import stages
from bgen.rules import workload
from bgen.rules.rule import RULES
from bgen.source import Source

__all__ = ["RULES", "judge"]
# An `allow` that accepts nothing; it has no generator, because it looks at what the others found.
USELESS = "BG299"
# The modules register their rules when they are imported.
_SUBJECTS = (identity, stages, routing, matches, objects, workload, quantities, monitoring)


def judge(release: Release, source: Source) -> tuple[Diagnostic, ...]:
    """Run every rule. Returns the warnings; raises Rejected with everything, warnings included, when there is an error."""
    found = list(dict.fromkeys(diagnostic for rule in RULES.values() for diagnostic in rule(release, source)))
    found = _accepted(found, source)
    if any(diagnostic.severity == "error" for diagnostic in found):
        raise Rejected(found)
    return Rejected(found).diagnostics


def _accepted(found: list[Diagnostic], source: Source) -> list[Diagnostic]:
    """The findings without the warnings that `allow` accepts, and a warning for each entry that accepts nothing."""
    allowed = {entry["code"]: i for i, entry in enumerate(source.get(("allow",)) or ())}
    left = [d for d in found if d.severity == "error" or d.code not in allowed]
    used = {d.code for d in found if d not in left}
    for code, i in allowed.items():
        if code not in used:
            rule = RULES.get(code)
            hint = "an error cannot be allowed" if rule and rule.severity == "error" else "remove the entry"
            message = f"`allow` accepts {code}, and there is no such warning"
            left.append(source.diagnose(("allow", i, "code"), USELESS, message, hint, severity="warning"))
    return left
