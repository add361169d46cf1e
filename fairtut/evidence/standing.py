"""Whether a record counts: its configuration is its preset's, and its code is named."""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fairtut.errors import InputError, RecordError
from fairtut.evidence import looks
from fairtut.evidence.origin import code_of, differences, study_of
from fairtut.runtime.parameters import seen

if TYPE_CHECKING:
    from fairtut.evidence.recording import Record

MOST: Final = 3
"""How many differences a sentence names."""


def fault(record: Record) -> str:
    """Say why a record counts for no verdict; nothing if it counts.

    A record that grows has its preset's configuration with more trainings, as many as one of the
    planned looks (:data:`fairtut.evidence.looks.LOOKS`).  A chapter that the package has no study
    of cannot be compared.  A record that was made before records named their code may lack keys
    that presets did not have then; what it has must agree.

    Parameters
    ----------
    record : Record

    Returns
    -------
    str
        A sentence without its capital letter and full stop, or nothing.

    Examples
    --------
    >>> from fairtut.evidence.recording import Record
    >>> from fairtut.evidence.standing import fault
    >>> print(fault(Record("lassi", "laptop", "synthetic", config={"colour": "red"})))
    the configuration of record lassi/laptop-synthetic is not that of its preset (colour),
    so it does not count
    >>> fault(Record("toy", "laptop", "synthetic", config={"colour": "red"}))
    ''
    """
    module = study_of(record.chapter)
    if module is None:
        return ""
    root = (record.seeds.get("root") or [0])[0]
    trainings = looks.trainings(record.config)
    wanted, unused = _configured(module, record.preset, record.data, root, trainings)
    found = differences(record.config, json.loads(wanted), partial=not record.code)
    found = [key for key in found if key not in unused]
    if not found:
        return _unplanned(record.name, trainings)
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return (
        f"the configuration of record {record.name} is not that of its preset "
        f"({', '.join(found[:MOST])}{more}), so it does not count"
    )


def check_place(record: Record, path: Path) -> None:
    """Refuse that a record takes the place of one that counts and that it must not replace.

    One that counts for no verdict replaces none that counts.  And with the same code, which makes
    the same trainings again, looks do not change: what was planned at one look has spent its whole
    chance of error there, and what grows pays for every look.  Records of other chapters, data,
    seeds and devices have other places.

    Parameters
    ----------
    record : Record
        Only its configuration and code need to be there.
    path : pathlib.Path
        Where it is to be written.

    Raises
    ------
    fairtut.errors.RecordError
        If so.

    Examples
    --------
    What was planned at one look does not grow afterwards.

    >>> import contextlib, tempfile
    >>> from fairtut.evidence.looks import noted
    >>> from fairtut.evidence.recording import Record
    >>> from fairtut.evidence.standing import check_place
    >>> about = {"chapter": "toy", "preset": "smoke", "data": "synthetic", "code": {"study": "0f"}}
    >>> record, grown = Record(**about), Record(**about, config=noted({}, 6))
    >>> _ = record.measure("lr.accuracy", [0.5], n=100, unit="fraction")
    >>> with tempfile.TemporaryDirectory() as here, contextlib.chdir(here):
    ...     check_place(grown, record.save("results"))
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: results/toy/smoke-synthetic.json was planned at one look,
        which has spent the whole chance of error, and more trainings of the same code would be
        a second look: name another results_dir or another seed
    """
    there = _counting(path)
    if there is None:
        return
    wrong = fault(record)
    if wrong:
        raise RecordError(
            f"{wrong}; {seen(path)} counts and is not overwritten: name another results_dir"
        )
    had, now = looks.planned(there.config), looks.planned(record.config)
    if had == now or record.code.get("study") != there.code.get("study", ""):
        return
    if had == 1:
        raise RecordError(
            f"{seen(path)} was planned at one look, which has spent the whole chance of error, and "
            "more trainings of the same code would be a second look: name another results_dir or "
            "another seed"
        )
    raise RecordError(
        f"{seen(path)} grows at planned looks, and a run that is judged as if at one look would "
        f"not pay for them: set {looks.VARIABLE} to {_either()}, or name another results_dir"
    )


def check_before(path: Path, trainings: int) -> None:
    """Check that a record stands at its place which has so many trainings and counts.

    Parameters
    ----------
    path : pathlib.Path
        The record's place.
    trainings : int
        How many it must have, from :func:`fairtut.evidence.looks.asked`.

    Raises
    ------
    fairtut.errors.InputError
        If not.

    Examples
    --------
    >>> from pathlib import Path
    >>> from fairtut.evidence.standing import check_before
    >>> check_before(Path("nowhere.json"), trainings=3)
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: nowhere.json holds no record that grows and has 3 trainings:
        begin with 3 trainings, without a colon
    """
    there = _counting(path)
    if there is None or looks.trainings(there.config) != trainings:
        raise InputError(
            f"{seen(path)} holds no record that grows and has {trainings} trainings: begin with "
            f"{trainings} trainings, without a colon"
        )


def remarks(records: Iterable[Record]) -> list[str]:
    """Say in sentences which records do not count, and which name no code, or an earlier one.

    Parameters
    ----------
    records : iterable of Record

    Returns
    -------
    list of str
        Empty where nothing needs to be said.

    Examples
    --------
    >>> from fairtut.evidence.recording import Record
    >>> from fairtut.evidence.standing import remarks
    >>> remarks([Record("toy", "smoke", "synthetic"), Record("toy", "laptop", "real")])
    ['Made before records named their code: toy/laptop-real, toy/smoke-synthetic.']
    >>> remarks([Record("toy", "smoke", "synthetic", code={"study": "0f"})])
    []
    """
    listed = list(records)
    faults = [f"{text[0].upper()}{text[1:]}." for text in map(fault, listed) if text]
    old = [record.name for record in listed if not record.code]
    if old:
        faults.append(f"Made before records named their code: {', '.join(sorted(old))}.")
    other = [record.name for record in listed if record.code and _code_has_changed(record)]
    if other:
        faults.append(f"Made by an earlier version of the code: {', '.join(sorted(other))}.")
    return faults


def _code_has_changed(record: Record) -> bool:
    now = code_of(record.chapter)
    return "study" in now and record.code.get("study") != now["study"]


def _counting(path: Path) -> Record | None:
    """Return the record that counts at a place, None where there is none."""
    from fairtut.evidence.records import load_record

    if not path.is_file():
        return None
    try:
        there = load_record(path)
    except RecordError:
        return None  # nothing is lost
    return None if fault(there) else there


def _unplanned(name: str, trainings: int | None) -> str:
    if trainings is None or trainings in looks.LOOKS:
        return ""
    return (
        f"record {name} has {trainings} trainings, and planned looks are at {_either()}, so it "
        "does not count"
    )


def _either() -> str:
    *most, last = map(str, looks.LOOKS)
    return f"{', '.join(most)} or {last}"


@functools.cache
def _configured(
    module: str, preset: str, data: str, root: int, trainings: int | None
) -> tuple[str, frozenset[str]]:
    """Return the configuration of a run as JSON, and the keys that it does not depend on."""
    presets: Any = importlib.import_module(f"{module}.presets")
    config = presets.configuration(preset, data, root)
    if trainings is not None:
        chapter: Any = importlib.import_module(f"{module}.opening").CHAPTER
        if chapter.grown is None:  # then it has no such configuration
            trainings = None
        config = chapter.enlarged(config, trainings)
    unused = getattr(presets, "DRAWN", ()) if data == "real" else ()
    return json.dumps(looks.noted(config, trainings)), frozenset(unused)
