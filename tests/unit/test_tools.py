"""The tools, on small notebooks made here."""

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat
import pytest

from fairtut.evidence.origin import digest_of_cells
from fairtut.evidence.recording import Record
from tools import bench, book, cells, check, common, execution, notebook_checks, notebooks, repo

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """\
# %% [markdown]
# # A chapter

# %%
import sys

if "google.colab" in sys.modules:
    import subprocess

    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "fairtut"], check=True)

# %% tags=["parameters"]
preset = "laptop"
data = "synthetic"
seed = 0
results_dir = "results"

# %%
print(preset, seed)
"""


@pytest.fixture
def chapter(tmp_path):
    """A chapter's source with its paired notebook."""
    source = tmp_path / "01_toy.py"
    source.write_text(SOURCE)
    cells.pair(source)
    return source


def with_outputs(source: Path) -> cells.Notebook:
    """Pretend that the chapter was executed and committed."""
    notebook = cells.read(source.with_suffix(".ipynb"))
    for number, cell in enumerate(cells.code_cells(notebook), 1):
        cell.execution_count = number
    cells.code_cells(notebook)[-1].outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="laptop 0\n")
    ]
    cells.stamp(notebook, source.stem)
    source.with_suffix(".ipynb").write_text(cells.dumps(cells.tidy(notebook)))
    return notebook


# --- pairing and stamping


def test_pair_writes_the_same_cells(chapter):
    notebook = cells.read(chapter.with_suffix(".ipynb"))
    assert [c.cell_type for c in notebook.cells] == ["markdown", "code", "code", "code"]
    assert cells.tags(notebook.cells[2]) == ["parameters"]
    assert notebook.metadata.accelerator == "GPU"
    assert list(notebook_checks.check_pair(chapter, notebook)) == []


def test_pair_is_repeatable_to_the_byte(chapter):
    target = chapter.with_suffix(".ipynb")
    before = target.read_bytes()
    cells.pair(chapter)
    assert target.read_bytes() == before
    target.unlink()
    cells.pair(chapter)
    assert target.read_bytes() == before


def test_pair_keeps_outputs_of_cells_that_stay_and_the_stale_stamp(chapter):
    with_outputs(chapter)
    chapter.write_text(SOURCE + "\n# %%\nprint('new')\n")
    cells.pair(chapter)
    notebook = cells.read(chapter.with_suffix(".ipynb"))
    assert cells.code_cells(notebook)[2].outputs[0].text == "laptop 0\n"
    assert cells.code_cells(notebook)[3].outputs == []
    assert cells.stamp_of(notebook) != cells.source_sha256(notebook)
    assert any("older" in line for line in notebook_checks.problems(chapter))


def test_pair_never_touches_the_source(chapter):
    target = chapter.with_suffix(".ipynb")
    notebook = cells.read(target)
    notebook.cells[-1].source = "print('edited in Jupyter, later than the source')"
    target.write_text(cells.dumps(notebook))
    cells.pair(chapter)
    assert chapter.read_text() == SOURCE
    assert "edited" not in target.read_text()


def test_source_digest_sees_code_only(chapter):
    notebook = cells.read(chapter)
    before = cells.source_sha256(notebook)
    notebook.cells[0].source = "# Another title"
    assert cells.source_sha256(notebook) == before
    notebook.cells[-1].source += "\n"
    assert cells.source_sha256(notebook) != before


def test_tidy_drops_what_differs_between_runs(chapter):
    notebook = cells.read(chapter)
    cell = cells.code_cells(notebook)[-1]
    cell.metadata["papermill"] = {"start_time": "now"}
    cell.metadata["execution"] = {"iopub.status.busy": "now"}
    cell.execution_count = 17
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="a"),
        nbformat.v4.new_output("stream", name="stdout", text="b"),
        nbformat.v4.new_output("stream", name="stderr", text="c"),
    ]
    notebook.metadata["papermill"] = {"duration": 3}
    text = cells.dumps(cells.tidy(notebook))
    assert "papermill" not in text
    assert "iopub" not in text
    assert [o.text for o in cell.outputs] == ["ab", "c"]
    assert cell.execution_count == 1


