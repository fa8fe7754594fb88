"""Secondary endpoints and the tests of several hypotheses: what is analysed, adjusted and may be claimed."""

from __future__ import annotations

import json
from itertools import product

import pytest
from made_trial import made_trial
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.errors import StudyError
from understudy.trials import load_trial, replay
from understudy.trials.claims import graph_of
from understudy.trials.multiplicity_section import MultiplicitySection

ROWS = [
    (f"s{k}", arm, 20 + 7 * k % 31, day, int(day < 40), walk)
    for k, (arm, day, walk) in enumerate(
        zip(
            ["placebo", "drug"] * 10,
            [5, 33, 9, 52, 14, 28, 22, 60, 31, 47, 12, 58, 27, 16, 35, 60, 8, 44, 19, 39],
            [
                310,
                340,
                295,
                362,
                330,
                318,
                301,
                377,
                322,
                351,
                299,
                349,
                316,
                333,
                325,
                368,
                290,
                341,
                308,
                329,
            ],
            strict=True,
        )
    )
]
TABLES = {"adsl.csv": ("ID,ARM,AGE,DAYS,DEAD,WALK", ROWS)}
PROTOCOL = """[endpoint]
name = "death"
kind = "survival"
time = "DAYS"
event = { DEAD = 1 }
[analysis]
covariates = ["AGE"]
[[secondary]]
name = "walk"
kind = "continuous"
value = "WALK"
better = "higher"
[[secondary]]
name = "dead by day 40"
kind = "binary"
event = { DEAD = 1 }
analysis = { method = "proportions" }
"""


def test_secondary_endpoints_are_those_of_trials_of_their_own(tmp_path):
    """Each is analysed as if it were the primary one; without a word on it with the primary's covariates."""
    found = replay(made_trial(tmp_path, PROTOCOL, TABLES))
    alone = """[endpoint]
name = "walk"
kind = "continuous"
value = "WALK"
better = "higher"
[analysis]
covariates = ["AGE"]
"""
    walk = replay(made_trial(tmp_path, alone, TABLES))
    assert [each.name for each in found.secondary] == ["walk", "dead by day 40"]
    assert found.secondary[0].analysed.effects == walk.effects
    assert found.secondary[1].analysed.method == "proportions"
    assert found.table()["endpoint"].tolist() == ["death", "walk", "dead by day 40", "dead by day 40"]


def test_without_multiplicity_secondary_p_values_are_called_descriptive(tmp_path):
    found = replay(made_trial(tmp_path, PROTOCOL, TABLES))
    assert found.claims is None
    assert any("p values of secondary endpoints are descriptive" in told for told in found.notes)


def claims(folder, section: str, protocol: str = PROTOCOL):
    return replay(made_trial(folder, protocol + "[multiplicity]\n" + section, TABLES)).claims


def p_values(folder) -> list[float]:
    found = replay(made_trial(folder, PROTOCOL, TABLES))
    return [each.effects[0].p_value for each in (found.primary, *(s.analysed for s in found.secondary))]


