"""The drawn mechanisms of the FR-Train chapter: players, rows, and what weighs the losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairtut.page.mechanism import Diagram

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def players() -> Figure:
    """Draw who plays against whom: the classifier and its two discriminators."""
    d = Diagram(width=6.4, height=4.2)
    d.box("rows", (1.0, 3.5), "features x,\ngroup s", role="data")
    d.box("f", (1.0, 1.9), "classifier f", role="model")
    d.box("fair", (4.9, 3.3), "$D_F$: which\ngroup s?", role="adversary")
    d.box("robust", (4.9, 1.9), "$D_R$: clean set,\nor training set?", role="adversary")
    d.box("label", (1.0, 0.5), "label loss", role="loss")
    d.box("clean", (4.9, 0.5), "clean rows\n(x, s, label)", role="data")
    d.arrow("rows", "f")
    d.arrow("f", "fair", "logit")
    d.arrow("f", "robust", "x, s, logit")
    d.arrow("f", "label")
    d.arrow("clean", "robust")
    return d.figure()


def rows() -> Figure:
    """Draw where the rows of a draw go, and which of them are poisoned."""
    d = Diagram(width=6.4, height=4.4)
    d.box("all", (1.0, 2.2), "one draw\nof people", role="data")
    d.box("train", (3.2, 3.7), "training rows", role="data")
    d.box("clean", (3.2, 2.7), "clean set", role="data")
    d.box("select", (3.2, 1.7), "selection rows", role="data")
    d.box("test", (3.2, 0.7), "test rows", role="data")
    d.box("fit", (5.5, 3.2), "training", role="model")
    d.box("pick", (5.5, 1.7), "choice of $λ_f$", role="output")
    d.box("score", (5.5, 0.7), "scores", role="output")
    for part in ("train", "clean", "select", "test"):
        d.arrow("all", part)
    d.arrow("train", "fit", "some flipped")
    d.arrow("clean", "fit")
    d.arrow("select", "pick")
    d.arrow("test", "score")
    return d.figure()


def weights() -> Figure:
    """Draw the three losses, their factors, and the only ways back into the classifier."""
    d = Diagram(width=6.4, height=3.8)
    d.box("label", (1.2, 3.1), "label loss $L_1$", role="loss")
    d.box("fair", (1.2, 1.9), "loss of $D_F$", role="loss")
    d.box("robust", (1.2, 0.7), "loss of $D_R$", role="loss")
    d.box("f", (5.3, 1.9), "classifier f\nmoves", role="model")
    d.arrow("label", "f", "times 1 − $λ_f$ − $λ_r$")
    d.arrow("fair", "f", "times −$λ_f$")
    d.arrow("robust", "f", "times −$λ_r$")
    return d.figure()


def readings() -> Figure:
    """Draw what the robustness discriminator sees: as released, and in our variant."""
    d = Diagram(width=6.4, height=3.6)
    d.box("label", (1.1, 2.9), "training label\n(maybe flipped)", role="data")
    d.box("logit", (1.1, 0.8), "logit of f", role="model")
    d.box("ours", (4.9, 2.9), "$D_R$, label-fed\n(ours)", role="adversary")
    d.box("theirs", (4.9, 0.8), "$D_R$, released", role="adversary")
    d.arrow("label", "ours", "sees")
    d.arrow("logit", "theirs", "sees")
    d.note((3.0, 1.85), "no arrow from label to released: blind to flips")
    return d.figure()
