"""Collecting what a run measures: the :class:`Record` that a chapter fills and saves."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairtut.errors import RecordError
from fairtut.evidence.claims import chapter_id
from fairtut.evidence.growing import Growing, after_every_cell
from fairtut.evidence.looks import paid
from fairtut.evidence.measurements import Measurement, as_draw, as_ends, entries
from fairtut.evidence.origin import as_json, cells_of_kernel, code_of, library_versions
from fairtut.evidence.schema import (
    KEYS,
    SCHEMA,
    WITHOUT_CODE,
    check_chapter,
    check_dataset,
    check_measurement,
    check_record,
    dump,
)
from fairtut.evidence.used import Used
from fairtut.evidence.worked import Watched
from fairtut.runtime.io import atomic_write_text
from fairtut.runtime.parameters import seen
from fairtut.runtime.presets import PRESETS, check_mode, choose


@dataclass
class Record(Used):
    """The measurements of one run, with everything that is needed to run it again.

    Make one with :meth:`start`, fill it with :meth:`dataset`,
    :meth:`~fairtut.evidence.used.Used.keep` and :meth:`measure`, and write it with :meth:`save`;
    :func:`fairtut.evidence.records.load_record` reads it back.  Figures, tables and sentences take
    their numbers with :meth:`~fairtut.evidence.used.Used.estimate` and
    :meth:`~fairtut.evidence.used.Used.measured`, which note that somebody uses them.

    Examples
    --------
    >>> import tempfile
    >>> from fairtut.evidence.recording import Record
    >>> record = Record.start(chapter="07_toy", preset="smoke", data="synthetic", seed=1)
    >>> _ = record.measure("lr.accuracy", [0.5, 0.75], n=100, unit="fraction")
    >>> record.name, record.estimate("lr.accuracy").value
    ('toy/smoke-synthetic-seed1', 0.625)
    >>> with tempfile.TemporaryDirectory() as here:
    ...     record.save(here).name
    'smoke-synthetic-seed1.json'
    """

    chapter: str
    preset: str
    data: str
    datasets: list[dict[str, Any]] = field(default_factory=list)
    seeds: dict[str, list[int]] = field(default_factory=dict)
    device: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    minutes: float = 0.0
    config: dict[str, Any] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    measurements: dict[str, Measurement] = field(default_factory=dict)
    _spare: dict[str, Measurement] = field(default_factory=dict, repr=False, compare=False)
    _clock: float | None = field(default=None, repr=False, compare=False)
    _growing: Growing | None = field(default=None, repr=False, compare=False)
    _watched: Watched | None = field(default=None, repr=False, compare=False)

    @classmethod
    def start(
        cls,
        *,
        chapter: str,
        preset: str,
        data: str,
        seed: int,
        seeds: Mapping[str, Iterable[int]] | None = None,
        config: Any = None,
        device: Any = "cpu",
        results_dir: str | os.PathLike[str] | None = None,
    ) -> Record:
        """Begin a record now: the clock runs until :meth:`save`.

        Parameters
        ----------
        chapter : str
            The chapter, with or without its number.
        preset, data : str
            Names from ``fairtut.runtime.presets``.
        seed : int
            The root seed, stored as ``seeds["root"]``.
        seeds : mapping of str to iterable of int, optional
            Further seeds by what they drive, such as ``{"data": range(5)}``.
        config : dataclass or mapping, optional
            The preset's hyper-parameters.
        device : str or torch.device
            What it runs on.  One that turns out to have done nothing is not named in the file: see
            :meth:`save`.
        results_dir : path-like, optional
            Where the record will be saved: it is kept there as it grows, marked as unfinished (see
            :mod:`fairtut.evidence.growing`).

        Raises
        ------
        fairtut.errors.UnknownName
            If the preset or the data mode does not exist.
        fairtut.errors.RecordError
            If the chapter's name is not one word, or the record would take the place of one that
            counts without counting itself (:func:`fairtut.evidence.standing.check_place`).
        """
        from fairtut.evidence.standing import check_place
        from fairtut.runtime.device import describe_device

        choose(dict.fromkeys(PRESETS), preset)
        named = {"root": [int(seed)]}
        named |= {name: [int(s) for s in values] for name, values in (seeds or {}).items()}
        record = cls(
            chapter=check_chapter(chapter_id(chapter), "record"),
            preset=preset,
            data=check_mode(data),
            seeds=named,
            device=describe_device(device),
            versions=library_versions(),
            config=as_json(config),
            code=code_of(chapter_id(chapter)),
            _clock=time.perf_counter(),
            _watched=Watched(device),
        )
        if results_dir is not None:
            check_place(record, record.place(results_dir))
            record._growing = Growing(record.place(results_dir), record.as_dict)
            after_every_cell(record._growing.flush)
        return record

    def place(self, results_dir: str | os.PathLike[str]) -> Path:
        """Return the record's file below a results folder."""
        return Path(results_dir) / f"{self.name}.json"

    @property
    def name(self) -> str:
        """The file's place below the results folder, without ``.json``."""
        root = (self.seeds.get("root") or [0])[0]
        seed = f"-seed{root}" if root else ""
        tag = "" if self.device.get("type", "cpu") == "cpu" else f"-{self.device['tag']}"
        return f"{self.chapter}/{self.preset}-{self.data}{seed}{tag}"

    def dataset(self, name: str, *, rows: int, digest: str, source: str) -> None:
        """Note a data set that the run used.

        Parameters
        ----------
        name : str
            Its name in the text, such as ``"clean training set"``.
        rows : int
            How many rows it has.
        digest : str
            A hash of its content.
        source : str
            Where it is from: a generator and its seed, or a file and its origin.
        """
        if any(d["name"] == name for d in self.datasets):
            raise RecordError(f"data set {name!r} is already in the record {self.name}: rename it")
        entry = {"name": name, "rows": int(rows), "digest": digest, "source": source}
        check_dataset(entry, f"record {self.name}")
        self.datasets.append(entry)

    def measure(
        self,
        id: str,
        values: Any,
        *,
        n: int,
        unit: str,
        note: str | None = None,
        people: tuple[float, float] | None = None,
        overlap: float | None = None,
    ) -> Measurement:
        """Add a measurement.

        Parameters
        ----------
        id : str
            Lower-case words joined by dots, unique in the record.
        values : number or sequence
            One entry per seed; an entry may be a sequence of repeated initialisations of the same
            draw.  Arrays and tensors are welcome.  NaN and ``None`` mean "no value".
        n : int
            Rows that each value was measured on.
        unit : str
            ``fraction``, ``points``, ``nats``, ``ratio``, ``count`` or ``s``.
        note : str, optional
            Required where a value is missing: it says why.
        people : (float, float), optional
            95 % bootstrap interval over people of the mean of the values.
        overlap : float, optional
            For values of repeated splits: rows of a test part / rows of a training part.

        Raises
        ------
        fairtut.errors.RecordError
            If the id is taken or malformed, a value is infinite, or a value is missing without a
            note.
        """
        if id in self:
            raise RecordError(f"measurement {id!r} is already in the record {self.name}: rename it")
        rounded = tuple(as_draw(value, id) for value in entries(values))
        ends = None if people is None else as_ends(people, id)
        measurement = paid(Measurement(rounded, int(n), unit, note, ends, overlap), self.config)
        check_measurement(id, measurement.as_dict(), f"record {self.name}")
        return self._add(id, measurement)

    def save(self, results_dir: str | os.PathLike[str] = "results") -> Path:
        """Write the record atomically and return its path, as seen from the working folder.

        If the device that was named at the start did nothing since, the CPU did the work: the
        record says so, in its name as well, and a warning tells.

        Raises
        ------
        fairtut.errors.RecordError
            If nothing was measured, the file cannot be written, or it holds a record that counts
            and this one does not.
        """
        from fairtut.evidence.standing import check_place

        self.take_read()
        if not self.measurements:
            raise RecordError(f"record {self.name} is empty: call .measure(...) before .save(...)")
        if self._clock is not None:
            self.minutes = round((time.perf_counter() - self._clock) / 60, 2)
        if self._watched is not None:
            self.device = self._watched.who_worked(self.device)
        self.code = self.code and self.code | cells_of_kernel()
        check_record(self.as_dict(), f"record {self.name}")
        path = self.place(results_dir)
        check_place(self, path)
        try:
            atomic_write_text(path, dump(self.as_dict()))
        except OSError as error:
            raise RecordError(
                f"record {self.name} cannot be written to {str(results_dir)!r} ({error.strerror}): "
                "save it to another folder, .save(FOLDER)"
            ) from error
        if self._growing is not None:
            self._growing.done()
        return seen(path)

    def as_dict(self) -> dict[str, Any]:
        """Return what the file holds; a record that names no code follows the first schema."""
        keys = [key for key in KEYS if key not in ("schema", "measurements", "code")]
        body = {key: getattr(self, key) for key in keys}
        body |= {"code": self.code} if self.code else {}
        measurements = {name: m.as_dict() for name, m in sorted(self.measurements.items())}
        schema = SCHEMA if self.code else WITHOUT_CODE
        return {"schema": schema, **body, "measurements": measurements}
