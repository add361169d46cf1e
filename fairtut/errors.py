"""Every error that fairtut raises on purpose.

Each message is one line that names the thing and the fix.  All of them derive from
:class:`FairtutError`, which the command line turns into ``error: <message>`` and exit status 2,
and each also derives from the built-in exception that a caller would expect.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class FairtutError(Exception):
    """Base class of every deliberate error."""


class UnknownName(FairtutError, ValueError):
    """A preset, data set, metric or chapter of that name does not exist."""

    @classmethod
    def of(cls, kind: str, name: object, known: Iterable[str]) -> UnknownName:
        """Build the message: what was asked for, what exists, and the nearest name.

        Parameters
        ----------
        kind : str
            What the name should have been, such as ``"preset"``.
        name : object
            The name that was asked for.
        known : iterable of str
            The names that exist.
        """
        names = list(known)
        near = get_close_matches(str(name), names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return cls(f"unknown {kind} {name!r}: choose one of {', '.join(names)}{hint}")


class InputError(FairtutError, ValueError):
    """An argument has the wrong shape, range or content (NaN, one class, empty group)."""


class DataError(FairtutError, ValueError):
    """A data file can be read but does not hold what it should."""


class CorruptFile(DataError):
    """A file's digest, length or format is wrong."""


class MissingData(FairtutError, FileNotFoundError):
    """A data file is neither on this machine nor downloadable from here."""


class CellFailed(FairtutError, RuntimeError):
    """A cell of an experiment failed; the message names it, and the others are kept."""


class RecordError(FairtutError, ValueError):
    """A record or a claims file does not follow its schema."""


class MissingExtra(FairtutError, ImportError):
    """An optional package is needed for this call."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtra:
        """Build the message for a package that an extra of fairtut installs."""
        return cls(f"{package} is not installed: run `pip install 'fairtut[{extra}]'`")
