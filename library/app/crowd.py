"""The options that say who works off a batch: this process, several, or a cluster; and where results go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.library.cluster.run import PartFormat
from spectriage.library.cluster.shards import SHARD_INPUTS
from spectriage.library.files.places import is_url
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.options import MANY

if TYPE_CHECKING:
    from spectriage.library.service.batch import Setup, Summary
    from spectriage.spectra.progress import Progress

__all__ = [
    "SHARD_INPUTS",
    "BatchOption",
    "ClusterOption",
    "Crowd",
    "OutOption",
    "PartFormat",
    "PartFormatOption",
    "ShardOption",
    "WorkersOption",
]

BatchOption = Annotated[
    str | None,
    typer.Option(
        "--batch",
        metavar="INPUT",
        help="Identify all of a folder, a library file, a NeXus store or Parquet table of spectra, or "
        "a CSV manifest with the column path (and at will which, column); also at a URL.",
        rich_help_panel=MANY,
    ),
]
OutOption = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        metavar="OUT",
        help="Where the results of --batch go: a file of JSON lines; with --cluster a folder or a URL. "
        "Continued where it was begun.",
        rich_help_panel=MANY,
    ),
]
WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, help="Processes of --batch.", rich_help_panel=MANY)
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS|local:N",
        help="Work --batch off on a Dask cluster: its scheduler's address, or N processes here.",
        rich_help_panel=MANY,
    ),
]
PartFormatOption = Annotated[
    PartFormat,
    typer.Option("--part-format", help="How --cluster writes its shards.", rich_help_panel=MANY),
]
ShardOption = Annotated[
    int, typer.Option("--shard-inputs", min=1, help="Inputs a shard of --cluster.", rich_help_panel=MANY)
]


@dataclass(frozen=True)
class Crowd:
    """Who works off a batch.

    Parameters
    ----------
    workers
        Processes of this machine.
    cluster
        ``local:N`` or the address of a scheduler, in their place.
    part_format, shard_inputs
        How a cluster writes shards, and how many inputs each has.
    """

    workers: int = 1
    cluster: str | None = None
    part_format: PartFormat = PartFormat.JSONL
    shard_inputs: int = SHARD_INPUTS

    def run(self, source: str, out: str, setup: Setup, progress: Progress | None) -> Summary:
        """Identify every input of a source.

        Raises
        ------
        ParameterError
            When options do not go together, or as `run_batch` and `run_cluster_batch`.
        """
        if self.cluster is not None:
            if self.workers != 1:
                raise ParameterError("--workers and --cluster exclude one another")
            from spectriage.library.cluster.batch import run_cluster_batch

            return run_cluster_batch(
                source,
                out,
                setup,
                self.cluster,
                form=self.part_format,
                shard_inputs=self.shard_inputs,
                progress=progress,
            )
        if self.part_format is not PartFormat.JSONL or self.shard_inputs != SHARD_INPUTS:
            raise ParameterError("--part-format and --shard-inputs belong to --cluster")
        if is_url(out):
            raise ParameterError(
                "without --cluster the results are one file on this machine", where=out, remedy="name a file"
            )
        from spectriage.library.service.batch import run_batch

        return run_batch(source, Path(out), setup, workers=self.workers, progress=progress)
