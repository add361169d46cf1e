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


def test_every_package_has_a_notebook_and_every_notebook_a_package() -> None:
    sources = (CHAPTERS.parents[1] / "notebooks").glob("[0-9][0-9]_*.py")
    assert [path.name for path in PACKAGES] == sorted(path.stem[3:] for path in sources) != []


ALIASES = {"drawings", "mechanisms", "pictures", "results"}
DRAWN = sorted(
    path
    for name in ("drawings", "mechanisms", "pictures", "results_drawn")
    for path in CHAPTERS.glob(f"*/{name}.py")
)


@pytest.mark.parametrize("file", DRAWN, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_what_draws_is_shown(file: Path) -> None:
    """A figure that left the page leaves the package, too."""
    (notebook,) = (CHAPTERS.parents[1] / "notebooks").glob(f"*_{file.parent.name}.py")
    used = set()
    for source in (notebook, *file.parent.glob("*.py")):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used |= {node.attr} if node.value.id in ALIASES else set()
            elif isinstance(node, ast.ImportFrom) and str(node.module).endswith(f".{file.stem}"):
                used |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Name) and source == file:
                used.add(node.id)
    made = ast.parse(file.read_text(encoding="utf-8")).body
    assert {node.name for node in made if isinstance(node, ast.FunctionDef)} - used == set()
