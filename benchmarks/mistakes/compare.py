"""Ten typical mistakes, and what bgen, Helm, CUE and kubeconform say about each.

    python benchmarks/mistakes/compare.py [--verbose] [--helm PATH] [--cue PATH] [--kubeconform PATH]

bgen, Helm and CUE get the very same file, release.yaml: bgen as its spec, Helm (`helm template`) as the values of a small
chart with a values.schema.json, CUE (`cue vet -c`) as data for a closed definition. The schema and the definition allow
the same keys, words, types and ranges, the whole probe included. What no schema of a typical chart holds, such as the
case of a header key, they do not hold either, though both languages could express that one. `kubeconform -strict` gets
the manifests, one object per file, with the mistake where a template or a hand would have put it, and judges them with
the schemas that bgen bundles; for it, the file with the mistake is the user's file.

Needs the development environment of bgen. The other tools are not part of this repository; they are looked up on PATH,
and a missing one is a column that says so. To get them from the Go module proxy:

    export GOBIN=/tmp/gobin
    go install helm.sh/helm/v3/cmd/helm@v3.19.0
    go install cuelang.org/go/cmd/cue@v0.17.1
    go install github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0

How to read the table. A tool has found a mistake if it fails (every tool has to pass the file without a mistake first).
The words of a cell then say what its message, standard output and standard error together, contains:

    line     the number of a line of the mistake in the user's file: `release.yaml:9` or `line 9`
    column   also the column, and it lies within that line's text: `release.yaml:9:8`
    caret    also the line itself with a ^ below it
    path     every key from the top of the file down to the mistake, in any notation
    key      not the whole path, but its last key
    wanted   what would be right: the spelling, type, limit or word, or the place of the other entry
    hint     advice in so many words: "did you mean", "write", "quote", "add", "keep"
    code     a stable code to look up, such as BG101

A cell without line and wanted reads "path only" or "key only". "accepted" means exit code 0: the mistake goes on to the
cluster or to the next tool, as the text behind the colon; "as meant" says that the tool read what the user had in mind.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
USER_FILE = "release.yaml"
SPEC = """\
apiVersion: bgen/v1
name: my-app
namespace: production
slots:
  blue:
    image: "my-app:1.0.0"
    version: v1
  green:
    image: "my-app:2.0.0"
    version: v2
stable: blue
stage: split
port: 8080
replicas: 3
container:
  readinessProbe:
    httpGet:
      path: /healthz
      port: http
    periodSeconds: 10
    failureThreshold: 3
route:
  timeout: 10s
stages:
  - name: header
    match:
      - headers:
          x-canary:
            exact: "on"
  - name: split
    weight: 10
"""
SLOTS = SPEC[SPEC.index("slots:") : SPEC.index("port: 8080")]
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: my-app-SLOT
  namespace: production
spec:
  replicas: 3
  selector:
    matchLabels: {app: my-app, slot: SLOT}
  template:
    metadata:
      labels:
        app: my-app
        slot: SLOT
        version: VERSION
    spec:
      containers:
        - name: my-app
          image: "my-app:TAG"
          ports: [{name: http, containerPort: 8080}]
          readinessProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 10
            failureThreshold: 3
"""
GREEN = DEPLOYMENT.replace("SLOT", "green").replace("VERSION", "v2").replace("TAG", "2.0.0")
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: my-app
  namespace: production
spec:
  hosts: [my-app]
  http:
    - match:
        - headers:
            x-canary:
              exact: "on"
      route:
        - destination: {host: my-app, subset: green}
    - timeout: 10s
      route:
        - destination: {host: my-app, subset: green}
          weight: 10
        - destination: {host: my-app, subset: blue}
          weight: 90
