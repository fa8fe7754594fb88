"""What a trial's tables hold: flow, balance of covariates, what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_trial import PROTOCOL, small_trial

from understudy.core.random import uniforms
from understudy.dossier.check_report import chapter
from understudy.trials import check, load_trial
from understudy.trials.balance import covariate_numbers, standardised_differences

HEAD = "USUBJID,ARM,AGE,SEX,DAYS,CNSR,STAGE"
STAGED = PROTOCOL.replace('["AGE", "SEX"]', '["AGE", "SEX", "STAGE"]')


def table(arms, ages, sexes, stages, days=None) -> tuple[str, ...]:
    days = days or [f"{10 + k}" for k in range(len(arms))]
    rows = zip(arms, ages, sexes, days, stages, strict=True)
    return (HEAD, *(f"s{k},{a},{age},{s},{d},0,{g}" for k, (a, age, s, d, g) in enumerate(rows)))


ARMS = ["placebo"] * 4 + ["drug"] * 4
AGES = [40, 50, 60, 70, 50, 60, 70, 90]
SEXES = ["f", "m", "m", "m", "f", "f", "m", "m"]
STAGES = ["I", "I", "II", "III", "I", "II", "II", "III"]


@pytest.fixture
def trial(tmp_path):
    return small_trial(tmp_path, table(ARMS, AGES, SEXES, STAGES), STAGED)


def difference(trial, name) -> float:
    return standardised_differences(trial).set_index("covariate").loc[name, "difference"]


def test_difference_of_means_by_hand(trial):
    # Means 55 and 67.5; variances 500/3 and 875/3, their mean 1375/6.
    assert difference(trial, "AGE") == pytest.approx(12.5 / np.sqrt(1375 / 6), rel=1e-12)


def test_difference_of_two_categories_is_that_of_their_share(trial):
    # Shares of men 0.75 and 0.5: Austin 2009, equation for a dichotomous variable, without its sign.
    by_hand = 0.25 / np.sqrt((0.75 * 0.25 + 0.5 * 0.5) / 2)
    assert difference(trial, "SEX") == pytest.approx(by_hand, rel=1e-12)


def test_difference_of_three_categories_by_hand(trial):
    # Shares of II and III: 1/4, 1/4 and 1/2, 1/4; Yang and Dalton 2012, the two by two matrix inverted by hand.
    s11 = (1 / 4 * 3 / 4 + 1 / 2 * 1 / 2) / 2
    s12 = -(1 / 16 + 1 / 8) / 2
    s22 = 3 / 16
    inverse = s22 / (s11 * s22 - s12**2)
    assert difference(trial, "STAGE") == pytest.approx(np.sqrt((1 / 4) ** 2 * inverse), rel=1e-9)


def test_order_of_categories_does_not_matter(trial, tmp_path):
    renamed = [{"I": "z", "II": "b", "III": "a"}[each] for each in STAGES]
    other = small_trial(tmp_path, table(ARMS, AGES, SEXES, renamed), STAGED)
    assert difference(other, "STAGE") == pytest.approx(difference(trial, "STAGE"), rel=1e-9)


def test_chance_keeps_to_its_limit(tmp_path):
    """In trials whose arms are drawn by chance 95 % of differences are within the limit."""
    count, trials = 100, 200
    u = uniforms(7, "covariates", np.arange(count), 2)
    ages, stages = 40 + 40 * u[:, 0], np.array(["I", "II", "III"])[(3 * u[:, 1]).astype(int)]
    rows = table(["placebo", "drug"] * (count // 2), ages.round(1), ["f", "m"] * (count // 2), stages)
    whole, within = small_trial(tmp_path, rows, STAGED), []
    for k in range(trials):
        order = np.argsort(uniforms(8, "arms", [k], count)[0])
        arm = pd.Categorical(np.array(["placebo", "drug"])[order % 2], categories=["placebo", "drug"])
        object.__setattr__(whole, "subjects", whole.subjects.assign(arm=arm))
        found = standardised_differences(whole).set_index("covariate")
        within.append((found["difference"].abs() <= found["chance"])[["AGE", "STAGE"]].to_numpy())
    shares = np.mean(within, axis=0)
    # Four standard errors of a share of 200 trials.
    assert np.all(np.abs(shares - 0.95) < 4 * np.sqrt(0.95 * 0.05 / trials))


def test_numbers_of_each_arm(trial):
    found = covariate_numbers(trial).set_index(["covariate", "level", "arm"])
    assert found.loc[("AGE", "", "placebo"), ["mean", "median"]].tolist() == [55.0, 55.0]
    assert found.loc[("STAGE", "II", "drug"), ["count", "share"]].tolist() == [2, 0.5]


def test_missing_cells_and_outcomes_are_counted(tmp_path):
    ages, days = [*AGES[:-1], ""], ["", *(f"{10 + k}" for k in range(7))]
    trial = small_trial(tmp_path, table(ARMS, ages, SEXES, STAGES, days), STAGED)
    found = check(trial)
    missing = found.missing.set_index(["what", "arm"])["missing"]
    assert missing[("AGE", "drug")] == 1
    assert missing[("AGE", "placebo")] == 0
    assert missing[("the endpoint", "placebo")] == 1
    assert found.flow["without_outcome"].tolist() == [1, 0]
    page = chapter(found).html()
    assert "1 of 4 (25\xa0%)" in page
    assert "Known of every subject: SEX and STAGE" in page


def test_visits_that_were_missed(tmp_path):
    rows = "\n".join(["USUBJID,WEEK,SCORE", "a,4,1", "a,8,2", "b,4,1", "c,4,2", "c,8,1", "d,4,3", "d,8,1"])
    (tmp_path / "visits.csv").write_text(rows + "\n", encoding="utf-8")
    protocol = PROTOCOL.replace(
        'kind = "survival"\ntime = "DAYS"\nevent = { CNSR = 0 }',
        'name = "score"\nfile = "visits.csv"\nid = "USUBJID"\nkind = "longitudinal"\nvalue = "SCORE"\nvisit = "WEEK"',
    )
    found = check(small_trial(tmp_path, protocol=protocol)).missing.set_index(["what", "arm"])["missing"]
    assert found[("score, visit 8", "placebo")] == 1
    assert found[("score, visit 8", "drug")] == 0
    assert found[("score, visit 4", "placebo")] == 0


def test_a_covariate_that_does_not_vary_has_no_difference(tmp_path):
    trial = small_trial(tmp_path, table(ARMS, [50] * 8, ["f"] * 8, STAGES), STAGED)
    found = standardised_differences(trial).set_index("covariate")["difference"]
    assert found[["AGE", "SEX"]].isna().all()
    assert found["STAGE"] > 0
    assert "Of 1 baseline differences" in " ".join(chapter(check(trial)).summary)


def test_pairs_of_the_leukaemia_trial_are_alike():
    found = chapter(check(load_trial("examples/leukaemia/trial.toml")))
    assert found.answer.startswith("42 subjects were randomised, 21 to placebo and 21 to 6-MP")
    assert "Arms are alike to the digit in every baseline covariate." in found.summary


def test_without_covariates_the_page_says_so(tmp_path):
    trial = small_trial(tmp_path, protocol=PROTOCOL[: PROTOCOL.index("[baseline]")])
    found = chapter(check(trial))
    assert list(found.charts) == ["flow"]
    assert found.methods == ()
    assert "[baseline] would" in found.html()
