"""Hierarchies of outcomes in a protocol: every pair by hand, strata, what is not known, and what is refused."""

from __future__ import annotations

from itertools import product

import pytest
from made_trial import made_trial
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.errors import StudyError
from understudy.trials import replay
from understudy.trials.analyses.analysis import analyse

# Subject, arm, site, days, dead, walk (m).
ROWS = [
    ("p1", "placebo", "A", 10, 1, 300), ("p2", "placebo", "A", 40, 0, 310), ("p3", "placebo", "B", 25, 1, 280),
    ("p4", "placebo", "B", 50, 0, 350), ("d1", "drug", "A", 30, 1, 305), ("d2", "drug", "A", 45, 0, 360),
    ("d3", "drug", "B", 20, 0, 330), ("d4", "drug", "B", 50, 0, 355), ("d5", "drug", "B", 60, 1, None),
]  # fmt: skip
STAYS = {"p1": [2], "p2": [5, 30], "p4": [44], "d1": [7], "d2": [], "d4": [3, 9, 20], "p3": [], "d5": [55]}
PROTOCOL = """[endpoint]
name = "hierarchy"
kind = "hierarchical"
[[endpoint.outcomes]]
name = "death"
kind = "survival"
time = "DAYS"
event = { DEAD = 1 }
[[endpoint.outcomes]]
name = "hospital"
kind = "recurrent"
file = "stays.csv"
start = "START"
time = "STOP"
event = { STAY = 1 }
[[endpoint.outcomes]]
name = "walk"
kind = "continuous"
value = "WALK"
better = "higher"
margin = 10
"""


def hierarchy(folder, more="", protocol=PROTOCOL):
    stays = []
    for name, *_, days, _, _ in ROWS:
        if name in STAYS:
            cuts = [0, *STAYS[name], days]
            stays += [(name, *cuts[k : k + 2], int(k < len(STAYS[name]))) for k in range(len(cuts) - 1)]
    tables = {"adsl.csv": ("ID,ARM,SITE,DAYS,DEAD,WALK", ROWS), "stays.csv": ("ID,START,STOP,STAY", stays)}
    return made_trial(folder, protocol + more, tables)


def compare(first: tuple, second: tuple) -> tuple[int, str]:
    """1 where the first does better, -1 where worse, 0; and by which outcome. Written out, not as the kernel does."""
    (a, *_, t, dead, walk), (b, *_, u, other_dead, other_walk) = first, second
    if other_dead and (t > u or (t == u and not dead)):
        return 1, "death"
    if dead and (u > t or (t == u and not other_dead)):
        return -1, "death"
    if a in STAYS and b in STAYS:
        shared = min(t, u)
        mine, theirs = (sum(day <= shared for day in STAYS[name]) for name in (a, b))
        if mine != theirs:
            return (1 if mine < theirs else -1), "hospital"
    if walk is not None and other_walk is not None and abs(walk - other_walk) > 10:
        return (1 if walk > other_walk else -1), "walk"
    return 0, "none"


def pairs(site: str | None = None) -> list[tuple[int, str]]:
    arms = [[row for row in ROWS if row[1] == arm and site in (None, row[2])] for arm in ("drug", "placebo")]
    return [compare(first, second) for first, second in product(*arms)]


def test_every_pair_is_decided_as_by_hand(tmp_path):
    found = analyse(hierarchy(tmp_path))
    expected = pairs()
    won, lost = (sum(result == side for result, _ in expected) for side in (1, -1))
    ratio, odds, benefit = found.effects
    assert [each.measure for each in found.effects] == ["win ratio", "win odds", "net benefit"]
    tied = len(expected) - won - lost
    assert ratio.value == pytest.approx(won / lost)
    assert odds.value == pytest.approx((won + tied / 2) / (lost + tied / 2))
    assert benefit.value == pytest.approx((won - lost) / len(expected))
    table = found.tables["wins"].set_index("endpoint")
    for name in ("death", "hospital", "walk"):
        assert table.loc[name, "wins"] == sum(each == (1, name) for each in expected), name
        assert table.loc[name, "losses"] == sum(each == (-1, name) for each in expected), name
    assert table.loc["none", "ties"] == tied


def test_pairs_of_strata_are_weighted_by_their_size(tmp_path):
    found = analyse(hierarchy(tmp_path, '[analysis]\nstrata = ["SITE"]\n')).effects[0]
    sums = {1: 0.0, -1: 0.0}
    for site in ("A", "B"):
        size = sum(row[2] == site for row in ROWS)
        for result, _ in pairs(site):
            if result:
                sums[result] += 1 / size
    assert found.value == pytest.approx(sums[1] / sums[-1])


def test_what_is_not_known_decides_nothing_and_is_told(tmp_path):
    notes = analyse(hierarchy(tmp_path)).notes
    assert "hospital is not known of 1 subjects: it decides none of their pairs" in notes
    assert "walk is not known of 1 subjects: it decides none of their pairs" in notes


