"""A label table of somebody's own is read as it is meant, or refused: never in another way."""

from __future__ import annotations

import pandas as pd
import pytest

from fairtut.data.images.folder import read_labels
from fairtut.data.images.labels import read_table
from fairtut.errors import DataError, InputError


def table(tmp_path, text):
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    return path


def column(tmp_path, values, name="A"):
    """Write one image per value, in the training set, and return what the column is read as."""
    rows = "".join(f"{i}.png,train,{value}\n" for i, value in enumerate(values))
    return read_labels(table(tmp_path, f"file,split,{name}\n{rows}")).attributes[name]


# --- a split under another name ----------------------------------------------------------------

SPLITS = {
    "partition": ["train", "dev", "test"],
    "Usage": ["Training", "PublicTest", "PrivateTest"],
    "set": ["train", "holdout", "train"],
    "data_split": ["0", "1", "2"],
    "dataSplit": ["0", "1", "2"],
    "datasplit": ["0.0", "1.0", "2.0"],
    "which": ["val", "test", "val"],
    "kind": ["train", "unseen", "train"],
    "subset": ["eval", "eval", "holdout"],
    "is_train": ["0", "1", "1"],
    "isTrain": ["True", "False", "True"],
    "train": ["yes", "no", "yes"],
    "is-test": ["0", "1", "0"],
}


@pytest.mark.parametrize("name", SPLITS)
def test_a_split_under_another_name_is_never_drawn_at_random(tmp_path, name):
    rows = "".join(f"{i}.png,{value}\n" for i, value in enumerate(SPLITS[name] * 4))
    path = table(tmp_path, f"file,{name}\n{rows}")
    with pytest.raises(DataError, match=f"no column 'split', but '{name}' .*split=None"):
        read_labels(path)
    assert len(set(read_labels(path, split=None).split)) == 3


@pytest.mark.parametrize(
    ("name", "values"),
    [("kind", ["car", "test", "bus"]), ("fold", ["3", "4", "5"]), ("hat", ["0", "1", "1"]),
     ("settled", ["0", "1", "0"]), ("trained", ["yes", "no", "yes"])],
)  # fmt: skip
def test_a_column_that_is_no_split_is_none(tmp_path, name, values):
    rows = "".join(f"{i}.png,{value}\n" for i, value in enumerate(values * 4))
    assert name in read_labels(table(tmp_path, f"file,{name}\n{rows}")).attributes


@pytest.mark.parametrize("name", ["is_train", "isTest", "holdout"])
@pytest.mark.parametrize("values", ["01", ("yes", "no")])
def test_a_yes_or_no_is_not_taken_for_a_split(tmp_path, name, values):
    path = table(tmp_path, f"file,{name}\n0.png,{values[0]}\n1.png,{values[1]}\n")
    with pytest.raises(DataError, match="yes or no, not which split"):
        read_labels(path, split=name)


# --- stray quotation marks, and rows longer than the header ---------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_stray_quotation_marks_swallow_no_rows(tmp_path, end):
    text = 'file,split,A,note\n0.png,train,yes,"nice\n1.png,test,no,fine\n2.png,train,yes,ok"\n'
    path = tmp_path / "own.csv"
    path.write_bytes((text + "3.png,test,no,fine\n").replace("\n", end).encode())
    match = r"own\.csv: column 3 .*data row 1, in 'nice' \(an unclosed quotation mark"
    with pytest.raises(DataError, match=match):
        read_labels(path)
    with pytest.raises(DataError, match=r"column 'note' .*data row 1, in 'nice'"):
        read_table(path, ("file",))


def test_quoted_commas_are_fine(tmp_path):
    assert column(tmp_path, ['"a, b"', '"c ""d"""']).tolist() == ["a, b", 'c "d"']


def test_rows_longer_than_the_header_shift_nothing(tmp_path):
    path = table(tmp_path, "file,gender\n0.png,Male,\n1.png,Female,\n")
    with pytest.raises(DataError, match=r"more fields than the header \(a comma at the end\?\)"):
        read_table(path, ("file", "gender"))
    with pytest.raises(DataError, match="not a table of labels"):
        read_labels(path)


# --- gaps --------------------------------------------------------------------------------------

GAPS = ["", "none", "NAN", "na", "NA ", "n/a", "#N/A", "NULL", "nil", "?", "-", "\u00a0", '" "']


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("other", ["yes", "3.5", "red"])
def test_a_word_for_a_gap_is_a_gap(tmp_path, gap, other):
    found = column(tmp_path, [other, gap, other])
    assert found.isna().tolist() == [False, True, False]
    assert gap not in getattr(found.dtype, "categories", [])


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_in_the_split_is_told(tmp_path, gap):
    with pytest.raises(DataError, match="column 'split' is empty in data row 2"):
        read_labels(table(tmp_path, f"file,split\n0.png,train\n1.png,{gap}\n"))


# --- numbers and codes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "codes",
    [["1E2", "10E1", "3"], ["100", "1e2", "7"], ["1e400", "3", "4"], ["0", "1e-400", "2"],
     ["e1", "e2", "3"], [".", "1", "2"], ["+", "1", "2"], ["007", "1", "8"]],
)  # fmt: skip
def test_codes_stay_apart(tmp_path, codes):
    found = column(tmp_path, codes)
    assert isinstance(found.dtype, pd.CategoricalDtype) and found.tolist() == codes


@pytest.mark.parametrize(
    "numbers",
    [["1e-05", "1E-05", "0.0"], ["1.0", "1", "2"], [".5", "-0.5", "1e-3"], ["0", "0.0", "1e5"]],
)
def test_numbers_stay_numbers(tmp_path, numbers):
    assert column(tmp_path, numbers).tolist() == [float(number) for number in numbers]


@pytest.mark.parametrize("pair", [("Red", "red "), ("007", "7"), ("fema\u200ble", "female")])
def test_two_spellings_are_still_refused(tmp_path, pair):
    with pytest.raises(InputError, match="holds both"):
        column(tmp_path, [*pair, "blue"])
