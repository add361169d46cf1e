"""What the front says of each chapter: its question, how the paper stands, minutes and links.

The first page of the book shows it as cards, the README as a table; both follow from the claims
and the committed records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import fairtut
from fairtut.page import box, results
from fairtut.page.questions import Introduced, introduced
from fairtut.page.scoreboard import Standing
from fairtut.page.tables import markdown

DOTS: Final[Mapping[str, str]] = {
    "reproduced": "●",
    "trend reproduced": "●",
    "consistent": "◍",
    "partly": "◐",
    "not reproduced": "✕",
    "inconclusive": "○",
    "not tested": "–",
}
"""A mark for each verdict; the word stands beside it, so nobody has to know it."""

COLAB: Final = "https://colab.research.google.com/github/{slug}/blob/main/notebooks/{stem}.ipynb"


@dataclass(frozen=True)
class Front:
    """A chapter on the front.

    Attributes
    ----------
    number : int
        In the book.
    words : Introduced
    stands : Standing
    minutes : str

    Examples
    --------
    >>> from collections import Counter
    >>> from fairtut.evidence.claims import Paper
    >>> from fairtut.page.front import Front
    >>> from fairtut.page.questions import introduced
    >>> from fairtut.page.scoreboard import Standing
    >>> paper = Paper("toy", "A toy", "Ada", "ICML", 2020, "toy2020", "07_toy")
    >>> stands = Standing(paper, [], {"paper": Counter()}, {}, "")
    >>> one = Front(7, introduced("faap"), stands, "not run")
    >>> one.title, one.stem
    ('7 · FAAP', '07_toy')
    """

    number: int
    words: Introduced
    stands: Standing
    minutes: str

    @property
    def stem(self) -> str:
        """The notebook's name without its ending."""
        return self.stands.paper.chapter

    @property
    def title(self) -> str:
        """Number and name."""
        return f"{self.number} · {self.words.name}"

    @property
    def headlines(self) -> Counter[str]:
        """How many of the paper's headlines have which word."""
        return Counter(one.verdict for one in self.stands.headlines)


def chapters() -> list[Front]:
    """Return every chapter in the order of the book.

    Returns
    -------
    list of Front
        One per paper with a claims file, counted from 1; each is judged on the committed records,
        which takes a second or more.

    Examples
    --------
    A book of two papers; the judge and the minutes are left out, for speed:

    >>> from unittest.mock import patch
    >>> from fairtut.page import results
    >>> from fairtut.page.front import chapters
    >>> some = {name: one for name, one in results.papers().items() if name in ("faap", "lassi")}
    >>> two = patch("fairtut.page.results.papers", lambda: some)
    >>> with two, patch.multiple("fairtut.page.box", stands=str, minutes=str):
    ...     [one.title for one in chapters()]
    ['2 · FAAP', '6 · LASSI']
    """
    return [
        Front(int(one.chapter[:2]), introduced(name), box.stands(name), box.minutes(name))
        for name, one in results.papers().items()
    ]


def dots(words: Mapping[str, int]) -> str:
    """Write counts of words with a dot for each.

    >>> dots({"inconclusive": 1, "trend reproduced": 2})
    '●● 2 trend reproduced, ○ 1 inconclusive'
    """
    counted = [(mark, words.get(word, 0), word) for word, mark in DOTS.items()]
    return ", ".join(f"{mark * count} {count} {word}" for mark, count, word in counted if count)


def readme(slug: str) -> str:
    """Return the README's table of chapters, in Markdown.

    Parameters
    ----------
    slug : str
        ``owner/name`` of the repository.

    Returns
    -------
    str
        A head and one row per chapter.

    Examples
    --------
    One chapter that nobody has run, instead of those of the book:

    >>> from collections import Counter
    >>> from unittest.mock import patch
    >>> from fairtut.evidence.claims import Paper
    >>> from fairtut.page import front
    >>> from fairtut.page.scoreboard import Standing
    >>> paper = Paper("toy", "A toy", "Ada", "ICML", 2020, "toy2020", "07_toy")
    >>> stands = Standing(paper, [], {"paper": Counter()}, {}, "")
    >>> one = front.Front(7, front.introduced("faap"), stands, "not run")
    >>> none = patch.multiple(front.results, papers=dict, load_records=list)
    >>> with none, patch.object(front, "chapters", return_value=[one]):
    ...     row = front.readme("ann/book").splitlines()[-1]
    >>> row.split(" | ")[0], row.rpartition("<br>")[2]
    ('| [7 · FAAP](notebooks/07_toy.ipynb)<br>ICML 2020', 'not run yet |')
    """
    heads = ("Chapter", "Its question", "The paper's headlines", "Claims of the paper", "Run it")
    rows = []
    for one in chapters():
        paper = one.stands.paper
        name = f"[{one.title}](notebooks/{one.stem}.ipynb)<br>{paper.venue} {paper.year}"
        link = f"[Colab]({COLAB.format(slug=slug, stem=one.stem)})"
        rows.append(
            (name, one.words.question, dots(one.headlines), one.stands.answer,
             f"{link}<br>{box.shortest(paper.id)}")
        )  # fmt: skip
    return markdown(heads, rows)


def citation(one: Front, url: str) -> str:
    r"""Return how to cite a chapter, as BibTeX.

    Parameters
    ----------
    one : Front
    url : str
        Of the repository.

    Returns
    -------
    str
        An ``@incollection`` entry whose key is ``fairtut-`` and the paper's id.

    Examples
    --------
    >>> from collections import Counter
    >>> from fairtut.evidence.claims import Paper
    >>> from fairtut.page.front import Front, citation
    >>> from fairtut.page.questions import introduced
    >>> from fairtut.page.scoreboard import Standing
    >>> paper = Paper("toy", "A toy", "Ada", "ICML", 2020, "toy2020", "07_toy")
    >>> one = Front(7, introduced("faap"), Standing(paper, [], {"paper": Counter()}, {}, ""), "")
    >>> lines = citation(one, "https://example.org/r").splitlines()
    >>> print(lines[0], lines[-2], sep="\n")
    @incollection{fairtut-toy,
      url       = {https://example.org/r/blob/main/notebooks/07_toy.ipynb},
    """
    key = one.stands.paper.id.replace("_", "-")
    fields = {
        "author": "{The fairtut authors}",
        "title": f"{{{one.words.name}}}, rebuilt, audited and measured",
        "booktitle": "fairtut: papers on fair machine learning, rebuilt, audited and measured",
        "chapter": str(one.number),
        "note": f"Version {fairtut.__version__}",
        "url": f"{url}/blob/main/notebooks/{one.stem}.ipynb",
    }
    body = ",\n".join(f"  {name:<9} = {{{value}}}" for name, value in fields.items())
    return f"@incollection{{fairtut-{key},\n{body},\n}}"
