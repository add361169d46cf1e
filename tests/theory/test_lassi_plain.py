"""The method as the notebook writes it: equal to the package, and its assertions catch faults.

The cells that the chapter tags ``plain`` are run as they stand, then with one line changed.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import ndtr, ndtri
from scipy.stats import beta

from fairtut.methods import lassi
from fairtut.methods.lassi import losses
from fairtut.methods.lassi.certify import draw
from fairtut.models.glow import layers
from fairtut.runtime.seeds import torch_rng
from tools import cells

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "06_lassi.py"
NAMES: dict[str, Any] = {
    "np": np, "torch": torch, "ndtr": ndtr, "ndtri": ndtri, "beta": beta, "lassi": lassi,
    "losses": losses, "layers": layers, "draw": draw, "torch_rng": torch_rng,
}  # fmt: skip
FAULTS = {
    "the coupling subtracts": ("moved + net(kept)", "moved - net(kept)"),
    "the way back adds": ("moved - net(kept)", "moved + net(kept)"),
    "the wrong half is read": ("moved + net(kept)", "moved + net(moved)"),
    "the gate is not shifted": ("torch.sigmoid(gate + 2)\n    return torch.cat([kept, (moved",
                                "torch.sigmoid(gate + 1)\n    return torch.cat([kept, (moved"),
    "the determinant lacks its log": ("scale.log().sum", "scale.sum"),
    "the shift comes after the scale": ("(moved + shift) * scale", "moved * scale + shift"),
    "the vector points the other way": ("toy[pale].mean(0) - toy[~pale]",
                                        "toy[~pale].mean(0) - toy[pale]"),
    "the nearest is attacked": ("norm(dim=2).argmax(1)", "norm(dim=2).argmin(1)"),
    "the search uses the batch's statistics": ("    r.eval()\n    with", "    with"),
    "squared distances": ("norm(dim=1).mean()\n    return", "square().sum(1).mean()\n    return"),
    "no gradient through the worst": ("r(worst)).norm", "r(worst).detach()).norm"),
    "one weight for all": ("+ weight * similarity", "+ similarity"),
    "the similarity is rewarded": ("+ weight * similarity", "- weight * similarity"),
    "the walk is forgotten in the level": ("ndtri(0.5 + slack) + epsilon / sigma",
                                           "ndtri(0.5 + slack)"),
    "no margin": ("held + np.sqrt", "held + 0 * np.sqrt"),
    "a third is enough": ("(n + 1) // 2", "(n + 1) // 3"),
    "the widest candidate": ("first[radii.argmin()], radii.min()",
                             "first[radii.argmax()], radii.max()"),
    "measured on the draws that chose": ("(third - center)", "(first - center)"),
    "two in place of three": ("3 * float(q)", "2 * float(q)"),
    "a bound from above": ("beta.ppf(alpha, m, n - m + 1)", "beta.ppf(1 - alpha, m + 1, n - m)"),
    "the noise is forgotten": ("sigma * float(ndtri(p_low))", "float(ndtri(p_low))"),
}  # fmt: skip


def source() -> str:
    """The plain cells, one after the other."""
    notebook = cells.read(NOTEBOOK)
    found = [c.source for c in cells.code_cells(notebook) if "plain" in cells.tags(c)]
    assert len(found) >= 5
    return "\n\n".join(found)


def run(text: str) -> dict[str, Any]:
    names = dict(NAMES)
    exec(compile(text, "plain cells", "exec"), names)
    return names


def test_the_plain_lines_agree_with_the_package():
    names = run(source())
    assert names["toy_found"].path.startswith("curve")
    assert 0 < names["toy_found"].fair.sum() < len(names["toy_found"])  # both verdicts occur


def test_the_method_takes_sixty_plain_lines():
    functions = ("couple", "worst_similar", "lassi_loss", "learn", "level", "smooth_center",
                 "smooth_decision")  # fmt: skip
    tree = ast.parse(source())
    defs = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef)}
    lines = sum(defs[name].end_lineno - defs[name].lineno for name in functions)
    assert 30 <= lines <= 75


@pytest.mark.parametrize("fault", FAULTS)
def test_an_assertion_catches(fault):
    right, wrong = FAULTS[fault]
    text = source()
    assert text.count(right) == 1, text.count(right)
    with pytest.raises(AssertionError):
        run(text.replace(right, wrong))
