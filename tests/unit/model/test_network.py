"""Networks in equations: written out as assignments, weights as parameters."""

import numpy as np
import pytest

from understudy.core.errors import ExpressionError, ModelError
from understudy.core.expression import Expression
from understudy.engine.simulate import simulate
from understudy.model.model import Model
from understudy.model.network import Network


def decay(rate="-uptake(A / V) * A", **changes) -> Model:
    given = {
        "outputs": {"C": ("A / V", "mg/L")},
        "networks": [Network("uptake", width=3, output="softplus", unit="1/h", input_units=("mg/L",))],
    }
    return Model("node", "h", {"V": (10, "L")}, {"A": "mg"}, {"A": rate}, **given | changes)


def perceptron(network: Network, weights: np.ndarray, x: np.ndarray) -> float:
    """The network by matrices, activations included."""
    functions = {
        "identity": lambda z: z,
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0),
        "softplus": lambda z: np.logaddexp(z, 0),
    }
    for k, (units, fan_in) in enumerate(network.layers):
        matrix, weights = weights[: units * fan_in].reshape(units, fan_in), weights[units * fan_in :]
        bias, weights = weights[:units], weights[units:]
        last = k == len(network.layers) - 1
        x = functions[network.output if last else network.activation](matrix @ x + bias)
    assert not weights.size
    return float(x[0])


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus", "identity"])
@pytest.mark.parametrize("output", ["tanh", "relu", "softplus", "identity"])
def test_the_assignments_are_the_perceptron(activation, output):
    network = Network("f", inputs=2, width=4, depth=2, activation=activation, output=output, seed=3)
    known = {parameter.name: parameter.value for parameter in network.parameters()}
    weights = np.array([known[name] for name in network.weight_names])
    known |= {"a": 0.7, "b": -1.9}
    for item in network.written_out("f_of_1", [Expression("a"), Expression("b")]):
        known[item.name] = float(item.expression.evaluate(known))
    # Both are a few dozen roundings.
    assert known["f_of_1"] == pytest.approx(perceptron(network, weights, np.array([0.7, -1.9])), rel=1e-13)


def test_weights_are_parameters_in_a_fixed_order():
    model = decay()
    assert model.parameter_names[0] == "V"
    assert model.parameter_names[1:] == model.networks[0].weight_names
    assert len(model.networks[0].weight_names) == 3 + 3 + 3 + 1


def test_weights_depend_on_the_seed_and_the_network_alone():
    values = lambda **changes: [p.value for p in Network("f", **changes).parameters()]  # noqa: E731
    assert values() == values()
    assert values(seed=1) != values(seed=2)
    assert all(abs(value) <= 1 for value in values(width=50))


def test_given_weights_are_kept():
    model = decay()
    changed = model.with_values(uptake_b2_1=0.25)
    assert changed.parameter("uptake_b2_1").value == 0.25
    assert changed.parameter("uptake_b1_1").value == model.parameter("uptake_b1_1").value
    assert changed.hash != model.hash


def test_the_model_comes_back_from_json_equal():
    model = decay()
    assert Model.from_json(model.to_json()) == model
    assert Model.from_json(model.to_json()).hash == model.hash


def test_models_without_networks_keep_their_content():
    plain = Model("decay", "h", {"k": (1, "1/h")}, {"A": "mg"}, {"A": "-k * A"})
    assert "networks" not in plain.to_json()


def test_equal_calls_share_their_assignments_and_others_do_not():
    model = decay("-uptake(A / V) * A - uptake(A/V) * A - uptake(2 * A / V) * A")
    results = [
        item.name for item in model.assignments if item.name in ("uptake_of_1", "uptake_of_2", "uptake_of_3")
    ]
    assert results == ["uptake_of_1", "uptake_of_2"]


def test_a_call_may_stand_within_a_call():
    model = decay("-f(f(A)) * A", networks={"f": (1, 2)})
    assert {"f_of_1", "f_of_2"} <= {item.name for item in model.assignments}
    inner = next(item for item in model.assignments if item.name == "f_of_2_x1")
    assert inner.expression == Expression("f_of_1")


def test_units_are_checked():
    decay().check_units()
    with pytest.raises(Exception, match="should be"):
        decay("-uptake(A) * A").check_units()


def test_the_engines_solve_it_like_any_model():
    # Whatever the weights, the rate constant is that of the perceptron: here it does not depend on the level.
    model = decay().with_values(**{f"uptake_w2_1_{k}": 0.0 for k in (1, 2, 3)}, uptake_b2_1=0.5)
    rate = np.log1p(np.exp(0.5))
    found = simulate(model, regimen="100 mg", times=[0.0, 1.0, 3.0])["C"].values[0]
    assert found == pytest.approx(10 * np.exp(-rate * np.array([0.0, 1.0, 3.0])), rel=1e-6)


@pytest.mark.parametrize(
    "fields",
    [{"inputs": 0}, {"width": 65}, {"depth": 9}, {"activation": "step"}, {"input_units": ("1", "1")}],
)
def test_impossible_networks_are_refused(fields):
    with pytest.raises(ModelError, match="network f"):
        Network("f", **fields)


def test_misspelt_and_wrong_calls_are_pointed_at():
    with pytest.raises(ExpressionError, match="did you mean uptake"):
        decay("-uptak(A) * A")
    with pytest.raises(ExpressionError, match="takes 1 argument, not 2"):
        decay("-uptake(A, V) * A")


def test_a_name_has_one_meaning():
    with pytest.raises(ModelError, match="defined twice: V"):
        decay("-A", outputs={"C": "A"}, networks={"V": (1,)})
