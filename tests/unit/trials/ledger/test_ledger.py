"""The ledger: what is frozen stays, what is scored is scored once, and whatever is changed shows."""

import json
import tomllib

import pytest

from understudy.core.errors import StudyError
from understudy.trials.ledger import chain, freeze, load_prediction, read_ledger, score, verify
from understudy.trials.ledger.prediction import Prediction

TOLD = {
    "id": "change",
    "what": "Mean change of the drug's arm less placebo",
    "quantity": "mean difference",
    "unit": "points",
    "value": -1.2,
    "interval": [-2.8, 0.4],
    "level": 0.9,
    "hit": {"rule": "interval"},
    "outcome": {
        "statistic": "mean",
        "column": "change",
        "keep": {"visit": 24},
        "compare": {"column": "arm", "of": "drug", "to": "placebo"},
    },
}
# drug at week 24: -2 and 0, mean -1; placebo 1 and 2, mean 1.5: the difference is -2.5.
OUTCOME = "arm,visit,change\ndrug,24,-2\ndrug,24,0\ndrug,12,9\nplacebo,24,1\nplacebo,24,2\n"


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def outcome(tmp_path):
    path = tmp_path / "outcome.csv"
    path.write_text(OUTCOME)
    return path


def changed(**more):
    return {**TOLD, **more}


@pytest.fixture
def long_ledger(ledger, outcome):
    """Frozen a, b; scored a; frozen c."""
    for name in "ab":
        freeze(changed(id=name), ledger)
    score(outcome, ledger, id="a")
    freeze(changed(id="c"), ledger)
    return ledger


def test_a_prediction_is_scored_by_what_was_frozen(ledger, outcome):
    frozen = freeze(TOLD, ledger)
    scored = score(outcome, ledger)
    assert scored.content["observed"] == -2.5
    assert scored.content["rows"] == 4
    assert scored.content["hit"] is True
    assert scored.content["error"] == pytest.approx(-1.3, rel=1e-12)
    assert scored.content["outcome"]["sha256"] == __import__("hashlib").sha256(OUTCOME.encode()).hexdigest()
    assert scored.previous == frozen.hash
    row = verify(ledger).table().loc["change"]
    assert (row["predicted"], row["observed"], row["hit"]) == (-1.2, -2.5, True)
    assert row["frozen"].endswith("+00:00")


def test_scoring_twice_is_refused_and_leaves_the_ledger(ledger, outcome):
    freeze(TOLD, ledger)
    score(outcome, ledger)
    before = ledger.read_bytes()
    with pytest.raises(StudyError, match="was scored on"):
        score(outcome, ledger, id="change")
    with pytest.raises(StudyError, match="0 predictions are open"):
        score(outcome, ledger)
    assert ledger.read_bytes() == before


def test_an_outcome_opened_before_is_refused(ledger, outcome):
    freeze(TOLD, ledger)
    score(outcome, ledger)
    freeze(changed(id="afterwards", value=-2.5), ledger)
    with pytest.raises(StudyError, match="before this prediction was frozen"):
        score(outcome, ledger)
    outcome.write_text(OUTCOME + "placebo,24,3\n")
    assert score(outcome, ledger).content["observed"] == pytest.approx(-3)


def test_two_predictions_frozen_before_share_an_outcome(ledger, outcome):
    freeze(changed(id="a"), ledger)
    freeze(changed(id="b", hit={"rule": "tolerance", "by": 0.5}), ledger)
    assert score(outcome, ledger, id="a").content["hit"]
    assert not score(outcome, ledger, id="b").content["hit"]
    assert repr(verify(ledger)) == "Verification(whole: 2 frozen, 2 scored, 1 hits)"


def test_an_outcome_that_was_used_is_refused(ledger, outcome, tmp_path):
    (tmp_path / "records.csv").write_text(OUTCOME)
    freeze(changed(used=["records.csv"]), ledger)
    with pytest.raises(StudyError, match=r"is the file records\.csv that the prediction was made from"):
        score(outcome, ledger)
    assert len(read_ledger(ledger)) == 1


def test_freezing_never_opens_the_outcome(ledger, outcome):
    outcome.chmod(0o000)
    told = changed(outcome={**TOLD["outcome"], "file": "outcome.csv"})
    frozen = freeze(told, ledger)
    assert frozen.content["outcome_existed"] is True
    digest = __import__("hashlib").sha256(OUTCOME.encode()).hexdigest()
    assert digest not in ledger.read_text()
    outcome.unlink()
    assert freeze({**told, "id": "b"}, ledger).content["outcome_existed"] is False
    assert freeze(changed(id="c"), ledger).content["outcome_existed"] is None


