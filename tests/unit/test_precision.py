"""Which convolutions keep all bits of their inputs: those of exact checks and of a flow's way back.

On a GPU the others round them to ten bits.  A CPU does the same numbers either way, so what is
looked at is the switch, at each convolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.overrides import TorchFunctionMode

from fairtut.chapters import faap
from fairtut.data.images import ImageSet
from fairtut.methods.reprogramming import frozen_copy
from fairtut.models.glow import Glow
from fairtut.models.perturb import Perturber
from fairtut.models.resnet import plain_cnn
from fairtut.runtime import precision
from fairtut.runtime.seeds import torch_rng

CONVOLUTIONS = {torch.conv2d, torch.conv_transpose2d}


class _Look(TorchFunctionMode):
    def __init__(self, full: list[bool]) -> None:
        super().__init__()
        self.full = full

    def __torch_function__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if call in CONVOLUTIONS:
            now = [getattr(owner, name) == value for owner, name, value in precision._settings()]
            self.full.append(all(now))
        return call(*args, **(kwargs or {}))


@contextmanager
def convolutions() -> Iterator[list[bool]]:
    """Within, note of every convolution whether it is in full precision."""
    full: list[bool] = []
    with _Look(full):
        yield full


def test_a_flow_encodes_and_decodes_in_full_precision_and_is_trained_as_the_device_likes() -> None:
    glow = Glow(8, 2, 2, 8, generator=torch_rng(1)).eval()
    x = torch.rand(2, 3, 8, 8, generator=torch_rng(0))
    with convolutions() as full:
        glow.initialise(x, torch_rng(2))
        glow.bits_per_dim(x, torch_rng(3)).sum().backward()
        assert full and not any(full)
        full.clear()
        glow.decode(glow.encode(x))
    assert full and all(full)


def test_a_frozen_copy_is_compared_in_full_precision() -> None:
    x = torch.rand(2, 3, 16, 16, generator=torch_rng(0))
    with convolutions() as full:
        fast = frozen_copy(plain_cnn(4), x)
        assert full and all(full)
        full.clear()
        fast(x)  # a trigger's training
    assert full and not any(full)


def test_faaps_script_is_compared_in_full_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    rng = np.random.default_rng(0)
    columns = pd.DataFrame({name: rng.random(64) < 0.5 for name in ("Attractive", "Male")})
    x = torch.randint(256, (64, 3, 16, 16), generator=torch_rng(0), dtype=torch.uint8)
    images = ImageSet(x, columns, np.full(64, "train"), "celeba", "made up", "0" * 8)
    smoke = faap.FAAP["smoke"]
    preset = replace(
        smoke, half=32, width=4, training=replace(smoke.training, shared_epochs=0, epochs=1),
        faap=replace(smoke.faap, width=4, blocks=1, batch=16),
    )  # fmt: skip
    with convolutions() as full:
        found = faap.side.invariants(images, "Attractive", preset, tmp_path / "g.pt")
    layers = sum(
        isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d)
        for m in Perturber(4, 1, epsilon=preset.faap.epsilon, bound=preset.faap.bound).modules()
    )
    assert sum(full) == layers > 0  # one pass of G, and nothing of the training
    assert found["exact.script-difference"].values[0] < 1e-6
