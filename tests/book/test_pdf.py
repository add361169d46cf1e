"""Pages of the built book, printed: their words and formulas are in the file."""

import io

import pytest
from pypdf import PdfReader

from tools import pdf
from tools.common import find_browser

pytestmark = [
    pytest.mark.book,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(find_browser() is None, reason="no chromium with chromedriver here"),
]


def test_two_pages_are_printed_and_joined(site):
    prints = pdf.printed(site, ["book/notation", "book/syllabus"])
    titles = [title for title, _ in prints.values()]
    assert all(titles) and len(set(titles)) == 2
    out = io.BytesIO()
    pdf.joined(prints).write(out)
    read = PdfReader(out)
    assert [entry.title for entry in read.outline] == titles
    words = " ".join(page.extract_text() for page in read.pages)
    for title in titles:
        assert title.split()[0] in words
    assert b"127.0.0.1" not in out.getvalue()
