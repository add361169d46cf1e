"""Small files that would become large, and links that lead out: one sentence, little memory."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from fairtut.data.images import decode as module
from fairtut.data.images import tars
from fairtut.data.images.decode import decode, decode_into
from fairtut.data.images.sources import IMAGE_LIMIT, opened_source
from fairtut.errors import CorruptFile, InputError

MIB = 1 << 20


def encoded(array, kind="PNG", mode=None, **options):
    out = io.BytesIO()
    image = Image.fromarray(array) if mode is None else Image.fromarray(array).convert(mode)
    image.save(out, kind, **options)
    return out.getvalue()


def png(width, height):
    """A grey PNG of zeros, made without holding it."""

    def chunk(tag, data):
        check = struct.pack(">I", zlib.crc32(tag + data))
        return struct.pack(">I", len(data)) + tag + data + check

    squeeze = zlib.compressobj(9)
    rows = b"".join(squeeze.compress(bytes(width + 1)) for _ in range(height)) + squeeze.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class Zeros(io.RawIOBase):
    """So many zero bytes."""

    def __init__(self, n):
        self.n = n

    def readable(self):
        return True

    def readinto(self, buffer):
        n = min(len(buffer), self.n)
        buffer[:n] = bytes(n)
        self.n -= n
        return n


def tar(path, members, mode="w:gz"):
    """Members: (name, bytes), (name, how many zeros) or (name, a TarInfo's fields)."""
    with tarfile.open(path, mode) as bundle:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, dict):
                for field, value in data.items():
                    setattr(info, field, value)
                bundle.addfile(info)
                continue
            info.size = data if isinstance(data, int) else len(data)
            stream = Zeros(data) if isinstance(data, int) else io.BytesIO(data)
            bundle.addfile(info, io.BufferedReader(stream) if isinstance(data, int) else stream)
    return path


def peak():
    """Reset the peak of this process's memory; returns a function that tells its rise in MiB."""
    try:
        with open("/proc/self/clear_refs", "w") as switch:
            switch.write("5")
    except OSError:
        pytest.skip("the system does not tell peaks of memory")

    def told():
        with open("/proc/self/status") as lines:
            values = dict(line.split(":", 1) for line in lines)
        return int(values["VmHWM"].split()[0]) / 1024

    before = told()
    return lambda: told() - before


def refused(path, match, most=64):
    rise = peak()
    with pytest.raises(CorruptFile, match=match) as error, opened_source((path,)) as source:
        decode_into(np.zeros((1, 3, 8, 8), np.uint8), source, source.resolve(["a.png"]))
    assert "\n" not in str(error.value) and path.name in str(error.value)
    assert rise() < most


GOOD = encoded(np.full((9, 9, 3), 200, np.uint8))


class TestArchives:
    def test_a_large_member_that_no_label_names(self, tmp_path):
        path = tar(tmp_path / "a.tgz", [("a.png", GOOD), ("b.bin", IMAGE_LIMIT + 1)])
        refused(path, r"refusing 'b\.bin'.*take it out")

    @pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
    def test_many_members_that_no_label_names(self, tmp_path, mode):
        members = [("a.png", GOOD), *((f"{i}.bin", 24 * MIB) for i in range(4))]
        refused(tar(tmp_path / "a.tar.x", members, mode), "inflates to more than 100 times")

    def test_a_header_that_tarfile_would_read_as_a_whole(self, tmp_path):
        info = tarfile.TarInfo("././@PaxHeader")
        info.type, info.size = tarfile.XHDTYPE, 200 * MIB
        path = tmp_path / "a.tar"
        with open(path, "wb") as stream:
            stream.write(info.tobuf(tarfile.USTAR_FORMAT))
            stream.truncate(200 * MIB)
        refused(path, "a header of 209715200 bytes")

    def test_a_zip_member_that_lies_about_its_size(self, tmp_path):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr("a.png", bytes(200 * MIB))
        raw = path.read_bytes()
        path.write_bytes(raw.replace(struct.pack("<I", 200 * MIB), struct.pack("<I", 1000)))
        refused(path, r"a\.png cannot be unpacked")

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_a_zip_member_that_zipfile_inflates_without_a_limit(self, tmp_path, method):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as bundle:
            bundle.writestr("a.png", GOOD)
        refused(tmp_path / "a.zip", "pack the archive again with deflate")

    @pytest.mark.parametrize("name", ["a.TGZ", "a.tar.bz2", "a.tar.xz", "a.tar", "a.dat"])
    def test_every_kind_of_tar_is_read_whatever_its_name(self, tmp_path, name):
        mode = {"bz2": "w:bz2", "xz": "w:xz", "tar": "w"}.get(name.split(".")[-1], "w:gz")
        members = [(f"{i}.png", bytes([i]) * (1000 + i)) for i in range(9)]
        path = tar(tmp_path / name, [*members, ("notes.txt", b"no image")], mode)
        with opened_source((path,)) as source:
            entries = source.resolve([f"{i}.png" for i in (7, 2, 5)])
            source.prepare(entries, tmp_path)
            assert [source.read(entry) for entry in entries] == [members[i][1] for i in (7, 2, 5)]
        assert [p.name for p in tmp_path.iterdir()] == [name]

    def test_any_damage_to_a_packed_tar_is_one_sentence_or_none(self, tmp_path):
        rng = np.random.default_rng(0)
        path = tar(tmp_path / "a.tgz", [("a.png", GOOD)])
        good = path.read_bytes()
        for at in range(60):
            bad = bytearray(good)
            bad[rng.integers(len(bad))] ^= int(rng.integers(1, 256))
            path.write_bytes(bad if at % 2 else good[: rng.integers(len(good))])
            try:
                with opened_source((path,)) as source:
                    (entry,) = source.resolve(["a.png"])
                    assert entry is None or source.read(entry) == GOOD
            except CorruptFile as error:
                assert "\n" not in str(error)


