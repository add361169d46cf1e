"""Kept results: the same value or a new one, never another, and no code of a file."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fairtut
from fairtut.errors import CorruptFile, MissingData
from fairtut.runtime import code, keep, seal
from fairtut.runtime.checkpoints import load, load_or_train
from fairtut.runtime.fit import fit
from fairtut.runtime.keep import kept, recall
from fairtut.runtime.rows import read_rows, write_rows

ABOUT = {"seed": 1}


@dataclass(frozen=True)
class Inner:
    name: str
    right: Any
    why: Any


@dataclass(frozen=True)
class Outer:
    inner: dict[float, Inner]
    pair: tuple[int, tuple[float, ...]]
    rows: list[dict[str, float]]
    nothing: Inner | None = None
    twice: int = field(init=False, default=2)


def value() -> Outer:
    inner = Inner("ä", np.array([[True], [False]]), np.array(["center", ""], dtype="<U10"))
    return Outer({0.1: inner}, (1, (2.5, float("nan"))), [{"loss": float("inf")}, {}])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def counted(make: Callable[[], Any]) -> tuple[Callable[[], Any], list[int]]:
    calls: list[int] = []

    def count() -> Any:
        calls.append(1)
        return make()

    return count, calls


def test_everything_comes_back_as_it_was(cache: Path) -> None:
    make, calls = counted(value)
    first, second = kept(make, ABOUT), kept(make, ABOUT)
    assert len(calls) == 1
    assert repr(first) == repr(second)
    right, again = first.inner[0.1].right, second.inner[0.1].right
    assert (right.dtype, right.shape) == (again.dtype, again.shape)
    assert second.pair[0] == 1 and second.pair[1][1] != second.pair[1][1]
    assert [p.suffix for p in (cache / "cells").iterdir()] == [".npz"]


@pytest.mark.parametrize(
    "one",
    [
        None, True, 3, -0.0, 1e-320, "text\n", [], (), {}, [(1, [2])], {1: {"a": (None,)}},
        np.float32(0.1), np.int64(3), np.zeros((0, 3), np.int8), np.array(1.5),
        np.asfortranarray(np.arange(6).reshape(2, 3)), np.arange(6)[::-2], [value()],
    ],
)  # fmt: skip
def test_a_value_and_its_types_survive(one: Any) -> None:
    made, found = (kept(lambda: one, ABOUT) for _ in range(2))
    assert type(found) is type(made) is type(one)
    assert repr(found) == repr(one)


def test_a_negative_zero_and_the_last_bit_survive() -> None:
    one = [0.1 + 0.2, -0.0, np.nextafter(1.0, 2)]
    found = [kept(lambda: one, ABOUT) for _ in range(2)][1]
    assert [float(x).hex() for x in found] == [float(x).hex() for x in one]


@pytest.mark.parametrize("bad", [object(), {1, 2}, np.array([None]), torch.zeros(1), print])
def test_what_cannot_be_kept_is_said(bad: Any) -> None:
    with pytest.raises(TypeError, match="cannot be kept"):
        kept(lambda: [bad], ABOUT)


def test_other_arguments_makers_code_or_torch_are_other_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make, calls = counted(value)
    kept(make, ABOUT)
    for about in ({"seed": 2}, ABOUT | {"z": np.zeros(3)}, ABOUT | {"z": np.ones(3)}):
        kept(make, about)
    assert len(calls) == 4
    for where, new in (
        ("fairtut.runtime.code.digest", lambda _: "0" * 16),
        ("torch.__version__", "99.0"),
        ("torch.backends.cpu.get_cpu_capability", lambda: "ABACUS"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(where, new)
            kept(make, ABOUT)
    assert len(calls) == 7
    assert kept(value, ABOUT).pair and kept(partial(int, "7"), ABOUT) == 7


def test_what_was_kept_can_be_asked_for() -> None:
    assert recall(value, ABOUT) is None
    kept(value, ABOUT)
    assert repr(recall(value, ABOUT)) == repr(value())
    assert recall(value, {"seed": 2}) is None


def test_a_planted_pickle_does_not_run(cache: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "pwned",)

    make, calls = counted(value)
    path, facts = keep.place(make, ABOUT)
    path.parent.mkdir(parents=True)
    tree = np.frombuffer(b'{"array": "0"}', np.uint8)
    arrays = {"0": np.array([Bomb()], dtype=object), "tree": tree}
    np.savez(path, **arrays)
    seal.seal(path, facts)
    np.load(path, allow_pickle=True)["0"]
    assert (tmp_path / "pwned").exists(), "the bomb works"
    (tmp_path / "pwned").unlink()
    assert repr(kept(make, ABOUT)) == repr(value())
    path.write_bytes(pickle.dumps(Bomb()))
    seal.seal(path, facts)
    (path.parent / "joblib").mkdir()
    (path.parent / "joblib" / "output.pkl").write_bytes(pickle.dumps(Bomb()))
    assert repr(kept(make, ABOUT)) == repr(value())
    assert len(calls) == 2 and not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "name", ["subprocess:Popen", "fairtut.__main__:main", "fairtut.cli:main", "os:system"]
)
def test_a_file_cannot_name_what_is_called(name: str) -> None:
    with pytest.raises((TypeError, KeyError)):
        keep.unpack({"class": name, "fields": {}}, {}, __name__)


def test_a_full_disk_costs_the_file_and_not_the_result(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert repr(kept(value, ABOUT)) == repr(value())
    assert "used and not kept" in caplog.text and "No space left on device" in caplog.text
    assert list((cache / "cells").iterdir()) == []


@pytest.mark.slow
def test_processes_share_what_they_keep(cache: Path) -> None:
    from joblib import Parallel, delayed

    jobs = [delayed(kept)(partial(divmod, 17, i % 2 + 1), {"i": i % 2}) for i in range(6)]
    assert Parallel(n_jobs=2)(jobs) == [(17, 0), (8, 1)] * 3
    assert len(list((cache / "cells").iterdir())) == 2


# --- the code behind a result ----------------------------------------------------------------

PACKAGE = Path(fairtut.__file__).parent


@pytest.mark.parametrize(
    ("study", "file", "line", "other"),
    [
        ("faap.table", "methods/faap/losses.py", "- alpha * entropy(guess).mean()",
         "- 2 * alpha * entropy(guess).mean()"),
        ("frtrain.protocol", "methods/frtrain/steps.py", "LEAK = 0.2", "LEAK = 0.3"),
        ("lassi.protocol", "methods/lassi/similar.py", "u ** (1 / k)", "u ** (2 / k)"),
        ("lassi.flow", "methods/lassi/glow_training.py", "rising * (", "2 * rising * ("),
        ("dvge.encoders", "models/vae.py", "class ", "SIDE = 1\n\n\nclass "),
        ("reprogramming_vision.models", "methods/reprogramming/game.py", "return ", "return -"),
        ("reprogramming_text.protocol", "methods/reprogramming/words.py", "return ", "return -"),
    ],
)  # fmt: skip
def test_a_changed_line_makes_it_again_and_a_changed_comment_does_not(
    study: str, file: str, line: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are computed from a copy of the package, of which one line is changed."""
    copy = tmp_path / "fairtut"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "claims"))
    monkeypatch.setattr(code, "PACKAGE", copy)
    made: list[str] = []

    def make() -> int:
        made.append("")
        return len(made)

    def train(module: Any) -> dict[str, Any]:
        made.append("")
        return {}

    # as a study's own functions would be
    make.__module__ = train.__module__ = f"fairtut.chapters.{study}"

    def made_again(text: str) -> int:
        (copy / file).write_text(text)
        for cached in (code.modules, code._of_modules, code._parsed, code._tree):
            cached.cache_clear()
        before = len(made)
        kept(make, ABOUT)
        load_or_train(torch.nn.Linear(1, 1), ABOUT, train, tmp_path)
        return len(made) - before

    whole = (PACKAGE / file).read_text()
    assert line in whole
    try:
        assert made_again(whole) == 2, "the first time"
        assert made_again(whole) == 0
        assert made_again(whole + "# a comment\n") == 0
        assert made_again(whole.replace('"""', '"""Other words.  ', 1)) == 0
        assert made_again(whole.replace(line, other, 1)) == 2
        assert made_again(whole) == 0
    finally:
        for cached in (code.modules, code._of_modules, code._parsed, code._tree):
            cached.cache_clear()


