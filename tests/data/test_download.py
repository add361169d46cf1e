"""Downloads over a real socket: resumed, verified, atomic, and honest without a network."""

from __future__ import annotations

import hashlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import types
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fairtut.data import files
from fairtut.data.registry import DATASETS, Dataset, File
from fairtut.errors import CorruptFile, MissingData

BODY = bytes(i * i % 251 for i in range(300_000))
SHA = hashlib.sha256(BODY).hexdigest()


class Host:
    """A small HTTP host that can break off, ignore ranges, refuse, or be slow."""

    def __init__(self):
        self.pages = {"/x.bin": BODY}
        self.ranges: list[str | None] = []  # the Range header of each request
        self.break_at: list[int] = []  # bytes after which successive answers break off
        self.honour_range, self.status, self.pause = True, 0, 0.0
        self.sent = 0
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                host.answer(self)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request):
        self.ranges.append(request.headers.get("Range"))
        body = self.pages.get(request.path)
        if self.status or body is None:
            request.send_error(self.status or 404)
            return
        start = 0
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range") or "")
        if wanted and self.honour_range:
            start = int(wanted[1])
            if start >= len(body):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(body)}")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(body) - start))
        request.end_headers()
        stop = start + self.break_at.pop(0) if self.break_at else len(body)
        try:
            for at in range(start, min(stop, len(body)), 20_000):
                block = body[at : min(at + 20_000, stop)]
                request.wfile.write(block)
                request.wfile.flush()
                self.sent += len(block)
                time.sleep(self.pause)
        except OSError:
            pass  # the client was killed


@pytest.fixture
def host():
    host = Host()
    yield host
    host.server.shutdown()
    host.server.server_close()


@pytest.fixture
def toy(host, tmp_path, monkeypatch):
    """A registered data set with one file on the host."""
    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
    monkeypatch.delenv("FAIRTUT_VERIFY", raising=False)
    entry = Dataset(
        "toy", "A toy", "CC0", "Anyone may use it.", "https://example.org", "toy2020",
        files=(File("x.bin", f"{host.url}/x.bin", sha256=SHA, size=len(BODY)),),
    )  # fmt: skip
    monkeypatch.setitem(DATASETS, "toy", entry)
    return tmp_path / "toy"


def names(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != ".lock")


def resumed_at(header):
    return int(re.fullmatch(r"bytes=(\d+)-", header)[1])


def test_get_downloads_once_and_quietly(host, toy, capsys):
    located = files.get("toy")
    assert located.read_bytes("x.bin") == BODY and located.files[0].label == "official"
    assert names(toy) == ["x.bin"]
    files.get("toy")
    assert host.ranges == [None], "the second call needs no request"
    assert capsys.readouterr() == ("", "")


def test_an_interrupted_download_goes_on_where_it_stopped(host, toy):
    host.break_at = [100_000]
    files.get("toy")
    first, second = host.ranges
    assert first is None and 100_000 - files.BLOCK < resumed_at(second) <= 100_000
    assert (toy / "x.bin").read_bytes() == BODY and names(toy) == ["x.bin"]


def test_a_host_that_stalls_for_good_keeps_the_part_for_the_next_try(host, toy):
    host.break_at = [100_000, 0]  # the second answer brings nothing: stop asking
    with pytest.raises(MissingData, match="bytes are kept and the next try goes on") as error:
        files.get("toy")
    assert "\n" not in str(error.value) and names(toy) == ["x.bin.part"]
    kept = (toy / "x.bin.part").stat().st_size
    assert 100_000 - files.BLOCK < kept <= 100_000
    files.get("toy")
    assert resumed_at(host.ranges[-1]) == kept
    assert host.sent <= len(BODY) + files.BLOCK, "what had arrived is not asked for again"
    assert names(toy) == ["x.bin"]


def test_a_host_without_ranges_starts_afresh(host, toy):
    host.honour_range, host.break_at = False, [100_000]
    files.get("toy")
    assert (toy / "x.bin").read_bytes() == BODY


def test_a_part_that_is_already_whole_is_used(host, toy):
    toy.mkdir()
    (toy / "x.bin.part").write_bytes(BODY)
    files.get("toy")
    assert host.sent == 0 and (toy / "x.bin").read_bytes() == BODY


@pytest.mark.parametrize("stale", [b"stale" * 1000, BODY + b"too much"])
def test_a_stale_part_is_thrown_away(host, toy, stale):
    toy.mkdir()
    (toy / "x.bin.part").write_bytes(stale)
    files.get("toy")
    assert (toy / "x.bin").read_bytes() == BODY and names(toy) == ["x.bin"]


def test_other_bytes_than_the_pinned_ones_never_get_the_files_name(host, toy):
    host.pages["/x.bin"] = BODY[:-1] + b"?"
    with pytest.raises(CorruptFile, match="another file than the pinned one") as error:
        files.get("toy")
    assert SHA[:12] in str(error.value) and "\n" not in str(error.value)
    assert names(toy) == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_names_the_status_and_what_to_do(host, toy, status):
    host.status = status
    with pytest.raises(MissingData, match=f"status {status}") as error:
        files.get("toy")
    text = str(error.value)
    assert f"{host.url}/x.bin" in text and str(toy) in text and "CC0" in text
    # it does not advise what has just failed
    assert "try again where the host can be reached" in text and "fairtut data get" not in text
    assert names(toy) == [] and len(host.ranges) == 1


