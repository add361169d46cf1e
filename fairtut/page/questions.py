"""How each chapter introduces itself to a reader who knows neither the paper nor the field.

The verdict box of a chapter, its card on the first page, its row in the README and on the
scoreboard show the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fairtut.errors import UnknownName


@dataclass(frozen=True)
class Introduced:
    """What stands on a chapter's card.

    Attributes
    ----------
    name : str
        Short.
    acts : str
        Where between data and decision the method acts.
    question : str
        What the chapter asks.

    Examples
    --------
    >>> from fairtut.page.questions import CHAPTERS
    >>> [words.name for words in CHAPTERS.values() if words.acts == "the representation"]
    ['DVGE', 'LASSI']
    """

    name: str
    acts: str
    question: str


CHAPTERS: Final[Mapping[str, Introduced]] = {
    "frtrain": Introduced(
        "FR-Train",
        "the training",
        "Some training labels were flipped on purpose. "
        "Can you still train a classifier that treats two groups alike?",
    ),
    "faap": Introduced(
        "FAAP",
        "the input of a deployed model",
        "The model is deployed and closed. "
        "Does it become fairer if each input gets a small correction of its own?",
    ),
    "dvge": Introduced(
        "DVGE",
        "the representation",
        "Which directions of a latent code carry the sensitive attribute, "
        "and does pushing codes along them make a classifier fairer?",
    ),
    "reprogramming_vision": Introduced(
        "Fairness Reprogramming in pictures",
        "the input of a frozen model",
        "The weights may not change. "
        "Does one frame around every picture make a classifier of faces fairer?",
    ),
    "reprogramming_text": Introduced(
        "Fairness Reprogramming in text",
        "the input of a frozen model",
        "The weights may not change. "
        "Do five words behind every comment make a filter of comments fairer?",
    ),
    "lassi": Introduced(
        "LASSI",
        "the representation",
        "Two people who differ only in skin tone should get the same answer. "
        "Can that be proved, person by person?",
    ),
    "comparison": Introduced(
        "Comparison",
        "every place between data and decision",
        "Which of five interventions beats a coin, a threshold, a clean set?",
    ),
}
"""The words by paper, and of the chapter that is about all of them."""


def introduced(paper: str) -> Introduced:
    """Return the words about a paper's chapter.

    >>> introduced("lassi").acts
    'the representation'

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such paper.
    """
    if paper not in CHAPTERS:
        raise UnknownName.of("paper", paper, list(CHAPTERS))
    return CHAPTERS[paper]
