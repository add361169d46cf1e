"""Reading, pairing, tidying and stamping notebooks; nothing here executes one."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs

from fairtut.evidence import changes
from fairtut.evidence.claims import CLAIMS_DIR, chapter_id, read_claims
from tools.common import ROOT, ToolError, shown, write_atomically

#: The four papermill parameters of every chapter and the defaults of the committed outputs.
PARAMETERS: dict[str, Any] = {
    "preset": "laptop",
    "data": "synthetic",
    "seed": 0,
    "results_dir": "results",
}
SIZE_CAP = 1_000_000  # bytes of one committed notebook

_NOTEBOOK_METADATA: dict[str, Any] = {
    "accelerator": "GPU",
    "jupytext": {"formats": "ipynb,py:percent"},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}
# What executors leave behind: times and ids that differ from run to run.
_VOLATILE_CELL_KEYS = ("papermill", "execution", "ExecuteTime", "collapsed", "executionInfo")

Notebook = Any  # nbformat.NotebookNode, which has no types


def read(path: Path) -> Notebook:
    """Read a ``.py`` source or an ``.ipynb`` as an nbformat 4.5 notebook."""
    if not path.is_file():
        raise ToolError(f"{shown(path)} does not exist")
    try:
        if path.suffix == ".py":
            notebook = jupytext.read(path, fmt="py:percent")
        else:
            notebook = nbformat.read(path, as_version=4)
    except Exception as error:
        raise ToolError(f"{shown(path)} is not a readable notebook: {error}") from error
    notebook.nbformat_minor = 5
    return notebook


def dumps(notebook: Notebook) -> str:
    """Return the notebook's file content, validated, with one final line end."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def code_cells(notebook: Notebook) -> list[Any]:
    """Return the code cells in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: Any) -> list[str]:
    """Return a cell's tags."""
    return list(cell.metadata.get("tags", []))


def parameters_cell(notebook: Notebook) -> Any | None:
    """Return the cell tagged ``parameters``, or None."""
    return next((cell for cell in code_cells(notebook) if "parameters" in tags(cell)), None)


def literal_assignments(source: str) -> dict[str, Any] | None:
    """Return ``{name: value}`` if `source` is only ``name = literal`` lines, else None."""
    found: dict[str, Any] = {}
    try:
        for node in ast.parse(source).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                found[node.target.id] = ast.literal_eval(node.value)
            elif (
                isinstance(node, ast.Assign)
                and len(node.targets) == 1
                and isinstance(node.targets[0], ast.Name)
            ):
                found[node.targets[0].id] = ast.literal_eval(node.value)
            else:
                return None
    except (SyntaxError, ValueError):
        return None
    return found


def source_sha256(notebook: Notebook) -> str:
    """Return the digest of the code cells: what the stored outputs were computed from."""
    digest = hashlib.sha256()
    for cell in code_cells(notebook):
        digest.update(cell.source.encode() + b"\0")
    return digest.hexdigest()


def shown_sha256(chapter: str) -> str:
    """Return the digest of what a chapter's page shows beside its own run: claims and records.

    Parameters
    ----------
    chapter : str
        The stem of its notebook.
    """
    digest = hashlib.sha256()
    for path in sorted(CLAIMS_DIR.glob("*.yaml")):
        paper, _ = read_claims(path)
        if paper.chapter == chapter:
            digest.update(json.dumps(changes.state(path)["claims"]).encode() + b"\0")
    folder = ROOT / "results" / chapter_id(chapter)
    for path in sorted(folder.glob("*.json")):
        if not path.name.startswith((".", "smoke-")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def stamp_of(notebook: Notebook, key: str = "source_sha256") -> str | None:
    """Return a digest that the outputs were stamped with, or None."""
    stamp = notebook.metadata.get("fairtut", {}).get(key)
    return str(stamp) if stamp else None


def stamp(notebook: Notebook, chapter: str) -> None:
    """Write the digests of the code cells, and of the claims and records that the page shows."""
    notebook.metadata["fairtut"] = {
        "shown_sha256": shown_sha256(chapter),
        "source_sha256": source_sha256(notebook),
    }


def _merge_streams(outputs: list[Any]) -> list[Any]:
    """Join neighbouring pieces of the same stream: where they break is a matter of timing."""
    merged: list[Any] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if (
            last is not None
            and output.output_type == last.output_type == "stream"
            and output.name == last.name
        ):
            last.text += output.text
        else:
            merged.append(output)
    return merged


def tidy(notebook: Notebook) -> Notebook:
    """Make the notebook's file a function of its sources and outputs alone, in place."""
    kept = notebook.metadata.get("fairtut")
    notebook.metadata = nbformat.from_dict(_NOTEBOOK_METADATA)
    if kept:
        notebook.metadata["fairtut"] = kept
    seen: dict[str, int] = {}
    count = 0
    for cell in notebook.cells:
        for key in _VOLATILE_CELL_KEYS:
            cell.metadata.pop(key, None)
        # An id from the content: jupytext draws a random one at every reading.
        head = hashlib.sha256(f"{cell.cell_type}\0{cell.source}".encode()).hexdigest()[:12]
        seen[head] = seen.get(head, 0) + 1
        cell["id"] = head if seen[head] == 1 else f"{head}-{seen[head]}"
        if cell.cell_type != "code":
            continue
        cell.outputs = _merge_streams(cell.outputs)
        for output in cell.outputs:
            forms = output.get("data", {})
            forms.pop("text/latex", None)  # twice the weight of coloured source
            if {"text/html", "text/markdown"} <= set(forms):
                forms.pop("text/plain", None)  # the Markdown is plain enough
            if "execution_count" in output:
                output.execution_count = count + 1
        if cell.execution_count is not None:
            count += 1
            cell.execution_count = count
    return notebook


def pair(source: Path) -> Path:
    """Write ``NN_name.ipynb`` from ``NN_name.py``, keeping the outputs of cells still there.

    One way only: `jupytext --sync` goes by file time and can revert the source.
    """
    target = source.with_suffix(".ipynb")
    notebook = read(source)
    if target.exists():
        wanted = [tags(cell) for cell in notebook.cells]
        notebook = combine_inputs_with_outputs(notebook, read(target), fmt="py:percent")
        for cell, names in zip(notebook.cells, wanted, strict=True):
            cell.metadata.pop("tags", None)  # jupytext keeps those of the notebook
            if names:
                cell.metadata["tags"] = names
    text = dumps(tidy(notebook))
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        write_atomically(target, text)
    return target
