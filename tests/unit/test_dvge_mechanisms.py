"""The drawn mechanisms of DVGE: arrows are gradients, and two records stand beside each other."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from fairtut.chapters.dvge import drawings, mechanisms
from fairtut.errors import UnknownName
from fairtut.methods.dvge import FOCI
from fairtut.methods.dvge.focus import focus
from fairtut.metrics import Estimate
from fairtut.models.mlp import MLP
from fairtut.page.figures import svg


def linear() -> MLP:
    """The drawn d: logits (-ku/2, ku/2) at the place u."""
    net = MLP(1, (), 2).double()
    with torch.no_grad():
        (layer,) = [m for m in net.modules() if isinstance(m, torch.nn.Linear)]
        layer.weight.copy_(torch.tensor([[-0.5], [0.5]]).double() * mechanisms.SLOPE)
        layer.bias.zero_()
    return net


@pytest.mark.parametrize("kind", FOCI)
def test_each_drawn_arrow_is_the_gradient(kind):
    u = np.array([-2.0, -0.3, 0.4, 1.7, 0.9])
    s = np.array([0, 1, 0, 1, 1])
    expected = focus(linear(), torch.from_numpy(u)[:, None], kind, torch.from_numpy(s))[:, 0]
    np.testing.assert_allclose(mechanisms.step(kind, u, s), expected.numpy(), rtol=1e-10)


def test_an_unknown_reading_is_refused():
    with pytest.raises(UnknownName, match="focus"):
        mechanisms.step("nabla", np.ones(1), np.ones(1))


def test_the_strengths_lead_to_the_line_of_d_and_away_from_that_of_g():
    fig = mechanisms.strengths()
    z, moved = (line.get_xydata()[0] for line in fig.axes[0].lines[2:])
    assert 0 < moved[0] < z[0], "η1 goes towards d's line, which stands at 0"
    assert 0 < z[1] < moved[1], "η2 goes away from g's line, which lies at 0"
    plt.close(fig)


def test_the_clip_bounds_the_drawn_step():
    fig = mechanisms.strengths(eta1=50.0, eta2=50.0, eps=0.3)
    z, moved = (line.get_xydata()[0] for line in fig.axes[0].lines[2:])
    np.testing.assert_allclose(np.abs(moved - z), 0.3)
    plt.close(fig)


@pytest.mark.parametrize("name", ["players", "uses", "readings", "strengths"])
def test_every_mechanism_can_be_shown(name):
    fig = getattr(mechanisms, name)()
    assert svg(fig, name=name, alt="a", title="t").startswith("<svg")
    plt.close(fig)


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, n=3, level=0.95, method="t over seeds")


def test_two_records_share_a_row_and_one_training_has_no_interval():
    drawn = {"ADT": estimate(0.1, 0.05, 0.15), "removal": estimate(0.2, np.nan, np.nan)}
    fig = drawings.beside({"DVGE-N": {"drawn": drawn, "photographs": {"ADT": drawn["ADT"]}}}, "x")
    lines = fig.axes[0].lines
    marks = [line for line in lines if line.get_marker() != "None"]
    assert [len(line.get_xdata()) for line in marks] == [2, 1]
    heights = [round(float(line.get_ydata()[0])) for line in marks]
    assert heights == [0, 0], "both marks of ADT stand in its row"
    intervals = [line.get_xdata() for line in lines if line.get_marker() == "None"][:2]
    assert list(intervals[0][:2]) == list(intervals[1][:2]) == [0.05, 0.15]
    assert np.isnan(intervals[0][2:]).all(), "a single training has a point and no interval"
    plt.close(fig)


def test_a_side_without_a_reading_says_so():
    curve = [estimate(0.7, 0.6, 0.8), estimate(0.6, 0.5, 0.7)]
    whole = {(f, e): curve for f in ("loss_pred", "logit_pred") for e in ("d", "n")}
    half = {key: curve for key in whole if key[0] == "loss_pred"}
    both = [drawings.Side(t, c, [0.0, 1.0], {"guess": 0.5}) for t, c in (("a", whole), ("b", half))]
    fig = drawings.falls(both, ("loss_pred", "logit_pred"), "accuracy")
    said = [[text.get_text() for text in ax.texts] for ax in fig.axes]
    assert said == [[], [], [], ["not run", "not run"]]
    plt.close(fig)


def test_the_plane_moves_codes_and_keeps_its_frame():
    z = np.array([[-1.0, 0.0], [1.0, 0.5], [0.0, 1.0]])
    moves = {eta: z + eta * np.array([0.2, 0.0]) for eta in (0.0, 1.0, 2.0)}
    pictures = drawings.plane(z, np.array([0, 1, 1]), moves, np.array([[0.0, -1], [0, 2]]), 64)
    assert pictures.shape == (3, 3, 64, 64) and pictures.dtype == np.uint8
    assert (pictures[0] != pictures[1]).any() and (pictures[0][:, 0] == pictures[2][:, 0]).all()
