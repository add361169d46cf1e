"""A chapter's four parameters: what papermill makes of them, where records go, what is refused."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from fairtut.errors import FairtutError, InputError
from fairtut.runtime import parameters
from fairtut.runtime.parameters import checked, checkout, results_folder, seen


def check(folder: Path, **changes: Any) -> parameters.Checked:
    given = {"preset": "smoke", "data": "synthetic", "seed": 0, "results_dir": folder, **changes}
    return checked(**given)


@pytest.mark.parametrize(
    ("given", "seed"),
    [(0, 0), (7, 7), (1e3, 1000), (2.0, 2), ("007", 7), (" 5 ", 5), (2**32 - 1, 2**32 - 1)],
)
def test_a_seed_that_can_mean_one_number_is_that_number(
    tmp_path: Path, given: Any, seed: int
) -> None:
    found = check(tmp_path, seed=given).seed
    assert found == seed
    assert type(found) is int


@pytest.mark.parametrize(
    "given",
    [True, False, None, -1, 0.5, float("nan"), float("inf"), 1e300, "1e3", "one", "", "-1", 2**32,
     [0], "٣", "1_0"],
)  # fmt: skip
def test_any_other_seed_is_refused_in_one_sentence(tmp_path: Path, given: Any) -> None:
    with pytest.raises(InputError, match="whole number from 0") as caught:
        check(tmp_path, seed=given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["preset", "data"])
@pytest.mark.parametrize("given", [1, None, True, 1.0, ["smoke"], "smoky", ""])
def test_a_wrong_preset_or_data_mode_is_refused_in_one_sentence(
    tmp_path: Path, name: str, given: Any
) -> None:
    with pytest.raises(FairtutError, match=name) as caught:
        check(tmp_path, **{name: given})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [None, True, 1e3, float("nan"), "", "  ", ["results"], -1])
def test_what_is_no_folder_is_refused_in_one_sentence(given: Any) -> None:
    with pytest.raises(InputError, match="results_dir") as caught:
        check(given)
    assert "\n" not in str(caught.value)


def test_a_folder_that_papermill_took_for_a_number_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert check(2026).results_dir == tmp_path.resolve() / "2026"  # type: ignore[arg-type]
    assert (tmp_path / "2026").is_dir()


def test_papermills_own_types_are_those_of_these_tests() -> None:
    resolve = pytest.importorskip("papermill.cli")._resolve_type
    found = [resolve(text) for text in ("2026", "1e3", "007", "True", "None", "smoke")]
    assert found == [2026, 1000.0, 7, True, None, "smoke"]


def toy_checkout(folder: Path) -> Path:
    (folder / "notebooks" / "deep").mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[project]\nname = "fairtut"\n')
    return folder.resolve()


@pytest.mark.parametrize("start", [".", "notebooks", "notebooks/deep"])
def test_a_relative_folder_belongs_to_the_checkout_wherever_the_notebook_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    home = toy_checkout(tmp_path)
    monkeypatch.chdir(home / start)
    once = check("results")  # type: ignore[arg-type]
    assert once.results_dir == home / "results"
    assert checked(*once) == once  # a setup cell is run twice
    assert seen(once.results_dir) == Path(os.path.relpath(home / "results"))
    assert results_folder("/elsewhere") == Path("/elsewhere")


def test_another_projects_checkout_is_none(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"\n# name = "fairtut"\n')
    assert checkout(tmp_path) is None
    assert results_folder("results", tmp_path) == tmp_path.resolve() / "results"


def test_this_checkout_is_found_from_its_notebooks() -> None:
    root = Path(__file__).resolve().parents[2]
    assert checkout(root / "notebooks") == root


def test_a_file_in_the_place_of_the_folder_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    for folder in (tmp_path / "results", tmp_path / "results" / "below"):
        with pytest.raises(InputError, match="cannot hold a record"):
            check(folder)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = parameters.tempfile
    monkeypatch.setattr(full, "TemporaryFile", lambda dir: open("/dev/full", "wb"))  # noqa: SIM115
    with pytest.raises(InputError, match="No space left"):
        check(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
def test_a_folder_that_is_read_only_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(parameters.tempfile, "TemporaryFile", refused)  # root may write anywhere
    with pytest.raises(InputError, match="Permission denied"):
        check(tmp_path)


def test_the_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    check(tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- what a chapter does not show -------------------------------------------------------------


def test_a_chapter_is_silent_about_idle_workers_and_about_nothing_else(tmp_path: Path) -> None:
    text = (
        "A worker stopped while some jobs were given to the executor. This can be caused by a too "
        "short worker timeout or by a memory leak."
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check(tmp_path)
        warnings.warn(text, UserWarning, stacklevel=1)
        assert caught == []
        warnings.warn("A worker ran out of memory", UserWarning, stacklevel=1)
        warnings.warn(text, RuntimeWarning, stacklevel=1)
        assert len(caught) == 2


def test_the_remark_is_the_one_that_joblib_makes() -> None:
    """Joblib may word it anew: then the filter above would let it through."""
    from joblib.externals.loky import process_executor

    source = Path(process_executor.__file__).read_text("utf-8")
    said = " ".join(part for part in source.replace('"', " ").split())
    assert parameters.IDLE in said
