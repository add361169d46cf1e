"""Where a chapter has to stand: every place, how it is seen there, and what to do where it is not.

One table serves the command that begins a chapter and the test that holds every chapter to it.
Files are read and nothing is imported, so it can be asked about any copy of the repository.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FIVE: Final = ("presets", "protocol", "measures", "side", "drawings")
"""The files that every chapter's package has, beside ``opening``."""
WITHOUT_PAPER: Final = frozenset({"comparison"})
"""Chapters about no paper: they have no claims, and so no card and no row that claims fill."""


@dataclass(frozen=True)
class Spot:
    """A chapter in a copy of the repository.

    Attributes
    ----------
    root : pathlib.Path
        The copy.
    name : str
        The chapter's package.
    stem : str
        Its notebook without the ending, such as ``01_frtrain``.
    """

    root: Path
    name: str
    stem: str

    def file(self, name: str) -> Path:
        """Return a file; ``{name}`` and ``{stem}`` in it are filled in."""
        return self.root / name.format(name=self.name, stem=self.stem)

    def text(self, name: str) -> str:
        """Return the text of a file, which is empty where there is none."""
        file = self.file(name)
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    def says(self, name: str, pattern: str) -> bool:
        """Tell whether a file has a pattern somewhere; ``{name}`` and ``{stem}`` as in `file`."""
        wanted = pattern.replace("{name}", self.name).replace("{stem}", self.stem)
        return re.search(wanted, self.text(name), re.MULTILINE) is not None

    def keyed(self, name: str, key: str) -> bool:
        """Tell whether a JSON file has a key at its top."""
        return key in json.loads(self.text(name) or "{}")


@dataclass(frozen=True)
class Place:
    """One place where a chapter has to stand.

    Attributes
    ----------
    what : str
        Its name.
    stands : callable
        Whether a chapter stands there.
    do : str
        What to do where it does not; ``{name}`` and ``{stem}`` are filled in.
    of_papers : bool
        Whether only a paper's chapter has it.
    """

    what: str
    stands: Callable[[Spot], bool]
    do: str
    of_papers: bool = False

    def todo(self, spot: Spot) -> str:
        """Return what is to do for a chapter."""
        return self.do.format(name=spot.name, stem=spot.stem)


def _package(spot: Spot) -> bool:
    files = ("__init__", "opening", *FIVE)
    return all(spot.file(f"fairtut/chapters/{{name}}/{one}.py").is_file() for one in files)


def _question(spot: Spot) -> bool:
    return spot.says("fairtut/page/questions.py", r'^    "{name}": Introduced\(')


def _cited(spot: Spot) -> bool:
    key = re.search(r"^citation: (\S+)$", spot.text("fairtut/claims/{name}.yaml"), re.MULTILINE)
    return bool(key) and f"{{{key[1]}," in spot.text("book/references.bib")  # type: ignore[index]


def _offered(spot: Spot) -> bool:
    ways = (r"`fairtut run .*\b{name}\b", r"go straight to .*notebooks/{stem}\.ipynb")
    return all(spot.says("book/start-here.md", way) for way in ways)


def _outputs(spot: Spot) -> bool:
    return spot.says("notebooks/{stem}.ipynb", r'"source_sha256": ?"[0-9a-f]{64}"')


LAID: Final = (
    Place("the package", _package,
          "give fairtut/chapters/{name} its files: presets, protocol, measures, side, drawings and "
          "opening"),
    Place("the claims", lambda at: at.says("fairtut/claims/{name}.yaml", "^chapter: {stem}$"),
          "write fairtut/claims/{name}.yaml, with `chapter: {stem}`", of_papers=True),
    Place("the notebook's source", lambda at: at.file("notebooks/{stem}.py").is_file(),
          "write notebooks/{stem}.py"),
    Place("the table of contents",
          lambda at: at.says("_toc.yml", "^ +- file: notebooks/{stem}$"),
          "add `- file: notebooks/{stem}` below Papers in _toc.yml"),
    Place("its tests", lambda at: at.file("tests/unit/test_chapters_{name}.py").is_file(),
          "write tests/unit/test_chapters_{name}.py"),
)  # fmt: skip
"""What ``fairtut new chapter`` lays out."""

