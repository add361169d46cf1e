"""Formulas in a real browser: the book's own are drawn, and none can link, style or act."""

import pytest

from tools import book
from tools.common import find_browser

pytestmark = [
    pytest.mark.book,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(find_browser() is None, reason="no chromium with chromedriver here"),
]
PAGES = [f"{page}.html" for page in book.pages()]
HARMFUL = {
    "a link": r"\href{https://example.org/there}{x}",
    "a link that runs code": r"\href{javascript:window.hit=1}{x}",
    "a link of a token": r"\mmlToken{mi}[href=javascript:window.hit=1]{x}",
    "a loaded link": r"\require{html}\href{https://example.org/there}{x}",
    "a style": r"\style{position:fixed}{x}",
    "a style of a token": r'\mmlToken{mi}[style="position:fixed"]{x}',
    "a picture from elsewhere": r"\bbox[background:url(https://example.org/p)]{x}",
    "a class": r"\class{ft-planted}{x}",
    "an id": r"\cssId{ft-planted}{x}",
    "a switch": r"\toggle{x}{y}\endtoggle",
    "a loaded switch": r"\require{action}\toggle{x}{y}\endtoggle",
    "a tooltip": r"\texttip{x}{planted}",
    "a definition": r"\gdef\alpha{\text{planted}}\def\alpha{\text{planted}}",
}
DRAW = """
    const done = arguments[arguments.length - 1];
    const box = document.createElement('div');
    box.id = 'box';
    for (const formula of [arguments[0], '\\\\alpha']) {
      const one = document.createElement('span');
      one.className = 'math';
      one.textContent = '\\\\(' + formula + '\\\\)';
      box.append(one);
    }
    document.querySelector('article').append(box);
    MathJax.typesetPromise([box]).then(() => {
      for (const part of box.querySelectorAll('*')) part.click && part.click();
      done(box.outerHTML);
    }, error => done(String(error)));
"""
"""Draws a formula and an alpha after it at the end of the page, and clicks on every part."""


def drawn(browser, address):
    """Open a page and wait until each of its formulas is drawn; return what went wrong."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(address)
    WebDriverWait(browser, 60).until(
        lambda d: d.execute_script(
            "return document.readyState === 'complete' && "
            "(!window.MathJax || !!(MathJax.startup && MathJax.startup.promise))"
        )
    )
    return browser.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        const drawing = window.MathJax ? MathJax.startup.promise : Promise.resolve();
        drawing.then(() => {
          const bad = 'mjx-merror, [data-mjx-error], mjx-mtext[style*="red"]';
          const wrong = [...document.querySelectorAll(bad)].map(e => e.textContent);
          for (const math of document.querySelectorAll('.math, td, th, p, li, figcaption'))
            if (/\\\\[(\\[]/.test(math.innerText) && !math.closest('pre')
                && !math.querySelector('pre, code')) wrong.push(math.innerText);
          const own = document.querySelectorAll('.math').length;
          const shown = document.querySelectorAll('.math > mjx-container').length;
          if (own !== shown) wrong.push(`${shown} of ${own} formulas are drawn`);
          done(wrong);
        });
        """
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_formula_is_drawn(driver, address, page):
    """No formula of the book is refused, and none is left as its source."""
    assert drawn(driver, f"{address}/{page}") == []


@pytest.mark.parametrize("what", HARMFUL)
def test_a_formula_neither_links_nor_acts(driver, address, what):
    """Nothing that a formula asks for reaches the page around it, or the formulas after it."""
    from bs4 import BeautifulSoup

    drawn(driver, f"{address}/book/notation.html")
    box = driver.execute_async_script(DRAW, HARMFUL[what])
    soup = BeautifulSoup(box, "html.parser")
    assert len(soup.select("mjx-container")) == 2, box
    assert soup.select("[href], mjx-maction, maction, .ft-planted, #ft-planted") == []
    for part in soup.select("[style]"):
        assert "fixed" not in part["style"] and "url" not in part["style"], part
    # alpha is a letter still
    assert "planted" not in str(soup.select("mjx-container")[1])
    assert driver.execute_script("return window.hit") is None
