"""Control streams that are written, read again: the same predictions and the same objective function."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from stream_case import DATA, stream

from understudy import Input, Model, PopulationModel, RandomEffects, Records, load_model, save
from understudy.core.errors import FormatError
from understudy.core.expression import Expression
from understudy.formats.nonmem.abbreviated_code import read_code
from understudy.formats.nonmem.assignments import Assignments
from understudy.formats.nonmem.code_writer import CodeWriter
from understudy.formats.nonmem.control_stream import read
from understudy.formats.nonmem.stream_record import Line, StreamRecord
from understudy.formats.nonmem.writer import write, write_records
from understudy.inference.objective import objective
from understudy.inference.predictor import Predictor


class Case:
    """A model with its records, as a file brings them."""

    def __init__(self, model, records):
        self.model, self.records = model, records


def again(case, folder):
    """What is read of what is written."""
    (folder / "again.ctl").write_text(write(case, "again.csv"))
    write_records(case.model, case.records).to_csv(folder / "again.csv", index=False)
    return read(folder / "again.ctl")


def predictions(case) -> np.ndarray:
    """Typical prediction of each observation."""
    predictor = Predictor(case.model, case.records)
    return predictor.natural(np.zeros((1, len(predictor.patients), len(predictor.effects.names))))


def require_same(case, folder):
    found = again(case, folder)
    # Differential equations against a closed form: their tolerance is 1e-8 or so.
    assert objective(found.model, found.records) == pytest.approx(
        objective(case.model, case.records), abs=1e-5, rel=1e-7
    )
    np.testing.assert_allclose(predictions(found), predictions(case), rtol=1e-6, atol=1e-9)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "a - (b - c)", "a / (b / c)", "(a ** b) ** c", "a ** b ** c", "-a * -b", "a - -b", "-(a ** 2)", "a / (b * c)",
        "where(a < b, a, where(b == 2 and not (c > 1), b, c)) + 1", "piecewise(a, a > 5, b, b > 5, c)",
        "min(a, b, c) - max(a, b)", "(a > 1) + (b > 1 or c > 9)", "0 < a < 2", "exp(-a) * log1p(b) + expm1(c)",
        "tanh(a) + sinh(b) - cosh(c)", "log2(a) + log10(b)", "logit(a / 9) + expit(b)", "lgamma(a) + abs(-b)",
        "1e-12 * a + 1.5e10 * b", "sqrt(a) + pi * 2", "70[kg] / a", "a * (b + c) * (a - b) / (c + 1)",
    ],
)  # fmt: skip
def test_equations_mean_the_same_when_read_again(text):
    code = CodeWriter({"a": "A1", "b": "B1", "c": "C1"}, "T", "IF_")
    code.assign("X", Expression(text))
    record = StreamRecord(
        "PK", 1, tuple(Line(k, line) for k, line in enumerate(_joined(code.lines), 2)), "run.ctl"
    )
    run = Assignments()
    run.run(read_code(record), record)
    equation = Expression.from_tree(run.expanded(run.current["X"], run.needed([run.current["X"]])))
    for values in (
        {"a": 1.5, "b": 2.0, "c": 0.7},
        {"a": 3.0, "b": 0.5, "c": 1.2},
        {"a": 6.0, "b": 7.0, "c": 8.0},
    ):
        wanted = Expression(text).evaluate(values)
        found = equation.evaluate({"A1": values["a"], "B1": values["b"], "C1": values["c"]})
        # log1p and expm1 are written out, which costs some digits.
        assert float(found) == pytest.approx(float(wanted), rel=1e-12)


def _joined(lines):
    return "\n".join(lines).replace(" &\n", " ").split("\n")


def test_long_lines_are_continued():
    code = CodeWriter({"a": "A1"}, "T", "IF_")
    code.assign("X", Expression(" + ".join(["a * 3"] * 100)))
    assert max(map(len, code.lines)) <= 110
    assert all(line.endswith("&") for line in code.lines[:-1])


def test_a_control_stream_read_and_written(tmp_path):
    pk = "\n TVCL = THETA(1)\n IF (SEX.EQ.2) TVCL = TVCL*0.8\n CL = TVCL*EXP(ETA(1))\n V = THETA(2)\n S1 = V"
    require_same(stream(tmp_path, PK=pk, THETA="(0, 2) (0, 10) FIX", SIGMA="0.04 FIX"), tmp_path)
    text = (tmp_path / "again.ctl").read_text()
    assert "(0.0, 10.0) FIX ; THETA2" in text
    assert "(0.0, 0.04) FIX ; SIGMA_1_1" in text


def _library_records(cmt: str = "") -> Records:
    rng = np.random.default_rng(7)
    times = [0, 0.5, 2, 5, 12, 24]
    frame = pd.DataFrame({"ID": np.repeat([1, 2, 3], 6), "TIME": times * 3, "AMT": [100, 0, 0, 0, 0, 0] * 3})
    frame["DV"] = np.where(frame["AMT"] > 0, np.nan, rng.uniform(1, 5, 18))
    frame["WT"], frame["APGR"] = np.repeat([1.5, 2.0, 3.0], 6), np.repeat([4, 6, 8], 6)
    return Records.from_frame(frame)


def test_a_published_population(tmp_path):
    require_same(Case(load_model("phenobarbital_neonates"), _library_records()), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["theophylline_adults", "warfarin_adults_no_lag", "warfarin_adults"])
def test_other_published_populations(name, tmp_path):
    require_same(Case(load_model(name), _library_records()), tmp_path)


def _turnover() -> PopulationModel:
    mechanism = Model(
        "turnover", "h",
        parameters={"CL": (2, "L/h"), "V": (20, "L"), "D1": (2, "h"), "tlag": (0.3, "h"), "F1": (0.7, "1"),
                    "kout": (0.2, "1/h"), "base": (10, "1"), "ic50": (2, "mg/L")},
        states={"central": "mg", "effect": ("1", "base")},
        rates={"central": "-CL * conc", "effect": "kout * base * min(1, slowed) - kout * effect"},
        assignments={"conc": "central / V", "inhibited": "1 - conc / (ic50 + conc)",
                     "slowed": "where(t > 1[h], inhibited, 1)"},
        inputs=(Input("oral", "central", lag="tlag", bioavailability="F1", duration="D1"),),
        outputs={"C": ("conc", "mg/L"), "E": ("effect", "1")},
    )  # fmt: skip
    return PopulationModel(
        "turnover", mechanism,
        individual={"CL": "theta_CL * exp(eta_CL + iov)", "base": "theta_base * exp(eta_base)"},
        fixed={"theta_CL": (2, "L/h"), "theta_base": (10, "1"), "add": (0.1, "mg/L"), "prop": (0.2, "1")},
        random=(
            RandomEffects(("eta_CL",), ((0.1,),)),
            RandomEffects(("iov",), ((0.02,),), "occasion", interpolation="nocb"),
            RandomEffects(("eta_base",), ((0.05,),)),
        ),
        residual={"C": "add ** 2 + (prop * C) ** 2", "E": "(0.1 * E) ** 2"},
    )  # fmt: skip


def test_two_outputs_occasions_a_modelled_duration_and_conditions(tmp_path):
    frame = pd.DataFrame(
        {
            "ID": [1] * 6 + [2] * 4,
            "TIME": [0, 1, 1, 24, 26, 30, 0, 2, 3, 5],
            "AMT": [100, 0, 0, 100, 0, 0, 50, 0, 0, 0],
            "DV": [0, 3.0, 9.0, 0, 4.0, 7.0, 0, 1.5, 8.0, 1.0],
            "DVID": ["", "C", "E", "", "C", "E", "", "C", "E", "C"],
            "OCC": ["a", "a", "a", "b", "b", "b", "a", "a", "a", "a"],
            "MDV": [1, 0, 0, 1, 0, 0, 1, 0, 0, 0],
        }
    )
    found = require_same(Case(_turnover(), Records.from_frame(frame)), tmp_path)
    assert [block.level for block in found.model.random] == ["subject", "subject", "occasion"]
    assert list(found.records.doses["rate"]) == [-2, -2, -2]


@pytest.mark.parametrize(
    ("case", "cause"),
    [
        (lambda: load_model("one_compartment_iv"), "a mechanism alone"),
        (lambda: _turnover(), "how many occasions"),
        (
            lambda: Case(load_model("phenobarbital_neonates"), _changing()),
            "covariates carried forward that change: WT",
        ),
        (lambda: _with_profile(), "an absorption profile"),
    ],
)
def test_what_no_control_stream_says(case, cause):
    with pytest.raises(FormatError) as told:
        write(case())
    assert cause in told.value.cause
    assert told.value.repair


def _changing() -> Records:
    frame = pd.DataFrame(
        {"ID": 1, "TIME": [0, 1, 2], "AMT": [9, 0, 0], "DV": [None, 1, 2], "WT": [1, 2, 3], "APGR": 5}
    )
    return Records.from_frame(frame)


def _with_profile() -> PopulationModel:
    base = load_model("one_compartment_transit")
    return PopulationModel("p", base, {"CL": "5[L/h] * exp(eta)"}, {}, {"eta": 0.1}, {"Cp": "1"})


def test_names_that_nonmem_would_not_take(tmp_path):
    long = "a_state_with_a_very_long_name_indeed"
    mechanism = Model(
        "names",
        "h",
        {"T_": (1, "1"), "theta": (1, "1"), "f1": (0.1, "1/h"), "F1": (2, "1")},
        {long: "1"},
        {long: f"-f1 * {long}"},
        outputs={"Y": f"{long} / F1 * theta * T_"},
    )
    model = PopulationModel("names", mechanism, {"f1": "0.1[1/h] * exp(eta)"}, {}, {"eta": 0.1}, {"Y": "1"})
    frame = pd.read_csv(StringIO(DATA), na_values=".").drop(columns=["WT", "SEX"])
    require_same(Case(model, Records.from_frame(frame)), tmp_path)


def test_saving_a_control_stream_writes_its_records_too(tmp_path):
    case = stream(tmp_path)
    (tmp_path / "other").mkdir()
    found = read(save(case, tmp_path / "other" / "again.ctl"))
    assert found.records.source == "again.csv"
    np.testing.assert_allclose(found.records.doses["amt"], case.records.doses["amt"])
    np.testing.assert_allclose(predictions(found), predictions(case), rtol=1e-6)


def test_saving_does_not_write_over_the_data(tmp_path):
    case, before = stream(tmp_path), (tmp_path / "data.csv").read_text()
    with pytest.raises(FormatError, match=r"data\.csv is there"):
        save(case, tmp_path / "data.ctl")
    assert (tmp_path / "data.csv").read_text() == before
    assert not (tmp_path / "data.ctl").exists()
