"""No number of a published population without a source, or without the mark of a guess."""

from dataclasses import replace

import pytest

from understudy.library.catalogue import model, models
from understudy.library.citation import assumed, at, is_accounted, re_estimated
from understudy.model.parts import Source

POPULATIONS = [each.name for each in models() if each.kind == "population"]


def unaccounted(population):
    """Names of the numbers that say nothing of where they come from."""
    replaced = {each.name for each in population.individual}
    numbers = [*population.fixed, *(p for p in population.structural.parameters if p.name not in replaced)]
    found = [each.name for each in numbers if not is_accounted(each.source)]
    return found + [block.names[0] for block in population.random if not is_accounted(block.source)]


@pytest.mark.parametrize("name", POPULATIONS)
def test_every_number_has_a_source(name):
    assert unaccounted(model(name)) == []


@pytest.mark.parametrize("name", POPULATIONS)
def test_planted_number_without_source_is_found(name):
    built = model(name)
    bare = replace(built, fixed=(replace(built.fixed[0], source=None), *built.fixed[1:]))
    assert unaccounted(bare) == [built.fixed[0].name]


@pytest.mark.parametrize("name", POPULATIONS)
def test_population_says_who_it_was_built_on_and_where_it_ends(name):
    built = model(name)
    assert built.population
    assert built.limits
    assert built.sources


def test_identifiers_look_like_identifiers():
    sources = {s for name in POPULATIONS for s in (p.source for p in model(name).fixed)}
    for source in sources:
        assert not source.doi or source.doi.startswith("10.")
        assert not source.pmid or source.pmid.isdigit()


def test_marks():
    assert is_accounted(assumed("no data"))
    assert is_accounted(re_estimated("Doe 1990", "OFV 1"))
    assert is_accounted(at(Source("Doe", pmid="123"), "Table 1"))
    assert not is_accounted(Source("Doe 1990"))
