"""Images of your own, and the cache: whole or absent, keyed by what it depends on."""

from __future__ import annotations

import gzip
import io
import os
import signal
import subprocess
import sys
import tarfile
import types
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from fairtut.data import images
from fairtut.data.images import cache, decode
from fairtut.errors import CorruptFile, DataError, InputError, MissingData, UnknownName

N = 12


def jpeg(seed, width=20, height=24):
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((width, height)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Twelve photographs of different sizes, their table, and an empty cache."""
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(N):
        (folder / f"{i}.jpg").write_bytes(jpeg(i, 20 + i, 30 - i))
    rows = [
        f"{i}.jpg,{i % 2},{2 * (i % 3 == 0) - 1},{['no', 'Yes'][i % 2]},{20 + i},{'ab'[i % 2]}c,"
        f"{['train', 'valid', 'test'][i % 3]}"
        for i in range(N)
    ]
    (tmp_path / "table.csv").write_text("file,hat,smile,young,age,kind,split\n" + "\n".join(rows))
    return tmp_path


def load(own, size=16, **options):
    return images.from_folder(own / "photos", own / "table.csv", size, **options)


def stored(own):
    return sorted(p for p in (own / "cache").rglob("*") if p.is_file() and p.name != ".lock")


def rewrite(own, old, new):
    path = own / "table.csv"
    path.write_text(path.read_text().replace(old, new))


def test_pixels_and_labels_belong_together(own):
    found = load(own)
    assert found.x.shape == (N, 3, 16, 16) and found.x.dtype == torch.uint8
    for i in range(N):
        expected = decode.decode((own / "photos" / f"{i}.jpg").read_bytes(), 16)
        np.testing.assert_array_equal(found.x[i], expected)
    assert found.labels("hat").tolist() == [i % 2 for i in range(N)]
    assert found.labels("smile").tolist() == [int(i % 3 == 0) for i in range(N)]
    assert found.labels("young").tolist() == [i % 2 for i in range(N)]
    assert found.attributes["age"].tolist() == list(range(20, 20 + N))
    assert found.labels("kind=bc").tolist() == [i % 2 for i in range(N)]
    assert found.split.tolist() == ["train", "val", "test"] * 4
    assert found.attributes.index[3] == "3.jpg" and found.name == "photos"
    assert found.absent == 0 and found.rows_dropped == ()
    assert found.digest == images.digest_of(found.x, found.attributes, found.split)


def test_a_zip_gives_the_same_set(own):
    with zipfile.ZipFile(own / "photos.zip", "w") as bundle:
        for path in (own / "photos").iterdir():
            bundle.write(path, f"some/where/{path.name}")
    assert images.from_folder(own / "photos.zip", own / "table.csv", 16).digest == load(own).digest


def test_the_second_load_decodes_nothing_and_is_the_same(own, monkeypatch):
    first = load(own)

    def never(*args):
        raise AssertionError("decoded again")

    monkeypatch.setattr(decode, "decode", never)
    second = load(own)
    assert torch.equal(first.x, second.x) and first.attributes.equals(second.attributes)
    assert first.attributes.dtypes.equals(second.attributes.dtypes)
    assert (first.split == second.split).all() and first.digest == second.digest


def test_writing_to_the_pixels_does_not_reach_the_cache(own):
    first = load(own)
    before = first.x.clone()
    first.x.zero_()
    assert torch.equal(load(own).x, before)


@pytest.mark.parametrize("option", [{"size": 24}, {"resize": "plain"}, {"limit": 6}])
def test_another_wish_has_another_key(own, option):
    first, second = load(own), load(own, **option)
    assert len(stored(own)) == 4 and first.digest != second.digest
    if "limit" not in option:
        size = option.get("size", 16)
        data = (own / "photos" / "5.jpg").read_bytes()
        expected = decode.decode(data, size, option.get("resize", "crop"))
        np.testing.assert_array_equal(second.x[5], expected)


def test_a_changed_image_or_table_is_read_again(own):
    first = load(own)
    path = own / "photos" / "0.jpg"
    path.write_bytes(jpeg(99))
    second = load(own)
    assert not torch.equal(first.x[0], second.x[0]) and torch.equal(first.x[1:], second.x[1:])
    rewrite(own, "0.jpg,0", "0.jpg,1")
    assert load(own).labels("hat")[0] == 1


def test_a_new_version_of_the_code_decodes_again(own, monkeypatch):
    load(own)
    monkeypatch.setattr(cache.code, "digest", lambda target: "other code")
    load(own)
    assert len(stored(own)) == 4


def test_a_limit_keeps_the_shares_of_the_splits(own):
    few = load(own, limit=6)
    assert sorted(few.split.tolist()) == ["test"] * 2 + ["train"] * 2 + ["val"] * 2
    whole = load(own)
    for row, name in enumerate(few.attributes.index):
        assert torch.equal(few.x[row], whole.x[whole.attributes.index.get_loc(name)])
    assert len(load(own, limit=1000)) == N


def test_absent_images_are_counted(own):
    (own / "photos" / "1.jpg").unlink()
    (own / "photos" / "7.jpg").unlink()
    for _ in range(2):
        found = load(own)
        assert len(found) == N - 2 and found.absent == 2
        assert found.attributes["age"].tolist() == [20 + i for i in range(N) if i not in (1, 7)]


def test_a_name_in_other_capitals_is_told(own):
    rewrite(own, "\n3.jpg", "\n3.JPG")
    with pytest.warns(UserWarning, match=r"1 images are not there \(3\.jpg is: .*not 3\.JPG"):
        assert load(own).absent == 1
    rewrite(own, ".jpg", ".Jpg")
    with pytest.raises(MissingData, match=r"none of the 12 images.*\(0\.jpg is: write it so"):
        load(own)


def test_a_corrupt_image_is_named_or_skipped_and_counted(own):
    (own / "photos" / "4.jpg").write_bytes(jpeg(4)[:300])
    with pytest.raises(CorruptFile, match=r"4\.jpg cannot be decoded.*skip_corrupt=True"):
        load(own)
    assert stored(own) == []
    for _ in range(2):
        found = load(own, skip_corrupt=True)
        assert found.attributes["age"].tolist() == [20 + i for i in range(N) if i != 4]
        assert found.rows_dropped == (("image cannot be decoded", 1),) and found.absent == 0
        np.testing.assert_array_equal(
            found.x[4], decode.decode((own / "photos" / "5.jpg").read_bytes(), 16)
        )
    with pytest.raises(CorruptFile, match="1 image"):  # who did not ask for it is told
        load(own)


def test_only_corrupt_images_are_an_error_in_any_case(own):
    for path in (own / "photos").iterdir():
        path.write_bytes(b"")
    with pytest.raises(CorruptFile):
        load(own, skip_corrupt=True)
    assert stored(own) == []


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("file,", "image,", r"table\.csv has no column 'file'"),
        ("3.jpg,1,", ",1,", r"table\.csv: column 'file' is empty in data row 4"),
        (",ac,train", ",ac,", r"table\.csv: column 'split' is empty in data row"),
        ("valid", "dev", r"table\.csv: split 'dev' is none of"),
        ("split", "spilt", r"no column 'split', but 'spilt' holds splits: pass split='spilt'"),
        ("split", "cut", r"no column 'split', but 'cut' holds splits"),
        ("hat,", "smile,", r"several columns called 'smile'"),
        ("ac,", "BC,", r"'kind' holds both 'BC' and 'bc'"),
        ("3.jpg,1", "2.jpg,1", r"photos: 2\.jpg is in the splits 'test' and 'train'"),
    ],
)
def test_a_bad_table_is_named(own, old, new, match):
    rewrite(own, old, new)
    with pytest.raises((DataError, InputError), match=match):
        load(own)
    assert stored(own) == []


LINKS = ["symlink", "hard link", "tar symlink", "tar hard link"]


def linked(own, kind):
    """Give 0.jpg, of the training set, another name that the table puts into the test set."""
    photos, path = own / "photos", own / "photos" / "2.jpg"
    path.unlink()
    if kind == "symlink":
        path.symlink_to(photos / "0.jpg")
    elif kind == "hard link":
        path.hardlink_to(photos / "0.jpg")
    if not kind.startswith("tar"):
        return photos
    with tarfile.open(own / "photos.tar", "w") as bundle:
        bundle.add(photos, "photos")
        info = tarfile.TarInfo("photos/2.jpg")
        info.type = tarfile.SYMTYPE if kind == "tar symlink" else tarfile.LNKTYPE
        info.linkname = "0.jpg" if kind == "tar symlink" else "photos/0.jpg"
        bundle.addfile(info)
    return own / "photos.tar"


@pytest.mark.parametrize("kind", LINKS)
def test_one_image_under_two_names_is_in_one_split(own, kind):
    where = linked(own, kind)
    match = r"0\.jpg or (photos/)?2\.jpg is in the splits 'train' and 'test'"
    with pytest.raises(DataError, match=match):
        images.from_folder(where, own / "table.csv", 16)
    rewrite(own, "2.jpg,0,-1,no,22,ac,test", "2.jpg,0,1,no,20,ac,train")  # as 0.jpg
    assert len(images.from_folder(where, own / "table.csv", 16)) == N


@pytest.mark.parametrize(
    ("row", "match"),
    [("0.jpg,1,1,no,20,ac,train", "both 'False' and 'True' as 'hat'"),
     ("0.jpg,0,1,no,20.5,ac,train", "both '20.0' and '20.5' as 'age'"),
     ("./0.jpg,0,1,no,20,bc,train", "as 'kind'"),
     ("0.jpg,0,1,no,20,ac,train", None), ("0.jpg,0,1,no,20,,train", None)],
)  # fmt: skip
def test_an_image_says_one_thing(own, row, match):
    with open(own / "table.csv", "a") as table:
        table.write(f"\n{row}")
    if match is None:
        assert len(load(own)) == N + 1
    else:
        with pytest.raises(DataError, match=rf"photos: 0\.jpg has .*{match}: keep one row"):
            load(own)


def test_a_header_may_differ_in_capitals_and_blanks(own):
    plain = load(own)
    for old, new in (("file,", "File ,"), (",split", ",\u00a0Split "), ("valid", "Validation ")):
        rewrite(own, old, new)
    rewrite(own, ",train", ", training")
    assert load(own).digest == plain.digest
    numbers = {"training": "0.0", "Validation ": "1.0", "test": "2.0"}
    for old, new in numbers.items():
        rewrite(own, old, new)
    assert (load(own).split == plain.split).all()


def test_a_gap_is_told_to_whoever_asks_for_that_column(own):
    rewrite(own, "3.jpg,1,", "3.jpg,,")
    rewrite(own, "5.jpg,1,-1,Yes,25,bc", "5.jpg,1,-1,Yes,NA,")
    found = load(own)
    assert found.labels("smile").tolist() == [int(i % 3 == 0) for i in range(N)]
    for name in ("hat", "hat=1.0", "age=24.0", "kind=bc"):
        with pytest.raises(InputError, match=r"has no value for 1 of 12 images.*notna"):
            found.labels(name)
    there = found.select(found.attributes["hat"].notna())
    assert there.labels("hat").tolist() == [i % 2 for i in range(N) if i != 3]


def test_codes_and_long_numbers_stay_as_they_are(own):
    for i in range(N):
        rewrite(own, f",{20 + i},", f",0{i % 2}0{i // 2},")
    assert load(own).attributes["age"].astype(str).loc["3.jpg"] == "0101"
    rewrite(own, "kind", "id")
    rewrite(own, "ac,", f"{2**64},")
    rewrite(own, "bc,", f"{2**64 + 1},")
    assert set(load(own).attributes["id"]) == {str(2**64), str(2**64 + 1)}


def test_a_packed_table_is_read_whatever_it_is_called(own):
    plain = load(own)
    packed = gzip.compress((own / "table.csv").read_bytes())
    for name in ("table.csv", "TABLE.CSV.GZ"):
        (own / name).write_bytes(packed)
        found = images.from_folder(own / "photos", own / name, 16)
        assert found.digest == plain.digest


def test_empty_things_are_named(own):
    text = (own / "table.csv").read_text()
    (own / "table.csv").write_text(text.splitlines()[0])
    with pytest.raises(DataError, match=r"table\.csv holds no rows"):
        load(own)
    (own / "table.csv").write_text("")
    with pytest.raises(DataError, match=r"table\.csv is not a table"):
        load(own)
    (own / "table.csv").write_text(text)
    for path in (own / "photos").iterdir():
        path.unlink()
    with pytest.raises(MissingData, match=r"none of the 12 images.*0\.jpg"):
        load(own)
    (own / "photos").rmdir()
    with pytest.raises(MissingData, match="photos is not there"):
        load(own)
    (own / "table.csv").unlink()
    (own / "photos").mkdir()
    with pytest.raises(MissingData, match=r"table\.csv is not there"):
        load(own)


def test_a_single_class_is_refused_when_asked_for(own):
    rewrite(own, "Yes", "no")
    with pytest.raises(InputError, match=r"young.*0 for each"):
        load(own).labels("young")


@pytest.mark.parametrize(
    ("options", "error"),
    [({"size": 7}, InputError), ({"limit": 0}, InputError), ({"resize": "x"}, UnknownName),
     ({"device": "cuda:77"}, InputError)],
)  # fmt: skip
def test_wishes_that_make_no_sense(own, options, error):
    with pytest.raises(error):
        load(own, **options)


def test_without_a_split_column_rows_are_split_at_random_and_repeatably(own):
    found = load(own, split=None)
    assert sorted(found.split.tolist()) == ["test"] * 3 + ["train"] * 7 + ["val"] * 2
    assert (found.split == load(own, split=None).split).all()
    assert (found.split != load(own, split=None, seed=1).split).any()
    head, *rows = (own / "table.csv").read_text().split("\n")
    rows[1::2] = rows[::2]  # every image twice, with the same labels
    (own / "table.csv").write_text("\n".join([head, *rows]))
    twice = load(own, split=None).split
    assert (twice[::2] == twice[1::2]).all() and len(set(twice)) > 1


def test_an_error_in_the_middle_leaves_nothing_and_the_next_run_works(own, monkeypatch):
    calls, real = [], decode.decode

    def fails(*args):
        calls.append(args)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(decode, "decode", fails)
        with pytest.raises(KeyboardInterrupt):
            load(own)
    assert stored(own) == []
    assert len(load(own)) == N


def test_an_end_between_pixels_and_labels_is_made_good(own, monkeypatch):
    def fails(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cache.stored, "store_labels", fails)
        with pytest.raises(KeyboardInterrupt):
            load(own)
    assert stored(own) == [], "nobody would look for the pixels again"
    assert len(load(own)) == N


@pytest.mark.parametrize("name", ["pixels.npy", "labels"])
@pytest.mark.parametrize("damage", ["cut", "gone", "empty"])
def test_a_damaged_cache_is_made_again(own, name, damage):
    first = load(own)
    before = first.x.clone()
    del first
    (path,) = [p for p in stored(own) if p.name == name]
    data = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(data[: len(data) // 2] if damage == "cut" else b"")
    assert torch.equal(load(own).x, before)


KILLED = """
import sys, time
from fairtut.data import images
from fairtut.data.images import decode
real, calls = decode.decode, []
def slow(*args):
    calls.append(args)
    if len(calls) > 6:
        print("half", flush=True)
        time.sleep(60)
    return real(*args)
decode.decode = slow
images.from_folder(sys.argv[1], sys.argv[2], 16)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_kill_leaves_nothing_that_the_next_run_would_trust(own):
    command = [sys.executable, "-c", KILLED, str(own / "photos"), str(own / "table.csv")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"half\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert all(p.name.endswith(".tmp") for p in stored(own)) and stored(own)
    assert len(load(own)) == N
    assert [p.name for p in stored(own)] == ["labels", "pixels.npy"], "leftovers are gone"


def test_a_full_disk_is_said_before_anything_is_written(own, monkeypatch):
    usage = types.SimpleNamespace(free=1000)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(MissingData, match=r"cannot keep decoded images.*FAIRTUT_CACHE"):
        load(own)
    assert stored(own) == []
