"""Records: what a run measured, as a small JSON file that later readers can trust.

A chapter collects measurements in a :class:`~fairtut.evidence.recording.Record` and saves it to
``results/<chapter>/<preset>-<data>[-seed<n>][-<device>].json`` (the seed only where it is not 0,
the device only where it is not a CPU).
The file holds, in this order,

================  ==================================================================================
``schema``        :data:`SCHEMA`
``chapter``       the chapter's id, such as ``frtrain``
``preset``        ``smoke`` | ``laptop`` | ``paper``
``data``          ``synthetic`` | ``real``
``datasets``      a list of ``{name, rows, digest, source}``
``seeds``         what each kind of seed was: ``{"data": [0, 1, 2], "init": [0, 1]}``
``device``        ``{type, name, tag, threads}`` of what did the work; with ``asked_for`` where
                  another device was asked for and did nothing
``versions``      of python, fairtut and the libraries that made the numbers
``minutes``       from ``Record.start`` to ``Record.save``
``config``        every hyper-parameter of the preset; ``grown`` where the record grows, with its
                  number of trainings and the planned looks (:mod:`fairtut.evidence.looks`)
``code``          digests of what made the numbers: ``study``, the chapter's package with all that
                  it imports, and ``cells``, the notebook's code as it ran
``measurements``  ``{id: {values, n, unit, note?}}``
================  ==================================================================================

A measurement's ``values`` hold one entry per seed.  An entry that is a list holds repeated
initialisations on the *same* draw of the data: they are averaged before anything is said about
the spread over draws.  ``n`` is the number of rows that each value was measured on.  A value that
could not be computed is ``null``, and then the ``note`` says why.

Numbers keep six significant digits, keys have a fixed order and each measurement stands on one
line, so that two runs differ in few lines.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import fairtut
from fairtut.errors import InputError, RecordError
from fairtut.evidence.looks import paid
from fairtut.evidence.measurements import Draw, Measurement
from fairtut.evidence.origin import LIBRARIES, library_versions
from fairtut.evidence.recording import Record
from fairtut.evidence.schema import KEYS, SCHEMA, check_record

LARGEST: Final = 2**23
"""Bytes of a record's file; the largest of ours has a twentieth."""

__all__ = [
    "LIBRARIES",
    "SCHEMA",
    "Draw",
    "Measurement",
    "Record",
    "committed",
    "committed_results",
    "library_versions",
    "load_record",
    "load_records",
]


def load_record(path: str | os.PathLike[str]) -> Record:
    """Read and check one record.

    Parameters
    ----------
    path : path-like
        Its file, below a folder that is named after the chapter.

    Returns
    -------
    Record

    Raises
    ------
    fairtut.errors.RecordError
        If the file is not valid JSON, does not follow the schema, or is not where its content
        says that it belongs.

    Examples
    --------
    >>> from fairtut.evidence.records import committed_results, load_record
    >>> record = load_record(committed_results() / "frtrain" / "laptop-real.json")
    >>> record.chapter, record.preset, record.data
    ('frtrain', 'laptop', 'real')
    """
    file = Path(path)
    where = f"{file.parent.name}/{file.name}"
    try:
        if file.stat().st_size > LARGEST:
            raise ValueError(f"more than {LARGEST} bytes")
        body = json.loads(
            file.read_text(encoding="utf-8"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_once,
        )
        check_record(body, where)
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()  # half a letter is none
    except RecordError:
        raise
    except (ValueError, OverflowError, RecursionError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RecordError(f"{where}: cannot be read ({reason}): run the chapter again") from error
    fields = {
        key: body[key] for key in KEYS if key in body and key not in ("schema", "measurements")
    }
    record = Record(**fields)
    for name, m in body["measurements"].items():
        people = tuple(m["people"]) if "people" in m else None
        found = Measurement(
            tuple(m["values"]), m["n"], m["unit"], m.get("note"), people, m.get("overlap")
        )
        record.measurements[name] = paid(found, record.config)
    if where != f"{record.name}.json":
        raise RecordError(f"{where}: its content belongs to {record.name}.json: move it there")
    return record


def load_records(results_dir: str | os.PathLike[str] | None = None) -> list[Record]:
    """Return every record below a results folder, in the order of their names.

    Parameters
    ----------
    results_dir : path-like, optional
        Default: the committed records, from :func:`committed_results`.

    Raises
    ------
    fairtut.errors.InputError
        If the folder does not exist.
    fairtut.errors.RecordError
        If a record does not follow the schema.

    Examples
    --------
    >>> from fairtut.evidence.records import load_records
    >>> {record.chapter for record in load_records()} >= {"faap"}
    True
    """
    if results_dir is None:
        folder = committed_results()
        if folder is None:
            return []
    else:
        folder = Path(results_dir)
        if not folder.is_dir():
            raise InputError(
                f"there is no folder {str(results_dir)!r}: name one that holds records"
            )
    # A killed run leaves at most ".<name>.<random>.tmp", which this pattern does not match.
    files = sorted(p for p in folder.glob("*/*.json") if not p.name.startswith("."))
    return [load_record(path) for path in files]


def committed(chapter: str, data: str = "real") -> Record:
    """Return the committed record of a chapter: of the laptop preset, which the pages speak of.

    Parameters
    ----------
    chapter : str
        A chapter's id.
    data : {"real", "synthetic"}
        Which data it was measured on.

    Raises
    ------
    fairtut.errors.RecordError
        If no committed record is of this chapter, or none of these data.

    Examples
    --------
    >>> committed("frtrain").name
    'frtrain/laptop-real'
    """
    known = [r for r in load_records() if r.preset == "laptop"]
    for record in known:
        if (record.chapter, record.data) == (chapter, data):
            return record
    raise RecordError(
        f"there is no committed record of {chapter!r} on {data!r} data: name one of "
        f"{', '.join(r.name for r in known) or 'none, so restore the folder results'}"
    )


def committed_results() -> Path | None:
    """Return where the committed records are: a checkout's ``results``, else inside the package.

    Returns
    -------
    pathlib.Path or None
        None where neither is there.

    Examples
    --------
    >>> from fairtut.evidence.records import committed_results
    >>> (committed_results() / "frtrain" / "laptop-real.json").is_file()
    True
    """
    package = Path(fairtut.__file__).resolve().parent
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "results").is_dir():
        return checkout / "results"
    packaged = package / "_results"
    return packaged if packaged.is_dir() else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"key {name!r} is given twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
