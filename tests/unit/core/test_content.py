"""Objects written as JSON come back equal, and their hashes depend on nothing but their content."""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.content import canonical_json, content_hash, decode, encode, file_hash
from understudy.core.errors import UnderstudyError
from understudy.core.expression import Expression
from understudy.model.model import Model
from understudy.model.parts import Input, Parameter, Source
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects

DEFAULT = Expression("a + 1")


@dataclass(frozen=True)
class Leaf:
    value: float
    equation: Expression = DEFAULT


@dataclass(frozen=True)
class Tree:
    name: str
    leaves: tuple[Leaf, ...] = ()
    matrix: tuple[tuple[float, ...], ...] = ()
    pair: tuple[int, str] = (1, "x")
    kind: Literal["oak", "fir"] = "oak"
    maybe: Leaf | None = None
    table: Mapping[str, float] | None = None
    old: bool = False


TREE = Tree(
    "t",
    (Leaf(1.5), Leaf(math.inf, Expression("b"))),
    ((1.0, -math.inf),),
    (2, "y"),
    "fir",
    Leaf(0.0),
    {"k": 2.0},
    True,
)


def one_compartment() -> Model:
    cited = Source("Doe, Journal, 1999", doi="10.1000/1")
    return Model(
        "oral",
        "h",
        (
            Parameter("ka", 1, "1/h", source=cited),
            Parameter("CL", 2, "L/h", lower=0),
            Parameter("V", 20, "L"),
        ),
        {"depot": "mg", "central": ("mg", "0 * V")},
        {"depot": "-ka * depot", "central": "ka * depot - CL / V * central"},
        inputs=(
            Input("oral", "depot", lag="0.5", bioavailability="0.8"),
            Input("iv", "central", duration="2"),
        ),
        outputs={"C": ("central / V", "mg/L")},
        assignments={"ke": "CL / V"},
        sources=(cited,),
    )


def population() -> PopulationModel:
    return PopulationModel(
        "oral, adults",
        one_compartment(),
        individual={"CL": "theta_CL * (WT / 70[kg]) ** 0.75 * exp(eta_CL)", "V": "20 * exp(eta_V)"},
        fixed={"theta_CL": (2.0, "L/h"), "sigma": (0.1, "1")},
        random=(
            RandomEffects(("eta_CL", "eta_V"), ((0.09, 0.03), (0.03, 0.04)), standard_errors=(0.01, 0.02)),
        ),
        residual={"C": "(sigma * C) ** 2"},
        covariates=(Covariate("WT", "kg", reference=70, lower=40),),
    )


@pytest.mark.parametrize("made", [one_compartment, population])
def test_models_survive_json_text(made):
    model = made()
    back = type(model).from_json(json.loads(json.dumps(model.to_json(), allow_nan=False)))
    assert back == model
    assert back.hash == model.hash
    assert back.to_json() == model.to_json()


def test_every_field_type_survives():
    assert decode(Tree, json.loads(json.dumps(encode(TREE)))) == TREE


def test_a_changed_number_changes_the_hash():
    model = one_compartment()
    assert model.with_values(CL=2.0000000000000004).hash != replace(model, parameters=model.parameters).hash
    assert replace(model, description="other").hash != model.hash


def test_the_hash_is_the_same_in_another_process():
    code = "from understudy.core.content import content_hash; print(content_hash({'b': 'x', 'a': 0.1}))"
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert there == content_hash({"a": 0.1, "b": "x"})


def test_the_hash_names_the_class():
    assert content_hash(Leaf(1.0)) != content_hash(encode(Leaf(1.0)))


def test_whole_numbers_hash_alike_however_they_are_held():
    assert Covariate("WT", "kg", reference=70) == Covariate("WT", "kg", reference=70.0)
    assert content_hash(Covariate("WT", "kg", reference=70)) == content_hash(
        Covariate("WT", "kg", reference=70.0)
    )
    assert canonical_json([-0.0, 1e300, 2**60]) == f"[0,1e+300,{2**60}]"


@given(st.floats(allow_nan=False))
def test_every_double_survives_exactly(value):
    assert decode(float, json.loads(canonical_json(value))) == value


def test_numpy_becomes_plain():
    data = encode(
        {"a": np.array([[1, 2]]), "b": np.float64(np.nan), "c": np.int8(3), "d": np.array([np.inf])}
    )
    assert data == {"a": [[1, 2]], "b": "nan", "c": 3, "d": ["inf"]}
    assert math.isnan(decode(float, "nan"))


@pytest.mark.parametrize(
    ("kind", "data", "place", "cause"),
    [
        (Tree, {"name": "t", "leafs": []}, "the top level", "no field 'leafs'"),
        (Tree, {}, "the top level", "lacks name"),
        (
            Tree,
            {"name": "t", "leaves": [{"value": 1}, {"value": "high"}]},
            "leaves[1].value",
            "'high' is not a number",
        ),
        (Tree, {"name": "t", "matrix": [[1], [True]]}, "matrix[1][0]", "True is not a number"),
        (Tree, {"name": "t", "pair": [1]}, "pair", "a list of 2"),
        (Tree, {"name": "t", "kind": "elm"}, "kind", "'oak', 'fir'"),
        (Tree, {"name": "t", "maybe": 3}, "maybe", "fields of Leaf"),
        (Tree, {"name": "t", "table": {"k": None}}, "table.k", "not a number"),
        (Tree, {"name": 1}, "name", "not a str"),
        (Tree, {"name": "t", "old": 1}, "old", "not a bool"),
        (int, True, "the top level", "not a int"),
        (Leaf, {"value": 1, "equation": 2}, "equation", "an equation as text"),
        (set, [1], "the top level", "cannot be read"),
    ],
)
def test_wrong_data_is_named_by_its_place(kind, data, place, cause):
    with pytest.raises(UnderstudyError) as caught:
        decode(kind, data)
    assert caught.value.place == place
    assert cause in caught.value.cause


def test_wrong_objects_are_named_by_their_place():
    with pytest.raises(UnderstudyError, match="a set cannot be written") as caught:
        encode({"a": [1, {2}]})
    assert caught.value.place == "a[1]"
    with pytest.raises(UnderstudyError, match="the key 1 is not text"):
        encode({1: 2})


def test_file_hash_is_the_files_sha256(tmp_path):
    path = tmp_path / "levels.csv"
    path.write_bytes(b"abc")
    # FIPS 180-4, example of one block: the digest of "abc".
    assert file_hash(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(UnderstudyError, match="cannot read the file"):
        file_hash(tmp_path / "none.csv")
