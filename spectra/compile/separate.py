"""Kernels that call one another, each compiled once.

Numba takes the code of every function that is called into the one that calls it, and optimises it there once
more: a fit that three kernels make was compiled four times, with all that it calls. It also makes each
function callable from Python. Here a kernel that another one calls is compiled for that alone; and where it
is too large to be written into its callers, these find its machine code by its name. Loaded from the disk, a
caller first loads what it calls.
"""

from __future__ import annotations

import gc
import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property, partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, cast

from llvmlite import binding as llvm  # type: ignore[import-untyped]
from numba.core import types as _types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher

from spectriage.spectra.compile.sealed_cache import keep

# numba types its inner parts only in part, and differently from version to version
types = cast(Any, _types)

LARGE = 100
"""Instructions. LLVM writes functions of up to some 50 into their callers; what is larger is left apart."""
_BY_NAME = " by name"
_ENVIRONMENT = "_ZN08NumbaEnv"


class Kernel(CPUDispatcher):
    """A kernel as it is called from Python; other kernels call its `inner` form.

    Parameters
    ----------
    py_func, locals, targetoptions
        As numba's dispatcher has them.
    """

    def __init__(self, py_func: Any, locals: Any = None, targetoptions: Any = None, **_: Any) -> None:
        super().__init__(py_func, locals or {}, targetoptions or {}, _CalledFromPython)
        self.key = ""
        self._folder: Path | None = None

    def keep_in(self, folder: Path) -> None:
        """Keep the machine code in a folder, whose name is another after every change of the kernel."""
        self.key, self._folder = folder.name, folder
        keep(self, folder)

    def call_inner(self) -> None:
        """Let Python too call the form that kernels call, rather than one compiled for Python alone."""
        compiler: Any = vars(self)["_compiler"]
        compiler.py_func = _handing_over(self.py_func, self.inner)

    @cached_property
    def inner(self) -> Any:
        """The form that other kernels call, made when the first one does."""
        made = _Inner(self.py_func, self.locals, self.targetoptions, _CalledFromKernels)
        if self._folder is not None:
            keep(made, self._folder / "inner")
        return made

    def add_overload(self, cres: Any) -> None:
        """Add what was compiled or loaded."""
        _remember_needed(cres)
        super().add_overload(cres)

    @property
    def _numba_type_(self) -> Any:
        # a caller's own compiled function takes the whole of the kernel, as numba does it
        return types.Dispatcher(self.inner if _CalledFromPython.running else self)


class _Inner(CPUDispatcher):
    """A kernel as other kernels call it."""

    def load(self, arguments: tuple[Any, ...]) -> bool:
        """Load what the disk has for these arguments, for a kernel that is being loaded; say if it has it.

        Numba's `compile` does that too, but takes the time of every lock from there on: with kernels
        that load one another each lock would be told to all of them.
        """
        found = vars(self)["_cache"].load_overload(arguments, self.targetctx)
        if found is None:
            return False
        target: Any = self.targetctx
        target.insert_user_function(found.entry_point, found.fndesc, [found.library])
        self.add_overload(found)
        return True

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Let a plain `0` or `True` be a number like any: as a type of its own it is compiled for itself."""
        plain = tuple(types.unliteral(kind) for kind in args)
        named = {name: types.unliteral(kind) for name, kind in kws.items()}
        return super().get_call_template(plain, named)

    def add_overload(self, cres: Any) -> None:
        """Add what was compiled or loaded, and say to whom calls it how to load it."""
        if cres.library.name.endswith(_BY_NAME):
            made = cres.fndesc
            cres.library.loader = partial(
                _load, made.modname, made.qualname, cres.signature.args, made.mangled_name
            )
        _remember_needed(cres)
        super().add_overload(cres)


def _handing_over(function: Any, inner: Any) -> Any:
    """Return a function of the same parameters that only calls another one."""
    code = function.__code__
    names = ", ".join(code.co_varnames[: code.co_argcount])
    text = f"def {function.__name__}({names}):\n    return _inner({names})\n"
    made: dict[str, Any] = {"__name__": function.__module__, "_inner": inner}
    exec(compile(text, code.co_filename, "exec"), made)
    handing: Any = made[function.__name__]
    handing.__qualname__, handing.__defaults__ = function.__qualname__, function.__defaults__
    return handing


def _remember_needed(cres: Any) -> None:
    """Let what takes this code in load what it calls by name: of code from the disk numba forgets that."""
    if cres.reload_init:
        cres.library._reload_init.update(cres.reload_init)


def _load(module: str, name: str, arguments: tuple[Any, ...], symbol: str) -> None:
    """Load a kernel that machine code to be loaded calls by its name, or compile it.

    Raises
    ------
    LookupError
        When the kernel is not what it was when its caller was compiled.
    """
    inner = getattr(import_module(module), name).inner
    if arguments not in inner.overloads and not inner.load(arguments):
        inner.compile(arguments)
    if inner.overloads[arguments].fndesc.mangled_name != symbol:
        raise LookupError(f"the kernel {name} has changed since what calls it was compiled")


class _CalledFromPython(Compiler):
    """Numba's compiler, that makes kernels."""

    inner = False
    taken_in = False
    """Whether its code is for callers to take in, however large: of what has no name others would find."""
    running = 0
    """So many kernels are being compiled, one for another. Numba compiles in one thread at a time."""

    def compile_extra(self, func: Any) -> Any:
        # what is loaded from the disk needs none
        from spectriage.spectra.compile.shortcuts import shortcuts

        outermost = _CalledFromPython.running == 0
        _CalledFromPython.running += 1
        try:
            with _uncollected(), shortcuts(TakenIn) if outermost else nullcontext():
                return super().compile_extra(func)  # type: ignore[no-untyped-call]
        finally:
            _CalledFromPython.running -= 1

    def define_pipelines(self) -> Any:
        state = self.state
        # for functions as values, which no kernel takes; and set here, not as an option: what numba itself
        # brings is compiled anew for every set of options
        state.flags.no_cfunc_wrapper = True
        kernel = None
        if self.inner:
            state.flags.no_cpython_wrapper = True
            kernel = None if self.taken_in else _found(state.func_id)
        if kernel is not None:
            state.func_id.unique_id = _number(kernel)
        divided = kernel is not None or self.taken_in
        state.library = _Library(state.targetctx, state.func_id.func_qualname, divided)
        state.library.taken_in = self.taken_in
        state.library.enable_object_caching()
        return super().define_pipelines()  # type: ignore[no-untyped-call]


