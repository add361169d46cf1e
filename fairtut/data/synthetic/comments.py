r"""Invented comments that hurt nobody: identities in words, toxicity in masks like ``[insult]``.

Each comment is drawn as the paper's theory draws it: which groups it mentions, then whether it is
toxic, at a rate that depends on the groups; *given* those, its cue words depend on the label only
and its identity words on the groups only.  A classifier learns the prior of a group from its
words, which is the bias.  Cues are ambiguous (a mask may be quoted in a harmless comment), so the
prior matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairtut.data.comments import SPLITS, CommentSet, from_texts
from fairtut.data.comments.sources import SHARES
from fairtut.errors import InputError
from fairtut.runtime.seeds import numpy_rng

RATES: Final[Mapping[str, float]] = {
    "male": 0.30, "female": 0.25, "LGBTQ": 0.45, "christian": 0.10, "muslim": 0.55,
    "other_religions": 0.25, "black": 0.50, "white": 0.35,
}  # fmt: skip
"""Share of toxic comments by group mentioned.  Chosen so that a gap can be seen, not measured."""
NEUTRAL: Final = 0.20
"""Share of toxic comments among those that mention nobody."""
AMBIGUITY: Final = 0.30
"""Probability that a cue is drawn from the other label's words."""

#: Words that mention a group, by group.
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "male": ("man", "men", "father", "brother", "uncle"),
    "female": ("woman", "women", "mother", "sister", "aunt"),
    "LGBTQ": ("gay", "lesbian", "bisexual", "transgender", "queer"),
    "christian": ("christian", "church", "pastor", "baptist", "catholic"),
    "muslim": ("muslim", "mosque", "imam", "ramadan", "islamic"),
    "other_religions": ("jewish", "buddhist", "hindu", "temple", "rabbi"),
    "black": ("black", "african", "caribbean", "nigerian", "kenyan"),
    "white": ("white", "caucasian", "european", "irish", "polish"),
}
CUES: Final = (
    ("thanks", "agree", "helpful", "interesting", "welcome", "maybe"),  # y = 0
    ("[insult]", "[threat]", "[slur]", "[mockery]", "[curse]", "[taunt]"),  # y = 1
)
_TEMPLATES: Final = (
    "the {who} in my town read this {cue} and {cue} , then {cue}",
    "about the {who} : {cue} , said the paper , {cue} and {cue}",
    "{cue} ! yesterday a {who} wrote {cue} under the article , {cue}",
    "my neighbour talked about {who} again , {cue} , {cue} , {cue}",
    "{cue} {cue} , that was the debate about {who} and taxes , {cue}",
)
_NOBODY: Final = ("weather", "budget", "traffic", "library", "football")


