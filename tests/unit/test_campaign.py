"""Campaigns: the cheapest chapter first, stopped at the deadline, gone on with, carried."""

from __future__ import annotations

import json
import os
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from fairtut import campaign, cli, packed
from fairtut.campaign import CELLS, RUN, Asked, Step
from fairtut.errors import CellFailed, CorruptFile, InputError, UnknownName
from fairtut.runtime import keep

ASKED = Asked("smoke", "synthetic")
NAMES = ["faap", "frtrain"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def seen(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put short scripts in the place of all steps; each writes its name into the file returned."""
    file = tmp_path / "seen"

    def command(step: Step, asked: Asked) -> list[str]:
        body = (tmp_path / f"{step.chapter}-{step.kind}").read_text()
        said = f"print({step.chapter!r}, {step.kind!r}, file=open({str(file)!r}, 'a'), flush=True)"
        return [sys.executable, "-c", f"{said}\n{body}"]

    monkeypatch.setattr(campaign, "command", command)
    monkeypatch.setattr(campaign, "GRACE", 6.0)
    monkeypatch.setattr(campaign, "LEAST", 0.0)
    for name in NAMES:
        for kind in (CELLS, RUN):
            (tmp_path / f"{name}-{kind}").write_text("")
    return file


def test_all_steps_are_done_once_and_in_order(seen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "_stated", lambda name, asked: {"faap": 9, "frtrain": 2}[name])
    did = campaign.go(ASKED, 5, NAMES)
    wanted = [(n, k) for n in ("frtrain", "faap") for k in (CELLS, RUN)]
    assert [(one.chapter, one.kind) for one in did] == wanted
    assert campaign.go(ASKED, 5, NAMES) == []
    assert seen.read_text().split() == [word for pair in wanted for word in pair]
    assert campaign.lines(campaign.plan(ASKED, NAMES))[-1].startswith("2 of 2 chapters are done")


def test_other_parameters_other_code_and_other_machines_are_other_steps(
    seen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign.go(ASKED, 5, NAMES)
    assert all(step.done for step in campaign.plan(ASKED, NAMES))
    assert not any(step.done for step in campaign.plan(Asked("smoke", "real"), NAMES))
    assert not any(step.done for step in campaign.plan(Asked("smoke", "synthetic", 1), NAMES))
    monkeypatch.setattr(campaign, "code_of", lambda name: {"study": "other"})
    assert not any(step.done for step in campaign.plan(ASKED, NAMES))


def test_a_step_is_stopped_at_the_deadline_with_its_children_and_goes_on(
    seen: Path, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    slow = (
        "import subprocess, sys, time\n"
        "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(child)!r}, 'w').write(str(one.pid))\n"
        "time.sleep(600)"
    )
    (tmp_path / f"faap-{CELLS}").write_text(slow)
    (entry,) = campaign.go(ASKED, 10 / 60, ["faap"])  # four seconds, and six of grace
    assert entry.status < 0
    cells, run = campaign.plan(ASKED, ["faap"])
    assert cells.spent > 0 and not cells.done and not run.done
    for _ in range(100):  # the child was interrupted as well; it needs a moment to end
        if not _alive(int(child.read_text())):
            break
        time.sleep(0.1)
    assert not _alive(int(child.read_text()))
    (tmp_path / f"faap-{CELLS}").write_text("")
    assert [one.kind for one in campaign.go(ASKED, 5, ["faap"])] == [CELLS, RUN]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_chapter_that_fails_lets_the_others_have_their_turn(seen: Path, tmp_path: Path) -> None:
    (tmp_path / f"frtrain-{CELLS}").write_text("raise SystemExit(2)")
    with pytest.raises(CellFailed, match="frtrain failed"):
        campaign.go(ASKED, 5, NAMES)
    done = {(s.chapter, s.kind) for s in campaign.plan(ASKED, NAMES) if s.done}
    assert done == {("faap", CELLS), ("faap", RUN)}, "no run of a chapter without its cells"


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_minutes_that_are_none_are_refused(minutes: float, seen: Path) -> None:
    with pytest.raises(InputError, match="positive"):
        campaign.go(ASKED, minutes, NAMES)


def test_unknown_names_are_refused(store: Path) -> None:
    with pytest.raises(UnknownName, match="faap"):
        campaign.plan(ASKED, ["fap"])
    with pytest.raises(UnknownName, match="smoke"):
        campaign.plan(Asked("smok", "synthetic"))
    with pytest.raises(UnknownName, match="real"):
        campaign.plan(Asked("smoke", "reel"))


def test_the_plan_of_all_chapters_is_told(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["campaign", "--preset", "paper", "--data", "real", "--plan"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1].startswith("0 of ") and "lassi" in said[-2]
    assert not (store / campaign.FOLDER).exists()


@pytest.mark.parametrize("text", ["{", "[1]", '[{"chapter": "faap"}]'])
def test_a_spoilt_journal_is_begun_anew(
    text: str, seen: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign.go(ASKED, 5, ["faap"])
    (file,) = (store / campaign.FOLDER).iterdir()
    file.write_text(text)
    assert not any(step.done for step in campaign.plan(ASKED, ["faap"]))
    assert "begun anew" in capsys.readouterr().err


def test_a_command_is_one_that_a_person_could_give() -> None:
    asked = Asked("paper", "real", 3, "/here")
    for kind in (CELLS, RUN):
        words = campaign.command(Step("faap", kind, 1, 0, False), asked)
        given = cli.parser().parse_args(words[words.index("fairtut") + 1 :])
        assert (given.chapter, given.preset, given.data, given.seed) == ("faap", "paper", "real", 3)


# --- the file that travels ------------------------------------------------------------------


def _double(x: float) -> float:
    return 2 * x


def _fill(count: int) -> list[Path]:
    from functools import partial

    places = [keep.place(_double, {"x": x}) for x in range(count)]
    for x, place in enumerate(places):
        keep.kept_at(*place, partial(_double, x))
    return [path for path, _ in places]


@pytest.fixture
def usable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the inventory take the code of this file for the package's own."""
    from fairtut.runtime import inventory

    monkeypatch.setattr(inventory, "_state_of", lambda facts, here: inventory.USED)


def test_what_was_packed_is_found_on_the_other_machine(
    store: Path, usable: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = _fill(3)
    first, again = packed.pack(tmp_path / "a.zip"), packed.pack(tmp_path / "b.zip")
    assert (first.files, first.left) == (3, ())
    assert first.file.read_bytes() == again.file.read_bytes()
    contents = {path.name: path.read_bytes() for path in paths}
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "other"))
    assert packed.unpack(first.file) == 3
    assert packed.unpack(first.file) == 0, "what is there stays"
    there = {p.name: p.read_bytes() for p in (tmp_path / "other" / "cells").glob("*.npz")}
    assert there == contents


def test_a_limit_is_kept_and_what_has_no_room_is_named(
    store: Path, usable: None, tmp_path: Path
) -> None:
    paths = _fill(4)
    room = sum(path.stat().st_size + 1024 for path in paths[:2])
    found = packed.pack(tmp_path / "a.zip", room / 1e6)
    assert found.file.stat().st_size <= room
    assert found.files + len(found.left) == 4 and found.left
    with pytest.raises(InputError, match="positive"):
        packed.pack(tmp_path / "a.zip", 0)


def test_nothing_to_pack_is_said(store: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run a chapter first"):
        packed.pack(tmp_path / "a.zip")


@pytest.mark.parametrize("name", ["../x", "/x", "cells/../x", "cells/.x", "other/x", "cells"])
def test_names_that_lead_elsewhere_are_refused(name: str, store: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr(name, b"x")
    with pytest.raises(CorruptFile, match="no file of a cache"):
        packed.unpack(tmp_path / "a.zip")


def test_a_damaged_file_is_refused(store: Path, usable: None, tmp_path: Path) -> None:
    (path,) = _fill(1)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr(f"cells/{'0' * 16}.npz", bytes(whole))
    with pytest.raises(CorruptFile, match="damaged"):
        packed.unpack(tmp_path / "a.zip")
    assert os.listdir(store / "cells") == [path.name] or len(list(store.glob("cells/*.npz"))) == 1
    (tmp_path / "b.zip").write_bytes(b"no zip")
    with pytest.raises(CorruptFile, match="cannot be read"):
        packed.unpack(tmp_path / "b.zip")


def test_the_journal_travels(seen: Path, usable: None, store: Path, tmp_path: Path,
                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    campaign.go(ASKED, 5, ["faap"])
    found = packed.pack(tmp_path / "a.zip")
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "other"))
    packed.unpack(found.file)
    told: list[Any] = json.loads((tmp_path / "other/campaign/smoke-synthetic.json").read_text())
    assert [one["kind"] for one in told] == [CELLS, RUN]
    assert all(step.done for step in campaign.plan(ASKED, ["faap"]))
