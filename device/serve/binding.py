"""`Binding`: the address that the service listens on, and what that asks for."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from spectriage.spectra.errors import ParameterError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Binding:
    """Where the service listens.

    Parameters
    ----------
    host, port
        Address and TCP port; port 0 takes a free one.
    token
        Asked of everybody where it is set. Needed beyond loopback.
    certificate, private_key
        PEM files for TLS. Needed beyond loopback.
    names
        Further host names under which pages may ask, such as the unit's name in the network.

    Raises
    ------
    ParameterError
        The address can be reached by others, without token or without TLS.
    """

    host: str = "127.0.0.1"
    port: int = 8385
    token: str = ""
    certificate: Path | None = None
    private_key: Path | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token and len(self.token) < SHORTEST_TOKEN:
            raise ParameterError(
                f"the token is shorter than {SHORTEST_TOKEN} characters",
                where="token",
                remedy="make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
            )
        if (self.certificate is None) != (self.private_key is None):
            raise ParameterError("TLS needs a certificate and its key", where="--certificate, --key")
        if is_loopback(self.host):
            return
        lacking = [
            what
            for what, there in (("a token", self.token), ("TLS", self.certificate is not None))
            if not there
        ]
        if lacking:
            raise ParameterError(
                f"this address can be reached by others; that needs {' and '.join(lacking)}",
                where=self.host,
                remedy="set SPECTRIAGE_TOKEN, --certificate and --key, or leave out --host",
            )

    @property
    def tls(self) -> bool:
        """Whether pages come encrypted."""
        return self.certificate is not None

    def check_files(self) -> None:
        """Read certificate and key, before anything listens.

        Raises
        ------
        ParameterError
            One cannot be read, or they do not belong together.
        """
        if self.certificate is None or self.private_key is None:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.private_key)
        except OSError as error:  # ssl.SSLError is one
            raise ParameterError(
                f"certificate and key cannot be used: {error.strerror or error}",
                where=f"{self.certificate}, {self.private_key}",
                remedy="both are PEM files; the key is the certificate's own and may be read by this user",
            ) from error

    def hosts(self, port: int) -> frozenset[str]:
        """Return the values of the header ``Host`` that are answered."""
        own = () if self.host in ("0.0.0.0", "::") else (bracketed(self.host),)
        names = {name.lower() for name in (*LOOPBACK_NAMES, *own, *self.names)}
        default = 443 if self.tls else 80
        with_port = {f"{name}:{port}" for name in names}
        return frozenset(with_port | names if port == default else with_port)

    def origins(self, port: int) -> frozenset[str]:
        """Return the values of the header ``Origin`` that are answered."""
        return frozenset(f"{'https' if self.tls else 'http'}://{host}" for host in self.hosts(port))


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches the address; other names might resolve to any."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """Return an address as it stands in a URL: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
