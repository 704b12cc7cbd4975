"""The command line, through click: exit codes, what is written, what is printed where."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result
from ruamel.yaml import YAML

import bgen.run
from bgen.cli import main

ROOT = Path(__file__).resolve().parent.parent
SPEC = """\
apiVersion: bgen/v1
name: shop
namespace: demo
slots:
  blue: {image: "shop:1.0.0", version: v1}
  green: {image: "shop:2.0.0", version: v2}
stable: blue
stage: blue
"""
BROKEN = SPEC.replace("stage: blue", "stage: spilt")
BROKEN_TEXT = """\
shop.yaml:8:8: error BG201: `spilt` is not a stage of this release
    stage: spilt
           ^
    hint: did you mean `split`?
"""
# One replica is BG250, a warning.
WARNED = SPEC + "replicas: 1\n"
FILES = [
    "README.md",
    "alerts/shop.rules.yaml",
    "bgen.lock",
    "dashboards/shop.json",
    "manifests/deployment-blue.yaml",
    "manifests/deployment-green.yaml",
    "manifests/destination-rule.yaml",
    "manifests/pod-disruption-budget-blue.yaml",
    "manifests/pod-disruption-budget-green.yaml",
    "manifests/prometheus-rule.yaml",
    "manifests/service-account.yaml",
    "manifests/service.yaml",
    "manifests/virtual-service.yaml",
    "ops/traffic.sh",
    "routes/blue.yaml",
    "routes/green.yaml",
    "routes/header.yaml",
    "routes/mirror.yaml",
    "routes/rollback.yaml",
    "routes/split.yaml",
]


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def bgen_(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def write(name: str, text: str = SPEC) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def built(text: str = SPEC) -> Path:
    """shop.yaml, and its tree deploy/shop as a first build leaves it."""
    write("shop.yaml", text)
    assert bgen_("build", "shop.yaml").exit_code == 0
    return Path("deploy/shop")


def snapshot(root: Path = Path()) -> dict[str, tuple[bytes, int]]:
    """Path → bytes and time of change of every file."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def codes(result: Result) -> list[str]:
    return [word.rstrip(":") for word in result.stderr.split() if word.startswith("BG") and word.endswith(":")]


# ---------------------------------------------------------------------------------------------------------- writing


def test_build_creates_the_tree() -> None:
    write("shop.yaml")
    result = bgen_("build", "shop.yaml")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "deploy/shop: 20 created of 20 files\n"
    assert [path.removeprefix("deploy/shop/") for path in snapshot(Path("deploy"))] == FILES


def test_a_second_build_touches_nothing() -> None:
    built()
    before = snapshot()
    result = bgen_("build", "shop.yaml")
    assert result.exit_code == 0
    assert result.stderr == "deploy/shop: 20 files, up to date\n"
    assert snapshot() == before


def test_a_change_writes_only_what_it_changes() -> None:
    built()
    before = snapshot(Path("deploy"))
    write("shop.yaml", SPEC.replace("stage: blue", "stage: split"))
    assert bgen_("build", "shop.yaml").exit_code == 0
    changed = {path.removeprefix("deploy/shop/") for path, now in snapshot(Path("deploy")).items() if now != before[path]}
    assert changed == {
        "README.md",
        "alerts/shop.rules.yaml",
        "bgen.lock",
        "manifests/deployment-green.yaml",
        "manifests/prometheus-rule.yaml",
        "manifests/virtual-service.yaml",
    }


def test_what_is_no_longer_part_of_the_output_goes_with_its_directory() -> None:
    tree = built()
    assert (tree / "dashboards/shop.json").exists()
    write("shop.yaml", SPEC + "monitoring: {grafana: null}\n")
    assert bgen_("build", "shop.yaml").exit_code == 0
    assert not (tree / "dashboards").exists()


