"""What lies in the cache: nothing that can be used is removed, and nothing that is not known."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from fairtut import cli, doctor
from fairtut.data.images.cache import LABELS, PIXELS
from fairtut.runtime import cache, inventory, seal
from fairtut.runtime.checkpoints import load_or_train
from fairtut.runtime.keep import kept
from fairtut.runtime.seeds import stream_seed

OURS = partial(stream_seed, 0, "a result")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def plant(path: Path, **facts: Any) -> Path:
    """Write a sealed file of 1,000 bytes; the facts are those of this version unless told."""
    seal.write(path, bytes(1000), {**cache.facts(OURS, {}), **facts})
    return path


def states(root: Path) -> dict[str, str]:
    """Return the state of every file, by its path below the cache."""
    found = doctor.kept()
    assert found[0] == root
    return {
        path.relative_to(root).as_posix(): item.state for item in found[1] for path in item.files
    }


def test_what_this_version_kept_is_in_use(root: Path) -> None:
    value = kept(OURS, {})
    load_or_train(nn.Linear(1, 1), {"what": "toy"}, lambda module: {})
    plant(root / "images" / "verified" / "ab")  # a digest of a file: true whatever the code
    seal.write(root / "images" / "verified" / "cd", b"x", {})
    found = sorted((path.split("/")[0], state) for path, state in states(root).items())
    # the model was made by this test, whose code is not the package's: nobody knows where it is
    assert found == [
        ("cells", "used"), ("images", "used"), ("images", "used"), ("models", "unknown"),
    ]  # fmt: skip
    assert cli.main(["cache", "prune"]) == 0
    assert len(states(root)) == 4
    assert kept(partial(OURS), {}) == value


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "used"),
        ({"code": "0" * 16}, "stale"),
        ({"function": "fairtut.attic.old:run"}, "stale"),
        ({"torch": "1.0"}, "stale"),
        ({"pillow": "1.0"}, "stale"),
        ({"decoder": "0" * 16}, "stale"),
        ({"processor": "another"}, "elsewhere"),
        ({"processor": "another", "torch": "1.0"}, "stale"),
        ({"function": "__main__:run"}, "unknown"),
        ({"function": 3}, "unknown"),
        ({"seconds": 3.5}, "used"),
    ],
)
def test_the_seal_decides(root: Path, facts: dict[str, Any], state: str) -> None:
    plant(root / "models" / "0.part", **facts)
    assert states(root) == {"models/0.part": state}


def a_full_cache(root: Path) -> None:
    """Two of each: stale, used, unknown; and things beside the four folders."""
    plant(root / "models" / "new.pt")
    plant(root / "latents" / "new" / "train.npy")
    plant(root / "models" / "old.pt", torch="1.0")
    plant(root / "latents" / "old" / "train.npy", code="0" * 16)
    for name, facts in (("old", {"decoder": "0" * 16}), ("new", {})):
        folder = root / "images" / name
        plant(folder / LABELS, **facts)
        for other in (PIXELS, ".lock"):
            (folder / other).write_bytes(bytes(1000))
    (root / "images" / "old" / "notes.txt").write_text("somebody's own")
    (root / "cells").mkdir()
    (root / "cells" / "earlier.pkl").write_bytes(bytes(2000))
    for name, age in ((".killed.tmp", 2 * 86400), (".busy.tmp", 0)):
        path = root / "models" / name
        path.write_bytes(bytes(10))
        os.utime(path, (time.time() - age,) * 2)
    (root / "adult").mkdir()  # the folder of data may be the same
    plant(root / "adult" / "adult.data", torch="1.0")


GONE = {
    "models/old.pt", "models/.killed.tmp", "latents/old/train.npy", "images/old/labels",
    "images/old/pixels.npy", "images/old/.lock",
}  # fmt: skip


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_prune_removes_just_what_cannot_be_reached(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_full_cache(root)
    before = files(root)
    stale = sum((root / name).stat().st_size for name in GONE)
    amount = f"{stale / 1e6:,.1f} MB in 6 files"
    assert cli.main(["cache", "prune", "--dry-run"]) == 0
    assert files(root) == before
    text = capsys.readouterr().out
    assert f"{amount} that no code of this version can reach" in text
    assert "in 3 files of unknown kind, never removed" in text and "nothing was removed" in text
    assert cli.main(["cache", "prune"]) == 0
    assert before - files(root) == GONE
    assert f": {amount}\n" in capsys.readouterr().out
    assert not (root / "latents" / "old").exists() and (root / "images" / "old").is_dir()
    assert cli.main(["cache", "prune"]) == 0
    assert capsys.readouterr().out.endswith("nothing to remove\n")


def test_the_doctor_says_it_and_makes_no_folder(root: Path) -> None:
    assert doctor._check_cache() == ["nothing is kept", f"folder {root}"]
    assert not root.exists()
    a_full_cache(root)
    lines = doctor._check_cache()
    assert any("can reach" in line for line in lines) and any("prune" in line for line in lines)


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    target = plant(tmp_path / "elsewhere" / "old.pt", torch="1.0")
    (root / "models").mkdir(parents=True)
    (root / "models" / "link.pt").symlink_to(target)
    (root / "models" / "folder").symlink_to(target.parent, target_is_directory=True)
    assert cli.main(["cache", "prune"]) == 0
    assert target.is_file() and (root / "models" / "link.pt").is_symlink()


def test_what_cannot_be_removed_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = plant(root / "models" / "old.pt", torch="1.0")

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    assert cli.main(["cache", "prune"]) == 2
    assert f"cannot remove {path} (Permission denied)" in capsys.readouterr().err
    assert inventory.survey(root, {})[0].files == (path,)
