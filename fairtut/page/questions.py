"""The question that each chapter asks of its paper, in one sentence for a reader who knows neither.

The verdict box of a chapter, its card on the first page and its row on the scoreboard show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fairtut.errors import UnknownName

QUESTIONS: Final[Mapping[str, str]] = {
    "frtrain": "Some training labels were flipped on purpose. "
    "Can you still train a classifier that treats two groups alike?",
    "faap": "The model is deployed and closed. "
    "Does it become fairer if each input gets a small correction of its own?",
    "dvge": "Which directions of a latent code carry the sensitive attribute, "
    "and does pushing codes along them make a classifier fairer?",
    "reprogramming_vision": "The weights may not change. "
    "Does one frame around every picture make a classifier of faces fairer?",
    "reprogramming_text": "The weights may not change. "
    "Do five words behind every comment make a filter of comments fairer?",
    "lassi": "Two people who differ only in skin tone should get the same answer. "
    "Can that be proved, person by person?",
}
"""Question by paper."""


def question(paper: str) -> str:
    """Return the question of a paper's chapter.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such paper.
    """
    if paper not in QUESTIONS:
        raise UnknownName.of("paper", paper, list(QUESTIONS))
    return QUESTIONS[paper]
