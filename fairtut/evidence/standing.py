"""Whether a record counts: its configuration is its preset's, and its code is named."""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fairtut.errors import RecordError
from fairtut.evidence.origin import as_json, code_of, differences, study_of
from fairtut.runtime.parameters import seen

if TYPE_CHECKING:
    from fairtut.evidence.recording import Record

MOST: Final = 3
"""How many differences a sentence names."""


def fault(record: Record) -> str:
    """Say why a record counts for no verdict; nothing if it counts.

    A chapter that the package has no study of cannot be compared.  A record that was made before
    records named their code may lack keys that presets did not have then; what it has must agree.
    """
    module = study_of(record.chapter)
    if module is None:
        return ""
    root = (record.seeds.get("root") or [0])[0]
    wanted, unused = _configured(f"{module}.presets", record.preset, record.data, root)
    found = differences(record.config, json.loads(wanted), partial=not record.code)
    found = [key for key in found if key not in unused]
    if not found:
        return ""
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return (
        f"the configuration of record {record.name} is not that of its preset "
        f"({', '.join(found[:MOST])}{more}), so it does not count"
    )


def check_place(record: Record, path: Path) -> None:
    """Refuse that a record which counts for no verdict takes the place of one that counts.

    Records of other chapters, data, seeds and devices have other places.

    Parameters
    ----------
    record : Record
        Only its configuration needs to be there.
    path : pathlib.Path
        Where it is to be written.

    Raises
    ------
    fairtut.errors.RecordError
        If so.
    """
    from fairtut.evidence.records import load_record

    wrong = fault(record)
    if not wrong or not path.is_file():
        return
    try:
        there = load_record(path)
    except RecordError:
        return  # nothing is lost
    if not fault(there):
        raise RecordError(
            f"{wrong}; {seen(path)} counts and is not overwritten: name another results_dir"
        )


def remarks(records: Iterable[Record]) -> list[str]:
    """Say in sentences which records do not count, and which name no code, or an earlier one."""
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


@functools.cache
def _configured(module: str, preset: str, data: str, root: int) -> tuple[str, frozenset[str]]:
    """Return the configuration of a run as JSON, and the keys that it does not depend on."""
    presets: Any = importlib.import_module(module)
    config = as_json(presets.configuration(preset, data, root))
    unused = getattr(presets, "DRAWN", ()) if data == "real" else ()
    return json.dumps(config), frozenset(unused)
