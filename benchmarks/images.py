"""Speed of the image data path, with its pixels checked in the same run.

    python benchmarks/images.py [--quick]

Decodes CelebA at 64 pixels into an empty temporary cache, loads it again, and runs the data path
of an epoch (shuffled batches of 64, random mirroring, float tensors in [0, 1]) from the cached
array against the plain loop below, which opens every file with Pillow as a torch ``Dataset``
does; the plain loop runs a part of the images and is scaled.  Without the real files it makes
small JPEGs itself and says so.  The last line is one JSON object; exit status 1 if pixels differ.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from fairtut.data import files, images
from fairtut.errors import MissingData

SIZE, BATCH, PLAIN, EPOCHS, MADE = 64, 64, 4_000, 3, 3_000
DECODE_BUDGET, RELOAD_BUDGET, RATIO_TARGET = 40.0, 1.5, 15.0


class PlainDataset(Dataset):
    """One file after the other, as most code does it."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.paths = [folder / name for name in names]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        image = Image.open(self.paths[row]).convert("RGB")
        if image.size != (SIZE, SIZE):
            width, height = image.size
            short = min(width, height)
            wide, high = SIZE * width // short, SIZE * height // short
            left, top = round((wide - SIZE) / 2), round((high - SIZE) / 2)
            image = image.resize((wide, high), Image.Resampling.BILINEAR)
            image = image.crop((left, top, left + SIZE, top + SIZE))
        if torch.rand(()) < 0.5 and self.mirror:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        array = np.array(image)  # (h, w, 3)
        return torch.from_numpy(array).permute(2, 0, 1).float().div(255)

    mirror = True


def timed(
    call: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> tuple[float, object]:
    """Seconds of a call by a clock, and what it returned."""
    start = clock()
    value = call()
    return clock() - start, value


def our_epoch(data: images.ImageSet, generator: torch.Generator) -> None:
    """The data path of an epoch from the cached array."""
    for rows in images.batches(len(data), BATCH, generator):
        images.pixels(images.augment(data.x.index_select(0, rows), generator))


def made(folder: Path, n: int) -> tuple[Path, Path]:
    """A zip of photographs that are none, at CelebA's size, and a table for them."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(folder / "made.zip", "w") as bundle:
        for i in range(n):
            coarse = Image.fromarray(rng.integers(0, 256, (7, 6, 3), dtype=np.uint8))
            out = io.BytesIO()
            coarse.resize((178, 218), Image.Resampling.BICUBIC).save(out, "JPEG")
            bundle.writestr(f"made/{i:06d}.jpg", out.getvalue())
    table = folder / "made.csv"
    rows = [(f"{i:06d}.jpg", i % 2, "train") for i in range(n)]
    pd.DataFrame(rows, columns=["file", "odd", "split"]).to_csv(table, index=False)
    return folder / "made.zip", table


def source(folder: Path, quick: bool) -> tuple[str, tuple[Path, ...], Callable[..., object]]:
    """What is decoded: a name, the archives, and the loader."""
    if not quick:
        try:
            located = files.locate("celeba")
            archives = located.paths("img_align_celeba.zip")
            return "CelebA", archives, lambda: images.load("celeba", SIZE)
        except MissingData:
            pass
    archive, table = made(folder, MADE // 10 if quick else MADE)
    name = "JPEGs made by this script: no real files, or --quick"
    return name, (archive,), lambda: images.from_folder(archive, table, SIZE)


def unpacked(folder: Path, archives: tuple[Path, ...], wanted: set[str]) -> None:
    """Write the wanted images as files, for the plain loop."""
    for archive in archives:
        with zipfile.ZipFile(archive) as bundle:
            for name in bundle.namelist():
                if name.rsplit("/", 1)[-1] in wanted:
                    (folder / name.rsplit("/", 1)[-1]).write_bytes(bundle.read(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="300 made images; the tests use it")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["FAIRTUT_CACHE"] = str(folder / "cache")
        name, archives, load = source(folder, quick)
        decode_seconds, data = timed(load)
        reload_seconds, again = timed(load)
        assert isinstance(data, images.ImageSet) and isinstance(again, images.ImageSet)
        n, plain_n = len(data), min(PLAIN, len(data))

        generator = torch.Generator().manual_seed(0)
        chosen = torch.randperm(n, generator=generator)[:plain_n]
        names = [str(data.attributes.index[int(row)]) for row in chosen]
        (folder / "plain").mkdir()
        unpacked(folder / "plain", archives, set(names))
        plain = PlainDataset(folder / "plain", names)
        our_epoch(data, generator)  # warm: the plain loop's files are in memory too
        seconds = min(
            timed(lambda: our_epoch(data, generator), time.process_time)[0] for _ in range(EPOCHS)
        )
        loader = DataLoader(plain, BATCH, shuffle=True, generator=generator)
        plain_seconds = timed(lambda: [None for _ in loader], time.process_time)[0] * n / plain_n

        plain.mirror = False
        mine = images.pixels(data.x[chosen])
        difference = max(
            float((plain[i] - mine[i]).abs().max())
            for i in range(0, plain_n, max(plain_n // 1000, 1))
        )
    ratio = plain_seconds / seconds
    checks = {
        "pixels_equal": difference == 0.0,
        "reload_equal": torch.equal(data.x, again.x) and data.digest == again.digest,
        "decode_within_budget": decode_seconds <= DECODE_BUDGET,
        "reload_within_budget": reload_seconds <= RELOAD_BUDGET,
        "epoch_ratio_reached": ratio >= RATIO_TARGET,
    }
    result = {
        "benchmark": "images: decode once, then batches from the cached array",
        "data": name,
        "images": n,
        "size": SIZE,
        "cores": os.cpu_count(),
        "decode_s": round(decode_seconds, 2),
        "reload_s": round(reload_seconds, 3),
        "seconds": round(seconds, 3),
        "plain_seconds": round(plain_seconds, 2),
        "plain_images": plain_n,
        "epoch_ratio": round(ratio, 1),
        "ratio": round(ratio, 1),
        "ratio_is": f"epoch of a per-image Pillow Dataset, {plain_n} images scaled, over ours",
        "max_abs_diff": difference,
        "max_abs_diff_is": "pixels in [0, 1], ours and the plain loop's, up to 1,000 images",
        **checks,
    }
    print(json.dumps(result))
    return 0 if checks["pixels_equal"] and checks["reload_equal"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
