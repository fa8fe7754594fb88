"""Bad input, through the command line: each a clear error, or a warning by name in check, replay and its report."""

from __future__ import annotations

import json

import pytest
from made_trial import HEAD, write_table
from prognosis_case import case, rewrite
from typer.testing import CliRunner

from understudy.app.cli import app

SURVIVAL = """[endpoint]
kind = "survival"
time = "DAYS"
event = { DEAD = 1 }
"""
COVARIATES = '[baseline]\ncovariates = ["AGE", "DOSE"]\n'
# Subject, arm, age, dose received (known afterwards), days, dead, died on day.
ROWS = [
    (f"s{k}", ("placebo", "drug")[k % 2], 30 + 11 * k % 37, 10 + k % 5, 5 + 13 * k % 97, int(k % 3 > 0), None)
    for k in range(40)
]
VERBS = {
    "check": ("check",),
    "replay": ("replay",),
    "redesign": ("redesign", "--resamples", "60"),
    "responders": ("responders",),
    "simulate": ("simulate", "--trials", "100"),
}
BOTH = '[[criteria]]\nname = "adult"\nrule = { AGE = { at_least = 18 } }\n'


def told(folder, verb, *, rows=ROWS, protocol=SURVIVAL + COVARIATES, head=HEAD, more=()) -> tuple[int, str]:
    """Exit code and words of a command on a trial of these rows."""
    write_table(folder / "adsl.csv", "ID,ARM,AGE,DOSE,DAYS,DEAD,DIED", rows)
    (folder / "trial.toml").write_text(head + protocol, encoding="utf-8")
    name, *options = VERBS[verb]
    found = CliRunner().invoke(app, ["trial", name, str(folder / "trial.toml"), *options, *more])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, " ".join(found.output.split())


def changed(row: int, place: int, value: object) -> list[tuple]:
    """The rows with another cell; the first row is 0, line 2 of the file."""
    new = list(ROWS[row])
    new[place] = value
    return [*ROWS[:row], tuple(new), *ROWS[row + 1 :]]


every_verb = pytest.mark.parametrize("verb", VERBS)


@every_verb
def test_arm_without_patients(tmp_path, verb):
    code, words = told(tmp_path, verb, head=HEAD.replace('["drug"]', '["drug", "Drug 20 mg"]'))
    assert code != 0
    assert (
        "1 problem in adsl.csv column ARM: the arm Drug 20 mg has no subjects (value 'Drug 20 mg')" in words
    )
    assert "write it as the column does: placebo 20, drug 20" in words


@every_verb
def test_outcome_before_randomisation(tmp_path, verb):
    code, words = told(tmp_path, verb, rows=changed(3, 4, -2))
    assert code != 0
    assert "1 problem in adsl.csv row 5, column DAYS: before randomisation (value '-2')" in words
    assert "count times from randomisation" in words


@every_verb
def test_duplicate_subjects(tmp_path, verb):
    code, words = told(tmp_path, verb, rows=changed(3, 0, "s1"))
    assert code != 0
    assert "1 problem in adsl.csv row 5, column ID: a second row of the same subject (value 's1')" in words
    assert "keep one" in words


def test_duplicate_outcome_names_the_outcome_s_file(tmp_path):
    write_table(tmp_path / "out.csv", "ID,DAYS,DEAD", [("s0", 3, 1), ("s1", 4, 1), ("s1", 5, 1)])
    code, words = told(tmp_path, "check", protocol=SURVIVAL.replace("kind =", 'file = "out.csv"\nkind ='))
    assert code == 1
    assert (
        "1 problem in out.csv row 4, column ID: a second row of the same subject with an outcome (value 's1')"
        in words
    )


