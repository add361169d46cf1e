"""What the repository may hold: nothing of one machine, nothing large, one address."""

import re
import subprocess
from pathlib import Path

import pytest

from tools import repo
from tools.notebook_checks import machine_paths

ROOT = Path(__file__).resolve().parents[2]
SIZE_CAP = 1_000_000
# Hosts of package registries: an installer's settings name them, this repository does not.
HOSTS = ["pypi" + ".org", "pythonhosted" + ".org", "download.pytorch" + ".org"]
TEXT = {".py", ".md", ".yml", ".yaml", ".toml", ".cff", ".txt", ".sh", ".json", ".css", ".js",
        ".svg", ".bib", ".ipynb", ""}  # fmt: skip


def tracked() -> list[Path]:
    """Return the tracked files, or those that would be: not ignored by git."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    return [
        (path.relative_to(ROOT), path.read_text(encoding="utf-8", errors="replace"))
        for path in tracked()
        if path.suffix in TEXT
    ]


def test_no_path_of_one_machine():
    # this file and the pattern's own module and tests hold examples
    examples = {"tests/unit/test_tree.py", "tests/unit/test_tools.py"}
    found = [
        f"{path}: {hit}"
        for path, text in texts()
        if path.as_posix() not in examples
        for hit in machine_paths(text)
    ]
    assert found == []


def test_the_pattern_sees_paths_and_lets_addresses_pass():
    assert machine_paths('File "/home/ann/fairtut/x.py"') == ["/home/ann"]
    assert machine_paths("see /tmp/run.json") == ["/tmp/run.json"]
    assert machine_paths("https://example.org/home/ann and book/home/x and ~/data") == []
    assert machine_paths("data:image/png;base64,abc/tmp/xyz==") == []


def test_no_registry_host():
    found = [f"{path}: {host}" for path, text in texts() for host in HOSTS if host in text]
    assert found == []


def test_nothing_large_is_tracked():
    large = [str(p.relative_to(ROOT)) for p in tracked() if p.stat().st_size > SIZE_CAP]
    assert large == []


def test_one_address():
    """Every repository link of ours is the one in pyproject.toml."""
    url = repo.address()
    name = repo.slug(url).split("/")[1]
    pattern = re.compile(rf"https://github\.com/[\w.-]+/{re.escape(name)}(?![\w-])")
    found = [
        f"{path}: {hit}"
        for path, text in texts()
        if path.parts[0] != "tests"
        for hit in pattern.findall(text)
        if hit != url
    ]
    assert found == []


def test_version_is_the_same_everywhere():
    import fairtut

    cff = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {fairtut.__version__}" in cff


def test_no_leftover_conflict_or_todo_marker():
    marks = re.compile(r"^(<{7} |>{7} |={7}$)", re.MULTILINE)
    assert [str(path) for path, text in texts() if marks.search(text)] == []


@pytest.mark.parametrize("name", ["ci", "book", "nightly"])
def test_workflows_parse_and_call_targets_that_exist(name):
    yaml = pytest.importorskip("yaml")
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert jobs
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    called = re.findall(r"\bmake ([a-z]+)\b", text)
    assert set(called) <= set(targets)
    for job in jobs.values():
        assert job["timeout-minutes"] <= 90
        assert all("run" in step or "uses" in step for step in job["steps"])


def loose_steps(jobs: dict[str, dict[str, list[dict[str, object]]]]) -> list[str]:
    """Return the steps that take an action by a name that can move, or keep credentials."""
    found = []
    for name, job in jobs.items():
        for step in job["steps"]:
            action = str(step.get("uses", ""))
            if action and not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action):
                found.append(f"{name}: {action} is not named by its commit")
            options = step.get("with", {})
            kept = not isinstance(options, dict) or options.get("persist-credentials") is not False
            if action.startswith("actions/checkout@") and kept:
                found.append(f"{name}: {action} keeps credentials")
    return found


def test_workflows_take_actions_by_commit_and_keep_no_credentials():
    yaml = pytest.importorskip("yaml")
    files = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        plan = yaml.safe_load(text)
        assert loose_steps(plan["jobs"]) == [], path.name
        assert plan["permissions"] == {"contents": "read"}, path.name
        # the version that a commit stands for is beside it
        assert re.findall(r"uses: \S+@[0-9a-f]{40}(?! # v\d)", text) == [], path.name


@pytest.mark.parametrize(
    "step",
    [
        {"uses": "actions/checkout@v4", "with": {"persist-credentials": False}},
        {"uses": "some/action@main"},
        {"uses": "actions/checkout@" + "0" * 40},
    ],
)
def test_a_loose_step_is_seen(step):
    assert len(loose_steps({"job": {"steps": [step]}})) == 1


def test_what_may_write_runs_nothing_of_ours():
    yaml = pytest.importorskip("yaml")
    writers = {}
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            if "permissions" in job:
                writers[name] = job["permissions"]
                used = [str(step.get("uses", "")) for step in job["steps"]]
                assert not any(action.startswith("actions/checkout@") for action in used)
    assert writers == {
        "deploy": {"pages": "write", "id-token": "write"},
        "report": {"issues": "write"},
    }


def test_scripts_can_be_executed():
    for name in (".ci/run", "tools/make_env.sh"):
        assert (ROOT / name).stat().st_mode & 0o111, name
        subprocess.run(["bash", "-n", str(ROOT / name)], check=True)
