"""A file is one idea and a function one step: 400 lines and 50, its docstring not counted.

What is longer stands here with its reason. A name is taken off when its file or function has been cut.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_FILE_LINES, MOST_FUNCTION_LINES = 400, 50
COMPILED = "every call of an inner kernel compiles into a copy of it: one loop has one call"
OPTIONS = "its parameters are the options of a command"
HANDED = "half of its lines are what it is handed, and hands on"
SUITE = "the tests of one thing, each of them short"

LONG_FILES = {
    "device/contract/spectrometer.py": "the protocol of a device: a driver's author reads it as a whole",
    "device/drivers/_wasatch_unit.py": "one unit's commands, in the order of its protocol",
    "device/drivers/ocean.py": "one driver from its URI to its last transfer",
    "tests/device/drivers/test_faults.py": SUITE,
    "tests/spectra/verdict/test_rules.py": SUITE,
    "tests/device/drivers/test_wasatch.py": SUITE,
    "tests/device/laser/test_safety.py": SUITE,
    "tests/library/catalogue/test_catalogue.py": SUITE,
    "tests/library/store/test_store.py": SUITE,
    "spectra/formats/numbers.py": "rows of numbers, as every table of text is read",
    "tests/spectra/formats/test_instruments.py": SUITE,
    "tests/spectra/formats/test_vendor.py": SUITE,
}
LONG_FUNCTIONS = {
    "bench/evidence/benign.py:benign": "one pass over materials and conditions",
    "device/app/commands_scan.py:scan": OPTIONS,
    "library/app/commands_bands.py:bands": OPTIONS,
    "device/app/commands_serve.py:serve": OPTIONS,
    "library/app/commands_identify.py:identify": OPTIONS,
    "library/app/commands_rescore.py:rescore": OPTIONS,
    "library/app/commands_library.py:add": OPTIONS,
    "library/app/commands_import.py:import_spectra": OPTIONS,
    "spectra/baseline/_kernels_baseline_arpls.py:weigh_and_eliminate": "one loop, whose rows hang together",
    "spectra/baseline/_kernels_baseline_batch.py:fit": COMPILED,
    "spectra/evidence/_kernels_limits.py:limits_each": COMPILED,
    "spectra/fitting/_kernels_additions.py:add_each": COMPILED,
    "spectra/fitting/_kernels_axes.py:best_axes": COMPILED,
    "spectra/evidence/_kernels_sighting.py:sight_bands": COMPILED,
    "spectra/evidence/_kernels_weighing.py:_weigh": HANDED,
    "spectra/evidence/_kernels_amounts.py:write_limits": HANDED,
    "spectra/evidence/_kernels_weighing.py:weigh_scans": HANDED,
    "spectra/verdict/_kernels_parts.py:look_at_scans": HANDED,
    "spectra/formats/axis_order.py:in_order": "every way in which an axis may step back, told apart in turn",
    "spectra/formats/binary/spe.py:read_spe": "a fixed head, field after field",
    "spectra/formats/axis.py:to_spectrum": "every hint of what an axis is, in the order of its weight",
    "spectra/formats/lists.py:read_lists": "one pass over the lines",
    "spectra/identify.py:_concluded": "from what explains a spectrum to the verdict, step after step",
}


def files() -> list[Path]:
    rooms = ("spectra", "library", "device", "bench", "tests")
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from its name to its end, without the docstring."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


def test_files_are_short():
    found = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files()}
    long = {name: lines for name, lines in found.items() if lines > MOST_FILE_LINES}
    assert {name: lines for name, lines in long.items() if name not in LONG_FILES} == {}


@pytest.mark.parametrize("room", ["spectra", "library", "device", "bench"])
def test_functions_are_short(room):
    long = {}
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{path.relative_to(ROOT)}:{node.name}"
                if length(node) > MOST_FUNCTION_LINES and name not in LONG_FUNCTIONS:
                    long[name] = length(node)
    assert long == {}


def test_a_docstring_is_not_counted():
    function = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    a = 1\n    return a\n').body[0]
    assert length(function) == 3
