"""Shortcuts through numba's compiler: the same machine code, made with less work.

To make machine code of one kernel numba compares its options tens of thousands of times, each time field by
field; asks every rule for `+` there is, those for sets and strings too, for each `+` of two numbers; writes
out a step for each field of every array whose users it counts, of which one is used; and makes machine code
that nobody calls of what it brings itself. A fifth of the time that all kernels take to compile went there.
Each shortcut gives what it stands in for, but for instructions that are thrown away again, and for counting
the users of what is only lent. It stands in only while kernels are compiled, and only for the very text of
numba that it was written for: where a version differs, numba's own is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache, partial
from typing import Any, cast

from numba import jit, njit
from numba.core import (
    codegen,
    errors,
    event,
    ir,
    lowering,
    target_extension,
    targetconfig,
    typed_passes,
    utils,
)
from numba.core.runtime import context as runtime
from numba.core.types import functions
from numba.core.typing import templates

from spectriage.spectra.compile.lending import step_that_lends, text_key

# numba types its inner parts only in part, and differently from version to version
_errors, _utils, _functions = cast(Any, errors), cast(Any, utils), cast(Any, functions)
_targets = cast(Any, target_extension)
_Overloads: Any = templates._OverloadFunctionTemplate
_ConcreteTemplate: Any = templates.ConcreteTemplate
_Var: Any = ir.Var
_Inst: Any = ir.Inst

Shortcut = tuple[Any, str, str, Callable[..., Any] | property]

_named: dict[type, int] = {}
_ordered: dict[Any, list[Any]] = {}
_chosen: dict[Any, tuple[Any, bool, Any]] = {}
_counted: dict[Any, bool] = {}


def _hash_of_options(self: Any) -> int:
    """Return numba's hash of a set of options, which is one of their names."""
    made = _named.get(type(self))
    if made is None:
        made = _named[type(self)] = hash(tuple(sorted(self.options)))
    return made


def _same_options(self: Any, other: Any) -> Any:
    """Compare two sets of options by what was set in either."""
    if type(self) is not type(other):
        return _equal(self, other)
    first, second, options = self._values, other._values, self.options
    if first is second or first == second:
        return True
    for name in first.keys() | second.keys():
        default = options[name].default
        if first.get(name, default) != second.get(name, default):
            return False
    return True


_equal: Any = targetconfig.TargetConfig.__eq__


def _rules_in_order(target: Any, templates: Any, fnkey: Any = "") -> Any:
    """Sort the rules of an operation once."""
    if not isinstance(templates, tuple):
        return _order(target, templates, fnkey=fnkey)
    found = _ordered.get((target, templates))
    if found is None:
        found = _ordered[target, templates] = _order(target, templates, fnkey=fnkey)
    return found


_order: Any = _utils.order_by_target_specificity


def _type_of_call(self: Any, context: Any, args: Any, kws: Any) -> Any:
    """Type a call by the rule that typed the same call before; else as numba does, and remember the rule."""
    key = self, context, tuple(args), tuple(kws.items())
    known = _chosen.get(key)
    if known is None:
        return _first_that_fits(self, context, args, kws, key)
    rule, literal, signature = known
    made = rule(context)
    if signature is None:
        with suppress(_errors.NumbaError):
            signature = made.apply(*((args, kws) if literal else _unliteral(args, kws)))
        if signature is None:
            return _first_that_fits(self, context, args, kws, key)
    self._impl_keys[signature.args] = made.get_impl_key(signature)
    return signature


def _first_that_fits(self: Any, context: Any, args: Any, kws: Any, key: Any) -> Any:
    made_of: Any = _functions._ResolutionFailures
    failures = made_of(context, self, args, kws, depth=self._depth)
    order = _utils.order_by_target_specificity(
        _targets.get_local_target(context), self.templates, fnkey=self.key[0]
    )
    self._depth += 1
    for rule in order:
        made = rule(context)
        for literal in (True, False) if made.prefer_literal else (False, True):
            try:
                signature = made.apply(*((args, kws) if literal else _unliteral(args, kws)))
            except _errors.NumbaError as error:
                failures.add_error(made, False, error, literal)
                continue
            if signature is not None:
                self._impl_keys[signature.args] = made.get_impl_key(signature)
                self._depth -= 1
                # what such a rule answers is one of its own cases; others compile what they answer
                known = signature if isinstance(made, _ConcreteTemplate) else None
                _chosen[key] = rule, literal, known
                return signature
            failures.add_error(made, True, _no_match(made), literal)
    return failures.raise_error()


def _unliteral(args: Any, kws: Any) -> tuple[Any, Any]:
    plain: Any = _functions._unlit_non_poison
    return tuple([plain(kind) for kind in args]), {name: plain(kind) for name, kind in kws.items()}


def _no_match(rule: Any) -> str:
    cases = getattr(rule, "cases", None)
    if cases is None:
        return "No match."
    return "No match for registered cases:\n" + "\n".join(f" * {case}" for case in cases)


def _variables_in(self: Any, value: Any) -> list[Any]:
    """List the variables in a part of an instruction, with one list for all that it nests."""
    found: list[Any] = []
    _collect(value, found)
    return found


