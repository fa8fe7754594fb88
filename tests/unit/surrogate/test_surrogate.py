"""Surrogates: predictions like outcomes, refusals, and files that are checked before they are believed."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy import SimulationError, Surrogate

OLD = Path(__file__).parent / "version_1.npz"
INSIDE = {"Vmax": 40.0, "Km": 4.0}


def test_predictions_are_an_outcome_with_intervals(saturable):
    table = pd.DataFrame({"Vmax": [30.0, 60.0], "Km": [2.0, 5.0]}, index=["ann", "bob"])
    found = saturable.predict(table)
    assert found.outputs == ("Cp", "Cp_lower", "Cp_upper")
    assert found["Cp"].shape == (2, 5)
    assert list(found.patients) == ["ann", "bob"]
    assert set(found.units.values()) == {"mg/L"}
    assert (found["Cp_lower"].values[:, 1:] < found["Cp"].values[:, 1:]).all()
    assert (found["Cp"].values[:, 1:] < found["Cp_upper"].values[:, 1:]).all()
    assert found.record.inputs == {"surrogate": saturable.hash}
    assert not found.failures


def test_draws_are_folded_as_by_simulate(saturable):
    index = pd.MultiIndex.from_product([["ann", "bob"], [0, 1, 2]])
    table = pd.DataFrame({"Vmax": np.linspace(30, 60, 6), "Km": 3.0}, index=index)
    folded, flat = saturable.predict(table), saturable.predict(table.set_axis(range(6)))
    assert folded["Cp"].dims == ("patient", "time", "draw")
    assert (folded["Cp"].values == flat["Cp"].values.reshape(2, 3, 5).transpose(0, 2, 1)).all()


def test_what_is_left_out_has_the_models_own_value(saturable):
    whole = saturable.predict([INSIDE])["Cp"].values
    assert (saturable.predict()["Cp"].values == whole).all()
    assert (saturable.predict([{"Km": 4.0}])["Cp"].values == whole).all()


def test_outside_the_box_is_refused(saturable):
    with pytest.raises(SimulationError, match="patient 0: Vmax = 81, allowed 20 to 80 mg/h"):
        saturable.predict([INSIDE | {"Vmax": 81.0}])
    edge = saturable.predict([{"Vmax": 80.0, "Km": 1.0}])
    assert np.isfinite(edge["Cp"].values).all()


def test_what_was_not_varied_is_refused(saturable):
    with pytest.raises(SimulationError, match="V was not varied"):
        saturable.predict([INSIDE | {"V": 50.0}])


def test_nobody_is_refused(saturable):
    with pytest.raises(SimulationError, match="no patient"):
        saturable.predict(pd.DataFrame({"Vmax": [], "Km": []}))


def test_a_row_does_not_depend_on_the_others(saturable):
    table = pd.DataFrame(
        saturable.box.values(np.random.default_rng(1).random((5000, 2))), columns=["Vmax", "Km"]
    )
    whole = saturable.predict(table)["Cp"].values
    one = saturable.predict(table.iloc[[4321]])["Cp"].values
    # Sums of products in an order that depends on how many rows there are.
    np.testing.assert_allclose(whole[4321], one[0], rtol=1e-9)


def test_what_is_printed_says_how_good_it_is(saturable):
    text = repr(saturable)
    for words in (
        "Vmax 20 to 80 mg/h",
        "32 training",
        "95 % of errors within",
        "within the 90% interval",
        "was reached",
    ):
        assert words in text
    assert list(saturable.error.index) == ["Cp"]
    assert {"rmse", "largest", "q2", "coverage", "coverage_lower"} <= set(saturable.error.columns)


# files


def test_a_file_holds_all_of_it(saturable, tmp_path):
    saturable.save(tmp_path / "s.npz")
    read = Surrogate.load(tmp_path / "s.npz")
    assert read.account == saturable.account
    assert read.hash == saturable.hash
    for end in ("", "_lower", "_upper"):
        assert (read.predict()[f"Cp{end}"].values == saturable.predict()[f"Cp{end}"].values).all()
    assert list(tmp_path.iterdir()) == [tmp_path / "s.npz"]


def rewritten(path, to, change):
    """The file with one of its members changed, everything else as it was."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    told = json.loads(arrays["manifest"].tobytes())
    change(told, arrays)
    arrays["manifest"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    np.savez(to, **arrays)
    return to


def better_error(told, arrays):
    told["account"]["errors"][0]["typical_largest"] = 1e-9


def wider_box(told, arrays):
    told["account"]["box"]["ranges"][0]["upper"] = 1000.0


def other_number(told, arrays):
    arrays["0_scores"] = arrays["0_scores"] + 1e-9


def other_shape(told, arrays):
    arrays["0_level"] = arrays["0_level"][:, None]


def other_seed(told, arrays):
    told["account"]["record"]["seed"] = 99


@pytest.mark.parametrize("change", [better_error, wider_box, other_number, other_shape])
def test_a_changed_file_is_refused(saturable, tmp_path, change):
    saturable.save(tmp_path / "s.npz")
    with pytest.raises(SimulationError, match="does not match its hash"):
        Surrogate.load(rewritten(tmp_path / "s.npz", tmp_path / "t.npz", change))


def test_a_changed_record_is_refused(saturable, tmp_path):
    saturable.save(tmp_path / "s.npz")
    with pytest.raises(SimulationError, match="changed after it was written"):
        Surrogate.load(rewritten(tmp_path / "s.npz", tmp_path / "t.npz", other_seed))


def test_an_unchanged_rewrite_is_read(saturable, tmp_path):
    saturable.save(tmp_path / "s.npz")
    again = rewritten(tmp_path / "s.npz", tmp_path / "t.npz", lambda told, arrays: None)
    assert Surrogate.load(again).hash == saturable.hash


def test_a_later_version_is_refused(saturable, tmp_path):
    saturable.save(tmp_path / "s.npz")
    later = rewritten(tmp_path / "s.npz", tmp_path / "t.npz", lambda told, arrays: told.update(version=2))
    with pytest.raises(SimulationError, match="version 2, this program reads up to 1"):
        Surrogate.load(later)


def test_a_file_of_version_1_is_read_for_ever():
    old = Surrogate.load(OLD)
    assert old.account.model == "one_compartment_iv_michaelis_menten"
    assert old.hash == "e4bedd7887b2b7043de78083d2477b4679453743cacb981407cffeb5d4485925"
    # Stored when the file was written; a Cholesky factor by another library may differ in the last digits.
    np.testing.assert_allclose(
        old.predict()["Cp"].values[0], [2.0, 1.869291343, 1.744315058, 1.512145152, 1.30396784], rtol=1e-6
    )


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PK\x05\x06" + 18 * b"\0"])
def test_what_is_no_surrogate_is_refused(tmp_path, content):
    path = tmp_path / "s.npz"
    path.write_bytes(content)
    with pytest.raises(SimulationError, match="holds no surrogate"):
        Surrogate.load(path)


def test_arrays_alone_are_no_surrogate(tmp_path):
    np.savez(tmp_path / "s.npz", manifest=np.frombuffer(b"[1, 2]", np.uint8))
    with pytest.raises(SimulationError, match="holds no surrogate"):
        Surrogate.load(tmp_path / "s.npz")


def test_objects_in_a_file_are_never_made(tmp_path):
    """A pickled object in the place of an array: reading it would run what it says."""
    ran = []

    class Trap:
        def __reduce__(self):
            return (ran.append, (1,))

    member = io.BytesIO()
    np.lib.format.write_array(member, np.array([Trap()], dtype=object))
    with zipfile.ZipFile(tmp_path / "s.npz", "w") as archive:
        archive.writestr("manifest.npy", member.getvalue())
    with pytest.raises(SimulationError, match="holds no surrogate"):
        Surrogate.load(tmp_path / "s.npz")
    assert not ran


def test_paths_that_cannot_be_are_refused(saturable, tmp_path):
    with pytest.raises(SimulationError, match="does not exist"):
        Surrogate.load(tmp_path / "none.npz")
    with pytest.raises(SimulationError, match=r"give the file the ending \.npz"):
        saturable.save(tmp_path / "s.json")
    with pytest.raises(SimulationError, match="there is no folder"):
        saturable.save(tmp_path / "none" / "s.npz")