def test_adjusted_p_values_are_those_of_the_closed_test(tmp_path):
    """Every intersection by weighted Bonferroni; the graph's shortcut gives the same (Bretz et al. 2009)."""
    section = (
        'method = "graph"\nweights = { death = 0.6, walk = 0.4 }\n'
        'transitions = { death = { walk = 0.5, "dead by day 40" = 0.5 }, walk = { death = 1 }, '
        '"dead by day 40" = { death = 0.3, walk = 0.7 } }\n'
    )
    found, p = claims(tmp_path, section), p_values(tmp_path)
    graph = graph_of(MultiplicitySection(method="graph", weights={"a": 0.6, "b": 0.4}, transitions={
        "a": {"b": 0.5, "c": 0.5}, "b": {"a": 1.0}, "c": {"a": 0.3, "b": 0.7}}), ["a", "b", "c"])  # fmt: skip
    adjusted = [0.0] * 3
    for kept in product([False, True], repeat=3):
        if any(kept):
            left = graph
            for k, keep in enumerate(kept):
                left = left if keep else left.without(k)
            whole = min(1.0, min(p[k] / left.weights[k] for k in range(3) if kept[k] and left.weights[k] > 0))
            adjusted = [max(a, whole) if keep else a for a, keep in zip(adjusted, kept, strict=True)]
    assert [each.adjusted for each in found.items] == pytest.approx(adjusted, rel=1e-12)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ('method = "holm"\n', lambda p: holm_by_hand(p)),
        ('method = "bonferroni"\n', lambda p: [min(1, 3 * each) for each in p]),
        ('method = "fixed sequence"\n', lambda p: [max(p[: k + 1]) for k in range(3)]),
        ('method = "fixed sequence"\norder = ["walk", "death"]\n', lambda p: [max(p[:2]), p[1], max(p)]),
        ('method = "hochberg"\n', lambda p: hochberg_by_hand(p)),
    ],
)
def test_shortcuts_are_their_formulae(tmp_path, section, expected):
    p = p_values(tmp_path)
    assert [each.adjusted for each in claims(tmp_path, section).items] == pytest.approx(
        expected(p), rel=1e-12
    )


def holm_by_hand(p: list[float]) -> list[float]:
    order, reached, found = sorted(range(3), key=p.__getitem__), 0.0, [0.0] * 3
    for rank, k in enumerate(order):
        reached = max(reached, min(1.0, (3 - rank) * p[k]))
        found[k] = reached
    return found


def hochberg_by_hand(p: list[float]) -> list[float]:
    order, reached, found = sorted(range(3), key=p.__getitem__, reverse=True), 1.0, [0.0] * 3
    for rank, k in enumerate(order):
        reached = min(reached, (rank + 1) * p[k])
        found[k] = reached
    return found


def test_claims_say_which_arm_is_better(tmp_path):
    found = claims(tmp_path, 'method = "holm"\n')
    assert [each.verdict for each in found.items][:2] == ["shown: drug better", "shown: drug better"]
    assert "death (drug better)" in found.sentence
    worse = claims(tmp_path, 'method = "holm"\n', PROTOCOL.replace('better = "higher"', 'better = "lower"'))
    assert worse.items[1].verdict == "shown: drug WORSE"
    assert "walk: significant to the disadvantage" in worse.notes[0]
    unknown = claims(tmp_path, 'method = "holm"\n', PROTOCOL.replace('better = "higher"\n', ""))
    assert unknown.items[1].verdict == "shown: drug differs"


def test_one_sided_tests_are_for_benefit(tmp_path):
    p = p_values(tmp_path)
    found = claims(tmp_path, 'method = "bonferroni"\none_sided = true\n')
    assert found.alpha == 0.025
    assert [each.p_value for each in found.items] == pytest.approx([each / 2 for each in p])
    worse = claims(
        tmp_path,
        'method = "bonferroni"\none_sided = true\n',
        PROTOCOL.replace('better = "higher"', 'better = "lower"'),
    )
    assert worse.items[1].p_value == pytest.approx(1 - p[1] / 2)
    assert worse.items[1].verdict == "not shown"


