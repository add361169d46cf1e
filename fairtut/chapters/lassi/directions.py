"""Attribute vectors of the chapter, computed once from training latents and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.lassi.flow import World
from fairtut.chapters.lassi.presets import SETTINGS, TASKS, Preset
from fairtut.data.images import ImageSet
from fairtut.errors import InputError
from fairtut.methods import deployed
from fairtut.methods.deployed import Training
from fairtut.methods.lassi import vectors
from fairtut.methods.lassi.discover import discover
from fairtut.methods.lassi.vectors import EPSILON, Separator
from fairtut.models.glow import Glow
from fairtut.models.resnet import resnet18
from fairtut.runtime.checkpoints import load_or_train
from fairtut.runtime.keep import kept, recall
from fairtut.runtime.seeds import stream_seed
from fairtut.runtime.threads import torch_threads

if TYPE_CHECKING:
    import pandas as pd

WAYS: Final = tuple(EPSILON)
"""``mean``, ``perpendicular``, ``ramaswamy`` and ``discover``."""
_WIDTH: Final = 16  # of the image classifier that `discover` asks


def directions(
    world: World, preset: Preset, setting: str, way: str = "mean", task: str = "smiling"
) -> Tensor:
    """Return the attribute vectors of a setting, (k, q).

    Parameters
    ----------
    world : World
    preset : Preset
    setting : str
        A key of :data:`~fairtut.chapters.lassi.presets.SETTINGS`.
    way : str
        One of :data:`WAYS`.  What ``discover`` finds belongs to no setting and must be found first
        (:func:`discovered`).
    task : str
        The target that ``ramaswamy`` keeps.

    Raises
    ------
    fairtut.errors.InputError
        If ``discover`` has not run.
    """
    if way == "discover":
        found = recall(_discover, found_card(world, preset), device=world.device)
        if found is None:
            raise InputError("no direction was discovered yet: call discovered() first")
        return torch.from_numpy(found)
    names = SETTINGS[setting].attributes
    return torch.stack([_vector(world, preset, name, way, TASKS[task]) for name in names])


def _vector(world: World, preset: Preset, name: str, way: str, target: str) -> Tensor:
    """Return one attribute's vector, (q,), from the file that keeps it."""
    about = {"world": world.digest, "way": way, "attribute": name, "seed": preset.root}
    about |= {"target": target} if way == "ramaswamy" else {}
    return _kept(partial(_find, world, preset, name, way, target), about, world)


def _find(world: World, preset: Preset, name: str, way: str, target: str) -> NDArray[np.float32]:
    z, s = world.z("train"), world.labels(name, "train")
    if way == "mean":
        return vectors.mean_difference(z, s).numpy()
    mine = _separator(world, preset, name)
    if way == "perpendicular":
        return mine.weight.numpy()
    return vectors.ramaswamy(z, mine, _separator(world, preset, target)).numpy()


def _separator(world: World, preset: Preset, name: str) -> Separator:
    """Return the separator of an attribute; its file holds the unit normal and the bias."""
    about = {"world": world.digest, "attribute": name, "seed": preset.root}
    both = _kept(partial(_separate, world, preset, name), about, world)
    return Separator(both[:-1], float(both[-1]))


def _separate(world: World, preset: Preset, name: str) -> NDArray[np.float32]:
    parts = [(world.z(p), world.labels(name, p)) for p in ("train", "val")]
    seed = stream_seed(preset.root, "separator", name)
    found = vectors.separator(*parts[0], parts[1], seed=seed)
    return torch.cat([found.weight, torch.tensor([found.bias])]).numpy()


def _kept(make: Callable[[], NDArray[np.float32]], about: dict[str, Any], world: World) -> Tensor:
    with torch_threads(1):
        return torch.from_numpy(kept(make, about, device=world.device))


# ---------------------------------------------------------------- found without labels


def found_card(world: World, preset: Preset) -> dict[str, Any]:
    """Return everything that discovered directions depend on."""
    return {
        "world": world.digest, "way": "discover", "task": preset.task, "seed": preset.root,
        "epochs": preset.judge_epochs, **asdict(preset.discover),
    }  # fmt: skip