def test_output_names_another_directory() -> None:
    write("shop.yaml")
    assert bgen_("build", "shop.yaml", "--output", "k8s/live").exit_code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["k8s", "shop.yaml"]
    assert Path("k8s/live/shop/bgen.lock").is_file()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_the_script_is_executable_and_stays_it() -> None:
    script = built() / "ops/traffic.sh"
    assert script.stat().st_mode & 0o100
    script.chmod(0o644)
    assert bgen_("build", "shop.yaml", "--check").exit_code == 1
    assert bgen_("build", "shop.yaml").exit_code == 0
    assert script.stat().st_mode & 0o100


# ---------------------------------------------------------------------------------------------- --check, --diff, --hook


def test_check_of_a_tree_that_is_up_to_date() -> None:
    built()
    before = snapshot()
    assert bgen_("build", "shop.yaml", "--check").exit_code == 0
    assert snapshot() == before


def test_check_of_a_tree_that_is_not() -> None:
    built()
    write("shop.yaml", SPEC.replace("stage: blue", "stage: green"))
    before = snapshot()
    result = bgen_("build", "shop.yaml", "--check")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("deploy/shop: ")
    assert snapshot() == before


def test_check_before_the_first_build_creates_no_directory() -> None:
    write("shop.yaml")
    assert bgen_("build", "shop.yaml", "--check").exit_code == 1
    assert list(snapshot()) == ["shop.yaml"]


def test_diff_prints_a_unified_diff_and_writes_nothing() -> None:
    built()
    write("shop.yaml", SPEC.replace("stage: blue", "stage: green"))
    before = snapshot()
    result = bgen_("build", "shop.yaml", "--diff")
    assert result.exit_code == 1
    file = "deploy/shop/manifests/virtual-service.yaml"
    assert f"--- {file}\n+++ {file}\n@@ " in result.stdout
    assert "\n-        subset: blue\n+        subset: green\n" in result.stdout
    assert "bgen.lock" not in result.stdout
    assert snapshot() == before


def test_diff_of_a_new_tree_shows_whole_files() -> None:
    write("shop.yaml")
    result = bgen_("build", "shop.yaml", "--diff")
    assert result.exit_code == 1
    assert "--- /dev/null\n+++ deploy/shop/manifests/service.yaml\n@@ -0,0 +1," in result.stdout
    assert not Path("deploy").exists()


def test_diff_of_a_tree_that_is_up_to_date() -> None:
    built()
    result = bgen_("build", "shop.yaml", "--diff")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_hook_fails_when_it_changed_something_and_passes_the_second_time() -> None:
    write("shop.yaml")
    assert bgen_("build", "shop.yaml", "--hook").exit_code == 1
    assert Path("deploy/shop/bgen.lock").is_file()
    assert bgen_("build", "shop.yaml", "--hook").exit_code == 0


# ------------------------------------------------------------------------------------------------- --stdout, --stage, -


def documents(stream: str) -> Iterator[dict]:
    return YAML(typ="safe", pure=True).load_all(stream)


def test_stdout_is_the_synced_manifests_as_one_stream() -> None:
    write("shop.yaml")
    result = bgen_("build", "shop.yaml", "--stdout")
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(found["kind"] for found in documents(result.stdout)) == [
        "Deployment",
        "Deployment",
        "DestinationRule",
        "PodDisruptionBudget",
        "PodDisruptionBudget",
        "PrometheusRule",
        "Service",
        "ServiceAccount",
        "VirtualService",
    ]
    assert list(snapshot()) == ["shop.yaml"]


@pytest.mark.parametrize(
    "stage, weights",
    [("blue", [None]), ("split", [90, 10]), ("green", [None]), ("rollback", [None])],
)
def test_stage_is_as_if_the_spec_said_so(stage: str, weights: list[int | None]) -> None:
    write("shop.yaml", SPEC + "rollback: {reason: wrong prices}\n")
    result = bgen_("build", "shop.yaml", "--stage", stage, "--stdout")
    assert result.exit_code == 0
    found = [entry for entry in documents(result.stdout) if entry["kind"] == "VirtualService"]
    assert [entry["metadata"]["annotations"]["bgen/stage"] for entry in found] == [stage]
    assert [route.get("weight") for route in found[0]["spec"]["http"][-1]["route"]] == weights


