"""Run a notebook's cells, given as JSON on standard input, up to the first that fails.

One process without a kernel: only whether a cell ends matters here, not what it shows.  The last
line of standard output is the verdict.  Imports nothing of the tree, which may hold an error.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings


def verdict(sources: list[str]) -> dict[str, object]:
    """Return ``word``, ``cell`` (counted from 1) and ``message`` of the first failing cell."""
    from IPython.core.interactiveshell import InteractiveShell

    warnings.simplefilter("ignore")
    shell = InteractiveShell.instance()
    for number, source in enumerate(sources, 1):
        with contextlib.redirect_stdout(io.StringIO()):  # tables and texts that nobody reads
            done = shell.run_cell(source, store_history=False)
            error = done.error_in_exec or done.error_before_exec
        if error is not None:
            word = "asserted" if isinstance(error, AssertionError) else "stopped"
            message = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            return {"word": word, "cell": number, "message": message}
    return {"word": "survived", "cell": None, "message": ""}


if __name__ == "__main__":
    print(json.dumps(verdict(json.load(sys.stdin))))