BY_HAND: Final = (
    Place("the source of its citation", _cited,
          "write the paper's claims into fairtut/claims/{name}.yaml in the place of the stand-ins, "
          "and its entry into book/references.bib under the key that `citation` names",
          of_papers=True),
    Place("the digests of its claims",
          lambda at: at.keyed("fairtut/claims/digests.json", at.name),
          "run `make claims` before the first run, so that no claim moves unnoticed",
          of_papers=True),
    Place("its question", _question,
          "write its name, where it acts and its question into fairtut/page/questions.py, before "
          "`comparison`; then the notebook can call `box` after its opening and `learned` at its "
          "end"),
    Place("its card", lambda at: at.says("fairtut/page/cards.py", r"^def {name}\(\)")
          and at.says("fairtut/page/cards.py", r"^    for draw in \(.*\b{name}\b"),
          "draw its card in fairtut/page/cards.py: a function {name}, listed in DRAWN; the first "
          "page of the book then shows it", of_papers=True),
    Place("the scoreboard",
          lambda at: at.says("book/scoreboard.md", "^```{scoreboard} {name}$"),
          "give it a section with ```{{scoreboard}} {name} in book/scoreboard.md",
          of_papers=True),
    Place("the cluster's rules",
          lambda at: at.says("workflow/Snakefile", r'^KNOWN = "[^"]*\b{name}\b'),
          "add {name} to KNOWN in workflow/Snakefile"),
    Place("the list of chapters", _offered,
          "name it twice in book/start-here.md: in the row of `fairtut run`, and with its link to "
          "Colab"),
    Place("what one cell does", lambda at: at.says("tests/unit/test_source.py", r'^    "{stem}": '),
          "say in PROTOCOLS of tests/unit/test_source.py which function of the protocol the "
          "notebook shows whole"),
    Place("the notebook", lambda at: at.file("notebooks/{stem}.ipynb").is_file(),
          "write the prose of notebooks/{stem}.py, then run `make pair NB=notebooks/{stem}.ipynb`"),
    Place("the committed record",
          lambda at: at.file("results/{name}/laptop-synthetic.json").is_file(),
          "run `make outputs NB=notebooks/{stem}.ipynb`, which writes "
          "results/{name}/laptop-synthetic.json; `fairtut run {name} --data real` for real data"),
    Place("the committed outputs", _outputs,
          "commit notebooks/{stem}.ipynb with the outputs that `make outputs` stored in it"),
    Place("the bars of the rhythm", lambda at: at.keyed("tests/book/rhythm.json", at.stem),
          "run `python -m tools.rhythm --raise`, which holds it to what it has of words, drawings, "
          "checks and exercises"),
    Place("the README", lambda at: at.says("README.md", r"\(notebooks/{stem}\.ipynb\)"),
          "run `make front`, which writes the table of chapters in README.md; a chapter about no "
          "paper gets a sentence below it"),
)  # fmt: skip
"""What is left to its author, in the order in which it is done."""

PLACES: Final = (*LAID, *BY_HAND)
"""Every place of a chapter."""


def chapters(root: Path) -> list[str]:
    """Return the packages of chapters in a copy of the repository."""
    return sorted(file.parent.name for file in (root / "fairtut/chapters").glob("*/__init__.py"))


def spot(root: Path, name: str) -> Spot:
    """Return a chapter's spot; without a notebook it is where its number is not known."""
    found = [file.stem for file in sorted((root / "notebooks").glob(f"[0-9][0-9]_{name}.py"))]
    return Spot(root, name, found[0] if found else f"NN_{name}")


def asked(name: str) -> Iterator[Place]:
    """Yield the places that a chapter must have."""
    yield from (one for one in PLACES if not (one.of_papers and name in WITHOUT_PAPER))


def lacking(at: Spot) -> list[Place]:
    """Return the places where a chapter does not stand yet, in the order of doing."""
    return [one for one in asked(at.name) if not one.stands(at)]
