"""Flows read from the rates of a model."""

from itertools import pairwise

import pytest

from understudy.dossier.mechanism import Influence, Loss, Supply, mechanism
from understudy.library import pd, pk, target_mediated
from understudy.library.docetaxel import docetaxel_neutropenia
from understudy.library.myelosuppression import myelosuppression
from understudy.model.model import Model


def model(states, rates, parameters="k ka kin kout CL V Q V2 F r K", assignments=()):
    return Model(
        "made",
        "h",
        {name: 0.5 + 0.1 * k for k, name in enumerate(parameters.split())},
        dict.fromkeys(states.split(), "mg"),
        rates,
        assignments=dict(assignments),
    )


def arrows(flows):
    return {(flow.source, flow.target): flow.label for flow in flows.transfers}


def test_one_compartment_iv():
    flows = mechanism(pk.compartments(1, "iv"))
    assert flows.transfers == flows.supplies == flows.influences == ()
    assert flows.losses == (Loss("central", "CL / V"),)


def test_two_compartments_oral():
    flows = mechanism(pk.compartments(2, "first_order"))
    assert arrows(flows) == {
        ("depot", "central"): "ka",
        ("central", "peripheral"): "Q / V1",
        ("peripheral", "central"): "Q / V2",
    }
    assert flows.losses == (Loss("central", "CL / V1"),)


@pytest.mark.parametrize(
    ("response", "on", "effect"),
    [
        ("inhibit_production", "supply", -1),
        ("inhibit_loss", "loss", -1),
        ("stimulate_production", "supply", 1),
        ("stimulate_loss", "loss", 1),
    ],
)
def test_indirect_response(response, on, effect):
    flows = mechanism(pd.indirect_response(pk.compartments(1, "first_order"), response))
    assert flows.supplies == (Supply("R", "kin"),)
    assert set(flows.losses) == {Loss("central", "CL / V"), Loss("R", "kout")}
    assert flows.influences == (Influence("central", "R", on, effect),)


@pytest.mark.parametrize("build", [myelosuppression, lambda: docetaxel_neutropenia().structural])
def test_friberg(build):
    flows = mechanism(build())
    chain = ("Prol", "Transit1", "Transit2", "Transit3", "Circ")
    assert {(a, b) for a, b in arrows(flows) if a in chain[:4]} == set(pairwise(chain))
    assert flows.supplies == (Supply("Prol", "ktr"),)
    assert {loss.state for loss in flows.losses} == {"central", "Circ"}
    # the drug kills what proliferates, many cells in the blood slow it down
    assert set(flows.influences) == {
        Influence("central", "Prol", "supply", -1),
        Influence("Circ", "Prol", "supply", -1),
    }


def test_an_effect_compartment_follows_and_takes_nothing():
    flows = mechanism(pd.effect_compartment(pk.compartments(1, "iv")))
    assert flows.transfers == ()
    assert flows.influences == (Influence("central", "Ce", "state", 0, "ke0"),)
    assert Loss("Ce", "ke0") in flows.losses


def test_binding_moves_two_states_into_one():
    flows = mechanism(target_mediated.full())
    assert set(arrows(flows)) == {("central", "RC"), ("R", "RC")}
    assert {loss.state for loss in flows.losses} == {"central", "R", "RC"}


def test_saturable_elimination_is_named_by_its_parameters():
    assert mechanism(pk.compartments(1, "iv", "michaelis_menten")).losses == (Loss("central", "Vmax, Km, V"),)


@pytest.mark.parametrize(
    ("lost", "gained"),
    [
        ("-k * A", "A * k"),
        ("-(k * A)", "+k * A"),
        ("-CL / V * A", "A * CL / V"),
        ("-CL * (A / V)", "CL / V * A"),
        ("0 - 2 * k * A / 4", "0.5 * A * k"),
        ("-(k + kout) * A", "k * A"),
        ("-ka * A", "F * ka * A"),
        ("-ka * A", "ka * A / V"),
    ],
)
def test_a_transfer_is_found_however_it_is_written(lost, gained):
    flows = mechanism(model("A B", {"A": lost, "B": f"{gained} - CL * B"}))
    assert [(flow.source, flow.target) for flow in flows.transfers] == [("A", "B")]
    assert {loss.state for loss in flows.losses} == ({"A", "B"} if "kout" in lost else {"B"})


def test_exchange_written_as_a_difference_of_concentrations_is_two_transfers():
    rates = {"A": "-CL * CA - Q * (CA - CB)", "B": "Q * (CA - CB)"}
    flows = mechanism(model("A B", rates, assignments={"CA": "A / V", "CB": "B / V2"}))
    assert arrows(flows) == {("A", "B"): "Q", ("B", "A"): "Q"}
    assert flows.losses == (Loss("A", "CL"),)


def test_different_rate_constants_are_no_transfer():
    flows = mechanism(model("A B", {"A": "-k * A", "B": "ka * A - kout * B"}))
    assert flows.transfers == ()
    assert flows.influences == (Influence("A", "B", "state", 0, "ka"),)


def test_turnover_about_a_baseline_is_supply_and_loss():
    flows = mechanism(model("R", {"R": "kout * (K - R)"}))
    assert flows.supplies == (Supply("R", "kout·K"),)
    assert flows.losses == (Loss("R", "kout"),)


def test_logistic_growth_is_supply_and_loss():
    flows = mechanism(model("N", {"N": "r * N * (1 - N / K)"}))
    assert flows.supplies == (Supply("N", "r"),)
    assert flows.losses[0].state == "N"


def test_a_state_that_stays_constant_has_no_flow():
    flows = mechanism(model("A B", {"A": "-k * A"}))
    assert flows.losses == (Loss("A", "k"),)
    assert flows.supplies == flows.transfers == ()