"""
MANIFESTS = {"green.yaml": GREEN, "route.yaml": ROUTE}
TEMPLATE = (
    """\
{{- range $slot, $fields := .Values.slots }}
---
"""
    + DEPLOYMENT.replace("SLOT", "{{ $slot }}")
    .replace("VERSION", "{{ $fields.version }}")
    .replace('"my-app:TAG"', "{{ $fields.image | quote }}")
    .replace("replicas: 3", "replicas: {{ $.Values.replicas }}")
    .replace("8080", "{{ $.Values.port }}")
    .partition("            httpGet:")[0]
    + """\
            {{- toYaml $.Values.container.readinessProbe | nindent 12 }}
{{- end }}
---
"""
    + ROUTE.partition("  http:")[0]
    + """\
  http:
    {{- range .Values.stages }}
    {{- if eq .name $.Values.stage }}
    - timeout: {{ $.Values.route.timeout }}
      route:
        - destination: {host: my-app, subset: green}
          weight: {{ .weight | default 100 }}
        - destination: {host: my-app, subset: {{ $.Values.stable }}}
          weight: {{ sub 100 (.weight | default 100) }}
    {{- end }}
    {{- with .match }}
    - match:
        {{- toYaml . | nindent 8 }}
      route:
        - destination: {host: my-app, subset: green}
    {{- end }}
    {{- end }}
"""
)
VALUES_SCHEMA = """\
{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "required": ["apiVersion", "name", "namespace", "slots", "stable", "stage", "port", "replicas", "container", "route", "stages"],
  "properties": {
    "apiVersion": {"const": "bgen/v1"},
    "name": {"type": "string", "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"},
    "namespace": {"type": "string", "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"},
    "slots": {
      "type": "object", "additionalProperties": false, "required": ["blue", "green"],
      "properties": {"blue": {"$ref": "#/definitions/slot"}, "green": {"$ref": "#/definitions/slot"}}
    },
    "stable": {"enum": ["blue", "green"]},
    "stage": {"enum": ["blue", "header", "mirror", "split", "green", "rollback"]},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "replicas": {"type": "integer", "minimum": 1},
    "container": {
      "type": "object", "additionalProperties": false, "required": ["readinessProbe"],
      "properties": {"readinessProbe": {"$ref": "#/definitions/probe"}}
    },
    "route": {
      "type": "object", "additionalProperties": false, "required": ["timeout"],
      "properties": {"timeout": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}}
    },
    "stages": {"type": "array", "items": {"$ref": "#/definitions/stage"}}
  },
  "definitions": {
    "slot": {
      "type": "object", "additionalProperties": false, "required": ["image", "version"],
      "properties": {"image": {"type": "string"}, "version": {"type": "string"}}
    },
    "probe": {
      "type": "object", "additionalProperties": false, "required": ["httpGet"],
      "properties": {
        "httpGet": {
          "type": "object", "additionalProperties": false, "required": ["path", "port"],
          "properties": {"path": {"type": "string"}, "port": {"type": ["string", "integer"]}}
        },
        "periodSeconds": {"type": "integer", "minimum": 1},
        "failureThreshold": {"type": "integer", "minimum": 1}
      }
    },
    "stage": {
      "type": "object", "additionalProperties": false, "required": ["name"],
      "properties": {
        "name": {"enum": ["header", "mirror", "split"]},
        "weight": {"type": "integer", "minimum": 0, "maximum": 100},
        "match": {"type": "array", "items": {
          "type": "object", "additionalProperties": false, "required": ["headers"],
          "properties": {"headers": {"type": "object", "additionalProperties": {
            "type": "object", "additionalProperties": false, "required": ["exact"],
            "properties": {"exact": {"type": "string"}}
          }}}
        }}
      }
    }
  }
}
"""
DEFINITION = """\
#Release: {
	apiVersion!: "bgen/v1"
	name!:       =~"^[a-z]([-a-z0-9]*[a-z0-9])?$"
	namespace!:  =~"^[a-z]([-a-z0-9]*[a-z0-9])?$"
	slots!: {blue!: #Slot, green!: #Slot}
	stable!:   "blue" | "green"
	stage!:    "blue" | "header" | "mirror" | "split" | "green" | "rollback"
	port!:     int & >=1 & <=65535
	replicas!: int & >=1
	container!: readinessProbe!: #Probe
	route!: timeout!: =~"^[0-9]+(ms|s|m|h)$"
	stages!: [...#Stage]
}
#Slot: {image!: string, version!: string}
#Probe: {
	httpGet!: {path!: string, port!: string | int}
	periodSeconds?:    int & >=1
	failureThreshold?: int & >=1
}
#Stage: {
	name!:   "header" | "mirror" | "split"
	weight?: int & >=0 & <=100
	match?: [...{headers!: [string]: {exact!: string}}]
}
"""
EXPORT = "import sys; from pathlib import Path; from bgen.kubeconform import export; \
export(Path(sys.argv[1]), {'kubernetes': '1.32', 'istio': '1.28'})"
HINT = re.compile(r"\b(did you mean|write|quote|add|keep|instead)\b")
CODE = re.compile(r"\b[A-Z]{2,}[0-9]{3,}\b")
CARET = re.compile(r"^\s*\^+\s*$", re.MULTILINE)


class Edit(NamedTuple):
    """What makes a right text wrong; the lines of `new` are those of the mistake, `path` leads to it."""

    old: str
    new: str
    path: str

    def apply(self, text: str) -> str:
        assert text.count(self.old) <= 1, self.old
        return text.replace(self.old, self.new)

    def lines(self, text: str) -> range:
        """The numbers of the mistake's lines in the changed text."""
        start = text.find(self.new)
        first = text.count("\n", 0, start) + 1
        return range(first, first + len(self.new.splitlines())) if start >= 0 and self.new else range(0)


