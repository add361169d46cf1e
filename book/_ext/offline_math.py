"""Serve MathJax from the book itself where the network must not be asked.

That is in CI and with ``FAIRTUT_OFFLINE=1`` (24 MB more); the published book loads the usual
hosted copy.
"""

from __future__ import annotations

import os
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError


def wanted() -> bool:
    """Tell whether this build must not depend on a host."""
    if os.environ.get("FAIRTUT_OFFLINE", "") != "":
        return os.environ["FAIRTUT_OFFLINE"] != "0"
    return os.environ.get("CI", "") not in ("", "0", "false")


def setup(app: Sphinx) -> dict[str, Any]:
    """Load the offline copy if it is wanted."""
    if wanted():
        try:
            app.setup_extension("sphinx-mathjax-offline")
        except ExtensionError as error:
            raise ExtensionError(
                "FAIRTUT_OFFLINE needs sphinx-mathjax-offline: run `make env`"
            ) from error
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
