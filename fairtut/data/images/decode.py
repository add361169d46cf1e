"""From the bytes of photographs to one array of small images of one size."""

from __future__ import annotations

import io
import os
import struct
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from fairtut.data.images.sources import Entry, Source
from fairtut.errors import CorruptFile, InputError, UnknownName
from fairtut.runtime.progress import progress

RESIZE: Final = ("crop", "plain")
"""Ways to reach the size: short side and centre crop, or both sides whatever the shape."""
SMALLEST: Final = 8
"""Least pixels of a side."""
CHUNK: Final = 256
"""Images that a thread decodes at a time."""
TINY: Final = 4096
"""Mean bytes of a file below which reading it, which holds Python's lock, takes longer than
decoding it: two threads were then a fifth slower than one, and 1.8 times faster above."""
FORMATS: Final = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM")
"""What is read.  Pillow knows more, some of which start other programs or ask for any memory."""
MOST_PIXELS: Final = 25_000_000
"""Most pixels that are held at once: 100 MB in Pillow, three times in the worst case.  A JPEG may
have more, for it can be decoded at an eighth of its sides, if it is not a progressive one."""
LARGE: Final = 1 << 21
"""Pixels from which images are decoded one after the other, however many threads there are."""
DEPTH: Final = 12
"""Bits that cameras and scanners put into 16 without scaling."""
STRETCH: Final = 16
"""How many squares long an image may be before its middle is cut out first."""
_BITS, _MEANING, _SIGN = 258, 262, 339  # tags: bits, what 0 means, how numbers are written
_DARK: Final = (
    "its 16 bits go {} only and would be nearly black: scale them to 0..65535, or save 8 bits"
)

_one_large = threading.Lock()
_BROKEN = (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError,
           EOFError, OverflowError, struct.error, KeyError, IndexError, TypeError)  # fmt: skip


def check_size(size: int, resize: str) -> None:
    """Raise ``InputError`` or ``UnknownName`` unless images can be brought to this size."""
    if isinstance(size, bool) or not isinstance(size, int) or size < SMALLEST:
        raise InputError(f"size={size!r}: give a whole number of pixels, at least {SMALLEST}")
    if resize not in RESIZE:
        raise UnknownName.of("resize mode", resize, RESIZE)


def decode(data: bytes, size: int, resize: str = "crop") -> NDArray[np.uint8]:
    """Decode one image file.

    Parameters
    ----------
    data : bytes
        A file of one of :data:`FORMATS`; of several frames or pages, the first.  Transparent
        places become white; 16 bits become the upper 8 (an image that uses 12 bits or fewer of
        them is refused, and so is a black one in colour); floating-point values must be in [0, 1].
        A photograph is turned as it says, and a TIFF in which 0 is white is no negative.
    size : int
        Pixels of a side of the result.
    resize : {"crop", "plain"}
        ``"crop"`` brings the short side to ``size`` and cuts the centre; ``"plain"`` brings both
        sides to ``size``.  Bilinear with antialiasing.

    Returns
    -------
    ndarray of uint8, shape (3, size, size)
        RGB.

    Raises
    ------
    fairtut.errors.InputError
        If the image has too many pixels, or values that do not say what they mean.
    """
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        whole = opened.size
        # a JPEG can be decoded at 1/2, 1/4 or 1/8; at twice the size or more it does not show
        opened.draft(None, (2 * size, 2 * size))
        # a progressive JPEG is held as a whole all the same
        held = whole if "progressive" in opened.info else opened.size
        if held[0] * held[1] > MOST_PIXELS:
            raise InputError(
                f"{whole[0]} times {whole[1]} pixels are more than {MOST_PIXELS}: make it smaller"
            )
        with _one_large if held[0] * held[1] > LARGE else nullcontext():
            stored = _stored_as(opened)  # loading forgets it
            opened.load()
            _checked(opened, stored)
            # a PNG may say how it is turned behind its pixels; in place, for a copy has no tags
            ImageOps.exif_transpose(opened, in_place=True)
            image = _resized(_rgb(opened), size, resize)
    return np.asarray(image).transpose(2, 0, 1)  # (h, w, 3) -> (3, h, w)


def _stored_as(image: ImageFile.ImageFile) -> str:
    """Return how Pillow will unpack the pixels of an image that is not loaded, such as RGB;16B."""
    args = image.tile[0].args if image.tile else ""
    if not isinstance(args, tuple):
        return str(args)
    kind = str(args[0]) if args else ""
    # a PPM tells its largest value, and some packed TIFFs how they are unpacked later
    return f"{kind};16" if args[-1:] == (65535,) or 16 in _tag(image, _BITS) else kind


def _tag(image: Image.Image, number: int) -> tuple[Any, ...]:
    """Return the values of a tag, none if the image is no TIFF or lacks it."""
    value = getattr(image, "tag_v2", {}).get(number, ())
    return value if isinstance(value, tuple) else (value,)


