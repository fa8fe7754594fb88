"""Compartment diagrams: every state and flow drawn, nothing outside the frame or on top of another."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from understudy.dossier.diagram import diagram, in_words
from understudy.dossier.diagram_layout import layout
from understudy.dossier.mechanism import mechanism
from understudy.library import pd, pk
from understudy.library.catalogue import models
from understudy.library.myelosuppression import myelosuppression
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

SVG = "{http://www.w3.org/2000/svg}"


def structural(entry):
    built = entry.build()
    return built.structural if isinstance(built, PopulationModel) else built


ENTRIES = {entry.name: entry for entry in models()}


def read(model):
    return ElementTree.fromstring(diagram(model))


def words(root):
    return [node.text for node in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", ENTRIES)
def test_every_model_of_the_library_is_drawn_within_its_frame(name):
    model = structural(ENTRIES[name])
    root = read(model)
    _, _, width, height = map(float, root.get("viewBox").split())
    shift = root.find(f"{SVG}g").get("transform")
    left, top = map(float, re.findall(r"-?[\d.]+", shift))
    for node in root.iter(f"{SVG}text"):
        assert 0 <= float(node.get("x")) + left <= width
        assert 0 <= float(node.get("y")) + top <= height
    assert len(list(root.iter(f"{SVG}rect"))) == len(model.states)
    assert set(model.state_names) <= set(words(root))


@pytest.mark.parametrize("name", ENTRIES)
def test_no_box_stands_on_another(name):
    model = structural(ENTRIES[name])
    boxes = layout(model, mechanism(model)).boxes.values()
    for one, other in combinations(boxes, 2):
        apart = abs(one.x - other.x) >= one.width or abs(one.y - other.y) >= one.height
        assert apart, (one, other)


def places(model):
    return {name: box.centre for name, box in layout(model, mechanism(model)).boxes.items()}


def test_two_compartments_oral_runs_from_left_to_right():
    at = places(pk.compartments(2, "first_order"))
    assert at["depot"][0] < at["central"][0] < at["peripheral"][0]
    assert len({y for _, y in at.values()}) == 1


def test_two_peripherals_stand_above_and_below_the_middle_of_the_central_compartment():
    at = places(pk.compartments(3, "iv"))
    assert at["peripheral1"][0] == at["peripheral2"][0] > at["central"][0]
    assert at["peripheral1"][1] < at["central"][1] < at["peripheral2"][1]


def test_a_response_stands_below_what_drives_it():
    at = places(pd.indirect_response(pk.compartments(1, "first_order"), "inhibit_production"))
    assert at["R"][0] == at["central"][0]
    assert at["R"][1] > at["central"][1]


def test_maturing_cells_stand_in_a_row_below_the_drug():
    at = places(myelosuppression())
    chain = [at[name] for name in ("Prol", "Transit1", "Transit2", "Transit3", "Circ")]
    assert len({y for _, y in chain}) == 1
    assert chain == sorted(chain)
    assert chain[0][1] > max(at[name][1] for name in ("central", "peripheral1", "peripheral2"))


def test_inhibition_ends_in_a_bar_and_stimulation_in_an_arrowhead():
    drawn = {
        response: diagram(pd.indirect_response(pk.compartments(1, "iv"), response))
        for response in ("inhibit_loss", "stimulate_loss")
    }
    bars = {response: page.count('stroke-width="2.2"/>') for response, page in drawn.items()}
    heads = {response: page.count('Z" fill=') for response, page in drawn.items()}
    assert bars["inhibit_loss"] == bars["stimulate_loss"] + 1
    assert heads["stimulate_loss"] == heads["inhibit_loss"] + 1


def test_doses_say_how_they_enter():
    shown = words(read(pk.compartments(1, "mixed")))
    assert shown.count("oral") == 2
    assert {"iv", "over D1"} <= set(shown)
    assert "lag tlag" in words(read(pk.compartments(1, "lagged")))


def test_without_declared_inputs_the_first_state_takes_the_dose():
    model = Model("plain", "h", {"k": (1, "1/h")}, {"A": "mg", "M": "mg"}, {"A": "-k * A", "M": "k * A"})
    assert in_words(model).startswith("Doses by A enter A. A passes to M (k).")


def test_words_tell_what_the_drawing_shows():
    told = in_words(pd.indirect_response(pk.compartments(1, "first_order"), "stimulate_loss"))
    assert told == (
        "Doses by oral enter depot. Doses by iv enter central. depot passes to central (ka). R gains from outside "
        "(kin). central loses to the outside (CL / V). R loses to the outside (kout). central speeds up the loss of R."
    )


def test_the_same_model_gives_the_same_bytes():
    assert diagram(myelosuppression()) == diagram(myelosuppression())
