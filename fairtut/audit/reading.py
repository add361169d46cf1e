"""A file of predictions becomes labels, decisions and groups; what is not clear is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from fairtut.audit.numerals import numeral, whole
from fairtut.data.columns import GAPS, alike
from fairtut.errors import DataError, InputError, MissingData, UnknownName
from fairtut.metrics.values import Array, FloatArray

MISSING: Final = frozenset(
    GAPS
    | {".", "#na", "#n/a n/a", "-nan", "+nan", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind"}
    | {"\\n", "#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!"}
)
"""What stands for a missing value in a file, in lower case: also what programs write in a cell."""
_SEPARATORS: Final = ",;\t|"
_ROUNDING: Final = 1e-9
_TRUTH: Final = {"true": 1, "false": 0}


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model decided about people, as :func:`fairtut.audit.audit` takes it.

    Attributes
    ----------
    y, y_hat : array, shape (n,)
        Labels and decisions.
    s : tuple of array, each (n,)
        Columns whose combinations are the groups; empty where ``members`` says who is where.
    members : mapping of str to int array, shape (n,)
        Groups that may overlap, by name: 1 for who belongs to it.
    score, weight : float array, shape (n,), or None
    positive : hashable or None
        The favourable class.
    notes : tuple of str
        What was done that the file does not say, in sentences.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.audit import Predictions
    >>> given = Predictions(np.array([1, 0]), np.array([1, 1]), (np.array(["f", "m"]),), {})
    >>> given.score is None
    True
    """

    y: Array
    y_hat: Array
    s: tuple[Array, ...]
    members: Mapping[str, Array]
    score: FloatArray | None = None
    weight: FloatArray | None = None
    positive: Hashable = None
    notes: tuple[str, ...] = ()


def read(
    path: Path | str,
    *,
    y: str,
    s: Sequence[str] = (),
    members: Sequence[str] = (),
    y_hat: str | None = None,
    score: str | None = None,
    weight: str | None = None,
    positive: str | None = None,
    threshold: float | None = None,
) -> Predictions:
    r"""Read predictions from a text table with a header, one person a line.

    Parameters
    ----------
    path : path
        Comma, semicolon, tab or bar between the columns; UTF-8.
    y, y_hat, score, weight : str
        Columns.  Without ``y_hat`` people with a score above the threshold are decided for.
    s : sequence of str
        Columns whose combinations are the groups.  Their cells are names: 01 and 1 are two groups.
    members : sequence of str
        In the place of ``s``: columns of 0 and 1, one for each of several groups that may overlap.
    positive : str, optional
        The favourable class as it stands in the file.
    threshold : float, optional
        Default .5 for scores in [0, 1]; other scores need one.  Not beside ``y_hat``.

    Raises
    ------
    fairtut.errors.MissingData
        If there is no such file.
    fairtut.errors.UnknownName
        If a column does not exist.
    fairtut.errors.DataError
        If the file is no table, or a cell is missing or no number where one belongs.
    fairtut.errors.InputError
        If the columns asked for do not say who is in which group, or what was decided; if a
        threshold decides alike for everybody.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "p.csv"
    >>> _ = file.write_text("label,sex,p\n1,f,0.9\n0,m,0.2\n")
    >>> found = read(file, y="label", s=["sex"], score="p")
    >>> found.y_hat.tolist(), found.notes
    ([1, 0], ('Decided for: who has a score (column p) above 0.5.',))
    """
    _check_asked(y, s, members, y_hat, score, threshold)
    named = [c for c in (y, *s, *members, y_hat, score, weight) if c is not None]
    table = _columns(Path(path), named)
    scores = None if score is None else _within_one(_numbers(score, table[score]))
    favourable = None if positive is None else positive.strip()
    for column in (y, y_hat):
        if column is not None:
            _refuse_spellings(column, table[column])
    if favourable == "":  # it would read as the last decision
        raise InputError("--positive is empty: name the favourable label as it stands in the file")
    if y_hat is not None:
        _refuse_scores(y_hat, table[y_hat])
        labels = _labels([*table[y], *table[y_hat], *([favourable] if favourable else [])])
        _check_words(y, y_hat, labels[: len(table[y])], labels[len(table[y]) :][: len(table[y])])
        notes: tuple[str, ...] = ()
    else:
        labels = _labels([*table[y], *([favourable] if favourable else [])])
        assert score is not None and scores is not None
        labels, notes = _decided(labels, len(table[y]), favourable, score, scores, threshold)
    n = len(table[y])
    return Predictions(
        labels[:n],
        labels[n : 2 * n],
        tuple(_names(table[c]) for c in s),
        {c: _membership(c, table[c]) for c in members},
        scores,
        None if weight is None else _numbers(weight, table[weight]),
        None if favourable is None else labels[-1:].tolist()[0],
        notes,
    )


