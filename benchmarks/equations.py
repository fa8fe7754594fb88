"""A model's equations as the source of a Python function, the way a user of another solver would write them."""

from __future__ import annotations

import importlib.util
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.model.model import Model


def source(model: Model, result: str = "return ({rates},)") -> str:
    """Source of ``rates(t, y, p)``; `result` says what becomes of the derivatives."""
    lines = ["def rates(t, y, p, dy=None):"]
    lines += [f"    {', '.join(model.state_names)}, = {_items('y', len(model.states))}"]
    lines += [f"    {', '.join(model.parameter_names)}, = {_items('p', len(model.parameters))}"]
    lines += [f"    {item.name} = {item.expression.text}" for item in model.ordered_assignments]
    body = result.format(rates=", ".join(rate.text for rate in model.rates))
    return "\n".join([*lines, *(f"    {line}" for line in body.splitlines())])


def _items(name: str, count: int) -> str:
    return ", ".join(f"{name}[{k}]" for k in range(count)) + ","


def function(model: Model, names: Mapping[str, Any], **kwargs: str) -> Any:
    """The function, with `exp` and the like as `names` has them, from a module written for it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "equations_of_a_model.py")
        path.write_text(source(model, **kwargs) + "\n", encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        vars(module).update((name, value) for name, value in names.items() if not name.startswith("_"))
        spec.loader.exec_module(module)
    return module.rates


def in_place(model: Model) -> Any:
    """The function that writes the derivatives into its last argument."""
    lines = "\n".join(f"dy[{k}] = {rate.text}" for k, rate in enumerate(model.rates))
    return function(model, vars(math), result=lines)


def antimony(model: Model, initial: Mapping[str, float]) -> str:
    """The model in Antimony, doses left to the caller."""
    lines = [f"model m()\n  var {', '.join(model.state_names)};"]
    lines += [f"  {parameter.name} = {parameter.value!r};" for parameter in model.parameters]
    lines += [
        f"  {item.name} := {item.expression.text.replace('**', '^')};" for item in model.ordered_assignments
    ]
    lines += [f"  {name} = {initial[name]!r};" for name in model.state_names]
    rates = zip(model.state_names, model.rates, strict=True)
    lines += [f"  {name}' = {rate.text.replace('**', '^')};" for name, rate in rates]
    return "\n".join([*lines, "end"])
