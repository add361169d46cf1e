"""``fairtut new chapter``: what it lays out runs, and what it refuses changes nothing."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fairtut import cli, scaffold
from fairtut.errors import FairtutError, InputError
from fairtut.scaffold import places

ROOT = Path(__file__).resolve().parents[2]
TREES = ("fairtut", "notebooks", "book", "workflow", "tests/unit")
FILES = ("pyproject.toml", "_toc.yml", "README.md", "tests/book/rhythm.json", "tests/written.py")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the repository: what a chapter stands in."""
    root = tmp_path / "copy"
    for name in TREES:
        shutil.copytree(
            ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "_build")
        )
    for record in (ROOT / "results").glob("*/laptop-synthetic.json"):
        (root / record.relative_to(ROOT).parent).mkdir(parents=True)
        shutil.copy(record, root / record.relative_to(ROOT))
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


def state(root: Path) -> dict[str, bytes | None]:
    """Return every file with its bytes, and every folder."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
        if "__pycache__" not in path.parts
    }


def called(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a copy, with the copy's own package."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *words], cwd=root, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_new_chapter_runs_and_fails_only_where_it_does_not_stand_yet(copy: Path) -> None:
    before = state(copy)
    done = called(copy, "-m", "fairtut", "new", "chapter", "toy")
    assert done.returncode == 0, done.stderr
    written = re.findall(r"^wrote (\S+)$", done.stdout, re.MULTILINE)
    changed = {k for k, v in state(copy).items() if before.get(k, "") != v and v is not None}
    assert set(written) == changed and len(written) == 11
    at = places.spot(copy, "toy")
    assert at.stem == "08_toy" and places.lacking(at) == list(places.BY_HAND)
    steps = re.findall(r"^ ?\d+\. (.*)$", done.stdout, re.MULTILINE)
    assert steps == [one.todo(at) for one in places.BY_HAND]

    tests = ["test_places", "test_layout", "test_floors", "test_chapters_toy"]
    files = [f"tests/unit/{name}.py" for name in tests]
    chosen = "toy or every_package or goes_up or has_a_floor or leave_controls"
    quiet = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--junit-xml=outcome.xml")
    ran = called(copy, *quiet, "-k", chosen, *files)
    outcome = ElementTree.parse(copy / "outcome.xml").getroot()  # no line is cut or added there
    cases = {name: outcome.findall(f".//testcase[{name}]") for name in ("failure", "error")}
    failed = [(case.get("classname"), case.get("name")) for case in cases["failure"]]
    here = ("tests.unit.test_places", "test_a_chapter_stands_in_every_place[toy, {}]")
    by_hand = [(here[0], here[1].format(one.what)) for one in places.BY_HAND]
    assert failed == by_hand and cases["error"] == [], ran.stdout
    for one in places.BY_HAND:
        assert f"toy does not stand in {one.what}: {one.todo(at)}\n" in ran.stdout


@pytest.mark.skipif(importlib.util.find_spec("ruff") is None, reason="ruff is not installed")
def test_what_is_laid_out_is_clean_and_its_claims_are_read(copy: Path) -> None:
    from fairtut.evidence.claims import read_claims

    files, _ = scaffold.chapter("two_words", copy)
    python = [str(file) for file in files if file.suffix == ".py"]
    for command in (["check"], ["format", "--check"]):
        done = called(copy, "-m", "ruff", *command, "--no-cache", *python)
        assert done.returncode == 0, done.stdout
    head, claims = read_claims(copy / "fairtut/claims/two_words.yaml")
    assert head.chapter == "08_two_words" and len(head.messages) == 3
    assert all(claim.parent for claim in claims)
    assert "@" not in (copy / "_toc.yml").read_text(encoding="utf-8")
    for file in files:
        assert not re.search(r"@[A-Z]+@", file.read_text(encoding="utf-8")), file


def test_the_next_chapter_gets_the_next_number(copy: Path) -> None:
    scaffold.chapter("toy", copy / "book")
    scaffold.chapter("other", copy)
    toc = (copy / "_toc.yml").read_text(encoding="utf-8")
    listed = re.findall(r"- file: notebooks/(\w+)", toc)
    assert listed[-3:] == ["07_comparison", "08_toy", "09_other"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *((bad, "is no name for a chapter") for bad in (
            "Toy", "8toy", "to-y", "to y", "../toy", "toy.py", "", "_toy", "toy_", "to__y", "class",
            "é", "t" * 33, "toy\n",
        )),
        ("frtrain", "there is a chapter frtrain already"),
        ("taken", "fairtut/claims/taken.yaml is there already"),
        ("drawn", "notebooks/03_drawn.ipynb is there already"),
        ("empty", "fairtut/chapters/empty is there already"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence_and_writes_nothing(
    copy: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    said: str,
) -> None:
    (copy / "fairtut/claims/taken.yaml").touch()
    (copy / "notebooks/03_drawn.ipynb").touch()
    (copy / "fairtut/chapters/empty").mkdir()
    monkeypatch.chdir(copy)
    before = state(copy)
    assert cli.main(["new", "chapter", name]) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1
    assert state(copy) == before


def test_a_folder_that_is_no_checkout_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'another'\n")
    (tmp_path / "_toc.yml").touch()
    monkeypatch.chdir(tmp_path)
    before = state(tmp_path)
    assert cli.main(["new", "chapter", "toy"]) == 2
    assert "is in no checkout of fairtut" in capsys.readouterr().err
    (tmp_path / "pyproject.toml").write_text("not toml")
    with pytest.raises(InputError, match="no checkout"):
        scaffold.checkout(tmp_path)
    assert set(state(tmp_path)) == set(before)


def test_a_contents_page_without_chapters_is_refused(copy: Path) -> None:
    (copy / "_toc.yml").write_text("format: jb-book\nroot: book/intro\n")
    before = state(copy)
    with pytest.raises(InputError, match="lists no chapter"):
        scaffold.chapter("toy", copy)
    assert state(copy) == before


def test_a_disk_that_fills_leaves_nothing_behind(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, write = state(copy), Path.write_text

    def full(self: Path, text: str, **options: str) -> int:
        if self.name == "_toc.yml":
            write(self, text[:10], **options)
            raise OSError("no space left")
        return write(self, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(FairtutError, match=r"no space left.*nothing was changed"):
        scaffold.chapter("toy", copy)
    monkeypatch.undo()
    assert state(copy) == before