def test_files_used_are_hashed_and_their_change_is_told(ledger, tmp_path):
    (tmp_path / "model.toml").write_text("a = 1\n")
    frozen = freeze(changed(used=["model.toml"]), ledger)
    assert frozen.content["used"]["model.toml"] == chain.sha256(b"a = 1\n").hexdigest()
    assert verify(ledger, folder=tmp_path).changed == ()
    (tmp_path / "model.toml").write_text("a = 2\n")
    assert verify(ledger, folder=tmp_path).changed == ("model.toml",)
    assert verify(ledger, folder=tmp_path).whole


def test_versions_and_code_are_frozen(ledger):
    content = freeze(TOLD, ledger).content
    assert content["versions"]["understudy"]
    assert len(content["code"]) == 64


def test_an_id_is_taken_once_and_is_made_where_none_is_given(ledger):
    freeze(TOLD, ledger)
    with pytest.raises(StudyError, match="was frozen on"):
        freeze(changed(value=-1.5), ledger)
    told = {k: v for k, v in TOLD.items() if k != "id"}
    made = freeze(told, ledger)
    assert made.id == made.content["sha256"][:12]


# Every way to tamper, and the line that must be named.


def edited(lines, k, **more):
    return [*lines[:k], chain.canonical_json({**json.loads(lines[k]), **more}), *lines[k + 1 :]]


def forged(lines, k, value):
    """Another predicted value, with the line's own hash made anew."""
    data = json.loads(lines[k])
    data["content"]["prediction"]["value"] = value
    parts = {key: data[key] for key in data if key != "hash"}
    return [*lines[:k], chain.canonical_json({**parts, "hash": chain.hash_of(**parts)}), *lines[k + 1 :]]


@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        (lambda ls: [ls[0].replace("-1.2", "-2.5"), *ls[1:]], 1),
        (lambda ls: [*ls[:2], ls[2].replace('"hit":true', '"hit":false'), *ls[3:]], 3),
        (lambda ls: edited(ls, 1, at="2020-01-01T00:00:00+00:00"), 2),
        (lambda ls: edited(ls, 3, id="d"), 4),
        (lambda ls: forged(ls, 1, -2.5), 2),
        (lambda ls: [ls[1], ls[0], *ls[2:]], 1),
        (lambda ls: [ls[0], ls[2], ls[3]], 2),
        (lambda ls: ls[1:], 1),
        (lambda ls: [*ls[:2], ls[1], *ls[2:]], 3),
        (lambda ls: [ls[0], ls[1].replace(",", ", ", 1), *ls[2:]], 2),
        (lambda ls: [*ls, "{}"], 5),
        (lambda ls: [*ls[:2], "", *ls[2:]], 3),
    ],
)
def test_tampering_is_found_and_its_line_named(long_ledger, tamper, line):
    lines = long_ledger.read_text().splitlines()
    long_ledger.write_text("\n".join(tamper(lines)) + "\n")
    found = verify(long_ledger)
    assert not found.whole
    assert f"line {line}" in found.problems[0].place
    with pytest.raises(StudyError, match="in the ledger"):
        read_ledger(long_ledger)


def test_a_forged_line_breaks_the_next(long_ledger):
    lines = long_ledger.read_text().splitlines()
    long_ledger.write_text("\n".join(forged(lines, 1, -2.5)) + "\n")
    told = [str(problem) for problem in verify(long_ledger).problems]
    assert any("does not match its hash" in text and "line 2" in text for text in told)
    assert any("does not follow" in text and "line 3" in text for text in told)


def test_a_cut_ledger_shows_against_a_head_that_was_noted(long_ledger):
    entries = read_ledger(long_ledger)
    lines = long_ledger.read_text().splitlines()
    long_ledger.write_text("\n".join(lines[:2]) + "\n")
    assert verify(long_ledger).whole  # nothing in the file tells
    assert not verify(long_ledger, head=entries[-1].hash).whole
    assert verify(long_ledger, head=entries[1].hash[:12]).whole  # an older head: the ledger may have gone on
    with pytest.raises(StudyError, match="no head"):
        verify(long_ledger, head="abc")


def test_half_a_line_is_named(long_ledger):
    long_ledger.write_text(long_ledger.read_text()[:-40])
    places = [problem.place for problem in verify(long_ledger).problems]
    assert places[0].endswith("line 4")