class Mistake(NamedTuple):
    """`wanted` matches what would be right; `result` what an accepted mistake became, `meant` what it should have been."""

    name: str
    spec: Edit
    manifest: Edit
    wanted: str
    result: str = ""
    meant: str = ""


MISTAKES = [
    Mistake(
        "misspelled key: `replcas`",
        Edit("replicas: 3", "replcas: 3", "replcas"),
        Edit("replicas: 3", "replcas: 3", "spec.replcas"),
        r"\breplicas\b",
        r"replcas: 3",
    ),
    Mistake(
        "misspelled key in a probe: `failureTreshold`",
        Edit("failureThreshold", "failureTreshold", "container.readinessProbe.failureTreshold"),
        Edit("failureThreshold", "failureTreshold", "spec.template.spec.containers.readinessProbe.failureTreshold"),
        r"\bfailureThreshold\b",
        r"failureTreshold: 3",
    ),
    Mistake(
        'wrong type: `replicas: "3"`',
        Edit("replicas: 3", 'replicas: "3"', "replicas"),
        Edit("replicas: 3", 'replicas: "3"', "spec.replicas"),
        r"\bint(eger)?\b|\bnumber\b",
        r'replicas: "?3"?',
    ),
    Mistake(
        "out of range: `weight: 110`",
        Edit("weight: 10", "weight: 110", "stages.weight"),
        Edit("weight: 10", "weight: 110", "spec.http.route.weight"),
        r"\b100\b",
        r"weight: 110",
    ),
    Mistake(
        "unquoted `version: no`",
        Edit("version: v2", "version: no", "slots.green.version"),
        Edit("version: v2", "version: no", "spec.template.metadata.labels.version"),
        r'"no"|\bstring\b',
        r'version: ("no"|no|false)',
        'version: "no"',
    ),
    Mistake(
        "unquoted `version: 1.10`",
        Edit("version: v2", "version: 1.10", "slots.green.version"),
        Edit("version: v2", "version: 1.10", "spec.template.metadata.labels.version"),
        r'"1\.10"|\bstring\b',
        r'version: "?1\.10?"?',
        'version: "1.10"',
    ),
    Mistake(
        "unknown stage: `splt`",
        Edit("stage: split", "stage: splt", "stage"),
        Edit("subset: green}\n          weight", "subset: splt}\n          weight", "spec.http.route.destination.subset"),
        r"\b(split|green)\b",
        r"subset: splt|stage: splt",
    ),
    Mistake(
        "no `slots.green`, which the stage needs",
        Edit(SLOTS, re.sub(r"  green:\n.*\n.*\n", "", SLOTS), "slots.green"),
        Edit(GREEN, "", "green"),
        r"\bgreen\b",
        r"subset: green",
    ),
    Mistake(
        "duplicate key: `replicas`",
        Edit("replicas: 3", "replicas: 3\nreplicas: 2", "replicas"),
        Edit("replicas: 3", "replicas: 3\n  replicas: 2", "spec.replicas"),
        "",
        r"replicas: \d",
    ),
    Mistake(
        "header key in upper case: `X-Canary`",
        Edit("x-canary", "X-Canary", "stages.match.headers.X-Canary"),
        Edit("x-canary", "X-Canary", "spec.http.match.headers.X-Canary"),
        r"\bx-canary\b|lower.case",
        r"X-Canary:",
    ),
]