def test_stage_with_check_and_diff() -> None:
    built()
    assert bgen_("build", "shop.yaml", "--stage", "green", "--check").exit_code == 1
    assert "+    bgen/stage: green\n" in bgen_("build", "shop.yaml", "--stage", "green", "--diff").stdout
    assert bgen_("build", "shop.yaml", "--stage", "blue", "--check").exit_code == 0


def test_stage_of_a_build_that_writes_is_a_usage_error() -> None:
    write("shop.yaml")
    result = bgen_("build", "shop.yaml", "--stage", "split")
    assert result.exit_code == 2
    assert "--stage needs --stdout, --diff or --check" in result.stderr
    assert not Path("deploy").exists()


def test_stage_that_is_none_is_rejected() -> None:
    write("shop.yaml")
    result = bgen_("build", "shop.yaml", "--stage", "spilt", "--stdout")
    assert (result.exit_code, result.stdout, codes(result)) == (1, "", ["BG201"])


def test_the_spec_from_standard_input() -> None:
    assert bgen_("build", "-", stdin=SPEC).exit_code == 0
    assert [path.removeprefix("deploy/shop/") for path in snapshot()] == FILES


def test_a_broken_spec_from_standard_input_is_called_stdin() -> None:
    result = bgen_("build", "-", stdin=BROKEN)
    assert result.exit_code == 1
    assert result.stderr == BROKEN_TEXT.replace("shop.yaml", "<stdin>")


# ----------------------------------------------------------------------------------------------------- several releases


def test_a_directory_stands_for_the_specs_in_it() -> None:
    write("specs/shop.yaml")
    write("specs/cart.yml", SPEC.replace("name: shop", "name: cart"))
    write("specs/quoted.yaml", SPEC.replace("name: shop", "name: quoted").replace("bgen/v1", '"bgen/v1"'))
    write("specs/values.yaml", "replicaCount: 3\n")
    write("specs/indented.yaml", "spec:\n  apiVersion: bgen/v1\n")
    write("specs/notes.txt", SPEC.replace("name: shop", "name: notes"))
    write("specs/deeper/other.yaml", SPEC.replace("name: shop", "name: other"))
    assert bgen_("build", "specs").exit_code == 0
    assert sorted(path.name for path in Path("deploy").iterdir()) == ["cart", "quoted", "shop"]


def test_the_working_directory_is_the_default() -> None:
    write("shop.yaml")
    assert bgen_("build").exit_code == 0
    assert Path("deploy/shop/bgen.lock").is_file()


def test_a_spec_named_twice_is_built_once() -> None:
    write("specs/shop.yaml")
    result = bgen_("build", "specs/shop.yaml", "specs")
    assert result.exit_code == 0
    assert result.stderr == "deploy/shop: 20 created of 20 files\n"


def test_a_broken_spec_does_not_hold_up_the_others_and_keeps_its_tree() -> None:
    built()
    write("cart.yaml", SPEC.replace("name: shop", "name: cart"))
    write("shop.yaml", BROKEN)
    before = snapshot(Path("deploy"))
    result = bgen_("build", "shop.yaml", "cart.yaml")
    assert result.exit_code == 1
    assert result.stderr == BROKEN_TEXT + "deploy/cart: 20 created of 20 files\n"
    after = snapshot(Path("deploy"))
    assert len(after) == 40
    assert {path: after[path] for path in before} == before


def test_a_malformed_spec_never_looks_deleted() -> None:
    built()
    write("shop.yaml", SPEC + "hosts: [\n")
    before = snapshot(Path("deploy"))
    result = bgen_("build", ".", "--prune")
    assert (result.exit_code, codes(result)) == (1, ["BG002"])
    assert snapshot(Path("deploy")) == before


