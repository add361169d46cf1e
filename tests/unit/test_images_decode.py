"""Decoding and sources: the right pixels of the right file, or a plain refusal."""

from __future__ import annotations

import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from fairtut.data.images import decode as module
from fairtut.data.images.decode import check_size, decode, decode_into
from fairtut.data.images.sources import opened_source
from fairtut.errors import CorruptFile, DataError, InputError, UnknownName


def photo(width=40, height=30, seed=0, kind="PNG", mode="RGB", detail=4, **options):
    """Bytes of a random picture of ``detail`` times ``detail`` smooth spots."""
    noise = np.random.default_rng(seed).integers(0, 256, (detail, detail, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).convert(mode)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)
    return path


@pytest.mark.parametrize("shape", [(178, 218), (218, 178), (16, 16), (10, 37), (301, 64)])
@pytest.mark.parametrize("size", [16, 33])
def test_crop_is_torchvisions_resize_and_centre_crop(shape, size):
    transforms = pytest.importorskip("torchvision.transforms")
    both = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size)])
    data = photo(*shape)
    expected = np.asarray(both(Image.open(io.BytesIO(data)).convert("RGB")))
    np.testing.assert_array_equal(decode(data, size), expected.transpose(2, 0, 1))


def test_plain_resize_keeps_everything_and_crop_keeps_the_shape():
    image = Image.new("RGB", (80, 20))
    image.paste((255, 0, 0), (0, 0, 40, 20))  # left half red
    out = io.BytesIO()
    image.save(out, "PNG")
    plain, crop = (decode(out.getvalue(), 8, resize) for resize in ("plain", "crop"))
    for small in (plain, crop):
        assert small.shape == (3, 8, 8) and small.dtype == np.uint8
        assert small[0, :, 0].tolist() == [255] * 8 and small[0, :, -1].tolist() == [0] * 8
    image.paste((0, 255, 0), (0, 0, 20, 20))  # out of the centre: only plain sees it
    image.save(out := io.BytesIO(), "PNG")
    assert decode(out.getvalue(), 8, "plain")[1].any()
    assert not decode(out.getvalue(), 8, "crop")[1].any()


def test_an_image_of_the_right_size_is_left_alone():
    data = photo(16, 16)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode(data, 16), expected.transpose(2, 0, 1))


def test_a_large_jpeg_decoded_at_a_fraction_looks_the_same():
    data = photo(640, 560, kind="JPEG", quality=95, detail=60)  # decoded at 1/4
    image = Image.open(io.BytesIO(data)).convert("RGB")
    whole = image.resize((73, 64), Image.Resampling.BILINEAR).crop((4, 0, 68, 64))
    difference = np.abs(decode(data, 64).astype(int) - np.asarray(whole).transpose(2, 0, 1))
    assert difference.max() <= 12 and difference.mean() < 2


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_other_colour_modes_become_rgb(mode):
    assert decode(photo(mode=mode), 8).shape == (3, 8, 8)


def test_a_turned_photograph_is_turned_back():
    image = Image.new("RGB", (16, 16))
    image.paste((255, 255, 255), (0, 0, 16, 8))  # bright above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image.save(out := io.BytesIO(), "JPEG", exif=exif)
    small = decode(out.getvalue(), 8)
    assert small[:, 0].max() < 30 and small[:, -1].min() > 225


@pytest.mark.parametrize(
    ("size", "resize", "error"),
    [(7, "crop", InputError), (64.0, "crop", InputError), (True, "crop", InputError),
     (64, "squash", UnknownName)],
)  # fmt: skip
def test_sizes_that_make_no_sense(size, resize, error):
    with pytest.raises(error):
        check_size(size, resize)


@pytest.mark.parametrize("tiny", [0, 1 << 30])
def test_every_row_gets_its_own_image(tmp_path, monkeypatch, tiny):
    monkeypatch.setattr(module, "CHUNK", 4)
    monkeypatch.setattr(module, "TINY", tiny)  # one thread or several
    members = {f"{i}.png": photo(seed=i) for i in range(18)}
    names = list(members)[::-1]
    out = np.zeros((18, 3, 8, 8), np.uint8)
    with opened_source((zipped(tmp_path / "a.zip", members),)) as source:
        entries = source.resolve(names)
        assert decode_into(out, source, entries) == []
    for row, name in zip(out, names, strict=True):
        np.testing.assert_array_equal(row, decode(members[name], 8))


BROKEN = {"cut": photo(kind="JPEG")[:400], "text": b"<html>quota</html>", "empty": b""}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_image_is_named_or_skipped(tmp_path, kind):
    members = {"dir/good.jpg": photo(kind="JPEG"), f"dir/{kind}.jpg": BROKEN[kind]}
    out = np.zeros((2, 3, 8, 8), np.uint8)
    with opened_source((zipped(tmp_path / "a.zip", members),)) as source:
        entries = source.resolve(list(members))
        with pytest.raises(CorruptFile, match=rf"a\.zip: dir/{kind}\.jpg .*skip_corrupt"):
            decode_into(out, source, entries)
        ((row, reason),) = decode_into(out, source, entries, skip_corrupt=True)
    assert row == 1 and f"{kind}.jpg" in reason and "\n" not in reason
    assert out[0].any()


