"""What must hold for every committed chapter; each check returns plain lines, none is fine."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fairtut.evidence.claims import chapter_id
from fairtut.evidence.origin import digest_of_cells
from fairtut.page import results
from tools import boxes, cells, figure_checks, page_checks
from tools.common import shown

MAX_CELL_LINES = 40
# Folders of one person's machine.  Data URIs are cut out first: base64 has slashes too.
_MACHINE_PATH = re.compile(
    r"(?<![\w.:/~-])/(?:home|root|Users|tmp|work|opt|mnt|srv|private|content|workspace)/[\w.-]+"
    r"|[A-Z]:\\+Users\\"
)
_WARNING = re.compile(r"\.py:\d+: (\w+Warning: .*)")
_DATA_URI = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s]+")
_WIDGET = "application/vnd.jupyter.widget-view+json"


def _words(text: Any) -> str:
    return "".join(text) if isinstance(text, list) else str(text)


def output_texts(cell: Any) -> Iterator[str]:
    """Yield every textual part of a cell's outputs."""
    for output in cell.outputs:
        yield _words(output.get("text", ""))
        yield "\n".join(output.get("traceback", []))
        for kind, content in output.get("data", {}).items():
            if kind.startswith("text/") or kind in {"image/svg+xml", "application/json"}:
                yield _words(content)


def machine_paths(text: str) -> list[str]:
    """Return the paths in `text` that only one machine has."""
    return [match.group(0) for match in _MACHINE_PATH.finditer(_DATA_URI.sub("", text))]


def check_pair(source: Path, notebook: cells.Notebook) -> Iterator[str]:
    """Source and notebook hold the same cells: type, text, tags."""
    paired = cells.read(source)
    ours = [(c.cell_type, c.source, cells.tags(c)) for c in paired.cells]
    theirs = [(c.cell_type, c.source, cells.tags(c)) for c in notebook.cells]
    if len(ours) != len(theirs):
        yield f"{len(ours)} cells in the .py, {len(theirs)} in the .ipynb: run `make pair`"
        return
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one != other:
            first = (one[1].splitlines() or [""])[0][:60]
            yield f"cell {number} differs between .py and .ipynb ({first!r}): run `make pair`"


def check_outputs(notebook: cells.Notebook) -> Iterator[str]:
    """Outputs are there, belong to this source, hold no error and no path of one machine."""
    stamp = cells.stamp_of(notebook)
    if stamp is None:
        yield "outputs were never committed: run `make outputs`"
    elif stamp != cells.source_sha256(notebook):
        yield "outputs are older than the code cells: run `make outputs`"
    code = cells.code_cells(notebook)
    if stamp is not None and not any(cell.outputs for cell in code):
        yield "no cell has an output: run `make outputs`"
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if stamp is not None and cell.source.strip() and cell.execution_count is None:
            yield f"cell {number} was not executed: run `make outputs`"
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"cell {number} holds an error"
        if any(_WIDGET in output.get("data", {}) for output in cell.outputs):
            yield f"cell {number} stores a widget: use fairtut.runtime.progress"
        if any("injected-parameters" in tag for tag in cells.tags(cell)):
            yield f"cell {number} was injected by papermill: run `make outputs`"
        for warning in _WARNING.findall("\n".join(output_texts(cell))):
            yield f"cell {number} shows a Python warning: {warning}"
        for path in machine_paths("\n".join(output_texts(cell))):
            yield f"cell {number} shows a path of one machine: {path}"


def check_shown(notebook: cells.Notebook, chapter: str) -> Iterator[str]:
    """The claims and records that the page shows are those that are here now."""
    stamp = cells.stamp_of(notebook, "shown_sha256")
    if cells.stamp_of(notebook) is not None and stamp != cells.shown_sha256(chapter):
        yield "outputs show other claims or records than those that are here: run `make outputs`"
    for paper in boxes.stale(notebook):
        yield f"the verdict box of {paper} speaks of other records: run `make outputs`"


def check_record(
    notebook: cells.Notebook, chapter: str, records: Sequence[results.Record] | None = None
) -> Iterator[str]:
    """The committed record of the page's own run was made by the cells that are here now.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    chapter : str
        The stem of its file.
    records : sequence of Record, optional
        Default: the committed ones.
    """
    own = (chapter_id(chapter), cells.PARAMETERS["preset"], cells.PARAMETERS["data"])
    sources = [cell.source for cell in cells.code_cells(notebook)]
    last = next((i for i, source in enumerate(sources) if "record.save(" in source), None)
    for record in _committed() if records is None else records:
        if (record.chapter, record.preset, record.data) != own or "cells" not in record.code:
            continue
        # a kernel knows the cells that ran before and with the one that saves
        if last is None or record.code["cells"] != digest_of_cells(sources[: last + 1]):
            yield f"record {record.name} was made by other cells: run `make outputs`"