# --- every byte -----------------------------------------------------------------------------

TRIES = 1000


def damaged(whole: bytes, tries: int = TRIES) -> list[bytes]:
    """Return a file with a bit flipped at each of so many random places, or cut there."""
    rng = np.random.default_rng(0)
    found = []
    for i, place in enumerate(rng.integers(len(whole), size=tries)):
        flipped = bytes([whole[place] ^ (1 << int(rng.integers(8)))])
        found.append(whole[:place] + (b"" if i % 4 == 0 else flipped + whole[place + 1 :]))
    return found


def test_no_damaged_result_is_believed() -> None:
    make, calls = counted(value)
    kept(make, ABOUT)
    path, facts = keep.place(make, ABOUT)
    for i, body in enumerate(damaged(path.read_bytes())):
        path.write_bytes(body)
        with pytest.raises(CorruptFile, match="delete it"):
            keep.read(path, facts)
        if i % 50 == 0:
            assert repr(kept(make, ABOUT)) == repr(value())
            assert len(calls) == i // 50 + 2, "made again"


def test_no_damaged_model_is_believed(tmp_path: Path) -> None:
    trained = 0

    def train(module: Any) -> dict[str, float]:
        nonlocal trained
        trained += 1
        torch.nn.init.constant_(module.weight, 0.5)
        return {"accuracy": 0.75}

    def run() -> tuple[list[float], dict[str, Any]]:
        module = torch.nn.Linear(3, 1, bias=False)
        card = load_or_train(module, ABOUT, train, tmp_path)
        return module.weight.flatten().tolist(), {"accuracy": card["accuracy"]}

    right = run()
    (path,) = tmp_path.glob("*.pt")
    for i, body in enumerate(damaged(path.read_bytes())):
        path.write_bytes(body)
        with pytest.raises(CorruptFile, match="delete it and train again"):
            load(path, torch.nn.Linear(3, 1, bias=False))
        if i % 50 == 0:
            assert run() == right
            assert trained == i // 50 + 2, "trained again"


