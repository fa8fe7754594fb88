"""How the performance page reads stored results: times at equal error, ratios, what is missing, aims missed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks import page, work_precision
from benchmarks.aims import Aim, aims, aims_table
from benchmarks.cases import case
from benchmarks.engine_section import gpu_section, schedules_section, sensitivities_section
from benchmarks.figure import figure, power, table, times
from benchmarks.peers import ERRORS, measure, segments, time_at
from benchmarks.peers_section import case_section, peers_section, ratio
from benchmarks.sensitivities import ratios

from understudy.plot.svg import svg


def runs(*pairs: tuple[float, float], **more) -> list[dict]:
    """Runs from (error, CPU time)."""
    return [
        {"tolerance": 10.0 ** -(k + 2), "error": error, "cpu_s_per_1000": seconds, **more}
        for k, (error, seconds) in enumerate(pairs)
    ]


def solver(*pairs: tuple[float, float], **more) -> dict:
    found = runs(*pairs, **more)
    return {"runs": found, "at": {f"{wanted:.0e}": time_at(found, wanted) for wanted in ERRORS}}


def comparison(**solvers: dict) -> dict:
    """A case with Understudy at 0.02 and 0.04 seconds."""
    ours = solver((1e-2, 0.01), (1e-4, 0.02), (1e-6, 0.04), engine="kernel")
    return {
        "title": "a model",
        "stiff": False,
        "solvers": {"Understudy": ours, **solvers},
        "missing": {"numbalsoda": "No module named 'numbalsoda'"},
    }


MACHINE = {
    "machine": {"processor": "P", "cores": 2},
    "commit": "0123456789abcdef",
    "date": "2026-01-01",
    "sample": 8,
    "peer_versions": {"scipy": "1"},
}


def stored_peers(**cases: dict) -> dict:
    return {**MACHINE, "cases": cases}


def test_time_at_an_error_lies_on_the_line_between_logarithms():
    found = runs((1e-3, 1.0), (1e-5, 4.0))
    assert time_at(found, 1e-4) == pytest.approx(2.0)
    assert time_at(found, 1e-3) == pytest.approx(1.0)
    assert time_at(found, 10**-3.5) == pytest.approx(math.sqrt(2.0))


def test_a_run_that_costs_more_and_gives_less_does_not_count():
    # The second run is slower and less exact than the third.
    assert time_at(runs((1e-3, 1.0), (1e-4, 9.0), (1e-5, 4.0)), 1e-4) == pytest.approx(2.0)
    assert time_at(runs((1e-3, 1.0), (float("nan"), 0.5), (1e-5, 4.0)), 1e-4) == pytest.approx(2.0)


def test_an_error_that_no_run_reaches_has_no_time():
    assert time_at(runs((1e-2, 1.0), (1e-3, 2.0)), 1e-4) is None


def test_a_solver_more_exact_than_asked_takes_its_cheapest_run():
    assert time_at(runs((1e-9, 0.5), (1e-10, 1.0)), 1e-4) == 0.5


def test_ratios_to_understudy():
    this = comparison(slow=solver((1e-2, 1.0), (1e-4, 3.0), (1e-6, 10.0)))
    assert ratio(this, "slow", "1e-04") == pytest.approx(150.0)
    assert ratio(this, "slow", "1e-06") == pytest.approx(250.0)
    assert ratio(this, "absent", "1e-06") is None
    text = case_section("a", this)
    assert "| **Understudy** (kernel) | 0.0200 | 1.0 | 0.0400 | 1.0 |" in text
    assert "| slow | 3.00 | 150 | 10.0 | 250 |" in text
    assert text.index("Understudy") < text.index("slow")
    assert "Faster than Understudy" not in text


def test_a_faster_peer_is_named_the_ceiling_is_not():
    fast = solver((1e-3, 0.005), (1e-4, 0.01), (1e-6, 0.05))
    text = case_section("a", comparison(**{"fast": fast, "C lanes": fast}))
    assert "**Faster than Understudy here:** fast at 1e-4 (0.50 of Understudy's time)." in text
    assert "| C lanes (the ceiling) | 0.0100 | 0.50 |" in text


def test_peers_that_are_missing_or_stop_are_named_with_the_reason():
    this = comparison(lost=solver((1e-2, 1.0), (2e-3, 2.0)))
    this["missing"]["lost"] = "too many steps"
    text = case_section("a", this)
    assert "Not here: numbalsoda (No module named 'numbalsoda')." in text
    assert "lost stopped early: too many steps." in text
    assert "| lost | not reached (2e-03) |  | not reached (2e-03) |  |" in text


def test_a_solver_that_is_only_more_exact_is_marked():
    text = case_section("a", comparison(linear=solver((1e-9, 0.5))))
    assert r"| linear | 0.500 \* | 25 | 0.500 \* | 12 |" in text
    assert r"\* More exact" in text
    assert r"\*" not in case_section("a", comparison())


def test_measuring_names_what_is_missing(monkeypatch):
    from benchmarks import peers

    def absent(this):
        raise ImportError("No module named 'nowhere'")

    here = lambda this: lambda tolerance: (np.ones((1, 2, 3)) * (1 + tolerance), 0.5)  # noqa: E731
    monkeypatch.setattr(peers, "exact", lambda this: np.ones((1, 2, 3)))
    monkeypatch.setattr(peers, "SOLVERS", {"absent": absent, "here": here, "C lanes": here})
    found = measure(case("b"), ["absent", "here", "C lanes"])
    assert found["missing"] == {
        "absent": "No module named 'nowhere'",
        "C lanes": "written for case (a) alone",
    }
    assert list(found["solvers"]) == ["here"]
    assert [run["tolerance"] for run in found["solvers"]["here"]["runs"]] == [10.0**-k for k in range(2, 9)]
    assert found["solvers"]["here"]["at"]["1e-04"] == pytest.approx(0.5)


def test_segments_hold_every_observation_once():
    this = case("a")
    found = segments(this)
    assert np.concatenate([here for *_, here in found]).tolist() == list(range(this.times.size))
    assert [begin for begin, *_ in found] == [16.0 * k for k in range(15)]
    assert [until for _, until, _ in found] == [*(16.0 * k for k in range(1, 15)), 240.0]


def test_aims_met_missed_and_not_measured():
    assert Aim("", 5, {"a": 7.0, "b": 5.0}, at_least=True).verdict == "met"
    assert Aim("", 5, {"a": 7.0, "b": 4.9}, at_least=True).verdict == "**missed**"
    assert Aim("", 5, {"a": 7.0, "b": 4.9}).verdict == "**missed**"
    assert Aim("", 5, {"a": 4.0, "b": None}).verdict == "met; not measured: b"
    assert Aim("", 5, {"a": None}).verdict == "not measured"
    assert Aim("", 5, {"a": 7.0, "b": 4.9}, at_least=True, show=times).range == "4.9 (b) to 7.0 (a)"


def test_aims_read_the_stored_results():
    peers = stored_peers(a=comparison(diffrax=solver((1e-4, 0.08), (1e-6, 0.4))))
    million = {"runs": [{"peak_memory_MB": 4100}], "ratio_of_cpu_per_patient": 1.1}
    along = {"rows": ratios("a", {0: 1.0, 1: 1.5, 3: 5.0})}
    engine = {"own_schedules": [{"times_shared": 1.0}, {"times_shared": 1.9}], "first_simulation_s": 1.6}
    found = {
        aim.text: aim
        for aim in aims({"peers": peers, "million": million, "sensitivities": along, "engine": engine})
    }
    diffrax = found["(a)-(c): at least 5 times as fast as diffrax"]
    assert diffrax.range == "4.0 (a, 1e-4) to 10 (a, 1e-6)"
    assert diffrax.verdict.startswith("**missed**; not measured: b, 1e-4; b, 1e-6; c")
    assert found["a million patients on two cores in less than 4 GB"].verdict == "**missed**"
    assert (
        found["k sensitivities cost at most (1 + k) solutions"].range
        == "125 % of that (a, k = 3) to 75 % of that (a, k = 1)"
    )
    assert found["all schedules different: at most 2 times the cost of a shared one"].verdict == "met"
    assert found["a first simulation in a fresh process in 1.5 s, import included"].verdict == "**missed**"
    assert found["a new model of 4 states is compiled in 0.05 s"].verdict == "not measured"


def test_nothing_stored_is_nothing_measured():
    assert {aim.verdict.partition(";")[0] for aim in aims({})} == {"not measured"}
    assert aims_table(aims({})).count("not measured") == len(aims({}))


def test_sections_follow_what_is_stored():
    results = page.stored()
    without = page.page({**results, "peers": None, "million": None, "gpu": None})
    assert "## Against other solvers" not in without
    assert "## Many patients" not in without
    assert "Not measured: no device was at hand" in without
    assert "| `python -m benchmarks.million` | not yet |" in without
    peers = stored_peers(a=comparison())
    assert "## Against other solvers" in page.page({**results, "peers": peers})
    assert "images/work-precision.svg" in peers_section(peers)
    assert schedules_section({}) == ""


def test_gpu_figures_where_there_are_any():
    row = {
        "model": "turnover",
        "patients": 10_000,
        "bits": 64,
        "patients_per_second": 2e5,
        "patients_per_second_with_transfers": 1e5,
    }
    found = {
        "device": "a device",
        "rows": [{**row, "fraction_of_peak": 0.125, "failed": 0}],
        "difference_from_processor": {"turnover, 64 bits": 1e-9},
    }
    assert "| turnover | 10,000 | 64 | 200,000 | 100,000 | 12.5% | 0 |" in gpu_section(found)


def test_cost_of_sensitivities():
    plain, one, three = ratios("a", {0: 0.02, 1: 0.03, 3: 0.1})
    assert (plain["times_plain"], plain["share_of_limit"]) == (1.0, 1.0)
    assert one["share_of_limit"] == pytest.approx(0.75)
    assert three["share_of_limit"] == pytest.approx(1.25)


def test_second_sensitivities_have_a_table_once_they_are_measured():
    first = {"tolerance": 1e-6, "rows": ratios("c", {0: 0.02, 1: 0.03})}
    assert "Second" not in sensitivities_section(first)
    assert "| (c) | 1 | 0.0300 | 1.5 | 0.75 |" in sensitivities_section(first)
    row = {
        "engine": "closed_form", "sensitivities": 3, "cpu_s_per_1000": 0.05, "differences_cpu_s_per_1000": 0.4,
        "share_of_differences": 0.125, "error_of_differences": 4e-9,
    }  # fmt: skip
    found = sensitivities_section({**first, "second_doses": 8, "second_times": 60, "second": [row]})
    assert "| closed form | 3 | 0.0500 | 0.400 | 0.12 | 4.0e-09 |" in found


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0204, "0.0204"), (1.0, "1.00"), (13.81, "13.8"), (99.97, "100"), (1234.5, "1,234")],
)
def test_figures_have_three_digits(value, text):
    assert figure(value) == text


def test_ratios_powers_and_tables():
    assert [times(value) for value in (0.614, 4.66, 38.2, 1234.0)] == ["0.61", "4.7", "38", "1,234"]
    assert [power(value) for value in (1e-4, 1e-6, 1e-11)] == ["1e-4", "1e-6", "1e-11"]
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def overlap(one: work_precision.Label, other: work_precision.Label, span: float) -> bool:
    """Whether one name runs into another, or into the line under it."""
    reach = work_precision.width_of(one.solver) * span / work_precision.WIDTH
    near = 0 <= math.log10(other.time / one.time) < reach
    return near and other.row >= one.row


def test_names_in_the_chart_do_not_meet():
    names = ("C lanes", "diffrax", "numbalsoda", "libRoadRunner", "SciPy LSODA")
    begins = (0.015, 0.021, 0.022, 0.3, 7.0)
    this = comparison(**{n: solver((1e-2, t), (1e-7, 3 * t)) for n, t in zip(names, begins, strict=True)})[
        "solvers"
    ]
    left, right = work_precision.across(this)
    placed = work_precision.labels(this)
    assert {label.solver for label in placed} == {"Understudy", *names}
    for label in placed:
        end = (
            math.log10(label.time)
            + work_precision.width_of(label.solver) * (right - left) / work_precision.WIDTH
        )
        assert end <= right + 1e-9
        assert not any(overlap(label, other, right - left) for other in placed if other is not label)


def test_the_chart_has_a_panel_for_each_case_and_leaves_out_what_is_no_answer():
    lost = solver((50.0, 1.0), (2.0, 2.0))
    found = stored_peers(a=comparison(lost=lost, near=solver((5.0, 1.0), (1e-3, 2.0))), b=comparison())
    drawn = svg(work_precision.chart(found), name="chart", title="", description="")
    assert "(a) a model" in drawn
    assert "(b) a model" in drawn
    assert "near" in drawn
    assert "lost" not in drawn
    assert found["commit"][:10] in work_precision.drawing(found)


def test_what_is_more_exact_than_the_chart_reaches_stands_on_its_edge():
    rows = work_precision.points({"exact": solver((1e-5, 1.0), (1e-12, 2.0))}).values
    assert [row["error"] for row in rows] == [1e-5, 1e-9]
    assert [row["below"] for row in rows] == [False, True]
