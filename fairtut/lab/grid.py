"""Specs × seeds → cells: run where they were not run before, in processes or on a cluster.

A **spec** says what is done, a **cell** is one spec and one seed.  Each cell is kept in the cache
under a key of its settings, its seed, its code and the keys of what it needs
(``fairtut.runtime.keep``), so a run that was interrupted goes on where it was, and several
machines that share the folder fill it together: each takes a :func:`shard`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fairtut.errors import CellFailed, FairtutError, InputError
from fairtut.lab.plan import Cell, Key, Plan, Spec
from fairtut.runtime.device import pick_device
from fairtut.runtime.progress import progress

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
_IDLE: Final = 300  # seconds after which a worker without work goes home
# one thread each, and no bars of their own between those of the process that people watch
_OF_WORKERS: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "FAIRTUT_QUIET"), "1"
)


__all__ = ["Cell", "Key", "Spec", "cells", "kept", "run", "shard", "workers"]


def cells(specs: Iterable[Spec], seeds: Iterable[int]) -> list[Cell]:
    """Return the cells of specs and seeds, all specs of the first seed first.

    Parameters
    ----------
    specs : iterable of Spec
    seeds : iterable of int

    Returns
    -------
    list of Cell

    Examples
    --------
    >>> from fairtut.lab.grid import Spec, cells
    >>> specs = [Spec(name, make=abs, config={}) for name in ("a", "b")]
    >>> [cell.key for cell in cells(specs, seeds=range(2))]
    [('a', 0), ('b', 0), ('a', 1), ('b', 1)]
    """
    listed = list(specs)
    return [Cell(spec, seed) for seed in seeds for spec in listed]


def shard(items: Sequence[T], part: int, of: int) -> list[T]:
    """Return every ``of``-th item, beginning with number ``part``.

    Parameters
    ----------
    items : sequence
        Cells, listed in the same order on every machine.
    part, of : int
        1 ≤ part ≤ of.

    Raises
    ------
    fairtut.errors.InputError
        If there is no such part.

    Examples
    --------
    >>> [shard("abcde", part, 2) for part in (1, 2)]
    [['a', 'c', 'e'], ['b', 'd']]
    """
    if not 1 <= part <= of:
        raise InputError(f"shard {part}/{of}: the parts of {of} are 1/{of} to {of}/{of}")
    return list(items[part - 1 :: of])


def workers(jobs: int, device: torch.device | str) -> int:
    """Return how many cells may run at once: one, where they would share an accelerator.

    Examples
    --------
    >>> from fairtut.lab.grid import workers
    >>> workers(4, "cuda")
    1
    """
    return jobs if str(device).partition(":")[0] == "cpu" else 1


def kept(wanted: Iterable[Cell], device: torch.device | str = "cpu") -> dict[Key, Any]:
    """Return the results of those cells that were run before.

    Parameters
    ----------
    wanted : iterable of Cell
    device : torch.device or str
        Where they were run.

    Returns
    -------
    dict
        (name, seed) → result; cells that were not run are left out.

    Raises
    ------
    fairtut.errors.InputError
        If the device is not there, or two different specs have one name.

    Examples
    --------
    Only the first of two cells was run:

    >>> import os, tempfile
    >>> from unittest import mock
    >>> from fairtut.lab.grid import Spec, cells, kept, run
    >>> both = cells([Spec("plus one", lambda seed: seed + 1, {})], seeds=range(2))
    >>> with tempfile.TemporaryDirectory() as here:
    ...     with mock.patch.dict(os.environ, FAIRTUT_CACHE=here):
    ...         print(kept(both), run(both[:1]), kept(both))
    {} {('plus one', 0): 1} {('plus one', 0): 1}
    """
    return Plan.of(wanted, pick_device(str(device))).kept()


def run(
    wanted: Iterable[Cell],
    *,
    jobs: int = 1,
    device: torch.device | str = "cpu",
    executor: Executor | None = None,
    what: str = "cells",
) -> dict[Key, Any]:
    """Return the results of cells: from the cache, else made, with what they need made first.

    Parameters
    ----------
    wanted : iterable of Cell
    jobs : int
        Cells that run at once, in a process with one thread each; on an accelerator it is one at
        a time, here (:func:`workers`).
    device : torch.device or str
        Where the work is done; another device's results are others.
    executor : concurrent.futures.Executor, optional
        Runs the cells in place of our own processes, for instance on a cluster whose machines
        share the cache folder.  It is left open.
    what : str
        Name of the progress bar.

    Returns
    -------
    dict
        (name, seed) → result, in the order of ``wanted``.

    Raises
    ------
    fairtut.errors.CellFailed
        If cells failed.  It names them, and is raised after all others were run and kept.
    fairtut.errors.InputError
        If the device is not there, or two different specs have one name.

    Examples
    --------
    >>> import os, tempfile
    >>> from unittest import mock
    >>> base = Spec("base", lambda seed: seed + 1, {})
    >>> square = Spec("square", lambda seed, base: base**2, {}, needs=(base,))
    >>> with tempfile.TemporaryDirectory() as here:
    ...     with mock.patch.dict(os.environ, FAIRTUT_CACHE=here):
    ...         run(cells([square], seeds=range(3)))
    {('square', 0): 1, ('square', 1): 4, ('square', 2): 9}
    """
    plan = Plan.of(wanted, pick_device(str(device)))
    found = plan.kept()
    missing = plan.missing(found)
    failed: dict[Key, BaseException] = {}
    with plan, _pool(executor, min(workers(jobs, plan.device), len(missing))) as pool:
        done = _completed(plan, missing, pool)
        for key, future in progress(done, what, len(missing)):
            error = future.exception()
            if error is not None:
                failed[key] = error
            elif key in plan.wanted:
                found[key] = future.result()
    if failed:
        raise _explained(failed, plan, found)
    return {key: found[key] for key in plan.wanted}


def _completed(plan: Plan, missing: Sequence[Key], pool: Executor) -> Iterator[tuple[Key, Any]]:
    """Run cells, each when what it needs is there, and yield them as they end."""
    waiting = {key: set(plan.needs[key]) & set(missing) for key in missing}
    at_once = 1 if isinstance(pool, _Here) else math.inf
    running: dict[Future[Any], Key] = {}
    try:
        while waiting or running:
            ready = [key for key, needs in waiting.items() if not needs]
            for key in ready[: int(min(at_once, len(ready)))]:
                del waiting[key]
                running[_submitted(pool, plan, key)] = key
            if not running:  # what is left needs a cell that failed
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                key = running.pop(future)
                if future.exception() is None:
                    for needs in waiting.values():
                        needs.discard(key)
                yield key, future
    finally:  # an interrupt: what has not begun need not begin
        for future in running:
            future.cancel()


def _submitted(pool: Executor, plan: Plan, key: Key) -> Future[Any]:
    try:
        return pool.submit(plan.work, key)
    except BrokenExecutor as error:  # a worker was killed before
        future: Future[Any] = Future()
        future.set_exception(error)
        return future


def _explained(
    failed: Mapping[Key, BaseException], plan: Plan, found: Mapping[Key, Any]
) -> CellFailed:
    """Return the one error for cells that failed."""
    broken = [key for key, error in failed.items() if isinstance(error, BrokenExecutor)]
    key = next((key for key in failed if key not in broken), broken[0] if broken else None)
    assert key is not None
    error = failed[key]
    if key in broken:
        says = "a process that ran cells was killed, perhaps for lack of memory"
    else:
        says = str(error) if isinstance(error, FairtutError) else f"{type(error).__name__}: {error}"
    others = [_called(other) for other in failed if other != key]
    also = f"; so did {', '.join(others[:5])}{' and more' if others[5:] else ''}" if others else ""
    explained = CellFailed(
        f"cell {_called(key)} failed: {says}{also}. "
        f"{len(found)} of {len(plan.wanted)} cells are kept: mend it and run again"
    )
    explained.__cause__ = error
    return explained


def _called(key: Key) -> str:
    return f"{key[0]!r} with seed {key[1]}"


# --- where cells run --------------------------------------------------------------------------


class _Here(Executor):
    """Runs what it is given at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return a future that is done; an interrupt is raised."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextlib.contextmanager
def _pool(executor: Executor | None, jobs: int) -> Iterator[Executor]:
    """Yield where the cells run: the given executor, this process, or processes that stay warm."""
    if executor is not None or jobs <= 1:
        yield executor or _Here()
        return
    pool = _warm(jobs)
    try:
        yield pool
    except BaseException:  # an interrupt ends the workers, too
        pool.shutdown(wait=False, kill_workers=True)
        raise


_kept: list[tuple[int, Any]] = []
"""The processes of the last run and how many they are.

They are a pool of our own: the one that joblib shares with everybody would be taken over by the
next ``joblib.Parallel`` of this process, which cannot work with it.
"""


def _warm(jobs: int) -> Any:
    """Return processes: those of the last run where they are as many and alive, else new ones."""
    from joblib.externals.loky import ProcessPoolExecutor

    while _kept:
        many, pool = _kept.pop()
        with contextlib.suppress(BrokenExecutor, RuntimeError):  # a dead pool refuses work
            if many == jobs and pool.submit(int):
                break
        pool.shutdown(wait=False)
    else:
        pool = ProcessPoolExecutor(max_workers=jobs, timeout=_IDLE, env={**_OF_WORKERS})
    _kept.append((jobs, pool))
    return pool
