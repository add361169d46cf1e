"""The two files of a set of decoded images: how they are written, and read only if whole."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from fairtut.data.images.labels import Labels
from fairtut.errors import CorruptFile
from fairtut.runtime import seal

PIXELS: Final = "pixels.npy"
LABELS: Final = "labels"
"""Files of a set; the second one, written last, marks a whole set."""
MOST: Final = 1 << 28  # bytes of labels: no set of images needs more


def reserve(path: Path, need: int) -> None:
    """Claim the blocks of a new mapped file's last ``need`` bytes, all of them zero.

    A disk that fills up later would kill the process (SIGBUS) where a mapped file has holes.
    """
    with open(path, "r+b") as stream:
        size = os.fstat(stream.fileno()).st_size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)
            return
        stream.seek(size - need)
        for start in range(0, need, 1 << 20):
            stream.write(bytes(min(1 << 20, need - start)))


def store_labels(
    target: Path, labels: Labels, facts: dict[str, Any], made_with: dict[str, str]
) -> None:
    """Store the labels as plain arrays, which load ten times as fast as the label files.

    Parameters
    ----------
    target : Path
    labels : Labels
    facts : dict
        About the set; :func:`read_labels` returns them.
    made_with : dict
        What the seal says (:mod:`fairtut.runtime.seal`).
    """
    arrays = {"split": labels.split, "files": np.array(labels.files, dtype=np.str_)}
    columns = []
    for number, name in enumerate(labels.attributes.columns):
        series = labels.attributes[name]
        kind = "plain"
        if series.dtype == "category":
            kind = "ordered" if series.cat.ordered else "category"
            arrays[f"{number}_values"] = np.array(list(series.cat.categories), dtype=np.str_)
            series = series.cat.codes
        arrays[str(number)] = series.to_numpy()
        columns.append((name, kind))
    text = json.dumps({**facts, "columns": columns, "dropped": labels.dropped})
    body = io.BytesIO()
    np.savez(body, facts=np.array(text), **arrays)  # type: ignore[arg-type]
    seal.write(target, body.getvalue(), made_with)


def mapped(path: Path, n: int, side: int) -> np.memmap:
    """Map the pixels copy-on-write: a write would not reach the file."""
    shape = (n, 3, side, side)
    header = io.BytesIO()
    fields = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, fields)
    start = header.getvalue()
    with open(path, "rb") as stream:
        same = stream.read(len(start)) == start
    if not same or path.stat().st_size != len(start) + int(np.prod(shape)):
        raise CorruptFile(f"{path} is damaged (it does not hold {n} images)")
    return np.memmap(path, np.uint8, "c", len(start), shape)


def read_labels(path: Path) -> tuple[Labels, dict[str, Any]]:
    """Return labels and facts that :func:`store_labels` stored; every byte is compared first."""
    import pandas as pd

    with np.load(io.BytesIO(seal.unsealed(path, MOST)[0])) as arrays:
        facts = json.loads(str(arrays["facts"]))
        data: dict[str, Any] = {}
        for number, (name, kind) in enumerate(facts["columns"]):
            values = arrays[str(number)]
            if kind != "plain":
                words = arrays[f"{number}_values"].astype(object)
                values = pd.Categorical.from_codes(values, words, ordered=kind == "ordered")
            data[name] = values
        files = arrays["files"].astype(object)
        frame = pd.DataFrame(data, index=pd.Index(files, name="file"))
        dropped = tuple((reason, n) for reason, n in facts["dropped"])
        return Labels(list(files), frame, arrays["split"], dropped), facts
