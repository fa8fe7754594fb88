"""Machine code on disk: found again, made anew where damaged, done without where nothing can be written."""

import os
import subprocess
import sys

import numpy as np
import pytest

from understudy.engine.code import compiler
from understudy.engine.code.codegen import RIGHT_HAND_SIDE, right_hand_side
from understudy.engine.simulate import simulate
from understudy.model.model import Model


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and no code in memory."""
    monkeypatch.setenv("UNDERSTUDY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compiler, "_engines", {})
    return tmp_path / "cache"


def model(name: str = "m") -> Model:
    return Model(
        name,
        "h",
        {"Vmax": 3.0, "Km": 5.0},
        {"A": "mg"},
        {"A": "-Vmax * A / (Km + A)"},
        outputs={"A": ("A", "mg")},
    )


def levels() -> np.ndarray:
    return simulate(model(), regimen="10 mg every 2 h for 3 doses", times=np.arange(9.0), engine="kernel")[
        "A"
    ].values


def kept(folder) -> dict:
    """Files of a folder: when each was written, and what it holds."""
    return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.iterdir()}


def forget(monkeypatch) -> None:
    monkeypatch.setattr(compiler, "_engines", {})


def test_code_is_stored_once_and_found_again(cache, monkeypatch):
    first = levels()
    made = kept(cache)
    assert len(made) == 1  # the right-hand side; an output that is a state needs no code
    forget(monkeypatch)
    monkeypatch.setattr(compiler.llvm, "create_pass_builder", None)  # compiling again would fail
    np.testing.assert_array_equal(levels(), first)
    assert kept(cache) == made


def test_another_model_is_another_file(cache):
    code = right_hand_side(model())
    compiler.address(code, RIGHT_HAND_SIDE)
    compiler.address(code.replace("fdiv", "fmul"), RIGHT_HAND_SIDE)
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"short", "flipped", "cut"])
def test_a_damaged_file_is_made_anew(cache, monkeypatch, damage):
    first = levels()
    (stored,) = cache.iterdir()
    good = stored.read_bytes()
    bad = {"flipped": good[:-1] + bytes([good[-1] ^ 1]), "cut": good[:-10]}.get(damage, damage)
    stored.write_bytes(bad)
    forget(monkeypatch)
    np.testing.assert_array_equal(levels(), first)
    assert stored.read_bytes() == good
    assert len(list(cache.iterdir())) == 1


def test_without_a_folder_to_write_to(tmp_path, monkeypatch):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file, not a folder")
    monkeypatch.setenv("UNDERSTUDY_CACHE_DIR", str(in_the_way / "cache"))
    forget(monkeypatch)
    assert levels()[0, 0] == pytest.approx(10.0)
    assert in_the_way.read_text() == "a file, not a folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="an administrator may write anywhere")
def test_a_folder_that_must_not_be_written(tmp_path, monkeypatch):
    tmp_path.chmod(0o500)
    monkeypatch.setenv("UNDERSTUDY_CACHE_DIR", str(tmp_path))
    forget(monkeypatch)
    assert levels()[0, 0] == pytest.approx(10.0)
    assert not list(tmp_path.iterdir())


def test_the_cache_lies_where_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_CACHE_DIR", str(tmp_path / "here"))
    assert compiler.cache_folder() == tmp_path / "here"
    monkeypatch.delenv("UNDERSTUDY_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert compiler.cache_folder() == tmp_path / "xdg" / "understudy"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert compiler.cache_folder().name == "understudy"


SCRIPT = """
from understudy.engine.simulate import simulate
from understudy.model.model import Model
rates = {"A": "-Vmax * A / (Km + A)"}
model = Model("m", "h", {"Vmax": 3.0, "Km": 5.0}, {"A": "mg"}, rates, outputs={"A": ("A", "mg")})
found = simulate(model, regimen="10 mg every 2 h for 3 doses", times=range(9), engine="kernel")
print(found["A"].values.tobytes().hex())
"""


def test_another_process_finds_the_code_and_the_same_numbers(cache):
    here = levels().tobytes().hex()
    written = kept(cache)
    environment, command = os.environ | {"UNDERSTUDY_CACHE_DIR": str(cache)}, [sys.executable, "-c", SCRIPT]
    there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert there.strip() == here
    assert kept(cache) == written


def test_many_models_stay_callable_at_once(cache):
    codes = [right_hand_side(model())] * 2
    codes += [
        right_hand_side(Model("n", "h", {"k": 1.0}, {"A": "mg"}, {"A": f"-k * A * {n}.5"})) for n in range(5)
    ]
    addresses = [compiler.address(code, RIGHT_HAND_SIDE) for code in codes]
    assert addresses[0] == addresses[1]
    assert len(set(addresses)) == 6
