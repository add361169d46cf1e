"""Bits, signs, orientation and transparency that Pillow reads in another way than it is meant."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fairtut.data.images.decode import decode
from fairtut.errors import InputError

SIDE = 8
DARK, BRIGHT = 4000, 60_000  # the largest values of 12 bits not stretched, and of 16


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(colour, depth, rows, before=b"", after=b""):
    """Bytes of a PNG with the packed bytes of each row."""
    head = struct.pack(">IIBBBBB", SIDE, SIDE, depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    body = chunk(b"IHDR", head) + before + chunk(b"IDAT", pixels) + after + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tiff(values, meaning=1, sign=1):
    """Bytes of a plain TIFF; ``meaning`` 0 says that 0 is white, ``sign`` 2 that -1 is a value."""
    bands, bits, data = values[0, 0].size, values.dtype.itemsize * 8, values.tobytes()
    start, end = 8 + len(data), 8 + len(data) + 2 + 12 * 11 + 4
    many = bands > 1
    tags = [
        (256, 1, SIDE), (257, 1, SIDE), (258, bands, end if many else bits), (259, 1, 1),
        (262, 1, 2 if many else meaning), (273, 1, 8), (277, 1, bands), (278, 1, SIDE),
        (279, 1, len(data)), (338, 1, 2), (339, bands, end + 2 * bands if many else sign),
    ]  # fmt: skip
    tags = [tag for tag in tags if tag[0] != 338 or bands == 4]
    listed = b"".join(
        struct.pack("<HHII", tag, 4 if tag == 279 else 3, n, value) for tag, n, value in tags
    )
    listed = struct.pack("<H", len(tags)) + listed.ljust(12 * 11 + 4, b"\0")
    more = struct.pack(f"<{2 * bands}H", *[bits] * bands, *[sign] * bands)
    return b"II*\0" + struct.pack("<I", start) + data + listed + more


def ramp(top, bands):
    values = np.linspace(0, top, SIDE * SIDE).astype(np.uint16).reshape(SIDE, SIDE, 1)
    values = np.repeat(values, bands, 2)
    if bands in (2, 4):
        values[..., -1] = 65535  # opaque
    return values


def deep(kind, values):
    """Return 16 bits a colour in a file of some kind."""
    bands = values.shape[2]
    if kind == "png":
        return png({2: 4, 3: 2, 4: 6}[bands], 16, [row.tobytes() for row in values.astype(">u2")])
    if kind == "tiff":
        return tiff(values.astype("<u2"))
    if kind == "plain ppm":
        return b"P3 8 8 65535\n" + b" ".join(str(v).encode() for v in values.ravel())
    return b"P6 8 8 65535\n" + values.astype(">u2").tobytes()


@pytest.mark.parametrize(
    ("kind", "bands"),
    [("png", 2), ("png", 3), ("png", 4), ("tiff", 3), ("tiff", 4), ("ppm", 3), ("plain ppm", 3)],
)
def test_colours_of_sixteen_bits_that_are_twelve_are_refused(kind, bands):
    for top in (4095, DARK, 255, 0):
        with pytest.raises(InputError, match=r"its 16 bits go .* nearly black: scale them"):
            decode(deep(kind, ramp(top, bands)), SIDE)
    found = decode(deep(kind, ramp(BRIGHT, bands)), SIDE)
    assert np.abs(found[1].astype(int) - (ramp(BRIGHT, bands)[..., 0] >> 8)).max() <= 1


def test_five_and_six_bits_of_a_bmp_may_be_dark():
    head = struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, 16, 3, 2 * SIDE * SIDE, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    body = head + masks + struct.pack("<H", 1 << 11) * SIDE * SIDE
    found = decode(b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 66) + body, SIDE)
    assert found[0].max() == 8 and found[1:].max() == 0


@pytest.mark.parametrize("meaning", [0, 1])
@pytest.mark.parametrize("kind", ["u1", "<u2", "<f4"])
def test_a_zero_that_is_white_is_white(kind, meaning):
    grey = np.linspace(0, 1, SIDE * SIDE).reshape(SIDE, SIDE)
    top = {"u1": 255, "<u2": 65535, "<f4": 1}[kind]
    said = (1 - grey if meaning == 0 else grey) * top
    found = decode(tiff(said.astype(kind), meaning, 3 if kind == "<f4" else 1), SIDE)
    assert np.abs(found[0] - grey * 255).max() <= 1


@pytest.mark.parametrize(
    ("kind", "match"), [("<u2", "16 bits go from 0 to 4000"), ("<f4", "scale them")]
)
def test_what_is_refused_stays_refused_where_zero_is_white(kind, match):
    values = np.linspace(0, DARK, SIDE * SIDE).reshape(SIDE, SIDE).astype(kind)
    with pytest.raises(InputError, match=match):
        decode(tiff(values, 0, 3 if kind == "<f4" else 1), SIDE)


def test_planes_of_sixteen_bits_are_refused():
    planes, end = ramp(65535, 3).astype("<u2").tobytes(), 8 + 6 * SIDE * SIDE + 2 + 12 * 10 + 4
    tags = [
        (256, 1, SIDE), (257, 1, SIDE), (258, 3, end), (259, 1, 1), (262, 1, 2),
        (273, 3, end + 6), (277, 1, 3), (278, 1, SIDE), (279, 3, end + 18), (284, 1, 2),
    ]  # fmt: skip
    long = (273, 279)
    listed = b"".join(struct.pack("<HHII", t, 4 if t in long else 3, n, v) for t, n, v in tags)
    size = 2 * SIDE * SIDE
    more = struct.pack("<3H6I", 16, 16, 16, 8, 8 + size, 8 + 2 * size, size, size, size)
    head = b"II*\0" + struct.pack("<I", 8 + 3 * size)
    data = head + planes + struct.pack("<H", 10) + listed + bytes(4) + more
    with pytest.raises(InputError, match="16 bits lie in planes"):
        decode(data, SIDE)


def test_values_with_a_sign_are_refused():
    values = np.arange(-32, 32, dtype=np.int8).reshape(SIDE, SIDE)
    with pytest.raises(InputError, match="have a sign: save it with 8 bits"):
        decode(tiff(values, 1, 2), SIDE)


def turned(exif, kind):
    """Return a picture, bright above, that says it is upside down."""
    image = Image.new("L", (SIDE, SIDE))
    image.paste(255, (0, 0, SIDE, SIDE // 2))
    if kind.startswith("png"):
        said = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
        first = kind.endswith("first")
        rows = [row.tobytes() for row in np.asarray(image)]
        return png(0, 8, rows, said if first else b"", b"" if first else said)
    image.save(out := io.BytesIO(), kind, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["png first", "png last", "JPEG", "WEBP", "TIFF"])
def test_a_turned_picture_is_turned_back_wherever_it_says_so(kind):
    exif = Image.Exif()
    exif[0x0112] = 3
    found = decode(turned(exif, kind), SIDE)
    assert found[:, 0].max() < 30 and found[:, -1].min() > 225


def test_a_turned_grey_picture_keeps_its_sixteen_bits():
    exif = Image.Exif()
    exif[0x0112] = 3
    said = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    rows = [row.tobytes() for row in ramp(65535, 1)[..., 0].astype(">u2")]
    found = decode(png(0, 16, rows, after=said), SIDE)
    np.testing.assert_array_equal(found[0], ramp(65535, 1)[::-1, ::-1, 0] >> 8)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_transparent_grey_of_few_bits_becomes_white_and_no_other_does(depth):
    hidden = 1
    grey = np.arange(SIDE) % (1 << depth)
    row = np.packbits((grey[:, None] >> np.arange(depth)[::-1]) & 1).tobytes()
    found = decode(png(0, depth, [row] * SIDE, chunk(b"tRNS", struct.pack(">H", hidden))), SIDE)
    expected = np.where(grey == hidden, 255, grey * 255 // ((1 << depth) - 1))
    np.testing.assert_array_equal(found[0][0], expected)


def test_a_transparent_colour_of_sixteen_bits_is_refused():
    rows = [row.tobytes() for row in ramp(BRIGHT, 3).astype(">u2")]
    said = chunk(b"tRNS", struct.pack(">HHH", 0, 0, 0))
    with pytest.raises(InputError, match="transparent colour has 16 bits"):
        decode(png(2, 16, rows, said), SIDE)


@pytest.mark.parametrize(("alpha", "shown"), [(0, 100), (255, 100)])
def test_a_bmp_without_any_opacity_is_opaque(alpha, shown):
    head = struct.pack("<IiiHHIIiiII", 56, SIDE, SIDE, 1, 32, 3, 4 * SIDE * SIDE, 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    body = head + masks + bytes((100, 100, 100, alpha)) * SIDE * SIDE
    found = decode(b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 70) + body, SIDE)
    assert (found == shown).all()
