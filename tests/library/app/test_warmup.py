"""Machine code: kept by the content of its kernels, made beforehand, and its making told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from spectriage.library.app.warmup import warm
from spectriage.library.store.file import write_library
from spectriage.spectra.compile import jit as _jit
from spectriage.spectra.reference import Reference, ReferenceSet

KERNELS = """
from spectriage.spectra.compile.jit import kernel
from _kernels_{inner} import step

@kernel()
def outer(x):
    return step(x) + 1
"""
INNER = """
from spectriage.spectra.compile.jit import kernel

@kernel()
def step(x):
    return x * {factor}
"""
PROGRAM = """
from spectriage.spectra.compile.jit import announce_compilation
names = []
with announce_compilation(names.append):
    from _kernels_outer import outer
    print(outer(5), *sorted(names))
"""


@pytest.fixture
def kernels(tmp_path):
    (tmp_path / "_kernels_outer.py").write_text(KERNELS.format(inner="inner"))
    (tmp_path / "_kernels_inner.py").write_text(INNER.format(factor=3))
    return tmp_path


def run(folder, program=PROGRAM, **variables):
    # a file changed within a second, to the same size, is not told from the one that was compiled
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("named", [True, False])
def test_a_changed_kernel_is_never_found_in_another_s_machine_code(kernels, named):
    variables = {"NUMBA_CACHE_DIR": str(kernels / "named")} if named else {"NUMBA_CACHE_DIR": ""}
    assert run(kernels, **variables) == ["16", "outer", "step"]
    assert run(kernels, **variables) == ["16"]
    # numba itself watches only outer's own file, which stays as it was
    (kernels / "_kernels_inner.py").write_text(INNER.format(factor=7))
    assert run(kernels, **variables) == ["36", "outer", "step"]
    assert run(kernels, **variables) == ["36"]
    where = kernels / ("named" if named else "__pycache__") / _jit.FOLDER
    assert len([path for path in where.iterdir() if path.name.startswith("_kernels_outer-")]) == 2


def test_works_where_nothing_can_be_written(kernels):
    nowhere = "/dev/null/nothing"
    blocked = kernels / "__pycache__"
    blocked.write_text("a file where the folder would be")
    variables = {"NUMBA_CACHE_DIR": nowhere, "SPECTRIAGE_CACHE": nowhere}
    for _ in range(2):
        assert run(kernels, **variables) == ["16", "outer", "step"]
    # the user's cache serves a read-only installation
    variables = {"NUMBA_CACHE_DIR": "", "SPECTRIAGE_CACHE": str(kernels / "mine")}
    assert run(kernels, **variables) == ["16", "outer", "step"]
    assert run(kernels, **variables) == ["16"]


IN_ROOMS = """
from spectriage.spectra.compile.jit import kernel
from {imported}

@kernel()
def outer(x):
    return step(x) + 1
