"""Run notebooks' cells up to the first that fails, each in a process of its own.

Standard input has one job a line, as JSON: the cells, the folder of the tree, what to add to the
environment, and a limit in seconds.  Standard output has one verdict a line.  What every chapter
imports from elsewhere is imported once, and each job is a fork of that; nothing of the tree is,
since it may hold an error.  No kernel: whether a cell ends matters here, not what it shows.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import signal
import sys
import warnings
from typing import Any

HEAVY = ("torch", "pandas", "scipy.stats", "matplotlib.pyplot", "sklearn.linear_model")


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


def apart(job: dict[str, Any]) -> dict[str, object]:
    """Run a job in a fork, which the system ends at the limit."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(max(1, int(job["limit"])))
        os.chdir(job["tree"])
        os.environ.update(job["environment"])
        sys.path.insert(0, job["tree"])
        with os.fdopen(writing, "w") as out:
            json.dump(verdict(job["sources"]), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if text:
        found: dict[str, object] = json.loads(text)
        return found
    late = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
    message = f"no end after {job['limit']:g} s" if late else f"the process died ({status})"
    return {"word": "late" if late else "stopped", "cell": None, "message": message}


if __name__ == "__main__":
    for name in HEAVY:
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(apart(json.loads(line))), flush=True)
