"""Texts that are numbers, and those that only Python's own spelling takes for one."""

from __future__ import annotations


def numeral(text: str) -> float:
    """Read a number as files write it: ``1_000`` is a name, and not a thousand.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> numeral("1e3"), numeral(" -.5")
    (1000.0, -0.5)
    >>> numeral("1_0")
    Traceback (most recent call last):
    ValueError: '1_0' is no number
    """
    if "_" in text:
        raise ValueError(f"{text!r} is no number")
    return float(text)


def whole(text: str) -> int | None:
    """Return a whole number that is written as itself; None for 01, +1, -0, 1.0 and words.

    >>> [whole(text) for text in ("12", "-3", "01", "-0", "1.0", "f")]
    [12, -3, None, None, None, None]
    """
    try:
        number = int(text)
    except ValueError:
        return None
    return number if str(number) == text else None
