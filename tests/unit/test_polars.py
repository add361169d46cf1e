"""Tables and columns of polars say what the same data say in numpy and pandas, or one sentence."""

from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fairtut import audit, foreign, metrics
from fairtut.data.frames import from_frame
from fairtut.errors import InputError
from fairtut.methods import lassi
from fairtut.methods.frtrain import VARIANTS, FRTrain
from fairtut.methods.lassi.estimator import LASSI

pl = pytest.importorskip("polars")

N = 120
RNG = np.random.default_rng(3)
Y, Y_HAT, S, T = (RNG.integers(0, k, N) for k in (2, 2, 2, 3))
SCORE, WEIGHT = RNG.random(N), RNG.random(N) + 0.1
X = RNG.normal(size=(N, 3))
WORDS, RACE = np.array(["f", "m"])[S], np.array(["a", "b", "c"])[T]
DAYS = [datetime.date(1970, 1, 1 + int(v)) for v in S]


def gap(values: Any) -> list[Any]:
    """The same values, the fourth of which is missing."""
    return [None if row == 3 else v for row, v in enumerate(values)]


def counted(s: Any, **more: Any) -> tuple[Any, ...]:
    table = metrics.group_table(Y, Y_HAT, s, **more)
    return table.groups, table.counts.tolist()


def frame(x: Any = X) -> Any:
    return pl.DataFrame(dict(zip("abc", x.T, strict=True)))


def refused(call: Any, says: str) -> None:
    with pytest.raises(InputError, match=says) as told:
        call()
    assert "\n" not in str(told.value)


class TestColumns:
    """Labels and groups of every type."""

    @pytest.mark.parametrize(
        ("column", "same"),
        [
            (pl.Series("s", S), S),
            (pl.Series(S, dtype=pl.UInt8), S),
            (pl.Series(S, dtype=pl.Float32), S),
            (pl.Series(S > 0), S > 0),
            (pl.Series(WORDS), WORDS),
            (pl.Series(WORDS).cast(pl.Categorical), WORDS),
            (pl.Series(WORDS, dtype=pl.Enum(["m", "f"])), WORDS),
            (pl.Series(DAYS), DAYS),
            (pl.Series(2**53 + S), 2**53 + S),
            (pl.Series([Decimal(int(v)) for v in S]), [Decimal(int(v)) for v in S]),
            (pl.concat([pl.Series(WORDS[:50]), pl.Series(WORDS[50:])], rechunk=False), WORDS),
            (pl.DataFrame({"s": WORDS}), WORDS),
        ],
        ids=lambda v: f"{getattr(v, 'dtype', type(v).__name__)}",
    )
    def test_a_group_of_any_type(self, column: Any, same: Any) -> None:
        assert counted(column) == counted(same)

    @pytest.mark.parametrize(
        "column",
        [
            pl.Series(gap(S)),
            pl.Series(gap(S.astype(float))),
            pl.Series(gap(S > 0)),
            pl.Series(gap(WORDS)),
            pl.Series(gap(WORDS)).cast(pl.Categorical),
            pl.Series(gap(WORDS), dtype=pl.Enum(["f", "m"])),
            pl.Series(gap(DAYS)),
            pl.Series(gap(2**53 + S)),
            pl.Series([None] * N),
            pl.Series([float("nan"), *S[1:].tolist()], dtype=pl.Float32),
        ],
        ids=lambda v: str(v.dtype),
    )
    def test_a_missing_value_is_refused_wherever_it_stands(self, column: Any) -> None:
        calls = (
            lambda: counted(column),
            lambda: metrics.accuracy(column, Y_HAT),
            lambda: metrics.accuracy(Y, column),
        )
        for call in calls:
            refused(call, "holds (NaN|a missing value): drop or impute")

    @pytest.mark.parametrize("name", sorted(metrics.DEFINITIONS))
    def test_every_definition(self, name: str) -> None:
        measure = metrics.metric(name)
        polars = measure(pl.Series("y", Y), pl.Series("y_hat", Y_HAT), pl.Series("s", S))
        assert polars == measure(Y, Y_HAT, S)

    @pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32, pl.Decimal(10, 3)])
    def test_weights_and_scores(self, dtype: Any) -> None:
        w, p = (pl.Series(v.round(3)).cast(dtype) for v in (WEIGHT, SCORE))
        numbers = [np.array(v.to_list(), float) for v in (w, p)]
        assert counted(pl.Series(S), sample_weight=w) == counted(S, sample_weight=numbers[0])
        found = metrics.least_deo(p, pl.Series(Y), pl.Series(S))
        assert found == metrics.least_deo(numbers[1], Y, S)
        refused(lambda: counted(S, sample_weight=pl.Series(gap(WEIGHT))), "sample_weight holds NaN")

    def test_rows_are_taken_by_place(self) -> None:
        kept = pl.Series(S)[::2]
        assert counted(pd.Series(S, index=range(N, 0, -1))) == counted(pl.Series(S))
        found = metrics.demographic_parity_gap(Y[::2], pd.Series(Y_HAT[::2]), kept)
        assert found == metrics.demographic_parity_gap(Y[::2], Y_HAT[::2], S[::2])

    @pytest.mark.parametrize("race", [RACE, T], ids=["words", "numbers"])
    def test_intersections(self, race: Any) -> None:
        columns = {"sex": WORDS, "race": race}
        assert counted(pl.DataFrame(columns)) == counted(pd.DataFrame(columns))

    def test_intervals_and_panels(self) -> None:
        told = {"n_resamples": 50}
        y, h, s = map(pl.Series, (Y, Y_HAT, S))
        assert metrics.bootstrap("deo", y, h, s, **told) == metrics.bootstrap(
            "deo", Y, Y_HAT, S, **told
        )
        members = pl.DataFrame({"one": S > 0, "two": T})[:, :1]
        panel = metrics.GroupPanel(y, members=members, **told)
        same = metrics.GroupPanel(Y, members=(S > 0)[:, None], **told)
        assert panel.groups == ("one",)
        assert panel.tables(h).counts.tolist() == same.tables(Y_HAT).counts.tolist()


