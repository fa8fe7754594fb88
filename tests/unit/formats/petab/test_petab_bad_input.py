"""Bad input: an error that names file, row and column, within bounded time and memory."""

import contextlib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_problem import CONVERSION, V1, V2, problem, table, write

from understudy import load
from understudy.core.errors import FormatError, UnderstudyError
from understudy.formats.antimony import sbml_of
from understudy.formats.petab.table import read_tables
from understudy.formats.petab.yaml_file import read_yaml

pytest.importorskip("libsbml")
pytest.importorskip("yaml")

OBSERVABLE, TARGET = "row 3, column observableId", "row 2, column targetId"
CIRCLE = "row 2, column observableFormula"
HEAD_2 = "format_version: 2.0.0\nparameter_files: [parameters.tsv]\n"


def refused(folder, version, told, place, **tables):
    """The problem cannot be evaluated, and the error says so there."""
    with pytest.raises(FormatError) as caught:
        problem(folder, version, **tables).log_likelihood()
    assert told in caught.value.cause
    assert caught.value.place == place
    assert caught.value.repair


@pytest.mark.parametrize(
    ("name", "old", "new", "told", "place"),
    [
        ("measurements", "obs_a c0 0.1", "obs_x c0 0.1", "no such observable (value 'obs_x')", OBSERVABLE),
        ("measurements", "c0 0.1", "c1 0.1", "no such condition", "row 3, column simulationConditionId"),
        ("measurements", "0.1 10", "high 10", "no number (value 'high')", "row 3, column measurement"),
        ("measurements", "0.1 10", ". 10", "the cell is empty", "row 3, column measurement"),
        ("measurements", "0.1 10", "0.1 -1", "before the start", "row 3, column time"),
        ("measurements", "0.1 10", "inf 10", "this must be finite", "row 3, column measurement"),
        ("measurements", "measurement time", "measured time", "the column 'measurement' is missing", "row 1"),
        ("measurements", "measurement time", "time time", "the column 'time' is there twice", "row 1"),
        ("measurements", "0.1 10", "0.1 10 more", "the row has 5 cells, the header 4", "row 3"),
        ("observables", "A 0.5", "A+C 0.5", "'C' is not defined", "row 2, column observableFormula"),
        ("observables", "A 0.5", "A+ 0.5", "cannot be read at its end", "row 2, column observableFormula"),
        ("observables", "A 0.5", "A noiseParameter2_obs_a", "not numbered from 1", "row 2, column noiseFormula"),
        ("observables", "obs_a A", "2obs A", "this is no identifier", "row 2, column observableId"),
        ("parameters", "k2 lin", "k1 lin", "it is defined before, in row 2", "row 3, column parameterId"),
        ("parameters", "k2 lin", "k2 cube", "this is not supported", "row 3, column parameterScale"),
        ("parameters", "0.6 1", "0.6 yes", "this is not supported", "row 3, column estimate"),
        ("parameters", "0.01 10 0.6", "10 0.01 0.6", "above the upper one", "row 3, column lowerBound"),
        ("conditions", "conditionId\n        c0", "conditionId nobody\nc0 3", "nobody is no", "row 2, column nobody"),
        ("conditions", "conditionId\n        c0", "conditionId k2\nc0 who", "'who' is not defined", "row 2, column k2"),
    ],
)  # fmt: skip
def test_tables_of_version_1(tmp_path, name, old, new, told, place):
    changed = V1[name].replace(old, new)
    assert changed != V1[name]
    refused(tmp_path, 1, told, f"{name}.tsv, {place}", **{name: changed})


EXPERIMENTS = {
    "parameters": "parameterId lowerBound upperBound nominalValue estimate\nk2 0 10 0.6 true",
    "conditions": "conditionId targetId targetValue\none k1 0.3",
    "experiments": "experimentId time conditionId\ne 0 one",
    "measurements": "observableId experimentId measurement time\nobs_a e 0.7 1",
    "observables": V2["observables"],
}


