"""A batch on a cluster, from its inputs to the list of its shards.

What is written, into a folder or under a URL:

``_run.json``
    What the results depend on: library, engine, policy, packaging; form and size of the shards.
``part-NNNNNN.jsonl`` (or ``.parquet``)
    The results of so many inputs; part after part they are the lines of a batch on one machine, in the order
    of the inputs.
``_shards.json``
    At the end: every part with its inputs, rows, bytes and hash. A run without it is unfinished.

Started again after whatever killed it, the same command goes through the same shards: one that is there under
its final name is compared with its inputs and kept, one that is not is worked off.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectriage.library.cluster.connection import connected, local_workers
from spectriage.library.cluster.parts import Place, open_place
from spectriage.library.cluster.rows import PREFIX
from spectriage.library.cluster.run import SCHEMA, PartFormat, Run, begin, is_begun
from spectriage.library.cluster.sending import forget, identify_shard, prepare
from spectriage.library.cluster.shards import SHARD_INPUTS, shards
from spectriage.library.cluster.spreading import spread
from spectriage.library.cluster.task import Done
from spectriage.library.cluster.versions import versions
from spectriage.library.files.places import is_url, local_path
from spectriage.library.inputs.item import Item
from spectriage.library.inputs.listing import batch_items
from spectriage.library.inputs.reader import Reader
from spectriage.library.service.batch import Setup, Summary, run_key
from spectriage.library.store.held import HeldFile
from spectriage.spectra.errors import LibraryError, ParameterError
from spectriage.spectra.progress import Progress

if TYPE_CHECKING:
    from spectriage.spectra.identify import Identifier

SHARDS_FILE = "_shards.json"
OF_ONE_PROCESS = "memory"


def run_cluster_batch(
    source: Path | str,
    out: str,
    setup: Setup,
    cluster: str,
    *,
    form: PartFormat = PartFormat.JSONL,
    shard_inputs: int = SHARD_INPUTS,
    progress: Progress | None = None,
) -> Summary:
    """Identify every input of a source on a cluster.

    Parameters
    ----------
    source
        See `batch_items`.
    out
        A folder that all workers see, or a URL; what an earlier, unfinished run left there is continued.
    setup
        Of the engine.
    cluster
        See `connected`.
    form, shard_inputs
        How shards are written, and how many inputs each has.
    progress
        Called with the inputs done and the inputs in all, under one name.

    Raises
    ------
    ParameterError
        When the results that are there are of other inputs or another run.
    ClusterError
        When the cluster cannot be used, its workers differ, or it is lost.
    """
    elsewhere = local_workers(cluster) is None
    if shard_inputs < 1:
        raise ParameterError(f"a shard of {shard_inputs} inputs is none")
    for named in (str(source), out):
        if is_url(named) and named.split(":", 1)[0].casefold() == OF_ONE_PROCESS:
            raise ParameterError(
                "the memory of one process is not seen by others", where=named, remedy="name another place"
            )
    if elsewhere:  # where workers need not be in the same folder
        source, out = _absolute(source), _absolute(out)
    engine = setup.engine()
    place = open_place(out)
    run = _run(engine, setup, out, form, _inputs(source, place))
    about = _about(run, engine, shard_inputs)
    is_begun(place, about)
    total = sum(1 for _ in _inputs(source, place)) if progress is not None else 0
    done: list[Done] = []
    reached = 0
    with connected(cluster) as client:
        # not before: where no cluster is to be had nothing is left behind
        begin(place, about)
        prepare(client, run, library_bytes(engine))
        jobs = ((run.name, shard) for shard in shards(_inputs(source, place), shard_inputs))
        if progress is not None:
            progress("identifying", 0, total)
        for each in spread(client, identify_shard, jobs, name="identify"):
            done.append(each)
            reached += each.inputs
            if progress is not None:
                progress("identifying", reached, max(total, reached))
        forget(client, run)
    done.sort(key=lambda each: each.number)
    _finish(place, run, done)
    return _summary(done)


def _absolute(place: Path | str) -> str:
    """Return a place as workers in another folder have it."""
    path = local_path(place)
    return str(place) if path is None else str(path.absolute())


def _inputs(source: Path | str, place: Place) -> Iterator[Item]:
    """List the inputs; results that lie in the folder of inputs are none."""
    inside = place.where.rstrip("/") + "/"
    return (item for item in batch_items(source) if not item.path.startswith(inside))


def _run(engine: Identifier, setup: Setup, out: str, form: PartFormat, items: Iterable[Item]) -> Run:
    first = next(iter(islice(items, 1)), None)
    held = _held(engine)
    return Run(
        run_key(engine, setup),
        out,
        form,
        engine.references.sha256,
        held.sha256,
        engine.policy,
        setup.packaging,
        versions(),
        None if first is None else (first, Reader().digest(first)),
    )


def _held(engine: Identifier) -> HeldFile:
    path = engine.references.attributes.get("path")
    if not path:
        raise LibraryError(
            "the library has no file that could be sent to workers",
            remedy="let it be kept in the cache, or build it and name it with --library",
        )
    return HeldFile(Path(str(path)))


def library_bytes(engine: Identifier) -> bytes:
    """Return the bytes of an engine's library, as they are sent.

    Raises
    ------
    LibraryError
        When it has no file, or that cannot be read.
    """
    return bytes(_held(engine).buffer)


def _about(run: Run, engine: Identifier, shard_inputs: int) -> dict[str, Any]:
    return {
        "run": run.key,
        "library": {"name": engine.references.name, "sha256": run.library_sha256},
        "engine": run.versions["spectriage"],
        "policy": engine.policy.sha256,
        "packaging": sorted(run.packaging),
        "format": str(run.form),
        "shard_inputs": shard_inputs,
        "first_input": None if run.first is None else {"name": run.first[0].name, "sha256": run.first[1]},
    }


def _finish(place: Place, run: Run, done: list[Done]) -> None:
    names = {each.name for each in done}
    others = [name for name in place.names() if name.startswith(PREFIX) and name not in names]
    if others:
        raise ParameterError(
            f"there is a shard {others[0]} that the inputs have no place for",
            where=place.where,
            remedy="the inputs are not those of the run that began it: name another place",
        )
    inputs = hashlib.sha256("".join(each.inputs_sha256 for each in done).encode())
    text = json.dumps(
        {
            "schema": SCHEMA,
            "run": run.key,
            "inputs": sum(each.inputs for each in done),
            "inputs_sha256": inputs.hexdigest(),
            "shards": [
                {
                    "name": each.name,
                    "inputs": each.inputs,
                    "rows": each.rows,
                    "bytes": each.size,
                    "sha256": each.sha256,
                }
                for each in done
            ],
        },
        indent=1,
    )
    place.write_once(SHARDS_FILE, text.encode() + b"\n")
    place.sweep()


def _summary(done: list[Done]) -> Summary:
    made = Summary(
        sum(each.inputs for each in done),
        sum(each.inputs for each in done if each.before),
        {},
        sum(each.errors for each in done),
    )
    for each in done:
        for verdict, number in each.verdicts.items():
            made.verdicts[verdict] = made.verdicts.get(verdict, 0) + number
    return made
