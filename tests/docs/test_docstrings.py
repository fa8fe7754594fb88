"""Every example in a docstring runs, and every public verb has one."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
from importlib import import_module

import pytest
from fence_runner import FLAGS
from jax_packages import import_jax

import understudy

MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(understudy.__path__, "understudy.")
    if not found.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name, reader_folder):
    if ".jax_" in name:
        import_jax()
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for each in doctest.DocTestFinder(exclude_empty=True).find(import_module(name)):
        runner.run(each, out=report.append)
    assert not runner.failures, "".join(report)


def test_every_public_name_explains_itself():
    silent = [name for name in understudy.__all__ if not inspect.getdoc(getattr(understudy, name))]
    assert not silent


def test_every_public_function_shows_an_example():
    functions = [name for name in understudy.__all__ if inspect.isfunction(getattr(understudy, name))]
    bare = [name for name in functions if ">>>" not in inspect.getdoc(getattr(understudy, name))]
    assert functions
    assert not bare
