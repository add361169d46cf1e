"""A progress bar for people, silence for papermill, pipes and committed notebooks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def quiet() -> bool:
    """Tell whether progress should stay silent here.

    True under papermill and in any other kernel that is run to be stored (``FAIRTUT_QUIET=1``),
    and where standard error is neither a terminal nor a live notebook.
    """
    if os.environ.get("FAIRTUT_QUIET", "") not in ("", "0"):
        return True
    return not _in_live_notebook() and not sys.stderr.isatty()


def _in_live_notebook() -> bool:
    """Whether this process is a Jupyter kernel; that ipykernel is imported does not make it one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None  # type: ignore[union-attr]
    return type(shell).__name__ in ("ZMQInteractiveShell", "Shell")  # Jupyter, Colab


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Iterate over ``items`` with a bar named ``what``, unless :func:`quiet`.

    Plain ``tqdm`` is used on purpose: ``tqdm.auto`` leaves a widget warning in stored pages.
    """
    if quiet():
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, desc=what, total=total, leave=False, file=sys.stderr)
