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
from fairtut.data.comments.commentset import from_texts
from fairtut.data.frames import from_frame
from fairtut.data.images.imageset import ImageSet
from fairtut.data.table import Table, split_rows
from fairtut.errors import DataError, InputError
from fairtut.lab.mitigation import Ground, tried
from fairtut.methods import fair_baselines, lassi
from fairtut.methods import reprogramming as rp
from fairtut.methods.dvge import DVGE
from fairtut.methods.dvge import Config as Strengths
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
        ids=["as it is", "categorical", "enum", "small", "wide", "decimal", "single"],
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


class TestExact:
    """No column changes another one, and no type passes for another."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [(2**53 + S, SCORE > 0.5), (2**60 + S, SCORE.round()), (DAYS, T), (DAYS, RACE), (S, T)],
    )
    def test_intersections_of_any_types(self, one: Any, other: Any) -> None:
        table = pl.DataFrame({"one": one, "other": other})
        want = counted([list(one), list(other)])
        assert counted(table) == counted(table.to_struct("s")) == want
        assert counted([table["one"], table["other"]]) == want
        assert counted((table["one"], np.asarray(other))) == want

    def test_unsigned_integers_do_not_turn_into_floats(self) -> None:
        table = pl.DataFrame({"id": (2**60 + S).astype(np.uint64), "t": T})
        assert counted(table) == counted([2**60 + S, T])

    @pytest.mark.parametrize("column", [gap(DAYS), gap(S), gap(WORDS)], ids=["day", "int", "word"])
    def test_a_missing_value_beside_another_column(self, column: Any) -> None:
        table = pl.DataFrame({"one": column, "other": T})
        for s in (table, [table["one"], table["other"]]):
            refused(lambda s=s: counted(s), "s holds (NaN|a missing value)")

    @pytest.mark.parametrize("box", [pl.Series, np.array, list])
    def test_numbers_of_more_than_63_bits_are_no_labels(self, box: Any) -> None:
        ids = np.uint64(2**63) + S.astype(np.uint64)
        refused(lambda: counted(box(ids)), "s holds 92233720368547758.., of more than 63 bits")
        assert counted(pl.Series(S, dtype=pl.Int128)) == counted(S)

    @pytest.mark.parametrize("weight", [pl.Series(DAYS), np.array(DAYS, "datetime64[D]")])
    def test_dates_are_no_weights(self, weight: Any) -> None:
        refused(lambda: counted(S, sample_weight=weight), "sample_weight holds (dates|no numbers)")

    def test_several_runs(self) -> None:
        runs = pl.DataFrame(np.stack([Y_HAT, Y]))
        want = metrics.group_table(Y, [Y_HAT, Y], S).counts.tolist()
        assert metrics.group_table(Y, runs, S).counts.tolist() == want
        assert metrics.group_table(Y, [pl.Series(Y_HAT), pl.Series(Y)], S).counts.tolist() == want

    def test_an_area_of_missing_scores(self) -> None:
        panel = metrics.GroupPanel(pl.Series(Y), s=pl.Series(S), n_resamples=5)
        assert panel.auc(pl.Series(SCORE)).tolist() == panel.auc(SCORE).tolist()
        refused(lambda: panel.auc(pl.Series(gap(SCORE))), "score holds NaN")


QUERY = pl.DataFrame({"s": S}).lazy()


@pytest.mark.parametrize(
    ("call", "who"),
    [
        (lambda: counted(QUERY), "s"),
        (lambda: counted([QUERY, S]), "s"),
        (lambda: counted(S, sample_weight=QUERY), "sample_weight"),
        (lambda: metrics.accuracy(QUERY, Y_HAT), "y"),
        (lambda: metrics.accuracy(Y, QUERY), "y_hat"),
        (lambda: metrics.least_deo(QUERY, Y, S), "score"),
        (lambda: metrics.moved_threshold(QUERY, Y, S), "p_hat"),
        (lambda: metrics.GroupPanel(Y, members=QUERY), "members"),
        (lambda: FRTrain().fit(QUERY, Y, s=S), "x"),
        (lambda: FRTrain().fit(X, QUERY, s=S), "y"),
        (lambda: DVGE(torch.as_tensor).fit(X, Y, s=QUERY), "s"),
        (lambda: DVGE(torch.as_tensor).fit(QUERY, Y, s=S), "x"),
        (lambda: rp.Trigger(torch.nn.Flatten()).fit(torch.rand(N, 3, 8, 8), QUERY, s=S), "y"),
        (lambda: fair_baselines.logistic(QUERY, S, Y), "training x"),
        (lambda: Ground({"table": {"train": QUERY}}, {"train": Y}, {"train": S}), "table of train"),
        (lambda: from_texts(["a"], [0], QUERY, ["g"], ["train"]), "groups"),
    ],
)
def test_a_query_is_refused_at_every_door(call: Any, who: str) -> None:
    refused(call, f"^{who} is a polars LazyFrame, which holds no rows: collect it first$")


class TestEstimators:
    SHORT = replace(VARIANTS["debiasing-clean"], epochs=20, warmup=5)

    @pytest.mark.parametrize(
        ("x", "y", "says"),
        [
            (frame().with_columns(a=pl.Series(DAYS)), Y, "column 'a' that holds Date"),
            (frame().with_columns(a=pl.Series(WORDS)), Y, "column 'a' that holds String"),
            (frame(), pl.Series(gap(WORDS)), "y holds a missing value"),
        ],
        ids=["dates", "words", "gap"],
    )
    def test_fr_train_refuses(self, x: Any, y: Any, says: str) -> None:
        model = FRTrain(config=self.SHORT, fused=False)
        refused(lambda: model.fit(x, y, s=pl.Series(S)), says)

    def test_a_score_counts_no_missing_label_and_no_pairs(self) -> None:
        model = FRTrain(config=self.SHORT, fused=False).fit(X, Y, s=S)
        want = model.score(X, Y, WEIGHT, s=S)
        assert (
            model.score(frame().to_numpy(), pl.Series(Y), pl.Series(WEIGHT), s=pl.Series(S)) == want
        )
        assert model.score(X, Y[:, None], WEIGHT, s=S) == want
        refused(lambda: model.score(X, pl.Series(gap(Y)), s=S), "y holds NaN")
        refused(lambda: model.score(X, Y, pl.Series(gap(WEIGHT)), s=S), "row weights must be")

    def test_dates_do_not_pass_for_labels(self) -> None:
        refused(lambda: fair_baselines.logistic(X, pl.Series(DAYS), Y), "must hold numbers")

    def test_the_baselines_agree_to_the_digit(self) -> None:
        polars = fair_baselines.logistic(frame(), pl.Series(S), pl.Series(Y), pl.Series(WEIGHT))
        assert polars.tolist() == fair_baselines.logistic(X, S, Y, WEIGHT).tolist()

    def test_dvge_takes_tables(self) -> None:
        config = Strengths(hidden=(6,), batch=32, epochs=2)
        found = [
            DVGE(lambda v: v, config=config).fit(x, y, s=s).decision_function(x)
            for x, y, s in (
                (X, Y, S),
                (frame(), pl.Series(Y > 0), pl.Series(S, dtype=pl.Int128)),
                (pd.DataFrame(X), Y, S),
            )
        ]
        assert found[0].equal(found[1]) and found[0].equal(found[2])


class TestData:
    def test_a_table_and_its_parts(self) -> None:
        told = {"feature_names": tuple("abc"), "name": "own", "sensitive": "s", "source": ""}
        polars = Table(x=frame(), s=pl.Series(S), y=pl.Series(Y), **told)
        assert polars.digest == Table(x=X, s=S, y=Y, **told).digest
        days = frame().with_columns(a=pl.Series(DAYS))
        refused(lambda: Table(x=days, s=S, y=Y, **told), "column 'a' that holds Date")
        sizes = {"fit": 50, "test": 50}
        found, want = split_rows(pl.Series(S), pl.Series(Y), sizes), split_rows(S, Y, sizes)
        assert all(np.array_equal(found[part], want[part]) for part in sizes)
        for s in (pl.Series(gap(S)), np.where(np.arange(N) == 3, np.nan, S)):
            refused(lambda s=s: split_rows(s, Y, sizes), "s must hold 0 and 1 only")

    def test_attributes_of_images(self) -> None:
        x, split = torch.zeros(N, 3, 4, 4, dtype=torch.uint8), np.array(["train"] * N)
        columns = {"male": S > 0, "race": RACE}
        ours, theirs = (
            ImageSet(x, table, split, "own", "", "d")
            for table in (pl.DataFrame(columns), pd.DataFrame(columns))
        )
        for name in ("male", "race=a"):
            rows = np.arange(0, N, 2)
            assert ours.select(rows).labels(name).equal(theirs.select(rows).labels(name))
        gone = ImageSet(x, pl.DataFrame({"male": gap(S > 0)}), split, "own", "", "d")
        refused(lambda: gone.labels("male"), "no value for 1 of")

    def test_comments(self) -> None:
        texts, split = [f"word {row % 7}" for row in range(N)], np.array(["train"] * N)
        groups = pl.DataFrame({"f": S > 0, "g": T > 1})
        told = from_texts(pl.Series(texts), pl.Series(Y), groups, ["f", "g"], pl.Series(split))
        want = from_texts(texts, Y, groups.to_numpy(), ["f", "g"], split)
        assert told.digest == want.digest
        refused(lambda: from_texts(pl.DataFrame({"t": texts}), Y, groups, ["f", "g"], split),
                "texts is a table")  # fmt: skip
        with pytest.raises(DataError, match=r"y holds .*None"):
            from_texts(texts, pl.Series(gap(Y > 0)), groups, ["f", "g"], split)


def test_the_ground_of_methods() -> None:
    class Shift:
        name, acts_on, settings = "shift", "scores", (0.0, 0.3)

        def fit(self, x: Any, y: Any, *, s: Any) -> Any:
            return self

        def predict_proba(self, x: Any) -> Any:
            return np.clip(np.asarray(x) + self.setting, 0, 1)

    parts = ("train", "val", "test")
    found = [
        tried(
            Shift(),
            Ground(
                {"scores": dict.fromkeys(parts, box(SCORE))},
                dict.fromkeys(parts, box(Y)),
                dict.fromkeys(parts, box(S)),
            ),
        )
        for box in (pl.Series, np.array)
    ]
    for name in ("p", "read"):
        ours, theirs = (getattr(one, name)["test"].tolist() for one in found)
        assert ours == theirs