@pytest.mark.parametrize(
    "other, collision",
    [
        pytest.param({}, "the directory shop/", id="one name"),
        pytest.param({"name: shop": "name: shop-x", "v1}": "v3}"}, "the Deployment shop-x-v2 in demo", id="one Deployment"),
        pytest.param({"name: shop": "name: shop-x", "demo": "two"}, "", id="another namespace"),
        pytest.param({"name: shop": "name: cart"}, "", id="another name"),
    ],
)
def test_two_releases_that_collide(other: dict[str, str], collision: str) -> None:
    write("a.yaml", SPEC.replace("version: v1", "version: x-v2"))
    text = SPEC
    for old, new in other.items():
        text = text.replace(old, new)
    write("b.yaml", text)
    result = bgen_("build", "a.yaml", "b.yaml")
    assert result.exit_code == (1 if collision else 0)
    assert codes(result) == (["BG309"] if collision else [])
    if collision:
        assert result.stderr.startswith(f"b.yaml:2:7: error BG309: a.yaml makes {collision} too\n")
    assert len(list(Path("deploy").iterdir())) == (1 if collision else 2)
    assert Path("deploy/shop/bgen.lock").is_file()


def test_two_releases_for_one_host_of_one_gateway() -> None:
    public = "hosts: [www.example.com]\ngateways: [istio-ingress/public, mesh]\n"
    write("a.yaml", SPEC + public)
    write("b.yaml", SPEC.replace("name: shop", "name: cart") + public)
    result = bgen_("build", "a.yaml", "b.yaml")
    assert (result.exit_code, codes(result)) == (1, ["BG309"])
    assert sorted(path.name for path in Path("deploy").iterdir()) == ["shop"]
    limited = public + "route:\n  match: [{uri: {prefix: /cart}}]\n"
    write("b.yaml", SPEC.replace("name: shop", "name: cart") + limited)
    # Sidecars follow one VirtualService for a host; gateways merge the rules of several.
    assert codes(bgen_("build", "a.yaml", "b.yaml")) == ["BG309"]
    for name in ("a.yaml", "b.yaml"):
        write(name, Path(name).read_text().replace(", mesh]", "]"))
    assert bgen_("build", "a.yaml", "b.yaml").exit_code == 0


# ------------------------------------------------------------------------------------------------------------ reporting


def test_a_warning_passes_and_strict_makes_it_an_error() -> None:
    write("shop.yaml", WARNED)
    result = bgen_("build", "shop.yaml", "--strict")
    assert (result.exit_code, codes(result)) == (1, ["BG250"])
    assert "error BG250: " in result.stderr
    assert not Path("deploy").exists()
    result = bgen_("build", "shop.yaml")
    assert (result.exit_code, codes(result)) == (0, ["BG250"])
    assert "shop.yaml:9:11: warning BG250: " in result.stderr


def test_quiet_prints_problems_only() -> None:
    write("shop.yaml")
    result = bgen_("build", "shop.yaml", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    write("shop.yaml", BROKEN)
    assert bgen_("build", "shop.yaml", "-q").stderr == BROKEN_TEXT


def test_json() -> None:
    write("shop.yaml", BROKEN)
    write("cart.yaml", SPEC.replace("name: shop", "name: Cart"))
    result = bgen_("build", "shop.yaml", "cart.yaml", "--format", "json")
    assert (result.exit_code, result.stdout) == (1, "")
    found = json.loads(result.stderr)
    assert found[0] == {
        "file": "shop.yaml",
        "line": 8,
        "column": 8,
        "code": "BG201",
        "message": "`spilt` is not a stage of this release",
        "hint": "did you mean `split`?",
        "path": ["stage"],
        "severity": "error",
    }
    assert [entry["code"] for entry in found] == ["BG201", "BG106"]


def test_json_of_nothing_wrong_is_an_empty_list() -> None:
    write("shop.yaml")
    result = bgen_("build", "shop.yaml", "--format", "json")
    assert (result.exit_code, json.loads(result.stderr)) == (0, [])


def test_github_annotations_escape_what_would_end_them() -> None:
    name = "a,b:c%d.yaml"
    write(name, SPEC + 'annotations: {"x::y%0A": 1}\n')
    result = bgen_("build", name, "--format", "github")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0].startswith("::error file=a%2Cb%3Ac%25d.yaml,line=9,col=")
    assert "%250A" in result.stderr
    write("shop.yaml", BROKEN)
    assert bgen_("build", "shop.yaml", "--format", "github").stderr == (
        "::error file=shop.yaml,line=8,col=8,title=BG201::`spilt` is not a stage of this release; did you mean `split`?\n"
    )


