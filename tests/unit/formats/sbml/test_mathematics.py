"""Every function of SBML's mathematics, by its value, and what has none."""

import math

import numpy as np
import pytest
from sbml_text import document, listed, parameter, rule
from sbml_text import math as mathml

from understudy import FormatError, simulate

PIECE = "<piecewise><piece>{}{}</piece><otherwise>{}</otherwise></piecewise>"
CN = "<cn>{}</cn>".format
AVOGADRO = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/avogadro">a</csymbol>'
TRUE, FALSE = "<true/>", "<false/>"


def call(function: str, *arguments: object) -> str:
    parts = [each if isinstance(each, str) else CN(each) for each in arguments]
    return f"<apply><{function}/>{''.join(parts)}</apply>"


VALUES = [
    (call("plus"), 0), (call("times"), 1), (call("plus", 1, 2, 3), 6), (call("times", 2, 3, 4), 24),
    (call("minus", 5), -5), (call("minus", 5, 2), 3), (call("divide", 1, 4), 0.25), (call("power", 2, 10), 1024),
    (call("root", 9), 3), (call("root", "<degree><cn>3</cn></degree>", 27), 3), (call("abs", -2), 2),
    (call("exp", 1), math.e), (call("ln", 5), math.log(5)), (call("log", 100), 2),
    (call("log", "<logbase><cn>2</cn></logbase>", 8), 3), (call("floor", -1.5), -2), (call("ceiling", -1.5), -1),
    (call("factorial", 5), 120), (call("factorial", call("plus", 2, 3)), 120),
    (call("sin", 1), math.sin(1)), (call("cos", 1), math.cos(1)), (call("tan", 1), math.tan(1)),
    (call("sec", 1), 1 / math.cos(1)), (call("csc", 1), 1 / math.sin(1)), (call("cot", 1), 1 / math.tan(1)),
    (call("sinh", 1), math.sinh(1)), (call("cosh", 1), math.cosh(1)), (call("tanh", 1), math.tanh(1)),
    (call("sech", 1), 1 / math.cosh(1)), (call("csch", 1), 1 / math.sinh(1)), (call("coth", 1), 1 / math.tanh(1)),
    (call("arcsin", 0.5), math.asin(0.5)), (call("arccos", 0.5), math.acos(0.5)), (call("arctan", 2), math.atan(2)),
    (call("arcsec", 2), math.acos(0.5)), (call("arccsc", 2), math.asin(0.5)), (call("arccot", 2), math.atan(0.5)),
    (call("arcsinh", 2), math.asinh(2)), (call("arcsinh", -1e9), math.asinh(-1e9)), (call("arccosh", 2), math.acosh(2)),
    (call("arctanh", 0.5), math.atanh(0.5)), (call("arcsech", 0.5), math.acosh(2)),
    (call("arccsch", -0.5), math.asinh(-2)),
    (call("arccoth", 2), math.atanh(0.5)), (call("max", 1, 5, 3), 5), (call("min", 4, 2, 3), 2), (call("max", 7), 7),
    (call("quotient", -7, 2), -3), (call("rem", -7, 2), -1), (call("rem", 7, 2), 1),
    (call("and"), 1), (call("or"), 0), (call("xor"), 0), (call("and", TRUE, FALSE), 0), (call("or", TRUE, FALSE), 1),
    (call("or", 5), 1), (call("and", -2), 1), (call("xor", 3), 1), (call("or", 0), 0),
    (call("xor", TRUE, TRUE, TRUE), 1), (call("xor", TRUE, TRUE), 0), (call("not", TRUE), 0),
    (call("implies", TRUE, FALSE), 0), (call("implies", FALSE, FALSE), 1),
    (call("lt", 1, 2, 3), 1), (call("lt", 1, 3, 2), 0), (call("geq", 3, 3, 1), 1), (call("eq", 2, 2, 3), 0),
    (call("neq", 1, 2), 1), (call("plus", call("lt", 1, 2), 1), 2),
    (PIECE.format(CN(1), call("gt", 1, 2), CN(3)), 3), ("<pi/>", math.pi), ("<exponentiale/>", math.e),
    (AVOGADRO, 6.02214179e23), ('<cn type="e-notation">6.022<sep/>23</cn>', 6.022e23),
    ('<cn type="rational">3<sep/>4</cn>', 0.75), ("<infinity/>", math.inf), ("<notanumber/>", math.nan),
    ("<piecewise><piece><cn>1</cn><false/></piece></piecewise>", math.nan),
]  # fmt: skip