def test_negative_times_of_intervals(tmp_path):
    write_table(tmp_path / "out.csv", "ID,START,STOP,STAY", [("s0", -3, 4, 1), ("s1", 0, 4, 1)])
    protocol = """[endpoint]
kind = "recurrent"
file = "out.csv"
start = "START"
time = "STOP"
event = { STAY = 1 }
"""
    code, words = told(tmp_path, "check", protocol=protocol)
    assert code == 1
    assert "1 problem in out.csv row 2, column START: before randomisation (value '-3')" in words


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('after = ["DOSE"]\n', "baseline.covariates names DOSE, which was measured after randomisation"),
        (
            '[[criteria]]\nname = "took it"\nrule = { DAYS = { above = 10 } }\n',
            "the criterion 'took it' looks at DAYS, which was measured after randomisation",
        ),
        (
            '[safety]\nevent = { DOSE = 10 }\n[[criteria]]\nname = "took it"\nrule = { DOSE = { above = 10 } }\n',
            "the criterion 'took it' looks at DOSE",
        ),
        (
            '[[secondary]]\nname = "dose"\nkind = "count"\nvalue = "DOSE"\n'
            '[[criteria]]\nname = "took it"\nrule = { DOSE = { above = 10 } }\n',
            "the criterion 'took it' looks at DOSE",
        ),
    ],
)
@every_verb
def test_covariate_measured_after_treatment(tmp_path, verb, more, words):
    protocol = SURVIVAL + (COVARIATES if "after" in more else '[baseline]\ncovariates = ["AGE"]\n') + more
    code, said = told(tmp_path, verb, protocol=protocol)
    assert code != 0
    assert words in said
    assert "1 problem in trial.toml" in said
    assert "what was known before: a later measure may be an effect of treatment" in said


def test_covariate_measured_after_treatment_as_adjustment(tmp_path):
    protocol = SURVIVAL + '[analysis]\ncovariates = ["DEAD"]\n'
    code, words = told(tmp_path, "replay", protocol=protocol)
    assert code == 2
    assert "analysis.covariates names DEAD, which was measured after randomisation" in words


NOBODY = '[[criteria]]\nname = "very old"\nrule = { AGE = { at_least = 120 } }\n'


@pytest.mark.parametrize("verb", ["check", "replay"])
def test_criterion_that_selects_nobody_is_a_warning_where_none_is_applied(tmp_path, verb):
    code, words = told(tmp_path, verb, protocol=SURVIVAL + COVARIATES + NOBODY)
    assert code == 0
    assert "Warning: the criterion 'very old' (AGE ≥ 120) selects nobody" in words


def test_criterion_that_selects_nobody_stops_a_redesign(tmp_path):
    code, words = told(tmp_path, "redesign", protocol=SURVIVAL + COVARIATES + NOBODY)
    assert code == 2
    assert (
        "the criterion 'very old' leaves an arm without subjects where: AGE ≥ 120 repair: widen it" in words
    )


def test_criteria_that_together_select_nobody_are_named(tmp_path):
    two = (
        '[[criteria]]\nname = "young"\nrule = { AGE = { below = 45 } }\n'
        '[[criteria]]\nname = "old"\nrule = { AGE = { at_least = 45 } }\n'
    )
    code, words = told(tmp_path, "redesign", protocol=SURVIVAL + COVARIATES + two)
    assert code == 2
    assert "nobody of the treated arm meets young and old together" in words


def test_criterion_of_an_unknown_column_is_told_by_check(tmp_path):
    code, words = told(tmp_path, "check", protocol=SURVIVAL + COVARIATES + NOBODY.replace("AGE", "AGES"))
    assert code == 1
    assert "the table has no column 'AGES' where: adsl.csv repair: did you mean AGE?" in words


SEPARATED = [(*row[:5], int(row[1] == "placebo"), None) for row in ROWS]
BINARY = '[endpoint]\nkind = "binary"\nevent = { DEAD = 1 }\n'


def test_separation_in_a_cox_model_has_limits_and_a_warning_in_the_report(tmp_path):
    out = tmp_path / "out"
    code, words = told(tmp_path, "replay", rows=SEPARATED, more=("--out", str(out)))
    assert code == 0
    assert "Warning: separation: arm[drug] orders the events perfectly" in words
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "eparation: arm[drug] orders the events perfectly" in page
    code, plain = told(tmp_path, "replay", rows=SEPARATED, more=("--json",))
    effect = json.loads(plain)["effects"][0]
    assert effect["value"] == 0
    assert effect["low"] == 0
    assert 0 < effect["high"] < 1
    assert effect["p_value"] < 1e-6
    assert effect["standard_error"] is None


def test_separation_in_a_logistic_model_names_the_way_out(tmp_path):
    code, words = told(tmp_path, "replay", rows=SEPARATED, protocol=BINARY)
    assert code == 2
    assert (
        "complete separation: the likelihood has no maximum, as (intercept), arm[drug] run to infinity"
        in words
    )
    assert 'take method = "firth logistic" or "proportions"' in words
    for method in ("firth logistic", "proportions"):
        code, words = told(
            tmp_path, "replay", rows=SEPARATED, protocol=BINARY + f'[analysis]\nmethod = "{method}"\n'
        )
        assert code == 0, words
        assert "risk difference" in words