def test_control_characters_of_a_spec_do_not_reach_the_terminal() -> None:
    write("shop.yaml", SPEC.replace("stable: blue", 'stable: "\\e[31mred\\r\\a"'))
    result = bgen_("build", "shop.yaml", "--color", "never")
    assert result.exit_code == 1
    assert {character for character in result.stderr if ord(character) < 32} == {"\n"}
    assert 'cannot be "\\u001b[31mred\\u000d\\u0007"' in result.stderr


@pytest.mark.parametrize(
    "option, environment, colored",
    [
        ("auto", {}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": ""}, False),
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
    ],
)
def test_color(option: str, environment: dict[str, str], colored: bool) -> None:
    write("shop.yaml", BROKEN)
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    result = subprocess.run(
        [sys.executable, "-m", "bgen", "build", "shop.yaml", "--color", option],
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert ("\x1b[" in result.stderr) is colored
    assert result.stdout == ""
    if not colored:
        assert result.stderr == BROKEN_TEXT


# ------------------------------------------------------------------------------------------------- what is in the way


def test_a_file_edited_by_hand_is_not_overwritten_without_force() -> None:
    tree = built()
    service = tree / "manifests/service.yaml"
    right = service.read_bytes()
    service.write_bytes(right.replace(b"port: 80\n", b"port: 81\n"))
    before = snapshot()
    for options in ([], ["--check"]):
        result = bgen_("build", "shop.yaml", *options)
        assert (result.exit_code, codes(result)) == (1, ["BG302"])
        assert result.stderr.startswith("deploy/shop/manifests/service.yaml: error BG302: ")
        assert snapshot() == before
    assert bgen_("build", "shop.yaml", "--force").exit_code == 0
    assert service.read_bytes() == right


def test_a_file_that_was_deleted_comes_back() -> None:
    service = built() / "manifests/service.yaml"
    right = service.read_bytes()
    service.unlink()
    assert bgen_("build", "shop.yaml").exit_code == 0
    assert service.read_bytes() == right


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_foreign_file_in_the_way_is_never_overwritten(force: list[str]) -> None:
    write("shop.yaml")
    write("deploy/shop/README.md", "# Our notes\n")
    before = snapshot()
    result = bgen_("build", "shop.yaml", *force)
    assert (result.exit_code, codes(result)) == (1, ["BG301"])
    assert result.stderr.startswith("deploy/shop/README.md: error BG301: ")
    assert snapshot() == before


def test_a_file_of_the_users_own_beside_the_manifests_is_untouched() -> None:
    tree = built()
    own = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: demo}\n"
    write("deploy/shop/manifests/settings.yaml", own)
    write("deploy/shop/manifests/notes.txt", "kind: VirtualService\n")
    before = snapshot()
    assert bgen_("build", "shop.yaml", "--force").exit_code == 0
    assert bgen_("verify", str(tree)).exit_code == 0
    assert snapshot() == before
    write("shop.yaml", SPEC.replace("stage: blue", "stage: green"))
    assert bgen_("build", "shop.yaml").exit_code == 0
    assert (tree / "manifests/settings.yaml").read_text(encoding="utf-8") == own


@pytest.mark.parametrize(
    "name, text, words",
    [
        pytest.param(
            "extra.yaml",
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: extra, namespace: demo}\n"
            "spec: {hosts: [shop.demo.svc.cluster.local], http: []}\n",
            "a second VirtualService for shop.demo.svc.cluster.local",
            id="second VirtualService",
        ),
        pytest.param(
            "copy.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: shop, namespace: demo}\n",
            "Service shop is in bgen's output too",
            id="one object twice",
        ),
        pytest.param("kustomization.yaml", "resources: []\n", "another tool's", id="kustomization"),
        pytest.param("broken.yaml", "a: [\n", "cannot be read", id="unreadable"),
    ],
)
def test_a_foreign_manifest_that_would_fight_with_ours(name: str, text: str, words: str) -> None:
    tree = built()
    write(f"deploy/shop/manifests/{name}", text)
    before = snapshot()
    for command in (["build", "shop.yaml"], ["build", "shop.yaml", "--check"], ["verify", str(tree)]):
        result = bgen_(*command)
        assert (result.exit_code, codes(result)) == (1, ["BG310"])
        assert result.stderr.startswith(f"deploy/shop/manifests/{name}: error BG310: ")
        assert words in result.stderr
    assert snapshot() == before


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
@pytest.mark.parametrize("link", ["manifests/service.yaml", "manifests", "bgen.lock"])
def test_nothing_is_written_through_a_symbolic_link(link: str) -> None:
    tree = built()
    elsewhere = Path("elsewhere")
    (tree / link).rename(elsewhere)
    (tree / link).symlink_to(elsewhere.resolve())
    write("shop.yaml", SPEC + "port: 9090\n")
    before = snapshot()
    result = bgen_("build", "shop.yaml", "--force")
    assert result.exit_code == 1
    assert set(codes(result)) == {"BG304"}
    assert f"deploy/shop/{link}: error BG304: " in result.stderr
    assert snapshot() == before


