"""Cards, files and hints at words: what the built pages have, and how a hint is cut."""

import os
import re
import sys
import zipfile

import pytest

from tools import book
from tools.common import ROOT, chapters

sys.path.insert(0, str(ROOT / "book" / "_ext"))
extension = pytest.importorskip("fairtut_front", exc_type=ImportError)

from fairtut.page import front, results  # noqa: E402

pytestmark = [pytest.mark.book, pytest.mark.timeout(600)]


def test_a_hint_is_the_first_sentence_on_one_line():
    assert extension.sentence("A share.\nIt lies\nin [0, 1].") == "A share."
    assert extension.sentence("About .5 of all, e.g. half. More.") == "About .5 of all, e.g. half."
    assert extension.sentence("no end") == "no end"


def test_every_link_into_the_glossary_carries_its_definition(pages):
    links = [
        (name, link)
        for name in (f"{page}.html" for page in book.pages())  # the index has links of its own
        for link in pages[name].select('article a[href*="glossary.html#term-"]')
    ]
    assert links
    for name, link in links:
        assert "ft-term" in link["class"], (name, link)
        assert len(link["title"].split()) > 2, (name, link)


def test_a_card_for_every_chapter_with_its_words_and_links(pages):
    cards = pages["book/intro.html"].select(".ft-chapter")
    found = front.chapters()
    assert len(cards) == len(found)
    for card, one in zip(cards, found, strict=True):
        text = card.get_text(" ", strip=True)
        assert one.words.question in text and one.stands.answer in text
        assert card.select_one("svg")["aria-label"]
        words = {badge.text: badge for badge in card.select(".ft-verdict")}
        assert set(words) == {f"{n} {word}" for word, n in one.headlines.items()}
        links = [a["href"] for a in card.select("a")]
        assert links[0] == f"../notebooks/{one.stem}.html"
        assert any(link.endswith(f"/blob/main/notebooks/{one.stem}.ipynb") for link in links)


def test_downloads_are_the_files_of_the_chapters(pages, site):
    page = pages["book/downloads.html"]
    links = [a["href"] for a in page.select("article a.download")]
    assert (links.pop(), links.pop()) == ("fairtut-drawings.zip", extension.ZIP)
    names = [link.rsplit("/", 1)[1] for link in links]
    wanted = [source.with_suffix(end).name for source in chapters() for end in (".ipynb", ".py")]
    assert names == wanted
    for link, name in zip(links, names, strict=True):
        assert (site / "book" / link).read_bytes() == (ROOT / "notebooks" / name).read_bytes()
    keys = re.findall(r"@incollection\{fairtut-([\w-]+),", page.get_text())
    assert keys == [paper.replace("_", "-") for paper in results.papers()]


def test_the_zip_of_the_whole_book_holds_what_is_committed(site):
    with zipfile.ZipFile(site / "book" / extension.ZIP) as whole:
        held = {name: whole.read(name) for name in whole.namelist()}
    sources = [s.with_suffix(end) for s in chapters() for end in (".ipynb", ".py")]
    wanted = [*sources, *(ROOT / "results").glob("*/*.json")]
    assert held == {f"fairtut/{p.relative_to(ROOT).as_posix()}": p.read_bytes() for p in wanted}


def test_a_zip_depends_on_names_and_contents_alone(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("x = 2\n")
    files = {name: tmp_path / name for name in ("a.py", "b.py")}
    extension.pack(files, tmp_path / "first.zip")
    os.utime(tmp_path / "a.py", (0, 10**9))
    (tmp_path / "b.py").chmod(0o700)
    extension.pack(files, tmp_path / "second.zip")
    first, second = ((tmp_path / f"{n}.zip").read_bytes() for n in ("first", "second"))
    assert first == second
    (tmp_path / "b.py").write_text("x = 3\n")
    extension.pack(files, tmp_path / "third.zip")
    assert (tmp_path / "third.zip").read_bytes() != first
