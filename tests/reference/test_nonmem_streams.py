"""NONMEM's objective functions from control streams and data, and its predictions for the 29 dosing scenarios.

Tolerance 0.01, for the reasons given in test_focei.py, which also says why SS and II are dropped.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks import nonmem_streams

from understudy.engine.simulate import simulate
from understudy.formats.load import load
from understudy.inference.objective import objective

FOLDER = Path(__file__).parents[3] / "shared" / "reference" / "pharmacometrics"
TOLERANCE = 0.01
# One closed form, one system of differential equations; the other 33 are slow.
_FAST = ("runN001", "runODE012")

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no reference data at ../shared/reference")


@cache
def runs() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "nonmem_focei.csv").set_index("run")


def data_file(name: str) -> Path:
    return next(path for path in (FOLDER / "data").iterdir() if path.name.lower() == name.lower())


def stream_of(run: str, folder: Path) -> Path:
    row = runs().loc[run]
    data = data_file(row["data"])
    with data.open() as file:
        text = nonmem_streams.run_stream(row, file.readline(), str(data))
    path = folder / f"{run}.ctl"
    path.write_text(text)
    return path


def require_agreement(path: Path, wanted: float) -> None:
    stream = load(path)
    assert objective(stream.model, stream.records) == pytest.approx(wanted, abs=TOLERANCE)


@pytest.mark.parametrize("run", _FAST)
def test_runs(run, tmp_path):
    require_agreement(stream_of(run, tmp_path), runs().loc[run, "OFV"])


@pytest.mark.slow
@pytest.mark.parametrize("run", [] if not FOLDER.is_dir() else [r for r in runs().index if r not in _FAST])
def test_all_other_runs(run, tmp_path):
    require_agreement(stream_of(run, tmp_path), runs().loc[run, "OFV"])


def anchor(name: str, folder: Path) -> tuple[Path, float]:
    data, wanted, text = nonmem_streams.ANCHORS[name]
    path = folder / f"{name}.ctl"
    path.write_text(text.replace("DATA'", f"{data_file(data)}'"))
    return path, wanted


@pytest.mark.parametrize("name", nonmem_streams.ANCHORS)
def test_anchors(name, tmp_path):
    require_agreement(*anchor(name, tmp_path))


def test_a_planted_error_is_seen(tmp_path):
    path, wanted = anchor("phenobarbital", tmp_path)
    path.write_text(path.read_text().replace("0.00469555", "0.0049"))
    stream = load(path)
    assert abs(objective(stream.model, stream.records) - wanted) > 50 * TOLERANCE


_DOSING = """$PROBLEM 29 dosing scenarios
$INPUT {items}
$DATA '{file}' IGNORE=C
{mechanism}
$PK
  CL = 1.1
  V = 20
  KA = 1.5
  F2 = BIOAV
  ALAG2 = LAGT
  IF (MODE.EQ.1) R2 = RAT2
  IF (MODE.EQ.2) D2 = DUR2
  S2 = V/1000
{des}
$ERROR
  Y = F*(1 + EPS(1))
$SIGMA 0.1
"""
_MECHANISMS = {
    "ADVAN2": ("$SUBROUTINES ADVAN2 TRANS2", ""),
    "ADVAN13": (
        "$SUBROUTINES ADVAN13 TOL=9\n$MODEL COMP=(DEPOT) COMP=(CENTRAL)",
        "$DES\n  DADT(1) = -KA*A(1)\n  DADT(2) = KA*A(1) - CL/V*A(2)",
    ),
}


@pytest.mark.parametrize("mechanism", _MECHANISMS)
def test_dosing_scenarios(mechanism, tmp_path):
    file = FOLDER / "nonmem_dosing" / "records.csv"
    items = file.read_text().split("\n", 1)[0].replace(",", " ")
    subroutines, des = _MECHANISMS[mechanism]
    path = tmp_path / "dosing.ctl"
    path.write_text(_DOSING.format(items=items, file=file, mechanism=subroutines, des=des))
    stream = load(path)
    wanted = pd.read_csv(FOLDER / "nonmem_dosing" / "nonmem.csv")
    found = np.concatenate(predictions(stream))
    assert len(found) > 3500
    seen = stream.records.table["evid"].to_numpy() == 0
    expected = wanted["CP"].to_numpy()[seen]
    # NONMEM's table has five significant figures.
    assert np.abs(found - expected).max() <= (5e-5 * np.abs(expected) + 1e-9).max()
    wrong = np.flatnonzero(~(np.abs(found - expected) <= 5e-5 * np.abs(expected) + 1e-9))
    assert not wrong.size, wanted[seen].iloc[wrong].assign(found=found[wrong]).head(20)


def predictions(stream) -> list[np.ndarray]:
    outcome = simulate(stream.model, stream.records)
    values = outcome["Y"].values
    return [row[~np.isnan(row)] for row in values]
