"""The claims about LASSI: complete, consistent with the poster, and each with its test."""

from __future__ import annotations

from itertools import product

import numpy as np

from fairtut.chapters.lassi import SETTINGS, TASKS
from fairtut.evidence.claims import load_claims

CLAIMS = {claim.id: claim for claim in load_claims("lassi")}
SIX, SEVEN = list(SETTINGS)[:6], list(TASKS)[:7]
METHODS = ("naive", "dataaug", "lassi")


def test_all_cells_of_the_first_table_are_claims_with_the_posters_numbers():
    rows = np.array([
        [CLAIMS[f"table1.{s}.{m}.{n}"].value for m in METHODS for n in ("acc", "fair")]
        for s in SIX
    ])  # fmt: skip
    assert rows.shape == (6, 6)
    # column sums of the poster
    np.testing.assert_allclose(rows.sum(0), [5.174, 0.430, 5.157, 0.918, 5.155, 5.666], atol=1e-9)
    acc, fair = rows[:, ::2], rows[:, 1::2]
    # what the messages rest on: the order of the shares, and accuracies within a point
    assert (np.diff(fair, axis=1) > 0).all()
    assert (np.abs(acc[:, 2] - acc[:, 0]) <= 0.01).all()
    assert (fair[:, 2] - fair[:, 0]).max() == CLAIMS["message.most"].value
    assert np.argmax(fair[:, 2] - fair[:, 0]) == SIX.index("pale")


def test_all_cells_of_the_transfer_table_are_claims_with_the_posters_numbers():
    settings = ("pale", "pale-young", "pale-young-blond")
    rows = np.array([
        [CLAIMS[f"transfer.{s}.{t}.{n}"].value for s in settings for n in ("acc", "fair")]
        for t in SEVEN
    ])  # fmt: skip
    assert rows.shape == (7, 6)
    np.testing.assert_allclose(rows.sum(0), [5.817, 6.493, 5.725, 6.396, 5.752, 5.846], atol=1e-9)
    # the accuracies are above a half and the shares above .8, as the message says
    assert (rows > 0.5).all() and (rows[:, 1::2] > 0.8).all()


def test_a_level_is_shown_and_a_difference_is_tested():
    for claim in CLAIMS.values():
        if claim.value is None or claim.kind == "exact":
            continue
        assert claim.shown is not None and claim.shown not in claim.measure, claim.id
        assert claim.direction == "positive"


def test_what_must_hold_is_exact():
    for name in ("exact.contradicted", "exact.free-contradicted", "exact.return"):
        assert CLAIMS[name].kind == "exact" and CLAIMS[name].value == 0


def test_every_setting_has_its_messages_and_its_controls():
    for setting, rival in product(SIX, METHODS[:2]):
        measured = CLAIMS[f"message.fair.{setting}.{rival}"].measure
        assert measured == (f"table1.{setting}.lassi.fair-vs-{rival}",)
    for setting, kind in product(SIX, ("equal", "best")):
        assert CLAIMS[f"control.{kind}.{setting}"].source == "ours"
        assert len(CLAIMS[f"control.{kind}-acc.{setting}"].measure) == 2


def test_one_measurement_has_one_unit():
    units: dict[str, str] = {}
    for claim in CLAIMS.values():
        for name in (*claim.measure, *([claim.shown] if claim.shown else [])):
            assert units.setdefault(name, claim.unit) == claim.unit, name


def test_what_is_unknown_is_not_tested_and_says_why():
    unknown = [claim for claim in CLAIMS.values() if claim.untested]
    assert {"untested.celeba128", "untested.shapes", "untested.fairface.age9"} <= {
        claim.id for claim in unknown
    }
    assert all(claim.value is None for claim in unknown)
