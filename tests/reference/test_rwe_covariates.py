"""Covariates of GiBleed against those that OHDSI's CohortMethod stored: the same set, the same means."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import pytest

from understudy.causal import build_covariates, open_cdm

FOLDER = Path(__file__).parents[2].parent / "shared" / "reference" / "rwe"
pytestmark = pytest.mark.skipif(
    not (FOLDER / "gibleed").is_dir(), reason=f"needs the reference records in {FOLDER / 'gibleed'}"
)
DRUGS = [1118084, 1124300]  # celecoxib, diclofenac
# First eras of one of the drugs alone, observed for 183 days before, from the later of the two drugs' first days to the
# earlier of their last ones: README of the folder.
POPULATION = """
    WITH eras AS (SELECT person_id, drug_concept_id, drug_era_start_date AS start FROM drug_era
        WHERE drug_concept_id IN (1118084, 1124300)),
    span AS (SELECT max(low) AS low, min(high) AS high FROM (
        SELECT min(start) AS low, max(start) AS high FROM eras GROUP BY drug_concept_id)),
    firsts AS (SELECT person_id, min(drug_concept_id) AS drug, min(start) AS start FROM eras GROUP BY person_id
        HAVING count(DISTINCT drug_concept_id) = 1)
    SELECT DISTINCT person_id, CAST(drug = 1118084 AS INTEGER) AS treatment, start FROM firsts, span
    WHERE start BETWEEN low AND high AND EXISTS (SELECT 1 FROM observation_period o WHERE o.person_id = firsts.person_id
        AND start BETWEEN observation_period_start_date + 183 AND observation_period_end_date)
    ORDER BY person_id
"""


@pytest.fixture(scope="module")
def cdm():
    with open_cdm(FOLDER / "gibleed") as opened:
        yield opened


@pytest.fixture(scope="module")
def population(cdm):
    return cdm.connection.execute(POPULATION).df()


@pytest.fixture(scope="module")
def matrix(cdm, population):
    begin = perf_counter()
    built = build_covariates(cdm, population, {"excluded_concepts": DRUGS})
    assert perf_counter() - begin < 10  # seconds, on a busy machine of two cores; one or two when it is idle
    return built


@pytest.fixture(scope="module")
def theirs():
    table = pd.read_csv(FOLDER / "gibleed_cohortmethod_results" / "cm_shared_covariate_balance.csv")
    table = table[table["target_comparator_id"] == 894409308]
    return table[table["analysis_id"] == table["analysis_id"].min()].set_index("covariate_id")


def means(matrix, inside):
    """Mean of each covariate over a group, by identifier."""
    found = np.asarray(matrix.values[np.flatnonzero(inside)].mean(axis=0)).ravel()
    return pd.Series(found, matrix.covariates["covariate_id"])


def test_the_population_is_that_of_the_reference(population):
    assert population["treatment"].value_counts().to_dict() == {1: 1797, 0: 830}


def test_the_same_388_covariates(matrix, theirs):
    assert len(theirs) == 388
    assert set(matrix.covariates["covariate_id"]) == set(theirs.index)


@pytest.mark.parametrize(("treatment", "column"), [(1, "target_mean_before"), (0, "comparator_mean_before")])
def test_the_same_means(matrix, population, theirs, treatment, column):
    inside = population["treatment"].to_numpy() == treatment
    ours, printed = means(matrix, inside), theirs[column]
    assert (ours.index == printed.reindex(ours.index).index).all()
    printed = printed.reindex(ours.index)
    seen = printed >= 0
    # Printed with three decimals: half a unit of the last, and what is below it in binary.
    assert (ours[seen] - printed[seen]).abs().max() <= 0.0005 + 1e-9
    # Negative is a count of at most five that was hidden.
    hidden = ours[~seen] * inside.sum()
    assert ((hidden > 0.5) & (hidden < 5.5)).all()
    assert (printed[~seen].round(3) == -round(5 / inside.sum(), 3)).all()


def test_scores(matrix, population):
    target = population["treatment"].to_numpy() == 1
    scores = [1901, 1903, 1904]  # Charlson, CHADS2, CHA2DS2-VASc
    assert means(matrix, target)[scores].round(3).tolist() == [0.614, 0.013, 0.503]
    assert means(matrix, ~target)[scores].round(3).tolist() == [0.402, 0.022, 0.524]


def test_chunks_give_the_same_matrix(cdm, population, matrix):
    shuffled = population.sample(frac=1, random_state=1)
    parts = build_covariates(cdm, shuffled, {"excluded_concepts": DRUGS}, chunk=900)
    assert (parts.covariates["covariate_id"] == matrix.covariates["covariate_id"]).all()
    back = np.argsort(shuffled["person_id"].to_numpy())
    assert abs(parts.values.tocsr()[back] - matrix.values).max() == 0
