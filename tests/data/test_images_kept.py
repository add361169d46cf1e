"""What is kept of decoded images is believed only after it was compared, byte by byte."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from fairtut.data import images
from fairtut.data.images import cache, official
from fairtut.errors import CorruptFile
from fairtut.runtime import seal

N, TRIES = 8, 40


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Eight small pictures of noise, their table, and an empty cache."""
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for i in range(N):
        noise = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "photos" / f"{i}.png")
    rows = [f"{i}.png,{i % 2},{20 + i},{['train', 'val', 'test'][i % 3]}" for i in range(N)]
    (tmp_path / "table.csv").write_text("file,hat,age,split\n" + "\n".join(rows))
    return tmp_path


def load(own):
    return images.from_folder(own / "photos", own / "table.csv", 8)


def kept(own, name):
    (path,) = (own / "cache").rglob(name)
    return path


def damaged(good, at, rng):
    """A flipped byte, a cut, or bytes too many."""
    if at % 3 == 0:
        place = rng.randrange(len(good))
        other = good[place] ^ rng.randrange(1, 256)
        return good[:place] + bytes([other]) + good[place + 1 :]
    return good[: rng.randrange(len(good))] if at % 3 == 1 else good + bytes(1 + at)


@pytest.mark.parametrize("name", [cache.PIXELS, cache.LABELS])
def test_no_damage_is_silent(own, name):
    first, rng = load(own), random.Random(0)
    x, path = first.x.clone(), kept(own, name)
    good = path.read_bytes()
    for at in range(TRIES):
        path.write_bytes(damaged(good, at, rng))
        with pytest.warns(UserWarning, match=rf"{name} is (damaged|not whole).*decoded again"):
            again = load(own)
        assert torch.equal(again.x, x) and again.digest == first.digest
        assert again.attributes.equals(first.attributes) and path.read_bytes() == good


def test_a_cache_that_cannot_be_written_is_no_obstacle(own, monkeypatch, caplog):
    """The folder that models fall back to takes the pictures too."""
    first = load(own)
    monkeypatch.setenv("FAIRTUT_CACHE", str(own / "table.csv" / "x"))  # below a file
    again = load(own)
    assert torch.equal(again.x, first.x) and again.digest == first.digest
    (line,) = [record.getMessage() for record in caplog.records]
    assert "cannot be written" in line and "FAIRTUT_CACHE" in line


def test_labels_of_another_set_are_not_believed(own):
    first = load(own)
    other = images.from_folder(own / "photos", own / "table.csv", 8, limit=4)
    a, b = sorted((own / "cache").rglob(cache.LABELS), key=lambda path: path.stat().st_size)
    assert len(other) == 4
    b.write_bytes(a.read_bytes())  # four rows, whole and sealed, for eight images
    with pytest.warns(UserWarning, match="belongs to another set"):
        assert load(own).digest == first.digest


def test_the_digest_is_that_of_the_pixels_in_hand(own):
    """Also if somebody made a consistent pair of files of their own."""
    first, path = load(own), kept(own, cache.LABELS)
    labels, facts = cache.stored.read_labels(path)
    pixels = kept(own, cache.PIXELS)
    array = np.load(pixels)
    np.save(pixels, 255 - array)
    facts["digest"] = images.digest_of(255 - array, labels.attributes, labels.split)
    del facts["columns"], facts["dropped"]
    cache.stored.store_labels(path, labels, facts, {})
    assert load(own).digest == facts["digest"] != first.digest


def test_a_changed_picture_is_seen_though_size_and_time_are_as_before(own):
    first, path = load(own), own / "photos" / "0.png"
    before, info = path.read_bytes(), path.stat()
    noise = np.random.default_rng(9).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    assert path.stat().st_size == len(before), "noise does not compress"
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert load(own).digest != first.digest


def test_a_changed_table_is_seen_though_size_and_time_are_as_before(own):
    first, path = load(own), own / "table.csv"
    info = path.stat()
    path.write_text(path.read_text().replace("0.png,0", "0.png,1"))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert first.labels("hat")[0] == 0 and load(own).labels("hat")[0] == 1


def test_what_was_verified_is_verified_again_before_it_is_decoded(own, monkeypatch):
    """A memory of digests finds a decoded set; no byte is read on its word."""
    from fairtut.data.local import Found, Located
    from fairtut.data.registry import DATASETS, File

    path = own / "x.zip"
    path.write_bytes(b"as pinned")
    file = File("x.zip", sha256=official.digest(path)[0])
    located = Located(DATASETS["celeba"], own, (Found(file, (path,)),))
    monkeypatch.delenv("FAIRTUT_VERIFY", raising=False)
    monkeypatch.setattr(official, "dataset", lambda name: located.dataset)
    monkeypatch.setattr(official, "folder_of", lambda entry: own)
    monkeypatch.setattr(official, "find", lambda folder, file: Found(file, (path,)))
    monkeypatch.setattr(official, "stamp", lambda path: "the same")  # a file system that lies
    monkeypatch.setattr(official, "edition", lambda entry, found: official.digest(path)[0])
    official.gather("celeba", "img_align_celeba.zip", ())[1].confirm()
    path.write_bytes(b"as forged")
    _, origin = official.gather("celeba", "img_align_celeba.zip", ())
    assert origin.identity[0] == file.sha256, "it still finds what was decoded from the pinned file"
    with pytest.raises(CorruptFile, match="changed behind its times"):
        origin.confirm()


def test_a_memory_of_digests_that_is_damaged_is_not_believed(tmp_path):
    path, body = tmp_path / "memory", json.dumps([["official"], ["ab" * 32]]).encode()
    seal.write(path, body, {})
    assert seal.unsealed(path)[0] == body
    good, rng = path.read_bytes(), random.Random(0)
    for at in range(TRIES):
        path.write_bytes(damaged(good, at, rng))
        with pytest.raises(CorruptFile, match=r"damaged|not whole"):
            seal.unsealed(path)
    path.write_bytes(good)
    with pytest.raises(CorruptFile):
        seal.unsealed(path, limit=10)


SMALL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
from fairtut.data import images
from fairtut.errors import MissingData
try:
    images.from_folder(sys.argv[1], sys.argv[2], 8)
except MissingData as error:
    print(error)
"""
KILLED = """
import os, random, signal, sys, time
from fairtut.data import images
for _ in range(12):  # forks: the imports cost seconds, a decode a few milliseconds
    pid = os.fork()
    if pid == 0:
        images.from_folder(sys.argv[1], sys.argv[2], 8)
        os._exit(0)
    time.sleep(random.Random(pid).uniform(0, 0.06))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print(pid)
"""


def child(own, script):
    command = [sys.executable, "-c", script, str(own / "photos"), str(own / "table.csv")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name == "nt", reason="needs limits on files")
def test_a_disk_that_fills_up_is_one_sentence_and_leaves_nothing(own):
    """The disk says that it has room, and has not: no signal kills the process."""
    run = child(own, SMALL_DISK)
    out, _ = run.communicate(timeout=300)
    assert run.returncode == 0 and out.count("\n") == 1 and "FAIRTUT_CACHE" in out
    assert [p for p in (own / "cache").rglob("*") if p.is_file() and p.name != ".lock"] == []


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_kill_at_any_moment_changes_nothing(own):
    whole = load(own)
    for path in (kept(own, cache.PIXELS), kept(own, cache.LABELS)):
        path.unlink()
    out, _ = child(own, KILLED).communicate(timeout=300)
    assert out.count("\n") == 12
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what a kill leaves is unfinished, never damaged
        again = load(own)
    assert torch.equal(again.x, whole.x) and again.digest == whole.digest
