"""Self-checks in a browser: without scripts, by keyboard alone, with and without our styles."""

import pytest

from fairtut.page.quiz import Check, quiz
from tools.browser import until
from tools.common import ROOT

pytestmark = pytest.mark.book
CHECKS = [
    Check("First?", ["wrong", "right"], right=1, why="Because."),
    Check("Second?", ["right", "wrong"], right=0, why="So."),
]


@pytest.fixture(params=["bare", "book"])
def page(request, driver, tmp_path):
    """Open a page with two questions; return the driver."""
    css = (ROOT / "book/_static/custom.css").read_text(encoding="utf-8")
    style = f"<style>{css}</style>" if request.param == "book" else ""
    file = tmp_path / "quiz.html"
    body = quiz(CHECKS, name="demo").data["text/html"]
    file.write_text(f"<!doctype html><meta charset=utf-8>{style}{body}", encoding="utf-8")
    driver.get(file.as_uri())
    return driver


def shown(driver):
    """Return the words that stand beside options now."""
    found = driver.find_elements("css selector", ".ft-told")
    return [one.text for one in found if one.is_displayed()]


def press(driver, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


def test_the_keyboard_chooses_and_unfolds(page):
    from selenium.webdriver.common.keys import Keys

    assert shown(page) == []
    press(page, Keys.TAB, Keys.SPACE)
    until(page, lambda: shown(page) == ["✗ not this one"])
    press(page, Keys.ARROW_DOWN)
    until(page, lambda: shown(page) == ["✓ right"])
    answer = page.find_element("css selector", "details p + p")
    assert not answer.is_displayed()
    press(page, Keys.TAB, Keys.ENTER)
    until(page, lambda: answer.is_displayed() and answer.text == "Because.")
    press(page, Keys.TAB, Keys.SPACE)
    until(page, lambda: shown(page) == ["✓ right", "✓ right"])


def test_a_label_is_as_good_as_its_button(page):
    page.find_element("css selector", "label[for=quiz-demo-1-0]").click()
    until(page, lambda: shown(page) == ["✗ not this one"])
    assert page.execute_script("return document.scrollingElement.scrollWidth <= innerWidth")
