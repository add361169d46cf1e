"""The house has floors, and a floor imports only from floors below it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {
    "errors": 0,
    "runtime": 1,
    "foreign": 1,
    "data": 2,
    "metrics": 3,
    "models": 4,
    "methods": 5,
    "evidence": 6,
    "lab": 7,
    "page": 8,
    "chapters": 9,
    "audit": 10,
    "doctor": 10,
    "gate": 10,
    "running": 10,
    "report": 10,
    "scaffold": 10,
    "shards": 10,
    "campaign": 10,
    "packed": 11,
    "comparing": 10,
    "cli": 11,
    "__main__": 12,
}
# What a study must not write again: it stands in the lab, or below it.
LAB_ONLY = {
    "a grid of thresholds": ("quantile", "nanquantile"),
    "a front or its area": ("hypervolume", "dominated", "pareto_front", "trapezoid", "trapz"),
    "thresholds per group": ("least_deo",),
}
POOLS = ("Parallel", "ProcessPoolExecutor", "ThreadPoolExecutor", "Pool")
HEAVY = ("torch", "torchvision", "sklearn", "pandas", "matplotlib", "scipy", "seaborn")
# Loaded where they are used, so that a chapter runs without the extras and starts fast.
LAZY = ("captum", "fairlearn", "pooch", "seaborn", "sklearn", "torchvision")
# Modules whose classes inherit from scikit-learn's, which needs them at import time.
INHERIT = ("fairtut.methods.frtrain.estimator", "fairtut.methods.estimating")


def modules(root: Path) -> list[tuple[str, Path]]:
    """Return (dotted name, file) of every module of the package."""
    found = []
    for path in sorted((root / "fairtut").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found.append((".".join(p for p in parts if p != "__init__"), path))
    return found


def room(name: str) -> str | None:
    """Return the room of a dotted module name, None outside the package or at its top."""
    parts = name.split(".")
    return parts[1] if parts[0] == "fairtut" and len(parts) > 1 else None


def imports(path: Path, name: str, everywhere: bool = True) -> list[str]:
    """Return the dotted names that a module imports, `everywhere` or only at import time."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            # `from fairtut.methods import frtrain` names a module, not only a package
            found.extend(f"{stem}.{alias.name}" for alias in node.names)
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not everywhere and (lazy or typing_only):
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return found


def violations(root: Path) -> list[str]:
    """Return every import that goes up, and every method that imports another paper's method."""
    shared = {
        f"fairtut.methods.{name}"
        for name in (
            "adversarial",
            "columns",
            "deciding",
            "encoding",
            "estimating",
            "exporting",
            "deployed",
            "fair_baselines",
            "holding",
            "inputs",
            "latent",
            "refusals",
            "saliency",
        )
    }
    found = []
    for name, path in modules(root):
        here = room(name)
        for target in imports(path, name):
            there = room(target)
            if here is None:
                if there is not None:
                    found.append(f"{name} imports {target}: the top package imports nothing")
                continue
            if there is None or there == "__version__":
                continue
            if there not in FLOORS or here not in FLOORS:
                found.append(f"{name} imports {target}: a room without a floor")
            elif FLOORS[there] > FLOORS[here]:
                found.append(f"{name} (floor {FLOORS[here]}) imports {target} ({FLOORS[there]})")
            elif here == there == "methods":
                module = ".".join(target.split(".")[:3])
                same = ".".join(name.split(".")[:3])
                if module not in shared | {same}:
                    found.append(f"{name} imports {target}: methods do not import each other")
    return found