def _collect(value: Any, found: list[Any]) -> None:
    kind = type(value)
    if kind is str or kind is ir.Loc:
        return
    if isinstance(value, _Var):
        found.append(value)
    elif isinstance(value, _Inst):
        found.extend(value.list_vars())
    elif isinstance(value, (list, tuple)):
        for part in value:
            _collect(part, found)
    elif isinstance(value, dict):
        for part in value.values():
            _collect(part, found)


def _counts_in(self: Any, builder: Any, kind: Any, value: Any) -> list[Any]:
    """List the counts of users in a value, taking out of it only the fields that have one."""
    models = self._context.data_model_manager
    model, found = models[kind], []
    if model.has_nrt_meminfo():
        found.append((kind, model.get_nrt_meminfo(builder, value)))
    for member, taken in model.traverse(builder):
        if _is_counted(models, member):
            found.extend(self.get_meminfos(builder, member, taken(value)))
    return found


def _is_counted(models: Any, kind: Any) -> bool:
    found = _counted.get(kind)
    if found is None:
        found = _counted[kind] = models[kind].contains_nrt_meminfo()
    return found


def _delete(self: Any, name: str) -> None:
    """Delete a variable; clear its place only if it holds what has a count of users."""
    kind = self.typeof(name)
    if _is_counted(self.context.data_model_manager, kind):
        _delvar(self, name)
        return
    if name not in self._blk_local_varmap and not self._disable_sroa_like_opt:
        self._singly_assigned_vars.discard(name)
    self._alloca_var(name, kind)


_delvar: Any = lowering.Lower.delvar


def _store(self: Any, value: Any, name: str, argidx: Any = None) -> None:
    """Store a value; look at what stood there only if that has a count of users."""
    kind = self.typeof(name)
    here = name in self._singly_assigned_vars and not self._disable_sroa_like_opt
    if argidx is not None or here or _is_counted(self.context.data_model_manager, kind):
        _storevar(self, value, name, argidx)
        return
    self._alloca_var(name, kind)
    place = self.getvar(name)
    if value.type != place.type.pointee:
        raise AssertionError(f"storing {value.type} to {place.type.pointee} ({name!r})")
    self.builder.store(value, place)


_storevar: Any = lowering.Lower.storevar


def _untimed(kind: str, callback: Any) -> Any:
    """Take no time of each lock: with kernels compiled one for another, every lock is told to all of them."""
    return nullcontext()


def _optimise_functions(self: Any, module: Any) -> None:
    """Optimise each function that is not only named, and so has nothing to optimise."""
    module.data_layout = self._codegen._data_layout
    for function in module.functions:
        if not function.is_declaration:
            passes, builder = self._codegen._function_pass_manager()
            passes.run(function, builder)


def _decorator(self: Any) -> Any:
    """Compile what numba itself brings as a part of kernels."""
    made = _decorate(self)
    compiler = _compiler[-1] if _compiler else None
    return made if compiler is None or made not in (jit, njit) else partial(made, pipeline_class=compiler)


_decorate: Any = _Overloads._get_jit_decorator
_compiler: list[Any] = []

_SHORTCUTS: tuple[Shortcut, ...] = (
    (targetconfig.TargetConfig, "__hash__", "4d15a6c75137", _hash_of_options),
    (targetconfig.TargetConfig, "__eq__", "6d8774572d07", _same_options),
    (utils, "order_by_target_specificity", "e937ed208fd8", _rules_in_order),
    (functions.BaseFunction, "get_call_type", "6559c167bfc0", _type_of_call),
    (ir.Inst, "_rec_list_vars", "054700e9100b", _variables_in),
    (runtime.NRTContext, "get_meminfos", "4681e04e53a8", _counts_in),
    (lowering.Lower, "delvar", "45cd88aeddd8", _delete),
    (lowering.Lower, "storevar", "16d897dd729a", _store),
    (codegen.CPUCodeLibrary, "_optimize_functions", "9439219fa946", _optimise_functions),
    (_Overloads, "_get_jit_decorator", "13f0589c3053", _decorator),
    (event, "install_timer", "754d2f8aad8c", _untimed),
    (typed_passes.NativeLowering, "lowering_class", "15e5a08796b5", step_that_lends),
)
"""Of what, which part, the start of the SHA-256 of the text it was written for, and what stands in."""


@cache
def _known() -> tuple[Shortcut, ...]:
    """Return the shortcuts that stand in for what this numba has."""
    found = []
    for shortcut in _SHORTCUTS:
        owner, name, key, _ = shortcut
        try:
            if text_key(vars(owner)[name]) == key:
                found.append(shortcut)
        except (KeyError, OSError, TypeError):
            continue
    return tuple(found)


@contextmanager
def shortcuts(brought: Any) -> Iterator[None]:
    """Take the shortcuts inside; numba lets one thread compile at a time."""
    replaced = [(owner, name, vars(owner)[name]) for owner, name, _, _ in _known()]
    _compiler.append(brought)
    try:
        for owner, name, _, instead in _known():
            setattr(owner, name, instead)
        yield
    finally:
        _compiler.pop()
        for owner, name, before in replaced:
            setattr(owner, name, before)
