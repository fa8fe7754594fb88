"""Python file: a model that a user wrote in Python."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from understudy.core.errors import ModelError, UnderstudyError
from understudy.core.nearest_file import nearest_file
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

_VARIABLE = "model"


def read(path: Path) -> Model | PopulationModel:
    """The model that a Python file defines. The file is a program of its own and is run.

    Parameters
    ----------
    path : path

    Raises
    ------
    ModelError
        For a file that cannot be read, stops with an error or defines no model.
    """
    if not path.is_file():
        raise ModelError("cannot read the model file", place=str(path), repair=nearest_file(path))
    name = f"understudy_model_file_{path.stem}"
    module = module_from_spec(spec_from_loader(name, _Uncached(name, str(path))))
    with _named(name, module), _blamed(path):
        module.__loader__.exec_module(module)
    found = getattr(module, _VARIABLE, None)
    if not isinstance(found, (Model, PopulationModel)):
        what = "no variable" if found is None else f"a {type(found).__name__} as"
        raise ModelError(
            f"the model file defines {what} {_VARIABLE!r}",
            place=path.name,
            repair=f"write `{_VARIABLE} = Model(...)` or `{_VARIABLE} = PopulationModel(...)` in it",
        )
    return found


class _Uncached(SourceFileLoader):
    """Compiles the source each time, and leaves no compiled copy beside the user's file."""

    def get_code(self, fullname: str) -> Any:
        return self.source_to_code(self.get_data(self.path), self.path)


@contextmanager
def _named(name: str, module: Any) -> Iterator[None]:
    """The module among the loaded ones while it runs: dataclasses look theirs up there."""
    sys.modules[name] = module
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """Errors in the file name the line of the file."""
    try:
        yield
    except UnderstudyError as error:
        place = ": ".join(part for part in (_line(path, error), error.place) if part)
        raise ModelError(error.cause, place=place, repair=error.repair) from error
    except (Exception, SystemExit) as error:
        cause = f"the model file stops with {type(error).__name__}: {error}".rstrip(": ")
        raise ModelError(cause, place=_line(path, error), repair="correct the file") from error


def _line(path: Path, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path.name}, line {error.lineno}: {(error.text or '').strip()}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path.name}, line {frames[-1].lineno}: {frames[-1].line}" if frames else path.name
