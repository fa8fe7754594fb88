"""Every model of the catalogue: found by name, whole, and with units that fit."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from understudy.core.errors import ModelError, UnitError
from understudy.core.expression import Expression
from understudy.library import catalogue
from understudy.library.__main__ import page
from understudy.library.catalogue import model, models, names
from understudy.library.pk import FAMILY
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

ROOT = Path(__file__).parents[3]
ENTRIES = models()
POPULATIONS = [each for each in ENTRIES if each.kind == "population"]
every = pytest.mark.parametrize("card", ENTRIES, ids=lambda card: card.name)
every_population = pytest.mark.parametrize("card", POPULATIONS, ids=lambda card: card.name)


def test_the_catalogue_and_the_families_name_the_same_models_once():
    found = [each.name for each in ENTRIES]
    assert tuple(found) == names()
    assert len(set(found)) == len(found)


def test_the_catalogue_holds_every_combination_of_the_kinetics_and_the_published_populations():
    assert len([each for each in ENTRIES if each.family == FAMILY]) == 3 * 6 * 3
    assert len(POPULATIONS) == 12


@every
def test_model_is_of_its_kind_and_bears_its_name(card):
    built = model(card.name)
    assert isinstance(built, PopulationModel if card.kind == "population" else Model)
    assert built.name == card.name


@every
def test_units_fit(card):
    model(card.name).check_units()


@every
def test_model_survives_json(card):
    built = model(card.name)
    assert type(built).from_json(built.to_json()) == built


@every
def test_hash_is_the_same_when_built_again(card):
    assert card.build().hash == model(card.name).hash


def test_hashes_differ_between_models():
    assert len({model(name).hash for name in names()}) == len(names())


@every
def test_card_is_complete(card):
    assert min(len(card.title), len(card.purpose), len(card.tested), len(card.limits), len(card.checked)) > 15
    assert len(card.times) >= 10
    assert list(card.times) == sorted(set(card.times))
    assert card.times[0] > 0


@every_population
def test_typical_patient_has_every_covariate_within_the_range_seen(card):
    for each in model(card.name).covariates:
        assert card.covariates[each.name] == each.reference
        assert each.lower is None or each.lower <= each.reference <= each.upper


@every_population
def test_structural_model_shows_the_typical_patient(card):
    built = model(card.name)
    values = built.fixed_values | card.covariates | dict.fromkeys(built.eta_names, 0.0)
    for each in built.ordered_individual:
        values[each.name] = float(each.expression.evaluate(values))
    shown = {p.name: p.value for p in built.structural.parameters}
    assert shown == pytest.approx({name: values.get(name, shown[name]) for name in shown}, rel=1e-12)


@every_population
def test_planted_wrong_unit_is_found(card):
    built = model(card.name)
    first = replace(built.fixed[0], unit="mg**3")
    with pytest.raises(UnitError, match=built.individual[0].name):
        replace(built, fixed=(first, *built.fixed[1:])).check_units()


@every
def test_planted_wrong_rate_is_found(card):
    built = model(card.name)
    base = built.structural if card.kind == "population" else built
    wrong = (Expression(f"({base.rates[0]}) * 2[mg]"), *base.rates[1:])
    with pytest.raises(UnitError, match=base.states[0].name):
        replace(base, rates=wrong).check_units()


@pytest.mark.parametrize(
    ("asked", "repair"),
    [
        ("warfarin", "did you mean warfarin_adults or warfarin_adults_no_lag or warfarin_pca?"),
        ("fenobarbital_neonates", "did you mean phenobarbital_neonates?"),
        ("zzz", "`understudy models` lists all names"),
        ("", "did you mean one_compartment_iv"),
    ],
)
def test_unknown_name_is_answered_with_the_nearest(asked, repair):
    with pytest.raises(ModelError, match=f"no model '{asked}' in the library") as caught:
        model(asked)
    assert caught.value.repair.startswith(repair)


def test_only_the_asked_family_is_imported():
    code = (
        "import sys; from understudy.library.catalogue import model; model('phenobarbital_neonates');"
        "print(*[m for m in sys.modules if m.startswith('understudy.library.')])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "understudy.library.phenobarbital" in found
    others = {f"understudy.library.{family}" for family in catalogue._FAMILIES} - {
        "understudy.library.pk",
        "understudy.library.phenobarbital",
    }
    assert not others & set(found)


def test_the_page_in_the_documentation_is_the_catalogue_of_today():
    written = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in written for name in names())
    assert written == page(), "write it again: python -m understudy.library > docs/models.md"