@pytest.mark.parametrize(
    ("name", "old", "new", "told", "place"),
    [
        ("measurements", "obs_a e", "obs_a f", "no such experiment", "row 2, column experimentId"),
        ("measurements", "0.7 1", "0.7 -1", "nothing is simulated then", "row 2, column time"),
        ("experiments", "e 0 one", "e 0 two", "no such condition", "row 2, column conditionId"),
        ("experiments", "e 0 one", "e inf one", "a period cannot begin then", "row 2, column time"),
        ("experiments", "e 0 one", "e 0 one\ne 0 one", "k1 is changed twice at once", "row 3, column conditionId"),
        ("conditions", "k1 0.3", "k2 0.3", "a parameter of the parameter table cannot change", TARGET),
        ("conditions", "k1 0.3", "nobody 0.3", "nobody is no parameter", "row 2, column targetId"),
        ("conditions", "k1 0.3", "k1 0.3\none k1 3", "it is changed twice", "row 3, column targetId"),
        ("conditions", "k1 0.3", "k1 A", "A has no value at the start", "row 2, column targetValue"),
        ("parameters", "0.6 true", "0.6 maybe", "this is not supported", "row 2, column estimate"),
        ("observables", "A 0.5", "other+A 0.5\nother obs_a 1", "observables depend on one another", CIRCLE),
    ],
)  # fmt: skip
def test_tables_of_version_2(tmp_path, name, old, new, told, place):
    changed = EXPERIMENTS[name].replace(old, new)
    assert changed != EXPERIMENTS[name]
    refused(tmp_path, 2, told, f"{name}.tsv, {place}", **{**EXPERIMENTS, name: changed})


def test_placeholders_without_values(tmp_path):
    observables = V1["observables"].replace("0.5", "noiseParameter1_obs_a")
    refused(
        tmp_path, 1, "there are 0 values, and 1 placeholders of obs_a",
        "measurements.tsv, row 2, column noiseParameters", observables=observables,
    )  # fmt: skip


def test_a_measurement_without_a_logarithm(tmp_path):
    refused(
        tmp_path, 1, "it has no logarithm", "measurements.tsv, row 2, column measurement",
        observables="observableId observableFormula noiseFormula observableTransformation\nobs_a A 1 log10",
        measurements=V1["measurements"].replace("0.7 0", "0 0"),
    )  # fmt: skip


def test_what_a_rule_determines_is_given_no_value(tmp_path):
    model = CONVERSION.replace("J1:", "total := A + B\n  J1:")
    with pytest.raises(FormatError, match="which a rule determines") as caught:
        problem(tmp_path, 1, model, conditions="conditionId total\nc0 3").log_likelihood()
    assert caught.value.place.startswith("model.xml, line ")


def test_a_delayed_event_that_may_wait_when_a_period_ends(tmp_path):
    model = CONVERSION.replace("J1:", "at 2 after A < 0.9: B = 2\n  J1:")
    assert problem(tmp_path, 2, model).log_likelihood().chi_square > 0
    tables = EXPERIMENTS | {"experiments": "experimentId time conditionId\ne 0 .\ne 1 one"}
    with pytest.raises(FormatError, match="has a delay, and the problem has several periods"):
        problem(tmp_path, 2, model, **tables).log_likelihood()


def test_values_that_are_missing_or_unknown(tmp_path):
    given_ = problem(tmp_path, 1, parameters=V1["parameters"].replace("0.6 1", ". 1"))
    with pytest.raises(FormatError, match="the parameter k2 has no value"):
        given_.log_likelihood()
    with pytest.raises(FormatError, match="no parameter 'k9'"):
        given_.log_likelihood({"k9": 1.0})
    assert given_.log_likelihood({"k2": 0.6}).chi_square > 0


