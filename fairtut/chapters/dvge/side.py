"""What stands beside tables and panels: the audit, the invariants, times, counterfactual faces."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from fairtut.chapters.dvge.credit import Played
from fairtut.chapters.dvge.encoders import encoder
from fairtut.chapters.dvge.presets import Preset
from fairtut.chapters.dvge.tasks import Task
from fairtut.data.images import ImageSet
from fairtut.methods import dvge
from fairtut.methods.dvge.focus import focus
from fairtut.metrics import equal_opportunity_gap, joint_tp_gap
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.precision import double
from fairtut.runtime.stopwatch import Stopwatch


def _exact(value: float, n: int, unit: str) -> Entry:
    return Entry([float(value)], n, unit)


def audit(z: Tensor, task: Task, preset: Preset) -> dict[str, Entry]:
    """Check facts about the slides and the released code, on codes (seeds, n, d) where needed."""
    y = np.repeat([1, 0, 1, 0], [5, 5, 2, 8])  # a perfect classifier; base rates .5 and .2
    s = np.repeat([0, 1], 10)
    eps, big = 0.25, torch.tensor([2.5])
    config, seeds = preset.classifier, list(preset.run_seeds())
    parts = task.cut(z)
    d = dvge.fit_classifiers(parts["train"], task.s[task.train], config, seeds)
    deeper = []
    for one, test in enumerate(parts["test"]):
        net = d.member(one).to(z.device).eval()
        step = dvge.perturb(test, focus(net, test, "logit_pred"), None, 0.1, 0.0)
        with torch.no_grad():
            before, after = net(test).softmax(1), net(step).softmax(1)
        predicted = before.argmax(1, keepdim=True)
        deeper.append(float((after.gather(1, predicted) - before.gather(1, predicted)).mean()))
    net, test = d.member(0).to(z.device).eval(), parts["test"][0]
    return {
        "audit.eo-code": _exact(float(joint_tp_gap(y, y, s)), len(y), "fraction"),
        "audit.eo-slide": _exact(float(equal_opportunity_gap(y, y, s)), len(y), "fraction"),
        "audit.clip": _exact(float(dvge.clip_as_printed(big, eps)) / eps, 1, "ratio"),
        "audit.clip-meant": _exact(float(dvge.clip(big, eps)) / eps, 1, "ratio"),
        "audit.opposite-signs": _exact(_identity(net, test), len(test), "fraction"),
        "audit.deeper": Entry(deeper, len(test), "fraction"),
    }


def _identity(net: torch.nn.Module, z: Tensor) -> float:
    """Return the largest difference between the two sides of the loss-logit identity."""
    z = double(z)
    net = net.to(z)
    leaf = z.detach().requires_grad_(True)
    logits = net(leaf)
    top = logits.detach().argmax(1, keepdim=True)  # (n, 1)
    gap = logits.gather(1, top) - logits.gather(1, 1 - top)
    (slope,) = torch.autograd.grad(gap.sum(), leaf)
    other = logits.detach().softmax(1).gather(1, 1 - top)
    return float((focus(net, z, "loss_pred") + other * slope).abs().max())


def invariants(images: ImageSet, task: Task, preset: Preset) -> dict[str, Entry]:
    """Fit DVGE for two sensitive attributes and compare the encoder to the bit before and after."""
    model = encoder(images, preset, "n", codes=False).model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    digest = state_digest(model)
    rows = task.train[:1000]
    tool = dvge.DVGE(model.codes, eta1=0.5, eta2=0.2, config=preset.classifier)
    tool.fit(images.x[rows], task.y[rows], s=images.labels("Male")[rows])
    tool.set_sensitive(images.labels("Young")[rows])
    changed = sum(not torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert (changed == 0) == (digest == state_digest(model))
    z = model.codes(images.x[rows])
    f = torch.randn(z.shape, generator=torch.Generator().manual_seed(0)).to(z)
    still = dvge.perturb(z, f, f, 0.0, 0.0)
    bound = dvge.perturb(z, f, -f, 3.0, 2.0, eps=0.25)
    excess = ((bound - z).abs().max() - 0.25).clamp_min(0.0)
    return {
        "exact.encoder-unchanged": _exact(changed, len(rows), "count"),
        "exact.no-step": _exact(float((still - z).abs().max()), len(rows), "fraction"),
        # a float32 sum is rounded to the nearest number that there is
        "exact.bound": _exact(max(float(excess) - 1e-6, 0.0), len(rows), "fraction"),
    }


def refit(images: ImageSet, task: Task, preset: Preset) -> dict[str, Entry]:
    """Time what a new sensitive attribute costs: d and g of DVGE, against training an encoder.

    The values are logarithms of ratios, of seconds of one clock: processor time on a CPU, wall time
    on a device of its own (:class:`~fairtut.runtime.stopwatch.Stopwatch`).

    Each training's refit stands against its own plain encoder and its own first FFVAE, which a new
    attribute would have to train again.
    """
    seconds, trained, ffvae = [], [], []
    for seed in preset.run_seeds():
        found = encoder(images, preset, "n", seed=seed)
        trained.append(found.seconds)
        ffvae.append(encoder(images, preset, "ffvae-0", seed=seed, codes=False).seconds)
        z = found.z[task.train]
        watch = Stopwatch(z.device)
        d = dvge.fit_classifiers(z, task.s[task.train], preset.classifier, [seed])
        f_sens = focus(d, z, preset.classifier.focus, task.s[task.train])
        dvge.fit_grid(z, task.y[task.train], f_sens, (0.5,), (0.0,), preset.classifier, [seed])
        seconds.append(watch.lap())
    return _ratios("celeba", seconds, trained, ffvae, len(task.train))


def credit_times(played: Played) -> dict[str, Entry]:
    """Return the same for South German Credit, per split; all splits' encoders train together."""
    board = played.board
    runs, n = board.y["test"].shape
    each = played.seconds["encoder-n"] / runs
    ffvae = played.seconds["ffvae"] / len(board.sweep.ffvae) / runs
    return _ratios("german", played.refits, each, ffvae, n)


