r"""Glow: an invertible network between pictures and latents, with an exact density.

.. math:: \log p(x) = \sum_l \log N(z_l; \mu_l, \sigma_l) + \log |\det \partial z / \partial x|

Each level squeezes, runs its flow steps, and lets half of its channels leave as latents
:math:`z_l`; the other half goes on and predicts where those that left should be,
:math:`(\mu_l, \log \sigma_l)`.

References
----------
Kingma, Dhariwal: Glow: generative flow with invertible 1x1 convolutions, NeurIPS 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Generator, Tensor, nn

from fairtut.errors import InputError
from fairtut.models.building import building
from fairtut.models.glow.layers import FlowStep, ZeroConv, log_normal, squeeze, unsqueeze
from fairtut.models.glow.pixels import BITS, dequantise, preprocess, to_pictures
from fairtut.runtime.precision import full_precision

Latent = Callable[[int, Tensor], Tensor]
"""``latent(level, h)`` gives a level's latents, (n, c, h, w), beside what is known of it, h."""


class Glow(nn.Module):
    """A multi-scale flow.

    Parameters
    ----------
    size : int
        Side of the pictures, in pixels; a multiple of ``2**blocks``.
    blocks : int
        Levels.  LASSI uses 4 at 64 pixels.
    flows : int
        Steps per level; 32 in LASSI.
    filters : int
        Width of the coupling nets; 512 in LASSI.
    affine : bool
        Affine instead of additive couplings.
    channels : int
        Of the pictures.
    generator : torch.Generator, optional
        Draws the initial weights.

    Attributes
    ----------
    shapes : list of (int, int, int)
        Channels, height and width of each level's latents, from shallow to deep.  This is the
        layout of :meth:`encode`: each level flattened, in this order, raw activations that are
        *not* standardised by their prior.
    q : int
        Numbers in a latent code, as many as in a picture.
    architecture : dict
        The arguments above, for a model card; ``Glow(**architecture)`` fits the weights.
    initialised : tensor of bool
        A buffer: whether ActNorm has seen its data (:meth:`initialise`).

    Raises
    ------
    fairtut.errors.InputError
        If a size is not positive or the side cannot be halved often enough.

    Examples
    --------
    A latent has as many numbers as the picture, and the picture comes back from it, up to five
    bits:

    >>> import torch
    >>> from fairtut.models.glow import Glow
    >>> rng = torch.Generator().manual_seed(0)
    >>> glow = Glow(4, blocks=2, flows=1, filters=4, generator=rng)
    >>> x = torch.rand(8, 3, 4, 4, generator=rng)
    >>> glow.initialise(x, rng)
    >>> z = glow.encode(x)
    >>> glow.shapes, z.shape
    ([(6, 2, 2), (24, 1, 1)], torch.Size([8, 48]))
    >>> bool(((glow.decode(z) - x).abs() < 1 / 32).all())
    True
    """

    initialised: Tensor

    def __init__(
        self, size: int, blocks: int, flows: int, filters: int, *,
        affine: bool = False, channels: int = 3, generator: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if min(size, blocks, flows, filters, channels) < 1:
            raise InputError("size, blocks, flows, filters and channels must be at least 1")
        if size % 2**blocks:
            raise InputError(f"size {size}: {blocks} blocks need a multiple of {2**blocks}")
        self.architecture: dict[str, Any] = {
            "size": size, "blocks": blocks, "flows": flows, "filters": filters,
            "affine": affine, "channels": channels,
        }  # fmt: skip
        self.channels, self.size = channels, size
        self.shapes: list[tuple[int, int, int]] = []
        self.levels, self.priors = nn.ModuleList(), nn.ModuleList()
        c, side = channels, size
        for level in range(blocks):
            c, side = 4 * c, side // 2
            with building(generator):
                steps = [FlowStep(c, filters, affine, generator) for _ in range(flows)]
                self.levels.append(nn.ModuleList(steps))
                c = c if level == blocks - 1 else c // 2  # at the last level nothing goes on
                self.priors.append(ZeroConv(c, 2 * c))
            self.shapes.append((c, side, side))
        self.q = channels * size * size
        self.register_buffer("initialised", torch.tensor(False))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @torch.no_grad()
    def initialise(self, x: Tensor, generator: Generator | None = None) -> None:
        """Set every ActNorm so that its output on these pictures has mean 0 and variance 1.

        Done once, before training; the flag is a buffer and travels with the weights.

        Parameters
        ----------
        x : tensor, shape (n, channels, size, size)
            A few hundred training pictures.
        generator : torch.Generator, optional
            Draws the dequantisation noise.
        """
        self._check(x)
        if self.initialised:
            raise InputError("ActNorm is initialised already: build a new Glow to start over")
        h = dequantise(x, generator).to(self.device, self.dtype)
        for level in range(len(self.levels)):
            h, _, _ = self._up(level, h, initialise=True)
        self.initialised.fill_(True)

    def forward(self, u: Tensor) -> tuple[list[Tensor], Tensor]:
        r"""Return the latents of each level and the log-density.

        Parameters
        ----------
        u : tensor, shape (n, channels, size, size)
            Preprocessed pictures (:func:`preprocess`, :func:`dequantise`), not pictures.

        Returns
        -------
        latents : list of tensors, (n, \*shape) for each of ``shapes``
        log_prob : tensor, shape (n,)
            Of ``u``, in nats.
        """
        self._check(u)
        latents, h = [], u
        log_prob = u.new_zeros(len(u))
        for level in range(len(self.levels)):
            h, z, log_det = self._up(level, h)
            log_prob = log_prob + log_det + log_normal(z, *self._prior(level, h))
            latents.append(z)
        return latents, log_prob

    def bits(self, u: Tensor) -> Tensor:
        r"""Return bits per dimension of dequantised pictures ``u``, (n,).

        :math:`-(\log p(u) - q \log 32) / (q \log 2)`: a bin of five bits has width 1/32.
        """
        log_prob = self(u)[1]
        return BITS - log_prob / (self.q * math.log(2))

    def bits_per_dim(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Return bits per dimension of pictures (uint8, or float in [0, 1]), (n,).

        Parameters
        ----------
        x : tensor, shape (n, channels, size, size)
        generator : torch.Generator, optional
            Draws the dequantisation noise.
        """
        return self.bits(dequantise(x, generator).to(self.device, self.dtype))

    @torch.no_grad()
    @full_precision()
    def encode(self, x: Tensor, batch: int | None = None) -> Tensor:
        """Return the latents of pictures, without noise.

        It runs the flow alone: no priors, no gradients, and not more pictures at a time than fit.
        In full single precision on every device: with rounded inputs of convolutions, pictures
        would not come back.

        Parameters
        ----------
        x : tensor, shape (n, channels, size, size)
            uint8, or floating point in [0, 1].
        batch : int, optional
            Pictures at a time; by default what is fast.

        Returns
        -------
        tensor, shape (n, q)
            On the device of ``x``, in the layout of ``shapes``.

        Raises
        ------
        fairtut.errors.InputError
            If the shape is wrong or ActNorm was never initialised.
        """
        self._check(x)
        self._check_initialised()
        batch = batch or (32 if self.device.type == "cpu" else 512)
        z = torch.empty(len(x), self.q, dtype=self.dtype, device=x.device)
        for start in range(0, len(x), batch):
            h = preprocess(x[start : start + batch].to(self.device)).to(self.dtype)
            parts = []
            for level in range(len(self.levels)):
                h, out, _ = self._up(level, h)
                parts.append(out.flatten(1))
            z[start : start + batch] = torch.cat(parts, 1)
        return z

    @full_precision()
    def decode(self, z: Tensor) -> Tensor:
        """Return the pictures with these latents, (n, channels, size, size).

        The latents are fed back unchanged, whatever the priors say, so ``decode(encode(x))`` is
        x rounded to the middle of its five-bit bins.  Differentiable in ``z``.

        Parameters
        ----------
        z : tensor, shape (n, q)

        Returns
        -------
        tensor
            On the device of ``z``; in [0, 1] for latents of pictures, while others may leave it.

        Raises
        ------
        fairtut.errors.InputError
            If the shape is wrong, a latent is NaN or infinite, or ActNorm was never initialised.
        """
        stored = self.split(z)
        with torch.set_grad_enabled(torch.is_grad_enabled() and z.requires_grad):
            return to_pictures(self._down(len(z), lambda level, _: stored[level])).to(z.device)

    def split(self, z: Tensor) -> list[Tensor]:
        r"""Return a code (n, q) as one tensor per level, (n, \*shape), shallow to deep."""
        if z.ndim != 2 or z.shape[1] != self.q:
            raise InputError(f"latents have shape {tuple(z.shape)}: need (n, {self.q})")
        bad = ~torch.isfinite(z).all(1)
        if bad.any():
            row = int(bad.nonzero()[0])
            raise InputError(f"latents hold NaN or infinity (first in row {row}): encode again")
        parts = z.to(self.device, self.dtype).split([math.prod(s) for s in self.shapes], 1)
        return [p.unflatten(1, shape) for p, shape in zip(parts, self.shapes, strict=True)]

    @torch.no_grad()
    def sample(
        self, n: int, temperature: float = 0.7, generator: Generator | None = None
    ) -> Tensor:
        """Return new pictures in [0, 1], (n, channels, size, size).

        Parameters
        ----------
        n : int
        temperature : float
            Factor of the priors' deviations; at 0 all pictures are the same one.
        generator : torch.Generator, optional
        """
        if not 0 <= temperature < math.inf:
            raise InputError(f"temperature {temperature}: must be finite and at least 0")
        draw_on = generator.device if generator is not None else self.device

        def latent(level: int, h: Tensor) -> Tensor:
            mean, log_std = self._prior(level, h)
            noise = torch.randn(mean.shape, generator=generator, device=draw_on, dtype=mean.dtype)
            return mean + temperature * log_std.exp() * noise.to(mean.device)

        return (self._down(n, latent) + 0.5).clamp(0.0, 1.0)

    def _steps(self, level: int) -> Iterable[FlowStep]:
        return cast("Iterable[FlowStep]", self.levels[level])

    def _up(self, level: int, h: Tensor, initialise: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Run one level; return what goes on, what leaves as latents, and the log-determinant."""
        h = squeeze(h)
        pixels, log_det = h.shape[2] * h.shape[3], h.new_zeros(len(h))
        for step in self._steps(level):
            if initialise:
                step.actnorm.initialise(h)
            h, of_coupling = step(h)
            log_det = log_det + pixels * step.log_det() + of_coupling
        if level == len(self.levels) - 1:
            return h, h, log_det  # everything leaves
        kept, z = h.chunk(2, 1)
        return kept, z, log_det

    def _prior(self, level: int, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-deviation from what goes on; the last level knows nothing."""
        h = torch.zeros_like(h) if level == len(self.levels) - 1 else h
        mean, log_std = self.priors[level](h).chunk(2, 1)
        return mean, log_std

    def _down(self, n: int, latent: Latent) -> Tensor:
        """Run the flow backwards, asking for the latents of each level, deepest first."""
        self._check_initialised()
        last = len(self.levels) - 1
        h = torch.zeros(n, *self.shapes[last], dtype=self.dtype, device=self.device)
        for level in range(last, -1, -1):
            z = latent(level, h)
            h = z if level == last else torch.cat([h, z], 1)
            h = h.contiguous(memory_format=torch.channels_last)
            for step in reversed(list(self._steps(level))):
                h = step.inverse(h)
            h = unsqueeze(h)
        return h

    def _check(self, x: Tensor) -> None:
        shape = (self.channels, self.size, self.size)
        if x.shape[1:] != shape or x.ndim != 4 or len(x) == 0:
            raise InputError(
                f"pictures have shape {tuple(x.shape)}: this Glow needs (n, {str(shape)[1:]}"
            )

    def _check_initialised(self) -> None:
        if not self.initialised:
            raise InputError("this Glow is not trained: load a checkpoint, or train it first")
