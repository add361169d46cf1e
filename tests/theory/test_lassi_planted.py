"""Planted counterexamples: their truth is true, ours withstand them, and a broken one does not."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fairtut.errors import InputError, MissingExtra, UnknownName
from fairtut.methods.lassi import center, verdicts
from fairtut.methods.lassi.attack import Found, Tally, Verdicts, attack, densely
from fairtut.methods.lassi.certify import PATHS
from fairtut.methods.lassi.plain_bounds import intervals, linear_bounds
from fairtut.methods.lassi.planted import KINDS, cases
from fairtut.methods.lassi.planted_networks import Case
from fairtut.methods.lassi.references import EARLY, Settings, others, ours
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
OURS = ours()
# What changes the networks or the input after the profile was read.
CHANGED = {"nan", "overflow", "types", "underflow", "dependent", "equal", "classes"}


def gaps(case: Case, t: Tensor) -> Tensor:
    """Lead of class 1 in double precision at members of each set, (b, n)."""
    encoder = next(m for m in case.encoder.modules() if hasattr(m, "fold"))
    start, slopes = encoder.fold().first(case.z, case.directions)
    weight, bias = case.classifier.weight.double(), case.classifier.bias.double()
    codes = encoder.fold().rest((start[:, None] + t @ slopes).flatten(0, 1))
    lead = codes.unflatten(0, (len(case.z), len(t))) @ weight.T + bias
    return (lead[..., 1] - lead[..., 0]).detach()


@pytest.mark.parametrize("kind", sorted(set(KINDS) - CHANGED))
def test_the_truth_is_that_of_the_network(kind: str) -> None:
    for case in cases(6, seed=3, kinds=[kind]):
        k = len(case.directions)
        u = torch.tensor({1: (1.0,), 2: (1.0, 0.75), 3: (1.0, 0.5, 1.0)}[k]).double()
        along = torch.linspace(-1, 1, 2**12 + 1).double()[:, None] * case.epsilon * u / u.norm()
        rng = torch_rng(0)
        ball = torch.randn(500, k, generator=rng).double()
        ball = case.epsilon * ball / ball.norm(dim=1, keepdim=True)
        lead = gaps(case, torch.cat([along, ball]))
        same = ((lead > 0).all(1) | (lead < 0).all(1)).numpy()
        assert not (case.constant & ~same).any()  # constant ones are so wherever one looks
        narrow = kind in ("spike", "dull", "graze", "tie", "ends", "tail")
        assert narrow or (case.constant == same).all()


def test_spikes_of_a_millionth_change_the_decision_at_their_top() -> None:
    seen = 0
    for case in cases(40, seed=1, kinds=["spike"]):
        if len(case.directions) > 1:
            continue
        lead = gaps(case, torch.zeros(1, 1).double())[:, 0]
        # the unit of the second corner bends at the top
        start, slope = case.encoder.fold().first(case.z, case.directions)
        top = -start[:, 1] / slope[0, 1]
        inside = top.abs() <= case.epsilon
        there = torch.stack([gaps(case, v.reshape(1, 1))[i, 0] for i, v in enumerate(top)])
        assert (there.sign()[inside] != 0).all()
        assert (case.constant[inside] == 0).all()
        seen += int(((there > 0) != (lead > 0))[inside].sum())
    assert seen > 50


def test_cases_repeat_and_unknown_kinds_are_named() -> None:
    one, two = (list(cases(25, seed=5)) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert torch.equal(a.z, b.z) or a.kind == "nan"
        assert (a.constant == b.constant).all() and (a.differs == b.differs).all()
    assert [c.kind for c in one[: len(KINDS)]] == list(KINDS)
    with pytest.raises(UnknownName, match="did you mean 'spike'"):
        next(cases(1, kinds=["spikes"]))
    with pytest.raises(InputError, match="no kinds"):
        next(cases(1, kinds=[]))


@pytest.mark.parametrize("name", sorted(OURS))
def test_ours_withstand_the_attack(name: str) -> None:
    certifier, about = OURS[name]
    found = attack(certifier, 66, about=about, seed=11)
    total = found.total()
    assert found.sound and total.failed.total() == 0, found.table().to_string()
    assert total.given > 60 and total.refused > 60
    assert found.alpha == pytest.approx(0.052 if name in (*PATHS, EARLY) else 0)
    if found.alpha == 0:
        assert total.wrong == 0


def test_interval_bounds_are_sound_and_weak() -> None:
    found = attack(intervals, 210, about="plain", seed=2, kinds=sorted(set(KINDS) - {"nan"}))
    assert found.wrong == 0 and found.given > 100
    one = attack(intervals, 40, about="plain", seed=2, kinds=["tail", "graze"])
    exact = attack(OURS["exact"][0], 40, about="plain", seed=2, kinds=["tail", "graze"])
    assert one.given < exact.given


def test_the_plain_algorithm_is_fooled_by_directions_below_rounding() -> None:
    found = attack(others()["plain smoothing"][0], 8, kinds=["faint"])
    assert found.wrong > 4 and not found.sound


# --- a certifier that is broken is found out ---------------------


def test_a_single_candidate_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = center.medoid
    monkeypatch.setattr(center, "medoid", lambda cloud, n, _: real(cloud, n, 1))
    found = attack(OURS["folded"][0], 60, kinds=["heaps"])
    assert found.wrong > 2 * found.alpha * found.given and not found.sound


def test_directions_cast_to_whole_numbers_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def cast(encoder: nn.Module, z: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        return z.float(), directions.to(z.dtype).float()

    monkeypatch.setattr(verdicts, "check", cast)
    found = attack(OURS["exact"][0], 60, about="plain", kinds=["types"])
    assert found.wrong > 20 and not found.sound


def test_a_margin_of_nan_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def margins(head: nn.Linear, codes: Tensor, *_: object) -> tuple[Tensor, Tensor]:
        logits = codes @ head.weight.double().T + head.bias.double()
        apart = logits.max(1).values - logits.min(1).values
        return logits.argmax(1), torch.where(apart > 0, apart, math.inf)  # NaN is not above 0

    monkeypatch.setattr(verdicts, "margins", margins)
    monkeypatch.setattr(verdicts, "sound_weights", lambda *_: None)
    found = attack(OURS["exact"][0], 120, about="plain", kinds=["nan"])
    assert found.wrong > 0 and not found.sound


# --- the runner --------------------------------------------------


def test_whatever_a_certifier_does_is_counted() -> None:
    calls = iter(range(10**6))

    def moody(encoder: nn.Module, head: nn.Module, z: Tensor, *_: object) -> Verdicts:
        turn = next(calls) % 3
        if turn == 0:
            raise RuntimeError("a crash")
        if turn == 1:
            raise InputError("a refusal")
        until = time.process_time() + 5
        while time.process_time() < until:
            pass
        return Verdicts(np.ones(len(z), bool), np.zeros(len(z)))

    found = attack(moody, 3, kinds=["step"], limit=0.2)
    total = found.total()
    assert (total.asked, total.given, total.refused) == (24, 0, 8)
    assert total.crashes == "8 RuntimeError, 8 time"
    assert found.table().kind.tolist() == ["step", "all"]


def test_more_wrong_ones_than_stated_are_unsound() -> None:
    few, many = (Found({"a": Tally(1000, 1000, w)}, 0.05, 0, 0) for w in (55, 90))
    assert few.sound and not many.sound
    assert not Found({"a": Tally(10, 10, 1)}, 0.0, 0, 0).sound
    yes = lambda e, c, z, *_: Verdicts(np.ones(len(z), bool), np.zeros(len(z)), 0.05)  # noqa: E731
    assert not attack(yes, 44, about="plain").sound
    with pytest.raises(InputError, match="choose one of smoothed, plain"):
        attack(yes, 1, about="both")
    one = lambda *_: Verdicts(np.ones(1, bool), np.zeros(1))  # noqa: E731
    assert attack(one, 1).total().crashes == "8 ValueError"


def test_linear_bounds_need_a_library_and_use_its_bounds() -> None:
    class Bounded:
        def __init__(self, net: nn.Module, middle: Tensor) -> None:
            self.net = net

        def compute_bounds(self, x: tuple, method: str) -> tuple[Tensor]:
            assert method == "CROWN"
            t = torch.linspace(-1, 1, 999).double()[:, None] * x[0].eps
            return (self.net(t).min(0).values,)  # a stub: true up to its grid

    stub = SimpleNamespace(
        BoundedModule=Bounded,
        BoundedTensor=lambda middle, ball: SimpleNamespace(middle=middle, eps=ball["eps"]),
        PerturbationLpNorm=lambda **kwargs: kwargs,
    )
    certifier = linear_bounds(stub)
    for case in cases(6, seed=4, kinds=["ends"]):  # one direction
        rest = case.z, case.directions, case.epsilon, case.sigma, 0
        found = certifier(case.encoder, case.classifier, *rest)
        assert (found.fair >= case.constant).all() and found.alpha == 0
        exact = OURS["exact"][0](case.encoder, case.classifier, *rest)
        assert (found.prediction == exact.prediction).all()
    try:
        linear_bounds()
    except MissingExtra as error:
        assert "auto_LiRPA cannot be imported" in str(error)


def test_dense_sampling_finds_changes_and_only_those() -> None:
    for case in cases(6, seed=6, kinds=["step"]):
        found = densely(
            case.encoder, case.classifier, case.z, case.directions, case.epsilon, 10_000
        )
        assert (found == ~case.constant).mean() >= 7 / 8  # a sliver of a set can be missed
        assert not (found & case.constant).any()


def test_settings_are_the_fewest_candidates() -> None:
    with pytest.raises(InputError, match="at least 11"):
        Settings(candidates=10).smoothing(1, 1)
    assert Settings().smoothing(1, 1).candidates == 11