def test_a_failed_write_leaves_the_ledger_as_it_was(long_ledger, monkeypatch, outcome):
    before = long_ledger.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(chain.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        freeze(changed(id="d"), long_ledger)
    assert long_ledger.read_bytes() == before
    assert sorted(p.name for p in long_ledger.parent.iterdir()) == ["ledger.jsonl", "outcome.csv"]


def test_a_second_writer_is_refused(long_ledger):
    lock = long_ledger.with_name("ledger.jsonl.lock")
    lock.touch()
    with pytest.raises(StudyError, match="being written by another"):
        freeze(changed(id="d"), long_ledger)
    lock.unlink()
    stale = chain.Entry.after(read_ledger(long_ledger)[:2], "prediction", "e", {})
    with pytest.raises(StudyError, match="went on"):
        chain.append(long_ledger, stale, stale.previous)


@pytest.mark.parametrize(
    ("rule", "observed", "hit"),
    [
        ({"rule": "interval"}, 0.4, True),
        ({"rule": "interval"}, 0.41, False),
        ({"rule": "tolerance", "by": 0.5}, -1.6, True),
        ({"rule": "tolerance", "by": 0.5}, -0.6, False),
        ({"rule": "relative", "by": 0.25}, -1.45, True),
        ({"rule": "relative", "by": 0.25}, -1.6, False),
        ({"rule": "below", "by": 0}, -0.01, True),
        ({"rule": "above", "by": 0}, -0.01, False),
    ],
)
def test_rules_of_a_hit(rule, observed, hit):
    assert Prediction.model_validate(changed(hit=rule)).is_hit(observed) is hit


def test_interval_score():
    made = load_prediction(TOLD)
    assert made.interval_score(0.0) == pytest.approx(3.2)
    # 0.1 above the end costs 2 / 0.1 times that: 3.2 + 2.
    assert made.interval_score(0.5) == pytest.approx(5.2)


@pytest.mark.parametrize(
    ("asked", "figure"),
    [
        ({"statistic": "count", "event": {"change": {"above": 0}}}, 3),
        ({"statistic": "share", "event": {"change": {"above": 0}}, "keep": {"visit": 24}}, 0.5),
        ({"statistic": "median", "column": "change"}, 1),
        ({"statistic": "sum", "column": "change"}, 10),
        ({"statistic": "value", "column": "change", "keep": {"visit": 12}}, 9),
        (
            {
                "statistic": "mean",
                "column": "change",
                "compare": {"column": "visit", "of": "24", "to": "12", "by": "ratio"},
            },
            0.25 / 9,
        ),
    ],
)
def test_figures(ledger, outcome, asked, figure):
    freeze(changed(outcome=asked), ledger)
    assert score(outcome, ledger).content["observed"] == pytest.approx(figure, rel=1e-12)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"statistic": "mean", "column": "chang"}, "did you mean change"),
        ({"statistic": "mean", "column": "arm"}, "5 of 5 cells of arm are no number"),
        ({"statistic": "value", "column": "change"}, "5 rows where one value is asked for"),
        ({"statistic": "mean", "column": "change", "keep": {"visit": 36}}, "no row is left"),
        (
            {"statistic": "mean", "column": "change", "compare": {"column": "arm", "of": "x", "to": "drug"}},
            "the column has drug, placebo",
        ),
    ],
)
def test_an_outcome_that_does_not_fit_writes_nothing(ledger, outcome, asked, told):
    freeze(changed(outcome=asked), ledger)
    before = ledger.read_bytes()
    with pytest.raises(StudyError) as error:
        score(outcome, ledger)
    assert told in str(error.value)
    assert ledger.read_bytes() == before


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"interval": [1, 0]}, "is empty"),
        ({"level": None}, "belong together"),
        ({"hit": {"rule": "tolerance"}}, "needs by"),
        ({"hit": {"rule": "near"}}, "rule should be"),
        ({"value": "2"}, "should be a number"),
        ({"used": ["/etc/passwd"]}, "absolute path"),
        ({"outcome": {"statistic": "mean"}}, "needs a column"),
        ({"outcome": {"statistic": "share"}}, "a share of what"),
        ({"outcome": {"statistic": "count", "event": {"a": {"over": 2}}}}, "unknown comparison"),
        ({"quantitiy": "x"}, "did you mean quantity"),
        ({"used": ["nothing.toml"]}, "cannot read the file"),
        (
            {"used": ["o.csv"], "outcome": {"statistic": "mean", "column": "a", "file": "o.csv"}},
            "among the files used",
        ),
    ],
)
def test_faulty_predictions_are_refused_and_nothing_is_written(ledger, more, told):
    with pytest.raises(StudyError) as error:
        freeze(changed(**more), ledger)
    assert told in str(error.value)
    assert not ledger.exists()


def test_the_line_of_a_fault_is_named(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('what = "x"\nquantity = "y"\nunit = "1"\nvalue = "2"\n')
    assert tomllib.loads(path.read_text())
    with pytest.raises(StudyError, match="line 4, value"):
        load_prediction(path)
