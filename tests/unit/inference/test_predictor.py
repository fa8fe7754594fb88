"""Predictions of records: which rows, which output, on which scale, on which occasion."""

import numpy as np
import pandas as pd
import pytest
from normal_model import LEVEL, measured, normal_population

from understudy.core.errors import DataError, ModelError
from understudy.data.records import Records
from understudy.engine.simulate import simulate
from understudy.inference.predictor import Predictor
from understudy.library.catalogue import model as library_model
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel, RandomEffects, Residual


def phenobarbital(rows: list[dict], **columns) -> Records:
    return Records.from_frame(pd.DataFrame(rows).assign(**columns))


TWO = [
    {"ID": "a", "TIME": 0.0, "AMT": 25.0, "EVID": 1, "DV": None, "WT": 1.4, "APGR": 7},
    {"ID": "a", "TIME": 2.0, "AMT": 0.0, "EVID": 0, "DV": 17.3, "WT": 1.4, "APGR": 7},
    {"ID": "a", "TIME": 12.0, "AMT": 0.0, "EVID": 0, "DV": 15.0, "WT": 1.4, "APGR": 7},
    {"ID": "b", "TIME": 0.0, "AMT": 15.0, "EVID": 1, "DV": None, "WT": 0.9, "APGR": 3},
    {"ID": "b", "TIME": 5.0, "AMT": 0.0, "EVID": 0, "DV": 12.0, "WT": 0.9, "APGR": 3},
]


@pytest.fixture
def predictor():
    return Predictor(library_model("phenobarbital_neonates"), phenobarbital(TWO))


def test_only_measurements_are_predicted(predictor):
    np.testing.assert_array_equal(predictor.patient, [0, 0, 1])
    np.testing.assert_array_equal(predictor.time, [2, 12, 5])
    np.testing.assert_array_equal(predictor.row, [3, 4, 6])
    np.testing.assert_array_equal(predictor.raw, [17.3, 15.0, 12.0])
    held = phenobarbital(TWO).without_observations([4])
    assert Predictor(library_model("phenobarbital_neonates"), held).row.tolist() == [3, 6]


def test_predictions_are_those_of_simulate(predictor):
    vectors = np.array([[[0.0, 0.0], [0.0, 0.0]], [[0.2, -0.1], [-0.3, 0.4]]])
    prediction, variance = predictor.predict(vectors)
    model = library_model("phenobarbital_neonates")
    for copy, etas in zip(prediction, vectors, strict=True):
        table = pd.DataFrame(
            {"WT": [1.4, 0.9], "APGR": [7.0, 3.0], "eta_CL": etas[:, 0], "eta_V": etas[:, 1]}
        )
        first = simulate(model, table.iloc[[0]], "25 mg", [2.0, 12.0])["Cp"].values[0]
        second = simulate(model, table.iloc[[1]], "15 mg", [5.0])["Cp"].values[0]
        np.testing.assert_allclose(copy, [*first, *second], rtol=1e-12)
    np.testing.assert_allclose(variance, 0.0132410 * prediction**2, rtol=1e-12)


def test_a_grid_goes_through_the_measurements(predictor):
    vectors = np.array([[[0.2, -0.1], [-0.3, 0.4]]])
    found = predictor.on_grid(vectors, np.array([[2.0, 12.0], [1.0, 5.0]]), "Cp")
    assert found.shape == (1, 2, 2)
    prediction, _ = predictor.predict(vectors)
    np.testing.assert_allclose([*found[0, 0], found[0, 1, 1]], prediction[0], rtol=1e-12)
    variance = predictor.variance_at("Cp", found, vectors)
    np.testing.assert_allclose(variance, 0.0132410 * found**2, rtol=1e-12)


def two_outputs() -> PopulationModel:
    return normal_population(residual={"y": "0.3", "twice": "0.1 * twice"})


@pytest.mark.parametrize("labels", [["y", "twice", "y"], ["1", "2", "1"]])
def test_outputs_by_name_and_by_number(labels):
    records = measured({"a": [5.0, 10.0, 6.0]}, DVID=labels)
    predictor = Predictor(two_outputs(), records)
    assert predictor.output.tolist() == ["y", "twice", "y"]
    prediction, variance = predictor.predict(np.full((1, 1, 1), 0.5))
    np.testing.assert_allclose(prediction, [[5.5, 11.0, 5.5]])
    np.testing.assert_allclose(variance, [[0.3, 1.1, 0.3]])


