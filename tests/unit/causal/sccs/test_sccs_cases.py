"""sccs: from dates to intervals, settings, diagnostics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from understudy.causal.sccs import (
    RiskWindow,
    SccsSettings,
    Thresholds,
    diagnose_sccs,
    minimum_detectable_rate_ratio,
    monthly_outcomes,
    sccs,
    simulated_cases,
)
from understudy.causal.sccs.case_series import case_series
from understudy.causal.sccs.detectable_rate import needed_events
from understudy.causal.sccs.splines import quantile_spline, season_spline, year_share
from understudy.causal.sccs.splitting import split
from understudy.core.errors import DataError, StudyError

BARE = SccsSettings(
    (RiskWindow("on drug", "drug"),),
    pre_exposure=0,
    end_of_observation=0,
    age_knots=0,
    season_knots=0,
    naive_period=0,
)


def dates(**columns: list) -> pd.DataFrame:
    return pd.DataFrame({k: v if k == "person_id" else pd.to_datetime(v) for k, v in columns.items()})


SEEN = dates(
    person_id=[1, 2, 3],
    start=["2020-01-01", "2020-01-01", "2020-01-01"],
    end=["2020-12-31", "2020-06-30", "2020-12-31"],
    birth=["1970-01-01", "1980-01-01", "1990-01-01"],
)
DRUG = dates(
    person_id=[1, 1, 2],
    start=["2020-03-01", "2020-03-10", "2020-06-15"],
    end=["2020-03-20", "2020-03-31", "2020-07-15"],
)
BLEEDS = dates(person_id=[1, 1, 2, 3], start=["2020-03-31", "2020-04-01", "2020-06-20", "2021-01-01"])


def rows(settings: SccsSettings, monthly: bool = False) -> pd.DataFrame:
    cases = case_series(SEEN, {"drug": DRUG}, BLEEDS, settings)
    cut = split(cases, monthly)
    columns = {
        "case": cut.case,
        "first": cut.first.astype("datetime64[D]"),
        "days": cut.days,
        "events": cut.events,
    }
    return pd.DataFrame(columns | dict(zip(cases.columns, cut.inside.T, strict=True)))


def test_time_is_cut_where_windows_open_and_close() -> None:
    found = rows(BARE)
    one = found[found.case == 0]
    # Two exposures of March overlap; each cut stays, and the days add up.
    assert one["first"].dt.strftime("%m-%d").tolist() == ["01-01", "03-01", "03-10", "03-21", "04-01"]
    assert one["on drug"].tolist() == [False, True, True, True, False]
    assert one.events.tolist() == [0, 0, 0, 1, 1]  # both ends of a window belong to it
    assert one.days.sum() == 366
    two = found[found.case == 1]
    assert two.days.tolist() == [166, 16]  # the exposure goes on after observation, the window does not
    assert two.events.tolist() == [0, 1]
    assert found.case.nunique() == 2  # the third person's outcome came after observation


def test_months_cut_too_and_change_no_estimate() -> None:
    assert (
        len(rows(BARE, monthly=True)) == len(rows(BARE)) + 11 - 2 + 5
    )  # March and April begin at cuts already
    assert rows(BARE, monthly=True).days.sum() == rows(BARE).days.sum()


def test_windows_have_anchors_and_probes_have_places() -> None:
    windows = (
        RiskWindow("first week", "drug", 0, "start", 6, "start", first_only=True),
        RiskWindow("after", "drug", 1, "end", 30, "end"),
    )
    found = rows(replace(BARE, windows=windows, pre_exposure=10, end_of_observation=30))
    days = {
        name: int(found.days[found[name]].sum())
        for name in ("first week", "after", "before drug", "end of observation")
    }
    assert days["first week"] == 14
    assert days["after"] == 41  # 21 March to 30 April of the first person, without a break
    assert (
        days["before drug"] == 10 + 9 + 10
    )  # the second exposure's days before lie in the first: 28 February on
    assert (
        days["end of observation"] == 30
    )  # of the second person only, whose observation ends before the data


def test_first_outcomes_naive_time_and_study_time() -> None:
    first = sccs_attrition(replace(BARE, first_outcome_only=True))
    assert first.outcomes.tolist() == ["<5", "<5", "<5"]
    cases = case_series(SEEN, {"drug": DRUG}, BLEEDS, replace(BARE, first_outcome_only=True))
    assert [step[1:] for step in cases.steps] == [(2, 3), (2, 2), (2, 2)]
    naive = case_series(SEEN, {"drug": DRUG}, BLEEDS, replace(BARE, naive_period=91))
    assert naive.start[0].astype("datetime64[D]") == np.datetime64("2020-04-01")
    assert naive.outcome_day.size == 2  # the one of 31 March is gone
    short = case_series(
        SEEN, {"drug": DRUG}, BLEEDS, replace(BARE, study_start="2020-04-01", study_end="2020-05-31")
    )
    assert (short.start.size, int(short.end[0] - short.start[0]) + 1) == (1, 61)
    with pytest.raises(StudyError, match="no outcome is left"):
        case_series(SEEN, {"drug": DRUG}, BLEEDS, replace(BARE, study_start="2022-01-01"))


def sccs_attrition(settings: SccsSettings) -> pd.DataFrame:
    return case_series(SEEN, {"drug": DRUG}, BLEEDS, settings).attrition()


def test_season_meets_itself_and_quantile_splines_have_their_knots() -> None:
    spline = season_spline(5)
    ends = spline.basis([0.0, 1.0 - 1e-12])
    assert ends.shape == (2, 3)
    assert ends[0] == pytest.approx(ends[1], abs=1e-10)
    steps = np.array([-2e-4, -1e-4, 0.0, 1e-4, 2e-4])
    slopes = np.diff(spline.basis(np.mod(steps, 1.0)), axis=0)
    assert np.abs(np.diff(slopes, 2, axis=0)).max() < 1e-9  # no kink where the year begins
    age = quantile_spline("age", np.linspace(20, 60, 100), 5, (10.0, 70.0))
    assert age.knots == pytest.approx([10, 30, 40, 50, 70], abs=0.5)
    assert age.basis([15.0, 69.0]).shape == (2, 6)
    assert quantile_spline("age", np.full(100, 30.0), 5, (10.0, 70.0)) is None
    assert year_share([59, 365]) == pytest.approx([59 / 365, 0.0])


def test_simulated_effects_are_found_beside_age_and_season() -> None:
    data = simulated_cases(1500, rate_ratio=2.0, age_slope=0.1, season=0.5, seed=11)
    settings = SccsSettings((RiskWindow("on drug", "drug"),))
    found = sccs(data.observation, {"drug": data.exposures}, data.outcomes, settings)
    low, high = found["on drug"].interval
    assert low < 2 < high
    season = found.smooth().query("of == 'season'")
    heights = np.log(season.rate_ratio.to_numpy())
    assert season.value.iloc[heights.argmax()] % 1 == pytest.approx(0.0, abs=0.12) or heights.argmax() > 90
    assert np.ptp(heights) == pytest.approx(1.0, abs=0.45)  # twice the amplitude; 0.45 is three errors of it
    age = np.log(found.smooth().query("of == 'age'").rate_ratio.to_numpy())
    assert age[80] - age[20] > 1.0  # 0.1 a year over some 30 years
    assert diagnose_sccs(found).passed
    assert found.attrition.rule.tolist()[-1] == "After 180 naive days, within the study"


def test_a_rate_that_rises_before_the_exposure_fails() -> None:
    data = simulated_cases(1500, pre_exposure=3.0, seed=5)
    found = sccs(
        data.observation,
        {"drug": data.exposures},
        data.outcomes,
        replace(BARE, pre_exposure=30, end_of_observation=30),
    )
    checks = diagnose_sccs(found).table().set_index("check")
    assert not checks.passed["before drug"]
    assert checks.passed["end of observation"]
    assert not diagnose_sccs(found).passed
    assert diagnose_sccs(found, Thresholds(pre_exposure=(0.2, 5.0))).checks[2].passed


def test_a_season_that_nothing_explains_fails_stability_and_a_spline_mends_it() -> None:
    data = simulated_cases(2000, season=0.6, seed=7)
    arguments = (data.observation, {"drug": data.exposures}, data.outcomes)
    plain, smooth = (sccs(*arguments, replace(BARE, season_knots=k)) for k in (0, 5))
    p = [
        diagnose_sccs(each).table().set_index("check").p_value["stability over time"]
        for each in (plain, smooth)
    ]
    assert p[0] < 0.001
    assert p[1] > 0.05
    months = monthly_outcomes(plain)
    assert months.observed.sum() == pytest.approx(plain.fit.events)
    assert months.expected.sum() == pytest.approx(plain.fit.events, abs=1e-8)


def test_detectable_rate_ratio_has_the_power_it_says() -> None:
    """The signed root test in 20,000 binomial draws: power 0.8 within the approximation's few hundredths."""
    ratio, share, events = minimum_detectable_rate_ratio(120, 0.15), 0.15, 120
    assert needed_events(np.log(ratio), share) == pytest.approx(events, abs=1e-6)
    chance = share * ratio / (share * ratio + 1 - share)
    inside = np.random.default_rng(3).binomial(events, chance, 20_000) / events
    statistic = (
        2 * events * (inside * np.log(inside / share) + (1 - inside) * np.log((1 - inside) / (1 - share)))
    )
    found = np.mean((statistic > 1.959964**2) & (inside > share))
    assert found == pytest.approx(0.8, abs=0.04)
    assert minimum_detectable_rate_ratio(0, 0.15) == np.inf


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: RiskWindow("w", "drug", 0, "middle"), "unknown anchor 'middle'"),
        (lambda: RiskWindow("w", "drug", 5, "start", 2, "start"), "before it begins"),
        (lambda: SccsSettings(()), "no risk window"),
        (lambda: replace(BARE, naive_period=-1), "naive_period is negative"),
        (lambda: replace(BARE, season_knots=3), "season_knots is 3"),
        (lambda: replace(BARE, study_start="soon"), "'soon' is no date"),
    ],
)
def test_bad_settings_are_told(make, word: str) -> None:
    with pytest.raises(StudyError, match=word):
        make()