def test_equal_cells_get_different_ids(tmp_path):
    source = tmp_path / "01_twins.py"
    source.write_text("# %%\nx = 1\n\n# %%\nx = 1\n")
    ids = [cell.id for cell in cells.tidy(cells.read(source)).cells]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = 1\nb = 'x'", {"a": 1, "b": "x"}),
        ("a: int = 1  # why", {"a": 1}),
        ("a = b = 1", None),
        ("a = f()", None),
        ("import os", None),
        ("%magic", None),
    ],
)
def test_literal_assignments(source, expected):
    assert cells.literal_assignments(source) == expected


# --- the checks


def test_a_good_chapter_has_no_problem(chapter):
    with_outputs(chapter)
    assert notebook_checks.problems(chapter) == []


def test_a_missing_notebook_is_a_problem(chapter):
    chapter.with_suffix(".ipynb").unlink()
    assert "make pair" in notebook_checks.problems(chapter)[0]


def spoil(name):
    """Return a function that breaks one thing of a good notebook."""

    def error_output(nb):
        nb.cells[-1].outputs.append(nbformat.v4.new_output("error", ename="E", evalue="v"))

    def machine_path(nb):
        nb.cells[-1].outputs[0].text = "/home/ann/fairtut/x.py:3: UserWarning"

    def warning(nb):
        nb.cells[-1].outputs[0].text = "x.py:3: UserWarning: No artists with labels found\n  x()"

    def widget(nb):
        kind = "application/vnd.jupyter.widget-view+json"
        nb.cells[-1].outputs = [nbformat.v4.new_output("display_data", data={kind: {}})]

    def no_outputs(nb):
        nb.cells[-1].outputs = []

    def not_executed(nb):
        nb.cells[-1].execution_count = None

    def injected(nb):
        nb.cells[-1].metadata["tags"] = ["injected-parameters"]

    def no_stamp(nb):
        del nb.metadata["fairtut"]

    def other_records(nb):
        nb.metadata["fairtut"]["shown_sha256"] = "0" * 64

    def no_gpu(nb):
        del nb.metadata["accelerator"]

    def other_kernel(nb):
        nb.metadata["kernelspec"]["name"] = "ir"

    def other_default(nb):
        nb.cells[2].source = nb.cells[2].source.replace('"laptop"', '"smoke"')

    def fifth_parameter(nb):
        nb.cells[2].source += "\nextra = 1"

    def untagged(nb):
        nb.cells[2].metadata = {}

    def installs_everywhere(nb):
        nb.cells[1].source += "\nsubprocess.run(['pip', 'install', 'x'])"

    def installs_elsewhere(nb):
        nb.cells[1].source += "\nelse:\n    subprocess.run(['pip', 'install', 'x'])"

    def installs_by_magic(nb):
        nb.cells[1].source = "%pip install fairtut  # google.colab"

    def installs_nothing(nb):
        nb.cells[1].source = "import sys"

    def long_cell(nb):
        nb.cells[-1].source = "\n".join(f"x{i} = {i}" for i in range(41))

    return locals()[name]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("error_output", "error"),
        ("machine_path", "/home/ann"),
        ("warning", "UserWarning: No artists"),
        ("widget", "widget"),
        ("no_outputs", "no cell has an output"),
        ("not_executed", "was not executed"),
        ("injected", "injected"),
        ("no_stamp", "never committed"),
        ("other_records", "other claims or records"),
        ("no_gpu", "accelerator"),
        ("other_kernel", "python3"),
        ("other_default", "must be exactly"),
        ("fifth_parameter", "must be exactly"),
        ("untagged", "0 cells are tagged"),
        ("installs_everywhere", "outside Colab"),
        ("installs_elsewhere", "outside Colab"),
        ("installs_by_magic", "plain Python"),
        ("installs_nothing", "must install"),
        ("long_cell", "41 lines"),
    ],
)
def test_each_fault_is_seen(chapter, name, words):
    notebook = with_outputs(chapter)
    spoil(name)(notebook)
    found = [
        *notebook_checks.check_outputs(notebook),
        *notebook_checks.check_shown(notebook, chapter.stem),
        *notebook_checks.check_parameters(notebook),
        *notebook_checks.check_first_cell(notebook),
        *notebook_checks.check_cells(notebook),
        *notebook_checks.check_metadata(notebook),
    ]
    assert any(words in line for line in found), found