def comments(
    n: int = 6000,
    seed: int = 0,
    *,
    rates: Mapping[str, float] = RATES,
    neutral: float = NEUTRAL,
    silent: float = 0.2,
    both: float = 0.2,
    ambiguity: float = AMBIGUITY,
    length: int = 32,
) -> CommentSet:
    """Draw comments; the same seed gives the same comments.

    Parameters
    ----------
    n : int
    seed : int
    rates : mapping of str to float
        Group (of :data:`WORDS`) to its share of toxic comments.  A comment that mentions two
        groups is toxic at the mean of their rates.
    neutral : float
        Share of toxic comments among those that mention no group.
    silent, both : float
        Shares of comments that mention no group, and two groups.
    ambiguity : float
        Probability of a cue of the other label, in [0, .5]; 0 lets cues tell everything.
    length : int
        Tokens per comment at most.

    Returns
    -------
    CommentSet
        Up to ``n`` comments in all four splits.

    Raises
    ------
    fairtut.errors.InputError
        If there are fewer than 100 comments, a rate is no probability, a group has no words, or
        the shares exceed one.

    Examples
    --------
    Where cues are never ambiguous, a comment is toxic exactly if it holds a mask:

    >>> from fairtut.data.synthetic.comments import CUES, comments
    >>> found = comments(100, seed=0, ambiguity=0.0)
    >>> masked = [int(not set(CUES[1]).isdisjoint(found.words(row))) for row in range(len(found))]
    >>> len(found), masked == found.y.tolist()
    (100, True)
    """
    unknown = sorted(set(rates) - set(WORDS))
    if unknown or len(rates) < 2:
        raise InputError(f"rates for {sorted(rates)}: need two or more of {', '.join(WORDS)}")
    chances = [*rates.values(), neutral, silent, both, silent + both, 2 * ambiguity]
    if n < 100 or not all(0 <= p <= 1 for p in chances):
        raise InputError(
            f"n = {n}, rates and shares {chances[:-1]}: need n of at least 100, probabilities, "
            "silent + both at most 1 and ambiguity at most .5"
        )
    rng = numpy_rng(seed, "comments")
    groups = _groups(rng, n, len(rates), silent, both)
    chance = rate_of(groups, rates, neutral)
    y = (rng.random(n) < chance).astype(np.int64)
    texts = [_text(rng, row, int(label), tuple(rates), ambiguity)
             for row, label in zip(groups, y, strict=True)]  # fmt: skip
    ends = np.round(np.cumsum(SHARES) * n).astype(np.int64)
    split = np.repeat(np.array(SPLITS), np.diff(ends, prepend=0))  # the draws are independent
    return from_texts(
        texts, y, groups, tuple(rates), split, name="synthetic comments", length=length,
        source=f"synthetic comments: {n} generated, seed {seed}",
    )  # fmt: skip


def rate_of(
    groups: NDArray[np.bool_], rates: Mapping[str, float] = RATES, neutral: float = NEUTRAL
) -> NDArray[np.float64]:
    """Return each comment's probability to be toxic, given the groups that it mentions.

    Parameters
    ----------
    groups : ndarray of bool, shape (n, g)
        Memberships.
    rates : mapping of str to float, g entries
        Share of toxic comments of each group, in [0, 1], in the order of the columns.
    neutral : float
        The same of comments that mention nobody.

    Returns
    -------
    ndarray of float64, shape (n,)
        The mean of the rates of the groups that are mentioned.

    Examples
    --------
    A comment about both groups, one about the first, and one about nobody:

    >>> import numpy as np
    >>> from fairtut.data.synthetic.comments import rate_of
    >>> groups = np.array([[True, True], [True, False], [False, False]])
    >>> rate_of(groups, {"male": 0.25, "female": 0.75}, neutral=0.1).tolist()
    [0.5, 0.25, 0.1]
    """
    count = groups.sum(1)
    mean = groups @ np.array(list(rates.values())) / np.maximum(count, 1)
    return np.where(count == 0, neutral, mean)


def _groups(
    rng: np.random.Generator, n: int, g: int, silent: float, both: float
) -> NDArray[np.bool_]:
    kind = rng.random(n)
    order = rng.random((n, g)).argsort(1)
    groups = np.zeros((n, g), dtype=bool)
    rows = np.arange(n)
    groups[rows, order[:, 0]] = kind >= silent
    groups[rows, order[:, 1]] |= (kind >= silent) & (kind < silent + both)
    return groups


def _text(
    rng: np.random.Generator, members: NDArray[np.bool_], y: int, names: tuple[str, ...],
    ambiguity: float,
) -> str:  # fmt: skip
    who = [_one(rng, WORDS[names[g]]) for g in np.flatnonzero(members)]
    text = _one(rng, _TEMPLATES).replace("{who}", " and ".join(who or [_one(rng, _NOBODY)]))
    while "{cue}" in text:
        label = y if rng.random() >= ambiguity else 1 - y
        text = text.replace("{cue}", _one(rng, CUES[label]), 1)
    return text


def _one(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[rng.integers(len(words))]
