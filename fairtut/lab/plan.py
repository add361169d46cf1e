"""What a run of cells needs to know: which come first, where each is kept, and what was made."""

from __future__ import annotations

import functools
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtut.errors import InputError
from fairtut.runtime import cache, keep
from fairtut.runtime.device import pick_device
from fairtut.runtime.io import cannot_keep
from fairtut.runtime.threads import torch_threads

if TYPE_CHECKING:
    import torch

Key = tuple[str, int]
"""The name of a spec, and a seed."""
Place = tuple[Path, dict[str, str]]


@dataclass(frozen=True)
class Spec:
    """What is done for every seed.

    Attributes
    ----------
    name : str
        What messages call it.
    make : callable
        ``make(seed, *results of needs)`` returns dataclasses, mappings, lists, arrays, numbers
        and text (``fairtut.runtime.keep.kept``).  Data are given to it by
        :func:`functools.partial`.  It draws its random numbers from the seed alone.
    config : Any
        Everything that the result depends on besides seed, code and needs: settings as they are,
        and digests of data.
    needs : tuple of Spec
        Run first, with the same seed; their results are handed to ``make``.

    Examples
    --------
    The square needs the base, so it is handed what the base made of the same seed:

    >>> from fairtut.lab.plan import Cell, Spec
    >>> base = Spec("base", make=lambda seed: seed + 1, config={})
    >>> square = Spec("square", make=lambda seed, base: base**2, config={}, needs=(base,))
    >>> square.make(2, base.make(2))
    9
    >>> [cell.key for cell in Cell(square, 2).needs]
    [('base', 2)]
    """

    name: str
    make: Callable[..., Any]
    config: Any
    needs: tuple[Spec, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One spec and one seed.

    Attributes
    ----------
    spec : Spec
        What is done.
    seed : int
        Where its random numbers come from.

    Examples
    --------
    >>> from fairtut.lab.plan import Cell, Spec
    >>> cell = Cell(Spec("a", make=lambda seed: seed, config={}), seed=3)
    >>> cell.key, cell.needs
    (('a', 3), [])
    """

    spec: Spec
    seed: int

    @property
    def key(self) -> Key:
        """The name of the spec and the seed."""
        return self.spec.name, self.seed

    @property
    def needs(self) -> list[Cell]:
        """The cells that come first."""
        return [Cell(spec, self.seed) for spec in self.spec.needs]


class Plan:
    """Cells with everything that they need, and the places of their results.

    It is handed to every worker.  A process that is not this one gets it through a file in the
    cache folder, written once and read once by each: the data inside may be large.

    Parameters
    ----------
    device : torch.device

    Attributes
    ----------
    cells : dict
        Key → cell, each after what it needs.
    wanted : list
        Keys of the cells whose results are asked for.
    needs : dict
        Key → keys of what comes first.
    places : dict
        Key → file and facts (``fairtut.runtime.keep.place``).

    Examples
    --------
    Nothing was made yet: the base, which nobody asks for, comes first.

    >>> import os, tempfile
    >>> from unittest import mock
    >>> import torch
    >>> from fairtut.lab.plan import Cell, Plan, Spec
    >>> base = Spec("base", lambda seed: seed + 1, {})
    >>> square = Spec("square", lambda seed, base: base**2, {}, needs=(base,))
    >>> with tempfile.TemporaryDirectory() as here, mock.patch.dict(os.environ, FAIRTUT_CACHE=here):
    ...     plan = Plan.of([Cell(square, 2)], torch.device("cpu"))
    ...     print(plan.wanted, plan.missing(plan.kept()))
    ...     print(plan.value(("square", 2)), plan.missing(plan.kept()))
    [('square', 2)] [('base', 2), ('square', 2)]
    9 []
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.cells: dict[Key, Cell] = {}
        self.wanted: list[Key] = []
        self.needs: dict[Key, list[Key]] = {}
        self.places: dict[Key, Place] = {}
        self.machine = cache.made_with(device)
        self._begin()

    def _begin(self) -> None:
        self.home, self.file, self.writing = os.getpid(), "", threading.Lock()

    @classmethod
    def of(cls, wanted: Iterable[Cell], device: torch.device) -> Plan:
        """Return the plan of some cells.

        Raises
        ------
        fairtut.errors.InputError
            If two different specs have one name.
        """
        plan = cls(device)
        for cell in wanted:
            plan._add(cell)
            if cell.key not in plan.wanted:
                plan.wanted.append(cell.key)
        return plan

    def _add(self, cell: Cell) -> None:
        for need in cell.needs:
            self._add(need)
        needs = [need.key for need in cell.needs]
        about = {
            "config": cell.spec.config,
            "seed": cell.seed,
            "needs": [self.places[key][1]["key"] for key in needs],
        }
        place = keep.place(cell.spec.make, about, self.device)
        if self.places.setdefault(cell.key, place) != place:
            raise InputError(f"two different specs are called {cell.key[0]!r}: rename one")
        self.cells[cell.key], self.needs[cell.key] = cell, needs

    # --- what is there --------------------------------------------------------------------------

    def kept(self) -> dict[Key, Any]:
        """Return the results of wanted cells that are there, whole and of this code."""
        looked = {key: keep.found_at(*self.places[key]) for key in self.wanted}
        return {key: found[0] for key, found in looked.items() if found is not None}

    def missing(self, found: Mapping[Key, Any]) -> list[Key]:
        """Return what has to be made, each after what it needs.

        A cell that nobody asks for is left out where all that need it are there.
        """
        made: set[Key] = set()
        asked = set(self.wanted)
        for key in reversed(self.cells):  # what needs something stands behind it
            there = key in found or (key not in self.wanted and self.places[key][0].is_file())
            if key in asked and not there:
                made.add(key)
                asked.update(self.needs[key])
        return [key for key in self.cells if key in made]

    # --- making ---------------------------------------------------------------------------------

    def work(self, key: Key) -> Any:
        """Return the result of a cell, made and kept if it is not there yet, on one thread.

        Raises
        ------
        fairtut.errors.InputError
            If another process runs it where the device, the processor or torch is another than
            the key says.
        """
        if os.getpid() != self.home:
            here = cache.made_with(pick_device(str(self.device)))
            if here != self.machine:
                raise InputError(
                    f"it was sent to a machine with {_listed(here)}, and asked for one with "
                    f"{_listed(self.machine)}: fill the cache there by a shard of its own"
                )
        with torch_threads(1):
            value = self.value(key)
        return value if key in self.wanted else None

    def value(self, key: Key) -> Any:
        """Return the result of a cell, made with what it needs if it is not there."""
        cell = self.cells[key]

        def make() -> Any:
            return cell.spec.make(cell.seed, *map(self.value, self.needs[key]))

        return keep.kept_at(*self.places[key], make)

    # --- the way to other processes -------------------------------------------------------------

    def __enter__(self) -> Plan:
        return self

    def __exit__(self, *error: object) -> None:
        if self.file:
            Path(self.file).unlink(missing_ok=True)

    def __reduce__(self) -> tuple[Any, ...]:
        with self.writing:
            self.file = self.file or self._write()
        return _read, (self.file,)

    def _write(self) -> str:
        """Write the plan for other processes; functions of a notebook travel by value."""
        from joblib.externals.loky.backend.reduction import dump

        folder = cache.cache_folder() / "cells"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            state = {k: v for k, v in vars(self).items() if k not in ("home", "file", "writing")}
            handle, name = tempfile.mkstemp(prefix=".plan.", suffix=".tmp", dir=folder)
            with open(handle, "wb") as stream:
                dump(state, stream)
            return name
        except OSError as error:
            raise cannot_keep(folder / "plan", error) from error


@functools.lru_cache(maxsize=1)
def _read(file: str) -> Plan:
    """Return the plan in a file of this user's own process, read once."""
    import pickle

    plan = Plan.__new__(Plan)
    with open(file, "rb") as stream:
        vars(plan).update(pickle.load(stream))
    plan._begin()
    plan.home = -1
    return plan


def _listed(machine: Mapping[str, str]) -> str:
    return ", ".join(machine.values())
