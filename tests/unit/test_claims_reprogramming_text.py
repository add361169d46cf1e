"""The claims about word triggers: the paper's points, and each message with its test."""

from __future__ import annotations

from itertools import product

import numpy as np

from fairtut.chapters.reprogramming_text.presets import CRITERIA, METHODS, TRIGGERS
from fairtut.evidence.claims import load_claims

CLAIMS = {claim.id: claim for claim in load_claims("reprogramming_text")}
COUNTS = {
    ("dp", "base"): 1, ("dp", "soft"): 4, ("dp", "hard"): 4, ("dp", "advin"): 4,
    ("dp", "advpost"): 4, ("eo", "base"): 1, ("eo", "soft"): 5, ("eo", "hard"): 5,
    ("eo", "advin"): 4, ("eo", "advpost"): 4,
}  # fmt: skip


def points(criterion: str, method: str) -> np.ndarray:
    """Return the paper's points, (k, 2): accuracy and bias."""
    first = f"civil.{criterion}.{method}."
    return np.array([
        [CLAIMS[f"{first}{i}.accuracy"].value, CLAIMS[f"{first}{i}.bias"].value]
        for i in range(1, 9) if f"{first}{i}.bias" in CLAIMS
    ])  # fmt: skip


def test_all_points_of_civil_comments_are_claims_with_a_reason() -> None:
    assert {key: len(points(*key)) for key in COUNTS} == COUNTS
    sums = np.sum([points(*key).sum(0) for key in COUNTS], axis=0)
    np.testing.assert_allclose(sums, [32.7857, 0.797], atol=1e-9)
    for claim in CLAIMS.values():
        if claim.id.startswith("civil."):
            assert claim.untested and "Civil" in claim.untested and claim.kind == "number"


def test_the_facts_that_the_messages_rest_on_are_in_the_points() -> None:
    for c, m in product(CRITERIA, TRIGGERS):
        assert (points(c, m)[:, 1] < points(c, "base")[0, 1]).all()
    # a constant classifier of the paper's own
    assert points("dp", "advpost")[0].tolist() == points("eo", "advpost")[0].tolist() == [0.888, 0]


def test_every_message_is_tested_on_both_kinds_of_comments() -> None:
    messages = [c for c in CLAIMS.values() if c.id.startswith("message.")]
    assert len(messages) == 2 * 2 * 5 + 5 + 2 + 1
    for claim in messages:
        twin = CLAIMS[f"synthetic.{claim.id}"]
        assert (claim.scaled, claim.data) == (True, "real")
        assert (twin.scaled, twin.data, twin.source) == (False, "synthetic", "ours")
        assert (twin.measure, twin.direction) == (claim.measure, claim.direction)
    for c, m in product(CRITERIA, TRIGGERS):
        for what in ("advpost", "advin", "fairer", "transfer", "transfer-kept"):
            assert f"message.{what}.{c}.{m}" in CLAIMS


def test_every_front_is_compared_with_every_control() -> None:
    for c, m, control, data in product(
        CRITERIA, METHODS, ("mixing", "threshold", "random"), ("real", "synthetic")
    ):
        claim = CLAIMS[f"control.front.{c}.{m}.vs-{control}.{data}"]
        assert claim.measure == (f"front.{c}.{m}.vs-{control}",)
        assert claim.direction == "positive" and claim.data == data


def test_one_measurement_has_one_unit() -> None:
    units: dict[str, str] = {}
    for claim in CLAIMS.values():
        for name in claim.measure:
            assert units.setdefault(name, claim.unit) == claim.unit, name
