"""Compiler: LLVM IR to machine code in this process, cached on disk under the code's hash.

The cache lies in ``~/.cache/understudy`` or where ``UNDERSTUDY_CACHE_DIR`` says; a file that is damaged, or made for
another processor or compiler, is made anew.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import tempfile
import threading
from functools import cache
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

from understudy.engine.code.codegen import LIBRARY

# What intrinsics become on machines that have no instruction for them.
_FROM_INTRINSICS = ("sin", "cos", "floor", "ceil", "fma")

_DIGEST = hashlib.sha256().digest_size
_lock = threading.Lock()
_engines: dict[str, llvm.ExecutionEngine] = {}


def cache_folder() -> Path:
    """Where machine code is kept between runs."""
    given = os.environ.get("UNDERSTUDY_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(given) if given else Path(base).expanduser() / "understudy"


def address(code: str, function: str) -> int:
    """Address of a compiled function.

    Parameters
    ----------
    code : str
        LLVM IR.
    function : str
        Its name in the code.
    """
    with _lock:
        key = hashlib.sha256("\n".join((*_made_by(), code)).encode()).hexdigest()
        if key not in _engines:
            _engines[key] = _compile(code, key, _machine())
        return _engines[key].get_function_address(function)


def _machine() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    library = ctypes.CDLL(None)
    for name in (*LIBRARY, *_FROM_INTRINSICS):
        llvm.add_symbol(name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)
    target = llvm.Target.from_default_triple()
    # For code without a loop a level more takes twice the time and gives nothing that runs faster.
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=1, jit=True
    )


@cache
def _made_by() -> tuple[str, ...]:
    """What machine code depends on besides the code."""
    features = llvm.get_host_cpu_features().flatten()
    return llvmlite.__version__, llvm.get_default_triple(), llvm.get_host_cpu_name(), features


def _compile(code: str, key: str, machine: llvm.TargetMachine) -> llvm.ExecutionEngine:
    module = llvm.parse_assembly(code)
    module.name = key
    stored = _load(cache_folder() / key)
    if stored is None:
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
        builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.set_object_cache(
        notify_func=lambda _, made: _store(cache_folder() / key, made), getbuffer_func=lambda _: stored
    )
    engine.finalize_object()
    return engine


def _load(path: Path) -> bytes | None:
    """Machine code from the cache, None where there is none or it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:_DIGEST], content[_DIGEST:]
    return body if hashlib.sha256(body).digest() == digest else None


def _store(path: Path, body: bytes) -> None:
    """Write whole or not at all; where nothing can be written, the next run compiles again."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = file.name
            file.write(hashlib.sha256(body).digest() + body)
        os.replace(temporary, path)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