@pytest.mark.parametrize("outside", ["../x", "/etc/x", "a/../../x", "a\\x", "C:x", "", "a//x"])
def test_a_lock_that_leads_out_of_the_directory(outside: str) -> None:
    lock = built() / "bgen.lock"
    write("deploy/x", "precious\n")
    content = json.loads(lock.read_text(encoding="utf-8"))
    content["files"][outside] = "0" * 64
    lock.write_text(json.dumps(content), encoding="utf-8")
    before = snapshot()
    for command in (["build", "shop.yaml", "--force"], ["verify", "deploy/shop"]):
        result = bgen_(*command)
        assert (result.exit_code, codes(result)) == (1, ["BG305"])
    assert snapshot() == before


@pytest.mark.parametrize(
    "text, words",
    [
        ('{"format": 99, "spec": "shop.yaml", "files": {}, "state": {}}', "format 99"),
        ("not JSON\n", "not a lock"),
        ("[]", "not a lock"),
        ('{"format": 1, "spec": "shop.yaml", "files": ["a"], "state": {}}', "not a list of files"),
        ('{"format": 1, "spec": "shop.yaml", "files": {}, "state": []}', "cannot be used"),
        ('{"format": 1, "spec": 5, "files": {}, "state": {}}', "cannot be used"),
    ],
)
def test_a_lock_that_cannot_be_used(text: str, words: str) -> None:
    tree = built()
    (tree / "bgen.lock").write_text(text, encoding="utf-8")
    before = snapshot()
    for command in (["build", "shop.yaml"], ["build", "shop.yaml", "--force"], ["verify", "deploy"]):
        result = bgen_(*command)
        assert (result.exit_code, codes(result)) == (1, ["BG303"])
        assert words in result.stderr
    assert snapshot() == before


def test_a_tree_without_its_lock_is_taken_over_when_nothing_differs() -> None:
    tree = built()
    lock = (tree / "bgen.lock").read_bytes()
    (tree / "bgen.lock").unlink()
    assert bgen_("build", "shop.yaml").exit_code == 0
    assert (tree / "bgen.lock").read_bytes() == lock


# -------------------------------------------------------------------------------------------------------------- orphans


def test_a_tree_whose_spec_is_gone_is_reported_and_only_prune_removes_it() -> None:
    built()
    Path("shop.yaml").unlink()
    write("cart.yaml", SPEC.replace("name: shop", "name: cart"))
    assert bgen_("build", "cart.yaml").exit_code == 0
    before = snapshot()
    for options in ([], ["--prune", "--check"]):
        result = bgen_("build", ".", *options)
        assert (result.exit_code, codes(result)) == (1, ["BG306"])
        assert snapshot() == before
    write("deploy/shop/manifests/settings.yaml", "kind: ConfigMap\n")
    assert bgen_("build", ".", "--prune").exit_code == 0
    assert list(snapshot(Path("deploy/shop"))) == ["deploy/shop/manifests/settings.yaml"]
    Path("deploy/shop/manifests/settings.yaml").unlink()


