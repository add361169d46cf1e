"""A progress bar for people, silence for papermill, pipes and committed notebooks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

T = TypeVar("T")

DELAY: Final = 3.0
"""Seconds before a bar appears: a loop that is done by then needs none."""


def quiet() -> bool:
    """Tell whether progress should stay silent here.

    True under papermill and wherever else a notebook is run to be stored, with ``FAIRTUT_QUIET=1``,
    and where standard error is neither a terminal nor a live notebook.
    """
    if os.environ.get("FAIRTUT_QUIET", "") not in ("", "0"):
        return True
    shell = _kernel_shell()
    return _is_stored(shell) if shell is not None else not sys.stderr.isatty()


def _kernel_shell() -> Any | None:
    """Return the shell of a Jupyter kernel; that ipykernel is imported does not make it one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None  # type: ignore[union-attr]
    return shell if type(shell).__name__ in ("ZMQInteractiveShell", "Shell") else None  # Colab


def _is_stored(shell: Any) -> bool:
    """Whether nobody sits before the notebook that this kernel runs.

    A program that runs notebooks (papermill, nbconvert, ``jupyter execute``) says with each cell
    that no question can be answered; an editor that people look at says that one can.
    """
    return not getattr(getattr(shell, "kernel", None), "_allow_stdin", True)


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Iterate over ``items`` with a bar named ``what``, unless :func:`quiet`.

    Plain ``tqdm`` is used on purpose: ``tqdm.auto`` leaves a widget warning in stored pages.
    """
    if quiet():
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, desc=what, total=total, leave=False, file=sys.stderr, delay=DELAY)