def test_separation_stops_a_redesign_by_name(tmp_path):
    code, words = told(tmp_path, "redesign", rows=SEPARATED, protocol=SURVIVAL + COVARIATES + BOTH)
    assert code == 2
    assert "there is no effect in those who meet no criterion: an arm has no event, or events order" in words


def test_visits_after_death_are_named_in_check_and_report(tmp_path):
    rows = [(*row[:6], row[4] - 3 if k in (4, 7) else None) for k, row in enumerate(ROWS)]
    head, out = HEAD.replace('arm = "ARM"', 'arm = "ARM", death = "DIED"'), tmp_path / "out"
    first = f"row 6 (subject s4, {rows[4][4]}, dead at {rows[4][6]})"
    expected = f"2 rows of 2 subjects are after death, in adsl.csv: {first}"
    code, words = told(tmp_path, "check", rows=rows, head=head)
    assert code == 0
    assert f"Warning: {expected}" in words
    code, words = told(tmp_path, "replay", rows=rows, head=head, more=("--out", str(out)))
    assert f"Warning: {expected}" in words
    assert expected in (out / "report.html").read_text(encoding="utf-8")


def test_measurements_after_death_are_named_by_visit(tmp_path):
    visits = [(name, week, week * 7, 50 + week) for name in ("s0", "s1", "s2", "s3") for week in (1, 2, 3)]
    write_table(tmp_path / "visits.csv", "ID,WEEK,DAY,SCORE", visits)
    protocol = """[endpoint]
kind = "longitudinal"
file = "visits.csv"
visit = "WEEK"
time = "DAY"
value = "SCORE"
"""
    head = HEAD.replace('arm = "ARM"', 'arm = "ARM", death = "DIED"')
    rows = changed(1, 6, 15)
    _, words = told(tmp_path, "check", rows=rows, head=head, protocol=protocol)
    assert "1 rows of 1 subjects are after death, in visits.csv: row 7 (subject s1, 21, dead at 15)" in words
    _, words = told(tmp_path, "check", rows=rows, head=head, protocol=protocol.replace('time = "DAY"\n', ""))
    assert "visits cannot be set against deaths: nothing says when they were; give endpoint.time" in words


def test_death_before_randomisation(tmp_path):
    code, words = told(
        tmp_path, "check", rows=changed(2, 6, -1), head=HEAD.replace('"ARM"', '"ARM", death = "DIED"')
    )
    assert code == 1
    assert "1 problem in adsl.csv row 4, column DIED: dead before randomisation (value '-1')" in words


# -- twins: an outcome that was open before the score was frozen


def twins(path, *options) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["trial", "twins", str(path), *options])
    return found.exit_code, " ".join(found.output.split())


def test_score_frozen_beside_an_open_outcome_says_so(tmp_path):
    path, score = case(tmp_path), tmp_path / "score.json"
    code, words = twins(path, "--train", "--out", str(score))
    assert code == 0
    assert "Note: trial.csv is there already: that nobody had read it no score can tell" in words
    assert "Register its hash in [history] before the trial is opened" in words
    code, words = twins(path, "--score", str(score))
    assert code == 0
    assert "no score is registered in [history]: nothing shows that this one was frozen before" in words


def test_score_frozen_before_the_outcome_is_there(tmp_path):
    path = case(tmp_path)
    (tmp_path / "trial.csv").unlink()
    code, words = twins(path, "--train", "--out", str(tmp_path / "score.json"))
    assert code == 0
    assert "is there already" not in words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda f: f.assign(DAYS=f["DAYS"].where(f.index != 2, -4)),
            "row 4, column DAYS: before randomisation",
        ),
        (
            lambda f: f.assign(USUBJID=f["USUBJID"].where(f.index != 2, "old-0")),
            "a patient with two outcomes",
        ),
    ],
)
def test_history_is_checked_as_a_trial_is(tmp_path, change, words):
    path = case(tmp_path, "survival")
    rewrite(tmp_path / "history.csv", change)
    code, said = twins(path, "--train", "--out", str(tmp_path / "score.json"))
    assert code == 2
    assert words in said
    assert not (tmp_path / "score.json").exists()


def test_trial_of_twins_is_checked(tmp_path):
    path, score = case(tmp_path, "survival"), tmp_path / "score.json"
    twins(path, "--train", "--out", str(score))
    rewrite(tmp_path / "trial.csv", lambda f: f.assign(DAYS=f["DAYS"].where(f.index != 2, -4)))
    code, words = twins(path, "--score", str(score))
    assert code == 2
    assert "1 problem in trial.csv row 4, column DAYS: before randomisation (value '-4')" in words
