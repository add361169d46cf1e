r"""The paper's theorem on texts: an exact classifier, a learned one, and triggers for both.

Texts are drawn as :class:`fairtut.methods.reprogramming.theory.TwoVocabularies` has them: cue words
given the label, group words given the group, in random order.  The exact posterior of such a text
is a network with four numbers per word, so that word triggers can be trained for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtut.chapters.reprogramming_text.crowd import Crowd
from fairtut.chapters.reprogramming_text.measures import Measured
from fairtut.chapters.reprogramming_text.presets import Preset
from fairtut.chapters.reprogramming_text.protocol import base, margins
from fairtut.data.comments import SPLITS, CommentSet, Tokenizer, from_texts
from fairtut.data.comments.sources import SHARES
from fairtut.data.synthetic.comments import CUES, WORDS
from fairtut.methods.reprogramming import train_words
from fairtut.methods.reprogramming.theory import Outcome, TwoVocabularies
from fairtut.methods.reprogramming.words import WordTrigger
from fairtut.metrics.entry import Entry
from fairtut.runtime.seeds import numpy_rng

GROUPS: Final = ("christian", "muslim")
JOINT: Final = ((0.4, 0.1), (0.1, 0.4))  # P(y, z): the label follows the group four times in five
CUE_NOISE: Final = 0.3
GROUP_NOISE: Final = 0.2
LENGTH: Final = 3  # words of each kind
WORDS_PUT: Final = (0, 1, 2, 3, 4, 5, 8)
"""How many words of one group are put behind every text."""


def law() -> TwoVocabularies:
    """Return the law of the texts, with two kinds of words in each vocabulary."""
    noise = [[[1 - e, e], [e, 1 - e]] for e in (CUE_NOISE, GROUP_NOISE)]
    return TwoVocabularies(JOINT, noise[0], noise[1], LENGTH)


def posterior(count: int) -> float:
    """Return p(z = 1 | the trigger) for a number of words of group 1, equal base rates."""
    one, zero = (1 - GROUP_NOISE) ** count, GROUP_NOISE**count
    return one / (one + zero)


def texts(n: int, seed: int) -> CommentSet:
    """Draw texts from :func:`law`; group 1 is the second of :data:`GROUPS`."""
    rng = numpy_rng(seed, "two vocabularies")
    cell = rng.choice(4, n, p=np.ravel(JOINT))
    y, z = cell // 2, cell % 2
    rows = []
    for label, group in zip(y, z, strict=True):
        cues = np.where(rng.random(LENGTH) < CUE_NOISE, 1 - label, label)
        who = np.where(rng.random(LENGTH) < GROUP_NOISE, 1 - group, group)
        words = [CUES[k][rng.integers(len(CUES[k]))] for k in cues]
        words += [WORDS[GROUPS[k]][rng.integers(len(WORDS[GROUPS[k]]))] for k in who]
        rows.append(" ".join(rng.permutation(words)))
    ends = np.round(np.cumsum(SHARES) * n).astype(np.int64)
    return from_texts(
        rows, y, np.stack([z == 0, z == 1], 1), GROUPS,
        np.repeat(np.array(SPLITS), np.diff(ends, prepend=0)), name="two vocabularies",
        source=f"two vocabularies: {n} generated, seed {seed}", length=2 * LENGTH + 2,
    )  # fmt: skip


class Posterior(nn.Module):
    """The exact P(y | text) as a text model: the embedding of a word is its log-likelihoods.

    Parameters
    ----------
    tokenizer : Tokenizer
        Words outside :data:`CUES` and of other groups say nothing.
    """

    positions = 64

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        table = torch.zeros(len(tokenizer), 4)  # log p(w | y = 0), y = 1, z = 0, z = 1
        names = tokenizer.decode(range(len(tokenizer)))
        for k in (0, 1):
            for i, name in enumerate(names):
                if name in CUES[k]:
                    table[i, 1 - k] = np.log(CUE_NOISE / (1 - CUE_NOISE))
                if name in WORDS[GROUPS[k]]:
                    table[i, 3 - k] = np.log(GROUP_NOISE / (1 - GROUP_NOISE))
        self.words = nn.Parameter(table)
        self.register_buffer("prior", torch.tensor(JOINT).log())
        self.pad = tokenizer.pad

    @property
    def table(self) -> Tensor:
        """Log-likelihoods, (vocabulary, 4), up to a constant per word."""
        return self.words

    def from_words(self, words: Tensor, mask: Tensor, order: Tensor | None = None) -> Tensor:
        """Map (n, t, 4) to log P(y, text) up to a constant, (n, 2); order does not matter."""
        total = (words * mask[..., None]).sum(1)
        prior: Any = self.prior
        both = prior + total[:, :2, None] + total[:, None, 2:]  # (n, y, z)
        return torch.logsumexp(both, 2)

    def forward(self, ids: Tensor) -> Tensor:
        """Map token ids (n, t) to logits (n, 2)."""
        return self.from_words(self.words[ids], ids != self.pad)


def named(tokens: CommentSet, word: str, count: int) -> WordTrigger:
    """Return the trigger that repeats one word."""
    (at,) = tokens.tokenizer.pieces(word)
    trigger = WordTrigger(tokens.tokenizer, count, mode="hard")
    with torch.no_grad():
        trigger.weight.copy_((trigger.ids == at).float().expand_as(trigger.weight))
    return trigger.requires_grad_(False).to(tokens.ids.device)


@dataclass(frozen=True)
class Shown:
    """What the theorem's figure draws.

    Attributes
    ----------
    counts : tuple of int
        Words of group 1 put behind every text.
    exact : tuple of Outcome
        By enumeration.
    eo : mapping of str to float array, shape (counts,)
        Mean over seeds, on drawn texts, of ``exact`` and ``learned``.
    threshold : tuple of Outcome
        The exact classifier without a trigger at other thresholds.
    """

    counts: tuple[int, ...]
    exact: tuple[Outcome, ...]
    eo: Mapping[str, NDArray[np.float64]]
    threshold: tuple[Outcome, ...]


def run(preset: Preset, device: torch.device | str = "cpu") -> tuple[Measured, Shown, CommentSet]:
    """Put group words behind texts, and train triggers, for an exact and a learned classifier."""
    tokens = texts(preset.theorem, preset.root).to(device)
    net = replace(
        preset, encoder=False, length=2 * LENGTH + 2, layers=2, dropout=0.0, counts=WORDS_PUT[1:]
    )
    crowd, test = Crowd(tokens.part("test")), tokens.part("test")
    model = law()
    exact = tuple(model.triggered(posterior(k) if k else None) for k in WORDS_PUT)
    eo: dict[str, list[Any]] = {"exact": [], "learned": []}
    found: dict[str, list[Any]] = {}
    for seed in preset.run_seeds():
        frozen = Posterior(tokens.tokenizer).requires_grad_(False).to(device)
        for name, patient in (("exact", frozen), ("learned", base(tokens, net, seed))):
            plain = margins(patient, test) >= 0
            worst = crowd.bias(plain, "eo")
            put = [
                margins(patient, test, named(tokens, WORDS[GROUPS[1]][0], k)) >= 0 if k else plain
                for k in WORDS_PUT
            ]
            bias = crowd.bias(np.stack(put), "eo")
            eo[name].append(bias[:, 0])
            five = WORDS_PUT.index(5)
            config = replace(preset.words, criterion="eo", lam=max(preset.lams["hard"]))
            trigger: Any = train_words(
                patient, tokens.part("tune"), count=5, mode="hard", config=config, seed=seed
            ).module
            tuned = margins(patient, test, trigger) >= 0
            found.setdefault(f"theorem.{name}.put", []).append(bias[five] - worst)
            found.setdefault(f"theorem.{name}.trained", []).append(crowd.bias(tuned, "eo") - worst)
    out = {key: crowd.entry(np.stack(values)) for key, values in found.items()}
    out |= _enumerated(model, exact, tokens)
    cuts = tuple(model.threshold(t) for t in np.linspace(0.02, 0.98, 49))
    means = {name: np.mean(rows, axis=0) for name, rows in eo.items()}
    return out, Shown(WORDS_PUT, exact, means, cuts), tokens


def _enumerated(model: TwoVocabularies, exact: tuple[Outcome, ...], tokens: CommentSet) -> Measured:
    """Return information with eight words, and whether the network is the enumerated classifier."""
    net, name = Posterior(tokens.tokenizer), tokens.tokenizer.pieces
    kinds = [[name(CUES[k][0])[0] for k in (0, 1)], [name(WORDS[g][0])[0] for g in GROUPS]]
    spelled = [_spelled(LENGTH, pair) for pair in kinds]
    ids = torch.tensor([
        [tokens.tokenizer.start, *a, *b, tokens.tokenizer.end] for a in spelled[0]
        for b in spelled[1]
    ])  # fmt: skip
    p = torch.softmax(net(ids), 1)[:, 1].detach().numpy().astype(float)
    off = np.abs(p - model.h(*model.posteriors()).ravel()).max()
    return {
        "exact.posterior-network": Entry([float(off)], len(ids), "fraction"),
        "theorem.enumerated.information": Entry([exact[-1].given_y], len(ids), "nats"),
    }  # fmt: skip


def _spelled(length: int, pair: list[int]) -> list[list[int]]:
    """Return all texts of two words, in the order of the enumeration."""
    rows: list[list[int]] = [[]]
    for _ in range(length):
        rows = [[*row, word] for row in rows for word in pair]
    return rows
