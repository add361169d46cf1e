"""A reader's own method beside all others, from the shell: ``fairtut compare module:Class``."""

from __future__ import annotations

import importlib
import os
import sys
from importlib.metadata import entry_points
from typing import Any, Final

from fairtut.chapters import comparison as study
from fairtut.chapters.comparison.measures import MADE
from fairtut.errors import InputError, UnknownName
from fairtut.evidence.recording import Record
from fairtut.lab import mitigation
from fairtut.lab.mitigation import Mitigation
from fairtut.page.tables import aligned
from fairtut.runtime.device import pick_device

GROUP: Final = "fairtut.mitigations"
"""Entry points of this group are methods that installed packages bring along."""


def method(spec: str) -> Mitigation:
    """Return the method that a word on the command line names.

    Parameters
    ----------
    spec : str
        ``module:Name``, found as Python finds modules and in the current folder, or the name of an
        entry point in :data:`GROUP`.  A class is called without arguments.

    Raises
    ------
    fairtut.errors.InputError
        If the module has no such name, cannot be imported, or the object is no method.
    fairtut.errors.UnknownName
        If no installed package has an entry point of that name.
    """
    module, colon, name = spec.partition(":")
    found = _imported(module, name) if colon else _offered(spec)
    made: Any = found() if isinstance(found, type) else found
    mitigation.check(made)
    return made  # type: ignore[no-any-return]


def _imported(module: str, name: str) -> Any:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        loaded = importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{module} cannot be imported ({error}): run this where {module}.py lies, or install it"
        ) from error
    if not hasattr(loaded, name):
        raise InputError(f"{module} has no {name!r}: name the class behind the colon")
    return getattr(loaded, name)


def _offered(name: str) -> Any:
    offered = {point.name: point for point in entry_points(group=GROUP)}
    if name not in offered:
        raise UnknownName.of("method (module:Class, or an entry point)", name, list(offered))
    return offered[name].load()


def compare(spec: str, preset: str, data: str, seed: int, jobs: int | None = None) -> str:
    """Return where a method stands among all others, as lines for a terminal.

    Parameters
    ----------
    spec : str
        As in :func:`method`.
    preset, data, seed
        As in the chapter's parameters cell.
    jobs : int, optional
        Cells at once; default the preset's.

    Raises
    ------
    fairtut.errors.InputError
        As :func:`method`, or if the method has another number of settings than the others, or a
        name that is taken.
    fairtut.errors.UnknownName
        If there is no such preset, data mode or method.
    """
    mine = method(spec)
    config = study.configuration(preset, data, seed)
    config = config if jobs is None else study.with_jobs(config, jobs)
    everybody = study.everybody(config)
    if mine.name in [one.name for one in everybody] + list(MADE):
        raise InputError(f"the name {mine.name!r} is taken: give your method another one")
    rivals = study.contestants(config)
    mitigation.equal([*rivals, mine])
    task = study.task_of(config, data, seed, pick_device("auto"))
    found = study.measures.played(
        task, study.compete(task, config, [*everybody, mine]), config.cost
    )
    record = Record.start(chapter="comparison", preset=preset, data=data, seed=seed)
    record.keep(study.measures.measures(found))
    record.keep(study.measures.answers(found, [mine.name]))
    return "\n".join([*_standing(record, mine), "", *_asked(record, mine), *_absent()])


def _standing(record: Record, mine: Mitigation) -> list[str]:
    costs = {**study.COSTS, mine.name: study.cost_of(mine)}
    flat = study.side.flat(record, costs)
    rows = []
    for name in study.side.ranked(record, flat):
        told = [study.side.value(record, name, m) for m in ("number", "accuracy", "deo")]
        mark = "→" if name == mine.name else ""
        rows.append([mark, MADE.get(name, name), *map(str, told)])
    return aligned(["", "method", "number", "accuracy", "DEO"], rows).splitlines()


def _asked(record: Record, mine: Mitigation) -> list[str]:
    titles = study.side.ASKED
    rows = [[title, study.side.word(record, mine.name, name)] for name, title in titles.items()]
    return aligned([f"does {mine.name} beat", ""], rows).splitlines()


def _absent() -> list[str]:
    gone = study.peers.absent()
    return [f"absent: {name} ({module} is not installed)" for name, module in gone.items()]
