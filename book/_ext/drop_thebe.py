"""Drop the second copy of sphinx-thebe's inline script: it throws in the browser's console.

The theme's launch buttons and the extension each add the script to every page, and the second
declaration of the same constant is an error.  We offer no thebe button, so both copies go.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def drop_thebe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Remove thebe's scripts from the page that is about to be written."""
    scripts = context.get("script_files")
    if not scripts:
        return
    kept = []
    for script in scripts:
        body = getattr(script, "attributes", {}).get("body") or ""
        name = str(getattr(script, "filename", script) or "")
        if "thebe" not in body.lower() and "thebe" not in name.lower():
            kept.append(script)
    context["script_files"] = kept


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect late, after every extension has added its scripts."""
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
