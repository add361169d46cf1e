r"""Certificates that stop early: draws come in blocks, until :math:`d_{cs} < d_{rs}` is settled.

:func:`~fairtut.methods.lassi.certify` makes all its draws, however clear the case.  Here
each image makes as many as it needs.  The promise is the same: for any one similar latent z' that
is fixed beforehand, the decision at z' is the same with probability
:math:`1 - \alpha_{cs} - \alpha_{rs}`.

**The smoothed code.**  The candidates for the centre are f(0) and m draws, M of them.  Then
:math:`n_1` further draws measure every candidate: its radius is the k-th smallest distance from it.
The centre is the candidate with the least radius.  With D the slack and :math:`\alpha` what the
candidates leave of :math:`\alpha_{cs}`, k and the least possible :math:`n_1` are such that

.. math:: P(\mathrm{Bin}(n_1, 1/2 - D) \ge k) \le \alpha / (4M), \qquad
          P(\mathrm{Bin}(n_1, 1/2 + D) < k) \le \alpha / 4.

**Looks.**  Draws go on to :math:`n_1 < n_2 < \dots < n_J`, each about a quarter more than the last.
At look j the bound :math:`q_j` is the :math:`k_j`-th smallest distance from the centre, with
:math:`P(\mathrm{Bin}(n_j, Q_0) \ge k_j) \le \alpha / (2MJ)`, and :math:`d_{cs}` is three times the
least bound so far.  :math:`Q_0 = \Phi(\Phi^{-1}(1/2 + D) + \epsilon/\sigma)` as in
:mod:`~fairtut.methods.lassi.center`.

**Proof.**  Take z first.

1. Fix a candidate and a look.  If the ball of radius :math:`q_j` held less than :math:`Q_0`, at
   least :math:`k_j` of the draws would lie in a set of mass at most :math:`Q_0`: a chance of
   :math:`\alpha / (2MJ)`.  Over all candidates and looks that adds up to :math:`\alpha / 2`.  But
   for that chance *every* bound holds, so it does not matter which candidate becomes the centre or
   when we stop, or why.
2. So the ball B of radius q around c holds :math:`Q_0` at z, and at least :math:`1/2 + D` at z'
   (Neyman and Pearson).

Now z', whose draws are independent of those at z.

3. No candidate among its m draws lies in B with a chance of at most :math:`2^{-m}`, which is part
   of :math:`\alpha_{cs}`.  Let c'' be the first that does.  B lies within 2 q of it, so but for a
   chance of :math:`\alpha / 4` at least k of the :math:`n_1` draws do, and its radius is at most
   2 q.  The radius R' of the centre c' is no larger.
4. Fix a candidate.  If its ball held no more than :math:`1/2 - D`, at least k draws would lie in a
   set of that mass: a chance of :math:`\alpha / (4M)`, and :math:`\alpha / 4` over all candidates.
   But for it the ball of radius R' around c' holds *more* than :math:`1/2 - D`.
5. B and that ball have masses that add up to more than 1, so they share a point, and c' is at most
   :math:`q + R' \le 3q` from c.

Nothing is asked of f, not even that it is continuous; and no image has to abstain for want of mass,
because the ball is chosen large enough to be sure of it, in place of a later check.

**Votes.**  A linear head's votes cost nothing and are taken at once
(:func:`~fairtut.methods.lassi.classifier.vote`).  Those of another head come in blocks that double;
with J looks each bound by Clopper and Pearson gets :math:`\alpha_{rs} / J`, so all hold at once.

**When it stops.**  *Fair*: the bound on :math:`d_{cs}` is below that on :math:`d_{rs}`.  *Not
fair*: one-sided bounds the other way, at a chance of
:data:`~fairtut.methods.lassi.looks.HOPELESS`, say that it will not be.  This needs no proof: to
certify nobody is always sound.  Otherwise draws end where the bound is as tight as that of the full
procedure, the first look with :math:`k_j / n_j` at most its level Q.  The side whose bounds are
farther apart draws next.  (Sums of chances over looks that are fixed beforehand are the simplest
kind of sequential bound.  Mixtures hold at every draw: Robbins 1970; Howard, Ramdas, McAuliffe and
Sekhon 2021.  Here there are a handful of looks.)

>>> found = certify_early(encoder, head, z, directions, Smoothing(), Voting(2.5))  # doctest: +SKIP
>>> found.fair.mean(), found.draws.mean()  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fairtut.methods.holding import evaluating
from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.certify import Certificates, encoder_path, laws
from fairtut.methods.lassi.classifier import Voting, choose_path
from fairtut.methods.lassi.inputs import check, numbered, sound_weights
from fairtut.methods.lassi.looks import Ballot, Moves, plan
from fairtut.runtime.precision import has_double
from fairtut.runtime.seeds import torch_rng


@dataclass(frozen=True)
class EarlyCertificates(Certificates):
    """Certificates, and what they took.

    Parameters
    ----------
    draws : int array, shape (b,)
        Evaluations of the encoder at noisy latents, all stages together.
    votes : int array, shape (b,)
        Votes that were counted; with a linear head no network was evaluated for them.

    Examples
    --------
    A linear head's votes are taken at once; another head gets as many as it needs:

    >>> import torch
    >>> from fairtut.methods.lassi import Smoothing, Voting, certify_early
    >>> z, attribute = torch.tensor([[9.0, 1.0], [-9.0, 1.0]]), torch.tensor([0.0, 1.0])
    >>> decide = lambda code: torch.cat([-code, code], 1)  # class 1 where the code is positive
    >>> found = certify_early(lambda z: z[:, :1], decide, z, attribute, Smoothing(), Voting())
    >>> found.fair.tolist(), (found.draws < found.n).tolist(), (found.votes < Voting().n).tolist()
    ([True, True], [True, True], [True, True])
    """

    draws: np.ndarray
    votes: np.ndarray


def certify_early(
    encoder: Callable[[Tensor], Tensor],
    classifier: Callable[[Tensor], Tensor],
    z: Tensor,
    directions: Tensor,
    smoothing: Smoothing | None = None,
    voting: Voting | None = None,
    *,
    seed: int = 0,
    ids: Sequence[int] | None = None,
    path: str | None = None,
) -> EarlyCertificates:
    r"""Certify decisions with as few draws as each image needs.

    Parameters and errors as in :func:`~fairtut.methods.lassi.certify`.  Of `smoothing`,
    ``n`` sets how tight a bound is worth waiting for: that of n draws of the full procedure.

    Returns
    -------
    EarlyCertificates
        Its ``n`` is the largest number of draws that an image could have made.  Distances of images
        that were settled early are bounds all the same, but wider than they would have become.

    Examples
    --------
    The codes leave the attribute out, so the first look settles it: 32 candidates and 1085 draws,
    in place of three times 10000.

    >>> import torch
    >>> from fairtut.methods.lassi import Smoothing, Voting, certify_early
    >>> z, attribute = torch.tensor([[9.0, 1.0]]), torch.tensor([0.0, 1.0])
    >>> decide = lambda code: torch.cat([-code, code], 1)  # class 1 where the code is positive
    >>> found = certify_early(lambda z: z[:, :1], decide, z, attribute, Smoothing(), Voting())
    >>> found.fair.tolist(), found.d_cs.tolist(), found.draws.tolist()
    ([True], [0.0], [1117])
    """
    smoothing, voting = smoothing or Smoothing(), voting or Voting()
    kind = choose_path(classifier)
    sound_weights(classifier, "the classifier")
    z, directions = check(encoder, z, directions)
    chosen = encoder_path(encoder, len(directions), path)
    streams = numbered(z, ids)
    most = plan(smoothing).candidates + plan(smoothing).looks[-1]
    found = []
    with torch.no_grad(), evaluating(encoder, classifier):
        make = laws(chosen, encoder, z, directions)
        for i, stream in enumerate(streams):
            rng = torch_rng(seed, "early", stream)
            t = torch.randn(most, len(directions), generator=rng, dtype=torch.float64)
            t *= smoothing.sigma
            law = make(i, float(t.abs().max()))
            moves = Moves(law, t.to(z.device) if has_double(z.device) else t, smoothing)
            code = moves.center.float().to(z.device)
            ballot = Ballot(classifier, code, voting, seed, stream)
            settle(moves, ballot)
            found.append((moves, ballot, code))
    return _gather(found, smoothing, voting, f"{chosen}+{kind}", most)


def settle(moves: Moves, ballot: Ballot) -> None:
    """Draw until the certificate is settled or there is nothing left to draw."""
    while not ballot.lost and math.isfinite(moves.radius) and (moves.left or ballot.left):
        sure = ballot.low > 0
        if sure and (moves.high < ballot.low or moves.low > ballot.high):
            return
        wider = not ballot.left or moves.high - moves.low > ballot.high - ballot.low
        if moves.left and wider:
            moves.more()
        elif ballot.left:
            ballot.more()
        else:
            return


def _gather(
    found: list[tuple[Moves, Ballot, Tensor]],
    smoothing: Smoothing,
    voting: Voting,
    path: str,
    most: int,
) -> EarlyCertificates:
    """Return the certificates of images."""
    far = np.array([not math.isfinite(m.high) for m, _, _ in found])
    lost = np.array([b.lost or b.low <= 0 for _, b, _ in found])
    prediction = np.where(far | lost, -1, [b.top for _, b, _ in found])
    d_cs = np.where(far, math.nan, [m.high for m, _, _ in found])
    d_rs = np.where(far | lost, math.nan, [b.low for _, b, _ in found])
    whys = np.where(far, "center", np.where(lost, "classifier", ""))
    return EarlyCertificates(
        prediction, tuple(whys.tolist()), d_cs, d_rs, d_cs < d_rs,
        torch.stack([code for _, _, code in found]), most, smoothing.alpha + voting.alpha,
        smoothing.sigma, smoothing.epsilon, path,
        np.array([m.draws for m, _, _ in found]), np.array([b.votes for _, b, _ in found]),
    )  # fmt: skip
