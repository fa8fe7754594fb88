"""The order of the rooms, as pyproject.toml states it, and what no module may do."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["understudy"]
RANK = {room: rank for rank, rooms in enumerate(SETTINGS["layers"]) for room in rooms}
TOP = len(SETTINGS["layers"])
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((SOURCE / "understudy").rglob("*.py"))
}
FORBIDDEN_CALLS = {"eval", "exec", "__import__", "sympify", "parse_expr", "lambdify", "literal_eval"}
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "yaml", "joblib"}
# Of PyYAML the loader that builds plain values only, by name: all its others can make any object.
PLAIN_YAML = {"SafeLoader", "YAMLError"}
QUIET_STATEMENTS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)

modules = pytest.mark.parametrize("module", MODULES)


def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def room_of(module: str) -> str:
    """Room of a module; empty for the package's own front, above all rooms."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in RANK else ""


def imports(tree: ast.AST, module: str) -> Iterator[str]:
    """Modules of this package that are imported anywhere in a tree, in functions and for types too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "understudy")
        elif isinstance(node, ast.ImportFrom):
            home = absolute(node, module)
            if home.split(".")[0] == "understudy":
                for alias in node.names:
                    inner = f"{home}.{alias.name}"
                    yield inner if inner in MODULES else home


def absolute(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    base = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def statements_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when a module is imported, without those for type checkers and ``__main__``."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
            continue
        yield node


def wrong_direction(module: str, imported: str) -> bool:
    here, there = room_of(module), room_of(imported)
    if not here:
        return False
    return here != there and RANK.get(there, TOP) >= RANK[here]


def test_every_room_has_its_place_in_the_order():
    folders = {path.name for path in (SOURCE / "understudy").iterdir() if (path / "__init__.py").exists()}
    assert folders == set(RANK)
    loose = {module for module in MODULES if not room_of(module)}
    assert loose == {"understudy", "understudy.__main__"}


@modules
def test_imports_point_down(module):
    wrong = [name for name in imports(tree_of(module), module) if wrong_direction(module, name)]
    assert not wrong, f"{module} imports {', '.join(wrong)}, which stands above it or beside it"


@modules
def test_imported_modules_exist(module):
    missing = [name for name in imports(tree_of(module), module) if name not in MODULES]
    assert not missing, f"{module} imports {', '.join(missing)}, which does not exist"


def test_no_cycles_at_import():
    graph = {}
    for module in MODULES:
        body = ast.Module(list(statements_at_import(tree_of(module).body)), [])
        graph[module] = {name for name in imports_outside_functions(body, module) if name != module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' → '.join(error.args[1])}")


def imports_outside_functions(tree: ast.Module, module: str) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from imports(ast.Module([node], []), module)


@modules
def test_nothing_happens_at_import(module):
    """Only definitions, so that importing has no side effect; a call in an assignment makes a constant."""
    for node in statements_at_import(tree_of(module).body):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert docstring or isinstance(node, QUIET_STATEMENTS), (
            f"{module}, line {node.lineno}: {ast.unparse(node)}"
        )


@modules
def test_module_is_short_or_excused(module):
    name = MODULES[module].relative_to(SOURCE / "understudy").as_posix()
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    reason = SETTINGS["long_modules"].get(name)
    if reason is None:
        assert lines <= SETTINGS["max_module_lines"], f"{name} has {lines} lines; divide it, or give a reason"
    else:
        assert len(reason) > 20, f"{name}: give the reason in a sentence"
        assert lines > SETTINGS["max_module_lines"], f"{name} is short again: take it off long_modules"


def test_excused_modules_exist():
    names = {path.relative_to(SOURCE / "understudy").as_posix() for path in MODULES.values()}
    assert set(SETTINGS["long_modules"]) <= names


@modules
def test_module_has_a_docstring(module):
    path = MODULES[module]
    if path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip():
        return
    first = (ast.get_docstring(tree_of(module)) or "").partition("\n")[0]
    assert first.endswith((".", ":", "?")), f"{module} has no docstring, or no sentence in it"


@modules
def test_public_definitions_have_docstrings(module):
    public = [
        node
        for node in tree_of(module).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    ]
    bare = [node.name for node in public if not ast.get_docstring(node)]
    assert not bare, f"{module}: {', '.join(bare)} without a docstring"


@modules
def test_nothing_is_evaluated_or_unpickled(module):
    """What a user supplies must never be run: models are data, equations have a parser of their own."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            plain = FORBIDDEN_CALLS | ({"compile"} if isinstance(node.func, ast.Name) else set())
            assert name not in plain, f"{module}, line {node.lineno}: {name}"
            pickled = any(keyword.arg == "allow_pickle" for keyword in node.keywords)
            assert not pickled, f"{module}, line {node.lineno}: allow_pickle"
        if isinstance(node, ast.ImportFrom) and node.module == "yaml":
            assert {alias.name for alias in node.names} <= PLAIN_YAML, f"{module}, line {node.lineno}"
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found = {name.split(".")[0] for name in names} & FORBIDDEN_IMPORTS
            assert not found, f"{module}, line {node.lineno}: {', '.join(found)}"
            assert not FORBIDDEN_CALLS & {alias.name for alias in node.names}, f"{module}, line {node.lineno}"


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc", "util", "helper", "tools"])
def test_no_module_without_a_subject(name):
    assert not [module for module in MODULES if name in module.split(".")]


# The checks themselves, on planted faults.


@pytest.mark.parametrize(
    ("module", "imported", "wrong"),
    [
        ("understudy.model.model", "understudy.engine.solve", True),
        ("understudy.engine.solve", "understudy.model.model", False),
        ("understudy.engine.solve", "understudy.engine.kernel.kernel", False),
        ("understudy.core.errors", "understudy", True),
        ("understudy.__main__", "understudy.app.cli", False),
    ],
)
def test_direction(module, imported, wrong):
    assert wrong_direction(module, imported) is wrong


def test_imports_are_found_wherever_they_stand():
    code = (
        "from understudy.core import errors, units\n"
        "if TYPE_CHECKING:\n    import understudy.data.records\n"
        "def f():\n    from understudy.engine import solve\n    from ..core.record import Record\n"
    )
    assert sorted(imports(ast.parse(code), "understudy.model.model")) == [
        "understudy.core.errors",
        "understudy.core.record",
        "understudy.core.units",
        "understudy.data.records",
        "understudy.engine.solve",
    ]


def test_no_folder_of_tests_stands_for_a_package_that_may_be_missing():
    """Folders of tests are on the path: one called ``jax`` would be imported where JAX is not installed."""
    optional = {"jax", "cuda", "dask", "zarr", "distributed", "libsbml", "antimony", "yaml"}
    folders = {path.name for path in (ROOT / "tests").rglob("*") if path.is_dir()}
    assert not folders & optional