def test_closed_network(toy, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with pytest.raises(MissingData) as error:
        files.get("toy")
    text = str(error.value)
    assert "\n" not in text and not slept  # it does not wait for a network that is closed
    for part in ("x.bin", "/x.bin", str(toy), "CC0", "Anyone may use it.", "ConnectionError"):
        assert part in text


@pytest.mark.parametrize("name", ["adult", "compas"])
def test_closed_network_never_falls_back_to_other_data(name, tmp_path, monkeypatch):
    from fairtut.data import tabular

    def refuse(*args, **kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(MissingData) as error:
        tabular.load(name)
    file = DATASETS[name].files[0]
    for part in (file.path, file.url, str(tmp_path / name), DATASETS[name].terms):
        assert part in str(error.value)


def test_a_folder_that_cannot_be_written(toy, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(MissingData, match=r"cannot write in .*Permission denied.*FAIRTUT_DATA"):
        files.get("toy")


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)
    return out.getvalue()


def test_members_of_one_archive_are_unpacked_verified_and_the_archive_goes(host, toy, monkeypatch):
    host.pages["/a.zip"] = zipped(one=b"1" * 9, two=b"2" * 9)
    members = tuple(
        File(n, f"{host.url}/a.zip", member=n, sha256=hashlib.sha256(d).hexdigest(), size=9)
        for n, d in (("one", b"1" * 9), ("two", b"2" * 9))
    )
    monkeypatch.setitem(DATASETS, "toy", replace(DATASETS["toy"], files=members))
    files.get("toy")
    assert names(toy) == ["one", "two"] and len(host.ranges) == 1
    # a member that is not the pinned one: nothing under its name, and no archive to trip over
    (toy / "two").unlink()
    host.pages["/a.zip"] = zipped(one=b"1" * 9, two=b"X" * 9)
    with pytest.raises(CorruptFile, match="two is not the expected file"):
        files.get("toy")
    assert names(toy) == ["one"]
    host.pages["/a.zip"] = b"<html>maintenance</html>"
    with pytest.raises(CorruptFile, match="not a whole zip archive"):
        files.get("toy")
    assert names(toy) == ["one"]


KILLED = """
import sys
from pathlib import Path
from fairtut.data.files import download
download(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_kill_leaves_nothing_half_written_and_the_next_run_resumes(host, tmp_path):
    host.pause = 0.05
    target = tmp_path / "x.bin"
    command = [sys.executable, "-c", KILLED, f"{host.url}/x.bin", str(target), SHA]
    child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    part = tmp_path / "x.bin.part"
    while not (part.exists() and part.stat().st_size > 50_000):
        assert child.poll() is None  # pytest's own limit ends a wait without end
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not target.exists()
    kept = part.stat().st_size
    assert 50_000 < kept < len(BODY)
    host.pause = 0.0
    files.download(f"{host.url}/x.bin", target, SHA)
    assert host.ranges == [None, f"bytes={kept}-"]
    assert target.read_bytes() == BODY and names(tmp_path) == ["x.bin"]


def test_two_processes_do_not_write_into_the_same_part(host, toy):
    host.pause = 0.005
    errors: list[BaseException] = []

    def fetch():
        try:
            files.get("toy")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and host.ranges == [None]
    assert (toy / "x.bin").read_bytes() == BODY


class TestCelebA:
    @pytest.fixture
    def drive(self, tmp_path, monkeypatch):
        """A stand-in for torchvision: its list of files and its drive client."""
        payload = {"a.txt": b"labels"}
        monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
        entry = replace(
            DATASETS["celeba"],
            files=(File("a.txt", sha256=hashlib.sha256(b"labels").hexdigest()),),
        )
        monkeypatch.setitem(DATASETS, "celeba", entry)

        def fetch(file_id, root, filename, md5=None):
            if "error" in payload:
                raise RuntimeError("Quota exceeded\nsecond line")
            (tmp_path / "celeba" / filename).write_bytes(payload["a.txt"])

        package = types.ModuleType("torchvision")
        datasets = types.ModuleType("torchvision.datasets")
        utils = types.ModuleType("torchvision.datasets.utils")
        datasets.CelebA = types.SimpleNamespace(file_list=[("id", "md5", "a.txt")])
        utils.download_file_from_google_drive = fetch
        for module in (package, datasets, utils):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        return payload

    def test_it_comes_through_torchvision(self, drive, tmp_path):
        assert files.get("celeba").read_bytes("a.txt") == b"labels"
        assert names(tmp_path / "celeba") == ["a.txt"]

    @pytest.mark.parametrize("trouble", ["error", "other bytes"])
    def test_when_the_drive_refuses_a_person_is_told_what_to_do(self, drive, tmp_path, trouble):
        if trouble == "error":
            drive["error"] = b""
        drive["a.txt"] = b"<html>quota</html>"
        with pytest.raises(MissingData) as error:
            files.get("celeba")
        text = str(error.value)
        assert "\n" not in text and "mmlab.ie.cuhk.edu.hk" in text and "in a browser" in text
        assert "non-commercial" in text and names(tmp_path / "celeba") == []