class TestAudit:
    def found(self, *columns: Any, **more: Any) -> dict[str, Any]:
        return audit.audit(*columns, n_resamples=100, **more).as_dict()

    def test_the_same_page(self) -> None:
        y, h, s, p = map(pl.Series, (Y, Y_HAT, WORDS, SCORE))
        assert self.found(y, h, s, score=p) == self.found(Y, Y_HAT, WORDS, score=SCORE)

    def test_members_in_a_table(self) -> None:
        columns = {"young": S > 0, "old": T > 0}
        want = self.found(Y, Y_HAT, members=columns)
        for table in (pl.DataFrame(columns), pd.DataFrame(columns)):
            assert self.found(Y, Y_HAT, members=table) == want
        gone = pl.DataFrame({"young": gap(S > 0), "old": T > 0})
        refused(lambda: self.found(Y, Y_HAT, members=gone), "must hold 0 or 1")

    def test_other_rows_are_refused(self) -> None:
        other = pd.Series(SCORE, index=range(1, N + 1))
        refused(lambda: self.found(pd.Series(Y), Y_HAT, S, score=other), "y and score have diff")
        members = {"young": pd.Series(S, index=range(1, N + 1))}
        refused(lambda: self.found(pd.Series(Y), Y_HAT, members=members), "have different indexes")

    def test_a_query_is_collected_first(self) -> None:
        query = pl.DataFrame({"s": S}).lazy()
        says = "is a polars LazyFrame, which holds no rows: collect it first"
        refused(lambda: self.found(Y, Y_HAT, query), f"s {says}")
        refused(lambda: self.found(Y, Y_HAT, S, score=query), f"score {says}")
        refused(lambda: self.found(Y, Y_HAT, pl.col("s")), "s is a polars expression")


class TestLassi:
    SMALL = lassi.Config(similarity=0.1, hidden=(8,), outputs=4, epochs=2, batch=50, sigma_rs=0.5)

    def test_inputs_in_a_table(self) -> None:
        x, y, s = X.astype(np.float32), (X[:, 0] > 0).astype(int), (X[:, 1] > 0).astype(int)
        found = [
            LASSI(torch.nn.Identity(), config=self.SMALL).fit(one, y_, s=s_).transform(one)
            for one, y_, s_ in (
                (x, y, s),
                (frame(x), pl.Series(y), pl.Series(s > 0)),
                (pd.DataFrame(x), y, s),
            )
        ]
        assert found[0].equal(found[1]) and found[0].equal(found[2])

    @pytest.mark.parametrize(
        ("x", "says"),
        [
            (frame().with_columns(a=pl.Series(WORDS)), "x has a column 'a' that holds String"),
            (frame().with_columns(a=pl.Series(DAYS)), "x has a column 'a' that holds Date"),
            (frame().with_columns(a=pl.Series(gap(X[:, 0]))), "hold NaN or infinity"),
            (frame().lazy(), "x is a polars LazyFrame"),
            (pd.DataFrame({"a": WORDS}), "x holds text or objects"),
        ],
    )
    def test_what_is_no_table_of_numbers(self, x: Any, says: str) -> None:
        model = LASSI(torch.nn.Identity(), config=self.SMALL)
        refused(lambda: model.fit(x, Y, s=S), says)


def test_fr_train_takes_the_same_rows() -> None:
    short = replace(VARIANTS["debiasing-clean"], epochs=20, warmup=5)
    ours = [(frame(), pl.Series(Y), pl.Series(WORDS)), (X, Y, WORDS)]
    ours.append((frame(), pl.Series(Y > 0), pl.Series(WORDS).cast(pl.Categorical)))
    found = [FRTrain(config=short, fused=False).fit(x, y, s=s).theta_.tolist() for x, y, s in ours]
    assert found[0] == found[1] == found[2]


