"""The commands `spectriage library keygen | trust | sign | verify | install`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.library.app.shared import (
    KeysOption,
    RequireOption,
    RollbackOption,
    count,
    trust_of,
)
from spectriage.library.service.progress import progress_bar
from spectriage.spectra.options import JsonOption
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.library.building.derived import Checked
    from spectriage.library.store.held import HeldFile
    from spectriage.spectra.reference import ReferenceSet

PASSPHRASE_VARIABLE = "SPECTRIAGE_KEY_PASSPHRASE"

QuickOption = Annotated[
    bool,
    typer.Option("--quick", help="Work out only a sample again, drawn anew each time."),
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, help="Of the sample of --quick, to repeat one.")
]


def _passphrase() -> str:
    return os.environ.get(PASSPHRASE_VARIABLE, "")


def keygen(
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the private key goes; NAME.pub beside it.")],
    comment: Annotated[str, typer.Option("--comment", help="Whose key it is, for those who trust it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a pair of keys to sign libraries with.

    The private key is encrypted when SPECTRIAGE_KEY_PASSPHRASE is set.
    """
    from spectriage.library.signing.keys import generate_key, public_path

    public = generate_key(out, comment, _passphrase())
    if as_json:
        files = {"private": str(out), "public": str(public_path(out))}
        print_json({"schema": 1, "key_id": public.key_id, **files})
        return
    print(f"private key  {out}  (keep it; whoever has it signs in your name)")
    print(f"public key   {public_path(out)}  (give it to those who use your libraries)")
    print(f"key id       {public.key_id}")


