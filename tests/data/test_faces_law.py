"""The law of the synthetic faces: its counts, and the dial that re-weights them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairtut.data.synthetic.faces import law as module
from fairtut.data.synthetic.faces.law import ATTRIBUTES, Dial, count, load, to_json
from fairtut.errors import InputError, UnknownName


def test_the_law_has_everybody_and_the_known_rates_of_celeba():
    law = load()
    assert law.attributes == ATTRIBUTES and law.counts.sum() == 202_599
    assert law.counts.min() >= module.MIN_PEOPLE and law.merged < 0.02 * law.counts.sum()
    # published marginals of the label file; merging rare combinations moves them by little
    for name, rate in (("Male", 0.417), ("Smiling", 0.482), ("Attractive", 0.513)):
        assert law.rate(name) == pytest.approx(rate, abs=0.003)
    assert law.rate("Blond_Hair", {"Male": True}) == pytest.approx(0.02, abs=0.004)
    assert law.rate("Attractive", {"Male": False}) == pytest.approx(0.68, abs=0.004)


def test_counting_merges_rare_combinations_into_the_nearest():
    rows = [(0, 0, 0)] * 7 + [(1, 1, 1)] * 9 + [(1, 1, 0)] * 2 + [(0, 0, 1)] * 1
    table = pd.DataFrame(rows, columns=["a", "b", "c"])
    law = count(table, ("a", "b", "c"))
    assert law.patterns.tolist() == [[False] * 3, [True] * 3]
    assert law.counts.tolist() == [8, 11] and law.merged == 3
    with pytest.raises(UnknownName, match="'d'"):
        count(table, ("a", "d"))
    with pytest.raises(InputError, match="fewer attributes"):
        count(table.iloc[:3], ("a",))


def test_a_law_survives_its_file(monkeypatch, tmp_path):
    law = load()
    (tmp_path / "law.json").write_text(to_json(law))
    monkeypatch.setattr(module, "files", lambda _: tmp_path)
    again = load.__wrapped__()
    order, other = (np.lexsort(x.patterns.T) for x in (law, again))
    assert np.array_equal(law.patterns[order], again.patterns[other])
    assert np.array_equal(law.counts[order], again.counts[other])


@pytest.mark.real
def test_the_file_is_what_the_official_labels_give():
    root = os.environ.get("FAIRTUT_DATA")
    path = Path(root or "") / "celeba" / "list_attr_celeba.txt"
    if not root or not path.exists():
        pytest.skip("FAIRTUT_DATA has no celeba/list_attr_celeba.txt")
    shipped = Path(module.__file__).with_name("law.json").read_text(encoding="utf-8")
    assert to_json(count(path)) == shipped


@pytest.mark.parametrize("p", [(0.2, 0.9), (0.0, 1.0), (0.5, 0.5)])
def test_the_dial_sets_conditionals_and_nothing_else(p):
    law = load()
    turned = Dial("Smiling", "Male", p).turn(law)
    for s in (0, 1):
        assert turned.rate("Smiling", {"Male": s}) == pytest.approx(p[s], abs=1e-12)
        for y in (0, 1):
            given = {"Male": s, "Smiling": y}
            if 0 < p[s] < 1:
                for other in ("Blond_Hair", "High_Cheekbones"):
                    assert turned.rate(other, given) == pytest.approx(law.rate(other, given))
    assert turned.rate("Male") == pytest.approx(law.rate("Male"))
    assert turned.counts.sum() == pytest.approx(law.counts.sum())


def test_bad_dials_are_named():
    law = load()
    with pytest.raises(InputError, match=r"p is \(0.2, 1.2\)"):
        Dial("Smiling", "Male", (0.2, 1.2)).turn(law)
    with pytest.raises(InputError, match="both target and sensitive"):
        Dial("Male", "Male", (0.2, 0.3)).turn(law)
    with pytest.raises(UnknownName, match="did you mean 'Smiling'"):
        Dial("Smilin", "Male", (0.2, 0.3)).turn(law)
    with pytest.raises(InputError, match="nobody has Bald=1 and Male=0"):
        Dial("Bald", "Male", (0.2, 0.3)).turn(law)
    with pytest.raises(InputError, match="give target"):
        Dial.of({"target": "Smiling"})
    assert Dial.of({"target": "a", "sensitive": "b", "p": [0, 1]}) == Dial("a", "b", (0, 1))
