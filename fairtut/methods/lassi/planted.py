"""A set of certificates with planted counterexamples, of every kind that once fooled a certifier.

>>> case = next(cases(1, seed=0, kinds=["spike"]))
>>> case.kind, len(case.z)
('spike', 8)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor, nn

from fairtut.errors import InputError, UnknownName
from fairtut.methods.lassi.planted_networks import Case, Floats, Plan, Profile, build
from fairtut.runtime.seeds import numpy_rng

LATENTS: Final = 8
"""Latents of a case."""
Rng = np.random.Generator


def cases(count: int, seed: int = 0, kinds: Sequence[str] | None = None) -> Iterator[Case]:
    """Yield cases, the kinds in turn; case i depends on its kind, `seed` and i alone.

    Parameters
    ----------
    count : int
        Cases, each of :data:`LATENTS` latents.
    seed : int
    kinds : sequence of str, optional
        Some of :data:`KINDS`; all if absent.

    Raises
    ------
    fairtut.errors.UnknownName
        For another kind.
    """
    chosen = list(KINDS if kinds is None else kinds)
    if not chosen:
        raise InputError("no kinds were given: name at least one, or leave kinds out")
    for kind in chosen:
        if kind not in KINDS:
            raise UnknownName.of("kind of planted case", kind, KINDS)
    for i in range(count):
        kind = chosen[i % len(chosen)]
        rng = numpy_rng(seed, "planted", kind, i)
        yield build(kind, KINDS[kind](rng), rng)


def _corners(*pairs: tuple[float, float], left: float = 0.0, right: float = 0.0) -> Profile:
    knots, values = zip(*pairs, strict=True)
    return Profile(np.array(knots), np.array(values), left, right)


def _spread(rng: Rng, far: float = 1.5) -> Floats:
    """Return positions of latents, multiples of 1/64."""
    return np.asarray(np.round(rng.uniform(-far, far, LATENTS) * 64) / 64)


def _step(rng: Rng, at: float = 0.0) -> Profile:
    """Return a step up or down around a place, in codes of several sizes."""
    width, height = 2.0 ** -rng.integers(3, 12), 2.0 ** rng.integers(-2, 4)
    up = rng.choice([-1.0, 1.0])
    return _corners((at - width, -up * height), (at + width, up * height))


def _spike(rng: Rng) -> Plan:
    """Plant a spike through the border, from a millionth of the set to all of it."""
    half = 2.0 ** -rng.integers(0, 20)
    low = rng.choice([-1.0, 1.0])
    top = -low * 2.0 ** rng.integers(-1, 4)
    return Plan(_corners((-half, low), (0.0, top), (half, low)), _spread(rng))


def _graze(rng: Rng) -> Plan:
    """Plant a spike that ends just below the border, on it or just above."""
    half = 2.0 ** -rng.integers(0, 12)
    border = 1.0 + rng.choice([-1, 0, 1]) * 2.0**-20
    return Plan(_corners((-half, 0.0), (0.0, 1.0), (half, 0.0)), _spread(rng, 1.2), border)


def _ends(rng: Rng) -> Plan:
    """Plant a flip at an end of the set, just inside and just outside."""
    plan = Plan(_step(rng), np.zeros(LATENTS), k=1)
    near = rng.choice([-1, 0, 1], LATENTS) * 2.0**-14
    return replace(plan, positions=rng.choice([-1.0, 1.0], LATENTS) * plan.epsilon + near)


def _whole_step(rng: Rng) -> Plan:
    """Plant two halves: sets on both sides of a step, and across it."""
    return Plan(_step(rng), _spread(rng, 3), epsilon=2.0 ** -rng.integers(0, 3))


def _heaps(rng: Rng) -> Plan:
    """Plant a step that a tail of the noise reaches: a centre in the tail would be certified."""
    return Plan(_step(rng), rng.choice([-1.0, 1.0], LATENTS) * 1.75)


def _tie(rng: Rng) -> Plan:
    """Plant a stretch on which both logits are equal."""
    half = 2.0 ** -rng.integers(0, 14)
    after = rng.choice([-1.0, 1.0])
    profile = _corners((-2 * half, -1.0), (-half, 0.0), (half, 0.0), (2 * half, after))
    return Plan(profile, _spread(rng))


def _equal(rng: Rng) -> Plan:
    """Plant a head whose two rows and biases are equal: a tie everywhere."""

    def change(case: Case, _: Rng) -> Case:
        head = _head(case)
        head.weight.data[1], head.bias.data[1] = head.weight.data[0], head.bias.data[0]
        return replace(case, constant=case.constant & False, differs=case.differs & False)

    return Plan(_step(rng), _spread(rng), change=change)


def _dull(rng: Rng) -> Plan:
    """Plant dozens of dead and duplicated units beside a spike."""
    return replace(_spike(rng), dull=40)


def _tail(rng: Rng) -> Plan:
    """Plant a wave with a step, and tails up to 10^12 times as steep."""
    left, right = (rng.choice([-1.0, 1.0]) * 2.0 ** rng.integers(0, 41) for _ in range(2))
    height = 2.0 ** rng.integers(-2, 3)
    wave = _corners((-2.0, -height), (-1.0, height / 2), (0.0, -height), (0.5, height),
                    (2.0, height), left=left, right=right)  # fmt: skip
    return Plan(wave, _spread(rng, 1), border=float(rng.choice([0.0, 1.5]) * height))


def _reach(rng: Rng) -> Plan:
    """Plant corners exactly where curves are cut, six deviations away, and at the set's ends."""
    sigma = float(rng.choice([1.0, 0.65, 0.5]))
    cut, end = 6 * sigma, sigma
    some = [(-cut, 0.0), (-end, 1.0), (0.0, -1.0), (end, 1.0), (cut, float(rng.integers(-4, 5)))]
    border = float(rng.choice([-0.5, -1.5]))
    return Plan(_corners(*some), np.zeros(2), border=border, epsilon=sigma, sigma=sigma, k=1)


