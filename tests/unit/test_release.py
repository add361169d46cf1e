"""A release pins every install address to its tag, and there is none under the placeholder."""

import re
from pathlib import Path

import nbformat
import pytest

from tools import cells, common, notebook_checks, release, repo

ROOT = Path(__file__).resolve().parents[2]
OWN = "https://github.com/ann/fair-book"
SOURCE = f"""\
# %%
import sys

if "google.colab" in sys.modules:
    source = "fairtut[peers] @ git+{OWN}"
    print("install", source)

# %% tags=["parameters"]
preset = "laptop"
data = "synthetic"
seed = 0
results_dir = "results"
"""


@pytest.fixture
def published(tmp_path):
    """A small repository under an address of its own, with one executed chapter."""
    files = {
        "pyproject.toml": f'[project.urls]\nRepository = "{OWN}"\n',
        "fairtut/__init__.py": '__version__ = "0.1.0"\n',
        "CITATION.cff": "cff-version: 1.2.0\nversion: 0.1.0\n",
        "README.md": f'pip install "git+{OWN}"; git clone {OWN}; git+{OWN}-extra\n',
        "notebooks/01_toy.py": SOURCE,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    target = cells.pair(tmp_path / "notebooks/01_toy.py")
    notebook = cells.read(target)
    for number, cell in enumerate(cells.code_cells(notebook), 1):
        cell.execution_count = number
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="x\n")]
    cells.stamp(notebook, "01_toy")
    target.write_text(cells.dumps(cells.tidy(notebook)))
    return tmp_path


def test_a_release_writes_its_version_and_pins_what_is_installed(published):
    assert len(release.problems("0.2.0", published)) == 5  # two versions and three installs
    release.write("0.2.0", published)
    assert release.problems("0.2.0", published) == []
    assert (published / "README.md").read_text() == (
        f'pip install "git+{OWN}@v0.2.0"; git clone {OWN}; git+{OWN}-extra\n'
    )
    assert (published / "CITATION.cff").read_text() == "cff-version: 1.2.0\nversion: 0.2.0\n"
    source = published / "notebooks/01_toy.py"
    assert f'git+{OWN}@v0.2.0"' in source.read_text()
    # only an address changed: the outputs are as valid as they were
    assert notebook_checks.problems(source) == []
    release.write("0.2.1", published)  # the next one takes the place of the last
    assert release.problems("0.2.1", published) == []
    assert "0.2.0" not in source.read_text()
    # the address can still be changed, and takes the tag along
    repo.write("https://github.com/bea/fair-book", published)
    assert release.problems("0.2.1", published) == []


@pytest.mark.parametrize("version", ["", "1", "0.2", "v0.2.0", "0.2.0rc1", "0.2.0; x"])
def test_what_is_no_version_changes_nothing(published, version):
    before = {path: path.read_bytes() for path in repo.places(published)}
    with pytest.raises(common.ToolError, match="three numbers"):
        release.write(version, published)
    assert before == {path: path.read_bytes() for path in repo.places(published)}


def test_there_is_no_release_under_the_placeholder(published):
    repo.write(repo.PLACEHOLDER, published)
    with pytest.raises(common.ToolError, match=r"placeholder.*make repo URL="):
        release.write("0.2.0", published)
    assert "0.1.0" in (published / "CITATION.cff").read_text()


def test_one_install_without_the_tag_is_found(published):
    release.write("0.2.0", published)
    source = published / "notebooks/01_toy.py"
    source.write_text(SOURCE)
    (line,) = release.problems("0.2.0", published)
    assert "01_toy.py installs without a tag" in line
    (published / "README.md").write_text("")
    source.write_text("")
    cells.pair(source)
    assert release.problems("0.2.0", published) == [
        "nothing installs from the repository's address"
    ]


def test_this_repository_can_be_released_from_its_own_address_only(monkeypatch):
    version = (ROOT / "fairtut/__init__.py").read_text().split('__version__ = "')[1].split('"')[0]
    if repo.address().lower() == repo.PLACEHOLDER:
        with pytest.raises(common.ToolError, match="placeholder"):
            release.main(["--check", f"v{version}"])
        return
    # under an address of its own every install has a tag, that of the last release
    wrong = release.problems(version)
    assert wrong == [] or all("without a tag" in line for line in wrong)


def test_every_chapter_installs_from_the_address_that_a_release_pins():
    pattern = release.installs(repo.address())
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.py")):
        text = path.read_text(encoding="utf-8")
        assert len(pattern.findall(text)) == len(re.findall(r"git\+https", text)) == 1, path.name


def test_ci_checks_a_release_before_anything_else_is_done_with_its_tag():
    text = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    assert re.search(r'tags: \["v\*"\]', text)
    assert 'tools.release --check "$GITHUB_REF_NAME"' in text
