"""Every data set has a complete, consistent card."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from fairtut.data.registry import DATASETS, dataset
from fairtut.errors import UnknownName

NEEDED = {
    "zafar", "adult", "compas", "south_german_credit", "celeba", "lfw", "fairface",
    "civil_comments", "measuring_hate_speech",
}  # fmt: skip


def test_every_data_set_of_the_suite_is_there():
    assert set(DATASETS) >= NEEDED
    with pytest.raises(UnknownName, match="did you mean 'compas'"):
        dataset("compass")


@pytest.mark.parametrize("entry", DATASETS.values(), ids=list(DATASETS))
def test_a_card_is_complete(entry):
    assert entry is dataset(entry.name) and re.fullmatch(r"[a-z_]+", entry.name)
    assert entry.homepage.startswith("https://")
    assert entry.terms.endswith(".") and "\n" not in entry.terms + entry.note + entry.title
    assert re.fullmatch(r"[a-z]+\d{4}", entry.citation)
    assert entry.source in ("http", "torchvision", "hand", "embedded")
    assert bool(entry.files) == (entry.source != "embedded")
    assert len({f.path for f in entry.files}) == len(entry.files)
    if entry.source in ("hand", "torchvision"):
        assert entry.note, "say why a person has to do something, and what"


@pytest.mark.parametrize("entry", DATASETS.values(), ids=list(DATASETS))
def test_files_are_pinned_and_stay_inside_the_folder(entry):
    for file in entry.files:
        pins = [sha for v in file.variants for _, sha in v.files]
        paths = [file.path, *(p for v in file.variants for p, _ in v.files)]
        if entry.source in ("http", "torchvision"):
            assert file.sha256, "what a program downloads is pinned"
            pins.append(file.sha256)
        if entry.source == "http":
            assert file.url and file.url.startswith("https://")
        assert all(re.fullmatch(r"[0-9a-f]{64}", pin) for pin in pins)
        for path in paths:
            pure = PurePosixPath(path)
            assert not pure.is_absolute() and ".." not in pure.parts


def test_the_official_digests_are_the_widely_pinned_ones():
    adult = {f.path: f.sha256 for f in DATASETS["adult"].files}
    assert adult["adult.data"].startswith("5b00264637db")
    assert adult["adult.test"].startswith("a2a9044bc167")
    assert DATASETS["compas"].files[0].sha256.startswith("c451db85908b")
    assert DATASETS["south_german_credit"].files[0].sha256.startswith("f0caee5ff54c")