def test_an_output_that_nobody_knows_is_an_error_with_its_row():
    with pytest.raises(DataError, match="no such output"):
        Predictor(two_outputs(), measured({"a": [5.0]}, DVID=["third"]))


def test_logarithms_where_the_scatter_is_on_them():
    model = normal_population(residual=(Residual("y", "0.04", scale="log"), Residual("twice", "0.1")))
    predictor = Predictor(model, measured({"a": [5.0, 9.0]}, DVID=["y", "twice"]))
    np.testing.assert_allclose(predictor.measured, [np.log(5.0), 9.0])
    prediction, variance = predictor.predict(np.zeros((1, 1, 1)))
    np.testing.assert_allclose(prediction, [[np.log(5.0), 10.0]])
    np.testing.assert_allclose(variance, [[0.04, 0.1]])


def test_occasions_are_numbered_as_they_come():
    model = normal_population(
        individual={"base": "theta + eta + kappa"},
        random=(RandomEffects(("eta",), ((1.0,),)), RandomEffects(("kappa",), ((1.0,),), level="occasion")),
    )
    records = measured({"a": [1.0, 1.0, 1.0], "b": [1.0, 1.0]}, OCC=["x", "y", "x", "z", "x"])
    predictor = Predictor(model, records)
    np.testing.assert_array_equal(predictor.occasion, [0, 1, 0, 0, 1])
    vectors = np.array([[[0.0, 0.1, 0.2], [1.0, 0.3, 0.4]]])
    prediction, _ = predictor.predict(vectors)
    np.testing.assert_allclose(prediction[0], [5.1, 5.2, 5.1, 6.3, 6.4])


def test_records_in_other_units_give_the_same_predictions(predictor):
    other = [
        row | {"TIME": row["TIME"] / 24, "AMT": row["AMT"] / 1000, "WT": row["WT"] * 1000} for row in TWO
    ]
    records = Records.from_frame(
        pd.DataFrame(other), units={"TIME": "d", "AMT": "g", "DV": "mg/L", "WT": "g"}
    )
    converted = Predictor(library_model("phenobarbital_neonates"), records)
    vectors = np.zeros((1, 2, 2))
    np.testing.assert_allclose(converted.predict(vectors)[0], predictor.predict(vectors)[0], rtol=1e-12)


def test_random_effects_may_enter_the_scatter():
    model = normal_population(
        individual={"base": "theta + eta"},
        random={"eta": 1.0, "spread": 0.1},
        residual={"y": "0.3 * exp(2 * spread)"},
    )
    predictor = Predictor(model, measured({"a": [5.0], "b": [6.0]}))
    _, variance = predictor.predict(np.array([[[0.0, 0.0], [0.0, 0.5]]]))
    np.testing.assert_allclose(variance, [[0.3, 0.3 * np.e]])


def test_a_model_that_does_not_say_how_measurements_scatter():
    with pytest.raises(ModelError, match="no residual error"):
        Predictor(PopulationModel("p", LEVEL, {"base": "theta"}, {"theta": 1.0}), measured({"a": [1.0]}))


def test_an_effect_may_stand_in_the_mechanism_and_in_an_individual_parameter():
    decay = Model(
        "decay", "h", {"k": (0.5, "1/h"), "both": 0.0, "alone": 0.0}, {"A": ("1", 10)}, {"A": "-k * A"},
        outputs={"Y": "A * exp(both + alone)"},
    )  # fmt: skip
    population = PopulationModel(
        "decay", decay, {"k": "rate * exp(inside + 0.5 * both)"}, {"rate": 0.5},
        {"inside": 0.1, "both": 0.1, "alone": 0.1}, {"Y": "0.1 * Y ** 2"},
    )  # fmt: skip
    predictor = Predictor(population, measured({"a": [8.0, 5.0], "b": [7.0, 4.0, 3.0]}))
    at = np.broadcast_to([0.1, 0.2, -0.1], (1, 2, 3))
    slopes = predictor.slopes(at).d_prediction[0]
    assert predictor.slopes_by == "sensitivities"
    for k, unit in enumerate(1e-4 * np.eye(3)):
        wanted = (predictor.predict(at + unit)[0] - predictor.predict(at - unit)[0])[0] / 2e-4
        # Central differences err by 1e-8 of the third derivative.
        assert slopes[:, k] == pytest.approx(wanted, rel=1e-6)
