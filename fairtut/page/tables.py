"""Tables for the page, for the terminal and for a reader who listens.

Every table has a caption and marks its header cells; a verdict is a word, and its colour only
repeats it.  The plain form is a Markdown table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from fairtut.errors import InputError
from fairtut.evidence.spelling import NOTHING, number, points, powers, spelled
from fairtut.evidence.verdicts import Verdict
from fairtut.metrics.estimates import Estimate
from fairtut.page.markup import Bundle, escape, inline, words
from fairtut.page.prose import verdict_badge, written

if TYPE_CHECKING:
    import pandas as pd

#: The columns of a chapter's results.
RESULT_COLUMNS: Final = (
    "Claim",
    "Paper",
    "Ours [95 % interval]",
    "trainings",
    "Δ points",
    "Tolerance",
    "Verdict",
    "Reason",
)


def table(frame: pd.DataFrame, *, caption: str, formats: Mapping[str, str] | None = None) -> Bundle:
    """Show a frame: numbers as the book writes them, text with inline Markdown.

    Parameters
    ----------
    frame : pandas.DataFrame
        What to show; its index is left out, so reset it where it carries meaning.  A column that
        is named as in code stands there in words: ``weight_min`` as ``weight min``.
    caption : str
        What the table holds.
    formats : mapping of str to str, optional
        A format specification for a column, such as ``{"share": ".0%"}``.

    Raises
    ------
    fairtut.errors.InputError
        If the caption is empty or a format is for a column that does not exist.

    Examples
    --------
    >>> from fairtut.page.tables import table
    >>> import pandas as pd
    >>> print(table(pd.DataFrame({"share": [0.25]}), caption="One number."))
    | share |
    | --- |
    | 0.250 |
    """
    heads = [str(column) for column in frame.columns]
    unknown = [column for column in formats or {} if column not in heads]
    if unknown:
        raise InputError(f"the frame has no column {unknown[0]!r}: it has {', '.join(heads)}")
    specs = [(formats or {}).get(head, "") for head in heads]
    rows = [
        [_cell(value, spec) for value, spec in zip(row, specs, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    sides = [
        "right" if rows and all(_is_number(value) for value in frame.iloc[:, i]) else "left"
        for i in range(len(heads))
    ]
    heads = [words(head) for head in heads]
    return _bundle(_page(heads, sides, _body(rows, sides), caption), heads, rows, caption)


def results_table(
    verdicts: Iterable[Verdict] | pd.DataFrame, *, caption: str = "Claims and verdicts."
) -> Bundle:
    """Show what the paper says, what we measure and the verdict, one row per claim.

    Parameters
    ----------
    verdicts : iterable of Verdict, or pandas.DataFrame
        From :func:`fairtut.evidence.verdicts.judge`, or a frame with the columns of
        :meth:`~fairtut.evidence.verdicts.Verdict.as_dict`.
    caption : str
        What the table holds.

    Returns
    -------
    Bundle
        With the columns of :data:`RESULT_COLUMNS`; in HTML the reason has a line of its own.

    Raises
    ------
    fairtut.errors.InputError
        If the caption is empty.

    Examples
    --------
    Of a claim that no run has measured:

    >>> from fairtut.evidence.claims import Claim
    >>> from fairtut.evidence.verdicts import judge
    >>> from fairtut.page.tables import results_table
    >>> claim = Claim("toy", "toy", "gain", "Table 1", "It helps.", "direction", "accuracy",
    ...               "fraction", direction="positive", effect=1.0, measure=("gain",))
    >>> row = str(results_table(judge([claim], records=[]))).splitlines()[-1]
    >>> [cell.strip() for cell in row.split("|")[1:8]]
    ['It helps. (Table 1)', '–', '–', '–', '–', '–', 'not tested']
    """
    entries: list[Mapping[str, Any]]
    if hasattr(verdicts, "to_dict"):
        entries = verdicts.to_dict("records")
    else:
        entries = [verdict.as_dict() for verdict in verdicts]
    flat = [
        [f"{entry['says']} ({entry['where']})", *_result_cells(entry), entry["verdict"],
         reason(entry)]
        for entry in entries
    ]  # fmt: skip
    # a reason has a line of its own on the page, so that no verdict hides behind a scroll bar
    sides = ["left", *["right"] * 5, "left"]
    body = "\n".join(_claim_rows(entry, sides) for entry in entries)
    page = _page(RESULT_COLUMNS[:-1], sides, body, caption, style="ft-claims")
    return _bundle(page, RESULT_COLUMNS, flat, caption)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table.

    Examples
    --------
    >>> from fairtut.page.tables import markdown
    >>> print(markdown(["name", "n"], [["a", "1"]]))
    | name | n |
    | --- | --- |
    | a | 1 |
    """

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(" ".join(c.replace("|", "\\|").split()) for c in cells) + " |"

    return "\n".join([line(heads), line(["---"] * len(heads)), *map(line, rows)])


