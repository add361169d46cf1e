"""What ``fairtut doctor`` prints: what is there and what is missing.

Importing this module is cheap: each check imports what it needs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairtut.runtime.inventory import Item

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "notebooks": ("papermill", "jupytext", "ipykernel"),
    "peers": ("fairlearn", "captum"),
}
"""The optional packages that are looked for, by the extra that installs them."""


def report() -> str:
    """Return a table with a row per finding; a check that fails is a line, not an end."""
    from fairtut.page.tables import aligned

    rows = []
    for name, check in _CHECKS.items():
        try:
            lines = check()
        except Exception as error:
            lines = [f"problem: {' '.join(str(error).split()) or type(error).__name__}"]
        rows += [[name if i == 0 else "", line] for i, line in enumerate(lines)]
    return aligned(["part", "found"], rows)


def _check_versions() -> list[str]:
    from fairtut.evidence.records import library_versions

    return [f"{name} {version}" for name, version in library_versions().items()]


def _check_device() -> list[str]:
    from fairtut.runtime.device import describe_device, pick_device

    found = describe_device(pick_device())
    return [f"{found['type']}: {found['name']}", f"{found['threads']} torch threads of "
            f"{os.cpu_count()} cores"]  # fmt: skip


def _check_compiler() -> list[str]:
    from fairtut.runtime.fuse import why_not_fused

    reason = why_not_fused()
    return ["torch.compile can be used" if reason is None else f"eager, slower but equal: {reason}"]


def _check_data() -> list[str]:
    from fairtut.data import files

    states = {entry.name: entry for entry in files.status()}
    lines = [f"{name}: {e.state}{f' ({e.detail})' if e.detail else ''}"
             for name, e in states.items()]  # fmt: skip
    return [*lines, f"folder {files.data_root()}"]


def _check_extras() -> list[str]:
    from importlib.util import find_spec

    lines = []
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if find_spec(name) is None]
        fix = f"missing {', '.join(missing)}: pip install 'fairtut[{extra}]'"
        lines.append(f"{extra}: {fix if missing else 'installed'}")
    return lines


def _check_records() -> list[str]:
    from fairtut.evidence.records import committed_results, load_records

    names = [record.name for record in load_records()]
    return [*(names or ["none"]), f"folder {committed_results()}"]


def kept() -> tuple[Path, list[Item]]:
    """Return the folder of the cache and what is kept there, as this version sees it."""
    from PIL import __version__ as pillow

    from fairtut.runtime import code, inventory
    from fairtut.runtime.cache import chosen_folder, made_with

    found = made_with()
    here = {"torch": found["torch"], "processor": found["processor"], "pillow": pillow}
    here["decoder"] = code.digest("fairtut.data.images.cache")
    root = chosen_folder()
    return root, inventory.survey(root, here)


def _check_cache() -> list[str]:
    from fairtut.runtime import inventory

    root, items = kept()
    stale = any(item.state == inventory.STALE for item in items)
    hint = ["'fairtut cache prune' removes what cannot be reached"] if stale else []
    return [*inventory.lines(items), *hint, f"folder {root}"]


def _check_disk() -> list[str]:
    import shutil

    return [f"{shutil.disk_usage(Path.cwd()).free / 1e9:.1f} GB free here"]


_CHECKS = {
    "versions": _check_versions,
    "device": _check_device,
    "compiler": _check_compiler,
    "extras": _check_extras,
    "data": _check_data,
    "records": _check_records,
    "cache": _check_cache,
    "disk": _check_disk,
}