class Case(NamedTuple):
    """One tool's input in a folder of its own; the user's file, its text, the lines of the mistake and the path to it."""

    folder: Path
    file: str
    text: str
    lines: range
    path: str


class Outcome(NamedTuple):
    code: int
    message: str
    result: str


def run(command: list[str], folder: Path) -> tuple[int, str, str]:
    """Exit code, standard output and everything said, without the folder's name."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    said = (done.stdout if done.returncode else "") + done.stderr
    return done.returncode, done.stdout, said.replace(str(folder), ".").strip()


def bgen(program: str, case: Case) -> Outcome:
    code, output, said = run([program, "-m", "bgen", "build", "--stdout", USER_FILE], case.folder)
    return Outcome(code, said, output)


def helm(program: str, case: Case) -> Outcome:
    templates = case.folder / "chart/templates"
    templates.mkdir(parents=True)
    (templates / "all.yaml").write_text(TEMPLATE, encoding="utf-8")
    (templates.parent / "Chart.yaml").write_text("apiVersion: v2\nname: my-app\nversion: 1.0.0\n", encoding="utf-8")
    (templates.parent / "values.schema.json").write_text(VALUES_SCHEMA, encoding="utf-8")
    code, output, said = run([program, "template", "my-app", "chart", "-f", USER_FILE], case.folder)
    return Outcome(code, said, output)


def cue(program: str, case: Case) -> Outcome:
    (case.folder / "schema.cue").write_text(DEFINITION, encoding="utf-8")
    code, _, said = run([program, "vet", "-c", "-d", "#Release", "schema.cue", USER_FILE], case.folder)
    output = "" if code else run([program, "export", "--out", "yaml", USER_FILE], case.folder)[1]
    return Outcome(code, said, output)


def kubeconform(program: str, case: Case) -> Outcome:
    schemas = case.folder / "schemas"
    schemas.mkdir()
    run([sys.executable, "-c", EXPORT, "schemas"], case.folder)
    files = sorted(path.name for path in case.folder.glob("*.yaml"))
    location = "schemas/{{.ResourceKind}}{{.KindSuffix}}.json"
    code, _, said = run([program, "-strict", "-schema-location", location, *files], case.folder)
    return Outcome(code, said, "\n".join((case.folder / file).read_text(encoding="utf-8") for file in files))


class Tool(NamedTuple):
    name: str
    version: list[str]
    check: Callable[[str, Case], Outcome]


TOOLS = [
    Tool("bgen", ["-m", "bgen", "--version"], bgen),
    Tool("Helm + values.schema.json", ["version", "--short"], helm),
    Tool("CUE", ["version"], cue),
    Tool("kubeconform -strict", ["-v"], kubeconform),
]


def prepare(folder: Path, tool: Tool, mistake: Mistake | None) -> Case:
    """Write the tool's files, with the mistake in one of them; None is the control without any."""
    folder.mkdir()
    manifests = tool.check is kubeconform
    edit = (mistake.manifest if manifests else mistake.spec) if mistake else None
    files = MANIFESTS if manifests else {USER_FILE: SPEC}
    name = next((name for name, text in files.items() if edit and edit.old in text), USER_FILE)
    changed = {file: edit.apply(text) if edit and file == name else text for file, text in files.items()}
    for file, text in changed.items():
        if text:
            (folder / file).write_text(text, encoding="utf-8")
    text = changed.get(name, "")
    return Case(folder, name, text, edit.lines(text) if edit else range(0), edit.path if edit else "")


