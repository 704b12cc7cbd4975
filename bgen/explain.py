"""`bgen explain`: the documentation of a diagnostic or of a field of the spec."""

from __future__ import annotations

import difflib
import inspect
import json
import re
import textwrap
from typing import Any

from bgen import conforms
from bgen.diagnostics import CODES
from bgen.rules import RULES
from bgen.schema import SPEC

# What, why it matters, and the fix. Those of meaning stand with their rules.
TEXTS: dict[str, str] = {
    "BG001": "A spec is UTF-8, with or without a byte order mark, with any line ends. Save the file as UTF-8.",
    "BG002": "The text is not YAML. The caret shows where the parser gave up; the mistake is there or on the line above. Most often: "
    "a text with `: ` or a leading `*`, `&`, `@`, `%` that needs quotes, a tab, a bracket that is not closed.",
    "BG003": "Some characters are invisible, and some YAML readers take them for a line end or drop them, so a reviewer would not see "
    "what the compiler reads. Write them as an escape in double quotes.",
    "BG004": "A key stands twice in one mapping. YAML readers differ in which one wins. Keep one.",
    "BG005": "YAML 1.1, YAML 1.2 and Kubernetes' own reader take this unquoted text for different values: `no` is a boolean or a word, "
    "0755 is 493 or 755, 1.10 becomes 1.1. Quote it, or write the value that you mean.",
    "BG006": "A key or dash with nothing after it. It could mean null, an empty text or a forgotten value. Write the value; `null` removes "
    'a default, `{}`, `[]` and `""` are empty values.',
    "BG007": "Anchors, aliases, merge keys and tags hide what a value is from whoever reads the diff. Write the value out. A text that "
    "begins with `*`, `&` or `!` needs quotes.",
    "BG008": "Keys are text. An unquoted number, `yes` or `null` as a key is something else to some readers. Quote it.",
    "BG009": "One file holds one release, a mapping that starts with `apiVersion: bgen/v1`.",
    "BG010": "A spec has at most 1 MiB and 100 levels. A real one has a hundred lines.",
    "BG101": "The key is not known at this place, and Kubernetes or Istio would ignore it without a word: a typo in `timeout` is a route "
    "without a timeout. Native parts are checked against the schemas of the release's platform.",
    "BG102": "The value has the wrong type. A number or a boolean where text is wanted needs quotes.",
    "BG103": "A key that must be there is missing; without it there is nothing sensible to build. Add it.",
    "BG104": "The word is not one of those that are allowed; case counts.",
    "BG105": "The number is out of the range that Kubernetes, Istio or the meaning of the field allows.",
    "BG106": "The text has the wrong form or length, so Kubernetes, Istio or DNS would refuse it.",
    "BG107": "The list or mapping has too few or too many entries, or one of them twice.",
    "BG108": "The field belongs to the vocabulary and this version does not do anything with it yet. A field that is read and ignored "
    "would be a promise nobody keeps.",
    "BG109": "Of these fields Kubernetes or Istio takes exactly one, and would refuse the object or pick one. Keep one.",
    "BG110": "The field exists in a newer Kubernetes or Istio than `platform` names; an older API server drops it without a word. Raise "
    "`platform` if the cluster is newer.",
    "BG299": "An entry of `allow` accepts a warning that does not exist any more, or that never did, or an error. Remove it, so that it "
    "cannot hide the next one.",
    "BG301": "A file that bgen did not write is where one of the output belongs. It is never overwritten. Move it.",
    "BG302": "A file of the output is not as bgen wrote it. The next build would lose the edit, so it stops. Change the spec instead; "
    "`--force` overwrites.",
    "BG303": "The lock says what bgen may touch. This one is damaged or from a newer bgen. Restore it from git, or update bgen.",
    "BG304": "bgen follows no symbolic link inside an output directory: it could lead anywhere. Remove it.",
    "BG305": "The lock names a file outside its directory, which bgen never writes. Restore the lock from git.",
    "BG306": "The spec of this tree is gone, or makes a release of another name, but the tree is still there and Argo CD still applies it. "
    "`--prune` removes it: the objects go with the next sync.",
    "BG307": "The disk refuses: permissions, space, or something in the way. What was not reached is as before; the next build goes on.",
    "BG308": "The lock names a file that is not there. Build again.",
    "BG309": "Two releases of one call would write one directory, one object, or all of one host. Argo CD or Istio would follow only one.",
    "BG310": "Argo CD applies every YAML file in manifests/, your own too. This one cannot be read, is an object of bgen's a second time, "
    "routes the same host, or makes Argo CD take the directory for Kustomize's or Helm's.",
    "BG501": "A file of the tree is not what every YAML reader takes for the same document.",
    "BG502": "A value does not stand where a template placed it.",
    "BG503": "An object does not fit the schema of the release's platform.",
    "BG504": "One object stands in two files; Argo CD would apply only one of them.",
    "BG505": "A subset, host, port, selector, account or volume leads to nothing in the tree.",
    "BG506": "Exactly one VirtualService belongs in manifests/: with two, the live route would depend on the order of files.",
    "BG507": "The stages of a release differ in rules and annotations only, and the live route is one of them, byte for byte.",
    "BG509": "kubeconform, an independent judge with the same bundled schemas, refuses the object, or could not judge it.",
}


