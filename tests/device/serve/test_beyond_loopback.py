"""An address that others may reach: refused without token and TLS, and used with both in a real browser."""

import contextlib
import datetime
import ipaddress
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from spectriage.device.serve import Binding
from spectriage.spectra.errors import ParameterError

from .conftest import inside

TOKEN = "a-token-of-enough-letters"
BEYOND, LOOPBACK = "192.0.2.1", "127.0.0.2"
WAIT_MS = 60_000
ASK = """async ([url, token]) => {
    const headers = token ? {authorization: 'Bearer ' + token} : {};
    try { return (await fetch(url + 'api/state', {headers})).status; } catch (error) { return 'refused'; }
}"""
SOCKET = """(url) => new Promise((done) => {
    const socket = new WebSocket(url.replace('http', 'ws') +
        '_nicegui_ws/socket.io/?EIO=4&transport=websocket');
    socket.onopen = () => done('open'); socket.onerror = () => done('refused');
})"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for both addresses, and its key."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "spectriage test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address(each)) for each in (BEYOND, LOOPBACK)]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return ("--certificate", str(folder / "certificate.pem"), "--key", str(folder / "key.pem"))


@pytest.fixture(params=[LOOPBACK, BEYOND])
def secured(request, browser, starting, certificate, tmp_path, library_cache, library):
    """A service with token and TLS on an address, and a browser that reaches it."""
    far = request.param == BEYOND
    prefix = request.getfixturevalue("own_network") if far else ()
    arguments = ("--device", "sim:caffeine?seed=1", "--host", request.param, *certificate)
    with contextlib.ExitStack() as stack:
        url, process = stack.enter_context(
            starting(tmp_path, library_cache, *arguments, prefix=prefix, SPECTRIAGE_TOKEN=TOKEN)
        )
        if far:
            browser, _ = stack.enter_context(inside(browser, process, tmp_path))
        assert url.startswith(f"https://{request.param}:")
        yield url, browser


def test_a_scan_over_tls_with_the_token(secured):
    url, browser = secured
    unknowing = browser.new_page()
    with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
        unknowing.goto(url)
    unknowing.close()
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    assert page.goto(url).status == 401
    assert page.evaluate(ASK, [url, ""]) == 401
    assert page.evaluate(ASK, [url, "not-the-token-at-all"]) == 401
    assert page.evaluate(SOCKET, url) == "refused"
    page.goto(f"{url}?token={TOKEN}")
    assert page.url == url
    assert page.evaluate("document.cookie") == ""
    (cookie,) = context.cookies()
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
    beats = []
    context.on("response", lambda said: beats.append(said.status) if "arming=" in said.url else None)
    for key in ("continue", "scan", "arm"):
        page.click(f"[data-key={key}]")
    page.wait_for_selector("[data-key=fire]")
    page.wait_for_timeout(500)
    assert beats
    assert set(beats) == {200}
    page.click("[data-key=fire]")
    page.wait_for_selector("[data-verdict]")
    context.close()
    stranger = browser.new_context(ignore_https_errors=True)
    page = stranger.new_page()
    assert page.goto(url).status == 401
    stranger.close()


def test_without_token_and_tls_nothing_listens_beyond_loopback(own_network, certificate, tmp_path):
    command = [*own_network, sys.executable, "-m", "spectriage.spectra.cli", "serve", "--port", "0"]
    for arguments in ((), certificate):
        refused = subprocess.run(
            [*command, "--host", BEYOND, "--device", "sim:caffeine", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert refused.returncode != 0
        assert "a token" in refused.stderr
        assert "reached by others" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_certificate_that_cannot_be_used_is_said(certificate, tmp_path):
    _, pem, _, key = certificate
    (tmp_path / "other.pem").write_text("not a key")
    for pair in ((tmp_path / "missing.pem", key), (pem, tmp_path / "other.pem"), (pem, pem)):
        with pytest.raises(ParameterError, match="certificate and key cannot be used") as caught:
            Binding(certificate=Path(pair[0]), private_key=Path(pair[1])).check_files()
        assert caught.value.remedy
    Binding(certificate=Path(pem), private_key=Path(key)).check_files()