def discovered(images: ImageSet, glow: Glow, world: World, preset: Preset) -> Tensor:
    """Train an image classifier, find directions that move it, and keep them, (count, q).

    The known direction that they avoid is the normal of the target's own separator.
    """
    make = partial(_discover, images, glow, world, preset)
    return _kept(make, found_card(world, preset), world)


def _discover(images: ImageSet, glow: Glow, world: World, preset: Preset) -> NDArray[np.float32]:
    judge, device = _judge(images, preset), images.x.device
    known = _separator(world, preset, TASKS[preset.task]).weight
    found = discover(
        world.z("train"), glow.decode, lambda x: judge(x.to(device)).to(x.device), known,
        config=preset.discover, seed=preset.root,
    )  # fmt: skip
    return found.numpy()


def _judge(images: ImageSet, preset: Preset) -> Callable[[Tensor], Tensor]:
    """Return a ResNet-18 on images, trained once and kept: pictures to logits."""
    name = TASKS[preset.task]
    seed = stream_seed(preset.root, "judge", name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = resnet18(_WIDTH).to(images.x.device)
    config = Training(epochs=preset.judge_epochs, lr=1e-3, cosine=True, batch=64)
    rows = torch.from_numpy(images.split == "train").to(images.x.device)

    def run(net: Any) -> dict[str, Any]:
        x, y = images.x[rows], images.labels(name)[rows]
        return deployed.train(net, x, y, y, kind="normal", config=config, seed=seed)

    card = {"what": "judge", "images": images.digest, "target": name, "seed": seed,
            "width": _WIDTH, **asdict(config)}  # fmt: skip
    load_or_train(model, card, run)
    return model.eval().requires_grad_(False)


# ---------------------------------------------------------------- what they look like


def summary(world: World, preset: Preset) -> pd.DataFrame:
    """Return a row per vector of the chapter.

    Columns: ``way``, ``setting``, ``length``, ``epsilon`` and ``reach`` (their product), ``noise``
    (mean difference only: the length that random labels of the same rate would have) and
    ``cosine`` with the target's mean difference.
    """
    import pandas as pd

    target = _vector(world, preset, TASKS[preset.task], "mean", TASKS[preset.task])
    wanted = [("mean", s) for s in _singles(preset)]
    wanted += [
        (row.way, row.setting) for row in preset.beside
        if row.way != "mean" and world.knows(*SETTINGS[row.setting].attributes)
    ]  # fmt: skip
    rows = []
    for way, setting in dict.fromkeys(wanted):
        for a in directions(world, preset, setting, way):
            length, epsilon = float(a.norm()), EPSILON[way]
            rows.append({
                "way": way, "setting": setting, "length": length, "epsilon": epsilon,
                "reach": length * epsilon, "cosine": float(a @ target / (length * target.norm())),
                "noise": _noise(world, SETTINGS[setting].attributes[0]) if way == "mean" else None,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _singles(preset: Preset) -> list[str]:
    """Return the single attributes that occur in table 1, as settings."""
    names = [name for s in preset.settings for name in SETTINGS[s].attributes]
    by_name = {v.attributes: k for k, v in SETTINGS.items() if len(v.attributes) == 1}
    return list(dict.fromkeys(by_name[(name,)] for name in names))


def _noise(world: World, name: str) -> float:
    """Return the expected length of a mean difference where there is no difference."""
    s = world.labels(name, "train")
    spread = float(world.z("train").var(0).sum())
    ones = int(s.sum())
    return float((spread * (1 / ones + 1 / (len(s) - ones))) ** 0.5)


def cosines(world: World, preset: Preset) -> pd.DataFrame:
    """Return the cosines between the mean differences of table 1's attributes."""
    import pandas as pd

    names = _singles(preset)
    a = torch.cat([directions(world, preset, name) for name in names])
    unit = torch.nn.functional.normalize(a, dim=1)
    titles = [SETTINGS[name].title for name in names]
    return pd.DataFrame((unit @ unit.T).numpy(), titles, titles)