class TestTables:
    """What every door asks of a table."""

    def test_columns_keep_their_types(self) -> None:
        table = pl.DataFrame({"id": [2**53, 2**53 + 1], "share": [0.5, 1.0], "day": DAYS[:2]})
        ids, shares, days = foreign.attributes(table)
        assert ids.tolist() == [2**53, 2**53 + 1] and shares.dtype == float
        assert days.tolist() == DAYS[:2]
        assert foreign.attributes(table.to_struct("g"))[0].tolist() == ids.tolist()
        assert foreign.plain(table)[1, 0] == 2**53 + 1

    def test_long_integers(self) -> None:
        assert foreign.plain(pl.Series([1, 2], dtype=pl.Int128)).dtype == np.int64
        assert foreign.plain(pl.Series([1, 2**90], dtype=pl.Int128)).tolist() == [1, 2**90]

    def test_numbers_of_mixed_columns(self) -> None:
        mixed = pl.DataFrame({"a": [True, None], "b": [1, 2], "c": [Decimal("0.5"), None]})
        np.testing.assert_array_equal(
            foreign.numbers("x", mixed), [[1, 1, 0.5], [np.nan, 2, np.nan]]
        )
        assert foreign.numbers("x", frame().cast(pl.Float32)).dtype == np.float32


class TestFromFrame:
    AGE = 20 + np.arange(N) % 40
    OWN = pd.DataFrame(
        {"age": AGE, "income": SCORE, "own": T > 1, "colour": RACE, "sex": WORDS, "paid": Y}
    )

    def table(self, **changed: Any) -> Any:
        """The same people in polars, with other columns."""
        table = pl.DataFrame({name: self.OWN[name].to_numpy() for name in self.OWN.columns})
        return table.with_columns(**changed)

    def read(self, table: Any, **options: Any) -> tuple[Any, ...]:
        found = from_frame(table, target="paid", sensitive="sex", **options)
        ids = found.ids.tolist()
        return found.digest, found.feature_names, found.numeric, found.groups, ids, found.labels

    @pytest.mark.parametrize(
        "changed",
        [
            {},
            {"sex": pl.col("sex").cast(pl.Categorical)},
            {"colour": pl.col("colour").cast(pl.Enum(["c", "b", "a"]))},
            {"age": pl.col("age").cast(pl.UInt8), "paid": pl.col("paid").cast(pl.Int8)},
            {"age": pl.col("age").cast(pl.Int128)},
            {"age": pl.col("age").cast(pl.Decimal(10, 2))},
            {"age": pl.col("age").cast(pl.Float32)},
        ],
        ids=str,
    )
    def test_the_same_table(self, changed: dict[str, Any]) -> None:
        assert self.read(self.table(**changed)) == self.read(self.OWN)
        parts = self.table(**changed)
        chunked = pl.concat([parts[:50], parts[50:]], rechunk=False)
        assert self.read(chunked) == self.read(self.OWN)

    @pytest.mark.parametrize("column", ["age", "income", "own", "colour", "sex", "paid"])
    def test_a_missing_value_is_refused_or_dropped(self, column: str) -> None:
        table = self.table(**{column: pl.Series(gap(self.OWN[column].tolist()))})
        refused(lambda: self.read(table), f"column '{column}' has no value in 1 of {N} rows")
        kept = self.OWN.drop(index=3)
        assert self.read(table, missing="drop") == self.read(kept)

    @pytest.mark.parametrize(
        ("column", "says"),
        [
            (pl.Series(DAYS), "holds datetime64"),
            (pl.Series(DAYS).cast(pl.Datetime), "holds datetime64"),
            (pl.Series([datetime.time(int(v)) for v in S]), "holds dates or times"),
            (pl.Series(2**53 + 1 + 2 * np.arange(N)), "more than 53 bits"),
            (pl.Series(gap(2**53 + 1 + 2 * np.arange(N))), "more than 53 bits"),
            (pl.Series([f"id {row}" for row in range(N)]), "an id?"),
            (pl.Series([[1, 2]] * N), "holds lists"),
        ],
        ids=lambda v: str(getattr(v, "dtype", "")),
    )
    def test_what_is_no_input(self, column: Any, says: str) -> None:
        refused(lambda: self.read(self.table(age=column), missing="drop"), f"'age' .*{says}")

    def test_dates_among_objects_are_no_words(self) -> None:
        refused(lambda: self.read(self.OWN.assign(age=DAYS)), "column 'age' holds dates or times")

    def test_no_table_yet(self) -> None:
        refused(lambda: self.read(self.table().lazy()), "own data is a polars LazyFrame")
        refused(lambda: self.read(pl.Series(Y)), "own data is one polars Series")