def _half(rng: Rng) -> Plan:
    """Plant a constant stretch with half of the mass, up to a rounding."""
    edge = math.floor(float(ndtri(0.75)) * 2**16 + rng.integers(-1, 3)) / 2**16
    height = 2.0 ** rng.integers(-1, 4)
    ends = rng.choice([-1.0, 1.0], 2) * height
    profile = _corners((-edge - 1, ends[0]), (-edge, 0.0), (edge, 0.0), (edge + 1, ends[1]))
    border = float(rng.choice([0.0, 0.5]) * height)
    places = _spread(rng, 0.25 * float(rng.integers(0, 2)))
    return Plan(profile, places, border, k=1)


def _types(rng: Rng) -> Plan:
    """Plant latents of other types: half, double, whole numbers and bytes."""
    kind = [torch.float16, torch.float64, torch.int64, torch.int32][rng.integers(4)]

    def change(case: Case, _: Rng) -> Case:
        byte = not kind.is_floating_point and bool((case.z >= 0).all())
        return replace(case, z=case.z.to(torch.uint8 if byte else kind))

    if kind.is_floating_point:
        return Plan(_step(rng), _spread(rng, 1), origin=0.0, change=change)
    # whole latents, and directions that are fractions of one
    places = np.array(8 * rng.integers(0, 3, LATENTS), np.float64)
    return Plan(_step(rng), places, epsilon=8.0, sigma=8.0, size=0.25, origin=0.0, change=change)


def _underflow(rng: Rng) -> Plan:
    """Plant directions that single precision cannot hold, beside single latents."""
    tiny = bool(rng.random() < 0.5)

    def change(case: Case, _: Rng) -> Case:
        a = case.directions.double() * 2.0 ** (-200 if tiny else 200)
        return replace(case, directions=a, epsilon=1.0, constant=case.constant & tiny,
                       differs=case.differs & False)  # fmt: skip

    # a set of tiny directions is a point; that of huge ones holds both sides of the step
    return Plan(_step(rng), _spread(rng), epsilon=0.0 if tiny else 1.0, change=change)


def _sizes(rng: Rng) -> Plan:
    """Plant tiny and huge directions, which networks with huge and tiny weights read."""
    return replace(_whole_step(rng), size=2.0 ** rng.choice([-60, -30, 30, 60]))


def _faint(rng: Rng) -> Plan:
    """Plant directions below the rounding of the latents."""
    return Plan(_step(rng, 0.5), np.zeros(2), size=2.0**-30, origin=1.0)


def _large(rng: Rng) -> Plan:
    """Plant codes of an enormous or tiny scale."""
    return replace(_whole_step(rng), gain=2.0 ** rng.choice([-40, 40, 60]))


