"""ImageSet, minibatches, flips, splits and halves: what holds for any images."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from fairtut.data import images
from fairtut.data.images import ImageSet
from fairtut.data.images.labels import as_binary, as_splits, random_split, spread
from fairtut.errors import DataError, InputError, UnknownName

N = 11


def small(n=N, split=None, **columns):
    x = torch.arange(n * 3 * 2 * 4, dtype=torch.int64).remainder(251).to(torch.uint8)
    frame = pd.DataFrame(
        columns or {"Male": np.arange(n) % 2 == 0, "age": pd.Categorical(["old", "young"] * n)[:n]}
    )
    split = np.array(["train"] * n if split is None else split)
    x = x.view(n, 3, 2, 4)
    return ImageSet(x, frame, split, "toys", "made here", images.digest_of(x, frame, split))


def test_pixels_are_between_zero_and_one_and_leave_the_bytes_alone():
    x = torch.tensor([0, 51, 255], dtype=torch.uint8)
    assert images.pixels(x).tolist() == pytest.approx([0.0, 0.2, 1.0])
    assert x.tolist() == [0, 51, 255]
    with pytest.raises(InputError, match="float32"):
        images.pixels(images.pixels(x))


@pytest.mark.parametrize(
    "rows",
    [
        np.arange(N) % 3 == 0,
        [4, 1, 1, -1],
        range(2, 6),
        torch.tensor([0, 3]),
        torch.arange(N) > 8,
        [],
    ],
)
def test_select_keeps_image_attribute_and_split_together(rows):
    whole = small(split=["train", "val"] * 5 + ["test"])
    part = whole.select(rows)
    index = np.arange(N)[np.asarray(rows, dtype=bool if np.asarray(rows).dtype == bool else int)]
    assert len(part) == len(index)
    assert torch.equal(part.x, whole.x[torch.as_tensor(index)])
    assert part.attributes["Male"].tolist() == [bool(i % 2 == 0) for i in index]
    assert part.split.tolist() == whole.split[index].tolist()
    assert part.digest != whole.digest and part.digest == whole.select(index).digest


def test_consecutive_rows_are_a_view():
    whole = small()
    assert whole.select(range(3, 9)).x.data_ptr() == whole.x[3].data_ptr()


@pytest.mark.parametrize("rows", [[N], [-N - 1], np.ones(N - 1, bool), [0.5], [[1]]])
def test_select_refuses_rows_that_are_not_there(rows):
    with pytest.raises(InputError, match="toys"):
        small().select(rows)


def test_parts_are_by_name_and_cover_the_set():
    whole = small(split=["train", "test"] * 5 + ["test"])
    assert len(whole.part("train")) == 5 and len(whole.part("test")) == 6
    with pytest.raises(UnknownName, match=r"'val'.*train, test"):
        whole.part("val")


def test_labels_are_whole_numbers_by_name():
    whole = small(Male=[True, False] * 5 + [True], n01=[0, 1] * 5 + [0], race=list("aabbccaabbc"))
    assert whole.labels("Male").dtype == torch.int64
    assert whole.labels("Male").tolist() == [1, 0] * 5 + [1]
    assert whole.labels("n01").tolist() == [0, 1] * 5 + [0]
    assert whole.labels("race=c").tolist() == [int(v == "c") for v in "aabbccaabbc"]


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("male", UnknownName, "did you mean 'Male'"),
        ("age", InputError, "age=old"),
        ("age=ancient", UnknownName, "old, young"),
        ("height=tall", UnknownName, "choose one of Male, age"),
    ],
)
def test_labels_that_make_no_sense_are_refused(name, error, match):
    with pytest.raises(error, match=match):
        small().labels(name)


def test_a_single_class_is_refused():
    with pytest.raises(InputError, match=r"Male.*1 for each of the 2 images"):
        small().select([0, 2]).labels("Male")


@pytest.mark.parametrize(
    ("x", "split", "error"),
    [
        (torch.zeros(2, 3, 4, 4), ["train"] * 2, InputError),
        (torch.zeros(2, 4, 4, 3, dtype=torch.uint8), ["train"] * 2, InputError),
        (torch.zeros(3, 3, 4, 4, dtype=torch.uint8), ["train"] * 3, InputError),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), ["train"], InputError),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), ["train", "dev"], UnknownName),
    ],
)
def test_a_set_that_does_not_fit_together_is_refused(x, split, error):
    with pytest.raises(error):
        ImageSet(x, pd.DataFrame({"a": [0, 1]}), np.array(split), "toys", "made here", "")


def test_the_digest_sees_every_part():
    whole = small()
    digests = {whole.digest, small(split=["train"] * 10 + ["val"]).digest}
    other = whole.x.clone()
    other[-1, -1, -1, -1] += 1
    digests.add(images.digest_of(other, whole.attributes, whole.split))
    for column, value in (("Male", False), ("age", "young")):
        frame = whole.attributes.copy()
        frame.loc[0, column] = value
        digests.add(images.digest_of(whole.x, frame, whole.split))
    digests.add(
        images.digest_of(whole.x, whole.attributes.rename(columns={"Male": "M"}), whole.split)
    )
    assert len(digests) == 6
    assert whole.digest == images.digest_of(whole.x.numpy(), whole.attributes, whole.split)


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_visit_each_row_once(shuffle):
    parts = list(images.batches(23, 5, torch.Generator().manual_seed(0), shuffle))
    assert [len(p) for p in parts] == [5, 5, 5, 5, 3]
    rows = torch.cat(parts)
    assert sorted(rows.tolist()) == list(range(23))
    assert (rows.tolist() == list(range(23))) is not shuffle
    kept = list(images.batches(23, 5, torch.Generator().manual_seed(0), shuffle, drop_last=True))
    assert len(kept) == 4 and torch.equal(torch.cat(kept), rows[:20])


def test_batches_repeat_by_generator_and_differ_by_epoch():
    def epochs():
        generator = torch.Generator().manual_seed(3)
        return [torch.cat(list(images.batches(50, 7, generator))) for _ in range(2)]

    first, again = epochs(), epochs()
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize(("n", "size"), [(0, 4), (4, 0)])
def test_batches_of_nothing_are_refused(n, size):
    with pytest.raises(InputError):
        next(images.batches(n, size))


def test_augment_mirrors_half_of_the_images_left_to_right_and_nothing_else():
    x = torch.randint(0, 256, (400, 3, 5, 6), dtype=torch.uint8)
    before = x.clone()
    out = images.augment(x, torch.Generator().manual_seed(0))
    same = (out == x).flatten(1).all(1)
    mirrored = (out == x.flip(-1)).flatten(1).all(1)
    assert bool((same | mirrored).all()) and out.dtype == torch.uint8
    assert torch.equal(x, before)
    # 400 fair coins: within four standard deviations of 200
    assert abs(int(mirrored.sum()) - 200) < 40


def test_random_split_has_the_asked_sizes_and_repeats():
    split = random_split(1000, 600, 250, seed=4)
    assert [int((split == s).sum()) for s in ("train", "val", "test")] == [600, 250, 150]
    assert (split == random_split(1000, 600, 250, seed=4)).all()
    assert (split != random_split(1000, 600, 250, seed=5)).any()


def test_random_split_by_group_never_divides_a_group():
    groups = np.repeat(np.arange(200), np.random.default_rng(0).integers(1, 9, 200))
    split = random_split(len(groups), len(groups) // 2, len(groups) // 4, 0, groups.tolist())
    assert all(len(set(split[groups == g])) == 1 for g in range(200))
    sizes = [int((split == s).sum()) for s in ("train", "val", "test")]
    assert abs(sizes[0] - len(groups) // 2) < 9 and abs(sizes[1] - len(groups) // 4) < 17


def test_a_limit_keeps_shares_and_smaller_limits_are_subsets():
    split = np.array(["train"] * 800 + ["val"] * 100 + ["test"] * 100)
    few, more = spread(split, 50), spread(split, 100)
    assert [int((split[more] == s).sum()) for s in ("train", "val", "test")] == [80, 10, 10]
    assert set(few.tolist()) < set(more.tolist()) and (np.diff(more) > 0).all()
    assert not np.array_equal(few, np.linspace(0, 999, 50).astype(int))


@pytest.mark.parametrize("n", [10, 11])
def test_halves_are_disjoint_equal_training_rows_and_repeat(n):
    whole = small(n + 4, split=["val", "test"] * 2 + ["train"] * n)
    a, b = images.halves(whole, 1)
    assert a.sum() == b.sum() == n // 2 and not (a & b).any()
    assert (whole.split[a | b] == "train").all()
    assert all((m == k).all() for m, k in zip((a, b), images.halves(whole, 1), strict=True))
    assert any((images.halves(whole, seed)[0] != a).any() for seed in (2, 3, 4))


def test_one_training_row_cannot_be_halved():
    with pytest.raises(InputError, match="1 training rows"):
        images.halves(small(3, split=["train", "val", "test"]), 0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 1], [0, 1, 1]),
        ([-1, 1, 1], [0, 1, 1]),
        ([0.0, 1.0], [0, 1]),
        (["true", "FALSE"], [1, 0]),
        ([True, False], [1, 0]),
        ([" Yes", "no"], [1, 0]),
        ([1, 1], [1, 1]),
        ([0, 1, 2], None),
        (["yes", "maybe"], None),
        ([-1, 0, 1], None),
        (["0", "no"], None),
    ],
)
def test_columns_that_say_yes_or_no(values, expected):
    found = as_binary(pd.Series(values))
    assert (None if found is None else found.astype(int).tolist()) == expected


def test_words_and_numbers_for_splits(tmp_path):
    assert as_splits(["Train", "valid", "validation", " test"], tmp_path).tolist() == [
        "train", "val", "val", "test",
    ]  # fmt: skip
    assert as_splits([0, 1, 2], tmp_path).tolist() == ["train", "val", "test"]
    with pytest.raises(DataError, match="'holdout' is none of"):
        as_splits(["holdout"], tmp_path)


@pytest.mark.parametrize(
    ("values", "match"),
    [(["Male", "male", "Female"], "both 'Male' and 'male'"), (["Male", "Male ", "x"], "'Male '"),
     (["Male", "?", "Female"], "'\\?', which looks like"), (["Male", "nan", "x"], "'nan'")],
)  # fmt: skip
@pytest.mark.parametrize("kind", [object, "category"])
def test_another_spelling_is_not_counted_among_the_rest(values, match, kind):
    with pytest.raises(InputError, match=match):
        small(3, A=pd.Series(values, dtype=kind)).labels("A=Male")


def test_a_split_that_names_other_rows_is_not_taken_by_place():
    whole = small(4, A=[0, 1, 0, 1])
    split = pd.Series(["train", "train", "val", "test"])
    same = ImageSet(whole.x, whole.attributes, split, "toys", "made here", "digest")
    assert same.split.tolist() == split.tolist()
    for other in (split[::-1], split.set_axis(list("abcd"))):
        with pytest.raises(InputError, match=r"different indexes.*split\.to_numpy"):
            ImageSet(whole.x, whole.attributes, other, "toys", "made here", "digest")
        ImageSet(whole.x, whole.attributes, other.to_numpy(), "toys", "made here", "digest")


def test_a_column_with_an_equals_sign_can_be_asked_for():
    found = small(3, **{"x=y": ["a", "b", "a"], "x": ["y=a", "y=b", "y=c"]})
    assert found.labels("x=y=a").tolist() == [1, 0, 1]
    assert small(3, x=["y=a", "y=b", "y=c"]).labels("x=y=b").tolist() == [0, 1, 0]
