"""The built book, once per session, with MathJax inside so that no test needs a network."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tools import book, browser
from tools.common import ToolError


@pytest.fixture(scope="session")
def site() -> Path:
    """Build from the committed outputs, warnings as errors; return the folder of index.html."""
    try:
        return book.site(offline=True)
    except ToolError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, BeautifulSoup]:
    """Return every built HTML page, parsed, by its path below the site."""
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(
            path.read_text(encoding="utf-8"), "html.parser"
        )
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    }


@pytest.fixture(scope="session")
def address(site):
    """Serve the site on a free port."""
    with browser.served(site) as address:
        yield address


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """One headless browser for the session."""
    with browser.headless(tmp_path_factory.mktemp("profile")) as driver:
        yield driver
