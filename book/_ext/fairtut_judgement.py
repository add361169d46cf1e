"""What changed in the judge, and how often it is wrong.

========================  ==========================================================================
``{calibration}``         a figure: how often the judge is wrong on worlds whose truth is known
``{judgement-changes}``   how many claims had which word in the first edition, and have now
========================  ==========================================================================
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from fairtut_nodes import cell, counted, table, watch
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from fairtut.evidence import calibration
from fairtut.evidence.records import committed_results
from fairtut.page import calibrated, figures, results, scoreboard

FIRST = Path(__file__).with_name("first_edition.json")
"""The verdicts of the first edition's judge by paper and claim, and digests of its records."""


def moved(before: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], Counter[str]]:
    """Return how often each word became which: (group, word before) to the words now."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for verdict in results.judge(results.load_claims(), results.load_records()):
        word = before.get(verdict.paper, {}).get(verdict.id, "no claim yet")
        found[scoreboard.group(verdict), word][verdict.verdict] += 1
    return dict(found)


def other_records(judged: Mapping[str, str]) -> list[str]:
    """Name the committed records that are not those which the first edition's judge saw."""
    folder = committed_results()
    if folder is None:
        return []
    now = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
           for p in sorted(folder.glob("*/*.json"))}  # fmt: skip
    return sorted(name for name in {*now, *judged} if now.get(name) != judged.get(name))


class JudgementChanges(SphinxDirective):
    """``{judgement-changes}``."""

    def run(self) -> list[nodes.Node]:
        """Return a row for each kind of claim and each word of the first edition."""
        watch(self.env)
        first = json.loads(FIRST.read_text(encoding="utf-8"))
        before, others = first["verdicts"], other_records(first["records"])
        rows = [
            [cell(scoreboard.GROUPS[group]), cell(f"{sum(now.values())} {word}"),
             cell(*counted(now))]
            for (group, word), now in sorted(
                moved(before).items(), key=lambda item: list(scoreboard.GROUPS).index(item[0][0])
            )
        ]  # fmt: skip
        whole = table(["", "first edition", "now"], rows, "moved", [30, 25, 45])
        said = (
            f"The first judge saw other records of these: {', '.join(others)}."
            if others
            else ("Both judges saw the same records, to the byte.")
        )
        return [whole, nodes.paragraph("", said, classes=["ft-where"])]


class Calibration(SphinxDirective):
    """``{calibration}``."""

    def run(self) -> list[nodes.Node]:
        """Return the figure, and a sentence with the worst places."""
        watch(self.env)
        found = calibration.table()
        worst = calibrated.largest(found)
        once = found[(found["looks"] == "once") & (found["trainings"] > 1)]
        over = int((once["wrong"] > calibration.LEVEL).sum())
        told = (
            f"Judged once, more than 5 % of the words are wrong at {over} of {len(once)} places; "
            f"the worst has {100 * once['wrong'].max():.1f} %. With three looks that share the "
            f"chance, the worst has {_worst(worst, 'split')}; with three looks as if each were the "
            f"only one, {_worst(worst, 'naive')}."
        )
        bundle = figures.show(
            calibrated.drawn(found),
            name="calibration",
            caption="**How often is our judge wrong?** Shares of wrong words in simulated worlds, "
            f"{calibration.MANY:,} for each place; the dashed line is at 5 %. {told}",
            alt="A row for each kind of world with three pairs of lines: one look, three looks "
            f"with the chance split, three looks as if each were one. {told}",
        )
        assert bundle is not None  # no kernel runs here
        return [nodes.raw("", bundle.data["text/html"], format="html")]


def _worst(found: Any, looks: str) -> str:
    return f"{100 * found.loc[found['looks'] == looks, 'wrong'].max():.1f} %"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("calibration", Calibration)
    app.add_directive("judgement-changes", JudgementChanges)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False}
