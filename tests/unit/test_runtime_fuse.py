"""Fusing falls back to the same numbers, with one sentence that says why."""

import logging
import os
import subprocess
import sys

import pytest
import torch

from fairtut.runtime import fuse as fuse_module
from fairtut.runtime.fuse import fuse, why_not_fused


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """Forget what this process found out about its compiler, before and after."""
    monkeypatch.delenv("FAIRTUT_FUSE", raising=False)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    why_not_fused.cache_clear()
    yield
    why_not_fused.cache_clear()


def double(x):
    return 2 * x


def test_the_variable_switches_it_off(monkeypatch, caplog):
    monkeypatch.setenv("FAIRTUT_FUSE", "0")
    with caplog.at_level(logging.WARNING, "fairtut.runtime.fuse"):
        assert fuse(double) is double
    assert caplog.messages == ["running double eagerly, slower but equal: FAIRTUT_FUSE=0 is set"]


def test_without_a_compiler_it_runs_eagerly(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(fuse_module.shutil, "which", lambda name: None)
    monkeypatch.delenv("CXX", raising=False)
    with caplog.at_level(logging.WARNING, "fairtut.runtime.fuse"):
        assert fuse(double) is double
    assert len(caplog.messages) == 1
    assert caplog.messages[0].endswith("no C++ compiler (g++ or clang++) is on the path")


def test_a_compiler_or_a_gpu_is_enough(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(fuse_module.shutil, "which", lambda name: f"/bin/{name}")
    assert why_not_fused() is None
    why_not_fused.cache_clear()
    monkeypatch.setattr(fuse_module.shutil, "which", lambda name: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert why_not_fused() is None


def _pretend(monkeypatch, compile_):
    monkeypatch.setattr(fuse_module, "why_not_fused", lambda: None)
    monkeypatch.setattr(torch, "compile", compile_)


def test_a_failed_compilation_falls_back_once_and_for_all(monkeypatch, caplog):
    tries = []

    def broken(function, **options):
        def call(*args):
            tries.append(args)
            raise torch._dynamo.exc.TorchDynamoException("no header\nmore lines")

        return call

    _pretend(monkeypatch, broken)
    fused = fuse(double)
    with caplog.at_level(logging.WARNING, "fairtut.runtime.fuse"):
        assert [fused(torch.tensor(v)).item() for v in (1, 2, 3)] == [2, 4, 6]
    assert len(tries) == 1
    assert caplog.messages == ["running double eagerly, slower but equal: no header"]
    assert fused.__name__ == "double"


def test_an_error_of_the_function_itself_is_not_swallowed(monkeypatch):
    _pretend(monkeypatch, lambda function, **options: function)

    def wrong(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fuse(wrong)(torch.ones(1))


def test_a_torch_with_other_options_is_asked_without_them(monkeypatch):
    asked = []

    def old(function, **options):
        asked.append(options)
        if "options" in options:
            raise RuntimeError("Unexpected optimization option")
        return function

    _pretend(monkeypatch, old)
    assert fuse(double)(torch.tensor(4)).item() == 8
    assert asked == [{"dynamic": False, "options": fuse_module.OPTIONS}, {"dynamic": False}]


def test_this_torch_knows_the_options():
    fuse(double)  # an unknown option raises here, before anything is compiled
    assert torch.compile(double, dynamic=False, options=fuse_module.OPTIONS) is not double


def test_a_compiled_function_that_lies_is_caught_at_any_first_shape(monkeypatch, caplog):
    """A kernel for other instructions gives other numbers, or none, and no error."""

    def softly(x, rest):
        return rest[0] + torch.softmax(x, -1)

    rest = (torch.ones(1),)
    inputs = [torch.arange(n) / 3 for n in (8, 9, 8, 9)]
    for lie in (1e-3, float("nan"), float("inf")):
        _pretend(monkeypatch, _lying(lie))
        fused = fuse(softly)
        caplog.clear()
        with caplog.at_level(logging.WARNING, "fairtut.runtime.fuse"):
            assert all(torch.equal(fused(x, rest), softly(x, rest)) for x in inputs)
        assert len(caplog.messages) == 1 and "rounding explains" in caplog.messages[0]


def _lying(lie):
    """Return a compiler whose functions are wrong by ``lie`` for nine numbers."""
    return lambda function, **_: lambda x, rest: function(x, rest) + (lie if len(x) == 9 else 0.0)


def test_a_compiled_function_that_rounds_otherwise_is_kept(monkeypatch, caplog):
    """A sum in another order is off by less than the bound; the eager function runs once."""
    calls = []

    def total(x):
        calls.append(x.dtype)
        return (x * x).sum(-1)

    def other_order(function, **options):
        return lambda x: (x * x).flip(-1).cumsum(-1)[..., -1]

    _pretend(monkeypatch, other_order)
    fused = fuse(total)
    x = torch.randn(20, 30_000, generator=torch.Generator().manual_seed(0))
    with caplog.at_level(logging.WARNING, "fairtut.runtime.fuse"):
        first, second = fused(x), fused(x)
    assert not caplog.messages and torch.equal(first, second)
    assert not torch.equal(first, total(x))  # the two orders do differ
    assert calls == [torch.float32, torch.float64, torch.float32]


def test_the_cache_is_keyed_by_what_compiled_code_depends_on(monkeypatch, tmp_path):
    """Every part of the key moves the folder; a child process gets a folder beside ours."""
    ours = fuse_module.use_own_cache()
    assert ours.parent == tmp_path.resolve() and os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(ours)
    assert fuse_module.use_own_cache() == ours  # from inside, the same one again
    for name, other in (
        ("fairtut.runtime.fuse._user", lambda: "somebody else"),
        ("fairtut.runtime.fuse._flags", lambda: "flags: sse2"),
        ("torch.backends.cpu.get_cpu_capability", lambda: "Z80"),
        ("torch.__version__", "0.0"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(name, other)
            theirs = fuse_module.use_own_cache()
            assert theirs != ours and theirs.parent == ours.parent, name
    assert fuse_module.use_own_cache() == ours


def test_a_cache_that_cannot_be_written_is_survived(monkeypatch, tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(fuse_module, "why_not_fused", lambda: None)
    with caplog.at_level(logging.WARNING, "fairtut.runtime.fuse"):
        assert fuse(double) is double
    assert len(caplog.messages) == 1


BROKEN_COMPILER = """
import logging, torch
logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
from fairtut.runtime.fuse import fuse
def double(x):
    return 2 * x + 1
fused = fuse(double)
print([fused(torch.full((40,), v))[0].item() for v in (1.0, 2.0)])
"""


def test_a_compiler_that_does_not_work_is_survived(tmp_path):
    """The whole way, in a process of its own: CXX names a program that always fails."""
    if torch.cuda.is_available():
        pytest.skip("with a GPU no C++ compiler is asked")
    env = os.environ | {
        "CXX": "/bin/false",
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", BROKEN_COMPILER],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[3.0, 5.0]\n"
    assert done.stderr.count("running double eagerly, slower but equal") == 1
