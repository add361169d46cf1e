"""The lists of planted errors still apply, and a chapter's end is read as what it is."""

from __future__ import annotations

import json

import pytest

from tools import common, mutate

METHODS = ("dvge", "faap", "frtrain", "lassi", "reprogramming")


def test_every_method_has_its_twenty_errors():
    assert mutate.methods() == sorted(METHODS)
    for method in METHODS:
        listed = mutate.read(method)
        assert len(listed) == 20
        assert len({m.what for m in listed}) == 20


@pytest.mark.parametrize("method", METHODS)
def test_every_error_applies_once_and_is_python(method):
    for mutation in mutate.read(method):
        text = mutate.planted(mutation)
        compile(text, mutation.file, "exec")
        assert text != (common.ROOT / mutation.file).read_text(encoding="utf-8")


@pytest.mark.parametrize("method", METHODS)
def test_the_cells_up_to_the_comparison_are_a_part_of_the_chapter(method, tmp_path):
    for chapter, text in mutate.plain(method).items():
        short, whole = (mutate.sources(chapter, tmp_path, until) for until in (text, ""))
        assert whole[: len(short)] == short and len(short) < len(whole)
        assert text in short[-1]
        assert any("preset = 'smoke'" in source for source in short)
    assert {m.chapter for m in mutate.read(method)} <= set(mutate.plain(method))


@pytest.mark.parametrize("text", ["x = 2\n", "x = 1\nx = 1\n"])
def test_an_old_text_that_is_gone_or_stands_twice_is_refused(tmp_path, text):
    (tmp_path / "a.py").write_text(text)
    with pytest.raises(common.ToolError, match=r"a\.py, 'sign'.*once"):
        mutate.planted(mutate.Mutation("sign", "a.py", "x = 1", "x = -1", "c"), tmp_path)


def test_the_error_stands_in_the_copy_alone():
    file = "fairtut/errors.py"
    before = (common.ROOT / file).read_text(encoding="utf-8")
    with mutate.tree({file: "planted"}) as copy:
        assert (copy / file).read_text() == "planted"
        assert (copy / "pyproject.toml").is_file() and (copy / "results").is_dir()
    assert (common.ROOT / file).read_text(encoding="utf-8") == before
    assert not copy.exists()


@pytest.fixture(scope="module")
def worker():
    one = mutate.Worker()
    yield one
    one.end()


@pytest.mark.parametrize(
    ("sources", "word", "cell"),
    [
        (["x = 1", "assert x == 1"], "survived", None),
        (["x = 1", "assert x == 2", "1 / 0"], "asserted", 2),
        (["x = 1", "print(x)", "1 / 0"], "stopped", 3),
        (["x ="], "stopped", 1),
    ],
)
def test_the_first_cell_that_fails_is_the_verdict(worker, tmp_path, sources, word, cell):
    found = worker.ask({"sources": sources, "tree": str(tmp_path), "limit": 60, "environment": {}})
    assert (found.word, found.cell) == (word, cell)


def test_a_job_sees_its_own_tree_and_environment_and_ends_at_its_limit(worker, tmp_path):
    (tmp_path / "only_here.py").write_text("x = 3")
    rest = {"tree": str(tmp_path), "environment": {"FAIRTUT_CACHE": "elsewhere"}}
    seen = ["import os, only_here", "assert only_here.x == 3"]
    seen += ["assert os.environ['FAIRTUT_CACHE'] == 'elsewhere'"]
    assert worker.ask({"sources": seen, "limit": 60, **rest}).word == "survived"
    slow = worker.ask({"sources": ["while True:\n    pass"], "limit": 1, **rest})
    assert slow.word == "late" and "1 s" in slow.message
    gone = worker.ask({"sources": ["import os; os._exit(3)"], "limit": 60, **rest})
    assert gone.word == "stopped"
    after = worker.ask({"sources": ["import only_here"], "limit": 60, **rest, "tree": "/"})
    assert after.word == "stopped"  # jobs share nothing


LISTED = [mutate.Mutation(f"m{i}", "fairtut/errors.py", "import", "import", "c") for i in range(4)]


@pytest.fixture
def staged(monkeypatch):
    """Four errors whose runs are told beforehand; returns the list of runs."""
    ran = []

    def run(chapter, changed, limit, until):
        ran.append((chapter, until))
        return mutate.Verdict("asserted", 3) if "1" in changed.values() else SURVIVED

    monkeypatch.setattr(mutate, "read", lambda method: LISTED)
    monkeypatch.setattr(mutate, "planted", lambda m: m.what[1:])
    monkeypatch.setattr(mutate, "plain", lambda method: {"c": "marker"})
    monkeypatch.setattr(mutate, "key_of", lambda chapter, changed: str(dict(changed)))
    monkeypatch.setattr(mutate, "run", run)
    return ran


SURVIVED = mutate.Verdict("survived")


def test_a_run_goes_on_where_it_was_cut_off_and_a_quick_one_leaves_the_rest_open(staged, tmp_path):
    quick = mutate.measure("toy", out=tmp_path, quick=True)
    assert [v.word for v in quick] == ["open", "asserted", "open", "open"]
    assert staged == [("c", "marker")] * 5  # with the harmless one
    whole = mutate.measure("toy", out=tmp_path)
    assert [v.word for v in whole] == ["survived", "asserted", "survived", "survived"]
    assert staged[5:] == [("c", "")] * 4  # what was seen once is not run again
    assert mutate.measure("toy", out=tmp_path) == whole
    assert len(staged) == 9


def test_a_chapter_that_fails_by_itself_has_no_share(staged, tmp_path, monkeypatch):
    monkeypatch.setattr(mutate, "run", lambda *_: mutate.Verdict("stopped", 2, "NameError: x"))
    with pytest.raises(common.ToolError, match="c fails with nothing planted: NameError"):
        mutate.measure("toy", out=tmp_path)


def test_only_assertions_count_and_survivors_are_named():
    words = ("asserted", "stopped", "late", "survived")
    text = mutate.told("toy", LISTED, [mutate.Verdict(word) for word in words])
    assert "toy: 1 of 4 noticed by an assertion (0.25" in text
    assert "1 stopped by another error, 1 too slow" in text
    assert text.splitlines()[1:] == ["  survived: m3 (fairtut/errors.py)"]


@pytest.mark.parametrize(("words", "status"), [("aaaa", 0), ("aaas", 1)])
def test_a_share_below_the_goal_is_a_failure_and_is_written(monkeypatch, tmp_path, words, status):
    found = [mutate.Verdict({"a": "asserted", "s": "survived"}[word]) for word in words]
    monkeypatch.setattr(mutate, "OUT", tmp_path)
    monkeypatch.setattr(mutate, "measure", lambda *_, **__: found)
    monkeypatch.setattr(mutate, "read", lambda method: LISTED)
    monkeypatch.setattr(mutate.os, "nice", lambda _: 0)
    assert mutate.main(["--method", "faap"]) == status
    assert json.loads((tmp_path / "shares.json").read_text()) == {"faap": words.count("a") / 4}
    assert mutate.main(["--method", "dvge"]) == status
    shares = json.loads((tmp_path / "shares.json").read_text())
    assert sorted(shares) == ["dvge", "faap"], "other methods' shares stay"
    mutate.main(["--method", "lassi", "--quick"])
    assert json.loads((tmp_path / "shares.json").read_text()) == shares, "none of a part"
