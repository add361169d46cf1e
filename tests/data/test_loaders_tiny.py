"""Loaders on tiny files in the official formats, written here: right, and wrong in every way."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace

import pytest

from fairtut.data import tabular
from fairtut.data.encoding import read_columns
from fairtut.data.registry import DATASETS
from fairtut.errors import CorruptFile, DataError, FairtutError, InputError

ADULT_DATA = """\
39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, \
2174, 0, 40, United-States, <=50K
50, Private, 83311, 11th, 7, Married-civ-spouse, Sales, Wife, Black, Female, 0, 0, 13, Cuba, >50K
38, ?, 215646, HS-grad, 9, Divorced, ?, Not-in-family, White, Male, 0, 0, 40, ?, <=50K

"""
ADULT_TEST = """\
|1x3 Cross validator
25, Private, 226802, 9th, 5, Never-married, Sales, Own-child, Black, Male, 0, 0, 40, Peru, <=50K.
44, Private, 160323, HS-grad, 9, Divorced, Sales, Unmarried, Other, Female, 0, 5, 30, \
United-States, >50K.

"""
# the official file repeats decile_score and priors_count; the later copies here are traps
COMPAS_HEAD = (
    "id,name,sex,age_cat,race,decile_score,priors_count,days_b_screening_arrest,c_charge_degree,"
    "is_recid,decile_score,score_text,priors_count,two_year_recid"
)
COMPAS = f"""\
{COMPAS_HEAD}
1,"doe, jane",Female,25 - 45,Caucasian,1,3,-1,F,1,1,Low,99,1
2,a,Male,Less than 25,African-American,1,0,30,M,0,1,Low,99,0
3,b,Male,Greater than 45,Hispanic,1,2,-30,F,0,1,Low,99,0
4,c,Male,25 - 45,Caucasian,1,1,31,F,0,1,Low,99,0
5,d,Male,25 - 45,Caucasian,1,1,,F,-1,1,Low,99,0
6,e,Male,25 - 45,Caucasian,1,1,0,F,-1,1,Low,99,0
7,f,Male,25 - 45,Caucasian,1,1,0,O,0,1,Low,99,0
8,g,Male,25 - 45,Caucasian,1,1,0,F,0,1,N/A,99,0
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Write files of a data set and pin them, so that the strict path is the one under test."""
    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
    monkeypatch.delenv("FAIRTUT_VERIFY", raising=False)

    def place(name, rows=None, **contents):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        entry = DATASETS[name]
        pinned = []
        for file, text in zip(entry.files, contents.values(), strict=True):
            data = text if isinstance(text, bytes) else text.encode()
            (folder / file.path).write_bytes(data)
            sha = hashlib.sha256(data).hexdigest()
            pinned.append(replace(file, sha256=sha, size=len(data), rows=rows, variants=()))
        monkeypatch.setitem(DATASETS, name, replace(entry, files=tuple(pinned)))
        return folder

    return place


def fails(kind, match, call, *args):
    with pytest.raises(kind, match=match) as error:
        call(*args)
    assert isinstance(error.value, FairtutError) and "\n" not in str(error.value)


class TestAdult:
    def test_rows_labels_and_encoding(self, place):
        place("adult", data=ADULT_DATA, test=ADULT_TEST)
        table = tabular.adult()
        assert table.y.tolist() == [0, 1, 0, 1], "the dots of adult.test are stripped"
        assert table.s.tolist() == [1, 0, 1, 0] and table.groups == ("Female", "Male")
        assert table.rows_dropped == (
            ("adult.data: a field is '?'", 1),
            ("adult.test: a field is '?'", 0),
        )
        column = dict(zip(table.feature_names, table.x.T.tolist(), strict=True))
        assert column["age"] == [39, 50, 25, 44] and column["capital_loss"] == [0, 0, 0, 5]
        assert column["education=high-school"] == [0, 1, 1, 0], "9th to 12th are merged"
        assert column["native_country=other"] == [0, 1, 1, 0]
        assert [table.feature_names[i] for i in table.numeric] == [
            "age", "education_num", "capital_gain", "capital_loss", "hours_per_week",
        ]  # fmt: skip
        for leak in ("sex", "race", "fnlwgt", "income"):
            assert not any(name.startswith(leak) for name in table.feature_names)
        assert table.source == "Adult (1994 US census extract), CC BY 4.0"

    def test_parts_and_race(self, place):
        place("adult", data=ADULT_DATA, test=ADULT_TEST)
        whole, train = tabular.adult(), tabular.adult(part="train")
        test = tabular.adult(part="test")
        assert train.digest == whole.take([0, 1]).digest
        assert test.digest == whole.take([2, 3]).digest
        assert train.rows_dropped == whole.rows_dropped[:1]
        assert test.rows_dropped == whole.rows_dropped[1:]
        assert tabular.adult("race").s.tolist() == [1, 0, 0, 0]

    @pytest.mark.parametrize(
        ("data", "kind", "match"),
        [
            (ADULT_DATA[:-60], CorruptFile, r"adult\.data, line 3: \d+ fields where 15 are due"),
            (ADULT_DATA.replace("<=50K", "50K"), DataError, "income holds '50K'"),
            (ADULT_DATA.replace("Male", "M"), DataError, "sex holds 'M'"),
            (ADULT_DATA.replace("39,", "old,", 1), DataError, "'age' holds text"),
            (ADULT_DATA.replace("39,", "nan,", 1), InputError, "'age' holds NaN"),
            (b"\xff\xfe\x00garbage", CorruptFile, "not UTF-8"),
            ("", InputError, "only one group"),
        ],
    )
    def test_broken_files_are_named(self, place, data, kind, match):
        test = ADULT_TEST if data else "|1x3 Cross validator\n"
        place("adult", data=data, test=test)
        fails(kind, match, tabular.adult)

    def test_a_race_that_is_spelled_otherwise_is_no_other_race(self, place):
        place("adult", data=ADULT_DATA.replace("White", "white"), test=ADULT_TEST)
        with pytest.raises(DataError, match="race holds 'white', none of"):
            tabular.adult("race")
        assert len(tabular.adult("sex")) == 4

    def test_a_byte_order_mark_is_no_letter(self, place):
        place("adult", data="\ufeff" + ADULT_DATA, test="\ufeff" + ADULT_TEST)
        table = tabular.adult()
        assert table.x[0, 0] == 39 and table.ids.tolist() == [0, 1, 3, 4]

    def test_one_class_and_one_group(self, place):
        place("adult", data=ADULT_DATA.replace(">50K", "<=50K"), test=ADULT_TEST)
        fails(InputError, "only one class .*every row has y = 0", tabular.adult, "sex", "train")
        place("adult", data=ADULT_DATA.replace("Female", "Male"), test=ADULT_TEST)
        fails(InputError, "only one group .*every row has s = 1", tabular.adult, "sex", "train")

    def test_too_few_rows(self, place):
        place("adult", rows=3, data=ADULT_DATA, test=ADULT_TEST)
        fails(CorruptFile, r"adult\.test holds 2 rows where the official file has 3", tabular.adult)

    def test_a_truncated_file_fails_the_digest_first(self, place, monkeypatch):
        folder = place("adult", data=ADULT_DATA, test=ADULT_TEST)
        (folder / "adult.data").write_text(ADULT_DATA[:-60])
        fails(CorruptFile, r"adult\.data is not the expected file.*of \d+ bytes", tabular.adult)
        monkeypatch.setenv("FAIRTUT_VERIFY", "off")
        fails(CorruptFile, "line 3", tabular.adult)

    def test_own_rows_are_marked_as_not_verified(self, place, monkeypatch):
        folder = place("adult", data=ADULT_DATA, test=ADULT_TEST)
        (folder / "adult.data").write_text(ADULT_DATA.replace("39,", "41,"))
        monkeypatch.setenv("FAIRTUT_VERIFY", "off")
        assert "[not verified]" in tabular.adult().source


class TestCompas:
    def test_the_filter_counts_every_row_once(self, place):
        place("compas", csv=COMPAS)
        table = tabular.compas()
        assert len(table) == 2 and [n for _, n in table.rows_dropped] == [2, 1, 1, 1, 1]
        assert table.s.tolist() == [1, 0] and table.groups == ("African-American", "Caucasian")
        assert table.y.tolist() == [1, 0] and table.favourable == 0
        column = dict(zip(table.feature_names, table.x.T.tolist(), strict=True))
        assert column["priors_count"] == [3, 0], "the first of the two columns"
        assert column["sex=Male"] == [0, 1] and column["c_charge_degree=M"] == [0, 1]
        assert not any(n.startswith(("race", "decile")) for n in table.feature_names)

    def test_by_sex_every_race_stays(self, place):
        place("compas", csv=COMPAS)
        table = tabular.compas("sex")
        assert len(table) == 3 and table.s.tolist() == [0, 1, 1]
        assert "race=Hispanic" in table.feature_names
        assert not any(n.startswith("sex") for n in table.feature_names)

    def test_gzipped_is_the_same_table(self, place):
        folder = place("compas", csv=COMPAS)
        plain = tabular.compas().digest
        path = folder / "compas-scores-two-years.csv"
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        assert tabular.compas().digest == plain

    def test_columns_that_are_not_used_do_not_matter(self, place):
        place("compas", csv=COMPAS)
        whole = tabular.compas().digest
        rows = [line.replace('"doe, jane"', "j").split(",") for line in COMPAS.splitlines()]
        keep = [i for i, c in enumerate(rows[0]) if i in (2, 3, 4, 6, 7, 8, 9, 11, 13)]
        place("compas", csv="\n".join(",".join(r[i] for i in keep) for r in rows) + "\n")
        assert tabular.compas().digest == whole

    @pytest.mark.parametrize(
        ("old", "new", "kind", "match"),
        [
            ("race", "r", DataError, "no column 'race' .found: id, name, sex"),
            ("two_year_recid", "x", DataError, r"compas-scores-two-years\.csv has no column 'two_"),
            (",99,0\n", ",99,2\n", DataError, "two_year_recid holds '2'"),
            ("1,3,-1", "1,many,-1", DataError, "'priors_count' holds text"),
            ("8,g,Male", "8,g", CorruptFile, "line 9: 13 fields where 14 are due"),
            ("African-American", "Hispanic", InputError, "only one group"),
            ("Low,99,1", "Low,99,0", InputError, "only one class"),
        ],
    )
    def test_broken_files_are_named(self, place, old, new, kind, match):
        place("compas", csv=COMPAS.replace(old, new))
        fails(kind, match, tabular.compas)

    def test_an_empty_file(self, place):
        place("compas", csv="")
        fails(DataError, "no column 'days_b_screening_arrest'", tabular.compas)


@pytest.mark.parametrize("last", [1, 2])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_stray_quotation_marks_swallow_no_rows(last, end):
    lines = ["1,a,x", "2,b,x", "3,c,x", "4,d,x"]
    lines[0] = lines[0].replace("a", '"a')
    lines[last] = lines[last].replace("x", 'x"').replace(",", ";")
    text = end.join(["n,w,v", *lines]) + end
    fails(CorruptFile, r"own\.csv, row 1 .*unclosed quotation mark", read_columns,
          text.replace(';x"', '",x'), "own.csv", None)  # fmt: skip


@pytest.mark.parametrize("word", ["", "NA", "nan", "N/A", "None", "null"])
@pytest.mark.parametrize("field", ["State-gov", "Adm-clerical", "United-States"])
def test_what_became_of_a_question_mark_is_one(place, word, field):
    place("adult", data=ADULT_DATA.replace(field, word, 1), test=ADULT_TEST)
    table = tabular.adult()
    assert table.rows_dropped[0] == ("adult.data: a field is '?'", 2) and len(table) == 3
    place("adult", data=ADULT_DATA.replace(field, "?", 1), test=ADULT_TEST)
    assert tabular.adult().digest == table.digest
    assert tabular.adult().feature_names == table.feature_names


@pytest.mark.parametrize(
    ("official", "other"),
    [
        ("United-States", "United States"), ("United-States", "United-states"), ("Cuba", "cuba"),
        ("Private", "private"), ("11th", "11-th"), ("Bachelors", "bachelors"), ("Wife", "wife"),
        ("Sales", "sales"), ("Never-married", "Never married"),
    ],
)  # fmt: skip
def test_a_word_that_is_spelled_otherwise_is_no_other_level(place, official, other):
    place("adult", data=ADULT_DATA.replace(official, other), test=ADULT_TEST)
    fails(DataError, f"holds '{other}', none of", tabular.adult)


def test_no_number_has_a_line_between_its_digits(place):
    place("adult", data=ADULT_DATA.replace("39,", "1_0,", 1), test=ADULT_TEST)
    fails(DataError, "column 'age' holds '_' where numbers", tabular.adult)


@pytest.mark.parametrize("word", ["", "NA", "n/a", "nan"])
def test_a_score_without_a_word_is_not_available(place, word):
    place("compas", data=COMPAS)
    official = tabular.compas("sex")
    place("compas", data=COMPAS.replace(",N/A,", f",{word},"))
    assert tabular.compas("sex").rows_dropped == official.rows_dropped
    assert tabular.compas("sex").digest == official.digest


COMPAS_ROW = "2,a,Male,Less than 25,African-American,1,0,30,M,0,1,Low,99,0"


@pytest.mark.parametrize(
    ("old", "reason"),
    [
        (",M,0,", "is_recid is -1 (no COMPAS case found)"),
        (",30,M,", "no value in one of race, sex, age_cat, c_charge_degree"),
        ("Less than 25", "no value in one of race, sex, age_cat, c_charge_degree"),
        ("African-American", "no value in one of race, sex, age_cat, c_charge_degree"),
    ],
)
def test_an_empty_field_is_dropped_and_counted(place, old, reason):
    assert COMPAS_ROW in COMPAS
    new = {",M,0,": ",M,,", ",30,M,": ",30,,"}.get(old, "")
    place("compas", data=COMPAS)
    before = tabular.compas("sex")
    place("compas", data=COMPAS.replace(COMPAS_ROW, COMPAS_ROW.replace(old, new)))
    after = tabular.compas("sex")
    counts = dict(before.rows_dropped)
    assert dict(after.rows_dropped)[reason] == counts.get(reason, 0) + 1
    assert len(after) == len(before) - 1


@pytest.mark.parametrize(
    ("official", "other"),
    [
        ("Caucasian", "caucasian"), ("African-American", "African American"), (",O,", ",o,"),
        ("25 - 45", "25-45"), ("Less than 25", "less than 25"), ("Female", "female"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sensitive", ["race", "sex"])
def test_a_defendant_spelled_otherwise_is_nobody_else(place, official, other, sensitive):
    place("compas", data=COMPAS.replace(official, other))
    fails(DataError, f"holds '{other.strip(',')}', none of", tabular.compas, sensitive)


def test_two_columns_of_one_name_agree_or_are_official(place, monkeypatch):
    folder = place("compas", data=COMPAS)
    official = tabular.compas()
    monkeypatch.setenv("FAIRTUT_VERIFY", "off")
    path = folder / "compas-scores-two-years.csv"
    path.write_text(COMPAS + "9,h,Male,25 - 45,Caucasian,1,0,1,F,0,1,Low,0,0\n")
    fails(DataError, "two columns called 'priors_count' that differ", tabular.compas)
    path.write_text(COMPAS.replace(",priors_count,two_year", ",priors,two_year"))
    assert tabular.compas().digest == official.digest
    with pytest.raises(DataError, match="two columns called 'age' that differ"):
        read_columns("age age\n30 31\n", "own", None, " ")
    assert read_columns("age age\n30 30\n", "own", None, " ")[1] == 1
