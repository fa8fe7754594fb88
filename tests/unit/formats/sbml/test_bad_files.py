"""Files that are damaged, hostile or of something else: a clear error in bounded time."""

import time
from pathlib import Path

import pytest
from sbml_text import document, listed, parameter, rule

from understudy import FormatError, MissingExtraError, ModelError, load

pytest.importorskip("libsbml")

GOOD = document(listed("Parameters", parameter("a", 1)))
QUAL = 'xmlns:qual="http://www.sbml.org/sbml/level3/version1/qual/version1" qual:required="true"'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><sbml level="3" version="2">&c;</sbml>'
)
CASES = {
    "empty": ("", "the file is empty"),
    "truncated": (GOOD[:150], "not well-formed XML: unclosed token"),
    "unclosed": (GOOD[:-8], "not well-formed XML"),
    "zip": ("PK\x03\x04" + "\0" * 50, "a zip archive"),
    "entities": (BOMB, "document type declaration"),
    "external entity": ('<!DOCTYPE s SYSTEM "file:///etc/hostname"><sbml/>', "document type declaration"),
    "another format": ("<html/>", "holds <html>, not <sbml>"),
    "nested": (GOOD.replace("<model", "<a>" * 5000 + "<model"), "nested too deeply"),
    "level": (GOOD.replace('level="3"', 'level="9"', 1), "there is no SBML Level 9 Version 2"),
    "no model": (GOOD[: GOOD.index("<model")] + "</sbml>", "the file has no model"),
    "no identifier": (GOOD.replace('id="a"', ""), "required attribute 'id' is missing"),
    "no number": (GOOD.replace('"1"', '"one"'), "Attribute type mismatch"),
    "identifier": (GOOD.replace('id="a"', 'id="9 a"'), "Invalid syntax for an 'id'"),
    "twice": (document(listed("Parameters", parameter("a", 1), parameter("a", 2))), "id 'a' conflicts"),
    "package": (document(listed("Parameters", parameter("a", 1)), more=QUAL), "the SBML package qual"),
    "undefined": (
        document(listed("Parameters", parameter("a", 1, False)) + listed("Rules", rule("rate", "b", "<cn>1</cn>"))),
        "'b' is not defined",
    ),
    "constant": (
        document(listed("Parameters", parameter("a", 1)) + listed("Rules", rule("rate", "a", "<cn>1</cn>"))),
        "the rule changes a, which is constant",
    ),
    "no compartment": (
        document(
            listed(
                "Species",
                '<species id="S" compartment="C" initialAmount="1" hasOnlySubstanceUnits="true" '
                'boundaryCondition="false" constant="false"/>',
            )
        ),
        "the compartment 'C' is not defined",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), CASES.values(), ids=CASES)
def test_is_refused_in_time(tmp_path, text, told):
    path = tmp_path / "model.xml"
    path.write_text(text, encoding="utf-8")
    begin = time.perf_counter()
    with pytest.raises(FormatError, match=told) as raised:
        load(path)
    assert raised.value.place.startswith("model.xml")
    # Generous: milliseconds are usual, and importing libSBML takes some tenths of a second.
    assert time.perf_counter() - begin < 5


def test_a_file_of_two_hundred_megabytes_is_not_read(tmp_path):
    path = tmp_path / "model.xml"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(FormatError, match="the file has 200,000,000 bytes"):
        load(path)


def test_a_model_of_very_many_quantities_is_refused_before_it_is_built(tmp_path):
    path = tmp_path / "model.xml"
    path.write_text(
        document(listed("Parameters", *(parameter(f"p{k}", 1) for k in range(100_001)))), encoding="utf-8"
    )
    with pytest.raises(FormatError, match="more than 100,000 quantities"):
        load(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings_are_read(tmp_path, encoding):
    path = tmp_path / "model.xml"
    text = GOOD.replace('id="m"', 'id="m" name="café"')
    if encoding.startswith("iso"):
        text = text.replace("UTF-8", encoding)
    path.write_bytes(text.replace(' encoding="UTF-8"', "").encode(encoding))
    assert load(path).name == "café"


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "model.xml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(ModelError, match=r"did you mean model\.xml"):
        load(tmp_path / "modle.xml")


def test_sbml_is_known_by_its_content(tmp_path):
    path = tmp_path / "model.txt"
    path.write_text(GOOD, encoding="utf-8")
    assert load(path).parameter_names == ("a",)
    path.write_text("id,time\n1,2\n", encoding="utf-8")
    with pytest.raises(FormatError, match="of no known format"):
        load(path)


def test_without_libsbml_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "libsbml", None)
    path = tmp_path / "model.xml"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(MissingExtraError, match="not installed") as raised:
        load(path)
    assert "understudy[sbml]" in raised.value.repair


COMP = 'xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" comp:required="true"'
OUTER = document(
    '<comp:listOfSubmodels><comp:submodel comp:id="part" comp:modelRef="outside"/></comp:listOfSubmodels>',
    more=COMP,
).replace(
    "</sbml>",
    '<comp:listOfExternalModelDefinitions><comp:externalModelDefinition comp:id="outside" comp:source="{}" '
    'comp:modelRef="m"/></comp:listOfExternalModelDefinitions></sbml>',
)


@pytest.fixture
def outer(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "inner.xml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "secret.xml").write_text(GOOD, encoding="utf-8")

    def write(source: str) -> Path:
        path = folder / "outer.xml"
        path.write_text(OUTER.replace("{}", source), encoding="utf-8")
        return path

    return write


def test_a_submodel_beside_the_model_is_read(outer):
    assert load(outer("inner.xml")).parameter_names == ("part__a",)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("../secret.xml", "the submodel lies elsewhere"),
        ("/etc/hostname", "the submodel lies elsewhere"),
        ("http://example.org/model.xml", "the submodel lies elsewhere"),
        ("gone.xml", "the file of the submodel is not there"),
    ],
)
def test_a_submodel_elsewhere_is_not(outer, source, told):
    with pytest.raises(FormatError, match=told):
        load(outer(source))