@pytest.mark.parametrize(
    ("text", "told", "place"),
    [
        ("", "the file holds no mapping", "problem.yaml"),
        ("- 1\n- 2\n", "the file holds no mapping", "problem.yaml"),
        ("a: [1\nb: 2\n", "the file is not YAML", "problem.yaml, line 2, column 2"),
        ("a: !!python/object/apply:os.system ['true']\n", "the file is not YAML", "problem.yaml, line 1, column 4"),
        ("a: " + "[" * 100 + "]" * 100, "nested too deeply", "problem.yaml, line 1"),
        ("a: &a [x]\nb: [" + "*a, " * 30 + "]\n", "refers to its own parts more than 20 times", "problem.yaml, line 2"),
        ("format_version: 3\n", "format_version is 3", "problem.yaml"),
        ("x: 1\n", "format_version is missing", "problem.yaml"),
        ("format_version: 1\n", "parameter_file: is missing", "problem.yaml"),
        ("format_version: 1\nparameter_file: {a: 1}\n", "parameter_file: is no list of files", "problem.yaml"),
        ("format_version: 1\nparameter_file: https://x.org/p.tsv\n", "is an address", "problem.yaml"),
        (HEAD_2, "model_files: is missing", "problem.yaml"),
        (
            HEAD_2 + "extensions: {sciml: {version: 1, required: true}}\n",
            "the problem needs the extension sciml",
            "problem.yaml",
        ),
        (
            HEAD_2 + "model_files: {m: {location: m.bngl, language: bngl}}\n",
            "the model m is in 'bngl'",
            "problem.yaml",
        ),
    ],
)  # fmt: skip
def test_problem_files(tmp_path, text, told, place):
    path = tmp_path / "problem.yaml"
    (tmp_path / "parameters.tsv").write_text(table(V2["parameters"]))
    path.write_text(text)
    with pytest.raises(FormatError) as caught:
        load(path)
    assert told in caught.value.cause
    assert caught.value.place == place


def test_an_aliased_bomb_is_refused_before_it_grows(tmp_path):
    path = tmp_path / "problem.yaml"
    lines = ["a0: &a0 [x, x, x]"] + [f"a{k}: &a{k} [" + f"*a{k - 1}, " * 9 + "]" for k in range(1, 30)]
    path.write_text("\n".join(lines))
    with pytest.raises(FormatError, match="refers to its own parts"):
        read_yaml(path)


def test_files_that_are_not_there_too_large_or_no_text(tmp_path):
    path = write(tmp_path, 1)
    (tmp_path / "observables.tsv").rename(tmp_path / "observable.tsv")
    with pytest.raises(FormatError, match="the table is not there") as caught:
        load(path)
    assert caught.value.repair == "did you mean observable.tsv?"
    large = tmp_path / "observables.tsv"
    with large.open("wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(FormatError, match="the file has 60,000,000 bytes"):
        load(path)
    for content, told in ((b"a\tb\n\xff", "not UTF-8"), (b"a\0b", "NUL byte"), (b"", "the file is empty")):
        large.write_bytes(content)
        with pytest.raises(FormatError, match=told):
            load(path)
    large.write_text("observableId,observableFormula,noiseFormula\n")
    with pytest.raises(FormatError, match="column 'observableId' is missing") as caught:
        load(path)
    assert caught.value.repair == "separate the columns by tabs"
    with pytest.raises(FormatError, match="cannot read the problem's file"):
        read_yaml(tmp_path / "no.yaml")


def test_cells_may_be_quoted_and_rows_short_or_commented(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_bytes('\ufeffa\tb\tc\r\n# note\r\n"x y"\t1\r\n\r\n2\t"3"\t4\t\t\r\n'.encode())
    found = read_tables([path], ("a",))
    assert [row.text("a") for row in found] == ["x y", "2"]
    assert [row.text("c") for row in found] == ["", "4"]
    assert [row.line for row in found] == [3, 5]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(EXPERIMENTS)),
    data=st.data(),
)
def test_any_damage_to_a_table_is_an_error_or_harmless(tmp_path, name, data):
    """A piece of a table is replaced by another text: nothing but an error of ours comes of it."""
    text = table(EXPERIMENTS[name])
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    piece = data.draw(st.text("\t\n\"'#;.-+eE0159naif()^*Ak_ï\0", max_size=8))
    path = write(tmp_path, 2, **EXPERIMENTS)
    (tmp_path / f"{name}.tsv").write_text(text[:start] + piece + text[end:], newline="")
    with contextlib.suppress(UnderstudyError):
        load(path).log_likelihood()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text("abc:-[]{}&*!#|> \n\t'\"1.", max_size=60))
def test_any_text_is_yaml_or_an_error(tmp_path, text):
    path = tmp_path / "problem.yaml"
    path.write_text("format_version: 1\n" + text)
    with contextlib.suppress(FormatError):
        load(path)


