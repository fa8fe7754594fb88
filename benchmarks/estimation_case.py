"""Estimation case: one published fit, made again from other initial estimates."""

from __future__ import annotations

import csv
import math
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from benchmarks import nonmem_streams

from understudy.formats.load import load
from understudy.formats.nonmem.control_stream import ControlStream
from understudy.inference.estimation.fitting import fit

FOLDER = Path(__file__).parents[2] / "shared" / "reference" / "pharmacometrics"
# Where every fit of the 35 runs begins: what a user would guess of such a drug.
_GUESSES = {
    "CL": 3.0, "V": 60.0, "V1": 60.0, "Q": 3.0, "V2": 60.0, "KA": 0.7, "VM": 800.0, "KM": 200.0,
}  # fmt: skip
_GUESSED_VARIANCE, _GUESSED_ERROR = 0.2, 0.3
# Saturable elimination of which multiple doses tell little has several minima: one start ends 2.5 above the published.
_STARTS = {"runODE055": 4}


@dataclass(frozen=True)
class EstimationCase:
    """A published fit.

    Parameters
    ----------
    name : str
    data : str
        File of the data.
    text : str
        The control stream, with the published estimates, DATA where the file goes.
    method : str
    objective : float
        Published.
    errors : mapping of str to float
        Published standard errors by NONMEM's names; empty where there are none.
    begin : mapping of str to float
        Initial estimates by NONMEM's names; the others are the published estimates moved by a fifth.
    seconds : float or None
        NONMEM's, for estimation and covariance, on one core of its own machine.
    told : bool
        Whether the estimates are published.
    starts : int
        How many starts the search has.
    """

    name: str
    data: str
    text: str
    method: str
    objective: float
    errors: Mapping[str, float] = field(default_factory=dict)
    begin: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    told: bool = True
    starts: int = 1

    def stream(self) -> ControlStream:
        """The control stream with its data."""
        data = next(p for p in (FOLDER / "data").iterdir() if p.name.lower() == self.data.lower())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{self.name}.ctl"
            path.write_text(self.text.replace("DATA'", f"{data}'"))
            return load(path)


@dataclass(frozen=True)
class EstimationResult:
    """What came of a case.

    Parameters
    ----------
    case, method : str
    published, at_published, reached : float
        The objective function: as published, ours at the published estimates, and where our fit ended.
    difference : float
        The largest difference of an estimate from the published one, as a share of what is allowed: 2 %, or 0.2 of its
        standard error where that is more. Not-a-number where it is not known, as the next two.
    error_difference : float
        The largest relative difference of a standard error, each at its own estimates.
    error_at_published : float
        The largest relative difference of a standard error, both at the published estimates.
    succeeded : bool
    iterations : int
    cpu : float
        Seconds of the processor for the fit with standard errors.
    seconds : float or None
        NONMEM's.
    """

    case: str
    method: str
    published: float
    at_published: float
    reached: float
    difference: float
    error_difference: float
    error_at_published: float
    succeeded: bool
    iterations: int
    cpu: float
    seconds: float | None


def cases() -> Iterator[EstimationCase]:
    """The 35 runs and the other published fits."""
    with (FOLDER / "nonmem_focei.csv").open(newline="", encoding="utf-8") as file:
        yield from map(_run, csv.DictReader(file))
    for name, (data, objective, text) in nonmem_streams.ANCHORS.items():
        if "MAXEVAL=0" not in text:
            errors, begin = _ANCHOR_ERRORS.get(name, {}), _ANCHOR_BEGIN.get(name, {})
            yield EstimationCase(name, data, text, "focei", objective, errors, begin)
    yield EstimationCase("warfarin lag", "warfarin_pk.csv", nonmem_streams.WARFARIN_LAG, "focei", 225.932864)
    plain = nonmem_streams.PHENOBARBITAL_PLAIN
    for method, objective in (("focei", 730.89472681), ("fo", 742.05104625)):
        yield EstimationCase("phenobarbital plain", "pheno_sd.csv", plain, method, objective, told=False)
    text = nonmem_streams.ANCHORS["theophylline"][2]
    yield EstimationCase("theophylline", "theo_sd.csv", text, "foce", 116.803666)