def explain(topic: str) -> str | None:
    """The documentation of a code (`BG204`) or of a field (`route.timeout`); None when there is neither."""
    code = topic.upper()
    if code in RULES:
        rule = RULES[code]
        return f"{code} {rule.severity}: {rule.title}\n\n{inspect.cleandoc(rule.generator.__doc__ or '')}\n"
    if code in CODES:
        return f"{code}: {CODES[code]}\n\n{chr(10).join(_wrapped(TEXTS[code]))}\n"
    return _field(topic)


def meant(topic: str) -> str:
    """The nearest code or top-level field, for a hint."""
    fields = list(conforms.bundle(SPEC)["properties"])
    close = difflib.get_close_matches(topic.partition(".")[0], [*fields, *CODES, *RULES], n=1)
    return close[0] if close else ""


def _field(topic: str) -> str | None:
    node, home = conforms.bundle(SPEC), SPEC
    for step in re.sub(r"\[\d*\]", "", topic).split("."):
        if "items" in node:
            node, home = _resolved(node["items"], home)
        found = node.get("properties", {}).get(step)
        if found is None:
            return None
        node, home = _resolved(found, home)
    return _described(topic, node, home)


def _resolved(node: Any, home: str) -> tuple[Any, str]:
    """The node with everything that its references, or an anyOf beside null, say; what stands nearer wins."""
    checker = conforms.checker("kubernetes/1.32.json", "istio/1.28.json")
    found = dict(node)
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            node, home = checker.resolve(node["$ref"], home)
        else:
            node = next(part for part in node["anyOf"] if part.get("type") != "null")
        found = {**node, **found}
    return found, home


_OWNERS = {"kubernetes": "Kubernetes", "istio": "Istio", "prometheus-operator.json": "the Prometheus operator"}


def _described(topic: str, node: Any, home: str) -> str:
    native = f"A field of {_OWNERS.get(home.partition('/')[0], 'the platform')}; its API reference describes it."
    facts = {"type": _type(node), "one of": _words(node), "default": _json(node.get("default"))}
    facts["example"] = _json(node.get("examples", [None])[0])
    lines = [topic, "", *_wrapped(node.get("description", native)), "", *(f"{k}: {v}" for k, v in facts.items() if v)]
    holder, there = _resolved(node["items"], home) if "items" in node else (node, home)
    if holder.get("properties"):
        lines += ["", "fields:", *_inner(holder["properties"], there)]
    return "\n".join(lines).rstrip() + "\n"


def _inner(properties: dict[str, Any], home: str) -> list[str]:
    """The fields of a mapping, each with the first sentence of its description."""
    width = max(map(len, properties))
    told = {name: _resolved(part, home)[0].get("description", "") for name, part in properties.items() if name != "$patch"}
    return [f"  {name:{width}}  {text.partition('. ')[0].removesuffix('.')}".rstrip() for name, text in told.items()]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False)


def _type(node: Any) -> str:
    kinds = node.get("type", "")
    names = [kinds] if type(kinds) is str else [kind for kind in kinds if kind != "null"]
    return " or ".join(names)


def _words(node: Any) -> str:
    return ", ".join(str(word) for word in node.get("enum", ()) if word is not None)


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
