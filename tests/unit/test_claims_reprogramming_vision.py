"""The claims about image triggers: complete, with the published numbers, and each with its test."""

from __future__ import annotations

from itertools import product

import pytest

from fairtut.chapters.reprogramming_vision import VISION, for_real
from fairtut.chapters.reprogramming_vision.published import CONSTANT, POINTS, READING, mixing
from fairtut.evidence.claims import load_claims, papers

CLAIMS = {claim.id: claim for claim in load_claims("reprogramming_vision")}
METHODS = ("patch", "border", "advin", "advpost")


def test_the_file_belongs_to_its_chapter():
    paper = papers()["reprogramming_vision"]
    assert (paper.chapter, paper.year) == ("04_reprogramming_vision", 2022)


def test_every_published_point_is_a_claim_with_its_number():
    counts = {(c, m): len(POINTS[c][m]) for c, m in product(("dp", "eo"), METHODS)}
    assert sum(counts.values()) == 40
    ids = {f"fig3.{c}.{m}.{i}" for (c, m), n in counts.items() for i in range(1, n + 1)}
    assert ids == {name for name in CLAIMS if name.startswith("fig3.") and name.count(".") == 3}
    for (criterion, method), points in ((k, POINTS[k[0]][k[1]]) for k in counts):
        before = POINTS[criterion]["base"][0][1]
        for i, (accuracy, bias) in enumerate(points, 1):
            claim = CLAIMS[f"fig3.{criterion}.{method}.{i}"]
            assert claim.value == bias and f"{accuracy:.3f}" in claim.says
            assert claim.direction == ("negative" if bias <= before else "positive")
            assert claim.shown == f"{claim.id}.bias" and claim.measure == (f"{claim.id}.change",)
    # sums guard against a slip of the fingers in a single point
    sums = {c: round(sum(a + b for m in METHODS for a, b in POINTS[c][m]), 3) for c in ("dp", "eo")}
    assert sums == {"dp": 18.113, "eo": 24.219}


def test_the_published_points_are_held_against_their_own_mixing_line():
    assert mixing("eo", 0.961) == pytest.approx(0.229) and mixing("dp", CONSTANT) == 0
    for criterion, method in product(("dp", "eo"), METHODS):
        below = sum(b < mixing(criterion, a) - READING for a, b in POINTS[criterion][method])
        assert CLAIMS[f"audit.mixing.{criterion}.{method}"].value == below


def test_the_controls_stand_against_every_trigger_and_criterion():
    for criterion, trigger in product(("dp", "eo"), ("border", "patch")):
        for control in ("mixing", "threshold", "random"):
            claim = CLAIMS[f"control.{criterion}.{trigger}.{control}"]
            assert claim.measure == (f"{trigger}.{criterion}.cost0.03.vs-{control}",)
            assert (claim.direction, claim.source) == ("negative", "ours")


def test_prices_and_ratios_in_the_claims_are_those_that_are_run():
    drawn, real = VISION["laptop"], for_real(VISION["laptop"], "laptop")
    for claim in CLAIMS.values():
        cfg = real if claim.data == "real" else drawn
        for name in claim.measure:
            if "cost" in name:
                price = float(".".join(name.split("cost")[1].split(".")[:2]))
                assert price in cfg.costs, name
            if name.startswith("ratio."):
                assert float(name.split(".r")[1].rpartition(".")[0]) in real.ratios


def test_one_measurement_has_one_unit_and_untested_claims_say_why():
    units: dict[str, str] = {}
    for claim in CLAIMS.values():
        for name in (*claim.measure, *([claim.shown] if claim.shown else [])):
            assert units.setdefault(name, claim.unit) == claim.unit, name
    untested = {c.id for c in CLAIMS.values() if c.untested}
    assert untested == {"message.less-data", "fig4.dp", "fig6.dp"}
