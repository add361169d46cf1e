"""The audit on one page of HTML: no server, no script, nothing from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from fairtut import __version__
from fairtut.audit import drawings
from fairtut.audit.controls import CONSTANT, MODEL, Control
from fairtut.audit.counting import spelled
from fairtut.audit.limits import Judged
from fairtut.audit.measured import Audit
from fairtut.audit.scores import TITLES as SCORES
from fairtut.evidence.spelling import NOTHING, number
from fairtut.metrics import DEFINITIONS, Estimate
from fairtut.page.markup import escape

_BADGES: Final = {
    "kept": "good",
    "exceeded": "not",
    "undecided": "open",
    "not measured": "not",
}
_LIGHT: Final = (
    "--page:#fff;--ink:#1f2733;--quiet:#566173;--line:#d8dee7;--stripe:#f5f7fa;"
    "--good:#14633a;--good-bg:#dff3e6;--not:#96261f;--not-bg:#fce4e2"
)
_DARK: Final = (
    "--page:#121212;--ink:#dde3ea;--quiet:#a3adbb;--line:#39424e;--stripe:#1c222a;"
    "--good:#8fe0ae;--good-bg:#143524;--not:#f7aaa4;--not-bg:#451d1a"
)
_STYLE: Final = f"""\
:root{{color-scheme:light dark;{_LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
*{{box-sizing:border-box}}
body{{margin:0 auto;padding:1rem;max-width:54rem;background:var(--page);color:var(--ink);\
font:1rem/1.55 system-ui,sans-serif;overflow-wrap:anywhere}}
h1{{font-size:1.5rem;line-height:1.25}} h2{{font-size:1.15rem;margin-top:2rem}}
.wide{{overflow-x:auto;max-width:100%}} .wide svg{{max-width:none}}
@media (min-width:48rem){{.wide svg{{max-width:100%}}}}
table{{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}}
.quiet{{font-size:.9rem;margin:.8rem 0 .3rem}}
th,td{{text-align:left;vertical-align:top;padding:.35rem .6rem .35rem 0;\
border-bottom:1px solid var(--line);font-weight:400;overflow-wrap:normal}}
thead th{{border-bottom-width:2px;font-weight:600}} td{{min-width:5.5rem}}
.n{{white-space:nowrap}} small,.quiet,footer{{color:var(--quiet)}} figure{{margin:1rem 0}}
figcaption{{color:var(--quiet);font-size:.9rem}}
.b{{border-radius:1em;padding:.1em .6em;font-size:.85em;font-weight:600;white-space:nowrap;\
background:var(--stripe);border:1px dashed var(--line)}}
.b.good{{color:var(--good);background:var(--good-bg);border:0}}
.b.not{{color:var(--not);background:var(--not-bg);border:0}}
"""


def sheet(found: Audit, *, title: str) -> str:
    """Write an audit as one page.

    Parameters
    ----------
    found : Audit
    title : str
        What was audited, such as the file's name.

    Returns
    -------
    str
        A whole HTML document.  Text that comes from the data is escaped.

    Examples
    --------
    >>> from fairtut.audit import audit, sheet
    >>> people = [1, 1, 0, 0] * 50, [1, 1, 1, 0] * 50, [0, 1, 1, 1] * 50
    >>> page = sheet(audit(*people, n_resamples=200), title="our model")
    >>> page[:15], "<script" in page
    ('<!DOCTYPE html>', False)
    """
    parts = [_top(found, title), _limits(found), _groups(found), _scores(found), _controls(found),
             _table(found)]  # fmt: skip
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        # nothing on the page may run or be fetched, whatever a name in the data holds
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">"
        f'<link rel="icon" href="data:,"><title>Audit of {escape(title)}</title>\n'
        f"<style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + f"\n{_end(found)}\n</body></html>\n"
    )


def written(found: Estimate) -> str:
    """Write a number with its interval.

    >>> written(Estimate(0.3, 0.25, 0.35, 100, 0.95, "bootstrap"))
    '0.300 [0.250, 0.350]'
    """
    if math.isnan(found.value):
        return NOTHING
    low, high = number(found.low), number(found.high)
    return f"{number(found.value)} [{low}, {high}]"


def _top(found: Audit, title: str) -> str:
    groups = len(found.groups)
    classes = ""
    if found.positive is not None:
        classes = f"; favourable: {escape(spelled(found.classes)[found.positive])}"
    extra = ["weighted"] * found.weighted + ["overlapping groups"] * found.overlapping
    more = f" ({', '.join(extra)})" if extra else ""
    return (
        f"<h1>Audit of {escape(title)}</h1>\n"
        f"<p>{found.n:,} people in {groups} group{'s' * (groups != 1)}{more}, "
        f"{len(found.classes)} classes{classes}. Accuracy "
        f'<span class="n">{written(found.definitions["accuracy"])}</span>. '
        "A gap that reads 0 says that this difference was not seen in these people. "
        "It never says that a model is fair.</p>"
    )


def _limits(found: Audit) -> str:
    if not found.judged:
        return (
            "<h2>Limits</h2><p>No limit was stated, so nothing was judged. "
            "One is stated with <code>--limit deo=0.1</code>.</p>"
        )
    rows = [
        [
            escape(f"{one.limit.metric} {one.limit.sign} {one.limit.bound:g}"),
            f'<span class="b {_BADGES[one.answer]}">{one.answer}</span>',
            _cell(one.found),
            escape(_why(one)),
        ]
        for one in found.judged
    ]
    return "<h2>Limits</h2>\n" + _rows(
        ["limit", "answer", "found", "because"], rows,
        "Exceeded: the interval lies beyond the limit, also after its upper half is reflected at "
        "the value. Kept: the interval lies within. Not measured never passes.",
    )  # fmt: skip


def _why(one: Judged) -> str:
    if one.answer == "not measured":
        return "the metric is undefined, or it is in more than 5 % of the resamples"
    return {
        "exceeded": "the whole interval is beyond the limit",
        "kept": "the whole interval is within the limit",
        "undecided": "the interval holds the limit, or is too close to it: more people would tell",
    }[one.answer]


def _groups(found: Audit) -> str:
    known = [r for r in drawings.TITLES if r in next(iter(found.rates.values()))]
    base = ["base rate"] if found.base else []
    rows = [
        [
            escape(found.names[group]),
            f"{found.sizes[group]:,}",
            *([_cell(found.base[group])] if found.base else []),
            *(_cell(found.rates[group][rate]) for rate in known),
        ]
        for group in found.groups
    ]
    heads = ["group", "people", *base, *(drawings.TITLES[r] for r in known)]
    caption = f"Each rate with its {found.coverage} interval over people." if rows else ""
    return (
        "<h2>What each group gets</h2>\n"
        + _figure(drawings.rates(found), "Rates of each group. Lines are intervals over people.")
        + _rows(heads, rows, caption)
    )


def _scores(found: Audit) -> str:
    if not found.scores:
        return ""
    known = list(next(iter(found.scores.values())))
    rows = [
        [escape(found.names[group]), *(_cell(one[name]) for name in known)]
        for group, one in found.scores.items()
    ]
    probable = "brier" in known
    return (
        "<h2>How good the score is for each group</h2>\n"
        "<p>AUC is the share of pairs in the same group that the score puts in the right order. "
        + ("The Brier score is the mean square of what it is wrong by, and the last column says by "
           "how much it promises more than comes true. " if probable else "")
        + "A decision can have a gap although the score is equally good for all, and none although "
        "it is not.</p>"
        + _rows(["group", *(SCORES[name] for name in known)], rows,
                f"{found.coverage} intervals over people, of each group by itself: by DeLong's "
                "method for AUC"
                + (", normal for the means." if probable else "."))
    )  # fmt: skip


def _controls(found: Audit) -> str:
    if found.proposal is None:
        return ""
    rows = [
        [
            escape(one.name),
            _cell(one.accuracy),
            _cell(one.gap),
            NOTHING if one.name == MODEL else _cell(one.accuracy_gained),
            NOTHING if one.name == MODEL else _cell(one.gap_saved),
        ]
        for one in found.controls
    ]
    axis = escape(DEFINITIONS[found.metric].axis)
    return (
        "<h2>What would have cost nothing</h2>\n"
        f"<p>{escape(_reading(found.controls))} A threshold is chosen on one half of the people "
        "and decides about the other half. Thresholds per group treat equal scores unequally, "
        "which some laws forbid; they show how much room the score leaves.</p>"
        + _figure(
            drawings.plane(found, found.proposal),
            "Up is more accurate, right is a smaller gap. Lines through points are intervals.",
        )
        + _rows(
            ["control", "accuracy", axis, "accuracy gained", "gap saved"], rows,
            "Each control may lose one point of accuracy. The last two columns compare with these "
            "decisions on the same resampled people.",
        )
    )  # fmt: skip


def _reading(controls: Sequence[Control]) -> str:
    """Say in a sentence what costs nothing and saves the most; the constant is no offer."""
    offers = [c for c in controls if c.name not in (MODEL, CONSTANT) and c.gap_saved.low > 0]
    if not offers:
        return "No control has a smaller gap than these decisions, beyond chance."
    best = max(offers, key=lambda c: c.gap_saved.value)
    return (
        f"The most is saved by {best.name}: the gap falls by {written(best.gap_saved)}, and "
        f"accuracy changes by {written(best.accuracy_gained)}."
    )


def _table(found: Audit) -> str:
    rows = []
    for name, one in found.definitions.items():
        definition = DEFINITIONS[name]
        rows.append(
            [
                f"<code>{escape(name)}</code><br><small>{escape(definition.axis)}</small>",
                _cell(one),
                f"{definition.perfect:g}",
                escape(definition.paper),
            ]
        )
    return "<h2>Every definition</h2>\n" + _rows(
        ["name", "found", "no difference", "who uses it"], rows,
        "One word, many numbers: compare only what has the same name.",
    )  # fmt: skip


def _end(found: Audit) -> str:
    method = next(iter(found.definitions.values())).method
    notes = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
    head = f"<h2>To know</h2>\n<ul>{notes}</ul>\n" if notes else ""
    return (
        f"{head}<footer><p>Intervals: {found.coverage}, {escape(method)}, the same resamples for "
        f"every number{', but for those of the score' if found.scores else ''}. "
        "They say how much other people from the same source could change a number, with the "
        "model as it is; they know nothing of other trainings, other labels or other places. "
        f"Written by fairtut {escape(__version__)}.</p></footer>"
    )


def _cell(found: Estimate) -> str:
    text = written(found)
    value, _, interval = text.partition(" ")
    return f'<span class="n">{value}</span> <small class="n">{interval}</small>'


def _figure(drawing: str, caption: str) -> str:
    return (
        f'<figure><div class="wide" tabindex="0" role="group" aria-label="{escape(caption)}">'
        f"{drawing}</div><figcaption>{escape(caption)}</figcaption></figure>\n"
    )


def _rows(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """Write a table of cells that are HTML already."""
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    body = "\n".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{c}</td>" for c in row[1:])}</tr>'
        for row in rows
    )
    return (
        f'<p class="quiet">{escape(caption)}</p>'
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )
