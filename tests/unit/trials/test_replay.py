"""Replays: the choice of analyses, estimands and comparisons with what was published."""

from __future__ import annotations

import json

import pytest
from small_trial import PROTOCOL, small_trial
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.errors import StudyError, UnderstudyError
from understudy.trials import load_trial, replay
from understudy.trials.analyses.analysis import METHODS, analyse, method_of
from understudy.trials.estimand import apply_estimand
from understudy.trials.published import same_digits

LEUKAEMIA = "examples/leukaemia/trial.toml"


def with_event(strategy: str, more: str = "") -> str:
    return PROTOCOL + f'[[estimand.events]]\nname = "switch"\nstrategy = "{strategy}"\n{more}'


def test_leukaemia_agrees_with_the_textbook():
    """Log hazard ratio 1.572 (SE 0.412), Efron: Kalbfleisch and Prentice 2002, table 1.1's data."""
    effect = replay(load_trial(LEUKAEMIA)).effects[0]
    assert effect.value == pytest.approx(0.2076, abs=5e-5)
    assert effect.standard_error == pytest.approx(0.4124, abs=5e-5)
    assert (effect.subjects, effect.events) == (42, 30)


@pytest.mark.parametrize("method", [name for name, each in METHODS.items() if "survival" in each.kinds])
def test_every_survival_analysis_finds_the_benefit(method):
    effect = analyse(load_trial(LEUKAEMIA), method).effects[0]
    assert effect.p_value < 0.01
    assert effect.value < 1 if effect.is_ratio else effect.value > 0


def test_analysis_for_other_endpoints_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"'ancova' is no analysis of a survival endpoint(.|\n)*cox"):
        method_of(small_trial(tmp_path), "ancova")


@pytest.mark.parametrize(
    ("strategy", "more", "times", "events"),
    [
        ("treatment policy", "", [10, 32, 25, 60], [1, 0, 1, 0]),
        ("hypothetical", 'when = { SEX = "m" }\ntime = "WEIGHT"\n', [10, 32, 25, 60], [1, 0, 1, 0]),
        ("hypothetical", 'time = "AGE"\n', [10, 32, 25, 60], [1, 0, 1, 0]),
        ("composite", 'when = { USUBJID = "b" }\n', [10, 0, 25, 60], [1, 1, 1, 0]),
        ("hypothetical", 'when = { USUBJID = "c" }\n', [10, 32, 0, 60], [1, 0, 0, 0]),
    ],
)
def test_strategies_change_survival_times(tmp_path, strategy, more, times, events):
    # Ages and weights stand for times of events here, so that they are no covariates.
    protocol = with_event(strategy, more).replace('covariates = ["AGE", "SEX"]', "covariates = []")
    trial, told = apply_estimand(small_trial(tmp_path, protocol=protocol))
    assert trial.outcome["time"].tolist() == times
    assert trial.outcome["event"].tolist() == events
    assert told[0].startswith(f"switch: {strategy} strategy")


@pytest.mark.parametrize(
    ("strategy", "more", "words"),
    [
        ("principal stratum", "", "principal stratum cannot be seen"),
        ("while on treatment", 'when = { SEX = "f" }\n', "while on treatment means nothing"),
        ("hypothetical", "", "nothing says to whom it happened"),
    ],
)
def test_strategies_without_meaning_are_refused(tmp_path, strategy, more, words):
    with pytest.raises(StudyError, match=words):
        apply_estimand(small_trial(tmp_path, protocol=with_event(strategy, more)))


@pytest.mark.parametrize(
    ("published", "ours", "agrees"),
    [(0.69, 0.6899, True), (0.69, 0.6949, True), (0.69, 0.6951, False), (125, 125.0, True), (125, 124.0, False),
     (-1.006014, -1.0060141, True), (1e-4, 1.4e-4, True), (1e-4, 1.6e-4, False)],
)  # fmt: skip
def test_digits_that_are_published_decide(published, ours, agrees):
    assert same_digits(published, ours) is agrees


def test_published_number_of_no_arm_is_refused(tmp_path):
    protocol = PROTOCOL + "[analysis.published]\nverum = { estimate = 1 }\n"
    with pytest.raises(StudyError, match=r"no effect is of 'verum'(.|\n)*drug"):
        replay(small_trial(tmp_path, protocol=protocol))


def test_what_an_analysis_has_no_use_for_is_told(tmp_path):
    protocol = (
        PROTOCOL
        + """[analysis]
method = "log-rank"
covariates = ["AGE"]
horizon = 20
missing = "jump to reference"
"""
    )
    notes = replay(small_trial(tmp_path, protocol=protocol)).notes
    assert "covariates (AGE) are not adjusted for by the log-rank test" in notes
    assert any(told.startswith("analysis.horizon is not used by the log-rank test") for told in notes)
    assert any(told.startswith("analysis.missing is not used by the log-rank test") for told in notes)


VISITS = """[endpoint]
kind = "longitudinal"
file = "visits.csv"
value = "SCORE"
visit = "WEEK"
"""


def visits_trial(folder, analysis: str, weeks: tuple[int, ...] = (1, 2, 3)):
    """Twelve subjects, of whom one misses the last visit."""
    lines = ["USUBJID,WEEK,SCORE"]
    lines += [
        f"s{k},{week},{10 + (7 * k + 5 * week) % 11 - 2 * (k % 2)}"
        for k in range(12)
        for week in weeks
        if (k, week) != (3, weeks[-1])
    ]
    (folder / "visits.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = ("USUBJID,ARM", *(f"s{k},{('placebo', 'drug')[k % 2]}" for k in range(12)))
    head = PROTOCOL[: PROTOCOL.index("[endpoint]")]
    return small_trial(folder, rows, head + VISITS + f"[analysis]\n{analysis}\n")


def test_satterthwaite_may_be_asked_for(tmp_path):
    first = replay(visits_trial(tmp_path, "")).effects[0]
    second = replay(visits_trial(tmp_path, 'degrees_of_freedom = "satterthwaite"')).effects[0]
    assert first.value == pytest.approx(second.value, rel=1e-12)
    # Of a single contrast the degrees are the same; Kenward and Roger's error is larger where visits are missing.
    assert first.degrees_of_freedom == pytest.approx(second.degrees_of_freedom, rel=1e-9)
    assert first.standard_error > second.standard_error
    assert (first.method, second.method) == (
        "MMRM, unstructured, Kenward-Roger",
        "MMRM, unstructured, Satterthwaite",
    )


def test_simpler_covariance_may_be_asked_for(tmp_path):
    found = replay(visits_trial(tmp_path, 'covariance = "AR(1)"')).effects[0]
    assert found.method == "MMRM, AR(1), Kenward-Roger"
    with pytest.raises(UnderstudyError, match="AR"):
        replay(visits_trial(tmp_path, 'covariance = "autoregressive"'))


def test_visits_whose_names_end_alike_are_told_apart(tmp_path):
    found = replay(visits_trial(tmp_path, "", weeks=(4, 14, 24))).effects
    assert [each.measure for each in found] == [
        f"difference of means at visit {week}" for week in (24, 4, 14)
    ]
    assert len({each.value for each in found}) == 3


def test_same_replay_has_the_same_record():
    assert replay(load_trial(LEUKAEMIA)).record.hash == replay(load_trial(LEUKAEMIA)).record.hash


def test_command_tells_departures_by_its_exit_code(tmp_path):
    small_trial(tmp_path, protocol=PROTOCOL + "[analysis.published]\ndrug = { estimate = 0.5 }\n")
    told = CliRunner().invoke(app, ["trial", "replay", str(tmp_path / "trial.toml")])
    assert told.exit_code == 1
    assert "DEPARTS: estimate of drug, published 0.5" in " ".join(told.stdout.split())


def test_command_writes_report_tables_and_record(tmp_path):
    out = tmp_path / "report"
    told = CliRunner().invoke(app, ["trial", "replay", LEUKAEMIA, "--out", str(out), "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout)["effects"][0]["measure"] == "hazard ratio"
    assert {each.name for each in out.iterdir()} == {"charts", "record.json", "report.html", "tables"}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "6-MP against placebo: 0.208 (95\xa0% interval 0.0925 to 0.466" in page
    assert json.loads((out / "record.json").read_text())["what"] == "trial replay"


def test_check_command_tells_bad_rows(tmp_path):
    (tmp_path / "adsl.csv").write_text("USUBJID,ARM,AGE,SEX,DAYS,CNSR\na,placebo,1,f,-1,0\nb,drug,1,f,2,0\n")
    (tmp_path / "trial.toml").write_text(PROTOCOL)
    told = CliRunner().invoke(app, ["trial", "check", str(tmp_path / "trial.toml"), "--json"])
    assert told.exit_code == 1
    assert json.loads(told.stdout)["problems"][0]["row"] == 2
