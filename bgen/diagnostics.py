"""What is wrong, and where. Every stage collects all its diagnostics, then raises one `Rejected`."""

from __future__ import annotations

from typing import NamedTuple

Path = tuple[str | int, ...]

# Codes are stable and never reused. Those of meaning (BG2xx) stand with their rules, in `bgen.rules`.
CODES: dict[str, str] = {
    "BG001": "not UTF-8",
    "BG002": "not YAML",
    "BG003": "an invisible character that readers take differently",
    "BG004": "a key that stands twice",
    "BG005": "a plain scalar that YAML readers take for different values",
    "BG006": "a key with nothing after it",
    "BG007": "an anchor, alias, merge key or tag",
    "BG008": "a key that is not text",
    "BG009": "no release in the file, or more than one",
    "BG010": "too large or too deeply nested",
    "BG101": "an unknown key",
    "BG102": "a value of the wrong type",
    "BG103": "a required key is missing",
    "BG104": "a word that is not one of those allowed",
    "BG105": "a number out of range",
    "BG106": "a text of the wrong form or length",
    "BG107": "too few or too many entries, or one twice",
    "BG108": "a field that this version does not have yet",
    "BG109": "fields that exclude each other",
    "BG110": "a field that the platform does not have yet",
    "BG299": "an `allow` that accepts nothing (warning)",
    "BG301": "a file that bgen did not write is in the way",
    "BG302": "a file of bgen's was edited by hand",
    "BG303": "a lock that cannot be used",
    "BG304": "a symbolic link where bgen writes",
    "BG305": "a lock that names files outside its directory",
    "BG306": "a tree whose spec is gone",
    "BG307": "the disk refuses",
    "BG308": "a file of the lock is missing",
    "BG309": "two releases that cannot live beside each other",
    "BG310": "a file beside the manifests that Argo CD would apply against them",
    "BG501": "a finished file that is not what every reader takes for the same document",
    "BG502": "a value that does not stand where it was placed",
    "BG503": "an object that its schema refuses",
    "BG504": "one object in two files",
    "BG505": "a reference that leads nowhere",
    "BG506": "not exactly one live VirtualService",
    "BG507": "stages that differ in more than rules and annotations",
    "BG509": "kubeconform refuses",
}


class Diagnostic(NamedTuple):
    """One problem at a place; `line` and `column` are 1-based, 0 means the whole file."""

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""
    path: Path = ()
    severity: str = "error"
    excerpt: str = ""


def dotted(path: Path) -> str:
    """A path as people write it, as in `stages[2].match`."""
    text = ""
    for step in path:
        text += f"[{step}]" if type(step) is int else f".{step}" if text else str(step)
    return text


class Rejected(Exception):
    """The input is not acceptable. Carries every diagnostic of the stage that refused it, sorted by place."""

    def __init__(self, diagnostics: list[Diagnostic] | tuple[Diagnostic, ...]) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=lambda d: (d.file, d.line, d.column, d.code, d.message)))
        super().__init__("; ".join(f"{d.code} {d.message}" for d in self.diagnostics))


class InternalError(Exception):
    """A bug in bgen: its own output or its own template is wrong. Never the user's fault, exit code 3."""