def _dependent(rng: Rng) -> Plan:
    """Plant directions that depend on each other, exactly or nearly."""

    def change(case: Case, rng: Rng) -> Case:
        a = case.directions
        off = float(rng.choice([0.0, 2.0**-30])) * torch.eye(a.shape[1])[:1]
        # twice as far in the second number: every set reaches across the step
        return replace(case, directions=torch.cat([a, 2 * a + off]), constant=case.constant & False,
                       differs=case.differs & False)  # fmt: skip

    return Plan(_step(rng), _spread(rng), k=1, change=change)


def _modes(rng: Rng) -> Plan:
    """Plant networks in training mode: statistics of the batch, and dropout."""

    def change(case: Case, rng: Rng) -> Case:
        if rng.random() < 0.5:
            return replace(case, encoder=case.encoder.train(), classifier=case.classifier.train())
        encoder = nn.Sequential(nn.Dropout(0.2), case.encoder, nn.Dropout(0.5)).train()
        return replace(case, encoder=encoder)

    return replace(_whole_step(rng), change=change)


def _nan(rng: Rng) -> Plan:
    """Plant a NaN or an infinity in a weight, a statistic or a latent."""

    def change(case: Case, rng: Rng) -> Case:
        value = float(rng.choice([math.nan, math.inf, -math.inf]))
        state = [*case.encoder.state_dict().values(), *case.classifier.state_dict().values()]
        spoilt = [case.z.T, *(v for v in state if v.is_floating_point())]
        spoilt[int(rng.integers(len(spoilt)))][0] = value
        # no model, or no latent: whoever certifies is wrong
        return replace(case, constant=case.constant & False, differs=case.differs | True)

    return Plan(_step(rng), _spread(rng), change=change)


class Overflow(nn.Module):
    """An encoder whose codes become infinite or NaN beyond a place."""

    def __init__(self, inner: nn.Module, value: float) -> None:
        super().__init__()
        self.inner, self.value = inner, value

    def forward(self, z: Tensor) -> Tensor:
        """Map latents (n, q) to codes (n, d)."""
        codes = self.inner(z)
        return torch.where(codes[:, :1] > 64, self.value, codes)


def _overflow(rng: Rng) -> Plan:
    """Plant codes that overflow in a tail, beside a step."""
    value = float(rng.choice([math.nan, math.inf, -math.inf]))
    profile = _corners((-0.25, -1.0), (0.25, 1.0), (3.0, 1.0), (3.25, 128.0))
    change = lambda case, _: replace(case, encoder=Overflow(case.encoder, value))  # noqa: E731
    return Plan(profile, _spread(rng, 1.5), change=change)


def _point(rng: Rng) -> Plan:
    """Plant sets of a single point, some of them on the border."""
    return Plan(_step(rng), _spread(rng, 1) * rng.integers(0, 2, LATENTS), epsilon=0.0)


def _classes(rng: Rng) -> Plan:
    """Plant a third class, in a linear head or in one that is not linear."""

    def change(case: Case, rng: Rng) -> Case:
        old = _head(case)
        head = nn.Linear(old.in_features, 3)
        head.weight.data[:2], head.weight.data[2] = old.weight.data, 0.0
        head.bias.data[:2], head.bias.data[2] = old.bias.data, -1e4
        return replace(case, classifier=head if rng.random() < 0.5 else nn.Sequential(head))

    return replace(_whole_step(rng), change=change)


def _head(case: Case) -> nn.Linear:
    assert isinstance(case.classifier, nn.Linear)
    return case.classifier


KINDS: Final[dict[str, Callable[[Rng], Plan]]] = {
    "spike": _spike,
    "graze": _graze,
    "ends": _ends,
    "step": _whole_step,
    "heaps": _heaps,
    "tie": _tie,
    "equal": _equal,
    "dull": _dull,
    "tail": _tail,
    "reach": _reach,
    "half": _half,
    "types": _types,
    "underflow": _underflow,
    "sizes": _sizes,
    "faint": _faint,
    "large": _large,
    "dependent": _dependent,
    "modes": _modes,
    "nan": _nan,
    "overflow": _overflow,
    "point": _point,
    "classes": _classes,
}
"""What is planted, by name; each entry draws a plan."""