@pytest.mark.parametrize(("content", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_value(sbml, content, value):
    model = sbml(
        document(
            listed("Parameters", parameter("x", constant=False))
            + listed("Rules", rule("assignment", "x", content))
        )
    )
    (item,) = model.assignments
    # A formula of another function may lose a few roundings.
    np.testing.assert_allclose(float(item.expression.evaluate({})), value, rtol=4e-15)


def test_long_sums_do_not_nest(sbml):
    content = f"<apply><plus/>{'<ci>k</ci>' * 3000}</apply>"
    parameters = listed("Parameters", parameter("k", 2), parameter("x", constant=False))
    model = sbml(document(parameters + listed("Rules", rule("assignment", "x", content))))
    assert float(model.assignments[0].expression.evaluate({"k": 2.0})) == 6000


def test_functions_are_written_out(sbml):
    body = call("minus", "<ci>x</ci>", "<ci>y</ci>")
    function = f"<lambda><bvar><ci>x</ci></bvar><bvar><ci>y</ci></bvar>{body}</lambda>"
    definition = f'<functionDefinition id="f">{mathml(function)}</functionDefinition>'
    content = "<apply><ci>f</ci><ci>x</ci><apply><ci>f</ci><cn>1</cn><ci>x</ci></apply></apply>"
    model = sbml(
        document(
            listed("FunctionDefinitions", definition)
            + listed("Parameters", parameter("x", 3), parameter("z", constant=False))
            + listed("Rules", rule("assignment", "z", content))
        )
    )
    assert float(model.assignments[0].expression.evaluate({"x": 3.0})) == 5


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("<ci>nowhere</ci>", "uses 'nowhere', which is not defined"),
        ("<apply><ci>g</ci><cn>1</cn></apply>", "'g' is not defined"),
        (call("sin", 1, 2), "sin is given 2 arguments"),
        ("<apply><ci>loop</ci><cn>1</cn></apply>", "calls itself"),
        ("<apply><ci>loop</ci></apply>", "takes 1 arguments, not 0"),
        ("<apply><sin/>" * 160 + CN(1) + "</apply>" * 160, "nested too deeply"),
        (f"<apply><plus/>{CN(1) * 5001}</apply>", "more than 5,000 parts"),
    ],
)
def test_refused(sbml, content, told):
    loop = mathml("<lambda><bvar><ci>x</ci></bvar><apply><ci>loop</ci><ci>x</ci></apply></lambda>")
    text = document(
        listed("FunctionDefinitions", f'<functionDefinition id="loop">{loop}</functionDefinition>')
        + listed("Parameters", parameter("x", constant=False))
        + listed("Rules", rule("assignment", "x", content))
    )
    with pytest.raises(FormatError, match=told) as raised:
        sbml(text)
    assert "line" in raised.value.place


def test_functions_that_double_do_not_grow_without_end(sbml):
    definitions = []
    for k in range(40):
        inner = "<ci>x</ci>" if k == 0 else f"<apply><ci>f{k - 1}</ci><ci>x</ci></apply>"
        body = mathml(f"<lambda><bvar><ci>x</ci></bvar>{call('plus', inner, inner)}</lambda>")
        definitions.append(f'<functionDefinition id="f{k}">{body}</functionDefinition>')
    text = document(
        listed("FunctionDefinitions", *definitions)
        + listed("Parameters", parameter("x", constant=False))
        + listed("Rules", rule("assignment", "x", "<apply><ci>f39</ci><cn>1</cn></apply>"))
    )
    with pytest.raises(FormatError, match="more than 50,000 operations"):
        sbml(text)


def test_rate_of(antimony):
    model = antimony("model m; x' = -0.5*x; x = 4; y := rateOf(x); end")
    np.testing.assert_allclose(
        simulate(model, times=[0, 2])["y"].values[0], [-2, -2 * math.exp(-1)], rtol=1e-7
    )