class _CalledFromKernels(_CalledFromPython):
    """Numba's compiler, that makes kernels for other kernels."""

    inner = True


class TakenIn(_CalledFromPython):
    """Numba's compiler, that makes what numba itself brings, for kernels: no machine code of its own."""

    inner = taken_in = True


def _found(identity: Any) -> Kernel | None:
    """Return the kernel that other processes find by the name of a function."""
    kernel = getattr(sys.modules.get(identity.modname), identity.func_qualname, None)
    return kernel if isinstance(kernel, Kernel) else None


def _number(kernel: Kernel) -> int:
    """Return a number for the name of a kernel: the same in every process, another after a change.

    Else what one process compiled would not find what another one did.
    """
    return int(hashlib.sha256(f"{kernel.key} {kernel.py_func.__qualname__}".encode()).hexdigest()[:12], 16)


class _Library(JITCodeLibrary):
    """The machine code of a kernel.

    Parameters
    ----------
    context
        Numba's target.
    name
        Of the kernel.
    divided
        Whether it is left either to callers to take the code in, or to the processor: not both.
    """

    taken_in = False

    def __init__(self, context: Any, name: str, divided: bool) -> None:
        super().__init__(context.codegen(), name)  # type: ignore[no-untyped-call]
        self._context = context
        # an older numba does not tell callers what they have to load first: there they take everything in
        self._divided = divided and hasattr(self, "_reload_init")

    def add_linking_library(self, library: Any) -> None:
        loader = getattr(library, "loader", None)
        if loader is None:
            super().add_linking_library(library)  # type: ignore[no-untyped-call]
        else:
            self._reload_init.add(loader)

    def _finalize_final_module(self) -> None:
        if self._divided:
            self._divide()
        super()._finalize_final_module()  # type: ignore[no-untyped-call]

    def _divide(self) -> None:
        """Leave the code to be called by its name where it is large, and else to callers to take in."""
        whole = self._final_module
        module = self._codegen._create_empty_module(self.name)  # type: ignore[no-untyped-call]
        if not self.taken_in and self._is_large():
            self._name += _BY_NAME
            self._shared_module = llvm.parse_assembly(str(module))
            return
        for function in whole.functions:
            if not function.is_declaration and function.linkage == llvm.Linkage.external:
                function.linkage = "linkonce_odr"
        self._shared_module = whole
        for variable in whole.global_variables:
            if variable.name.startswith(_ENVIRONMENT):
                self._context.declare_env_global(module, variable.name)
        self._final_module = llvm.parse_assembly(str(module))
        self._final_module.name = self.name

    def _is_large(self) -> bool:
        made = (
            instruction
            for function in self._final_module.functions
            if not function.is_declaration
            for block in function.blocks
            for instruction in block.instructions
        )
        return next(islice(made, LARGE, None), None) is not None


@contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage inside: looking for it takes a tenth of the time of compiling.

    What was made is put with what is old. Else the next few objects would start a search through all of it,
    after each kernel: that took half as long. It is found when what is old is searched through.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            # what `lasting` keeps from being looked through has to stay so
            if gc.get_freeze_count() == 0:
                gc.freeze()
                gc.unfreeze()
            gc.enable()