@functools.cache
def _committed() -> tuple[results.Record, ...]:
    return tuple(results.load_records())


@functools.cache
def _verdicts() -> tuple[results.Verdict, ...]:
    return tuple(results.judge(results.load_claims(), _committed()))


def check_text(notebook: cells.Notebook) -> Iterator[str]:
    """No text shows a mark of the machine, and no table calls a judged claim *not tested*."""
    yield from page_checks.notebook_faults(notebook, {v.id for v in _verdicts()})
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            html = _words(output.get("data", {}).get("text/html", ""))
            for fault in page_checks.untested_faults(html, _verdicts()):
                yield f"cell {number} shows {fault}"


def check_figures(notebook: cells.Notebook) -> Iterator[str]:
    """A reader is told how to read each figure before the next one, or the next heading, comes."""
    for number in figure_checks.unread(notebook):
        yield f"cell {number} shows a figure that no text follows: add a sentence that reads it"


def check_parameters(notebook: cells.Notebook) -> Iterator[str]:
    """There is one parameters cell, and it has exactly the four parameters and defaults."""
    tagged = [cell for cell in cells.code_cells(notebook) if "parameters" in cells.tags(cell)]
    if len(tagged) != 1:
        yield f"{len(tagged)} cells are tagged 'parameters', one is needed"
        return
    found = cells.literal_assignments(tagged[0].source)
    if found != cells.PARAMETERS:
        wanted = "; ".join(f"{name} = {value!r}" for name, value in cells.PARAMETERS.items())
        yield f"the parameters cell must be exactly: {wanted}"


def check_first_cell(notebook: cells.Notebook) -> Iterator[str]:
    """The first code cell is plain Python and installs only under google.colab."""
    code = cells.code_cells(notebook)
    if not code:
        yield "there is no code cell"
        return
    try:
        tree = ast.parse(code[0].source)
    except SyntaxError:
        yield "the first code cell must be plain Python, without magics"
        return
    if "google.colab" not in code[0].source or "install" not in code[0].source:
        yield "the first code cell must install fairtut when google.colab is present"
    if any("install" in ast.unparse(node) for node in _outside_colab(tree)):
        yield "the first code cell installs outside Colab"


def _outside_colab(tree: ast.Module) -> list[ast.stmt]:
    """Return the top-level statements that also run elsewhere than on Colab."""
    names = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and "google.colab" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    outside: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.If):
            test = ast.unparse(node.test)
            used = {part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)}
            if "google.colab" in test or names & used:
                outside += node.orelse
                continue
        outside.append(node)
    return outside


def check_cells(notebook: cells.Notebook) -> Iterator[str]:
    """No cell is too long to be read in one look."""
    for number, cell in enumerate(notebook.cells):
        lines = len(cell.source.splitlines())
        if cell.cell_type == "code" and lines > MAX_CELL_LINES:
            yield f"cell {number} has {lines} lines, at most {MAX_CELL_LINES} are allowed"


def check_metadata(notebook: cells.Notebook) -> Iterator[str]:
    """Colab is asked for a GPU, and the kernel is the plain python3."""
    if notebook.metadata.get("accelerator") != "GPU":
        yield "metadata 'accelerator' must be 'GPU'"
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel must be python3"


def problems(source: Path) -> list[str]:
    """Return everything that is wrong with the chapter whose source is `source`."""
    target = source.with_suffix(".ipynb")
    if not target.is_file():
        return [f"{shown(target)} is missing: run `make pair`"]
    notebook = cells.read(target)
    found = [
        *check_pair(source, notebook),
        *check_outputs(notebook),
        *check_shown(notebook, source.stem),
        *check_record(notebook, source.stem),
        *check_text(notebook),
        *check_figures(notebook),
        *check_parameters(notebook),
        *check_first_cell(notebook),
        *check_cells(notebook),
        *check_metadata(notebook),
    ]
    size = target.stat().st_size
    if size > cells.SIZE_CAP:
        found.append(f"{size} bytes, at most {cells.SIZE_CAP}: draw fewer or lighter figures")
    return [f"{shown(target)}: {line}" for line in found]