def test_a_flipped_bit_in_a_zip_is_noticed(tmp_path):
    data = photo(kind="JPEG")
    path = zipped(tmp_path / "a.zip", {"a.jpg": data})
    raw = bytearray(path.read_bytes())
    raw[raw.index(data) + len(data) - 30] ^= 1  # the JPEG decoder would not mind
    path.write_bytes(raw)
    with opened_source((path,)) as source, pytest.raises(CorruptFile, match=r"a\.zip: a\.jpg"):
        decode_into(np.zeros((1, 3, 8, 8), np.uint8), source, source.resolve(["a.jpg"]))


@pytest.mark.parametrize("bad", ["/etc/x.jpg", "../x.jpg", "a/../../x.jpg", "C:/x.jpg"])
def test_a_member_that_climbs_is_refused_by_name(tmp_path, bad):
    path = zipped(tmp_path / "a.zip", {"fine.jpg": photo(), bad: photo()})
    with pytest.raises(CorruptFile, match=f"refusing '{bad}'"), opened_source((path,)):
        pass


@pytest.mark.parametrize("bad", ["/etc/x.jpg", "../x.jpg"])
def test_so_is_one_of_a_tar(tmp_path, bad):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as bundle:
        bundle.addfile(tarfile.TarInfo(bad), io.BytesIO())
    with pytest.raises(CorruptFile, match="refusing"), opened_source((tmp_path / "a.tgz",)):
        pass


@pytest.mark.parametrize("name", ["a.zip", "a.tgz"])
def test_what_is_no_archive_says_so(tmp_path, name):
    (tmp_path / name).write_bytes(b"<html>")
    with pytest.raises(CorruptFile, match="not a whole"), opened_source((tmp_path / name,)):
        pass


def test_names_are_found_by_the_end_of_the_path_only(tmp_path):
    first = zipped(tmp_path / "a.zip", {"top/train/1.jpg": b"a", "top/000001.jpg": b"b"})
    second = zipped(tmp_path / "b.zip", {"val/2.jpg": b"c", "000002.jpg": b"d"})
    with opened_source((first, second)) as source:
        names = ["train/1.jpg", "000001.jpg", "val/2.jpg", "000002.jpg", "2.jpg"]
        assert [source.read(e) for e in source.resolve(names)] == [b"a", b"b", b"c", b"d", b"c"]
        # train/2.jpg is not val/2.jpg, and 1.jpg is not the end of a name
        assert source.resolve(["train/2.jpg", "01.jpg", "x/000002.jpg"]) == [None] * 3


def test_a_name_with_two_answers_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", {"train/1.jpg": b"a", "val/1.jpg": b"b"})
    with opened_source((path,)) as source:
        with pytest.raises(DataError, match=r"train/1\.jpg and val/1\.jpg"):
            source.resolve(["1.jpg"])
        assert source.read(source.resolve(["val/1.jpg"])[0]) == b"b"
    twin = zipped(tmp_path / "b.zip", {"train/1.jpg": b"c"})
    with opened_source((path, twin)) as source, pytest.raises(DataError, match="write more"):
        source.resolve(["train/1.jpg"])


def test_a_whole_path_goes_before_the_end_of_one(tmp_path):
    path = zipped(tmp_path / "a.zip", {"small/1.jpg": b"b", "1.jpg": b"a"})
    with opened_source((path,)) as source:
        assert source.read(source.resolve(["1.jpg"])[0]) == b"a"


def test_folder_zip_and_tar_hold_the_same(tmp_path):
    members = {"p/a.jpg": b"1", "p/q/b.jpg": b"22"}
    for name, data in members.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    zipped(tmp_path / "a.zip", members)
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as bundle:
        bundle.add(tmp_path / "folder", ".")
    for name in ("folder", "a.zip", "a.tgz"):
        with opened_source((tmp_path / name,)) as source:
            assert [source.read(e) for e in source.resolve(list(members))] == [b"1", b"22"]
            assert sorted(entry.size for entry in source.entries) == [1, 2]


def png(values, **options):
    out = io.BytesIO()
    Image.fromarray(np.asarray(values, dtype=np.uint16)).save(out, "PNG", **options)
    return out.getvalue()


def test_sixteen_bits_that_are_twelve_are_refused_and_black_is_black():
    ramp = np.arange(64).reshape(8, 8)
    with pytest.raises(InputError, match="16 bits go from 0 to 4032 only"):
        decode(png(ramp * 64), 8)
    np.testing.assert_array_equal(decode(png(ramp * 66), 8)[0], ramp * 66 >> 8)
    assert decode(png(ramp * 0), 8).max() == 0


def test_a_transparent_grey_value_of_sixteen_bits_is_white():
    values = np.full((8, 8), 20_000)
    values[:, 4:] = 30_000
    found = decode(png(values, transparency=20_000), 8)
    assert (found[:, :, :4] == 255).all() and (found[:, :, 4:] == 30_000 >> 8).all()