def test_prune_leaves_nothing_of_a_tree_that_was_bgens_alone() -> None:
    built()
    Path("shop.yaml").rename("cart.yaml")
    write("cart.yaml", SPEC.replace("name: shop", "name: cart"))
    assert bgen_("build", ".", "--prune").exit_code == 0
    assert sorted(path.name for path in Path("deploy").iterdir()) == ["cart"]


def test_prune_keeps_a_tree_with_a_file_edited_by_hand() -> None:
    tree = built()
    Path("shop.yaml").unlink()
    write("cart.yaml", SPEC.replace("name: shop", "name: cart"))
    with (tree / "README.md").open("a", encoding="utf-8") as file:
        file.write("more\n")
    before = snapshot(tree)
    result = bgen_("build", ".", "--prune")
    assert (result.exit_code, codes(result)) == (1, ["BG302"])
    assert snapshot(tree) == before


def test_a_release_of_another_directory_is_no_orphan() -> None:
    for name in ("shop", "cart"):
        write(f"{name}/release.yaml", SPEC.replace("name: shop", f"name: {name}"))
        assert bgen_("build", name).exit_code == 0
    assert bgen_("build", "shop", "--prune").exit_code == 0
    assert sorted(path.name for path in Path("deploy").iterdir()) == ["cart", "shop"]


def test_a_tree_is_no_orphan_of_a_build_that_names_files() -> None:
    built()
    Path("shop.yaml").unlink()
    write("cart.yaml", SPEC.replace("name: shop", "name: cart"))
    assert bgen_("build", "cart.yaml", "--prune").exit_code == 0
    assert Path("deploy/shop/bgen.lock").is_file()


# --------------------------------------------------------------------------------------------------------------- verify


def test_verify_a_good_tree_by_itself_and_by_its_parent() -> None:
    built()
    before = snapshot()
    for directory in ("deploy/shop", "deploy"):
        result = bgen_("verify", directory, "--kubeconform", "off")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "deploy/shop: 19 files verified\n"
    assert snapshot() == before


def test_verify_an_edited_tree() -> None:
    tree = built()
    route = tree / "manifests/virtual-service.yaml"
    route.write_text(route.read_text(encoding="utf-8").replace("subset: blue", "subset: green"), encoding="utf-8")
    result = bgen_("verify", "deploy", "--kubeconform", "off")
    assert result.exit_code == 1
    assert "deploy/shop/manifests/virtual-service.yaml: error BG302: " in result.stderr


def test_verify_a_tree_with_a_missing_file() -> None:
    (built() / "manifests/service.yaml").unlink()
    result = bgen_("verify", "deploy", "--kubeconform", "off")
    assert (result.exit_code, codes(result)) == (1, ["BG308"])
    assert result.stderr.startswith("deploy/shop/manifests/service.yaml: error BG308: ")


def test_verify_judges_every_tree() -> None:
    built()
    write("cart.yaml", SPEC.replace("name: shop", "name: cart"))
    assert bgen_("build", "cart.yaml").exit_code == 0
    Path("deploy/cart/README.md").unlink()
    result = bgen_("verify", "deploy", "--kubeconform", "off")
    assert (result.exit_code, codes(result)) == (1, ["BG308"])
    assert "deploy/shop: 19 files verified\n" in result.stderr


# ---------------------------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["build"], "no spec found"),
        (["build", "missing.yaml"], "missing.yaml"),
        (["build", "empty"], "no spec found"),
        (["build", "--colour", "never"], "--colo"),
        (["build", "--format", "xml"], "xml"),
        (["build", "-o", "a-file"], "a-file"),
        (["verify"], "DIR"),
        (["verify", "missing"], "missing"),
        (["verify", "empty"], "no release directory found"),
        (["bulid"], "bulid"),
    ],
)
def test_usage_errors(arguments: list[str], words: str) -> None:
    Path("empty").mkdir()
    write("a-file", "")
    before = snapshot()
    result = bgen_(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert snapshot() == before


@pytest.mark.parametrize("arguments", [["--help"], ["build", "--help"], ["verify", "--help"], ["--version"]])
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from bgen.cli import main\n"
        f"try:\n    main({arguments!r})\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {name.partition('.')[0] for name in sys.modules} & {'jinja2', 'jsonschema', 'ruamel', '_ruamel_yaml'}\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "bgen" in result.stdout


def test_a_good_build_does_not_load_jsonschema() -> None:
    write("shop.yaml")
    program = (
        "import sys\n"
        "from bgen.cli import main\n"
        "try:\n    main(['build', 'shop.yaml'])\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'jsonschema' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", program], env=environment).returncode == 0


