"""SBML in short, for tests."""

from __future__ import annotations

MATH = 'xmlns="http://www.w3.org/1998/Math/MathML"'


def math(content: str) -> str:
    """A ``<math>`` element."""
    return f"<math {MATH}>{content}</math>"


def document(content: str, level: int = 3, version: int = 2, more: str = "") -> str:
    """A file with a model."""
    core = "/core" if level > 2 else ""
    space = f"http://www.sbml.org/sbml/level{level}/version{version}{core}"
    if (level, version) == (2, 1):
        space = "http://www.sbml.org/sbml/level2"
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    root = f'<sbml xmlns="{space}" level="{level}" version="{version}" {more}>'
    return f'{head}{root}\n<model id="m">\n{content}\n</model>\n</sbml>'


def listed(kind: str, *items: str) -> str:
    """A list of elements, one a line."""
    return f"<listOf{kind}>\n" + "\n".join(items) + f"\n</listOf{kind}>"


def parameter(name: str, value: float | None = None, constant: bool = True) -> str:
    """A parameter."""
    given = "" if value is None else f' value="{value}"'
    return f'<parameter id="{name}"{given} constant="{str(constant).lower()}"/>'


def rule(kind: str, name: str, content: str) -> str:
    """An assignment or rate rule."""
    return f'<{kind}Rule variable="{name}">{math(content)}</{kind}Rule>'