def trust(
    key: Annotated[Path | None, typer.Argument(help="A public key to trust; else they are listed.")] = None,
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trust a public key, or list the keys that are trusted."""
    from spectriage.library.signing.keys import add_trusted_key, load_trusted_keys
    from spectriage.library.signing.trust import default_keys_path

    path = keys or default_keys_path()
    if key is not None:
        added = add_trusted_key(path, key)
        keys_known = [(added, "trusted")]
    else:
        known = load_trusted_keys(path)
        states = {each.key_id: "revoked" for each in known.keys if each.key_id in known.revoked}
        keys_known = [(each, states.get(each.key_id, "trusted")) for each in known.keys]
    for each, state in keys_known:
        if as_json:
            print_json({"schema": 1, "key_id": each.key_id, "comment": each.comment, "state": state})
        else:
            print(f"{state}  {each.key_id}  {each.comment}".rstrip())


def sign(
    file: Annotated[Path, typer.Argument(help="The library file; it gets FILE.sig beside it.")],
    key: Annotated[Path, typer.Option("--key", "-k", help="Your private key, made by `library keygen`.")],
    serial: Annotated[
        int | None,
        typer.Option("--serial", min=0, help="Release number, growing; the time if not given."),
    ] = None,
    quick: QuickOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check a library in full, as `verify` does, and sign it."""
    from spectriage.library.signing import load_private_key, sign_file, signature_path
    from spectriage.library.store.held import HeldFile

    private = load_private_key(key, _passphrase())
    held = HeldFile(file)
    references, _ = _checked(held, quick, None)
    signed = sign_file(file, references.name, held.sha256, len(held), private, serial)
    if as_json:
        said = {"key_id": signed.key.key_id, "serial": signed.statement.serial}
        print_json({"schema": 1, "signature": str(signature_path(file)), "library": references.name, **said})
        return
    print(f"{signature_path(file)}: {references.name}, release {signed.statement.serial}")
    print(f"key id {signed.key.key_id}")


def _checked(held: HeldFile, quick: bool, seed: int | None) -> tuple[ReferenceSet, Checked]:
    """Check every hash and everything derived of a file that is held."""
    from spectriage.library.building.derived import check_derived
    from spectriage.library.store.file import verify_library
    from spectriage.library.store.gathered_natives import gather_natives

    references = verify_library(held)
    with progress_bar() as progress:
        checked = check_derived(references, gather_natives(held), quick=quick, seed=seed, progress=progress)
    return references, checked


def verify(
    file: Annotated[Path, typer.Argument(help="The library file.")],
    quick: QuickOption = False,
    seed: SeedOption = None,
    require: RequireOption = False,
    keys: KeysOption = None,
    rollback: RollbackOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check a library: its signature, every hash, and all that it derives from its spectra."""
    from spectriage.library.store.file import hold_library

    held = hold_library(file, trust_of(require, keys, rollback))
    references, checked = _checked(held, quick, seed)
    if as_json:
        print_json(_verified_json(held, references, checked))
    else:
        _print_verified(held, references, checked)


def _verified_json(held: HeldFile, references: ReferenceSet, checked: Checked) -> dict[str, Any]:
    head = {name: references.attributes[name] for name in ("schema", "generator", "history")}
    return {
        "path": str(held.path),
        "valid": True,
        "name": references.name,
        "version": references.version,
        "references": len(references),
        "natives": len(references.attributes["native_ids"]),
        "sha256": references.sha256,
        **head,
        "file_sha256": held.sha256,
        "signed": _signed_json(held),
        "recomputed": {
            "references": checked.rows,
            "natives": checked.natives,
            "null": checked.families,
            "seed": checked.seed,
        },
    }


def _print_verified(held: HeldFile, references: ReferenceSet, checked: Checked) -> None:
    natives = count(len(references.attributes["native_ids"]), "native spectrum", "native spectra")
    print(
        f"{held.path}: intact; {references.name} {references.version}, "
        f"{count(len(references), 'reference')}, {natives}"
    )
    for step in references.attributes["history"]:
        print(f"  {step}")
    sample = "" if checked.seed is None else f" (a sample, seed {checked.seed})"
    compared = count(checked.natives, "native spectrum", "native spectra")
    print(
        f"worked out again: {count(checked.rows, 'reference')}, {compared}, "
        f"{count(checked.families, 'family', 'families')} of the null{sample}"
    )
    print(f"sha256 {references.sha256}")
    print(_signed_text(held))


def _signed_json(held: HeldFile) -> dict[str, Any] | None:
    signed = held.signed
    if signed is None:
        return None
    return {
        "key_id": signed.key.key_id,
        "comment": signed.key.comment,
        "serial": signed.statement.serial,
        "signed_at": signed.statement.signed_at,
    }


def _signed_text(held: HeldFile) -> str:
    signed = held.signed
    if signed is None:
        return "not signed by a key that is trusted here"
    whose = f" ({signed.key.comment})" if signed.key.comment else ""
    said = signed.statement
    return f"signed by {signed.key.key_id}{whose}, release {said.serial}, {said.signed_at}"


def install(
    new: Annotated[Path, typer.Argument(help="The new library file, its signature beside it.")],
    to: Annotated[Path, typer.Option("--to", help="The file that is in use; kept as FILE.previous.")],
    require: RequireOption = False,
    keys: KeysOption = None,
    rollback: RollbackOption = False,
    quick: QuickOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put a new release in the place of the library in use, whole or not at all.

    It is checked as `verify` does first. Whoever has the old one open keeps it until the next start.
    """
    from spectriage.library.store.file import hold_library
    from spectriage.library.store.update import install_library

    held = hold_library(new, trust_of(require, keys, rollback))
    references, _ = _checked(held, quick, None)
    previous = install_library(held, to)
    if as_json:
        print_json(
            {
                "path": str(to),
                "previous": None if previous is None else str(previous),
                "sha256": references.sha256,
                "signed": _signed_json(held),
            }
        )
        return
    print(f"{to}: {references.name} {references.version}, {count(len(references), 'reference')}")
    print(f"sha256 {references.sha256}")
    print(_signed_text(held))
    if previous is not None:
        print(f"the one before is kept as {previous}")