class TestLinks:
    def test_a_link_out_of_a_folder_is_refused_by_name(self, tmp_path):
        (tmp_path / "secret").mkdir()
        (tmp_path / "secret" / "1.png").write_bytes(GOOD)
        for at, target in enumerate(("secret/1.png", "secret", "nowhere")):
            folder = tmp_path / f"photos{at}"
            folder.mkdir()
            (folder / "x.png").symlink_to(tmp_path / target)
            with pytest.raises(CorruptFile, match=r"refusing .*x\.png, a link that leads out"):
                opened_source((folder,)).__enter__()

    def test_a_link_inside_is_read_and_a_circle_is_not_walked(self, tmp_path):
        folder = tmp_path / "photos"
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "1.png").write_bytes(GOOD)
        (folder / "2.png").symlink_to("a/1.png")
        (folder / "again").symlink_to("a")
        (folder / "a" / "b" / "round").symlink_to("../..")
        (folder / "self").symlink_to("self")
        (tmp_path / "door").symlink_to(folder)  # the folder itself may be a link
        for root in (folder, tmp_path / "door"):
            with opened_source((root,)) as source:
                paths = [entry.path for entry in source.entries]
                assert paths == ["2.png", "a/1.png", "again/1.png"]
                assert source.read(source.entries[0]) == GOOD

    @pytest.mark.parametrize("target", ["/etc/passwd", "../../x"])
    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
    def test_a_link_out_of_a_tar_is_refused_by_name(self, tmp_path, kind, target):
        path = tar(tmp_path / "a.tgz", [("p/l.png", {"type": kind, "linkname": target})])
        with pytest.raises(CorruptFile, match=r"refusing 'p/l\.png', a link that leads out"):
            opened_source((path,)).__enter__()

    def test_links_inside_a_tar_are_other_names(self, tmp_path):
        hard = {"type": tarfile.LNKTYPE, "linkname": "p/a.png"}
        soft = {"type": tarfile.SYMTYPE, "linkname": "../p/a.png"}
        path = tar(tmp_path / "a.tgz", [("p/a.png", GOOD), ("h.png", hard), ("q/s.png", soft)])
        with opened_source((path,)) as source:
            names = ["p/a.png", "h.png", "q/s.png"]
            assert [source.read(entry) for entry in source.resolve(names)] == [GOOD] * 3

    def test_a_large_file_of_a_folder_is_refused_unread(self, tmp_path):
        (tmp_path / "p").mkdir()
        with open(tmp_path / "p" / "a.png", "wb") as stream:
            stream.truncate(1 << 33)
        refused(tmp_path / "p", r"a\.png has more than", most=128)


class TestNames:
    def test_zip_names_with_backslash_or_colon_and_letters_in_two_forms(self, tmp_path):
        decomposed, composed = "Jose\u0301.png", "Jos\u00e9.png"
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
            for name in ("x\\a.png", "photo 12:30.png", decomposed):
                info = zipfile.ZipInfo("name")
                info.filename = name
                bundle.writestr(info, name.encode())
        with opened_source((tmp_path / "a.zip",)) as source:
            entries = source.resolve(["x/a.png", "photo 12:30.png", composed])
            assert [source.read(entry) for entry in entries] == [
                b"x\\a.png", b"photo 12:30.png", decomposed.encode(),
            ]  # fmt: skip
            assert source.resolve([decomposed]) == entries[2:]