def test_all_wrong_rows_are_told_at_once(tmp_path):
    rows = "\n".join(f"obs_{k % 2} . 0.7 late" for k in range(30))
    measurements = f"observableId experimentId measurement time\nobs_a . high 1\n{rows}"
    with pytest.raises(FormatError) as caught:
        problem(tmp_path, 2, measurements=measurements)
    lines = str(caught.value).splitlines()
    assert lines[:4] == [
        "31 problems in the tables",
        "  this is no number (value 'high')",
        "    where: measurements.tsv, row 2, column measurement",
        "    repair: give a number",
    ]
    assert "  there is no such observable (value 'obs_0')" in lines
    assert lines[-1] == "  and 11 more"
    with pytest.raises(FormatError, match="2 problems"):
        problem(tmp_path, 1, parameters=V1["parameters"].replace("0.01 10", "low 10"))


@pytest.mark.parametrize("version", [1, 2])
def test_nothing_measured(tmp_path, version):
    head = (V1 if version == 1 else V2)["measurements"].strip().splitlines()[0]
    refused(tmp_path, version, "a table of measurements has no rows", "problem.yaml", measurements=head)


@pytest.mark.parametrize("name", ["nï_", "a-b", "1a"])
def test_targets_that_can_name_nothing(tmp_path, name):
    """Found by the test above: a name was sought for them without end."""
    changed = EXPERIMENTS["conditions"].replace("k1", name)
    told = "this is no identifier"
    refused(
        tmp_path, 2, told, "conditions.tsv, row 2, column targetId", **EXPERIMENTS | {"conditions": changed}
    )
    with pytest.raises(FormatError, match="names nothing"):
        problem(tmp_path, 1, conditions=f"conditionId {name}\nc0 3")


@pytest.mark.parametrize("name", ["lambda", "t", "pi", "__x", "status"])
def test_identifiers_that_equations_cannot_use_are_names_all_the_same(tmp_path, name):
    found = problem(
        tmp_path,
        2,
        parameters=V2["parameters"] + f"\n{name} 0 10 2 true",
        observables=f"observableId observableFormula noiseFormula\nobs_a A*{name} 0.5",
    ).log_likelihood()
    assert found.simulations[0]["simulation"].iloc[0] == pytest.approx(2.0, rel=1e-12)


def test_what_looks_at_the_past_has_one_period(tmp_path):
    model = CONVERSION.replace("c * k2 * B", "c * k2 * delay(k1, 1)")
    assert problem(tmp_path, 2, model).log_likelihood().chi_square > 0
    model = CONVERSION.replace("J1:", "X = 1; J0: X -> ; X; d := delay(X, 2)\n  J1:")
    assert problem(tmp_path, 2, model).log_likelihood().chi_square > 0
    tables = EXPERIMENTS | {"experiments": "experimentId time conditionId\ne 0 .\ne 1 one"}
    with pytest.raises(
        FormatError, match="an equation looks at the past, and the problem has several periods"
    ):
        problem(tmp_path, 2, model, **tables).log_likelihood()


def test_what_follows_from_others_cannot_be_set_later(tmp_path):
    """A and B are at equilibrium at every moment: only their sum goes on."""
    text = CONVERSION.replace("k1 * A", "(k1 * A - k2 * B)").replace("J2: B -> A; c * k2 * B", "")
    model = sbml_of(text, "model").replace('level="3" version="2"', 'level="3" version="1"')
    model = model.replace("level3/version2", "level3/version1")
    model = re.sub(r'reversible="\w+"', 'reversible="true" fast="true"', model)
    tables = EXPERIMENTS | {
        "conditions": "conditionId targetId targetValue\none A 3",
        "experiments": "experimentId time conditionId\ne 0 one",
    }
    found = problem(tmp_path, 2, model, **tables).log_likelihood()
    assert found.simulations[0]["simulation"].tolist() == pytest.approx([3.5 * 0.6 / 1.4], rel=1e-7)
    tables["experiments"] = "experimentId time conditionId\ne 0 .\ne 0.5 one"
    with pytest.raises(FormatError, match="A follows from other quantities"):
        problem(tmp_path, 2, model, **tables).log_likelihood()