def aligned(heads: Sequence[str], rows: Iterable[Sequence[str]], *, gap: int = 2) -> str:
    """Return lines for a terminal, in columns that line up; the last column runs free.

    Examples
    --------
    >>> from fairtut.page.tables import aligned
    >>> print(aligned(["name", "n"], [["first", "1"], ["a", "10"]]))
    name   n
    first  1
    a      10
    """
    whole = [list(heads), *map(list, rows)]
    widths = [max(len(row[i]) for row in whole) for i in range(len(heads) - 1)]
    lines = [
        (" " * gap).join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]])
        for row in whole
    ]
    return "\n".join(line.rstrip() for line in lines)


def interval(values: Mapping[str, Any]) -> str:
    """Write ``ours [low, high]`` from a verdict's values.

    Examples
    --------
    >>> from fairtut.page.tables import interval
    >>> interval({"ours": 0.8, "low": 0.79, "high": 0.81})
    '0.800 [0.790, 0.810]'
    """
    ours, low, high = (values[key] for key in ("ours", "low", "high"))
    if ours is None:
        return NOTHING
    return number(ours) if low is None else f"{number(ours)} [{number(low)}, {number(high)}]"


def tolerance(kind: str, values: Mapping[str, Any]) -> str:
    """Write a tolerance with its unit: points for a number, the claim's unit for an exact one.

    Examples
    --------
    >>> from fairtut.page.tables import tolerance
    >>> tolerance("number", {"tolerance": 2})
    '2 points'
    """
    if values["tolerance"] is None:
        return NOTHING
    if kind == "number":
        return f"{values['tolerance']:g} points"
    return powers(f"{values['tolerance']:.0e}")


def reason(entry: Mapping[str, Any]) -> str:
    """Write a verdict's reason, with what would decide it and what it repeats.

    >>> reason({"reason": "includes 0", "decide": "about 6 trainings", "repeats": None})
    'includes 0. To decide it takes about 6 trainings.'
    """
    text = entry["reason"]
    if entry.get("decide"):
        text = f"{text}. To decide it takes {entry['decide']}."
    if entry.get("repeats"):
        text = f"{text.rstrip('.')}. The same numbers as {spelled(entry['repeats'])}: counted once."
    return str(text)


def _result_cells(entry: Mapping[str, Any]) -> list[str]:
    values = entry["values"]
    delta = values["delta_points"]
    return [
        number(values["paper"]),
        interval(values),
        str(values["trainings"]) if values["trainings"] else NOTHING,
        NOTHING if delta is None else points(delta),
        tolerance(entry["kind"], values),
    ]


def _is_number(value: Any) -> bool:
    if hasattr(value, "item"):
        value = value.item()
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Any, spec: str) -> str:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    known = isinstance(value, bool | int | float | Estimate) or hasattr(value, "item")
    return written(value, spec) if known else str(value)


def _bundle(page: str, heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> Bundle:
    text = markdown(heads, rows)
    return Bundle({"text/html": page, "text/markdown": f"{caption}\n\n{text}", "text/plain": text})


def _page(
    heads: Sequence[str], sides: Sequence[str], body: str, caption: str, style: str = ""
) -> str:
    """Return the HTML of a table; ``body`` holds its ``<tbody>`` elements."""
    if not caption.strip():
        raise InputError("the table has no caption: pass caption=... with a sentence")
    head = "".join(
        f'<th scope="col" style="text-align:{side}">{inline(h)}</th>'
        for h, side in zip(heads, sides, strict=True)
    )
    return (
        f'<div class="ft-scroll" role="region" tabindex="0" aria-label="{escape(caption)}">\n'
        f'<table class="{" ".join(["ft-table", "ft-scoreboard", *style.split()])}">\n'
        f"<caption>{inline(caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n{body}\n</table>\n</div>"
    )


def _body(rows: Iterable[Sequence[str]], sides: Sequence[str]) -> str:
    lines = "\n".join(
        f"<tr>{_head(inline(row[0]), sides[0])}{_cells(map(inline, row[1:]), sides[1:])}</tr>"
        for row in rows
    )
    return f"<tbody>\n{lines}\n</tbody>"


def _claim_rows(entry: Mapping[str, Any], sides: Sequence[str]) -> str:
    """Return a claim's two rows: numbers and verdict, and the reason below them."""
    claim = f'{inline(entry["says"])}<p class="ft-where">{inline(entry["where"])}</p>'
    name = _head(claim, sides[0], ' rowspan="2"', "rowgroup")
    # an interval may go below its estimate, but is not torn apart
    numbers = [escape(cell).replace(", ", ",&nbsp;") for cell in _result_cells(entry)]
    numbers.append(verdict_badge(entry["verdict"]))
    why = f'<td class="ft-reason" colspan="{len(numbers)}">{inline(reason(entry))}</td>'
    return f"<tbody><tr>{name}{_cells(numbers, sides[1:])}</tr>\n<tr>{why}</tr></tbody>"


def _head(cell: str, side: str, more: str = "", scope: str = "row") -> str:
    return f'<th scope="{scope}"{more} style="text-align:{side};font-weight:normal">{cell}</th>'


def _cells(cells: Iterable[str], sides: Sequence[str]) -> str:
    # a style attribute carries the alignment to programs without the book's style sheet
    styles = ["" if side == "left" else f' style="text-align:{side}"' for side in sides]
    return "".join(f"<td{s}>{cell}</td>" for cell, s in zip(cells, styles, strict=True))
