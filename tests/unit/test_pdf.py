"""The book as one PDF: prints in order, an outline, and links that stay inside."""

import io

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from tools import pdf

HOME = "http://127.0.0.1:9"
AWAY = "https://example.org/paper.pdf"


def a_print(pages, *targets):
    """Return a PDF of blank pages with links to addresses on its first page."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(100, 100)
    for target in targets:
        link = Link(rect=(0, 0, 10, 10), target_page_index=0)
        del link[NameObject("/Dest")]
        uri = {NameObject("/S"): NameObject("/URI"), NameObject("/URI"): TextStringObject(target)}
        link[NameObject("/A")] = DictionaryObject(uri)
        writer.add_annotation(0, link)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.fixture
def book():
    """Return a joined book of two pages of the site, read again."""
    one, two = f"{HOME}/one.html", f"{HOME}/sub/two.html"
    links = (f"{two}#part", AWAY, f"{HOME}/_downloads/data.csv", f"{one}#top")
    prints = {one: ("One", a_print(3, *links)), two: ("Two", a_print(2, one))}
    out = io.BytesIO()
    pdf.joined(prints).write(out)
    return PdfReader(out)


def test_prints_are_joined_in_order_with_an_outline(book):
    assert len(book.pages) == 5
    found = [(entry.title, book.get_destination_page_number(entry)) for entry in book.outline]
    assert found == [("One", 0), ("Two", 3)]


def test_links_to_the_book_lead_to_its_pages_and_others_stay(book):
    links = [link.get_object() for page in book.pages for link in page.get("/Annots", ())]
    places = {page.indirect_reference.idnum: i for i, page in enumerate(book.pages)}
    inside = [places[link["/Dest"][0].idnum] for link in links if "/Dest" in link]
    outside = [link["/A"]["/URI"] for link in links if "/A" in link]
    assert inside == [3, 0, 0]
    assert outside == [AWAY]  # and nothing of the port that served the pages


def test_no_address_of_this_machine_is_left(book):
    out = io.BytesIO()
    writer = PdfWriter(clone_from=book)
    writer.write(out)
    assert HOME.encode() not in out.getvalue()
