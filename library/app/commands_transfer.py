"""The commands `spectriage library twin | transfer`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spectriage.library.app.shared import ForceOption, OutOption, report_made
from spectriage.library.service.progress import progress_bar
from spectriage.spectra.options import JsonOption
from spectriage.spectra.terminal import print_json


def twin(
    source: Annotated[Path, typer.Argument(help="Standards on the unit that the library was made on.")],
    target: Annotated[Path, typer.Argument(help="The same standards on the unit that it shall serve.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The transfer to write, JSON.")],
    source_name: Annotated[str, typer.Option("--source-name", help="Of the first unit.")] = "",
    target_name: Annotated[str, typer.Option("--target-name", help="Of the second unit.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Fit how one unit's spectra become another's, from a few standards measured on both.

    Folders of files named after the standards, alike in both; or two .cha files of ramanchada2.
    """
    from spectriage.library.building.transferred import standards_of
    from spectriage.spectra.transfer import fit_transfer, save_transfer

    pairs = standards_of(source, target)
    made = fit_transfer(pairs, source_name or source.stem, target_name or target.stem)
    save_transfer(made, out)
    if as_json:
        print_json(made.to_json())
        return
    print(f"{out}: {made.source} to {made.target}, from {', '.join(made.standards)}")
    print(
        f"axis      {', '.join(f'{each:+.2f}' for each in made.axis_cm)} cm⁻¹ on "
        f"{made.low_cm:.0f}-{made.high_cm:.0f} cm⁻¹; {made.axis_rms_cm:.2f} cm⁻¹ left"
    )
    response = ", ".join(f"{each:+.2f}" for each in made.log_response)
    print(f"response  {response} (log); {made.response_rms:.2f} left")
    print(f"blurred   by {made.resolution_cm:.1f} cm⁻¹")


def transfer(
    library: Annotated[Path, typer.Argument(help="The library, made on the first unit.")],
    by: Annotated[Path, typer.Option("--by", help="A transfer, made by `library twin`.")],
    out: OutOption,
    only_source: Annotated[
        str, typer.Option("--only-source", help="Only references whose source holds this text.")
    ] = "",
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a library whose measured spectra are as the other unit would have shown them."""
    from spectriage.library.building.transferred import transfer_library
    from spectriage.spectra.transfer import load_transfer

    with progress_bar() as progress:
        made = transfer_library(
            library, load_transfer(by), out, only_source=only_source, overwrite=force, progress=progress
        )
    report_made(out, made, as_json)
