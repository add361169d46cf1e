"""Who uses what a run measures: the part of a record that claims, figures and sentences read.

A chapter's measures return more than anybody needs.  What a claim names, or somebody reads, is
added to the record, and nothing else.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from fairtut.errors import RecordError
from fairtut.evidence.claims import load_claims, papers
from fairtut.evidence.growing import Growing
from fairtut.evidence.measurements import Measurement

if TYPE_CHECKING:
    from fairtut.metrics.entry import Entry
    from fairtut.metrics.estimates import Estimate

_READ: Final[dict[str, set[str]]] = {}
"""Chapter → the ids that this process has read, from its own record or from a committed one."""


class Used(ABC):
    """Measurements by id, of which those are spare that nobody has used yet.

    :class:`fairtut.evidence.recording.Record` has the attributes.

    Examples
    --------
    What no claim of the chapter names is spare until somebody reads it.

    >>> from fairtut.evidence.recording import Record
    >>> from fairtut.metrics.entry import Entry
    >>> record = Record("frtrain", "smoke", "synthetic")
    >>> record.keep({"nobody.asks": Entry([0.5], n=100, unit="fraction")})
    >>> "nobody.asks" in record, "nobody.asks" in record.measurements
    (True, False)
    """

    chapter: str
    measurements: dict[str, Measurement]
    _spare: dict[str, Measurement]
    _growing: Growing | None

    @property
    @abstractmethod
    def name(self) -> str:
        """What messages call it."""

    @abstractmethod
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
        """Add one measurement."""

    def _add(self, id: str, measurement: Measurement) -> Measurement:
        self.measurements[id] = measurement
        if self._growing is not None:
            self._growing.touch()
        return measurement

    def keep(self, entries: Mapping[str, Entry], prefix: str = "") -> None:
        """Add those measurements that somebody uses, of all that a chapter's measures return.

        What a claim names is added at once, and anything else when it is first read.  What no
        claim names and nobody reads before :meth:`~fairtut.evidence.recording.Record.save` does not
        get into the file, so a page can quote only what is used in one of these ways.  A chapter
        without claims keeps everything.

        Parameters
        ----------
        entries : mapping of str to Entry
        prefix : str
            Put before every name.

        Raises
        ------
        fairtut.errors.RecordError
            As :meth:`measure` does, also for what is not used yet.
        """
        for name, entry in entries.items():
            self.measure(prefix + name, **vars(entry))
            if self._named is not None and prefix + name not in self._named:
                self._spare[prefix + name] = self.measurements.pop(prefix + name)

    @cached_property
    def _named(self) -> set[str] | None:
        """What the chapter's claims name in any of their keys; None without claims."""
        if self.chapter not in papers():
            return None
        claims = load_claims(self.chapter)
        return {
            id for c in claims for id in (*c.measure, *c.rival, *c.works, c.shown) if id is not None
        }

    def __contains__(self, id: str) -> bool:
        """Return whether :meth:`measured` knows ``id``; asking is no use of it."""
        return id in self.measurements or id in self._spare

    def measured(self, id: str) -> Measurement:
        """Return the measurement ``id``, and note that somebody uses it.

        Raises
        ------
        fairtut.errors.RecordError
            If the record does not hold it.
        """
        if id in self._spare:
            self._add(id, self._spare.pop(id))
        if id not in self.measurements:
            raise RecordError(
                f"record {self.name} has no measurement {id!r}: run the chapter again"
            )
        _READ.setdefault(self.chapter, set()).add(id)
        return self.measurements[id]

    def estimate(self, id: str) -> Estimate:
        """Return the mean over draws and the 95 % interval of the measurement ``id``.

        It is NaN throughout where no draw has a value.

        Raises
        ------
        fairtut.errors.RecordError
            If the record does not hold it.
        """
        return self.measured(id).estimate()

    def standard(self, id: str) -> Estimate:
        """Return the mean and the 95 % interval over people and trainings, as verdicts rest on.

        Arguments and errors are those of :meth:`estimate`.
        """
        return self.measured(id).standard()

    def unused(self) -> list[str]:
        """Return the ids for which nobody asks, so that nothing need measure them.

        First, what the record holds although no claim of the chapter names it and nobody read it
        (:meth:`measured`, :meth:`estimate`), from this record or from another one of the chapter,
        such as the committed one that a figure sets beside.  Second, what was passed to
        :meth:`keep` and is left, where the id's last word ends no id that is used: that is a kind
        of measurement which nobody wants of any method on any data.
        """
        used = _READ.get(self.chapter, set()) | (self._named or set())
        kinds = {_kind(id) for id in used}
        idle = {id for id in self._spare if _kind(id) not in kinds}
        return sorted((set(self.measurements) - used) | idle)

    def take_read(self) -> None:
        """Add what was read from another record of the chapter, so is wanted of this one, too."""
        for id in self._spare.keys() & _READ.get(self.chapter, set()):
            self.measured(id)


def _kind(id: str) -> str:
    """Return the last word of an id, whatever the numbers in it: ``n.eta0.3`` → ``eta#``."""
    return re.sub(r"\d+(\.\d+)?", "#", id).rsplit(".", 1)[-1]