def test_unknown_survival_decides_nothing(tmp_path):
    """Not even against an event on day 0; who is not known of at all is in no pair."""
    rows = [("p1", "placebo", None, None, 1), ("p2", "placebo", 0, 1, 1), ("d1", "drug", None, None, 1),
            ("d2", "drug", 0, 1, 1), ("d3", "drug", 5, 0, 1), ("d4", "drug", None, None, None)]  # fmt: skip
    protocol = """[endpoint]
kind = "hierarchical"
outcomes = [
    { name = "death", kind = "survival", time = "DAYS", event = { DEAD = 1 } },
    { name = "pain", kind = "count", value = "PAIN" },
]
"""
    trial = made_trial(tmp_path, protocol, {"adsl.csv": ("ID,ARM,DAYS,DEAD,PAIN", rows)})
    table = analyse(trial).tables["wins"]
    assert table["wins"].tolist() == [1, 0, 0]
    assert table["losses"].tolist() == [0, 0, 0]
    assert table["ties"].tolist() == [0, 0, 5]
    assert "death: 3 of 6 subjects have no known outcome: placebo 1, drug 2" in trial.warnings


def test_first_to_recover_wins(tmp_path):
    rows = [("p1", "placebo", 9, 1), ("p2", "placebo", 4, 0), ("d1", "drug", 3, 1), ("d2", "drug", 12, 0)]
    protocol = """[endpoint]
kind = "hierarchical"
outcomes = [{ name = "recovery", kind = "survival", time = "DAYS", event = { WELL = 1 }, better = "higher" }]
"""
    found = analyse(made_trial(tmp_path, protocol, {"adsl.csv": ("ID,ARM,DAYS,WELL", rows)}))
    assert found.tables["wins"]["wins"].tolist() == [2, 0]
    assert found.tables["wins"]["losses"].tolist() == [1, 0]


def test_arm_that_never_loses_has_a_net_benefit_only(tmp_path):
    rows = [("p1", "placebo", 1), ("p2", "placebo", 2), ("d1", "drug", 3), ("d2", "drug", 4)]
    protocol = """[endpoint]
kind = "hierarchical"
outcomes = [{ name = "walk", kind = "continuous", value = "WALK", better = "higher" }]
"""
    found = replay(made_trial(tmp_path, protocol, {"adsl.csv": ("ID,ARM,WALK", rows)}))
    assert found.effects[0].value == float("inf")
    assert any("drug never loses a pair" in told for told in found.notes)
    told = CliRunner().invoke(
        app, ["trial", "replay", str(tmp_path / "trial.toml"), "--out", str(tmp_path / "out")]
    )
    assert told.exit_code == 0, told.output
    assert "rug never loses a pair" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_stratum_without_an_arm_is_named(tmp_path):
    rows = [("p1", "placebo", "A", 1), ("p2", "placebo", "B", 3), ("d1", "drug", "B", 2)]
    protocol = """[endpoint]
kind = "hierarchical"
outcomes = [{ name = "pain", kind = "count", value = "PAIN" }]
[analysis]
strata = ["SITE"]
"""
    trial = made_trial(tmp_path, protocol, {"adsl.csv": ("ID,ARM,SITE,PAIN", rows)})
    with pytest.raises(
        StudyError, match=r"the stratum 'A' has nobody of the arm drug(.|\n)*analysis.strata, SITE"
    ):
        analyse(trial)


def test_margin_that_nobody_passes_is_told(tmp_path):
    rows = [("p1", "placebo", 1), ("d1", "drug", 3)]
    protocol = """[endpoint]
kind = "hierarchical"
outcomes = [{ name = "walk", kind = "continuous", value = "WALK", better = "higher", margin = 5 }]
"""
    trial = made_trial(tmp_path, protocol, {"adsl.csv": ("ID,ARM,WALK", rows)})
    with pytest.raises(StudyError, match=r"no pair of drug and placebo is decided(.|\n)*margins"):
        analyse(trial)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('better = "higher"\n', "", "nothing says which values are good"),
        ('name = "hospital"', 'name = "death"', "two outcomes are called 'death'"),
        ('kind = "hierarchical"', 'kind = "hierarchical"\ntime = "DAYS"', "has no time of its own"),
        (
            'kind = "hierarchical"',
            'kind = "survival"\ntime = "DAYS"\nevent = { DEAD = 1 }',
            "no outcomes below it",
        ),
        ("margin = 10", "margin = -1", "margin should be 0.0 or more"),
    ],
)
def test_hierarchies_without_meaning_are_refused(tmp_path, old, new, words):
    with pytest.raises(StudyError, match=words):
        hierarchy(tmp_path, protocol=PROTOCOL.replace(old, new))
