"""Tables and downloads that would become large are refused by name, with little memory."""

from __future__ import annotations

import gzip
import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fairtut.data import download as module
from fairtut.data.bounded import Bounded
from fairtut.data.encoding import load_file, read_columns
from fairtut.data.images.folder import read_labels
from fairtut.data.images.labels import read_table
from fairtut.data.local import Found, Located
from fairtut.data.registry import DATASETS
from fairtut.errors import CorruptFile

MIB = 1 << 20


def lines(data, **limits):
    from pathlib import Path

    return io.BufferedReader(Bounded(io.BytesIO(data), Path("t.csv"), **limits)).read()


def test_what_is_a_table_passes_unchanged():
    data = b'a,b\n1,"x\ny ""z"""\n' * 5000
    assert lines(data, record=1000) == data


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"a" * 5000, "a line of more than 1000 bytes"),
        (b'a,b\n1,"' + b"word\n" * 5000, "never closed"),
        (b"a,b\n" + b"1,2\n" * 50_000, "more than 100000 bytes"),
    ],
)
def test_what_is_no_table_is_refused(data, match):
    with pytest.raises(CorruptFile, match=rf"t\.csv .*{match}"):
        lines(data, record=1000, limit=100_000)


@pytest.mark.parametrize("body", [bytes(200 * MIB), b"a,b\n" * (50 * MIB)])
def test_a_packed_table_of_labels_that_becomes_large(tmp_path, body):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(body, 1))
    with pytest.raises(CorruptFile, match=r"t\.csv\.gz"):
        read_table(path, ("a",))


def test_a_packed_file_that_is_read_as_a_whole(tmp_path):
    path = tmp_path / "adult.data.gz"
    path.write_bytes(gzip.compress(bytes(40 * MIB), 1))
    entry = DATASETS["adult"]
    located = Located(entry, tmp_path, (Found(entry.files[0], (path,)),))
    with pytest.raises(CorruptFile, match=r"it is no adult\.data"):
        located.read_bytes("adult.data")


@pytest.mark.parametrize("length", [100_000, 200_000])
def test_one_long_field_among_many_rows(length):
    """As fixed-width text it would take 4 bytes times its length for every row."""
    text = "a,b\n" + "1,2\n" * 30_000 + "1," + "x" * length + "\n"
    with pytest.raises(CorruptFile, match="toy"):
        read_columns(text, "toy", None)


@pytest.mark.parametrize(
    "header", ["file,Split,Smiling", "file, split, Smiling", "file,SPLIT,Smiling"]
)
def test_a_column_of_splits_is_known_however_it_is_written(tmp_path, header):
    words = ["train", "test", "val", "test"]
    rows = "".join(f"{i}.png, {word}, {i % 2}\n" for i, word in enumerate(words))
    (tmp_path / "t.csv").write_text(f"{header}\n{rows}")
    labels = read_labels(tmp_path / "t.csv")
    assert labels.split.tolist() == words and list(labels.attributes.columns) == ["Smiling"]
    assert labels.attributes["Smiling"].tolist() == [False, True, False, True]


def test_a_byte_order_mark_is_no_part_of_the_first_value(tmp_path):
    path = tmp_path / "adult.data"
    path.write_bytes(b"\xef\xbb\xbf39,x\n" + b"40,y\n" * 32_560)
    entry = DATASETS["adult"]
    located = Located(entry, tmp_path, (Found(entry.files[0], (path,)),))
    assert load_file(located, "adult.data", ("age", "b"))["age"][0] == "39"


@pytest.fixture
def endless():
    """A host that sends zeros without end, and may say how many there will be."""
    told = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            if "length" in told:
                self.send_header("Content-Length", str(told["length"]))
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(10_000))
            except OSError:
                pass

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/x.bin", told
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("length", [None, 1 << 40])
def test_a_download_without_an_end(endless, tmp_path, length):
    url, told = endless
    if length:
        told["length"] = length
    with pytest.raises(CorruptFile, match=r"x\.bin sends more than the 100000 bytes"):
        module.download(url, tmp_path / "x.bin", limit=100_000)
    assert list(tmp_path.iterdir()) == []
