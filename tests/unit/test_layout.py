"""Every chapter's package has the same five files, and says what any other one is for."""

import ast
from pathlib import Path

import pytest

CHAPTERS = Path(__file__).resolve().parents[2] / "fairtut" / "chapters"
FIVE = {"presets", "protocol", "measures", "side", "drawings"}
PACKAGES = sorted(path.parent for path in CHAPTERS.glob("*/__init__.py"))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_newcomer_finds_the_five_files_and_a_word_on_any_other(package: Path) -> None:
    files = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert files >= FIVE, "the five names are the same in all chapters"
    says = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
    named = {name for name in files if f".{name}`" in (says or "") or f"``{name}``" in (says or "")}
    assert files - FIVE <= named, "a sixth file needs a sentence in __init__"


def test_there_are_chapters() -> None:
    assert len(PACKAGES) == 6