class TestPictures:
    @pytest.mark.parametrize(("width", "height"), [(400_000, 1), (1, 400_000), (3, 90_000)])
    @pytest.mark.parametrize("resize", ["crop", "plain"])
    def test_a_line_of_pixels_needs_little(self, width, height, resize):
        data, rise = png(width, height), peak()
        assert decode(data, 64, resize).shape == (3, 64, 64) and rise() < 64

    def test_the_middle_of_a_long_picture_is_what_is_shown(self):
        grey = np.zeros((8, 8 * 101), np.uint8)
        grey[:, 8 * 50 : 8 * 51] = 255
        small = decode(encoded(grey), 8)
        assert (small == 255).all()

    def test_too_many_pixels_are_refused_unread(self):
        data, rise = png(8000, 8000), peak()
        with pytest.raises(InputError, match="8000 times 8000 pixels are more than"):
            decode(data, 64)
        assert rise() < 32

    def test_a_large_jpeg_is_read_unless_it_is_progressive(self, monkeypatch):
        monkeypatch.setattr(module, "MOST_PIXELS", 100_000)
        array = np.full((600, 800, 3), 90, np.uint8)
        assert abs(int(decode(encoded(array, "JPEG"), 16).mean()) - 90) <= 1
        with pytest.raises(InputError, match="800 times 600"):
            decode(encoded(array, "JPEG", progressive=True), 16)

    def test_a_file_that_starts_other_programs_is_no_image(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
        with opened_source((tmp_path,)) as source, pytest.raises(CorruptFile, match="of the kinds"):
            decode_into(np.zeros((1, 3, 8, 8), np.uint8), source, source.resolve(["a.png"]))


class TestModes:
    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    @pytest.mark.parametrize("low", [0, 255])
    def test_sixteen_bits_keep_their_upper_eight(self, kind, low):
        square = np.arange(256, dtype=np.uint16).reshape(16, 16)
        found = decode(encoded((square << 8) + low, kind), 16)
        for channel in found:
            np.testing.assert_array_equal(channel, square)

    def test_floats_between_nought_and_one_are_scaled(self):
        square = np.arange(256).reshape(16, 16)
        found = decode(encoded((square / 255).astype(np.float32), "TIFF"), 16)
        np.testing.assert_array_equal(found[1], square)

    @pytest.mark.parametrize(
        ("value", "kind"), [(255.0, "scale them"), (np.nan, "scale them"), (-0.1, "scale them")]
    )
    def test_other_floats_are_refused(self, value, kind):
        array = np.zeros((16, 16), np.float32)
        array[3, 3] = value
        with pytest.raises(InputError, match=kind):
            decode(encoded(array, "TIFF"), 16)

    def test_integers_of_32_bits_are_refused(self):
        with pytest.raises(InputError, match="32-bit"):
            decode(encoded(np.full((16, 16), 7, np.int32), "TIFF"), 16)

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
    def test_what_is_transparent_is_white_whatever_colour_hides_there(self, mode):
        array = np.zeros((16, 16, 4), np.uint8)
        array[..., 3] = 255
        array[:8, :, :3], array[:8, :, 3] = 40, 0  # hidden grey above, black below
        image, out = Image.fromarray(array), io.BytesIO()
        if mode == "P":
            image = Image.fromarray((array[..., 0] > 0).astype(np.uint8)).convert("P")
            image.putpalette([0, 0, 0, 40, 40, 40])
            image.save(out, "PNG", transparency=1)
        else:
            image.convert(mode).save(out, "PNG")
        found = decode(out.getvalue(), 16)
        assert (found[:, :8] == 255).all() and (found[:, 8:] == 0).all()

    def test_half_transparent_is_half_white_and_opaque_is_as_it_was(self):
        rng = np.random.default_rng(0)
        array = rng.integers(0, 256, (16, 16, 4), dtype=np.uint8)
        array[..., 3] = 255
        found = decode(encoded(array), 16)
        np.testing.assert_array_equal(found, array[..., :3].transpose(2, 0, 1))
        array[...] = (0, 0, 0, 128)
        assert np.abs(decode(encoded(array), 16).astype(int) - 127).max() <= 1


def test_the_limit_on_xz_memory_holds(tmp_path):
    """A dictionary of 1 GiB is asked for by a few bytes."""
    import lzma

    if not os.path.exists("/proc/self/clear_refs"):
        pytest.skip("the system does not tell peaks of memory")
    data = bytearray(lzma.compress(b"x" * 100))
    small = tars._Xz(io.BytesIO(bytes(data)))
    assert io.BufferedReader(small).read() == b"x" * 100
    # the size of the dictionary is the last byte of the filter's properties in the block's header
    at = data.index(b"\x21\x01") + 2
    data[at] = 36  # 1 GiB
    size = (data[12] + 1) * 4
    data[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(bytes(data[12 : 12 + size - 4])))
    with pytest.raises(lzma.LZMAError, match=r"[Mm]emory"):
        io.BufferedReader(tars._Xz(io.BytesIO(bytes(data)))).read()
