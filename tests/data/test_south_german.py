"""South German Credit: the checks of the file, the design, the stand-in and repeated splits."""

from __future__ import annotations

import os

import numpy as np
import pytest

from fairtut.data import files, tabular
from fairtut.data import south_german as credit
from fairtut.data.repeats import repeated, splits
from fairtut.data.synthetic import credit as stand_in
from fairtut.errors import (
    CorruptFile,
    DataError,
    FairtutError,
    InputError,
    MissingData,
    UnknownName,
)

GERMAN = (
    "laufkont laufzeit moral verw hoehe sparkont beszeit rate famges buerge wohnzeit verm alter "
    "weitkred wohn bishkred beruf pers telef gastarb kredit"
)
RAW = stand_in.draw(1000, 7)
HELD = [" ".join(str(RAW[c][i]) for c in credit.COLUMNS) for i in range(1000)]


def text(head=GERMAN, rows=HELD):
    return "\r\n".join([head, *rows])  # as the official file: no newline at the end


@pytest.fixture
def write(tmp_path):
    def write(content, name="own.asc"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


class TestFile:
    def test_both_headers_and_delimiters_give_the_same_table(self, write):
        german = credit.south_german(path=write(text()))
        english = " ".join(credit.COLUMNS)
        assert credit.south_german(path=write(text(english))).digest == german.digest
        commas = text(english).replace(" ", ",")
        assert credit.south_german(path=write(commas)).digest == german.digest
        assert "not verified" in german.source and german.name == "south_german_credit"

    def test_the_raw_frame_has_english_names_and_official_codes(self, write):
        frame = credit.frame(write(text()))
        assert tuple(frame.columns) == credit.COLUMNS and frame.shape == (1000, 21)
        for name, values in RAW.items():
            np.testing.assert_array_equal(frame[name], values)

    @pytest.mark.parametrize(
        ("content", "kind", "match"),
        [
            ("\n".join(["A11 6 A34 A43 1169 A65 A75 4 A93 A101 4 A121 67 A143 A152 2 A173 1 "
                        "A192 A201 1"] * 1000), DataError, "older Statlog .*fairtut data get"),
            (text(GERMAN.replace("moral verw", "verw moral")), DataError,
             "column 3 is 'verw' where 'moral' is due"),
            (text(GERMAN.replace("alter", "age")), DataError, "no column 'alter'"),
            (text(" ".join(credit.COLUMNS).replace(" age", " alter")), DataError,
             "no column 'age'"),
            (text(GERMAN.rsplit(" ", 1)[0], [r.rsplit(" ", 1)[0] for r in HELD]), DataError,
             "no column 'kredit'"),
            (text(GERMAN + " more", [r + " 1" for r in HELD]), DataError, "'more' too many"),
            (text(rows=HELD[:999]), CorruptFile, "999 rows where .* 1000"),
            (text(rows=[*HELD, HELD[0]]), CorruptFile, "1001 rows"),
            (text(rows=["5" + HELD[0][1:], *HELD[1:]]), DataError,
             "'status' holds '5' in row 1 where a whole number from 1 to 4"),
            (text(rows=[*HELD[:9], HELD[9][:-1] + "2", *HELD[10:]]), DataError,
             "'credit_risk' holds '2' in row 10"),
            (text(rows=["NaN" + HELD[0][1:], *HELD[1:]]), DataError, "'status' holds 'NaN'"),
            (text(rows=["NA" + HELD[0][1:], *HELD[1:]]), DataError, "'status' holds 'NA'"),
            (text(rows=["1.5" + HELD[0][1:], *HELD[1:]]), DataError, "'status' holds '1.5'"),
            (text(rows=["many" + HELD[0][1:], *HELD[1:]]), DataError, "'status' holds text"),
            (text()[:-20], CorruptFile, r"line 1001: \d+ fields where 21 are due"),
            (b"\xff\xfe\x00garbage", CorruptFile, "not UTF-8"),
            ("", DataError, "no column 'laufkont'"),
        ],
    )  # fmt: skip
    def test_every_other_file_is_refused_by_name(self, write, content, kind, match):
        with pytest.raises(kind, match=match) as error:
            credit.south_german(path=write(content))
        assert isinstance(error.value, FairtutError) and "\n" not in str(error.value)
        assert "south_german_credit: own.asc" in str(error.value)

    def test_without_a_path_the_bytes_are_the_official_ones(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
        monkeypatch.delenv("FAIRTUT_VERIFY", raising=False)
        (tmp_path / "south_german_credit").mkdir()
        (tmp_path / "south_german_credit" / credit.FILE).write_text(text())
        with pytest.raises(CorruptFile, match="is not the expected file"):
            credit.south_german()
        monkeypatch.setenv("FAIRTUT_VERIFY", "off")
        assert "not verified" in tabular.load("south_german_credit").source

    def test_missing_file_and_unknown_attribute(self, tmp_path):
        with pytest.raises(MissingData, match="is not a file"):
            credit.south_german(path=tmp_path / "nothing")
        with pytest.raises(UnknownName, match="young-not-foreign"):
            tabular.load("south_german_credit", "sex")
        with pytest.raises(UnknownName, match="'age'"):
            credit.synthetic(sensitive="ages")


class TestDesign:
    def test_numbers_come_first_and_then_whole_blocks(self):
        table = credit.synthetic(300)
        plan = credit.layout(table)
        assert plan.numeric == 12 and sum(plan.categories) + 12 == table.x.shape[1] == 49
        assert table.numeric == tuple(range(12))
        start = plan.numeric
        for column, width in zip(credit.NOMINAL, plan.categories, strict=True):
            block = table.x[:, start : start + width]
            assert set(np.unique(block)) <= {0, 1} and (block.sum(1) == 1).all()
            names = table.feature_names[start : start + width]
            assert all(name.startswith(column + "=") for name in names)
            start += width

    def test_blocks_and_numbers_hold_the_codes(self):
        raw, table = stand_in.draw(300, 3), credit.synthetic(300, 3)
        for i, name in enumerate(table.feature_names):
            column, _, code = name.partition("=")
            wanted = raw[column] == int(code) if code else raw[column]
            np.testing.assert_array_equal(table.x[:, i], wanted)
        np.testing.assert_array_equal(table.y, raw["credit_risk"])
        assert table.favourable == 1 and table.labels[1] == "good credit"

    @pytest.mark.parametrize(
        ("sensitive", "rule", "gone"),
        [
            ("age", lambda age, foreign: age <= 25, 1),
            ("age<25", lambda age, foreign: age < 25, 1),
            ("age<33", lambda age, foreign: age < 33, 1),
            ("foreign_worker", lambda age, foreign: foreign == 1, 1),
            ("young-not-foreign", lambda age, foreign: (age <= 25) & (foreign == 2), 2),
        ],
    )
    def test_groups_and_leaving_them_out(self, sensitive, rule, gone):
        raw = stand_in.draw(2000, 1)
        table = credit.synthetic(2000, 1, sensitive)
        np.testing.assert_array_equal(table.s, rule(raw["age"], raw["foreign_worker"]))
        blind = credit.synthetic(2000, 1, sensitive, leave_out=True)
        lost = set(table.feature_names) - set(blind.feature_names)
        assert len(lost) == gone and lost <= {"age", "foreign_worker"}
        assert credit.layout(blind).numeric == 12 - gone
        np.testing.assert_array_equal(blind.s, table.s)


class TestStandIn:
    def test_every_column_has_the_counted_law_in_every_cell(self):
        """Chi-squared of a large draw against the counts, below a bound of its 1e-6 tail.

        Laurent and Massart (2000): P(chi2_d > d + 2 sqrt(d t) + 2 t) <= exp(-t).
        """
        t = np.log(1e6)
        raw, body = stand_in.draw(40_000, 0), stand_in.load()
        found = stand_in.count(raw)
        people = np.array(body["people"]) / 1000 * 40_000
        np.testing.assert_array_equal(found["people"], people)
        for name, held in body["columns"].items():
            for c in range(4):
                expected = np.array(held["counts"][c]) * 40
                seen = dict(zip(found["columns"][name]["values"],
                                found["columns"][name]["counts"][c], strict=True))  # fmt: skip
                observed = np.array([seen.get(v, 0) for v in held["values"]])
                assert (observed[expected == 0] == 0).all() and observed.sum() == expected.sum()
                keep = expected > 0
                distance = ((observed - expected)[keep] ** 2 / expected[keep]).sum()
                free = keep.sum() - 1
                assert distance <= free + 2 * np.sqrt(free * t) + 2 * t, (name, c)

    def test_counts_are_of_a_thousand_people(self):
        body = stand_in.load()
        assert body["people"] == [220, 80, 590, 110]
        for name, held in body["columns"].items():
            assert np.sum(held["counts"], axis=1).tolist() == body["people"], name
            if name in stand_in.EDGES:
                assert held["values"] == list(stand_in.EDGES[name][:-1])

    def test_it_says_that_it_is_synthetic_and_follows_its_seed(self):
        table = credit.synthetic()
        assert len(table) == 1000 and table.y.sum() == 700 and table.s.sum() == 190
        assert "synthetic" in table.name and table.source.startswith("SYNTHETIC")
        assert credit.synthetic(seed=0).digest == table.digest != credit.synthetic(seed=1).digest
        with pytest.raises(InputError, match="at least 20"):
            credit.synthetic(5)

    def test_rows_are_not_ordered_by_label(self):
        y = credit.synthetic().y
        assert 0.6 < y[:500].mean() < 0.8


class TestRepeats:
    def test_parts_are_disjoint_stratified_and_of_equal_size(self):
        table = credit.synthetic()
        rows = splits(table, 6, seed=1)
        assert {part: r.shape for part, r in rows.items()} == {
            "train": (6, 500), "val": (6, 200), "test": (6, 300),
        }  # fmt: skip
        for i in range(6):
            every = np.concatenate([rows[part][i] for part in rows])
            assert len(np.unique(every)) == 1000
        cell = 2 * table.s + table.y
        for part, index in rows.items():
            for value in range(4):
                due = (cell == value).mean() * index.shape[1]
                assert np.abs((cell[index] == value).sum(1) - due).max() <= 1, part
        assert not np.array_equal(rows["test"][0], rows["test"][1])

    def test_a_repeat_does_not_depend_on_how_many_there_are(self):
        table = credit.synthetic()
        few, many = splits(table, 2, 5), splits(table, 4, 5)
        assert all(np.array_equal(few[part], many[part][:2]) for part in few)
        assert not np.array_equal(splits(table, 2, 6)["test"], few["test"])

    def test_statistics_are_those_of_the_training_rows_of_the_repeat(self):
        table = credit.synthetic()
        found = repeated(table, 3, seed=2)
        numbers = found.x["train"][..., list(table.numeric)].astype(np.float64)
        np.testing.assert_allclose(numbers.mean(1), 0, atol=1e-5)
        np.testing.assert_allclose(numbers.std(1), 1, atol=1e-5)
        for i in range(3):
            train, test = (table.x[found.rows[p][i]].astype(np.float64) for p in ("train", "test"))
            wanted = (test - train.mean(0))[:, :12] / train.std(0)[:12]
            np.testing.assert_allclose(found.x["test"][i, :, :12], wanted, atol=1e-4)
            np.testing.assert_array_equal(found.x["test"][i, :, 12:], test[:, 12:])
            np.testing.assert_array_equal(found.y["val"][i], table.y[found.rows["val"][i]])
            np.testing.assert_array_equal(found.s["val"][i], table.s[found.rows["val"][i]])

    def test_bad_requests(self):
        table = credit.synthetic()
        with pytest.raises(InputError, match="at least 1"):
            splits(table, 0)
        with pytest.raises(InputError, match="'train'"):
            repeated(table, 2, sizes={"a": 0.5})
        with pytest.raises(InputError, match="there are 1000"):
            repeated(table, 2, sizes={"train": 900, "test": 200})


@pytest.mark.real
class TestRealFile:
    @pytest.fixture(autouse=True)
    def _need(self):
        if not os.environ.get("FAIRTUT_DATA"):
            pytest.skip("FAIRTUT_DATA is not set: the real file is not here")
        try:
            files.locate("south_german_credit")
        except MissingData:
            pytest.skip("FAIRTUT_DATA holds no south_german_credit")

    def test_published_counts(self):
        table = tabular.load("south_german_credit", "age")
        assert len(table) == 1000 and table.y.sum() == 700 and table.s.sum() == 190
        assert table.summary()["base_rate_s1"] == pytest.approx(110 / 190)
        assert credit.cells() == {
            "25 or younger, foreign": (3, 3),
            "25 or younger, not foreign": (187, 107),
            "older than 25, foreign": (34, 30),
            "older than 25, not foreign": (776, 560),
        }
        assert credit.south_german("age<25").s.sum() == 150
        assert credit.south_german("age<33").s.sum() == 481
        assert credit.south_german("young-not-foreign").s.sum() == 187
        age = credit.frame()["age"]
        assert (age.min(), age.median(), age.max()) == (19, 33, 75)

    def test_the_counts_that_ship_are_those_of_the_file(self):
        frame = credit.frame()
        assert stand_in.count({c: frame[c].to_numpy() for c in frame}) == stand_in.load()
