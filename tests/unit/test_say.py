"""Prose: numbers are computed, and a number typed by hand is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fairtut.errors import InputError, UnknownName
from fairtut.evidence.verdicts import VERDICTS, Verdict
from fairtut.metrics import Estimate, Value, over_seeds
from fairtut.page.prose import say, verdict_badge, written

ESTIMATE = over_seeds([0.80, 0.81, 0.82])


def said(template: str, **values: Any) -> str:
    bundle = say(template, **values)
    assert bundle is not None
    assert bundle.data["text/markdown"] == str(bundle)
    return str(bundle)


def test_values_are_written_where_they_belong() -> None:
    text = said(
        "**{name}** reaches {acc} ({acc:.2f}) over {n} draws; gap {gap}, share {share:.0%}.",
        name="FR-Train",
        acc=ESTIMATE,
        n=3,
        gap=Value(0.05123, "gap", 100),
        share=0.25,
    )
    assert text == (
        "**FR-Train** reaches 0.810 [0.785, 0.835] (0.81 [0.79, 0.83]) over 3 draws; gap 0.051, "
        "share 25%."
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1800, "1,800"),
        (np.int64(1800), "1,800"),
        (np.float32(0.5), "0.500"),
        (np.bool_(True), "yes"),
        (True, "yes"),
        (False, "no"),
        (None, "–"),
        (float("nan"), "–"),
        (np.array([0.25]), "0.250"),
        (Estimate(0.5, float("nan"), float("nan"), 1, 0.95, "t over seeds"), "0.500 [no interval]"),
    ],
)
def test_one_way_to_write_a_value(value: Any, text: str) -> None:
    assert written(value) == text


def test_a_missing_number_is_a_dash_with_any_format() -> None:
    assert written(float("nan"), ".3f") == "–"


def test_fields_of_a_value_can_be_named() -> None:
    assert said("from {e.low:.2f} to {e.high:.2f}", e=ESTIMATE) == "from 0.79 to 0.83"


def test_a_verdict_is_its_word() -> None:
    about = {"parent": None, "source": "paper", "kind": "number", "scaled": False}
    told = {"reason": "r", "where": "w", "says": "s", "values": {}}
    verdict = Verdict("toy", "x", question=False, verdict="partly", **about, **told)
    assert said("It is {v}.", v=verdict) == "It is partly."


@pytest.mark.parametrize(
    "template",
    ["It is 0.814.", "It is .814 high.", "{x} of 12.5 %", "-0.5{x}", "v{x}.5", "in $0.3$ {x}"],
)
def test_a_number_typed_by_hand_is_refused(template: str) -> None:
    with pytest.raises(InputError, match="by hand"):
        say(template, **({"x": 1} if "{x}" in template else {}))


@pytest.mark.parametrize(
    "template",
    [
        "The 80 % rule and 95 % intervals.",
        "End of a sentence. 5 more.",
        "See [the paper](https://doi.org/10.5281/zenodo.8173725).",
        "See <https://doi.org/10.5281/zenodo.8173725>.",
        "$\\frac{{1}}{{2}}$",
    ],
)
def test_what_is_not_a_decimal_may_be_typed(template: str) -> None:
    assert said(template) == template.replace("{{", "{").replace("}}", "}")


def test_a_format_is_not_a_typed_number() -> None:
    assert said("{x:.3f}", x=0.5) == "0.500"
    assert said("{x:6.2f}", x=0.5) == "  0.50"


def test_text_cannot_smuggle_a_number_in() -> None:
    with pytest.raises(InputError, match="by hand"):
        say("It is {x}.", x="0.814")


@pytest.mark.parametrize(
    ("template", "values", "part"),
    [
        ("{a} and {b}", {"a": 1}, "{b}"),
        ("{a}", {"a": 1, "c": 2}, "{c}"),
        ("{}", {}, "a name"),
        ("{a", {"a": 1}, "braces"),
        ("{a}", {"a": [1, 2]}, "list"),
        ("{a}", {"a": np.array([1, 2])}, "ndarray"),
    ],
)
def test_mistakes_are_one_line_that_name_the_fix(
    template: str, values: dict[str, Any], part: str
) -> None:
    with pytest.raises(InputError) as caught:
        say(template, **values)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_badges_name_every_verdict_in_words() -> None:
    classes = set()
    for word in VERDICTS:
        html = verdict_badge(word)
        assert html.endswith(f">{word}</span>")
        assert html.startswith('<span class="ft-verdict ')
        classes.add(html.split('"')[1])
    assert len(classes) == len(VERDICTS)
    with pytest.raises(UnknownName, match="reproduced"):
        verdict_badge("reproduce")


@pytest.mark.parametrize(
    ("x", "spec", "text"),
    [(-1e-5, "+.4f", "+0.0000"), (-1e-3, ".0%", "0%"), (-0.3, ".1f", "-0.3"), (-0.4, ".0f", "0")],
)
def test_a_zero_that_rounding_leaves_has_no_sign(x: float, spec: str, text: str) -> None:
    assert written(x, spec) == text