def _ratios(
    name: str, seconds: list[float], trained: ArrayLike, ffvae: ArrayLike, n: int
) -> dict[str, Entry]:
    ours = np.log(seconds)
    return {
        f"d5.{name}.encoder": Entry((ours - np.log(trained)).tolist(), n, "nats"),
        f"d5.{name}.ffvae": Entry((ours - np.log(ffvae)).tolist(), n, "nats"),
        f"d5.{name}.seconds": Entry(list(seconds), n, "s"),
    }


def flips(
    images: ImageSet, twins: Tensor, task: Task, preset: Preset, name: str
) -> dict[str, Entry]:
    """Count decisions that change when only the drawn sex changes, for plain g and with η1 = 1.

    Parameters
    ----------
    images : ImageSet
        Synthetic faces.
    twins : uint8 tensor, shape (m, 3, h, w)
        The counterfactual of each test face, in the order of the test rows.
    task, preset
    name : {"n", "d"}
        The encoder.
    """
    seeds = list(preset.run_seeds())
    each = [encoder(images, preset, name, seed=seed) for seed in seeds]
    z = task.cut(torch.stack([one.z for one in each]))  # (seeds, n, d) by part
    d = dvge.fit_classifiers(z["train"], task.s[task.train], preset.classifier, seeds)
    f_sens = focus(d, z["train"], preset.classifier.focus, task.s[task.train])
    grid = dvge.fit_grid(
        z["train"], task.y[task.train], f_sens, (0.0, 1.0), (0.0,), preset.classifier, seeds,
        validation=(z["val"], task.y[task.val]),
    )  # fmt: skip
    here = grid.decisions(z["test"])  # (seeds x 2, m)
    there = grid.decisions(torch.stack([one.codes(twins) for one in each]))
    panel = Panel(*task.people("test"))
    share = panel.mean(here != there)  # (seeds x 2, 1 + resamples)
    plain, moved = share[0::2], share[1::2]
    return {
        f"faces.{name}.flips-plain": panel.measurement(plain),
        f"faces.{name}.flips": panel.measurement(moved),
        f"faces.{name}.flips-change": panel.measurement(moved - plain),
    }