def test_hypotheses_of_several_arms_are_named_by_both(tmp_path):
    rows = [*ROWS, *((f"t{k}", "double", age, day + 10, int(day < 30), walk) for k, (_, _, age, day, _, walk) in
                     enumerate(ROWS[:10]))]  # fmt: skip
    head = """title = "made"
subjects = { file = "adsl.csv", id = "ID", arm = "ARM" }
arms = { control = "placebo", treated = ["drug", "double"] }
"""
    protocol = (
        PROTOCOL + '[multiplicity]\nmethod = "fixed sequence"\norder = ["death: double", "death: drug"]\n'
    )
    found = replay(made_trial(tmp_path, protocol, {"adsl.csv": (TABLES["adsl.csv"][0], rows)}, head)).claims
    assert {each.name for each in found.items} == {
        f"{endpoint}: {arm}" for endpoint in ("death", "walk", "dead by day 40") for arm in ("drug", "double")
    }
    assert next(each.weight for each in found.items if each.name == "death: double") == 1.0
    first = next(each for each in found.items if each.name == "death: drug")
    assert first.side in ("better", "WORSE")


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ('method = "graph"\nweights = { death = 1 }\n', "the method graph needs transitions"),
        ('method = "holm"\norder = ["death"]\n', "the method holm has no order"),
        (
            'method = "holm"\nweights = { dying = 1 }\n',
            r"no hypothesis 'dying'(.|\n)*multiplicity.weights(.|\n)*'walk'",
        ),
        ('method = "bonferroni"\nweights = { death = 0.7, walk = 0.7 }\n', "pass 1 together"),
        ('method = "tukey"\n', "method should be 'graph'"),
    ],
)
def test_procedures_that_cannot_be_are_refused(tmp_path, section, words):
    with pytest.raises(StudyError, match=words):
        claims(tmp_path, section)


def test_one_sided_tests_need_a_direction(tmp_path):
    with pytest.raises(StudyError, match=r"more or less is good for walk(.|\n)*better = \"higher\""):
        claims(tmp_path, 'method = "holm"\none_sided = true\n', PROTOCOL.replace('better = "higher"\n', ""))


def test_endpoints_of_one_name_are_refused(tmp_path):
    with pytest.raises(StudyError, match="two endpoints are called 'death'"):
        made_trial(tmp_path, PROTOCOL.replace('name = "walk"', 'name = "death"'), TABLES)


def test_errors_name_the_secondary_endpoint(tmp_path):
    protocol = PROTOCOL.replace('better = "higher"\n', 'analysis = { method = "cox" }\n')
    with pytest.raises(
        StudyError, match=r"'cox' is no analysis of a continuous endpoint(.|\n)*secondary endpoint walk"
    ):
        replay(made_trial(tmp_path, protocol, TABLES))


def test_published_numbers_of_secondary_endpoints_are_compared(tmp_path):
    own = "analysis = { published = { drug = { estimate = 28.2 } } }\n"
    found = replay(made_trial(tmp_path, PROTOCOL.replace('better = "higher"\n', own), TABLES))
    assert [(each.endpoint, each.agrees) for each in found.comparisons] == [("walk", False)]


def test_command_and_report_tell_endpoints_claims_and_makers(tmp_path):
    made_trial(tmp_path, PROTOCOL + '[multiplicity]\nmethod = "hochberg"\n', TABLES)
    out = tmp_path / "out"
    told = CliRunner().invoke(app, ["trial", "replay", str(tmp_path / "trial.toml"), "--out", str(out)])
    words = " ".join(told.stdout.split())
    assert told.exit_code == 0, told.output
    assert "two-sided, by Hochberg's test, death (drug better)" in words
    for text in (
        "Walk, by analysis of covariance",
        "shown: drug better",
        "Made by: analysis of covariance: least squares",
    ):
        assert text in words
    page = (out / "report.html").read_text(encoding="utf-8")
    for text in ("Secondary endpoint: walk", "What may be claimed", "east squares (QR)", "numpy 2."):
        assert text in page
    assert (out / "tables" / "hypotheses.csv").exists()
    plain = json.loads(
        CliRunner().invoke(app, ["trial", "replay", str(tmp_path / "trial.toml"), "--json"]).stdout
    )
    assert [each["endpoint"] for each in plain["secondary"]] == ["walk", "dead by day 40"]
    assert plain["claims"]["hypotheses"][1]["verdict"] == "shown: drug better"
    assert plain["made_by"]


def test_ten_lines_are_enough():
    assert load_trial("examples/leukaemia/trial.toml").secondary == ()
