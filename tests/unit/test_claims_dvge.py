"""The claims about DVGE: complete, consistent with the slides' tables, and each with its test."""

from __future__ import annotations

from itertools import product

import numpy as np

from fairtut.evidence.claims import load_claims
from fairtut.methods.dvge import FOCI

CLAIMS = {claim.id: claim for claim in load_claims("dvge")}
COLUMNS = ("none", "removed", *(f"eta{i / 10:.1f}" for i in range(1, 11)))
SETTINGS = (
    "celeba-male-oval", "celeba-maleyoung-attractive", "german-age-risk", "german-agefw-risk",
)  # fmt: skip


def test_all_cells_of_both_tables_are_claims_with_the_slides_numbers():
    rows = np.array([
        [CLAIMS[f"{table}.{encoder}.{column}"].value for column in COLUMNS]
        for table, encoder in product(("table1", "table2"), "dn")
    ])  # fmt: skip
    assert rows.shape == (4, 12)
    # the fact that the message rests on, and the two exceptions that the slides themselves show
    assert (rows[:, 1:] < rows[:, :1]).all()
    steps = np.diff(np.delete(rows, 1, axis=1), axis=1)
    assert [(int(i), int(j)) for i, j in np.argwhere(steps > 0)] == [(0, 7), (3, 8)]
    assert (steps[2, 8:9] == 0).all()
    np.testing.assert_allclose(rows.sum(1), [8.371, 8.512, 8.038, 8.169], atol=1e-9)


def test_the_differences_have_the_direction_that_the_tables_show():
    for table, encoder, column in product(("table1", "table2"), "dn", COLUMNS):
        claim = CLAIMS[f"{table}.{encoder}.{column}"]
        assert claim.direction == ("positive" if column == "none" else "negative")
        assert claim.measure[0].startswith(claim.shown + "."), "the tested one goes with the level"
    for table, encoder in product(("table1", "table2"), "dn"):
        claim = CLAIMS[f"d1.below-removed.{table}.{encoder}"]
        removed = CLAIMS[f"{table}.{encoder}.removed"].value
        below = [
            CLAIMS[f"{table}.{encoder}.{column}"].value < removed for column in COLUMNS[2:]
        ]  # fmt: skip
        tested = [m.split(".eta")[1].removesuffix(".vs-removed") for m in claim.measure]
        assert tested == [c[3:] for c, is_below in zip(COLUMNS[2:], below, strict=True) if is_below]


def test_every_reading_of_the_formula_is_judged_on_both_tables():
    for focus, on, table, encoder in product(
        FOCI, ("perturbed", "raw"), ("table1", "table2"), "dn"
    ):
        level = f"{table}.{encoder}.{focus}.{on}.eta1.0"
        base = f"convention.{focus}.{on}.{table}.{encoder}"
        assert CLAIMS[f"{base}.fall"].measure == (f"{level}.change",)
        assert CLAIMS[f"{base}.below-removed"].measure == (f"{level}.vs-removed",)


def test_every_panel_is_compared_with_every_baseline():
    baselines = ("adt", "ffvae", "fdvae", "removed")
    for setting, encoder, gap in product(SETTINGS, "dn", ("dp", "eo")):
        for baseline in baselines:
            claim = CLAIMS[f"panel.{setting}.{encoder}.{gap}.{baseline}"]
            assert claim.measure == (claim.id,) and claim.direction == "positive"
            assert claim.data == "real"
    for setting in SETTINGS:
        measured = CLAIMS[f"d2.{setting}"].measure
        assert len(measured) == 12 and set(measured) <= set(CLAIMS)


def test_one_measurement_has_one_unit():
    units: dict[str, str] = {}
    for claim in CLAIMS.values():
        for name in (*claim.measure, *([claim.shown] if claim.shown else [])):
            assert units.setdefault(name, claim.unit) == claim.unit, name
