"""Code on a page: whole, public, and of this package."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest

from fairtut.errors import InputError
from fairtut.lab import controls
from fairtut.lab.board import Board
from fairtut.lab.choice import beats
from fairtut.page.source import bare, source_of


def test_signature_and_body_are_shown_and_the_docstring_is_folded() -> None:
    shown = source_of(Board.choose)
    lines = inspect.getsource(Board.choose).splitlines()
    assert shown.code.splitlines()[0] == lines[0].strip()
    assert '"""' not in shown.code and shown.code.splitlines()[-1] == lines[-1][4:]
    html = shown._repr_html_()
    assert html.count("<details>") == html.count("</details>") == 1
    assert "fairtut/lab/board.py" in html and "Return the setting" in html
    assert repr(shown) == shown.code


def test_every_line_of_the_body_survives() -> None:
    code = inspect.getsource(beats)
    kept = code.split('"""')[0].rstrip() + code.split('"""')[2]
    assert re.sub(r"\s+", "", source_of(beats).code) == re.sub(r"\s+", "", kept)


def test_code_without_a_docstring_stays() -> None:
    text = "def f(x):\n    'only this'"
    assert bare(text) == text
    assert bare("def f(x):\n    return x") == "def f(x):\n    return x"


def test_private_and_foreign_code_is_not_shown() -> None:
    with pytest.raises(InputError, match="private"):
        source_of(controls._share)
    with pytest.raises(InputError, match="not of fairtut"):
        source_of(json.dumps)


PROTOCOLS = {
    "01_frtrain": "study.run_draw",
    "02_faap": "study.treat",
    "03_dvge": "study.play",
    "04_reprogramming_vision": "study.models.trained",
    "05_reprogramming_text": "study.protocol.trained",
    "06_lassi": "study.protocol.cell",
    "07_comparison": "study.cell",
}


def chapters() -> list[Path]:
    return sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.py"))


@pytest.mark.parametrize("path", chapters(), ids=lambda p: p.stem)
def test_a_chapter_shows_its_protocol_and_nothing_cut(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    shown = re.findall(r"^source_of\(([\w.]+)\)", text, flags=re.MULTILINE)
    assert PROTOCOLS[path.stem] in shown, "what one cell does is shown whole"
    assert "getsource" not in text, "source_of shows signature and body"
    assert not [name for name in shown if re.search(r"\._[a-z]", name)]