def test_a_changed_draw_or_claim_changes_what_a_page_is_stamped_with(tmp_path, monkeypatch):
    for folder in ("results/frtrain", "claims"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("results/frtrain/laptop-real.json", "results/frtrain/smoke-real.json"):
        (tmp_path / name).write_text('{"x": 0.80}')
    text = (cells.CLAIMS_DIR / "frtrain.yaml").read_text()
    (tmp_path / "claims/frtrain.yaml").write_text(text)
    monkeypatch.setattr(cells, "ROOT", tmp_path)
    monkeypatch.setattr(cells, "CLAIMS_DIR", tmp_path / "claims")
    seen = [cells.shown_sha256("01_frtrain")]
    (tmp_path / "results/frtrain/smoke-real.json").write_text('{"x": 0.81}')
    (tmp_path / "claims/frtrain.yaml").write_text("# a remark\n" + text)
    assert cells.shown_sha256("01_frtrain") == seen[0]
    (tmp_path / "results/frtrain/laptop-real.json").write_text('{"x": 0.81}')
    seen.append(cells.shown_sha256("01_frtrain"))
    (tmp_path / "claims/frtrain.yaml").write_text(text.replace("tolerance: 2", "tolerance: 20", 1))
    seen.append(cells.shown_sha256("01_frtrain"))
    assert len(set(seen)) == 3


def test_a_name_for_the_colab_test_is_allowed(chapter):
    notebook = cells.read(chapter)
    notebook.cells[1].source = textwrap.dedent("""\
        import subprocess, sys
        on_colab = "google.colab" in sys.modules
        if on_colab:
            subprocess.run(["pip", "install", "fairtut"])
    """)
    assert list(notebook_checks.check_first_cell(notebook)) == []


def test_changed_source_differs_from_the_pair(chapter):
    notebook = with_outputs(chapter)
    chapter.write_text(SOURCE.replace("print(preset, seed)", "print(seed)"))
    (line,) = notebook_checks.check_pair(chapter, notebook)
    assert "cell 3 differs" in line


def test_a_record_of_other_cells_is_a_problem(chapter):
    notebook = cells.read(chapter)
    saving = nbformat.v4.new_code_cell("print(record.save(results_dir))")
    notebook.cells += [saving, nbformat.v4.new_code_cell("after = 1")]
    sources = [cell.source for cell in cells.code_cells(notebook)]
    made = Record("toy", "laptop", "synthetic", code={"cells": digest_of_cells(sources[:-1])})
    other = Record("toy", "laptop", "real", code={"cells": "0" * 16})
    old = Record("toy", "laptop", "synthetic")
    found = notebook_checks.check_record(notebook, "01_toy", [made, other, old])
    assert list(found) == []
    cells.code_cells(notebook)[2].source += "\nx = 1"
    (line,) = notebook_checks.check_record(notebook, "01_toy", [made, other, old])
    assert line == "record toy/laptop-synthetic was made by other cells: run `make outputs`"


def test_a_fault_in_shown_text_and_an_unread_figure_are_problems(chapter):
    with_outputs(chapter)
    notebook = cells.read(chapter.with_suffix(".ipynb"))
    notebook.cells[0].source += "\n\nThe gap is 1e-05."
    notebook.cells[-1].outputs = [
        nbformat.v4.new_output("display_data", {"text/markdown": "From $z$ it reads little."}),
        nbformat.v4.new_output("display_data", {"image/png": "iVBO"}),
    ]
    chapter.with_suffix(".ipynb").write_text(cells.dumps(notebook))
    found = " ".join(notebook_checks.problems(chapter))
    assert "cell 0 shows an exponent of a machine" in found
    assert "cell 3 shows a dollar sign" in found
    assert "cell 3 shows a figure that no text follows" in found


def test_large_notebook_is_a_problem(chapter, monkeypatch):
    with_outputs(chapter)
    monkeypatch.setattr(cells, "SIZE_CAP", 100)
    assert any("at most 100" in line for line in notebook_checks.problems(chapter))


# --- execution


def test_unknown_parameter_is_refused(chapter):
    with pytest.raises(common.ToolError, match="no parameter presett"):
        execution.job(chapter, chapter.with_name("out.ipynb"), {"presett": "smoke"})


def test_execution_injects_parameters_and_reports_the_failing_cell(tmp_path):
    good, bad = tmp_path / "01_good.py", tmp_path / "02_bad.py"
    good.write_text(SOURCE)
    bad.write_text(SOURCE + "\n# %%\nraise KeyError('missing')\n")
    said: list[str] = []
    tasks = [
        execution.job(path, tmp_path / "out" / f"{path.stem}.ipynb", {"preset": "smoke", "seed": 3})
        for path in (good, bad)
    ]
    fine, failed = execution.run_jobs(tasks, jobs=2, say=said.append)
    assert fine.error is None
    assert fine.cpu_seconds > 0
    printed = cells.code_cells(cells.read(Path(fine.out)))[-1].outputs[0].text
    assert printed == "smoke 3\n"
    assert "KeyError" in str(failed.error)
    assert len(said) == 2
    assert sorted(line.split()[0] for line in said) == ["01_good", "02_bad"]


def test_commit_outputs_runs_the_defaults_and_passes_the_checks(chapter, capsys):
    assert notebooks.main(["commit-outputs", str(chapter)]) == 0
    assert notebook_checks.problems(chapter) == []
    text = chapter.with_suffix(".ipynb").read_text()
    assert "laptop 0" in text
    assert "injected" not in text
    assert notebooks.main(["check", str(chapter)]) == 0
    assert "0 problems" in capsys.readouterr().out


def test_commit_outputs_refuses_other_sizes(chapter):
    with pytest.raises(common.ToolError, match="use `execute`"):
        notebooks.main(["commit-outputs", str(chapter), "--preset", "smoke"])


def test_unknown_chapter_is_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "tools.notebooks", "check", "notebooks/99_none.ipynb"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: no source")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "name", ["frtrain", "01_frtrain", "notebooks/01_frtrain.ipynb", "notebooks/01_frtrain.py"]
)
def test_a_chapter_has_its_name_and_its_path(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert [path.name for path in notebooks._sources([name])] == ["01_frtrain.py"]


def test_the_tree_is_known_without_git(tmp_path, monkeypatch):
    for name in ("a.py", "sub/b.py", "_build/c.py", ".venv/d.py", "sub/__pycache__/e.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(check, "ROOT", tmp_path)
    seen = {p.relative_to(tmp_path).as_posix() for p in check._tree() if p.is_file()}
    assert seen == {"a.py", "sub/b.py"}
    before = check.tree_digest()
    (tmp_path / "_build" / "c.py").write_text("changed")
    assert check.tree_digest() == before
    (tmp_path / "sub" / "b.py").write_text("changed")
    assert check.tree_digest() != before


@pytest.fixture
def tree(tmp_path):
    """The parts of a repository that the cache's key looks at."""
    root = tmp_path / "tree"
    for name in ("fairtut/claims/toy.yaml", "results/toy/laptop-synthetic.json",
                 "fairtut/core.py", "requirements.txt", "tools/execution.py"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    (root / "01_toy.py").write_text(SOURCE)
    return root


@pytest.mark.parametrize(
    "changed",
    ["fairtut/claims/toy.yaml", "fairtut/core.py", "requirements.txt", "fairtut/new.py",
     "results/toy/laptop-synthetic.json", "01_toy.py"],
)  # fmt: skip
def test_cache_key_changes_with_what_an_execution_depends_on(tree, changed):
    key = execution.cache_key(tree / "01_toy.py", {"preset": "smoke"}, tree)
    with (tree / changed).open("a") as file:
        file.write("\nx = 2\n")
    assert execution.cache_key(tree / "01_toy.py", {"preset": "smoke"}, tree) != key


def test_cache_key_ignores_smoke_records_and_outputs(tree):
    source = tree / "01_toy.py"
    cells.pair(source)
    notebook = source.with_suffix(".ipynb")
    key = execution.cache_key(notebook, {}, tree)
    with_outputs(source)
    (tree / "results/toy/smoke-synthetic.json").write_text("{}")
    assert execution.cache_key(notebook, {}, tree) == key
    assert execution.cache_key(notebook, {"preset": "paper"}, tree) != key


def test_cached_executes_once_and_fails_loudly(tmp_path, monkeypatch):
    source = tmp_path / "01_toy.py"
    source.write_text(SOURCE)
    calls: list[str] = []

    def pretend(tasks, jobs=2, say=print, environment=None):
        (task,) = tasks
        assert environment["FAIRTUT_CACHE"].startswith(str(tmp_path))
        calls.append(task.label)
        Path(task.out).write_text("{}")
        return [execution.Outcome(task.out, 2.0, 1.5, "cell 3: boom" if bad else None)]

    bad = False
    monkeypatch.setattr(execution, "run_jobs", pretend)
    monkeypatch.setattr(execution, "import_cpu_seconds", lambda nb: 0.5)
    cache = tmp_path / "build" / "cache"
    first = execution.cached(source, cache=cache)
    again = execution.cached(source, cache=cache)
    assert first == again
    assert first.cpu_seconds == 1.5
    assert len(calls) == 1
    assert first.results == tmp_path / "build" / "results"
    source.write_text(SOURCE + "\n# %%\nprint(2)\n")
    bad = True
    for _ in range(2):  # a failure is not kept
        with pytest.raises(common.ToolError, match="boom"):
            execution.cached(source, cache=cache)
    assert len(calls) == 3


def test_top_level_imports_are_found(chapter):
    chapter.write_text(SOURCE + "\n# %%\nfrom json import dumps\ndef f():\n    import heavy\n")
    assert execution.top_level_imports(chapter) == ["import sys", "from json import dumps"]


# --- the small ones


def test_write_atomically_leaves_nothing_behind(tmp_path):
    target = tmp_path / "a" / "x.txt"
    common.write_atomically(target, "one\n")
    common.write_atomically(target, "two\n")
    assert target.read_text() == "two\n"
    assert [p.name for p in target.parent.iterdir()] == ["x.txt"]
    with pytest.raises(UnicodeEncodeError):
        common.write_atomically(target, "\ud800")
    assert target.read_text() == "two\n"
    assert [p.name for p in target.parent.iterdir()] == ["x.txt"]


def test_child_environment_is_single_threaded_and_finds_our_kernel(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("JUPYTER_PATH", "/elsewhere")
    environment = common.child_environment()
    assert environment["OMP_NUM_THREADS"] == "1"
    assert "JUPYTER_PATH" not in environment
    assert environment["PATH"].split(":")[0] == str(Path(sys.executable).parent)


def test_toc_lists_every_page():
    toc = {
        "format": "jb-book",
        "root": "intro",
        "parts": [{"caption": "A", "chapters": [{"file": "a", "sections": [{"file": "b"}]}]}],
    }
    assert list(book.toc_files(toc)) == ["intro", "a", "b"]


def test_the_books_pages_exist():
    for page in book.pages():
        assert any((ROOT / f"{page}{suffix}").is_file() for suffix in (".md", ".ipynb")), page


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["....\n", "12 passed, 1 skipped in 3.21s\n"], {"passed": 12, "skipped": 1}),
        (["== 2 failed, 3 passed in 61.00s (0:01:01) ==\n"], {"failed": 2, "passed": 3}),
        (["1 passed in 1.00s\n", "2 errors in 0.10s\n"], {"error": 2}),
        (["no tests ran\n"], {}),
    ],
)
def test_counts_reads_the_last_summary(lines, expected):
    assert check.counts(lines) == expected


def test_a_failing_step_is_seen(capsys):
    fine, _, _ = check.run(check.Step("bad", ("-c", "import sys; print('x'); sys.exit(1)")))
    assert not fine
    fine, seen, _ = check.run(check.Step("good", ("-c", "print('3 passed in 0.10s')"), tests=True))
    assert fine
    assert seen == {"passed": 3}
    assert "== bad ==" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        ("import json; print('hello'); print(json.dumps({'ratio': 2.0}))", True),
        ("print('no json')", False),
        ("print('{}'); raise SystemExit(3)", False),
        ("print(3)", False),
    ],
)
def test_bench_needs_a_json_line_and_a_good_end(tmp_path, body, passes):
    script = tmp_path / "speed.py"
    script.write_text(body + "\n")
    assert bench.run(script) is passes


