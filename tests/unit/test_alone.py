"""The trial of the wheel: what it runs, from where, and what it says where it cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import alone
from tools.common import ROOT, ToolError


@pytest.fixture
def page(tmp_path: Path) -> Path:
    file = tmp_path / "page.md"
    file.write_text(
        "# A page\n\n```python\nx = 1\n```\n\n```bash\nfalse\n```\n\n```python\nprint(x)\n```\n",
        encoding="utf-8",
    )
    return file


def test_the_blocks_of_a_page_are_one_script(page: Path) -> None:
    assert alone.script(page) == "x = 1\n\nprint(x)\n"


def test_every_how_to_takes_part() -> None:
    pages = [file for file in (ROOT / "book" / "howto").glob("*.md") if file.stem != "index"]
    assert set(pages) <= set(alone.pages_with_code())
    for one in alone.pages_with_code():
        compile(alone.script(one), one.name, "exec")


def test_a_trial_starts_in_an_empty_folder_and_sees_no_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("FAIRTUT_DATA", "elsewhere")
    says = "import os; assert not os.listdir(); assert 'PYTHONPATH' not in os.environ; "
    says += "assert os.environ['FAIRTUT_DATA'] != 'elsewhere'"
    one = alone.trial("a page", [sys.executable, "-c", says], tmp_path, 60.0)
    assert one.fine and str(one).endswith("fine")


@pytest.mark.parametrize(
    ("code", "limit", "said"),
    [
        ("raise ValueError('no such file')", 60.0, "ValueError: no such file"),
        ("import sys; sys.exit(3)", 60.0, "status 3"),
        ("import time; time.sleep(60)", 0.2, "does not end in 0 s"),
    ],
)
def test_what_went_wrong_is_said(tmp_path: Path, code: str, limit: float, said: str) -> None:
    one = alone.trial("page", [sys.executable, "-c", code], tmp_path, limit)
    assert not one.fine and said in str(one)


def test_a_page_that_is_slow_is_not_fine() -> None:
    assert not alone.Trial("page", 130.0, 120.0).fine
    assert "takes longer than 120 s" in str(alone.Trial("page", 130.0, 120.0))


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_no_environment_is_skipped_with_a_sentence_and_fails_under_ci(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, status: int
) -> None:
    def refuse(*_: object) -> None:
        raise alone.NoEnvironment("no network")

    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(alone, "wheel", lambda folder: folder / "fairtut.whl")
    monkeypatch.setattr(alone, "environment", refuse)
    assert alone.main([]) == status
    said = capsys.readouterr().out
    assert said == "skipped: no environment could be made for the wheel (no network)\n"


def test_an_installer_that_fails_is_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = [sys.executable, "-c", "import sys; print('not found', file=sys.stderr); sys.exit(1)"]
    monkeypatch.setattr(alone, "_installers", lambda python: [fails, fails])
    monkeypatch.setattr(alone, "_run", lambda command, *rest: _told(command))
    (tmp_path / "env").mkdir()
    with pytest.raises(alone.NoEnvironment, match="not found"):
        alone.environment(tmp_path / "env", tmp_path / "fairtut.whl")


def _told(command: list[str]) -> object:
    import subprocess

    failed = "venv" not in command
    return subprocess.CompletedProcess(command, int(failed), "", "not found" if failed else "")


def test_an_interpreter_of_the_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no fairtut of its own"):
        list(alone.trials(Path(sys.executable), tmp_path, []))


def test_versions_are_those_of_this_environment() -> None:
    told = alone._versions()
    assert any(line.startswith("torch==") for line in told)
    assert not any(line.startswith("fairtut==") for line in told)
