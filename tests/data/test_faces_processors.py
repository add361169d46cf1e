"""The same people are the same bytes, whatever instructions and threads the processor has."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from fairtut.data.synthetic import faces as f
from fairtut.data.synthetic.faces import factors as table
from fairtut.data.synthetic.faces.canvas import root, sine
from fairtut.data.synthetic.faces.law import load
from fairtut.data.synthetic.faces.picture import NOISE_BANK, noise_bank, traits
from fairtut.runtime.seeds import torch_rng
from tools import processors
from tools.common import ROOT

PAINTED = "ecad79da4e99de3efcea978cc1d4940335d31e9e925210542e182c234c6995f6"
"""Digest of the pictures of :func:`spread`: changes only with the painter."""
WHOLE = """
import hashlib, json, sys
import torch
from fairtut.data.synthetic import faces as f
torch.set_num_threads(int(sys.argv[1]))
people = f.sample(int(sys.argv[2]), seed=6, size=int(sys.argv[3]), chunk=int(sys.argv[4]))
rows = people.factors.to_numpy(dtype=float)
print(json.dumps([people.images.digest, hashlib.sha256(rows.tobytes()).hexdigest()]))
"""


def spread(n: int = 300) -> pd.DataFrame:
    """Rows of factors without a generator: multiples of irrational steps, in [0, 1] or [-1, 1]."""
    steps = np.arange(1, n + 1)[:, None] * np.sqrt(np.arange(2, len(table.COLUMNS) + 2))
    rows = pd.DataFrame(np.round((steps % 1) * 2.0**32) / 2.0**32, columns=list(table.COLUMNS))
    for name in (*table.NUISANCE, *(c for c in table.COLUMNS if c.startswith("quirk_"))):
        rows[name] = (2 * rows[name] - 1) * (0.3 if name.startswith("quirk_") else 1)
    rows["age"] = 85 * rows["age"]
    rows["noise_draw"] = (rows["noise_draw"] * NOISE_BANK).astype(int)
    return rows


def test_the_painter_makes_the_bytes_that_it_made_elsewhere():
    pixels = f.render(spread(), 40).numpy()
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == PAINTED


@pytest.mark.parametrize("kind", ["avx2", "baseline"])
def test_other_instructions_threads_and_chunks_make_the_same_people(kind):
    if reason := processors.missing(kind):
        pytest.skip(reason)

    def people(kind: str, *arguments: int) -> list[str]:
        environment = os.environ | processors.environment(kind) | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-W", "ignore", "-c", WHOLE, *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert people("native", 1, 400, 32, 400) == people(kind, 2, 400, 32, 37)


def test_roots_are_rounded_as_ieee_754_asks_and_sines_to_the_last_place():
    x = torch.rand(200_000, generator=torch_rng(1), dtype=torch.float32) * 4
    x[:4] = torch.tensor([0.0, 1.0, 2.0, torch.finfo(torch.float32).tiny])
    assert np.array_equal(root(x).numpy(), np.sqrt(x.numpy()))  # NumPy's is the instruction
    exact = np.sin(x.double().numpy())
    assert np.abs(sine(x).numpy() - exact).max() <= 2.0**-25  # half a unit in the last place
    assert np.abs(sine(x, np.pi / 2).numpy() - np.cos(x.double().numpy())).max() <= 2.0**-25


def test_the_noise_is_normal_and_torchs_own_to_its_grid():
    bank = noise_bank(64)
    assert len(bank) == 2 * NOISE_BANK and torch.equal(bank[:NOISE_BANK], bank[NOISE_BANK:])
    grid = bank.double() * 2**16
    assert torch.equal(grid, grid.round())
    own = torch.randn(NOISE_BANK, generator=torch_rng(0, "faces", "noise"))
    # half a step of the grid, and a few roundings of the largest number (5.8) in float32
    assert (bank[:NOISE_BANK] - own).abs().max() <= 2.0**-17 + 16 * 5.8 * 2.0**-24


def test_factors_lie_on_a_grid_that_float64_cannot_miss():
    rows = table.draw(500, 3, load(), 1.0)
    for name in (*f.ATTRIBUTES[2:], "age"):
        grid = rows[name].to_numpy() * 2.0**32
        assert np.array_equal(grid, np.round(grid)), name
    assert all(column.dtype == torch.float32 for column in traits(rows, "cpu").values())