def place(case: Case, message: str) -> list[str]:
    """The line, and the column or caret."""
    pattern = rf"{re.escape(case.file)}:(\d+)(?::(\d+))?|\bline (\d+)(?:,? column (\d+))?"
    named = [(int(hit[1] or hit[3]), int(hit[2] or hit[4] or 0)) for hit in re.finditer(pattern, message)]
    right = [(line, column) for line, column in named if line in case.lines]
    if not right:
        return []
    texts = case.text.splitlines()
    within = any(0 <= column - 1 - indent(texts[line - 1]) < len(texts[line - 1].strip()) for line, column in right)
    shown = any(texts[line - 1].strip() in message for line, _ in right) and CARET.search(message)
    return ["line", *(["caret"] if shown else ["column"] if within else [])]


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def names(case: Case, message: str) -> list[str]:
    """Whether the message names the whole path, or the key at its end."""
    found = [re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", message) for key in case.path.split(".")]
    return ["path"] if all(found) else ["key"] if found[-1] else []


def wanted(mistake: Mistake, case: Case, message: str) -> bool:
    """Whether what would be right stands in the message; of an entry that stands twice, where both are."""
    if mistake.wanted:
        return re.search(mistake.wanted, message) is not None
    pattern = rf"(?:{re.escape(case.file)}:|\bline )(\d+)"
    return set(case.lines) <= {int(number) for number in re.findall(pattern, message)}


def classify(mistake: Mistake, case: Case, outcome: Outcome) -> str:
    """One cell of the table; the docstring of this file has the criteria."""
    if outcome.code == 0:
        hit = re.search(mistake.result, outcome.result)
        became = hit[0].rstrip(":") if hit else ""
        meant = " as meant" if became and became == mistake.meant else ""
        return f"accepted{meant}" + (f": `{became}`" if became else "")
    words = place(case, outcome.message) + names(case, outcome.message)
    words += ["wanted"] if wanted(mistake, case, outcome.message) else []
    words += ["hint"] if HINT.search(outcome.message) else []
    words += ["code"] if CODE.search(outcome.message) else []
    return f"{words[0]} only" if len(words) == 1 else ", ".join(words) or "found, nothing more"


def column(tool: Tool, program: str, folder: Path, verbose: bool) -> list[str]:
    """What one tool makes of every mistake, after it has passed the control."""
    folder.mkdir()
    control = tool.check(program, prepare(folder / "control", tool, None))
    if control.code:
        sys.exit(f"{tool.name} refuses the input without a mistake:\n{control.message}")
    cells = []
    for number, mistake in enumerate(MISTAKES):
        case = prepare(folder / str(number), tool, mistake)
        outcome = tool.check(program, case)
        cells.append(classify(mistake, case, outcome))
        if verbose:
            print(f"## {tool.name}, {mistake.name}: {cells[-1]}\n\n{outcome.message or '(nothing)'}\n")
    return cells


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def version(tool: Tool, program: str, folder: Path) -> str:
    said = run([program, *tool.version], folder)[1].strip().partition("\n")[0]
    return f"- {tool.name}: {said or 'unknown version'}"


def programs() -> tuple[argparse.Namespace, list[str | None]]:
    """The arguments, and where each tool is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--verbose", action="store_true", help="print every message first")
    for name in ("helm", "cue", "kubeconform"):
        parser.add_argument(f"--{name}", default=name, metavar="PATH", help=f"default: {name} on PATH")
    arguments = parser.parse_args()
    found = [shutil.which(name) for name in (arguments.helm, arguments.cue, arguments.kubeconform)]
    return arguments, [sys.executable, *(str(Path(path).absolute()) if path else None for path in found)]


def main() -> None:
    arguments, paths = programs()
    columns, versions = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for number, (tool, program) in enumerate(zip(TOOLS, paths, strict=True)):
            if program is None:
                columns.append(["not installed"] * len(MISTAKES))
                versions.append(f"- {tool.name}: not installed")
                continue
            columns.append(column(tool, program, folder / str(number), arguments.verbose))
            versions.append(version(tool, program, folder))
    rows = [[mistake.name, *cells] for mistake, *cells in zip(MISTAKES, *columns, strict=True)]
    print(table(["mistake", *(tool.name for tool in TOOLS)], rows))
    print("\n" + "\n".join(versions))


if __name__ == "__main__":
    main()
