"""Antimony both ways, and what is wrong in it."""

import numpy as np
import pytest

from understudy import FormatError, FormatWarning, MissingExtraError, load, load_model, save, simulate

pytest.importorskip("antimony")

TEXT = "model chain; compartment V = 2; species A in V, B in V; J: A -> B; V*k*A; A = 5; B = 0; k = 0.4; end"


@pytest.fixture
def chain(tmp_path):
    path = tmp_path / "chain.ant"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_is_read(chain):
    model = load(chain)
    assert model.name == "chain"
    outcome = simulate(model, times=[0, 1])
    # The engine's tolerance.
    np.testing.assert_allclose(outcome["A"].values[0], [5, 5 * np.exp(-0.4)], rtol=1e-7)


def test_models_are_written_and_come_back(tmp_path):
    model = load_model("tmdd_quasi_steady_state")
    with pytest.warns(FormatWarning, match="Antimony has no doses: how they enter"):
        again = load(save(model, tmp_path / "tmdd.ant"))
    before, after = (simulate(each.with_values(kint=0.01), times=[0, 24]) for each in (model, again))
    for name in model.output_names:
        np.testing.assert_allclose(after[name].values, before[name].values, rtol=1e-8)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"model m\n x = 1 y = 2\nend", "line 2"),
        (b"x = 1\0; y = 2", "null characters"),
        (b"x = \xff", "not text in UTF-8"),
        (b'import "other.ant"\nx = 1', "imports other files"),
        (b"x = 1; x' = delay(x, 1)", "depends on itself some time ago"),
    ],
)
def test_is_refused(tmp_path, content, told):
    path = tmp_path / "bad.ant"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=told) as raised:
        load(path)
    assert raised.value.place.startswith("bad.ant")


def test_without_antimony_the_extra_is_named(chain, monkeypatch):
    monkeypatch.setattr("understudy.formats.antimony.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="not installed"):
        load(chain)


def test_where_antimony_itself_stops_that_is_an_error(chain, monkeypatch, tmp_path):
    program = tmp_path / "stops.py"
    program.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", encoding="utf-8")
    monkeypatch.setattr("understudy.formats.antimony.antimony_process.__file__", str(program))
    with pytest.raises(FormatError, match="stops at it without a word"):
        load(chain)