"""
PROGRAM_IN_ROOMS = PROGRAM.replace("from _kernels_outer", "from rooms.outer._kernels_outer")


@pytest.mark.parametrize(
    "imported",
    [
        "rooms.inner._kernels_inner import step",
        "rooms.inner._kernels_inner import (\n    step,\n)",
        "rooms.inner import _kernels_inner\nstep = _kernels_inner.step",
        "..inner._kernels_inner import step",
    ],
)
def test_a_kernel_changed_in_a_sub_folder_is_never_served_from_stale_machine_code(tmp_path, imported):
    for room in ("", "outer", "inner"):
        (tmp_path / "rooms" / room).mkdir()
        (tmp_path / "rooms" / room / "__init__.py").touch()
    (tmp_path / "rooms/outer/_kernels_outer.py").write_text(IN_ROOMS.format(imported=imported))
    inner = tmp_path / "rooms/inner/_kernels_inner.py"

    def outcome(factor: int) -> list[str]:
        inner.write_text(INNER.format(factor=factor))
        return run(tmp_path, PROGRAM_IN_ROOMS, NUMBA_CACHE_DIR=str(tmp_path / "named"))

    assert outcome(3) == ["16", "outer", "step"]
    assert outcome(3) == ["16"]
    assert outcome(4) == ["21", "outer", "step"]


def test_a_kernel_file_imports_no_code_of_ours_but_kernels():
    """Numba freezes what a kernel takes from elsewhere, and only kernel files count into the key."""
    folder = Path(str(resources.files("spectriage.spectra")))
    for source in folder.rglob("_kernels*.py"):
        for name in re.findall(r"^from (spectriage[\w.]*) import", source.read_text(), re.MULTILINE):
            # `arrays` names types, which stand in annotations only
            plain = name in (_jit.__name__, "spectriage.spectra.arrays")
            assert plain or name.rpartition(".")[2].startswith("_kernels"), (source, name)


def test_a_kernel_import_that_cannot_be_found_is_said(tmp_path):
    source = tmp_path / "_kernels_lost.py"
    source.write_text("from spectriage.spectra._kernels_nowhere import step\n")
    with pytest.raises(ImportError, match=r"_kernels_lost.py imports .*_kernels_nowhere"):
        _jit.content_key(source)


def test_outdated_machine_code_is_removed(kernels, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kernels / "named"))
    source = kernels / "_kernels_outer.py"
    _jit.cache_folder.cache_clear()
    kept = _jit.cache_folder(source)
    others = [kept.parent / f"_kernels_outer-{'0' * 16}", kept.parent / f"_kernels_inner-{'0' * 16}"]
    for folder in others:
        folder.mkdir()
    assert _jit.remove_outdated(source) == 1
    assert kept.is_dir()
    assert [folder.exists() for folder in others] == [False, True]
    _jit.cache_folder.cache_clear()


def small_library(path: Path) -> Path:
    shift = 200.0 + 2.0 * np.arange(256)
    rng = np.random.default_rng(0)
    rows = [
        sum(1 / (1 + ((shift - centre) / 6.0) ** 2) for centre in rng.uniform(220, 690, 6)) for _ in range(6)
    ]
    records = tuple(Reference(f"made-{i}", f"made up {i}") for i in range(6))
    write_library(path, ReferenceSet(records, shift, np.array(rows, np.float32), name="made up"))
    return path


def test_warm_calls_every_kernel_file(tmp_path):
    """A kernel of each file has been compiled or loaded afterwards: for Python, or large and for kernels."""
    warm(small_library(tmp_path / "library.h5"))
    folder = Path(str(resources.files("spectriage.spectra")))
    idle = []
    for source in folder.rglob("_kernels*.py"):
        room = ".".join(source.relative_to(folder).with_suffix("").parts)
        module = sys.modules.get(f"spectriage.spectra.{room}")
        found = [] if module is None else [v for v in vars(module).values() if hasattr(v, "overloads")]
        own = [kernel for kernel in found if kernel.__module__ == module.__name__]
        if not any(kernel.overloads or kernel.inner.overloads for kernel in own):
            idle.append(source.stem)
    # these hold only what is written into other kernels, taken by them, or what they are compiled with
    inner = {"arguments", "baseline_lanes", "calls", "memory", "selected", "vectors"}
    assert not set(idle) - {f"_kernels_{name}" for name in inner}


@pytest.mark.full
def test_nothing_is_compiled_after_a_warm_up(tmp_path):
    library = small_library(tmp_path / "library.h5")
    scan = tmp_path / "scan.csv"
    shift = np.linspace(200, 710, 900)
    noise = np.random.default_rng(1).normal(0, 4, shift.size)
    values = 1000 / (1 + ((shift - 400) / 6) ** 2) + 100 + noise
    np.savetxt(
        scan, np.column_stack([shift, values]), delimiter=",", header="Raman shift (cm-1),I", comments=""
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "code")}
    warming = (
        "from spectriage.library.app.warmup import warm; from pathlib import Path; "
        f"print(len(warm(Path({str(library)!r}))))"
    )
    identify = [sys.executable, "-m", "spectriage.spectra.cli", "identify", "-l", str(library), str(scan)]

    def told(command):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        return done.stdout, "compiling" in done.stderr

    assert told(identify)[1]
    counted, _ = told([sys.executable, "-c", warming])
    assert int(counted) > 0
    assert not told(identify)[1]
    assert told([sys.executable, "-c", warming]) == ("0\n", False)


def test_the_core_imports_nothing_heavy():
    program = (
        "import sys, spectriage.spectra, spectriage.spectra.identify, spectriage.library; "
        "heavy = ('scipy.signal', 'scipy.optimize', 'pybaselines', 'matplotlib'); "
        "print(*(name for name in heavy if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
