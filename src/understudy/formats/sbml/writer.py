"""Writer: a model as SBML Level 3 Version 2.

States become parameters with rate rules, assignments and outputs parameters with assignment rules; events keep their
semantics, which are SBML's. Doses are no part of SBML: what may be dosed, and how, is not written.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from understudy.core.errors import FormatError
from understudy.core.expression import Expression
from understudy.formats.sbml.mathml import mathml
from understudy.formats.sbml.names import Names
from understudy.formats.sbml.unit_definitions import UnitDefinitions
from understudy.model.event import Event
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2">
"""
# Below any priority that people give: events without one follow those with one, in the order of their definition.
_LAST = 1_000_000_000


def write(model: Model | PopulationModel) -> str:
    """A model as the text of an SBML file.

    Parameters
    ----------
    model : Model or PopulationModel
        Without random effects.

    Raises
    ------
    FormatError
        For what SBML cannot say: random effects, and functions that MathML has not.

    Examples
    --------
    >>> decay = Model("decay", "h", {"k": (0.1, "1/h")}, {"A": ("mg", 5)}, {"A": "-k * A"})
    >>> text = write(decay)
    >>> '<rateRule variable="A">' in text
    True
    """
    if isinstance(model, PopulationModel):
        raise FormatError(
            "SBML describes one patient, not the differences between patients",
            place=model.name,
            repair="convert the mechanism alone: `model.structural`",
        )
    return _Writing(model).text()


class _Writing:
    def __init__(self, model: Model):
        self.model, self.units = model, UnitDefinitions()
        self.names = Names([*model.parameter_names, *model.state_names, *(a.name for a in model.assignments)])

    def text(self) -> str:
        model = self.model
        rules = [self.rule("assignmentRule", item.name, item.expression) for item in model.assignments]
        rates = zip(model.states, model.rates, strict=True)
        rules += [self.rule("rateRule", state.name, rate) for state, rate in rates]
        outputs = list(self.outputs())
        rules += [self.rule("assignmentRule", name, expression) for name, expression, *_ in outputs]
        quantities = [*self.quantities(), *(self.quantity(n, None, u, False, d) for n, _, u, d in outputs)]
        starts = [
            f"<initialAssignment symbol={quoteattr(state.name)}>{self.math(state.initial, state.name)}"
            "</initialAssignment>"
            for state in model.states
            if _number(state.initial) is None
        ]
        events = [self.event(event, k) for k, event in enumerate(model.events)]
        time = self.units.identifier(model.time_unit)
        inside = [
            _list("UnitDefinitions", self.definitions()),
            _list("Parameters", quantities),
            _list("InitialAssignments", starts),
            _list("Rules", rules),
            _list("Events", events),
        ]
        about = f"id={quoteattr(_sid(model.name))} name={quoteattr(model.name)}"
        about += f" timeUnits={quoteattr(time)}" if time else ""
        return f"{_HEAD}<model {about}>\n{''.join(inside)}</model>\n</sbml>\n"

    def quantities(self) -> list[str]:
        """Parameters, states and assignments."""
        model, changed = self.model, set(self.model.changed_parameters)
        found = [
            self.quantity(p.name, p.value, p.unit, p.name not in changed, p.description)
            for p in model.parameters
        ]
        found += [
            self.quantity(s.name, _number(s.initial), s.unit, False, s.description) for s in model.states
        ]
        found += [self.quantity(a.name, None, a.unit, False, a.description) for a in model.assignments]
        return found

    def quantity(self, name: str, value: float | None, unit: str, constant: bool, description: str) -> str:
        units = self.units.identifier(unit) if unit else ""
        given = [f"id={quoteattr(name)}"]
        given += [f"name={quoteattr(description)}"] if description else []
        given += [f'value="{value!r}"'] if value is not None else []
        given += [f"units={quoteattr(units)}"] if units else []
        return f'<parameter {" ".join(given)} constant="{"true" if constant else "false"}"/>'

    def outputs(self):
        """Outputs that are not the quantity of their name itself."""
        for output in self.model.outputs:
            if output.expression.text == output.name:
                continue
            name = self.names.fresh(output.name)
            yield name, output.expression, output.unit, output.description

    def rule(self, kind: str, name: str, expression: Expression) -> str:
        return f"<{kind} variable={quoteattr(name)}>{self.math(expression, name)}</{kind}>"

    def math(self, expression: Expression, about: str) -> str:
        # Where units are labels, numbers of equations may have any.
        identify = (lambda unit: "") if self.model.units_are_labels else self.units.identifier
        return mathml(expression, f"{self.model.name}, {about}", identify)

    def event(self, event: Event, k: int) -> str:
        about = f"event {event.name}"
        flags = f'initialValue="{_word(event.initial_value)}" persistent="{_word(event.persistent)}"'
        parts = [f"<trigger {flags}>{self.math(event.trigger, about)}</trigger>"]
        if event.priority is not None or len(self.model.events) > 1:
            priority = event.priority or Expression(-_LAST - k)
            parts.append(f"<priority>{self.math(priority, about)}</priority>")
        if event.delay.text != "0":
            parts.append(f"<delay>{self.math(event.delay, about)}</delay>")
        changes = [
            f"<eventAssignment variable={quoteattr(item.name)}>{self.math(item.expression, about)}</eventAssignment>"
            for item in event.assignments
        ]
        parts.append(_list("EventAssignments", changes))
        from_trigger = _word(event.from_trigger_time)
        name = quoteattr(self.names.fresh(event.name))
        called = f" name={quoteattr(event.description)}" if event.description else ""
        return f'<event id={name}{called} useValuesFromTriggerTime="{from_trigger}">{"".join(parts)}</event>'

    def definitions(self) -> list[str]:
        return [
            f"<unitDefinition id={quoteattr(name)}>"
            + _list(
                "Units",
                [
                    f'<unit kind="{kind}" exponent="{power:g}" scale="{scale}" multiplier="{factor:g}"/>'
                    for kind, power, scale, factor in parts
                ],
            )
            + "</unitDefinition>"
            for name, parts in self.units.parts.items()
        ]


def _list(kind: str, items: list[str]) -> str:
    return f"<listOf{kind}>\n{chr(10).join(items)}\n</listOf{kind}>\n" if items else ""


def _word(value: bool) -> str:
    return "true" if value else "false"


def _sid(name: str) -> str:
    letters = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
    return letters if letters[:1].isalpha() else f"model_{letters}"


def _number(expression: Expression) -> float | None:
    """The value of an equation that is a plain number."""
    if expression.names:
        return None
    value: Any = float(expression.evaluate({}))
    return value if value == value and abs(value) != float("inf") else None
