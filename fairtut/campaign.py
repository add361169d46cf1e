"""All chapters in calls of a few minutes, on a machine that is lent for as long: a campaign.

Every call goes on where the last one stopped.  What was computed lies in the cache folder
(``FAIRTUT_CACHE``), which may be carried to another machine of the same kind; a journal beside it
says what ended, and how long it took.  A chapter's **cells** are filled first
(:func:`fairtut.shards.fill`: what its headline rests on), then the chapter is **run**, which reads
them, adds the side experiments and writes its record.  A record of a run that was stopped is
marked unfinished and never judged.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from fairtut import chapters
from fairtut.errors import CellFailed, InputError, UnknownName
from fairtut.evidence.origin import code_of
from fairtut.runtime import cache
from fairtut.runtime.device import pick_device
from fairtut.runtime.io import atomic_write_text
from fairtut.runtime.presets import PRESETS, check_mode, choose

FOLDER: Final = "campaign"
"""Of the journals, in the cache folder."""
CELLS, RUN = "cells", "run"
KINDS: Final = (CELLS, RUN)
GRACE: Final = 20.0
"""Seconds that a step has to end after it was interrupted, before it is killed."""
LEAST: Final = 20.0
"""A step begins only if so many seconds are left: loading a chapter takes about half of them."""


@dataclass(frozen=True)
class Asked:
    """What a campaign is about; the same in every call that goes on with it."""

    preset: str
    data: str
    seed: int = 0
    results_dir: str | None = None


@dataclass(frozen=True)
class Entry:
    """One line of the journal: a step that ended, was stopped, or failed."""

    chapter: str
    kind: str
    code: str
    seconds: float
    status: int
    """0 where it ended, the negative signal where it was stopped, else what it returned."""


@dataclass(frozen=True)
class Step:
    """What is to do for a chapter, with what is known of how long it takes."""

    chapter: str
    kind: str
    stated: float
    """Minutes of the whole chapter on two cores, as its presets state them."""
    spent: float
    """Minutes that this step took until now, in all calls."""
    done: bool


def plan(asked: Asked, names: Iterable[str] | None = None) -> list[Step]:
    """Return the steps of a campaign in their order: the chapters that end soonest come first.

    Parameters
    ----------
    asked : Asked
    names : iterable of str, optional
        Chapters such as ``faap``; default all.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such chapter, preset or data mode.
    """
    choose(dict.fromkeys(PRESETS), asked.preset)
    check_mode(asked.data)
    stated = {name: _stated(name, asked) for name in _known(names)}
    told = list(journal(asked))
    return [
        _step(name, kind, stated[name], told)
        for name in sorted(stated, key=lambda name: (stated[name], name))
        for kind in KINDS
    ]


def go(asked: Asked, minutes: float, names: Iterable[str] | None = None) -> list[Entry]:
    """Work on a campaign for so many minutes; what is stopped goes on at the next call.

    Parameters
    ----------
    asked, names
        As :func:`plan` takes them.
    minutes : float
        Wall time of this call, in which everything that began has also ended.

    Returns
    -------
    list of Entry
        What this call did.

    Raises
    ------
    fairtut.errors.InputError
        If the minutes are no positive number.
    fairtut.errors.CellFailed
        If steps failed, after all others had their turn.
    """
    if not 0 < minutes < float("inf"):
        raise InputError(f"{minutes} minutes: give a positive number, such as 9")
    deadline = time.monotonic() + 60 * minutes - GRACE
    did: list[Entry] = []
    for step in plan(asked, names):
        broken = any(one.chapter == step.chapter and one.status != 0 for one in did)
        if step.done or broken or deadline - time.monotonic() < LEAST:
            continue
        did.append(_work(step, asked, deadline))
        _note(asked, did[-1])
    failed = sorted({one.chapter for one in did if one.status > 0})
    if failed:
        raise CellFailed(
            f"{', '.join(failed)} failed and the others had their turn: mend the fault that is "
            "told above and call again"
        )
    return did


def lines(steps: Iterable[Step]) -> list[str]:
    """Return a plan for a terminal, one line a chapter and the sum of what is left."""
    from fairtut.page.tables import aligned

    by: dict[str, dict[str, Step]] = {}
    for step in steps:
        by.setdefault(step.chapter, {})[step.kind] = step
    rows = [
        [name, f"{both[CELLS].stated:,.0f}", *(_told(both[kind]) for kind in KINDS)]
        for name, both in by.items()
    ]
    heads = ["chapter", "minutes stated, on two cores", *KINDS]
    open_ = [both[RUN] for both in by.values() if not both[RUN].done]
    left = sum(max(one.stated - one.spent, 0.0) for one in open_)
    said = f"{len(by) - len(open_)} of {len(by)} chapters are done"
    return [aligned(heads, rows), f"{said}; the others state {left:,.0f} minutes on two cores"]


def _told(step: Step) -> str:
    spent = f"{step.spent:.1f} min"
    return f"done in {spent}" if step.done else (f"{spent} so far" if step.spent else "to do")


def _known(names: Iterable[str] | None) -> list[str]:
    known = [module.name for module in pkgutil.iter_modules(chapters.__path__)]
    wanted = known if names is None else list(names)
    for name in wanted:
        if name not in known:
            raise UnknownName.of("chapter", name, known)
    return wanted


def _stated(name: str, asked: Asked) -> float:
    """Return the minutes that a chapter states for a preset."""
    opening: Any = importlib.import_module(f"fairtut.chapters.{name}.opening")
    real = opening.CHAPTER.real_minutes if asked.data == "real" else {}
    minutes: float = {**opening.CHAPTER.minutes, **real}[asked.preset]
    return minutes


def _step(name: str, kind: str, stated: float, told: Iterable[Entry]) -> Step:
    code = _code(name)
    mine = [one for one in told if (one.chapter, one.kind, one.code) == (name, kind, code)]
    spent = sum(one.seconds for one in mine) / 60
    return Step(name, kind, stated, spent, any(one.status == 0 for one in mine))


def _code(name: str) -> str:
    """Return what a step's results hang on: the chapter's code, torch, processor and device."""
    machine = cache.made_with(pick_device("auto"))
    return ", ".join([str(code_of(name).get("study", "")), *machine.values()])


# --- the journal --------------------------------------------------------------------------------


def _journal_file(asked: Asked) -> Path:
    seed = f"-seed{asked.seed}" if asked.seed else ""
    return cache.cache_folder() / FOLDER / f"{asked.preset}-{asked.data}{seed}.json"


def journal(asked: Asked) -> Iterator[Entry]:
    """Yield what earlier calls did; a journal that cannot be read is begun anew, with a word."""
    try:
        told = json.loads(_journal_file(asked).read_text(encoding="utf-8"))
        yield from [Entry(**one) for one in told]
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError) as error:
        print(f"the journal is begun anew, because it cannot be read: {error}", file=sys.stderr)


def _note(asked: Asked, entry: Entry) -> None:
    told = [asdict(one) for one in (*journal(asked), entry)]
    atomic_write_text(_journal_file(asked), json.dumps(told, indent=1))


# --- one step -----------------------------------------------------------------------------------


def command(step: Step, asked: Asked) -> list[str]:
    """Return the command of a step, which is one that a person could give."""
    words = ["--preset", asked.preset, "--data", asked.data, "--seed", str(asked.seed)]
    if step.kind == RUN and asked.results_dir is not None:
        words += ["--results-dir", asked.results_dir]
    return [sys.executable, "-m", "fairtut", step.kind, step.chapter, *words]


def _work(step: Step, asked: Asked, deadline: float) -> Entry:
    print(f"{step.chapter}: {step.kind}", flush=True)
    began = time.monotonic()
    # a session of its own, so that an interrupt reaches the workers, too
    with subprocess.Popen(command(step, asked), start_new_session=True) as process:
        try:
            status = process.wait(max(deadline - began, 0.0))
        except subprocess.TimeoutExpired:
            status = _stop(process)
        except BaseException:
            _stop(process)
            raise
    seconds = time.monotonic() - began
    return Entry(step.chapter, step.kind, _code(step.chapter), round(seconds, 1), status)


def _stop(process: subprocess.Popen[bytes]) -> int:
    """Interrupt a step, kill it where that does not end it, and return the negative signal."""
    for sign, patience in ((signal.SIGINT, GRACE - 5.0), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, sign)
            process.wait(patience)
            return -int(sign)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    return -int(signal.SIGKILL)