def _check_asked(
    y: str,
    s: Sequence[str],
    members: Sequence[str],
    y_hat: str | None,
    score: str | None,
    threshold: float | None,
) -> None:
    """Refuse columns that do not say what an audit needs, or that say it twice."""
    if bool(s) == bool(members):
        raise InputError("say who is in which group: --s COLUMN, or --members COLUMN,COLUMN")
    if y_hat is None and score is None:
        raise InputError("say what was decided: --y-hat COLUMN, or --score COLUMN")
    if y_hat is not None and threshold is not None:
        raise InputError("--y-hat says what was decided, and --threshold too: pass one of them")
    if y == y_hat:  # it would be a perfect model, without any gap of its errors
        raise InputError(f"column {y!r} is both --y and --y-hat: name labels and decisions")
    for columns, option in ((s, "--s"), (members, "--members")):
        twice = next((c for c in columns if list(columns).count(c) > 1), None)
        if twice is not None:
            raise InputError(f"{option} names column {twice!r} twice: name each once")


def _check_words(y: str, y_hat: str, labels: Array, decisions: Array) -> None:
    """Refuse a decision in other words than the labels, such as true beside 1."""
    known, found = set(labels.tolist()), set(decisions.tolist())
    strange = sorted(found - known, key=str)
    if strange and not any(known | found <= set(pair) for pair in ((0, 1), (-1, 1))):
        shown = ", ".join(sorted(map(str, known))[:5])
        raise DataError(
            f"column {y_hat!r} holds {str(strange[0])!r}, which is no label in column {y!r} "
            f"({shown}): write labels and decisions in the same words"
        )


def _refuse_spellings(name: str, cells: Sequence[str]) -> None:
    """Refuse two spellings of one label, such as Yes beside yes, True beside 1, >50K beside >50K.

    Each would be a class of its own.  Texts that are numbers are compared as numbers.
    """
    if _labels(cells).dtype != object:
        return
    seen: dict[str, str] = {}
    for text in dict.fromkeys(cells):
        key = alike(text).rstrip(".")
        other = seen.setdefault(str(_TRUTH.get(key, key)), text)
        if other != text:
            raise DataError(
                f"column {name!r} holds both {other!a} and {text!a}: spell one label in one way"
            )


def _within_one(score: FloatArray) -> FloatArray:
    """Scores, where those that rounding put a trifle beside 0 or 1 are 0 or 1."""
    tidy = np.clip(score, 0, 1)
    return tidy if np.abs(tidy - score).max(initial=0) < _ROUNDING else score


def _decided(
    labels: Array, n: int, positive: str | None, name: str, score: FloatArray, cut: float | None
) -> tuple[Array, tuple[str, ...]]:
    """Put decisions by a threshold behind the labels."""
    if cut is None:
        if score.min() < 0 or score.max() > 1:
            raise InputError(
                f"column {name!r} runs from {score.min():g} to {score.max():g}, so .5 is not its "
                "threshold: pass --threshold, or the decisions with --y-hat"
            )
        cut = 0.5
    classes = sorted(set(labels[:n].tolist()))
    chosen = labels[-1] if positive is not None else 1
    others = [c for c in classes if c != chosen]
    if len(others) != 1 or (positive is None and classes not in ([0, 1], [-1, 1])):
        raise InputError(
            f"a threshold decides between two classes, and {len(classes)} stand in the labels "
            f"({', '.join(map(str, classes[:5]))}): pass --y-hat, or --positive for two"
        )
    above = score > cut
    if above.all() or not above.any():  # then every gap is 0, whatever the score is worth
        raise InputError(
            f"threshold {cut:g} decides alike for everybody: column {name!r} runs from "
            f"{score.min():g} to {score.max():g}, so pass --threshold in between, or --y-hat"
        )
    y_hat = np.where(above, chosen, others[0]).astype(labels.dtype)
    note = f"Decided for: who has a score (column {name}) above {cut:g}."
    return np.concatenate([labels[:n], y_hat, labels[n:]]), (note,)


