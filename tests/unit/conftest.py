"""What tests of claims share: the head of a claims file, and a way to write one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def head() -> str:
    """Return what stands before the claims of a toy paper."""
    return """\
paper: toy
title: A toy paper
authors: Ada and Grace
venue: ICML
year: 2020
citation: toy2020
chapter: 07_toy
claims:
"""


@pytest.fixture
def write(tmp_path: Path, head: str) -> Callable[..., Path]:
    """Return a function that writes a claims file: ``write(*claims, head=..., name=...)``."""

    def written(*claims: str, head: str = head, name: str = "toy.yaml") -> Path:
        path = tmp_path / name
        path.write_text(head + "".join(claims), encoding="utf-8")
        return path

    return written
