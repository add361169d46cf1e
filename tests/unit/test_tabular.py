"""Tables, standardising, splitting and bringing your own frame."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtut.data.synthetic.gaussians import zafar
from fairtut.data.tabular import Standardiser, Table, from_frame, load, split, split_rows
from fairtut.errors import InputError, UnknownName


def toy(**changes) -> Table:
    fields = {
        "x": np.array([[1.0, 0], [2, 1], [3, 0], [4, 1]]),
        "s": np.array([0, 0, 1, 1]),
        "y": np.array([0, 1, 1, 1]),
        "feature_names": ("age", "flag"),
        "name": "toy",
        "sensitive": "s",
        "source": "a test",
        "numeric": (0,),
    }
    return Table(**(fields | changes))


class TestTable:
    def test_types_digest_and_summary(self):
        table = toy()
        assert (table.x.dtype, table.s.dtype, table.y.dtype) == (np.float32, np.int8, np.int8)
        assert len(table) == 4 and len(table.digest) == 64
        assert table.summary() == {
            "n": 4, "d": 2, "share_s1": 0.5, "base_rate": 0.75,
            "base_rate_s0": 0.5, "base_rate_s1": 1.0,
        }  # fmt: skip

    @pytest.mark.parametrize(
        "changes",
        [
            {"x": np.array([[1.0, 0], [2, 1], [3, 0], [5, 1]])},
            {"s": np.array([0, 1, 1, 1])},
            {"y": np.array([0, 1, 1, 0])},
        ],
    )
    def test_the_digest_sees_every_array(self, changes):
        assert toy(**changes).digest != toy().digest

    def test_the_digest_ignores_layout_and_width(self):
        wide = toy(x=np.asfortranarray(toy().x.astype(np.float64)), s=np.array([0.0, 0, 1, 1]))
        assert wide.digest == toy().digest

    def test_taking_rows_renews_the_digest_and_keeps_the_rest(self):
        part = toy().take([2, 0])
        assert part.x[:, 0].tolist() == [3, 1] and part.digest != toy().digest
        assert part.feature_names == toy().feature_names
        assert toy().take(np.array([True, False, False, True])).y.tolist() == [0, 1]

    def test_an_empty_group_has_no_rate(self):
        assert np.isnan(toy().take([0, 1]).summary()["base_rate_s1"])

    @pytest.mark.parametrize(
        ("changes", "match"),
        [
            ({"x": np.array([[1.0, 0], [np.nan, 1], [3, 0], [4, 1]])}, "'age' holds NaN"),
            ({"x": np.array([[1.0, 0], [2, np.inf], [3, 0], [4, 1]])}, "'flag' holds NaN or inf"),
            ({"s": np.array([0, 1, 2, 1])}, "s must be"),
            ({"y": np.array([0, 1, 1])}, "y must be"),
            ({"feature_names": ("age",)}, "x is"),
            ({"favourable": 2}, "favourable"),
        ],
    )
    def test_broken_arrays_are_refused(self, changes, match):
        with pytest.raises(InputError, match=match) as caught:
            toy(**changes)
        assert "\n" not in str(caught.value)


class TestStandardiser:
    def test_statistics_come_from_the_training_rows_only(self):
        parts = split(zafar(400, seed=1), {"train": 200, "test": 200})
        scale = Standardiser.fit(parts["train"])
        train, test = scale(parts["train"]), scale(parts["test"])
        np.testing.assert_allclose(train.x.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(train.x.std(0), 1, atol=1e-5)
        expected = (parts["test"].x - parts["train"].x.mean(0)) / parts["train"].x.std(0)
        np.testing.assert_allclose(test.x, expected, atol=1e-5)
        assert abs(test.x.mean(0)).max() > 1e-3
        assert test.digest != parts["test"].digest

    def test_flags_and_constants_are_left_alone(self):
        table = toy(x=np.array([[7.0, 0], [7, 1], [7, 0], [7, 1]]))
        out = Standardiser.fit(table)(table).x
        assert out[:, 0].tolist() == [0, 0, 0, 0] and out[:, 1].tolist() == [0, 1, 0, 1]

    def test_another_table_is_refused(self):
        with pytest.raises(InputError, match="3 features"):
            Standardiser.fit(toy())(
                toy(x=np.ones((4, 3)), feature_names=("a", "b", "c"), numeric=())
            )


SIZES = {"train": 1800, "val": 200, "select": 500, "test": 1000}


class TestSplit:
    def test_parts_are_disjoint_exact_and_in_order(self):
        table = zafar(3700, seed=2)
        rows = split_rows(table.s, table.y, SIZES, seed=7)
        together = np.concatenate(list(rows.values()))
        assert len(np.unique(together)) == len(together) == 3500
        assert {k: len(v) for k, v in rows.items()} == SIZES and list(rows) == list(SIZES)
        parts = split(table, SIZES, seed=7)
        np.testing.assert_array_equal(parts["val"].x, table.x[rows["val"]])

    @settings(max_examples=40, deadline=None)
    @given(
        seed=st.integers(0, 10_000),
        n=st.integers(40, 400),
        share=st.floats(0.05, 0.95),
        sizes=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    )
    def test_stratified_parts_hold_every_cell_in_proportion(self, seed, n, share, sizes):
        rng = np.random.default_rng(seed)
        s, y = rng.random(n) < share, rng.random(n) < 0.4
        rows = split_rows(s, y, {f"p{i}": size for i, size in enumerate(sizes)}, seed)
        for part, index in rows.items():
            for g in (0, 1):
                for label in (0, 1):
                    everywhere = ((s == g) & (y == label)).mean()
                    here = ((s[index] == g) & (y[index] == label)).sum()
                    # a run of the merged keys holds a cell to within one, plus its share of the
                    # other cells' rounding
                    assert abs(here - everywhere * len(index)) <= 1 + 4 * everywhere, part

    def test_without_stratification_a_small_part_can_be_far_off(self):
        table = zafar(3700, seed=2)

        def worst(stratify):
            rates = [
                split(table, {"val": 200}, seed, stratify)["val"].y.mean() for seed in range(30)
            ]
            return max(abs(r - 0.5) for r in rates)

        assert worst(True) <= 0.015 < 0.05 < worst(False)

    def test_seeds_and_shares(self):
        table = zafar(100, seed=0)
        one, two = split(table, {"a": 0.29, "b": 0.5}, 1), split(table, {"a": 0.29, "b": 0.5}, 2)
        assert (len(one["a"]), len(one["b"])) == (29, 50)
        assert one["a"].digest != two["a"].digest
        assert one["a"].digest == split(table, {"a": 0.29, "b": 0.5}, 1)["a"].digest
        assert len(split(table, {"all": 1.0})["all"]) == 100

    @pytest.mark.parametrize(
        ("sizes", "match"),
        [
            ({"a": 80, "b": 30}, r"need 110 rows \(a 80, b 30\), there are 100"),
            ({"a": 0}, "part 'a' has size 0"),
            ({"a": -5}, "part 'a'"),
            ({"a": 1.5}, "part 'a'"),
            ({"a": 0.001}, "part 'a'"),
        ],
    )
    def test_impossible_sizes_are_refused(self, sizes, match):
        with pytest.raises(InputError, match=match):
            split(zafar(100), sizes)


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "age": [20, 30.5, 40, 50],
            "job": pd.Categorical(["a", "b", "c", "a"]),
            "town": ["x", "y", "x", "y"],
            "member": [True, False, True, True],
            "sex": ["f", "m", "f", "m"],
            "hired": ["yes", "no", "no", "yes"],
        }
    )


class TestFromFrame:
    def test_encoding(self, frame):
        table = from_frame(frame, target="hired", sensitive="sex", positive="yes", name="jobs")
        assert table.feature_names == (
            "age", "job=a", "job=b", "job=c", "town=y", "member=True",
        )  # fmt: skip
        assert table.numeric == (0,)
        expected = [[20, 1, 0, 0, 0, 1], [30.5, 0, 1, 0, 1, 0], [40, 0, 0, 1, 0, 1]]
        assert table.x[:3].tolist() == expected
        assert table.s.tolist() == [0, 1, 0, 1] and table.groups == ("f", "m")
        assert table.y.tolist() == [1, 0, 0, 1] and table.labels == ("no", "yes")

    @pytest.mark.parametrize("dtype", [object, "string", "category"])
    def test_the_type_of_text_does_not_matter(self, frame, dtype):
        same = frame.astype({"sex": dtype, "hired": dtype, "town": dtype})
        options = {"target": "hired", "sensitive": "sex", "positive": "yes"}
        assert from_frame(same, **options).digest == from_frame(frame, **options).digest

    def test_whole_numbers_and_nullable_numbers(self, frame):
        frame["age"] = pd.array([20, 30, 40, 50], dtype="Int64")
        frame["hired"] = [1, 0, 0, 1]
        table = from_frame(frame, target="hired", sensitive="sex", features=["age"])
        assert table.x[:, 0].tolist() == [20, 30, 40, 50] and table.y.tolist() == [1, 0, 0, 1]

    def test_more_than_two_groups_need_a_choice(self, frame):
        options = {"target": "hired", "positive": "yes", "features": ["age"]}
        with pytest.raises(InputError, match=r"'job' has 3 groups \(a, b, c\).*group="):
            from_frame(frame, sensitive="job", **options)
        table = from_frame(frame, sensitive="job", group="b", **options)
        assert table.s.tolist() == [0, 1, 0, 0] and table.groups == ("not b", "b")
        with pytest.raises(InputError, match="never is 'z'"):
            from_frame(frame, sensitive="job", group="z", **options)

    @pytest.mark.parametrize(
        ("change", "match"),
        [
            (lambda f: f.drop(columns="sex"), "no column 'sex'.*found: age, job"),
            (lambda f: f.assign(age=[1, None, None, 2]), "'age' has no value in 2 of 4 rows"),
            (lambda f: f.assign(sex=["f", None, "m", "m"]), "'sex' has no value in 1"),
            (lambda f: f.assign(sex="f"), "only one group"),
            (lambda f: f.assign(hired="yes"), "only one class"),
            (lambda f: f.assign(hired="no"), "never is 'yes'"),
            (lambda f: f.assign(age=[1, np.inf, 2, 3]), "'age' holds NaN or infinite"),
            (lambda f: f[["sex", "hired"]], "no input columns"),
            (lambda f: f.iloc[:0], "never is 'yes'"),
            (lambda f: pd.concat([f, f[["age"]]], axis=1), "2 columns called 'age'"),
            (
                lambda f: f.assign(age=[1000000001, 1000000002, 1000000003, 1000000004]),
                "'age' .* offset",
            ),
            (
                lambda f: f.assign(age=[2**24, 2**24 + 1, 0, 5]),
                "'age' does not fit single precision",
            ),
            (
                lambda f: f.assign(age=[1 + 1e-9, 1, 1 - 1e-9, 1]),
                "'age' does not fit single precision",
            ),
            (lambda f: f.assign(age=[1e39, 1, 2, 3]), "'age' does not fit single precision"),
            (
                lambda f: f.assign(job=list("abcd")),
                r"'job' has 4 different texts in 4 rows \(an id",
            ),
        ],
    )
    def test_problems_are_named_in_one_line(self, frame, change, match):
        with pytest.raises(InputError, match=match) as caught:
            from_frame(change(frame), target="hired", sensitive="sex", positive="yes")
        assert "\n" not in str(caught.value)


def people_of(**columns):
    plain = {"sex": ["f", "m"] * 20, "hired": [0, 0, 1, 1] * 10, "age": np.arange(40.0)}
    return pd.DataFrame(plain | columns)


def own(frame, **options):
    return from_frame(frame, **{"target": "hired", "sensitive": "sex"} | options)


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"hired": [1, 1, 2, 2] * 10}, "'hired' holds 1, 2: say which one is y = 1"),
        ({"hired": [0, 1, 2, 1] * 10}, "'hired' holds 0, 1, 2: say which"),
        ({"sex": ["Male", "male"] * 20}, "'sex' holds both 'Male' and 'male'"),
        ({"sex": ["f", "f "] * 20}, "'sex' holds both 'f' and 'f '"),
        ({"sex": pd.Series([1, "1"] * 20, dtype=object)}, "holds both 1 and '1'"),
        ({"w": pd.Series([1, "1"] * 20, dtype=object)}, "'w' holds both 1 and '1'"),
        ({"w": ["x", "<NA>"] * 20}, "'w' has no value in 20"),
        ({"w": pd.to_datetime(["2020", "2021"] * 20)}, "'w' holds datetime64"),
        ({"w": np.array([1j, 2j] * 20)}, "'w' holds complex128"),
        ({"w": [[1], [2]] * 20}, "'w' holds lists"),
        ({"w": 2**60 + np.arange(40)}, "a whole number of more than 53 bits"),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked_for(columns, match):
    with pytest.raises(InputError, match=match):
        own(people_of(**columns))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"features": ["age", "hired"]}, "the target 'hired' is among the features"),
        ({"features": "age"}, r"one text: give a list, \['age'\]"),
        ({"features": ["age", "age"]}, "name a column twice"),
        ({"sensitive": "hired"}, "both target and sensitive"),
        ({"missing": "fill"}, "choose one of refuse, drop"),
    ],
)
def test_columns_named_by_mistake(options, match):
    with pytest.raises(ValueError, match=match):
        own(people_of(), **options)


def test_two_columns_with_one_name_in_words():
    with pytest.raises(InputError, match="name a column twice"):
        own(people_of(new=1.0, **{"3": 2.0}).rename(columns={"new": 3}))


def test_a_path_is_no_frame_and_another_librarys_frame_is():
    with pytest.raises(InputError, match="a str is no data frame: read it first"):
        own("people.csv")

    class Other:
        def __init__(self, frame):
            self.frame = frame

        def to_pandas(self):
            return self.frame

    frame = people_of()
    assert own(Other(frame)).digest == own(frame).digest


def test_numbers_among_objects_are_numbers():
    mixed = pd.Series([Decimal("0.5"), 1, 2.0, 3] * 10, dtype=object)
    table = own(people_of(w=mixed))
    assert table.feature_names == ("age", "w") and table.x[:4, 1].tolist() == [0.5, 1, 2, 3]


def test_labels_are_named_as_they_were_found():
    flags = people_of(hired=[False, False, True, True] * 10, sex=[0, 1] * 20)
    assert own(flags).labels == ("False", "True") and own(flags, group=True).groups == ("0", "1")
    assert own(people_of(hired=[-1, 1] * 20)).y.tolist() == [0, 1] * 20
    assert own(people_of(hired=[2, 1] * 20), positive=1).y.tolist() == [0, 1] * 20


def test_missing_values_are_told_all_at_once_or_dropped_and_counted():
    frame = people_of(a=[None] + [1.0] * 39, b=["x"] * 38 + [None] * 2)
    with pytest.raises(InputError, match=r"'a' has no value in 1, .*'b' has no value in 2 of 40 "
                       r"rows \(3 rows in all\).*missing='drop'.*fillna"):  # fmt: skip
        own(frame)
    table = own(frame, missing="drop")
    assert table.ids.tolist() == list(range(1, 38))
    assert table.rows_dropped == (("no value in a column that is used", 3),)
    assert own(frame, features=["age"]).rows_dropped == ()  # nobody uses the gaps


def test_rows_keep_what_joins_them_back():
    frame = people_of().set_index(pd.Index([f"p{i}" for i in range(40)]))
    table = own(frame)
    parts = split(table, {"train": 0.5, "test": 0.5}, seed=1)
    scaled = Standardiser.fit(parts["train"])(parts["test"])
    assert frame.loc[scaled.ids, "age"].tolist() == parts["test"].x[:, 0].tolist()
    assert sorted([*parts["train"].ids, *parts["test"].ids]) == sorted(frame.index)
    assert zafar(30, seed=1).take([5, 2]).ids.tolist() == [5, 2]
    with pytest.raises(InputError, match="ids for 40 rows"):
        replace(table, ids=np.arange(3))


def test_an_id_of_words_is_named_and_a_category_with_many_levels_is_not():
    frame = pd.DataFrame({"hired": [0, 1] * 40, "sex": [0, 0, 1, 1] * 20})
    few = frame.assign(town=[f"town {i % 20}" for i in range(80)])
    assert from_frame(few, target="hired", sensitive="sex").x.shape == (80, 20)
    many = frame.assign(town=[f"name {i % 41}" for i in range(80)])
    with pytest.raises(InputError, match="'town' has 41 different texts in 80 rows"):
        from_frame(many, target="hired", sensitive="sex")


def test_ordinary_numbers_fit_single_precision():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"hired": [0, 1] * 500, "sex": [0, 0, 1, 1] * 250})
    frame = frame.assign(
        year=rng.integers(1900, 2020, 1000), noise=rng.normal(size=1000), constant=1e9 + 1,
        income=np.exp(rng.normal(10, 3, 1000)), cents=rng.integers(0, 2**23, 1000),
    )  # fmt: skip
    assert from_frame(frame, target="hired", sensitive="sex").x.shape == (1000, 5)


def test_load_by_name():
    assert load("zafar", n=50, seed=3).digest == zafar(50, seed=3).digest
    with pytest.raises(UnknownName, match="did you mean 'zafar'"):
        load("zafr")
    with pytest.raises(UnknownName, match="choose one of z"):
        load("zafar", "sex")
    with pytest.raises(UnknownName, match="sensitive attribute of adult 'age'"):
        load("adult", "age")
    with pytest.raises(UnknownName, match="sensitive attribute of compas 'age'"):
        load("compas", "age")
    with pytest.raises(UnknownName, match="part of adult"):
        load("adult", part="validation")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("female", "fema\u200ble"), ("female", "\ufefffemale"), ("female", "fem\u00adale"),
        ("fran\u00e7ais", "franc\u0327ais"), ("female", "\uff46\uff45\uff4d\uff41\uff4c\uff45"),
        ("not f", "not  f"), ("not f", "not\u00a0f"),
        ("non-f", "non\u2010f"), ("-1 f", "\u22121 f"),
        ("f", '"f"'), ("f", "\u201cf\u201d"), ("f", "f\x00"), ("1", "1.0"), (1.0, "1"), ("01", "1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["sex", "hired", "w"])
def test_values_that_look_alike_are_one_value(one, other, where):
    column = pd.Series([one, other, "m", "m"] * 10, dtype=object)
    asked = {"group": one} if where == "sex" else {"positive": one} if where == "hired" else {}
    with pytest.raises(InputError, match=f"'{where}' holds both .* spell one value in one way"):
        own(people_of(**{where: column}), **asked)


def test_values_that_differ_stay_two():
    for one, other in (("5'", '5"'), ("A+", "A-"), ("1", "-1"), ("1.5", "15"), ("C", "C++")):
        assert own(people_of(sex=[one, other] * 20)).s.sum() == 20


@pytest.mark.parametrize(
    "word",
    [
        "None",
        "N/A",
        "NA",
        "null",
        "NULL",
        "-",
        "\u2014",
        "?",
        " nan ",
        "#N/A",
        "nil",
        "",
        "<NA>",
        "NaT",
    ],
)
@pytest.mark.parametrize("where", ["sex", "hired", "w"])
def test_words_for_no_value_are_no_value(word, where):
    frame = people_of(w=["x", "y"] * 20, hired=["no", "no", "yes", "yes"] * 10).astype(object)
    frame.loc[[3, 5], where] = word
    with pytest.raises(InputError, match=f"'{where}' has no value in 2 of 40 .*to keep .*rename"):
        own(frame, positive="yes")
    table = own(frame, positive="yes", missing="drop")
    assert len(table) == 38 and table.rows_dropped[0][1] == 2
    unused = {"features": ["age"]} if where == "w" else {}
    assert where != "w" or len(own(frame, positive="yes", **unused)) == 40


def series(values, index):
    return pd.Series(values, index=list(index))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"x": pd.DataFrame({"flag": [0, 1, 0, 1], "age": [1, 2, 3, 4]})},
            "x has the columns flag, age, feature_names are age, flag",
        ),
        ({"s": series([0, 0, 1, 1], "abcd"), "y": series([0, 1, 1, 1], "dcba")}, "s and y have"),
        (
            {
                "x": pd.DataFrame({"age": [1, 2, 3, 4], "flag": [0, 1, 0, 1]}, list("abcd")),
                "y": series([0, 1, 1, 1], "dcba"),
            },
            "x and y have different indexes",
        ),
        ({"x": np.array([["2020", "2021"]] * 4, dtype="M8[Y]")}, "x holds datetime64"),
        ({"x": np.array([[1j, 2]] * 4)}, "x holds complex"),
        (
            {"x": pd.DataFrame({"age": pd.to_datetime(["2020"] * 4), "flag": [0, 1, 0, 1]})},
            "x holds datetime64",
        ),
        ({"x": np.array([[2**24, 0], [2**24 + 1, 1], [3, 0], [4, 1]])}, "'age' holds whole"),
        ({"x": np.array([[2.0**24, 0], [2**24 + 1, 1], [0.5, 0], [4, 1]])}, "'age' holds whole"),
    ],
)
def test_a_table_takes_no_other_order_and_no_merged_numbers(changes, match):
    with pytest.raises(InputError, match=match):
        toy(**changes)


def test_a_table_of_frames_in_one_order():
    x = pd.DataFrame({"age": [1, 2, 3, 4], "flag": [0, 1, 0, 1]}, index=list("abcd"))
    same = toy(x=x, s=series([0, 0, 1, 1], "abcd"), y=series([0, 1, 1, 1], "abcd"))
    assert same.digest == toy().digest == toy(x=pd.DataFrame(x.to_numpy())).digest


def test_a_split_takes_one_row_of_each():
    with pytest.raises(InputError, match="s and y have different indexes"):
        split_rows(series([0, 1], "ab"), series([0, 1], "ba"), {"a": 1})
    for s, y in (([0, 1, 0, 1], [1]), ([0], [0, 1, 1])):
        with pytest.raises(InputError, match=r"s has . rows, y has .: give one of each"):
            split_rows(s, y, {"a": 1})


@pytest.mark.parametrize(
    "values",
    [
        np.arange(1, 41) * 1e-200,
        [Decimal(0), Decimal(2**53), Decimal(2**53 + 1), Decimal(1)] * 10,
        [Fraction(0), Fraction(2**53), Fraction(2**53 + 1), Fraction(1, 2)] * 10,
        [2.0**24, 2.0**24 + 1, 0.5, -1.0] * 10,
    ],
)
def test_numbers_that_precision_would_merge_are_refused(values):
    with pytest.raises(InputError, match=r"'w' (does not fit|holds 9007199254740993)"):
        own(people_of(w=values))


@pytest.mark.parametrize("row", [0, 7, 39])
def test_a_header_in_the_middle_is_nobody(row):
    frame = people_of(hired=["no", "no", "yes", "yes"] * 10).astype(object)
    frame.iloc[row] = list(frame.columns)
    with pytest.raises(InputError, match=rf"row {row} \(index {row}\) repeats the header \(hired"):
        own(frame, positive="yes")
    frame.iloc[row] = ["sex", "no", 3]  # a group may be called as its column
    assert own(frame, positive="yes", group="f").s.sum() in (19, 20)


@pytest.mark.parametrize(
    "values",
    [
        [np.datetime64("2020"), np.datetime64("2021")],
        [pd.Period("2020"), pd.Period("2021")],
        [np.timedelta64(1, "D"), np.timedelta64(2, "D")],
        [1j, 2j],
        [np.complex64(1j), np.complex64(2j)],
    ],
)
def test_dates_and_complex_numbers_among_objects_are_no_words(values):
    column = pd.Series([None] * 40, dtype=object)
    column[:] = values * 20
    with pytest.raises(InputError, match="'w' holds"):
        own(people_of(w=column.astype(object)))


def test_a_letter_that_arrays_cut_off_makes_no_other_level():
    with pytest.raises(InputError, match="'w' holds both"):
        own(people_of(w=[np.str_("a"), np.str_("a\x00")] * 20))


def test_an_index_that_names_two_rows_joins_nothing():
    frame = people_of()
    with pytest.raises(InputError, match=r"index holds 0 more than once.*reset_index"):
        own(pd.concat([frame, frame]))
    assert len(own(pd.concat([frame, frame], ignore_index=True))) == 80