# A lag that begins behind the first level would leave that level with a prediction of zero.
_ANCHOR_BEGIN = {"lag": {"THETA1": 6.0, "THETA2": 60.0, "THETA3": 1.2, "THETA4": 0.4, "OMEGA(1,1)": 0.2,
                         "OMEGA(2,2)": 0.2, "SIGMA(1,1)": 0.02}}  # fmt: skip
# Published with the objective function of phenobarbital.
_ANCHOR_ERRORS = {"phenobarbital": {"THETA1": 2.09967e-4, "THETA2": 0.0268946, "THETA3": 0.0837555}}


def _run(row: Mapping[str, str]) -> EstimationCase:
    data = next(p for p in (FOLDER / "data").iterdir() if p.name.lower() == row["data"].lower())
    with data.open(encoding="utf-8") as file:
        text = nonmem_streams.run_stream(row, file.readline(), "DATA")
    names = re.findall(r"\n  (\w+) = EXP\(THETA\((\d+)\)", text)
    # ADVAN4 calls the volumes V2 and V3.
    renamed = {"V2": "V1", "V3": "V2"} if any(name == "V3" for name, _ in names) else {}
    begin = {f"THETA{k}": math.log(_GUESSES[renamed.get(name, name)]) for name, k in names}
    begin |= {f"OMEGA({k},{k})": _GUESSED_VARIANCE for _, k in names}
    begin[f"THETA{len(names) + 1}"] = _GUESSED_ERROR
    seconds = float(row["est_s"]) + float(row["cov_s"])
    errors = {name: float(value) for name, value in re.findall(r"([A-Z]+[0-9(),]*)=(\S+)", row["se"])}
    starts = _STARTS.get(row["run"], 1)
    return EstimationCase(
        row["run"], row["data"], text, "focei", float(row["OFV"]), errors, begin, seconds, starts=starts
    )


def run_case(case: EstimationCase) -> EstimationResult:
    """Evaluate at the published estimates, then fit from the initial ones."""
    stream = case.stream()
    published = {name: value for name, value in stream.initial.items() if name not in stream.not_estimated}
    at = fit(stream.model, stream.records, _evaluation(case.method)) if case.told else None
    begun = stream.with_estimates(
        case.begin or {name: _moved(name, value) for name, value in published.items()}
    )
    clock = time.process_time()
    found = fit(begun.model, begun.records, case.method, starts=case.starts, seed=1)
    cpu = time.process_time() - clock
    told = published if case.told else {}
    return EstimationResult(
        case.name, case.method, case.objective, at.objective if at else np.nan, found.objective,
        _difference(case, told, _named(found.estimates)), _largest(case.errors, _named(found.standard_errors)),
        _largest(case.errors, _named(at.standard_errors) if at else {}),
        bool(found.succeeded), found.iterations, cpu, case.seconds,
    )  # fmt: skip


def _evaluation(method: str):
    """A method that stays where it begins."""
    from understudy.inference.estimation.methods import method_of

    return type(method_of(method))(iterations=0)


def _moved(name: str, value: float) -> float:
    return value * (2.0 if name.startswith("OMEGA") else 1.2) if value else value


def _named(values: Mapping[str, float]) -> dict[str, float]:
    """Values by NONMEM's names."""
    return {_nonmem(name): value for name, value in values.items()}


def _nonmem(name: str) -> str:
    pair = re.fullmatch(r"omega\(ETA(\d+)(?:,ETA(\d+))?\)", name)
    if pair:
        return f"OMEGA({pair[1]},{pair[2] or pair[1]})"
    sigma = re.fullmatch(r"SIGMA_(\d+)_(\d+)", name)
    return f"SIGMA({sigma[1]},{sigma[2]})" if sigma else name


def _difference(case: EstimationCase, published: Mapping[str, float], ours: Mapping[str, float]) -> float:
    allowed = {n: max(0.02 * abs(v), 0.2 * case.errors.get(n, 0.0)) for n, v in published.items() if v}
    return max((abs(ours[n] - published[n]) / most for n, most in allowed.items()), default=np.nan)


def _largest(published: Mapping[str, float], ours: Mapping[str, float]) -> float:
    both = [abs(ours[name] / value - 1.0) for name, value in published.items() if name in ours and value]
    return max(both) if both else np.nan
