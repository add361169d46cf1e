"""Text that a page shows cannot become a tag, a link or a formula that does something."""

from __future__ import annotations

import pytest

from fairtut.page.markup import inline
from fairtut.page.prose import say


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "$\\href{javascript:alert(1)}{x}$",
        "$\\style{color:red}{x}$",
        "$\\mmlToken{mi}[href=javascript:alert(1)]{x}$",
        "$\\bbox[background:url(https://example.org/p)]{x}$",
        "<!-- x -->",
        "<https://example.org>",
    ],
)
def test_a_text_that_is_said_does_nothing(text: str) -> None:
    shown = str(say("He wrote {text}.", text=text))
    for sign in ("<s", "<i", "<!", "<h", "](", "\\href", "\\style", "\\mml", "\\bb"):
        assert sign not in shown


def test_ordinary_text_and_formulas_stay() -> None:
    for text in ("a < b", "x > y & z", "$\\lambda_r \\le 1$", "[curse] and [mockery]", "`code`"):
        assert str(say("{text}", text=text)) == text


def test_a_cell_shows_an_unsafe_formula_as_text() -> None:
    assert inline("$x^2$") == "\\(x^2\\)"
    for text in ("$\\href{javascript:alert(1)}{x}$", "$\\require{html}$", "$\\def\\x{1}$"):
        assert "\\(" not in inline(text)
    assert inline("$\\default$") == "\\(\\default\\)"  # a longer name is another command
