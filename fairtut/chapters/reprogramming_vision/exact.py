"""What must hold exactly: the frozen model, the mask, the sizes, odd images."""

from __future__ import annotations

from dataclasses import replace

import torch

from fairtut.chapters.reprogramming_vision.models import base
from fairtut.chapters.reprogramming_vision.presets import Preset
from fairtut.chapters.reprogramming_vision.tasks import Task
from fairtut.data.images import as_pixels
from fairtut.methods.reprogramming import (
    Border,
    Config,
    Patch,
    TriggerModule,
    projected,
    standard,
    train_trigger,
)
from fairtut.metrics.entry import Entry
from fairtut.runtime.checkpoints import state_digest


def invariants(task: Task, preset: Preset) -> dict[str, Entry]:
    """Train a trigger for two steps on one batch and check what the method promises.

    Measurements are ``exact.*`` with one value, 0 where something must hold; the last is the share
    of pixels that the released border command gives to the trigger.
    """
    model = base(task, preset, preset.run_seeds()[0])
    before = {k: v.clone() for k, v in model.state_dict().items()}
    digest = state_digest(model)
    config = replace(preset.trigger, criterion="eo", lam=3.0, epochs=2)
    # both groups and labels must be among the few
    y_tune, s_tune = task.y[task.tune].cpu(), task.s[task.tune].cpu()
    cells = [(y_tune == y) & (s_tune == s) for y in (0, 1) for s in (0, 1)]
    rows = torch.cat([task.tune[cell.to(task.tune.device)][:16] for cell in cells])
    x = task.images.x[rows]
    done = train_trigger(model, x, task.y[rows], task.s[rows], shape=preset.shape("border"),
                         config=config, seed=0)  # fmt: skip
    changed = sum(not torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert (changed == 0) == (digest == state_digest(model))
    trigger = done.module
    assert isinstance(trigger, TriggerModule)
    floats = as_pixels(x)
    inside = trigger.shape.make_room(floats, trigger.mask)
    outside = (trigger(floats) - inside)[:, :, ~trigger.mask].abs().max()
    start = TriggerModule(trigger.shape, trigger.size)
    assert not torch.equal(start.weight, trigger.weight.cpu())
    values = {
        "changed-tensors": (float(changed), "count"),
        "outside-mask": (float(outside), "fraction"),
        "patch-miscovered": (_miscovered(preset.size), "count"),
        "sizes-off": (_sizes_off(), "count"),
        "odd-images": (_odd_images(), "count"),
        "batch-of-one": (_batch_of_one(trigger, floats), "fraction"),
        "lam-0-projected": (_still_projected(), "fraction"),
        # the released command passes 20 as the side of what remains, not as the ring's width
        "released-border-share": (float(Border(102).mask(224, 224).float().mean()), "fraction"),
    }
    return {f"exact.{name}": Entry([value], len(x), unit) for name, (value, unit) in values.items()}


def _miscovered(side: int) -> float:
    """Count pixels that a patch in any corner covers wrongly: it is exactly its square."""
    wrong = 0
    for size in (1, side // 3, side // 2):
        for corner in ("top-left", "top-right", "bottom-left", "bottom-right"):
            mask = Patch(size, corner).mask(side, side)
            rows, columns = (torch.nonzero(mask.any(axis)).flatten() for axis in (1, 0))
            first = 0 if "top" in corner else side - size
            left = 0 if "left" in corner else side - size
            square = torch.zeros(side, side, dtype=torch.bool)
            square[first : first + size, left : left + size] = True
            wrong += int((mask != square).sum()) + abs(len(rows) - size) + abs(len(columns) - size)
    return float(wrong)


def _sizes_off() -> float:
    """Compare the shapes at 224 pixels with the paper's: patch 80, border 20 around 184."""
    patch, border = standard("patch", 224, 224), standard("border", 224, 224)
    ring = border.mask(224, 224)
    off = [patch.mask(224, 224).sum() - 80 * 80, (~ring).sum() - 184 * 184]
    return float(sum(abs(int(value)) for value in off))


def _odd_images() -> float:
    """Count shapes that do not survive a trigger on images that are not square."""
    x = torch.rand(1, 3, 40, 28)
    shapes = (Border(4), Patch(9, "bottom-right"))
    return float(sum(TriggerModule(s, (40, 28))(x).shape != x.shape for s in shapes))


def _batch_of_one(trigger: TriggerModule, x: torch.Tensor) -> float:
    """Compare triggered images one by one with those of a batch."""
    with torch.no_grad():
        return float(
            (torch.cat([trigger(one[None]) for one in x[:4]]) - trigger(x[:4])).abs().max()
        )


def _still_projected() -> float:
    """At λ = 0 the update has no component along the adversary's gradient: it is not "off"."""
    rng = torch.Generator().manual_seed(0)
    g_y, g_z = torch.randn(2, 500, generator=rng, dtype=torch.float64)
    (direction,) = projected([g_y], [g_z], 0.0)
    assert Config().projection
    return abs(float(direction @ g_z / g_z.norm()))