def test_a_bug_is_reported_as_one_and_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(*_: object) -> None:
        raise RuntimeError("boom")

    write("shop.yaml")
    monkeypatch.setattr(bgen.run, "finish", finish)
    result = bgen_("build", "shop.yaml")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("bgen: this is a bug in bgen, not in your spec. Nothing of the release was written.\n")
    assert "\nRuntimeError: boom\n" in result.stderr
    assert "Traceback (most recent call last):" in result.stderr
    assert list(snapshot()) == ["shop.yaml"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no EPIPE")
def test_a_reader_that_goes_away_is_no_bug() -> None:
    write("shop.yaml")
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [sys.executable, "-m", "bgen", "build", "shop.yaml", "--stdout"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert (result.returncode, result.stderr) == (1, "")


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(*_: object) -> None:
        raise KeyboardInterrupt

    write("shop.yaml")
    monkeypatch.setattr(bgen.run, "finish", finish)
    assert bgen_("build", "shop.yaml").exit_code == 130
    assert list(snapshot()) == ["shop.yaml"]


# --------------------------------------------------------------------------------------------------------------- foreign


@pytest.mark.parametrize(
    "text, expected",
    [
        ("kind: Service\napiVersion: v1\nmetadata: {name: shop}\n", "Service shop is in bgen's output too"),
        (
            "kind: VirtualService\napiVersion: networking.istio.io/v1\nmetadata: {name: x}\nspec: {hosts: [shop]}\n",
            "a second VirtualService",
        ),
        (
            "kind: DestinationRule\napiVersion: networking.istio.io/v1\nmetadata: {name: x}\nspec: {host: shop.demo.svc}\n",
            "a second DestinationRule",
        ),
        ("kind: VirtualService\napiVersion: networking.istio.io/v1\nmetadata: {name: x}\nspec: {hosts: [{a: 1}]}\n", ""),
        ("kind: Service\napiVersion: v1\nmetadata: {name: other}\n", ""),
    ],
)
def test_a_file_beside_the_manifests_that_argo_cd_would_apply_against_them(text: str, expected: str) -> None:
    built()
    write("deploy/shop/manifests/mine.yaml", text)
    result = bgen_("build", "shop.yaml")
    assert codes(result) == (["BG310"] if expected else [])
    assert expected in result.stderr


def test_a_stale_file_of_bgens_own_is_no_foreign_one() -> None:
    built()
    text = SPEC.replace("version: v1", "version: v2")
    write("shop.yaml", "\n".join(line for line in text.splitlines() if not line.startswith("  green:")) + "\n")
    assert bgen_("build", "shop.yaml").exit_code == 0
    assert not Path("deploy/shop/manifests/deployment-green.yaml").exists()


def test_verify_of_a_tree_without_its_service_and_with_a_foreign_file() -> None:
    built()
    service = Path("deploy/shop/manifests/service.yaml")
    service.write_text(service.read_text().replace("kind: Service", "kind: Other"))
    write("deploy/shop/manifests/mine.yaml", "kind: Service\napiVersion: v1\nmetadata: {name: mine}\n")
    result = bgen_("verify", "deploy", "--kubeconform", "off")
    assert result.exit_code == 1
    assert set(codes(result)) == {"BG302", "BG503"}
    service.write_text("a: [\n")
    result = bgen_("verify", "deploy", "--kubeconform", "off")
    assert (result.exit_code, set(codes(result))) == (1, {"BG302", "BG501"})
