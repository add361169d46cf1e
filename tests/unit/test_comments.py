"""Comments: what is lost is counted, what is wrong is named; synthetic ones follow their rates."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fairtut.data.comments import (
    IDENTITIES,
    RELIGIONS,
    SPLITS,
    CommentSet,
    Vocabulary,
    civil_comments,
    encode_with,
    from_texts,
    hate_speech,
    words_of,
)
from fairtut.data.synthetic.comments import CUES, RATES, WORDS, comments, rate_of
from fairtut.errors import CorruptFile, DataError, InputError, MissingData, UnknownName

torch.set_num_threads(1)
TEXTS = ["a b c", "b c d", "", "?!", "a"]


def own(texts: list[str] = TEXTS, **changes: Any) -> CommentSet:
    n = len(texts)
    given: dict[str, Any] = {
        "y": np.arange(n) % 2,
        "groups": np.stack([np.arange(n) < 2, np.arange(n) > 0], 1),
        "group_names": ("g", "h"),
        "split": np.array(["train"] * (n - 1) + ["test"]),
    } | changes
    return from_texts(texts, **given)


# --- words and ids --------------------------------------------------------------------------


def test_words_are_lower_case_and_masks_stay_whole() -> None:
    assert words_of("Don't SHOUT, [insult]! x_y 42") == [
        "don't", "shout", "[insult]", "x", "y", "42"]  # fmt: skip
    assert words_of("… ?!  \t") == []


def test_a_vocabulary_keeps_the_frequent_words_whatever_the_order() -> None:
    texts = ["b a", "a c", "a b", "d"]
    vocabulary = Vocabulary.build(texts, size=6, least=1)
    assert vocabulary.tokens == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b")
    assert Vocabulary.build(texts[::-1], size=6, least=1) == vocabulary
    assert Vocabulary.build(texts, least=2).tokens[4:] == ("a", "b")
    assert vocabulary.pieces("a d b") == [4, 1, 5]
    assert vocabulary.decode([2, 5, 3]) == ["[CLS]", "b", "[SEP]"]
    assert vocabulary.ordinary.tolist() == [4, 5]
    with pytest.raises(InputError, match="each once"):
        Vocabulary((*vocabulary.tokens, "a"))


def test_encoding_cuts_on_purpose_and_counts() -> None:
    vocabulary = Vocabulary.build(["a b c d"], least=1)
    a, b, c, _ = vocabulary.pieces("a b c d")
    got = encode_with(vocabulary, ["a b c d", "a b c", "", "b"], length=5)
    assert got.ids.tolist() == [[2, a, b, c, 3], [2, a, b, c, 3], [2, 3, 0, 0, 0], [2, b, 3, 0, 0]]
    assert got.truncated == 1 and got.empty == 1 and got.words.tolist() == [4, 3, 0, 1]
    for texts, length in (([], 5), (["a"], 2)):
        with pytest.raises(InputError, match="need one text"):
            encode_with(vocabulary, texts, length)
    with pytest.raises(InputError, match="comment 1 is float"):
        encode_with(vocabulary, ["a", float("nan")], 5)  # type: ignore[list-item]


# --- the set --------------------------------------------------------------------------------


def test_empty_comments_are_dropped_and_counted() -> None:
    made = own()
    assert len(made) == 3 and made.rows_dropped == (("no word in the comment", 2),)
    assert made.y.tolist() == [0, 1, 0]
    assert made.groups.tolist() == [[True, False], [True, True], [False, True]]
    assert made.split.tolist() == ["train", "train", "test"]
    assert made.words(0) == ["[CLS]", "[UNK]", "b", "c", "[SEP]"]  # "a" and "d" once in train


def test_the_vocabulary_never_sees_other_splits() -> None:
    made = own(["a a", "b b", "z z"], split=np.array(["train", "train", "test"]))
    assert set(made.tokenizer.decode(made.tokenizer.ordinary.tolist())) == {"a", "b"}


def test_selections_agree_and_have_their_own_digest() -> None:
    made = own()
    mask = made.split == "train"
    first = made.select(mask)
    assert torch.equal(first.ids, made.select([0, 1]).ids) and torch.equal(first.y, made.y[:2])
    assert first.digest == made.part("train").digest != made.digest
    assert first.digest == own().part("train").digest
    assert len(own(groups=np.eye(5, 2, dtype=bool)).mentioning()) == 2
    with pytest.raises(UnknownName, match="unknown split 'val'"):
        made.part("val")
    for rows in (mask[:2], np.zeros(3, bool)):
        with pytest.raises(InputError):
            made.select(rows)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"y": np.zeros(5, int)}, DataError, r"y holds \[0\]: need both"),
        ({"y": np.array([0, 1, 2, 0, 1])}, DataError, "need both 0 and 1"),
        ({"y": np.array([0, 1])}, InputError, "need \\(n,\\)"),
        ({"group_names": ("g",)}, InputError, "need \\(n,\\)"),
        ({"split": np.array(["dev"] * 5)}, UnknownName, "unknown split 'dev'"),
        ({"groups": np.full((5, 2), 0.1)}, InputError, "membership in 'g' holds 0.1: .* >= 0.5"),
        ({"groups": np.full((5, 2), np.nan)}, InputError, "membership in 'g' holds nan"),
        ({"groups": np.array([[1, None]] * 5)}, InputError, "membership in 'h' holds None"),
        ({"groups": np.array([["1", "0"]] * 5)}, InputError, "membership in 'g' holds '1'"),
        ({"texts": ["a b", float("nan"), "c", "a", "b"]}, InputError, "text 1 is nan, no text"),
    ],
)
def test_bad_sets_are_named(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        own(**change)


def test_whole_numbers_are_members_as_booleans_are() -> None:
    numbers = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]])
    sets = [own(list("abcde"), groups=g) for g in (numbers, numbers > 0, 1.0 * numbers)]
    assert all(torch.equal(made.groups, sets[0].groups) for made in sets)


# --- synthetic ------------------------------------------------------------------------------


def test_synthetic_comments_follow_the_stated_rates() -> None:
    made = comments(4000, seed=1)
    groups, y = made.groups.numpy(), made.y.numpy()
    chance = rate_of(groups)
    for rows in [groups[:, g] for g in range(len(RATES))] + [~groups.any(1)]:
        expected, n = chance[rows].mean(), rows.sum()
        assert abs(y[rows].mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    one = groups.sum(1) == 1  # without overlap the rate is the group's own
    for g, rate in enumerate(RATES.values()):
        np.testing.assert_allclose(chance[one & groups[:, g]], rate)
    counts = np.bincount(groups.sum(1), minlength=3) / len(y)
    np.testing.assert_allclose(counts, [0.2, 0.6, 0.2], atol=0.03)


def test_synthetic_words_tell_the_groups_and_masks_the_label() -> None:
    made = comments(1500, seed=2)
    ids = {name: torch.tensor([made.tokenizer.ids[w] for w in words])  # type: ignore[attr-defined]
           for name, words in WORDS.items()}  # fmt: skip
    for g, name in enumerate(made.group_names):
        assert torch.equal(torch.isin(made.ids, ids[name]).any(1), made.groups[:, g])
    masks = torch.tensor([made.tokenizer.ids[w] for w in CUES[1]])  # type: ignore[attr-defined]
    share = torch.isin(made.ids, masks).sum(1) / 3
    assert abs(float(share[made.y == 1].mean()) - 0.7) < 0.03
    assert abs(float(share[made.y == 0].mean()) - 0.3) < 0.03
    assert made.truncated == 0


def test_synthetic_comments_repeat_and_hold_all_splits() -> None:
    assert comments(300, 5).digest == comments(300, 5).digest != comments(300, 6).digest
    counts = [int((comments(500).split == s).sum()) for s in SPLITS]
    assert counts == [300, 60, 40, 100]  # tune : train is 1 : 5


@pytest.mark.parametrize(
    "options",
    [{"n": 50}, {"rates": {"male": 0.5}}, {"rates": {"male": 0.5, "elves": 0.1}},
     {"rates": {"male": 0.5, "female": 1.5}}, {"silent": 0.7, "both": 0.6}, {"ambiguity": 0.6}],
)  # fmt: skip
def test_impossible_synthetic_comments_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        comments(**options)


# --- files ----------------------------------------------------------------------------------


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(columns)
        out.writerows(zip(*columns.values(), strict=True))
    return path


def wilds(n: int = 24) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        "": list(range(n)),
        "comment_text": [f"None word{i % 3}, and more" for i in range(n)],
        "split": (["train"] * 4 + ["val", "test"]) * (n // 6),
        "toxicity": [(i % 4) / 4 for i in range(n)],
    }
    return columns | {name: [float(i % 8 == k) for i in range(n)]
                      for k, name in enumerate(IDENTITIES)}  # fmt: skip


def test_the_wilds_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = wilds()
    columns["comment_text"][3] = ""
    columns["muslim"][0] = 0.5
    write(tmp_path / "civil_comments" / "all_data_with_identities.csv", columns)
    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
    made = civil_comments()
    assert made.group_names == IDENTITIES and len(made) == 23
    assert made.rows_dropped[0] == ("no text", 1)
    assert made.y.tolist() == [int(i % 4 >= 2) for i in range(24) if i != 3]  # .5 is toxic
    assert made.groups[0].nonzero().flatten().tolist() == [0, 4]  # .5 is a member; overlap
    counts = {s: int((made.split == s).sum()) for s in SPLITS}
    assert counts["val"] == 4 and counts["test"] == 4 and counts["tune"] in (3, 4)
    assert "not pinned" in made.source
    assert "none" in made.words(0)  # a word, not a missing value
    assert civil_comments(groups=RELIGIONS).groups.shape == (23, 3)
    with pytest.raises(UnknownName, match="identity group 'elves'"):
        civil_comments(groups=("male", "elves"))


def test_the_competition_file(tmp_path: Path) -> None:
    n = 24
    singles = ["male", "female", "christian", "muslim", "black", "white", "jewish", "hindu",
               "buddhist", "atheist", "other_religion", "homosexual_gay_or_lesbian", "bisexual",
               "transgender", "other_sexual_orientation", "other_gender"]  # fmt: skip
    columns: dict[str, list[Any]] = {
        "comment_text": [f"word{i % 3} again" for i in range(n)],
        "target": [(i % 4) / 4 for i in range(n)],
    } | {name: [float(i % len(singles) == k) for i in range(n)] for k, name in enumerate(singles)}
    for name in singles:
        columns[name][23] = ""
    made = civil_comments(write(tmp_path / "train.csv", columns))
    assert ("identities not annotated", 1) in made.rows_dropped and len(made) == 23
    religion = made.group_names.index("other_religions")
    assert made.groups[6:11, religion].all() and made.groups[11:16, 2].all()
    assert "not verified" in made.source and set(made.split.tolist()) <= set(SPLITS)


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="is not a file"):
        civil_comments(tmp_path / "nothing.csv")
    columns = wilds()
    del columns["muslim"]
    with pytest.raises(DataError, match="no column 'muslim'"):
        civil_comments(write(tmp_path / "a.csv", columns))
    columns = wilds() | {"muslim": ["often"] * 24}
    with pytest.raises(DataError, match="muslim holds text"):
        civil_comments(write(tmp_path / "b.csv", columns))
    columns = wilds() | {"toxicity": [0.0] * 24}
    with pytest.raises(DataError, match="need both 0 and 1"):
        civil_comments(write(tmp_path / "c.csv", columns))
    (tmp_path / "d.csv").write_bytes(b"")
    with pytest.raises(CorruptFile, match="cannot be read as CSV"):
        civil_comments(tmp_path / "d.csv")


def test_missing_comments_say_where_they_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
    with pytest.raises(MissingData, match=r"wilds\.stanford\.edu"):
        civil_comments()
    with pytest.raises(MissingData, match="measuring-hate-speech"):
        hate_speech()
    (tmp_path / "measuring_hate_speech").mkdir()
    (tmp_path / "measuring_hate_speech" / "measuring-hate-speech.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="single annotations"):
        hate_speech()


@pytest.mark.real
def test_the_substitute() -> None:
    if not os.environ.get("FAIRTUT_DATA"):
        pytest.skip("FAIRTUT_DATA is not set")
    try:
        made = hate_speech(length=32, size=2000)
    except MissingData as error:
        pytest.skip(str(error)[:80])
    assert len(made) == 25_424 and "substitute" in made.source
    assert made.groups.sum(0).tolist() == [1_533, 1_765, 1_831]
    rates = [float(made.y[made.groups[:, g]].float().mean()) for g in range(3)]
    np.testing.assert_allclose(rates, [0.145, 0.244, 0.227], atol=5e-4)
    assert int((made.groups.sum(1) == 1).sum()) == 3_414


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"group_names": ("g", "g")}, "each name once"),
        ({"group_names": "gh"}, "each name once"),
        ({"groups": pd.DataFrame({"h": [True] * 5, "g": [False] * 5})}, r"columns h, g.*are g, h"),
        ({"y": pd.Series([0, 1, 0, 1, 0], index=[4, 3, 2, 1, 0])}, "texts and y have different"),
    ],
)
def test_own_columns_in_another_order_are_seen(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        own(pd.Series(TEXTS), **changes)  # type: ignore[arg-type]
    same = pd.DataFrame({"g": [True] * 5, "h": [False] * 5})
    assert own(pd.Series(TEXTS), groups=same).groups.sum(0).tolist() == [3, 0]  # type: ignore[arg-type]


def test_one_text_is_no_list_of_texts() -> None:
    with pytest.raises(InputError, match="texts is one text"):
        own("abcde")  # type: ignore[arg-type]


def test_a_set_without_a_tuning_split_can_have_one() -> None:
    whole = own([f"word {i}" for i in range(14)])
    with pytest.raises(UnknownName, match=r"with_tuning\(\)"):
        whole.part("tune")
    cut = whole.with_tuning(seed=1)
    assert len(cut.part("tune")) == 2 and len(cut.part("train")) == 11
    assert (cut.split == whole.with_tuning(seed=1).split).all() and cut.digest != whole.digest
    assert (cut.split != whole.with_tuning(seed=2).split).any()
    for share in (0, 1, 0.001):
        with pytest.raises(InputError, match="makes no tune split"):
            whole.with_tuning(share)
    with pytest.raises(InputError, match="or there is one"):
        cut.with_tuning()


def test_identities_of_your_own(tmp_path: Path) -> None:
    n = 40
    frame = pd.DataFrame({
        "comment_text": [f"word{i % 7} said" for i in range(n)],
        "toxicity": [0.2, 0.8] * (n // 2), "latino": [0.9, 0.1, 0.0, 0.0] * (n // 4),
        "asian": [0.0, 0.0, 0.5, 0.0] * (n // 4), "split": ["train", "train", "val", "test"] * 10,
    })  # fmt: skip
    path = tmp_path / "own.csv"
    frame.to_csv(path, index=False)
    both = {"latin": ["latino"], "any": ["latino", "asian"]}
    found = civil_comments(path, groups=both)
    assert found.group_names == ("latin", "any") and found.groups.sum(0).tolist() == [10, 20]
    with pytest.raises(DataError, match="no column 'dutch'"):
        civil_comments(path, groups={"d": ["dutch"]})
    with pytest.raises(InputError, match="give a list of columns"):
        civil_comments(path, groups={"d": "latino"})
    frame.assign(latino=frame["latino"] * 100).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"latino holds 0 to 90 where shares in \[0, 1\]"):
        civil_comments(path, groups=both)


# --- files whose rows pandas would move in silence -------------------------------------------

HEAD = "comment_text,toxicity,male,female,split"
LINES = [f"good man {i},0.{i},1.0,0.7,train" for i in range(1, 9)]


def sexes(path: Path, lines: list[str], head: str = HEAD) -> CommentSet:
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return civil_comments(path, groups=["male", "female"])


def test_a_comma_at_the_end_shifts_no_column(tmp_path: Path) -> None:
    assert len(sexes(tmp_path / "own.csv", LINES)) == 8
    with pytest.raises(DataError, match=r"more fields than the header \(a comma at the end"):
        sexes(tmp_path / "own.csv", [line + "," for line in LINES])
    numbered = [f"{i},{line}" for i, line in enumerate(LINES)]  # names 0, 1, ... look like none
    assert len(sexes(tmp_path / "own.csv", numbered, f",{HEAD}")) == 8
    with pytest.raises(DataError, match=r"more fields than the header"):
        sexes(tmp_path / "own.csv", [line + "," for line in numbered], f",{HEAD}")


@pytest.mark.parametrize("last", [2, 4, 6])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_stray_quotation_marks_swallow_no_rows(tmp_path: Path, last: int, end: str) -> None:
    lines = list(LINES)
    lines[1] = '"' + lines[1]
    lines[last] = lines[last].replace(",", '",', 1)
    with pytest.raises(DataError, match=r"row 2: 'comment_text' .*unclosed quotation mark"):
        sexes(tmp_path / "own.csv", [line + end.strip("\n") for line in lines])


def test_line_breaks_and_lists_within_a_comment_are_legitimate(tmp_path: Path) -> None:
    text = '"a list, of, many, words,\r\nwith, 1, 2, 3, 4, 5, numbers\n\nand ""quotes"", too"'
    found = sexes(tmp_path / "own.csv", [f"{text},0.9,1.0,0.7,train", *LINES])
    assert len(found) == 9 and found.words(0).count("[UNK]") > 5


@pytest.mark.parametrize("word", ["training", "train-extra", "trainval", "Train", ""])
def test_a_split_of_another_name_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(UnknownName, match=f"unknown split '{word or 'nan'}'"):
        sexes(tmp_path / "own.csv", [*LINES, f"fine,0.1,0.0,0.0,{word}"])


@pytest.mark.parametrize("name", ["comment_text", "toxicity", "male", "split"])
def test_a_needed_column_stands_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"2 columns called '{name}'"):
        sexes(tmp_path / "own.csv", [line + ",0.9" for line in LINES], f"{HEAD},{name}")
    assert len(sexes(tmp_path / "own.csv", [line + ",1,2" for line in LINES], f"{HEAD},a,a")) == 8


@pytest.mark.parametrize("key", ["texts", "y", "split"])
@pytest.mark.parametrize("kind", [dict.fromkeys, set, frozenset])
def test_what_has_no_order_of_rows_is_refused(key: str, kind: Any) -> None:
    values = {"texts": ["a a", "b b", "c", "d", "e"], "y": [0, 1, 2, 3, 4], "split": list("abcde")}
    with pytest.raises(InputError, match=f"{key} is a (dict|set|frozenset), which is no list"):
        own(**{"texts": list("abcde"), key: kind(values[key])})


def test_a_word_is_one_word_in_both_ways_of_unicode() -> None:
    assert words_of("cafe\u0301s’ naïve") == words_of("cafés’ nai\u0308ve") == ["cafés", "naïve"]
    assert words_of("1\ufe0f\u20e3 ❤\ufe0f ok") == ["1", "ok"]  # pictures are no words


def test_english_words_are_what_they_were() -> None:
    before = re.compile(r"\[[a-z]+\]|[^\W_]+(?:['’][^\W_]+)*")
    made = comments(300, seed=4)
    texts = [" ".join(made.words(row)) + "! Don’t, it's x_y [insult]" for row in range(300)]
    assert all(words_of(text) == before.findall(text.lower()) for text in texts)
