"""CelebA, LFW and FairFace: official layouts in miniature, and the real files where they are."""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fairtut.data import files, images
from fairtut.data.images import cache, celeba, decode, fairface, lfw
from fairtut.data.registry import DATASETS
from fairtut.errors import CorruptFile, DataError, MissingData, UnknownName
from fairtut.runtime import seal

N = 12
FILES = [f"{i:06d}.jpg" for i in range(1, N + 1)]


def jpeg(seed):
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((18, 22)).save(out, "JPEG")
    return out.getvalue()


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty data folder and an empty cache; files of our own are not verified."""
    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAIRTUT_VERIFY", "off")
    return tmp_path


def truth(name, row):
    """A value of an attribute that depends on both."""
    return (celeba.ATTRIBUTES.index(name) * 7 + row * 3) % 5 < 2


def write_celeba(root, layout="zip", header=celeba.ATTRIBUTES, present=FILES):
    folder = root / "celeba"
    folder.mkdir()
    lines = [str(N), " ".join(header) + " "]
    for row, name in enumerate(FILES):
        lines.append(f"{name} " + " ".join(" 1" if truth(a, row) else "-1" for a in header))
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    # in another order: rows are matched by name
    order = list(enumerate(FILES))[::-1]
    partition = "".join(f"{name} {row // 4}\n" for row, name in order)
    (folder / "list_eval_partition.txt").write_text(partition)
    people = "".join(f"{name} {100 + row}\n" for row, name in order)
    (folder / "identity_CelebA.txt").write_text(people)
    members = {f"img_align_celeba/{name}": jpeg(FILES.index(name)) for name in present}
    if layout == "folder":
        (folder / "img_align_celeba").mkdir()
        for name, data in members.items():
            (folder / name).write_bytes(data)
    elif layout == "zip":
        zipped(folder / "img_align_celeba.zip", members)
    else:
        parts = [name for name, _ in DATASETS["celeba"].files[-1].variants[0].files]
        for i, part in enumerate(parts):
            zipped(folder / part, dict(list(members.items())[i::3]))
    return folder


class TestCelebA:
    @pytest.mark.parametrize("layout", ["zip", "zips", "folder"])
    def test_each_layout_gives_the_same_set(self, root, layout):
        write_celeba(root, layout)
        found = images.load("celeba", 16)
        assert found.split.tolist() == ["train"] * 4 + ["val"] * 4 + ["test"] * 4
        assert found.attributes["identity"].tolist() == list(range(100, 100 + N))
        assert list(found.attributes.columns) == [*celeba.ATTRIBUTES, "identity"]
        for name in celeba.ATTRIBUTES:
            assert found.attributes[name].tolist() == [truth(name, row) for row in range(N)]
        for row in range(N):
            np.testing.assert_array_equal(found.x[row], decode.decode(jpeg(row), 16))
        assert "not verified" in found.source and found.absent == 0

    def test_attributes_are_found_by_name_wherever_they_stand(self, root):
        shuffled = np.random.default_rng(0).permutation(celeba.ATTRIBUTES).tolist()
        write_celeba(root, header=shuffled)
        male = images.load("celeba", 16).labels("Male")
        assert male.tolist() == [int(truth("Male", row)) for row in range(N)]

    def test_absent_images_are_counted_and_the_rest_stays_matched(self, root):
        here = [FILES[i] for i in (10, 1, 4)]
        write_celeba(root, present=here)
        found = images.load("celeba", 16)
        assert found.attributes.index.tolist() == sorted(here) and found.absent == N - 3
        assert found.rows_dropped == (("image is not there", N - 3),)
        assert found.split.tolist() == ["train", "val", "test"]
        np.testing.assert_array_equal(found.x[2], decode.decode(jpeg(10), 16))

    def test_a_label_file_that_lacks_a_column_is_named(self, root):
        write_celeba(root, header=[a for a in celeba.ATTRIBUTES if a != "Male"])
        with pytest.raises(DataError, match=r"list_attr_celeba\.txt has no column 'Male'"):
            images.load("celeba", 16)

    def test_an_odd_value_or_a_lacking_line_is_named(self, root):
        folder = write_celeba(root)
        path = folder / "list_attr_celeba.txt"
        text = path.read_text()
        path.write_text(text.replace("000003.jpg  1", "000003.jpg  7", 1).replace(
            "000003.jpg -1", "000003.jpg  7", 1))  # fmt: skip
        with pytest.raises(DataError, match=r"5_o_Clock_Shadow of 000003\.jpg is 7"):
            images.load("celeba", 16)
        path.write_text(text)
        path = folder / "list_eval_partition.txt"
        path.write_text(path.read_text().replace("000005.jpg 1\n", ""))
        with pytest.raises(DataError, match=r"list_eval_partition\.txt has no line for 000005"):
            images.load("celeba", 16)

    @pytest.mark.parametrize(
        ("file", "old", "new", "match"),
        [("list_eval_partition", "000005.jpg 1", "000005.jpg 0.9", "'0.9', which is no whole"),
         ("list_eval_partition", "000005.jpg 1", "000005.jpg val", "'val', which is no whole"),
         ("list_eval_partition", "000005.jpg 1", "000005.jpg 3", "split '3' is none of"),
         ("list_eval_partition", "000005.jpg", "000004.jpg", r"lists 000004\.jpg twice"),
         ("identity_CelebA", "000005.jpg 104", "000005.jpg 5.9", "'5.9', which is no whole"),
         ("identity_CelebA", "000005.jpg", "000004.jpg", r"lists 000004\.jpg twice"),
         ("list_attr_celeba", "000005.jpg", "000004.jpg", r"lists 000004\.jpg twice"),
         ("list_attr_celeba", f"{N}\n", f"{N + 1}\n", "'13', but 12 rows follow"),
         ("list_attr_celeba", f"{N}\n", "rows\n", "'rows', but 12 rows follow")],
    )  # fmt: skip
    def test_what_the_official_files_never_say_is_refused(self, root, file, old, new, match):
        path = write_celeba(root) / f"{file}.txt"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(DataError, match=rf"{file}\.txt.*{match}"):
            images.load("celeba", 16)

    def test_an_attribute_that_is_there_twice_is_refused(self, root):
        write_celeba(root, header=[*celeba.ATTRIBUTES, "Male"])
        with pytest.raises(DataError, match="several columns called 'Male'"):
            images.load("celeba", 16)

    def test_whole_numbers_may_be_written_with_a_point(self, root):
        folder = write_celeba(root)
        plain = images.load("celeba", 16)
        path = folder / "list_eval_partition.txt"
        path.write_text(path.read_text().replace("1\n", "1.0\n"))
        assert images.load("celeba", 16).digest == plain.digest

    def test_a_climbing_member_is_refused_by_name(self, root):
        folder = write_celeba(root)
        with zipfile.ZipFile(folder / "img_align_celeba.zip", "a") as bundle:
            bundle.writestr("../outside.jpg", b"")
        with pytest.raises(CorruptFile, match=r"refusing '\.\./outside\.jpg'"):
            images.load("celeba", 16)

    def test_a_corrupt_member_is_named_or_skipped(self, root):
        folder = write_celeba(root, present=FILES[1:])
        with zipfile.ZipFile(folder / "img_align_celeba.zip", "a") as bundle:
            bundle.writestr(f"img_align_celeba/{FILES[0]}", jpeg(0)[:200])
        with pytest.raises(CorruptFile, match=r"img_align_celeba\.zip: .*000001\.jpg"):
            images.load("celeba", 16)
        found = images.load("celeba", 16, skip_corrupt=True)
        assert len(found) == N - 1 and dict(found.rows_dropped) == {"image cannot be decoded": 1}

    @pytest.mark.parametrize("gone", ["list_attr_celeba.txt", "img_align_celeba.zip"])
    def test_a_missing_file_says_where_to_get_it(self, root, gone):
        (write_celeba(root) / gone).unlink()
        with pytest.raises(MissingData) as error:
            images.load("celeba", 16)
        text = str(error.value)
        assert gone in text and "mmlab.ie.cuhk.edu.hk" in text and "\n" not in text

    def test_other_files_than_the_official_ones_are_refused(self, root, monkeypatch):
        write_celeba(root)
        monkeypatch.delenv("FAIRTUT_VERIFY")
        with pytest.raises(CorruptFile, match=r"list_attr_celeba\.txt is not the expected file"):
            images.load("celeba", 16)

    def test_digests_are_compared_once_and_again_when_a_file_changes(self, root, monkeypatch):
        folder = write_celeba(root)
        entry = DATASETS["celeba"]
        pinned = tuple(
            replace(f, sha256=files.digest(folder / f.path)[0], variants=()) for f in entry.files
        )
        monkeypatch.setitem(DATASETS, "celeba", replace(entry, files=pinned))
        monkeypatch.delenv("FAIRTUT_VERIFY")
        first = images.load("celeba", 16)
        assert "not verified" not in first.source
        with monkeypatch.context() as patch:
            patch.setattr("fairtut.data.images.official.edition", None)  # not called
            patch.setattr("fairtut.data.images.official.digest", None)
            assert images.load("celeba", 16).digest == first.digest
        path = folder / "identity_CelebA.txt"
        path.write_text(path.read_text().replace("000001.jpg 100", "000001.jpg 101"))
        os.utime(path, (1, 1))
        with pytest.raises(CorruptFile, match="identity_CelebA"):
            images.load("celeba", 16)

    def test_torchvision_knows_every_file(self):
        datasets = pytest.importorskip("torchvision.datasets")
        known = {name for _, _, name in datasets.CelebA.file_list}
        assert {file.path for file in DATASETS["celeba"].files} <= known


def write_lfw(root, n=40):
    folder = root / "lfw"
    folder.mkdir()
    rows = [(f"P{i // 4}/P{i // 4}_{i % 4:04d}.jpg", f"P{i // 4}") for i in range(n)]
    labels = [
        (["Male", "Female"][i % 3 == 0], ["happiness", "neutral", "happiness", "anger"][i % 4])
        for i in range(n)
    ]
    labels[5], labels[6], labels[7] = ("", "happiness"), ("Male", ""), ("", "")
    text = "".join(f"{f},{p},{g},{e}\n" for (f, p), (g, e) in zip(rows, labels, strict=True))
    (folder / "lfw_labels.csv").write_text("file,person,gender,emotion\n" + text)
    zipped(
        folder / "lfw-deepfunneled-64px.zip",
        {f"lfw-deepfunneled/{name}": jpeg(i) for i, (name, _) in enumerate(rows)},
    )
    return folder


class TestLFW:
    def test_labels_and_what_is_dropped(self, root):
        write_lfw(root)
        found = images.load("lfw", 16)
        kept = [i for i in range(40) if i not in (5, 6, 7)]
        assert dict(found.rows_dropped) == {"no gender label": 2, "no emotion label": 1}
        assert found.labels("Male").tolist() == [int(i % 3 != 0) for i in kept]
        assert found.labels("Happy").tolist() == [int(i % 2 == 0) for i in kept]
        np.testing.assert_array_equal(found.x[5], decode.decode(jpeg(8), 16))
        # 37 images: five and three tenths
        counts = [int((found.split == s).sum()) for s in ("train", "val", "test")]
        assert sum(counts) == 37 and counts[0] in (18, 19) and counts[1] == 11

    def test_the_split_is_recorded_and_can_keep_people_together(self, root):
        write_lfw(root)
        first, other = images.load("lfw", 16), images.load("lfw", 16, seed=1)
        assert "seed 0" in first.source and "seed 1" in other.source
        assert (first.split != other.split).any()
        assert (images.load("lfw", 16).split == first.split).all()
        mixed = first.attributes.groupby("person", observed=True)
        assert mixed.apply(lambda g: len(set(first.split[first.attributes.index.get_indexer(
            g.index)]))).max() > 1  # fmt: skip
        people = images.load("lfw", 16, by="person")
        for person in people.attributes["person"].unique():
            rows = (people.attributes["person"] == person).to_numpy()
            assert len(set(people.split[rows])) == 1
        with pytest.raises(UnknownName, match="image, person"):
            images.load("lfw", 16, by="day")

    def test_the_split_of_the_paper(self):
        counts = {"train": lfw.TRAIN, "val": lfw.VAL}
        assert counts == {"train": 6_000, "val": 3_600}

    @pytest.mark.parametrize(
        ("old", "new", "match"),
        [("happiness", "Happiness", "emotion 'Happiness' is none of anger"),
         ("happiness", "happiness ", "emotion 'happiness ' is none of anger"),
         ("happiness", "happy", "emotion 'happy' is none of anger"),
         ("Female", "female", "gender 'female' is none of Female, Male"),
         ("person,gender,emotion", "person,gender,gender,emotion", "columns called 'gender'"),
         (",P0,", ",,", "column 'person' is empty in data row 1"),
         ("P0/P0_0000.jpg", " ", "column 'file' is empty in data row 1")],
    )  # fmt: skip
    def test_another_spelling_or_name_is_refused(self, root, old, new, match):
        path = write_lfw(root) / "lfw_labels.csv"
        text = path.read_text().replace(old, new, 1)
        if "columns" in match:
            text = text.replace("ale,", "ale,Male,")
        path.write_text(text)
        with pytest.raises(DataError, match=rf"lfw_labels\.csv.*{match}"):
            images.load("lfw", 16)

    @pytest.mark.parametrize("name", ["Null", "NA", "007"])
    def test_a_person_may_have_any_name(self, root, name):
        path = write_lfw(root) / "lfw_labels.csv"
        path.write_text(path.read_text().replace(",P2,", f",{name},"))
        assert (lfw.read_labels(path).attributes["person"] == name).sum() == 4

    @pytest.mark.parametrize("gap", ["", "NA", " ", "nan", "?"])
    def test_a_gap_is_dropped_and_counted(self, root, gap):
        path = write_lfw(root) / "lfw_labels.csv"
        path.write_text(path.read_text().replace("Female,happiness", f"Female,{gap}", 1))
        assert dict(lfw.read_labels(path).dropped)["no emotion label"] == 2

    @pytest.mark.parametrize("column", ["file", "person", "gender", "emotion"])
    def test_a_lacking_column_is_named(self, root, column):
        path = write_lfw(root) / "lfw_labels.csv"
        path.write_text(path.read_text().replace(column, "other", 1))
        with pytest.raises(DataError, match=rf"lfw_labels\.csv has no column '{column}'"):
            images.load("lfw", 16)


def write_fairface(root):
    folder = root / "fairface"
    folder.mkdir()
    members = {}
    for part, n in (("train", 14), ("val", 9)):
        lines = ["file,age,gender,race,service_test"]
        for i in range(n):
            name = f"{part}/{i}.jpg"
            lines.append(f"{name},{fairface.AGES[i % 9]},{fairface.GENDERS[i % 2]},"
                         f"{fairface.RACES[i % 7]},True")  # fmt: skip
            members[name] = jpeg(i + 100 * (part == "val"))
        (folder / f"fairface_label_{part}.csv").write_text("\n".join(lines))
    del members["train/3.jpg"]  # val/3.jpg must not take its place
    zipped(folder / "fairface-img-64px.zip", members)
    return folder


class TestFairFace:
    def test_labels_and_the_official_split(self, root):
        write_fairface(root)
        found = images.load("fairface", 16)
        rows = [i for i in range(14) if i != 3]
        assert found.split.tolist() == ["train"] * 13 + ["test"] * 9 and found.absent == 1
        assert found.labels("Male").tolist() == [i % 2 for i in [*rows, *range(9)]]
        race, age = found.attributes["race"], found.attributes["age"]
        assert list(race.cat.categories) == list(fairface.RACES) and age.cat.ordered
        assert race.tolist() == [fairface.RACES[i % 7] for i in [*rows, *range(9)]]
        assert (age < "10-19").to_numpy()[-9:].tolist() == [True, True] + [False] * 7
        for row, seed in ((3, 4), (13 + 3, 103)):
            np.testing.assert_array_equal(found.x[row], decode.decode(jpeg(seed), 16))

    def test_an_unpacked_archive_beside_the_labels(self, root):
        folder = write_fairface(root)
        first = images.load("fairface", 16)
        archive = folder / "fairface-img-64px.zip"
        with zipfile.ZipFile(archive) as bundle:
            bundle.extractall(folder)
        archive.unlink()
        assert images.load("fairface", 16).digest == first.digest

    def test_no_archive_and_no_folder_says_where_to_get_it(self, root):
        (write_fairface(root) / "fairface-img-64px.zip").unlink()
        with pytest.raises(MissingData, match="joojs/fairface"):
            images.load("fairface", 16)

    @pytest.mark.parametrize("column", ["gender", "race", "age"])
    def test_a_column_that_is_there_twice_is_refused(self, root, column):
        path = write_fairface(root) / "fairface_label_val.csv"
        path.write_text(path.read_text().replace("service_test", column))
        with pytest.raises(DataError, match=rf"label_val\.csv has several columns.*'{column}'"):
            images.load("fairface", 16)

    @pytest.mark.parametrize(("old", "new"), [("White", "Wite"), ("3-9", "9-Mar")])
    def test_an_odd_value_is_named(self, root, old, new):
        path = write_fairface(root) / "fairface_label_val.csv"
        path.write_text(path.read_text().replace(old, new))
        with pytest.raises(DataError, match=rf"fairface_label_val\.csv: .*{new}.* is none of"):
            images.load("fairface", 16)


def test_an_unknown_data_set():
    with pytest.raises(UnknownName, match="celeba, lfw, fairface"):
        images.load("celebb")


# --- the real files ----------------------------------------------------------------------------


def need(name):
    if not os.environ.get("FAIRTUT_DATA"):
        pytest.skip("FAIRTUT_DATA is not set: the real files are not here")
    try:
        files.locate(name)
    except MissingData:
        pytest.skip(f"FAIRTUT_DATA holds no {name}")


@pytest.mark.real
class TestReal:
    @pytest.fixture(autouse=True)
    def fresh(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))

    def test_celeba(self):
        need("celeba")
        found = images.load("celeba", 64, limit=300)
        assert len(found) == 300 and found.split.tolist() == sorted(
            found.split, key=["train", "val", "test"].index
        )
        # a line of the official file, read in the plainest way
        path = files.data_root() / "celeba" / "list_attr_celeba.txt"
        with open(path) as lines:
            next(lines)
            header = next(lines).split()
            by_name = {line.split()[0]: line.split()[1:] for line in lines}
        for name in found.attributes.index[::30]:
            row = dict(zip(header, by_name[name], strict=True))
            mine = found.attributes.loc[name]
            assert all(mine[a] == (row[a] == "1") for a in celeba.ATTRIBUTES)

    def test_lfw(self):
        need("lfw")
        labels = lfw.read_labels(files.data_root() / "lfw" / "lfw_labels.csv")
        assert [int((labels.split == s).sum()) for s in ("train", "val", "test")] == [
            6_000, 3_600, 3_156,
        ]  # fmt: skip
        assert len(images.load("lfw", 32, limit=100)) == 100

    def test_fairface(self):
        need("fairface")
        found = images.load("fairface", 32, limit=180)
        assert len(found.part("train")) == 140 and len(found.part("test")) == 40
        assert found.labels("race=White").float().mean() < 0.5

    def test_native_images_come_out_as_the_small_ones(self, tmp_path, monkeypatch):
        """The 64-pixel files were made by the same resize: only their compression differs."""
        need("celeba")
        native = files.data_root() / "celeba_native"
        if not native.is_dir():
            pytest.skip("FAIRTUT_DATA holds no celeba_native")
        root = tmp_path / "root"
        root.mkdir()
        (root / "celeba").symlink_to(native)
        monkeypatch.setenv("FAIRTUT_DATA", str(root))
        monkeypatch.setenv("FAIRTUT_VERIFY", "off")
        large = images.load("celeba", 64, limit=40)
        monkeypatch.setenv("FAIRTUT_DATA", str(native.parent))
        monkeypatch.delenv("FAIRTUT_VERIFY")
        small = native.parent / "celeba"
        for path in small.glob("*.zip"):
            with zipfile.ZipFile(path) as bundle:
                here = {name.rsplit("/", 1)[-1]: name for name in bundle.namelist()}
                for row, name in enumerate(large.attributes.index):
                    if name in here:
                        theirs = decode.decode(bundle.read(here[name]), 64)
                        mine = large.x[row].numpy().astype(int)
                        apart = [np.abs(np.roll(mine, by, 1) - theirs).mean() for by in (0, 1, -1)]
                        assert apart[0] < 6 and apart[0] == min(apart)


def test_the_cache_keeps_no_pickle(root):
    """A cache is data: loading it can run nothing."""
    write_celeba(root)
    images.load("celeba", 16)
    (path,) = cache.cache_root().glob("*/labels")
    with np.load(io.BytesIO(seal.unsealed(path)[0]), allow_pickle=False) as arrays:
        assert json.loads(str(arrays["facts"]))["absent"] == 0
        assert all(arrays[name].dtype != object for name in arrays.files)
