"""Who takes part: every method with its settings, every control, and what each of them asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import torch

from fairtut.chapters.comparison import coding, imaging, peers
from fairtut.chapters.comparison.presets import Preset
from fairtut.chapters.comparison.protocol import cells, task_of
from fairtut.lab import grid
from fairtut.lab.mitigation import Mitigation, equal
from fairtut.methods.latent import reversal

MODEL: Final = "as it is"


@dataclass(frozen=True)
class Cost:
    """What a method asks for besides the recorded labels and groups of the training people.

    Attributes
    ----------
    kind : str
        Where it acts.
    clean : bool
        Whether it needs people whose label was checked.
    weights : str
        What it needs of the deployed model: ``none``, ``codes`` (its last layer's input),
        ``gradients``, or ``its place`` (another model is deployed).
    group : bool
        Whether everybody who is decided about must say their group.
    """

    kind: str
    clean: bool = False
    weights: str = "its place"
    group: bool = False


COSTS: Final[Mapping[str, Cost]] = {
    MODEL: Cost("nothing", weights="none"),
    "adversarial training": Cost("training"),
    "reweighting": Cost("training", weights="codes", group=True),
    "FR-Train, recorded": Cost("training", clean=True, weights="codes", group=True),
    "FR-Train, clean": Cost("training", clean=True, weights="codes", group=True),
    "DVGE": Cost("representation"),
    "FFVAE": Cost("representation"),
    "ADT": Cost("representation"),
    "LASSI": Cost("representation"),
    "border": Cost("input, one for all", weights="gradients"),
    "patch": Cost("input, one for all", weights="gradients"),
    "FAAP": Cost("input, one each", weights="gradients"),
    **{name: Cost(**told) for name, told in peers.COSTS.items()},
    "noise": Cost("control", weights="none"),
    "untrained trigger": Cost("control", weights="none"),
    "clean labels": Cost("control", clean=True, weights="codes"),
    "trained on": Cost("control"),
}
"""By the name of the method; a reader's own is not here, and says so itself."""

CONTROLS: Final[Mapping[str, str]] = {
    "threshold": "threshold",
    "groups": "groups",
    "noise": "noise",
    "untrained": "untrained trigger",
    "clean": "clean labels",
    "longer": "trained on",
}
"""Name in an answer to method of the board, beside the constant and the mixing line."""


def ours(preset: Preset) -> list[Mitigation]:
    """Return the methods of the papers, and what they are usually compared with."""
    p, own = preset, preset.settings
    tuned = replace(p.vae, epochs=p.tuned)
    adt = reversal.Config(hidden=p.classifier.hidden, epochs=p.tuned)
    front = [
        imaging.Reprogrammed(shape, own["trigger"], shape, p.steps, p.trigger)
        for shape in ("border", "patch")
    ]
    fr = [
        coding.FRTrain(f"FR-Train, {kind}", own["frtrain"], kind, p.frtrain)
        for kind in ("recorded", "clean")
    ]
    return [
        imaging.Adversarial("adversarial training", own["adversarial"], p.adversary),
        coding.Reweighted("reweighting", own["reweighting"]),
        *fr,
        coding.DVGE("DVGE", own["dvge"], p.classifier),
        coding.FFVAE("FFVAE", own["ffvae"], tuned, p.classifier),
        coding.ADT("ADT", own["adt"], adt),
        coding.LASSI("LASSI", own["lassi"], p.lassi),
        *front,
        imaging.Perturbed("FAAP", own["faap"], p.faap),
    ]


def controls(preset: Preset) -> list[Mitigation]:
    """Return the controls that are made from more than the model's scores."""
    own = preset.settings
    return [
        imaging.Noise("noise", own["noise"], preset.faap.epsilon),
        imaging.Untrained("untrained trigger", own["untrained"]),
        coding.Plain("clean labels", own["plain"]),
        imaging.Longer("trained on", own["longer"], preset.adversary),
    ]


def contestants(preset: Preset) -> list[Mitigation]:
    """Return the methods that are asked about: of the papers, and those of others that are here.

    Raises
    ------
    fairtut.errors.InputError
        If one of them may try more settings than another.
    """
    found = [*ours(preset), *peers.present(preset)]
    equal(found)
    return found


def everybody(preset: Preset) -> list[Mitigation]:
    """Return the model as it is, the contestants and the controls."""
    model = imaging.OnPictures(MODEL, (0,))
    return [model, *contestants(preset), *controls(preset)]


def all_cells(
    preset: Preset, data: str, seed: int, device: torch.device | str = "cpu"
) -> list[grid.Cell]:
    """Return the cells of a run of the chapter.

    Parameters as in :func:`fairtut.shards.fill`, with the preset itself.
    """
    return [
        one
        for part in preset.by_target().values()
        for one in cells(task_of(part, data, seed, device), part, everybody(part))
    ]


def cost_of(method: Any) -> Cost:
    """Return what a method asks for; of a reader's own, what can be seen from outside."""
    known = COSTS.get(method.name)
    return known or Cost(
        f"yours, on {method.acts_on}", weights="none" if method.acts_on == "scores" else "codes",
        group=bool(getattr(method, "asks_group", False)),
    )  # fmt: skip
