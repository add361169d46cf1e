"""Transfer: does a perturbation work on a model that nobody may look into.

The paper asked two commercial interfaces.  We may not, so two stand-ins are trained here:
other architectures, other images (the validation split), other seeds, and behind an interface that
takes 8-bit images, compresses them as an upload would, and gives back a label.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.faap.measures import COST
from fairtut.chapters.faap.presets import Preset
from fairtut.chapters.faap.protocol import Noise, Task, deploy, generator
from fairtut.chapters.faap.side import people
from fairtut.data.images import ImageSet, pixels
from fairtut.errors import InputError
from fairtut.lab.keep import network
from fairtut.methods import deployed
from fairtut.methods.deployed import Training
from fairtut.metrics.entry import Entry
from fairtut.models.resnet import FaceClassifier, plain_cnn, shufflenet
from fairtut.runtime.seeds import stream_seed

QUALITY: Final = 90
_LEVELS: Final = (-1.0, 1.0)  # margins at which the three-level interface changes its answer


class BlackBox:
    """A classifier behind an interface: images in, labels out, nothing else.

    Parameters
    ----------
    model : FaceClassifier
    levels : tuple of float
        Margins at which the answer goes up by one: ``(0,)`` for a yes or no, two for three levels.
    quality : int or None
        Of the JPEG that an upload makes of each image; None for none.

    Attributes
    ----------
    queries : int
        Images that were sent so far.
    """

    def __init__(
        self,
        model: FaceClassifier,
        levels: tuple[float, ...] = (0.0,),
        quality: int | None = QUALITY,
    ) -> None:
        cuts = torch.tensor(levels)

        def answer(x: Tensor) -> Tensor:
            with torch.inference_mode():
                logits = model.eval()(x)
                return torch.bucketize((logits[:, 1] - logits[:, 0]).cpu(), cuts)

        # held by the function only, so that no attribute leads to weights or gradients
        self._answer: Callable[[Tensor], Tensor] = answer
        self._device = next(model.parameters()).device
        self.quality, self.queries = quality, 0

    def predict(self, images: Tensor) -> NDArray[np.int64]:
        """Return the level of each image, (n,).

        Parameters
        ----------
        images : uint8 tensor, shape (n, 3, h, w)

        Raises
        ------
        fairtut.errors.InputError
            If the images are not 8-bit: an interface takes files, not tensors with gradients.
        """
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise InputError(
                f"a black box takes uint8 images (n, 3, h, w), got {images.dtype} of shape "
                f"{tuple(images.shape)}: round them with to_uint8"
            )
        self.queries += len(images)
        found = []
        for part in images.split(512):
            sent = part if self.quality is None else jpeg(part, self.quality)
            found.append(self._answer(pixels(sent).to(self._device)))
        return torch.cat(found).numpy()


def to_uint8(x: Tensor) -> Tensor:
    """Round images in [0, 1] to 8 bits."""
    return (x * 255).round().clamp(0, 255).to(torch.uint8)


def jpeg(images: Tensor, quality: int) -> Tensor:
    """Compress and decompress uint8 images (n, 3, h, w) as JPEG; they stay on their device."""
    from PIL import Image

    out = []
    for image in images.cpu().permute(0, 2, 3, 1).numpy():  # (n, h, w, 3)
        with io.BytesIO() as file:
            Image.fromarray(image).save(file, "JPEG", quality=quality)
            out.append(np.asarray(Image.open(file)))
    back = torch.from_numpy(np.stack(out)).permute(0, 3, 1, 2).contiguous()
    return back.to(images.device)


@dataclass(frozen=True)
class Transfer:
    """Decisions about the test people, by black box and version of their images.

    ``decisions[box][version]`` is an array (n,); versions are ``plain``, ``noise``, ``transfer``,
    ``single`` (one surrogate instead of two) and ``white-box``.
    """

    target: str
    decisions: dict[str, dict[str, NDArray[np.bool_]]]
    queries: dict[str, int]


def run_transfer(images: ImageSet, target: str, seed: int, preset: Preset) -> Transfer:
    """Train the black boxes, the surrogates' generator and the white-box bound; ask the boxes."""
    task = Task(images, target, seed, preset.half)
    surrogates = [deploy(task, kind, preset) for kind in ("normal", "fair")]
    config = preset.generator(target)
    shared, _, _ = generator(task, surrogates, ["normal", "fair"], config)
    single, _, _ = generator(task, surrogates[:1], ["normal"], config)
    test = torch.from_numpy(np.flatnonzero(images.split == "test"))
    x = images.x[test]
    decisions, queries = {}, {}
    for name, build, levels in (("a", _cnn, (0.0,)), ("b", _shuffle, _LEVELS)):
        model = _box(task, name, build, preset)
        bound, _, _ = generator(task, [model], [f"box {name}"], config)
        box = BlackBox(model, levels)
        versions = {
            "plain": None, "noise": Noise(config.epsilon, seed),
            "transfer": shared, "single": single, "white-box": bound,
        }  # fmt: skip
        decisions[name] = {k: _ask(box, x, change) for k, change in versions.items()}
        queries[name] = box.queries
    return Transfer(target, decisions, queries)


def _cnn() -> FaceClassifier:
    return plain_cnn(16)


def _shuffle() -> FaceClassifier:
    return shufflenet()


def _box(
    task: Task, name: str, build: Callable[[], FaceClassifier], preset: Preset
) -> FaceClassifier:
    rows = torch.from_numpy(np.flatnonzero(task.images.split == "val"))
    config = Training(epochs=preset.api_epochs, lr=2e-3, cosine=True, batch=64)
    seed = stream_seed(task.seed, "black box", name)

    def fresh() -> FaceClassifier:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build().to(task.images.x.device)

    def train(net: FaceClassifier) -> dict[str, Any]:
        x, y, s = task.images.x[rows], task.y[rows], task.s[rows]
        return deployed.train(net, x, y, s, kind="normal", config=config, seed=seed)

    about = {"what": "black box", "name": name, **task.card(), "config": config}
    return network(fresh, train, about)[0]


@torch.inference_mode()
def _ask(box: BlackBox, x: Tensor, change: Any) -> NDArray[np.bool_]:
    """Send images; of three levels the upper two count as positive, as in the paper."""
    parts = []
    for part in x.split(512):
        sent = part if change is None else to_uint8(change(pixels(part)))
        parts.append(box.predict(sent) > 0)
    return np.concatenate(parts)


def measures(images: ImageSet, runs: Sequence[Transfer]) -> dict[str, Entry]:
    """Return the measurements of the transfer, with intervals over the test people."""
    target = runs[0].target
    _, panel = people(images, target)
    found: dict[str, NDArray[np.float64]] = {}
    for box in runs[0].decisions:
        said = {v: np.stack([r.decisions[box][v] for r in runs]) for v in runs[0].decisions[box]}
        deo = {version: panel.deo(y_hat) for version, y_hat in said.items()}
        found |= {f"transfer.{box}.{version}.deo": draws for version, draws in deo.items()}
        lost = panel.accuracy(said["transfer"]) - panel.accuracy(said["plain"])
        found[f"transfer.{box}.acc-kept"] = lost + COST.get(target, 0.03)
        found[f"transfer.{box}.deo-change"] = deo["transfer"] - deo["plain"]
        found[f"transfer.{box}.deo-vs-noise"] = deo["transfer"] - deo["noise"]
        found[f"transfer.{box}.white-box-vs-transfer"] = deo["white-box"] - deo["transfer"]
    return {name: panel.measurement(draws) for name, draws in found.items()}
