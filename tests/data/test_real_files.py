"""The loaders on the real files, where FAIRTUT_DATA holds them."""

from __future__ import annotations

import os

import numpy as np
import pytest

from fairtut.data import files, tabular
from fairtut.data.registry import DATASETS
from fairtut.errors import MissingData

pytestmark = pytest.mark.real


def need(name):
    if not os.environ.get("FAIRTUT_DATA"):
        pytest.skip("FAIRTUT_DATA is not set: the real files are not here")
    try:
        files.locate(name)
    except MissingData:
        pytest.skip(f"FAIRTUT_DATA holds no {name}")


@pytest.mark.parametrize("name", [n for n, d in DATASETS.items() if d.files])
def test_every_file_that_is_here_is_a_pinned_edition(name):
    need(name)
    located = files.verify(name)
    assert all(f.label and f.label != "not verified" for f in located.files)


def test_adult():
    need("adult")
    table = tabular.adult()
    summary = table.summary()
    assert (len(table), summary["d"]) == (45_222, 51)
    assert dict(table.rows_dropped) == {
        "adult.data: a field is '?'": 2_399,
        "adult.test: a field is '?'": 1_221,
    }
    # published margins of the 45,222 complete rows
    assert int(table.y.sum()) == 11_208 and int(table.s.sum()) == 30_527
    assert summary["base_rate_s0"] == pytest.approx(0.1136, abs=5e-5)
    assert summary["base_rate_s1"] == pytest.approx(0.3125, abs=5e-5)
    train, test = tabular.adult(part="train"), tabular.adult(part="test")
    assert (len(train), len(test)) == (30_162, 15_060)
    np.testing.assert_array_equal(np.concatenate([train.x, test.x]), table.x)
    assert len(tabular.adult("race")) == 45_222
    scaled = tabular.Standardiser.fit(train)(train)
    np.testing.assert_allclose(scaled.x[:, list(train.numeric)].mean(0), 0, atol=1e-4)


def test_adult_agrees_with_pandas():
    need("adult")
    import pandas as pd

    located = files.get("adult")
    frame = pd.concat(
        pd.read_csv(
            located.paths(path)[0],
            names=list(tabular.ADULT_COLUMNS),
            skipinitialspace=True,
            na_values="?",
            comment="|",
        )
        for path in ("adult.data", "adult.test")
    ).dropna()
    table = tabular.adult()
    assert len(frame) == len(table)
    column = dict(zip(table.feature_names, table.x.T, strict=True))
    np.testing.assert_array_equal(column["hours_per_week"], frame["hours_per_week"])
    np.testing.assert_array_equal(column["relationship=Wife"], frame["relationship"] == "Wife")
    np.testing.assert_array_equal(table.y, frame["income"].str.startswith(">"))
    np.testing.assert_array_equal(table.s, frame["sex"] == "Male")


def test_compas():
    need("compas")
    by_race, by_sex = tabular.compas(), tabular.compas("sex")
    assert len(by_sex) == 6_172 and len(by_race) == 5_278
    assert sum(n for _, n in by_sex.rows_dropped) == 7_214 - 6_172
    assert by_race.rows_dropped[-1][1] == 894
    # 3,175 African-American and 2,103 Caucasian defendants, 1,661 and 822 of them charged again
    assert np.bincount(by_race.s).tolist() == [3_175, 2_103]
    assert [int(by_race.y[by_race.s == g].sum()) for g in (0, 1)] == [1_661, 822]
    assert by_sex.y.sum() == 2_809 and by_race.favourable == 0
    assert by_race.x.shape[1] == 6 and by_sex.x.shape[1] == 11
    assert "name" not in "".join(by_race.feature_names)