def _checked(image: Image.Image, stored: str) -> None:
    """Refuse or mend what Pillow reads in another way than it is meant.

    Colours of 16 bits are reduced to 8 while they are loaded, and the transparent grey of 2 or 4
    bits is not stretched as the pixels are.
    """
    if 2 in _tag(image, _SIGN) and not image.mode.startswith("I"):
        raise InputError("its values have a sign: save it with 8 bits from 0 to 255")
    hidden = image.info.get("transparency")
    if stored in ("L;2", "L;4") and isinstance(hidden, int):
        top = (1 << int(stored[-1])) - 1
        image.info["transparency"] = (hidden & top) * (255 // top)
    # the 16 of a BMP are those of three colours together
    if ";16" not in stored or image.format == "BMP" or len(image.getbands()) == 1:
        return
    if stored == f"{image.getbands()[0]};16":  # Pillow takes each half of a value for a pixel
        raise InputError("its colours of 16 bits lie in planes: save them pixel by pixel")
    if hidden is not None:
        raise InputError("its transparent colour has 16 bits: save 8 bits, or an alpha channel")
    bands = cast("tuple[tuple[int, int], ...]", image.getextrema())
    high = max(top for _, top in (bands[:-1] if image.mode in ("LA", "RGBA") else bands))
    # values below 256 cannot be told from black any more
    if high < 1 << (DEPTH - 8) or (image.format == "PPM" and high == 1 << (DEPTH - 8)):  # rounded
        raise InputError(_DARK.format(f"to about {high << 8}"))


def _rgb(image: Image.Image) -> Image.Image:
    """Return an image of any mode in 8 bits of red, green and blue."""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_eight_bits(np.asarray(image), image)).convert("RGB")
    if image.format == "BMP" and image.mode == "RGBA" and not image.getchannel("A").getbbox():
        return image.convert("RGB")  # many programs leave the fourth byte 0
    if image.has_transparency_data:
        colours = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(colours, mask=colours)
        return white
    return image.convert("RGB")


def _eight_bits(values: NDArray[np.generic], image: Image.Image) -> NDArray[np.uint8]:
    """Return a grey image of 16 bits, or of floating-point values, in 8 bits."""
    low, high = float(values.min()), float(values.max())
    negative = 0 in _tag(image, _MEANING)  # 0 is white; Pillow turns only 8 bits round
    if image.mode == "F":
        if not 0 <= low <= high <= 1:  # also if one is NaN
            raise InputError(
                f"its values go from {low:g} to {high:g}: scale them to [0, 1], or save 8 bits"
            )
        grey = values.astype(np.float32)
        return np.rint((1 - grey if negative else grey) * 255).astype(np.uint8)
    # some versions of Pillow open a PNG of 16 bits as 32
    if (image.mode == "I" and image.format not in ("PNG", "PPM")) or not 0 <= low <= high < 1 << 16:
        raise InputError("its pixels are 32-bit integers: save it with 8 or 16 bits")
    if 0 < high < 1 << DEPTH:
        raise InputError(_DARK.format(f"from {low:g} to {high:g}"))
    if negative:
        values = (1 << 16) - 1 - values.astype(np.int32)
    small = (values.astype(np.int32) >> 8).astype(np.uint8)
    hidden = image.info.get("transparency")  # a grey value; Pillow masks it in 8 bits only
    return small if hidden is None else np.where(values == hidden, np.uint8(255), small)


def _resized(image: Image.Image, size: int, resize: str) -> Image.Image:
    width, height = image.size
    if (width, height) == (size, size):
        return image
    if resize == "plain":
        return image.resize((size, size), Image.Resampling.BILINEAR)
    short, long = sorted(image.size)
    if long > STRETCH * short:  # scaled as a whole, a line of pixels would need any memory
        left, top = ((side - min(side, STRETCH * short)) // 2 for side in image.size)
        image = image.crop((left, top, width - left, height - top))
        width, height = image.size
    # the long side is cut to a whole number and the margin rounded as in torchvision's transforms
    wide, high = size * width // short, size * height // short
    left, top = round((wide - size) / 2), round((high - size) / 2)
    small = image.resize((wide, high), Image.Resampling.BILINEAR)
    return small.crop((left, top, left + size, top + size))


def decode_into(
    out: NDArray[np.uint8],
    source: Source,
    entries: Sequence[Entry],
    resize: str = "crop",
    skip_corrupt: bool = False,
) -> list[tuple[int, str]]:
    """Decode files into the rows of an array, in parallel and with a progress bar.

    Parameters
    ----------
    out : ndarray of uint8, shape (n, 3, size, size)
        Filled in place.
    source, entries : Source, n entries
        What to decode.
    resize : {"crop", "plain"}
        As in :func:`decode`.
    skip_corrupt : bool
        Whether to go on after a file that cannot be decoded.

    Returns
    -------
    list of (int, str)
        The rows that could not be filled, and why; empty unless ``skip_corrupt``.

    Raises
    ------
    fairtut.errors.CorruptFile
        Names the first file that cannot be decoded.
    """
    size = out.shape[-1]

    def work(start: int) -> list[tuple[int, str]]:
        bad = []
        for row in range(start, min(start + CHUNK, len(entries))):
            try:
                out[row] = _decoded(source, entries[row], size, resize)
            except CorruptFile as error:
                if not skip_corrupt:
                    raise
                bad.append((row, str(error)))
        return bad

    small = sum(entry.size for entry in entries) < TINY * len(entries)
    pool = ThreadPoolExecutor(1 if small else os.cpu_count())
    starts = range(0, len(entries), CHUNK)
    try:
        what = f"decoding {len(entries)} images, {CHUNK} a step"
        chunks = progress(pool.map(work, starts), what, total=len(starts))
        return [pair for bad in chunks for pair in bad]
    finally:
        pool.shutdown(cancel_futures=True)


def _decoded(source: Source, entry: Entry, size: int, resize: str) -> NDArray[np.uint8]:
    try:
        return decode(source.read(entry), size, resize)
    except CorruptFile as error:
        raise CorruptFile(
            f"{error}: fetch it again, or leave it out by skip_corrupt=True"
        ) from None
    except _BROKEN as error:
        reason = " ".join(str(error).split())
        if isinstance(error, UnidentifiedImageError):
            reason = f"not an image of the kinds {', '.join(FORMATS)}"
        raise CorruptFile(
            f"{source.title}: {entry.path} cannot be decoded ({reason}): fetch it again, or leave "
            "it out by skip_corrupt=True"
        ) from error