def _columns(path: Path, wanted: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns asked for, every cell a text that is not missing."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MissingData(f"{path} does not exist: name a file of predictions") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8: save it as CSV UTF-8") from None
    head = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    tried = {mark: _rows(path, text, mark) for mark in _SEPARATORS if mark in head} or {
        ",": _rows(path, text, ",")
    }
    for rows in tried.values():
        heads = rows[0][1] if rows else []
        if set(wanted) <= set(heads):
            break
    else:
        rows = max(tried.values(), key=lambda found: len(found[0][1]) if found else 0)
        heads = rows[0][1] if rows else []
        lost = next(c for c in wanted if c not in heads)
        raise UnknownName.of("column", lost, heads or ["(the file has no header)"])
    if len(rows) < 2:
        raise DataError(f"{path} has a header and no people")
    return {name: _column(path, rows, name) for name in dict.fromkeys(wanted)}


def _rows(path: Path, text: str, mark: str) -> list[tuple[int, list[str]]]:
    """Return (line, cells) of every line but blank ones, and of none behind the last filled one.

    A spreadsheet writes lines of empty cells below its table.  Within it they are people of whom
    everything is missing, so they stay, and the column says so.
    """
    # not text.splitlines, which also breaks at U+2028 and other marks that a cell may hold
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        rows = [(lines.line_num, [c.strip() for c in row]) for row in lines]
    except csv.Error as error:
        raise DataError(f"{path}, line {lines.line_num}: {error}") from None
    filled = [i for i, (_, cells) in enumerate(rows) if any(cells)]
    if not filled:
        return []
    return [row for row in rows[filled[0] : filled[-1] + 1] if len(row[1]) > 1 or any(row[1])]


def _column(path: Path, rows: Sequence[tuple[int, list[str]]], name: str) -> list[str]:
    heads = rows[0][1]
    if heads.count(name) > 1:
        raise DataError(f"{path} has {heads.count(name)} columns {name!r}: name each once")
    place, lost, first = heads.index(name), 0, 0
    found = []
    for line, cells in rows[1:]:
        if len(cells) != len(heads):
            raise DataError(
                f"{path}, line {line}: {len(cells)} cells where the header has {len(heads)}"
            )
        found.append(cells[place])
        if cells[place].lower() in MISSING:
            lost, first = lost + 1, first or line
    if lost:
        shown = rows[[line for line, _ in rows].index(first)][1][place]
        raise DataError(
            f"column {name!r} is missing for {lost:,} of {len(found):,} people (first in line "
            f"{first}: {shown!r}): drop or impute those rows, or write another word there"
        )
    return found


def _labels(cells: Sequence[str]) -> Array:
    """Numbers where all are numbers, truth values as 1 and 0, else the texts themselves."""
    if all(cell.lower() in _TRUTH for cell in cells):
        return np.array([_TRUTH[cell.lower()] for cell in cells])
    try:
        values = np.array([numeral(cell) for cell in cells])
    except ValueError:
        return np.array(cells, dtype=object)
    # two texts that are one number in floating point, such as long ids, stay texts
    exact = np.isfinite(values).all() and (np.abs(values) < 2**53).all()
    if exact and (values == np.round(values)).all():
        return values.astype(np.int64)
    return np.array(cells, dtype=object)


def _names(cells: Sequence[str]) -> Array:
    """Group names: whole numbers where each is written as itself, else the texts.

    As labels 01 and 1 are one number, and as names they are two groups.
    """
    seen = {cell: whole(cell) for cell in set(cells)}
    if all(number is not None and abs(number) < 2**63 for number in seen.values()):
        return np.array([seen[cell] for cell in cells], dtype=np.int64)
    return np.array(cells, dtype=object)


def _numbers(name: str, cells: Sequence[str]) -> FloatArray:
    values = np.empty(len(cells))
    for i, cell in enumerate(cells):
        try:
            values[i] = numeral(cell)
        except ValueError:
            raise DataError(f"column {name!r} holds {cell!r}, which is no number") from None
    if not np.isfinite(values).all():
        raise DataError(f"column {name!r} holds an infinite number")
    return values


def _refuse_scores(name: str, cells: Sequence[str]) -> None:
    """Refuse probabilities where decisions belong, before they become labels of their own."""
    try:
        broken = next((cell for cell in cells if not numeral(cell).is_integer()), None)
    except (ValueError, OverflowError):
        return  # words are labels
    if broken is not None:
        raise DataError(f"column {name!r} holds {broken}, a score: pass it with --score")


def _membership(name: str, cells: Sequence[str]) -> Array:
    values: Any = _labels(cells)
    if values.dtype == object or not set(values.tolist()) <= {0, 1}:
        raise DataError(f"column {name!r} must hold 0 and 1, or true and false: who is a member?")
    return np.asarray(values)