@pytest.mark.parametrize(
    ("changed", "error", "word"),
    [
        ({"observation": SEEN.drop(columns="end")}, DataError, "observation.end"),
        (
            {"outcomes": BLEEDS.assign(start=["2020-01-01", "01/02/2020", "soon", "2020-01-01"])},
            DataError,
            "no date",
        ),
        ({"outcomes": BLEEDS.assign(start=pd.NaT)}, DataError, "missing dates"),
        (
            {"exposures": {"drug": DRUG.rename(columns={"start": "end", "end": "start"})}},
            DataError,
            "before the start",
        ),
        ({"exposures": {"other": DRUG}}, StudyError, "not given: 'drug'"),
        (
            {"observation": SEEN.drop(columns="birth"), "settings": replace(BARE, age_knots=5)},
            StudyError,
            "dates of birth",
        ),
    ],
)
def test_bad_tables_are_told(changed: dict, error: type, word: str) -> None:
    given = {"observation": SEEN, "exposures": {"drug": DRUG}, "outcomes": BLEEDS, "settings": BARE} | changed
    with pytest.raises(error, match=word):
        sccs(**given)


def test_few_outcomes_get_no_spline_and_a_note() -> None:
    found = sccs(SEEN, {"drug": DRUG}, BLEEDS, replace(BARE, age_knots=5))
    assert found.notes == ("no spline of age: outcomes have too few values of it for 5 knots",)
    assert found.end_of_observation is None