def words(path: Path) -> set[str]:
    """Return every name and attribute that a file uses or imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
    return found


def rewritten(root: Path) -> list[str]:
    """Return every study that does again what the lab is for."""
    chapters, found = root / "fairtut" / "chapters", []
    for path in sorted(chapters.rglob("*.py")):
        name, used = path.relative_to(chapters).as_posix(), words(path)
        for what, banned in LAB_ONLY.items():
            found += [f"{name} uses {word}: {what}" for word in sorted(used & set(banned))]
        found += [f"{name} uses {word}: a pool of processes" for word in sorted(used & set(POOLS))]
    return found


def test_no_import_goes_up():
    assert violations(ROOT) == []


def test_every_room_has_a_floor():
    rooms = {room(name) for name, _ in modules(ROOT)} - {None}
    assert rooms <= set(FLOORS)


def test_no_drawing_takes_lengths_for_intervals():
    """An interval need not hold its point, and error bars refuse a negative length."""
    folders = [ROOT / "fairtut" / "page", ROOT / "fairtut" / "chapters"]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    files += sorted((ROOT / "notebooks").glob("*.py"))
    assert [path.name for path in files if "errorbar" in words(path)] == []


def test_chapters_leave_controls_and_fronts_to_the_lab():
    assert rewritten(ROOT) == []


@pytest.mark.parametrize(
    ("where", "line", "count"),
    [
        ("faap/bad.py", "import numpy as np\ncuts = np.quantile([1.0], 0.5)", 1),
        ("faap/bad.py", "from fairtut.metrics import hypervolume, pareto_front", 2),
        ("faap/bad.py", "def f():\n    from joblib import Parallel\n    Parallel(2)", 1),
        ("lassi/cells.py", "from joblib import Parallel", 1),
        ("faap/fine.py", "from fairtut.lab.controls import swept  # at every quantile", 0),
    ],
)
def test_the_rule_sees_what_a_study_writes_again(tmp_path, where, line, count):
    file = tmp_path / "fairtut" / "chapters" / where
    file.parent.mkdir(parents=True)
    file.write_text(line + "\n")
    assert len(rewritten(tmp_path)) == count


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("metrics/bad.py", "from fairtut.page import results"),
        ("data/bad.py", "import fairtut.models.mlp"),
        ("data/bad.py", "def f():\n    from ..cli import main"),
        ("methods/lassi.py", "from fairtut.methods.frtrain import fit"),
        ("methods/lassi.py", "from fairtut.methods import frtrain"),
        ("__init__.py", "from fairtut.runtime import seeds"),
        ("metrics/bad.py", "from fairtut.attic import thing"),
        ("lab/bad.py", "from fairtut.chapters.faap import table"),
        ("lab/bad.py", "from fairtut.page import plane"),
        ("evidence/bad.py", "from fairtut.page.markup import words"),
        ("evidence/bad.py", "from fairtut.lab import Board"),
    ],
)
def test_the_rule_sees_a_violation(tmp_path, where, line):
    file = tmp_path / "fairtut" / where
    file.parent.mkdir(parents=True)
    file.write_text(line + "\n")
    assert len(violations(tmp_path)) == 1


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("page/fine.py", "from fairtut.metrics import group"),
        ("chapters/faap/fine.py", "from fairtut.evidence.measurements import Measurement"),
        ("metrics/fine.py", "from fairtut.metrics.group import rates\nimport numpy"),
        ("methods/lassi/core.py", "from fairtut.methods.lassi import flow"),
        ("methods/frtrain.py", "from fairtut.methods.adversarial import reverse"),
        ("methods/faap/study.py", "from fairtut.methods.deployed import train"),
        ("cli.py", "from fairtut import __version__"),
    ],
)
def test_the_rule_allows_what_it_should(tmp_path, where, line):
    file = tmp_path / "fairtut" / where
    file.parent.mkdir(parents=True)
    file.write_text(line + "\n")
    assert violations(tmp_path) == []


def test_extras_and_slow_imports_stay_inside_functions():
    early = [
        f"{name} imports {target} at import time"
        for name, path in modules(ROOT)
        for target in imports(path, name, everywhere=False)
        if target.split(".")[0] in LAZY and name not in INHERIT
    ]
    assert early == []


def loaded(statement: str) -> set[str]:
    """Return the heavy packages that are loaded after `statement` in a fresh interpreter."""
    script = f"{statement}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert loaded("import fairtut") == set()


def test_importing_the_command_line_loads_no_torch():
    if not (ROOT / "fairtut" / "cli.py").is_file():
        pytest.skip("there is no command line yet")
    assert "torch" not in loaded("import fairtut.cli")


def test_a_kept_cell_does_not_hang_on_the_board() -> None:
    """Whoever imports one module of the lab runs the package's first file, so it imports none."""
    first = ast.parse((ROOT / "fairtut" / "lab" / "__init__.py").read_text(encoding="utf-8"))
    assert [type(node) for node in first.body] == [ast.Expr]
    grid = {name: set(imports(path, name)) for name, path in modules(ROOT) if ".lab." in name}
    for name in ("fairtut.lab.grid", "fairtut.lab.plan", "fairtut.lab.keep"):
        assert not any("lab.board" in used or "lab.controls" in used for used in grid[name])