def test_no_damaged_part_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "x.part"

    def run(checkpoint: Path | None) -> list[dict[str, float]]:
        net = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.ones_(net.weight)

        def step(rows: Any, done: float) -> dict[str, torch.Tensor]:
            return {"loss": net.weight.sum()}

        return fit(4, step, epochs=2, batch=2, seed=0, keep={"net": net}, checkpoint=checkpoint)

    run(path)
    whole = path.read_bytes()
    for body in damaged(whole):
        path.write_bytes(body)
        with pytest.raises(CorruptFile, match="delete it to start over"):
            run(path)
    path.write_bytes(whole)
    assert run(path) == run(None)


def test_no_damaged_rows_are_believed(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    rows = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
    facts = {"of": "toy"}
    write_rows(path, rows.shape, [rows[:30], rows[30:]], facts)
    np.testing.assert_array_equal(read_rows(path, facts), rows)
    np.testing.assert_array_equal(np.load(path), rows)
    whole = path.read_bytes()
    zeroed = whole[:200] + bytes(len(rows.tobytes()) // 2) + whole[200 + rows.nbytes // 2 :]
    some = whole[:300] + bytes(401) + whole[701:]
    assert len(zeroed) == len(some) == len(whole)
    for body in (zeroed, some, whole[: len(whole) // 2], b"", *damaged(whole)):
        path.unlink()
        path.write_bytes(body)
        with pytest.raises(CorruptFile, match="delete it"):
            read_rows(path, facts)
    path.write_bytes(whole)
    with pytest.raises(CorruptFile, match="something else"):
        read_rows(path, {"of": "another"})


def test_rows_are_checked_once_per_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, calls, verify = tmp_path / "rows.npy", [], seal.verify
    write_rows(path, (2, 1), [np.ones((2, 1), np.float32)], {})
    monkeypatch.setattr(seal, "verify", lambda p: calls.append(p) or verify(p))
    for _ in range(3):
        read_rows(path, {})
    assert len(calls) == 1


# --- a full disk ----------------------------------------------------------------------------


def test_too_little_room_is_said_before_the_work(tmp_path: Path) -> None:
    def never() -> Any:
        raise AssertionError("no work for nothing")
        yield

    with pytest.raises(MissingData, match=r"MiB are needed.*set FAIRTUT_CACHE") as caught:
        write_rows(tmp_path / "rows.npy", (1 << 30, 1 << 20), never(), {})
    assert "\n" not in str(caught.value) and list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the size of files")
def test_a_disk_that_fills_meanwhile_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: writing to mapped memory would kill."""
    program = (
        "import resource, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from fairtut.errors import MissingData\n"
        "from fairtut.runtime.rows import write_rows\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "pieces = (np.zeros((1000, 100), np.float32) for _ in range(50))\n"
        "try:\n"
        "    write_rows(Path(sys.argv[1]) / 'rows.npy', (50000, 100), pieces, {})\n"
        "except MissingData as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (sentence,) = done.stdout.splitlines()
    assert "cannot keep rows.npy" in sentence and "set FAIRTUT_CACHE" in sentence
    assert list(tmp_path.iterdir()) == []
