"""Keys are written for their owner alone, read strictly, and an outside implementation agrees with them."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.library.signing.errors import KeyFileError
from spectriage.library.signing.keys import (
    PublicKey,
    add_trusted_key,
    generate_key,
    load_private_key,
    load_trusted_keys,
    parse_key,
    public_of,
)


def test_a_pair_is_written_and_read(tmp_path):
    public = generate_key(tmp_path / "key", "the lab", passphrase="secret words")
    assert os.stat(tmp_path / "key").st_mode & 0o077 == 0
    private = load_private_key(tmp_path / "key", "secret words")
    assert public_of(private).raw == public.raw
    assert parse_key((tmp_path / "key.pub").read_text(), "").comment == "the lab"
    for wrong in ("", "other words"):
        with pytest.raises(KeyFileError, match="cannot be used"):
            load_private_key(tmp_path / "key", wrong)


def test_a_key_is_never_overwritten(tmp_path):
    generate_key(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(KeyFileError, match="never overwritten"):
        generate_key(tmp_path / "key")
    (tmp_path / "key.pub").unlink()
    with pytest.raises(KeyFileError, match="never overwritten"):
        generate_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before


def test_a_key_that_others_can_read_is_refused(tmp_path):
    generate_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(KeyFileError, match="others can read"):
        load_private_key(tmp_path / "key")


def test_openssl_verifies_what_was_signed(tmp_path):
    """An implementation that is not ours, where there is one."""
    generate_key(tmp_path / "key")
    message = b"what was signed"
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "signature").write_bytes(load_private_key(tmp_path / "key").sign(message))
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-inkey", "key", "-sigfile", "signature"]
    try:
        done = subprocess.run([*command, "-in", "message"], cwd=tmp_path, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no openssl here")
    assert "Verified Successfully" in done.stdout, done.stderr


def test_trusted_keys_and_revoked_ones(tmp_path):
    first, second = generate_key(tmp_path / "a", "a"), generate_key(tmp_path / "b", "b")
    trusted = tmp_path / "folder" / "trusted-keys"
    for name in ("a.pub", "b.pub", "a.pub"):
        add_trusted_key(trusted, tmp_path / name)
    known = load_trusted_keys(trusted)
    assert [key.raw for key in known.keys] == [first.raw, second.raw]
    with trusted.open("a") as file:
        file.write(f"# gone\nrevoked {first.line()}\n")
    known = load_trusted_keys(trusted)
    assert known.find(first.raw) is None
    assert known.find(second.raw) == second


@pytest.mark.parametrize("line", ["ed25519", "ed25519 AAAA", "rsa AAAA", "nonsense", "ed25519 !!!! x"])
def test_half_a_list_is_not_believed(tmp_path, line):
    public = generate_key(tmp_path / "a")
    path = tmp_path / "trusted"
    path.write_text(f"{public.line()}\n{line}\n")
    with pytest.raises(KeyFileError, match="line 2"):
        load_trusted_keys(path)


@given(
    raw=st.binary(min_size=32, max_size=32), signature=st.binary(max_size=80), message=st.binary(max_size=80)
)
def test_no_bytes_verify_by_chance(raw, signature, message):
    assert PublicKey(raw).verifies(signature, message) is False


@given(text=st.text(max_size=120))
def test_any_line_is_a_key_or_a_typed_error(text):
    with contextlib.suppress(KeyFileError):
        assert len(parse_key(text, "here").raw) == 32


def test_no_file_of_keys(tmp_path):
    with pytest.raises(KeyFileError, match="no file of trusted keys"):
        load_trusted_keys(Path(tmp_path / "absent"))