def test_bench_skips_helpers(tmp_path):
    for name in ("_shared.py", "b.py", "a.py"):
        (tmp_path / name).touch()
    assert [p.name for p in bench.scripts(tmp_path)] == ["a.py", "b.py"]


@pytest.fixture
def small_repo(tmp_path):
    """A repository of a few files that all hold the old address."""
    old = "https://github.com/fairtut/fairtut"
    files = {
        "pyproject.toml": f'[project.urls]\nRepository = "{old}"\n',
        "_config.yml": f"repository:\n  url: {old}\n",
        "README.md": f"{old}.git {old}/issues https://fairtut.github.io/fairtut/ {old}-extra\n",
        "notebooks/01_toy.py": SOURCE.replace('"fairtut"]', f'"git+{old}"]'),
        "book/intro.md": "https://colab.research.google.com/github/fairtut/fairtut/blob/main/x\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    cells.pair(tmp_path / "notebooks/01_toy.py")
    with_outputs(tmp_path / "notebooks/01_toy.py")
    return tmp_path


def test_repo_writes_the_address_everywhere(small_repo):
    new = "https://github.com/ann/fair-book"
    changed = repo.write(new + ".git/".removesuffix("/"), small_repo)
    assert len(changed) == 6
    assert repo.address(small_repo) == new
    readme = (small_repo / "README.md").read_text()
    assert readme == (
        f"{new}.git {new}/issues https://ann.github.io/fair-book/ "
        "https://github.com/fairtut/fairtut-extra\n"
    )
    assert "/github/ann/fair-book/blob" in (small_repo / "book/intro.md").read_text()
    source = small_repo / "notebooks/01_toy.py"
    assert f"git+{new}" in source.read_text()
    # the outputs were valid before, and only an address changed
    assert notebook_checks.problems(source) == []
    assert repo.write(new, small_repo) == []


def test_repo_does_not_bless_stale_outputs(small_repo):
    source = small_repo / "notebooks/01_toy.py"
    source.write_text(source.read_text() + "\n# %%\nprint('later')\n")
    cells.pair(source)
    repo.write("https://github.com/ann/fair-book", small_repo)
    assert any("older" in line for line in notebook_checks.problems(source))


@pytest.mark.parametrize("url", ["", "ann/fair", "https://github.com/ann", "ftp://x/y/z"])
def test_repo_refuses_what_is_no_address(url):
    with pytest.raises(common.ToolError, match="is not like"):
        repo.normalise(url)


def test_makefile_lists_its_targets():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in (
        "env",
        "book",
        "site",
        "run",
        "outputs",
        "test",
        "lint",
        "bench",
        "repo",
        "lock",
    ):
        assert f"make {target} " in done.stdout


def test_torchvision_hook_imports_no_torch_at_start(tmp_path):
    hook = ROOT / "tools" / "torchvision_hook.py"
    (tmp_path / "_hook.py").write_text(hook.read_text())
    script = (
        "import sys, json, _hook\n"
        "first = 'torch' in sys.modules\n"
        "finders = [type(f).__name__ for f in sys.meta_path]\n"
        "print(json.dumps([first, '_BeforeTorchvision' in finders]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [False, True]


def test_torchvision_loads_in_this_environment():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import torchvision.models as m; m.resnet18()"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


# --- recalling a step that passed


def test_a_passed_step_is_recalled_only_for_the_same_tree(tmp_path, monkeypatch, capsys):
    calls = []

    def run(step):
        calls.append(step.name)
        return True, check.Counter(passed=3), 1.0

    monkeypatch.setattr(check, "CACHE", tmp_path)
    monkeypatch.setattr(check, "run", run)
    for name in ("CI", "FRESH"):
        monkeypatch.delenv(name, raising=False)
    step = check.Step("tests", ("-m", "pytest"), tests=True)
    assert check.run_or_recall(step, "a" * 64)[1] == {"passed": 3}
    assert check.run_or_recall(step, "a" * 64)[1] == {"passed": 3}
    assert calls == ["tests"]
    assert "nothing changed" in capsys.readouterr().out
    check.run_or_recall(step, "b" * 64)
    monkeypatch.setenv("CI", "true")
    check.run_or_recall(step, "b" * 64)
    assert len(calls) == 3


def test_a_failed_step_is_never_recalled(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "CACHE", tmp_path)
    monkeypatch.setattr(check, "run", lambda step: (False, check.Counter(passed=3, failed=1), 1.0))
    check.run_or_recall(check.Step("tests", (), tests=True), "a" * 64)
    assert list(tmp_path.iterdir()) == []


def test_the_speed_beside_a_block_is_the_mean_of_several_looks(monkeypatch):
    from tools import calibration

    looks = iter(range(1, 1000))
    monkeypatch.setattr(calibration, "_loop", lambda: float(next(looks)))
    with calibration.beside(every=0.001) as speed:
        for _ in range(10_000):
            if speed() >= 3:  # 1 to 5 were seen
                break
            time.sleep(0.001)
    assert speed() >= 3
    seen = speed()
    assert speed() == seen  # nobody looks any more


def test_the_loop_takes_time():
    from tools import calibration

    assert 0 < calibration.seconds() < 60
