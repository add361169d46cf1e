"""Reading YAML safely: a key given twice is refused, and every error names the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from fairtut.errors import RecordError

# the same parser in C where PyYAML was built with it: ten times faster
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc, unused-ignore]
    """Safe YAML that also refuses a key given twice and reads ``1e-6`` as a number."""


def _mapping(loader: _Loader, node: Any) -> dict[str, Any]:
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise RecordError(f"line {key.start_mark.line + 1}: a key must be a word")
    keys = [str(key.value) for key, _ in node.value]
    for i, key in enumerate(keys):
        if key in keys[:i]:
            line = node.value[i][0].start_mark.line + 1
            raise RecordError(f"line {line}: key {key!r} is given twice: keep one")
    return dict(loader.construct_pairs(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
# YAML 1.1 takes 1e-6 for text because it has no dot
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789")
)


def read_yaml(file: Path) -> dict[str, Any]:
    """Read a file whose content is a mapping; keys given twice are refused.

    Parameters
    ----------
    file : pathlib.Path
        A text in UTF-8.

    Returns
    -------
    dict
        What it holds: only what plain YAML can, and ``1e-6`` is a number.

    Raises
    ------
    fairtut.errors.RecordError
        If it is no YAML or no mapping, or has a key twice.  The message names the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from fairtut.evidence.fields import read_yaml
    >>> with tempfile.TemporaryDirectory() as here:
    ...     path = Path(here, "toy.yaml")
    ...     _ = path.write_text("tolerance: 1e-6")
    ...     read_yaml(path)
    {'tolerance': 1e-06}
    >>> with tempfile.TemporaryDirectory() as here:
    ...     path = Path(here, "toy.yaml")
    ...     _ = path.write_text("{limit: 1, limit: 2}")
    ...     read_yaml(path)
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: toy.yaml: line 1: key 'limit' is given twice: keep one
    """
    try:
        body = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except RecordError as error:
        raise RecordError(f"{file.name}: {error}") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RecordError(f"{file.name}: not valid YAML: {reason}") from error
    if not isinstance(body, dict):
        raise RecordError(f"{file.name}: must be a mapping that starts with a key such as `paper:`")
    return body
