"""The book in a real browser, light and dark: a clean console and a theme that follows."""

import pytest

from tools import book
from tools.browser import settle, until
from tools.common import chapters, find_browser

pytestmark = [
    pytest.mark.book,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(find_browser() is None, reason="no chromium with chromedriver here"),
]
PAGES = [f"{page}.html" for page in book.pages()]


@pytest.fixture(params=["light", "dark"])
def mode(request, driver, address):
    """Store the reader's choice of theme, as the page's own button does."""
    driver.get(f"{address}/{PAGES[0]}")
    driver.execute_script(
        "localStorage.setItem('mode', arguments[0]); localStorage.setItem('theme', arguments[0])",
        request.param,
    )
    driver.get_log("browser")  # empty it
    return request.param


@pytest.mark.parametrize("page", PAGES)
def test_console_is_clean_and_the_theme_follows(driver, address, mode, page):
    driver.get(f"{address}/{page}")
    settle(driver)
    severe = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == []
    theme = driver.execute_script("return document.documentElement.dataset.theme")
    assert theme == mode
    ground = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    red = int(ground.split("(")[1].split(",")[0])
    assert (red > 200) == (mode == "light"), ground


@pytest.mark.parametrize("page", PAGES)
def test_no_page_scrolls_sideways_on_a_phone(driver, address, page):
    driver.set_window_size(500, 900)
    try:
        driver.get(f"{address}/{page}")
        settle(driver)
        wide = driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
    finally:
        driver.set_window_size(1280, 1600)
    assert wide <= 1


@pytest.mark.parametrize("source", [pytest.param(p, id=p.stem) for p in chapters()])
def test_figures_are_legible_in_both_modes(driver, address, mode, source):
    """Inline figures draw on the page itself, in ink that differs from it."""
    driver.get(f"{address}/notebooks/{source.stem}.html")
    settle(driver)
    found = driver.execute_script(
        """
        const rgb = c => (c.match(/[\\d.]+/g) || []).map(Number);
        const clear = c => rgb(c).length === 4 && rgb(c)[3] === 0;
        return [...document.querySelectorAll('figure.ft-figure')].map(figure => {
          let ground = figure;
          while (ground && clear(getComputedStyle(ground).backgroundColor))
            ground = ground.parentElement;
          return [rgb(getComputedStyle(figure).color),
                  ground ? rgb(getComputedStyle(ground).backgroundColor) : [255, 255, 255]];
        });
        """
    )
    for ink, ground in found:
        assert abs(sum(ink[:3]) - sum(ground[:3])) / 3 > 110, (mode, ink, ground)


def open_and_see(driver, box, by):
    """Unfold a box by a click or a key, and wait for its code."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    code, summary = (box.find_element(By.CSS_SELECTOR, name) for name in ("pre", "summary"))
    driver.execute_script("arguments[0].scrollIntoView()", summary)  # else it is not laid out
    assert box.get_attribute("open") is None and not code.is_displayed()
    if by == "click":
        driver.execute_script("arguments[0].click()", summary)
    else:
        summary.send_keys(Keys.ENTER)
    # what is unfolded is laid out with the next frame, whenever that comes
    until(driver, lambda: box.get_attribute("open") is not None and code.is_displayed())


@pytest.mark.parametrize("source", [pytest.param(p, id=p.stem) for p in chapters()])
def test_solutions_open_when_asked(driver, address, source):
    """A folded solution hides its code and shows it after a click, and after a key."""
    from selenium.webdriver.common.by import By

    driver.get(f"{address}/notebooks/{source.stem}.html")
    settle(driver)
    folded = driver.find_elements(By.CSS_SELECTOR, "div.solution details.hide")
    assert len(folded) >= 5
    for box, by in zip(folded[:2], ("click", "key"), strict=True):
        open_and_see(driver, box, by)


@pytest.mark.parametrize("source", [pytest.param(p, id=p.stem) for p in chapters()])
def test_a_chapter_is_text_and_pictures_and_not_mostly_tables(driver, address, source):
    """At most fifteen parts of a hundred of what stands open are tables."""
    driver.get(f"{address}/notebooks/{source.stem}.html")
    settle(driver)
    whole, tables = driver.execute_script(
        """
        for (const e of document.querySelectorAll('*'))
          if (getComputedStyle(e).contentVisibility === 'auto')
            e.style.contentVisibility = 'visible';
        const height = e => e.getBoundingClientRect().height;
        const article = document.querySelector('article');
        const tables = [...article.querySelectorAll('table')].filter(
          t => !t.parentElement.closest('table') && t.checkVisibility());
        return [height(article), tables.map(height).reduce((a, b) => a + b, 0)];
        """
    )
    assert 0 < tables <= 0.15 * whole, f"{tables / whole:.2f}"
