"""The part of `gateway check` that says what is wrong on the way to an address: proxy, TLS, certificates."""

import asyncio
import base64
import os
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from cryptography import x509

from connectors.network import NetworkSettings, certificates, tls_context

_SOON: Final = timedelta(days=30)

_LARGEST: Final = 16 * 1024
"""Most bytes of a proxy's answer."""

_NOT_BELIEVED: Final = (2, 18, 19, 20, 21)
_EXPIRED: Final = 10
_NOT_YET: Final = 9
_OTHER_HOST: Final = (62, 64)
"""OpenSSL's codes of why a certificate is not believed (X509_V_ERR_...)."""

_VERSION: Final = re.compile(r"PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|NO_PROTOCOLS_AVAILABLE")
_PLAIN: Final = re.compile(r"WRONG_VERSION_NUMBER|HTTP_REQUEST|RECORD_LAYER_FAILURE|PACKET_LENGTH_TOO_LONG")
_NONE_SHOWN: Final = re.compile(r"CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|SSL certificate was sent")
_NOT_TAKEN: Final = re.compile(
    r"ALERT_(UNKNOWN_CA|CERTIFICATE_EXPIRED|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_REVOKED"
    r"|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|DECRYPT_ERROR|HANDSHAKE_FAILURE)|(SSL certificate error)"
)


@dataclass(frozen=True, slots=True)
class Way:
    """What came of trying a way: why it does not lead there and what would be right, or what will soon be wrong.

    `hint` is empty where nobody was there at all.
    """

    problem: str = ""
    hint: str = ""
    notices: tuple[str, ...] = ()


class _Wrong(Exception):
    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.way = Way(problem, hint)


async def tried(address: str, network: NetworkSettings, where: str, timeout: float) -> Way:  # noqa: ASYNC109  # of sockets
    """Connect as the gateway would, and say nothing over the connection.

    `where` is the path of the network's settings, such as `systems.crm.network`; each step has `timeout` seconds.
    """
    try:
        return await asyncio.to_thread(_Trial(address, network, where, timeout).result)
    except _Wrong as error:
        return error.way


def of_alert(text: str, network: NetworkSettings, where: str) -> str:
    """What would be right, where the other side refused the gateway's certificate or wants one; else empty.

    `text` is OpenSSL's reason, or what a server says that refuses in HTTP (nginx).
    """
    if network.certificate_file is None:
        if _NONE_SHOWN.search(text):
            return f"It wants a certificate of the gateway (mTLS): set {where}.certificate_file and key_file."
        return ""
    if found := _NOT_TAKEN.search(text):
        own = certificates(network.certificate_file, "certificate_file")[0]
        why = (found[1] or found[2]).lower()
        return (
            f"It does not take the gateway's certificate in {network.certificate_file} ({why}), which is for"
            f" {_name(own.subject)}, signed by {_name(own.issuer)}: set {where}.certificate_file to one that is"
            " signed by an authority that it knows, with the certificates in between behind it in the same file."
        )
    return ""


class _Trial:
    """One way, tried with sockets of its own."""

    def __init__(self, address: str, network: NetworkSettings, where: str, timeout: float) -> None:
        self._network, self._where, self._timeout = network, where, timeout
        parts = urlsplit(address)
        self._is_tls, self._host = parts.scheme == "https", parts.hostname or ""
        self._port = parts.port or (443 if self._is_tls else 80)
        proxy = network.secret_named("proxy").text
        self._proxy: SplitResult | None = urlsplit(proxy) if proxy else None
        self._there = f"{self._host}:{self._port}"

    def result(self) -> Way:
        """Raises _Wrong."""
        notices = [*self._own()]
        with self._connected() as connection:
            if not self._is_tls:
                return Way(notices=tuple(notices))
            context = tls_context(self._network, self._network.secret_named("passphrase").text)
            try:
                with context.wrap_socket(connection, server_hostname=self._host) as secured:
                    shown = secured.getpeercert(binary_form=True) or b""
                    self._taken(secured)
            except ssl.SSLCertVerificationError as error:
                raise self._not_believed(error) from error
            except (OSError, ValueError) as error:
                raise self._no_tls(error) from error
        return Way(notices=(*notices, *_ending(x509.load_der_x509_certificate(shown), "its certificate")))

    def _taken(self, secured: ssl.SSLSocket) -> None:
        """Hang up and listen: in TLS 1.3 a certificate, or the want of one, is refused after the handshake."""
        with suppress(OSError):  # the other side may have hung up before
            socket.socket.shutdown(secured, socket.SHUT_WR)  # of TCP only, so that what has come can be read
        try:
            secured.recv(1)
        except OSError as error:
            reason = str(getattr(error, "reason", None) or "")
            if of_alert(reason, self._network, self._where):
                raise self._no_tls(error) from error

    def _own(self) -> Iterator[str]:
        """What will soon be wrong with files of the gateway's own."""
        network, where, now = self._network, self._where, datetime.now(UTC)
        if network.certificate_file is not None:
            file = network.certificate_file
            own = certificates(file, "certificate_file")[0]
            what = f"the gateway's certificate for {_name(own.subject)} in {file}"
            right = f"Put one that is valid now, and its key, where {where}.certificate_file and key_file say."
            if own.not_valid_after_utc < now:
                raise _Wrong(f"{what} expired on {_day(own.not_valid_after_utc)}", right)
            if own.not_valid_before_utc > now:
                raise _Wrong(f"{what} is not valid before {_day(own.not_valid_before_utc)}", right)
            yield from _ending(own, f"{where}.certificate_file: {what}")
        if network.ca_file is not None:
            for one in certificates(network.ca_file, "ca_file"):
                yield from _ending(one, f"{where}.ca_file: the authority {_name(one.subject)} in {network.ca_file}")

    def _connected(self) -> socket.socket:
        if self._proxy is None:
            return self._reached(self._host, self._port, "")
        host, port = self._proxy.hostname or "", self._proxy.port or 80
        connection = self._reached(host, port, f"Is {self._where}.proxy right, and is the proxy running?")
        if self._is_tls:
            try:
                self._let_through(connection, f"{host}:{port}")
            except BaseException:
                connection.close()
                raise
        return connection

    def _reached(self, host: str, port: int, hint: str) -> socket.socket:
        to = f"the proxy {host}:{port}" if self._proxy is not None else f"{host}:{port}"
        try:
            return socket.create_connection((host, port), self._timeout)
        except TimeoutError as error:
            raise _Wrong(f"no connection to {to} within {self._timeout:g} s (connect_timeout)", hint) from error
        except UnicodeError as error:
            raise _Wrong(f"no connection to {to}: it is no name of a host", hint) from error
        except OSError as error:
            why = str(error.strerror or error)
            if error.errno is not None and not isinstance(error, socket.gaierror):
                why = os.strerror(error.errno)
            raise _Wrong(f"no connection to {to}: {why}", hint) from error

    def _let_through(self, connection: socket.socket, proxy: str) -> None:
        """Ask the proxy for a tunnel (RFC 9110, 9.3.6)."""
        assert self._proxy is not None  # noqa: S101  # asked for only then
        lines = [f"CONNECT {self._there} HTTP/1.1", f"Host: {self._there}"]
        if self._proxy.username is not None:
            pair = f"{unquote(self._proxy.username)}:{unquote(self._proxy.password or '')}"
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
        answer = b""
        try:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            while b"\r\n\r\n" not in answer and len(answer) < _LARGEST and (part := connection.recv(4096)):
                answer += part
        except OSError as error:
            right = f"Is {self._where}.proxy right?"
            raise _Wrong(f"the proxy {proxy} does not answer: {error.strerror or error}", right) from error
        found = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
        status = int(found[1]) if found else 0
        if not status:
            raise _Wrong(f"the proxy {proxy} answers what is no HTTP", f"Is {self._where}.proxy right?")
        if status == 407:
            named = self._proxy.username is not None
            problem = "does not take the user name and password" if named else "wants a user name and password"
            right = (
                f"Set {self._where}.proxy (or proxy_file) to http://USER:PASSWORD@{proxy}, with those that it takes."
            )
            raise _Wrong(f"the proxy {proxy} {problem} (407)", right)
        if not 200 <= status < 300:
            right = "Have it let the gateway through to there"
            raise _Wrong(
                f"the proxy {proxy} makes no tunnel to {self._there} ({status})",
                f"{right}, or set another in {self._where}.proxy.",
            )

    def _not_believed(self, error: ssl.SSLCertVerificationError) -> _Wrong:
        """The other side's certificate is not believed. It is looked at without being believed, to say why."""
        with self._connected() as connection, self._careless().wrap_socket(connection) as secured:
            shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
        what, code, where = f"{self._there}: its certificate for {_name(shown.subject)}", error.verify_code, self._where
        renew = "Have it renewed there."
        if code == _EXPIRED and shown.not_valid_after_utc < datetime.now(UTC):
            return _Wrong(f"{what} expired on {_day(shown.not_valid_after_utc)}", renew)
        if code == _EXPIRED:
            return _Wrong(f"{what} leads to {_name(shown.issuer)}, whose own certificate has expired", renew)
        if code == _NOT_YET:
            begins = _day(shown.not_valid_before_utc)
            return _Wrong(f"{what} is not valid before {begins}", "Is the clock right, here and there?")
        if code in _OTHER_HOST:
            names = ", ".join(_hosts(shown)) or "no host at all"
            right = "Use an address with one of these names, or have the certificate made for this one."
            return _Wrong(f"{what} is for {names}, and not for {self._host}", right)
        if code in _NOT_BELIEVED:
            issuer = _name(shown.issuer)
            if self._network.ca_file is None:
                right = f"If that is your own authority, set {where}.ca_file to its certificate."
                return _Wrong(f"{what} is signed by {issuer}, which is no authority that this machine believes", right)
            held = ", ".join(_name(one.subject) for one in certificates(self._network.ca_file, "ca_file")[:5])
            right = f"Set {where}.ca_file to the certificate of {issuer}, if that is your authority."
            return _Wrong(f"{what} is signed by {issuer}, and {self._network.ca_file} holds: {held}", right)
        return _Wrong(f"{what} is not believed: {error.verify_message}", f"See {where}.ca_file.")

    def _no_tls(self, error: OSError | ValueError) -> _Wrong:
        reason, where = str(getattr(error, "reason", None) or error), self._where
        if _VERSION.search(reason):
            spoken = self._spoken()
            least = self._network.min_tls
            right = f"Have it speak TLS {least} or newer" + (
                f', or set {where}.min_tls = "1.2".' if least > "1.2" else "."
            )
            says = f": it speaks {spoken}" if spoken else ""
            return _Wrong(f"{self._there}: does not speak TLS {least} or newer (min_tls){says}", right)
        if _PLAIN.search(reason):
            return _Wrong(f"{self._there}: does not speak TLS", "Is https right in the address, and the port?")
        if advice := of_alert(reason, self._network, where):
            return _Wrong(f"{self._there}: ends the TLS handshake ({reason})", advice)
        right = f"Is https right in the address, and the port? Does it want a certificate ({where}.certificate_file)?"
        return _Wrong(f"{self._there}: no TLS: {reason}", right)

    def _spoken(self) -> str:
        """The newest version that the other side speaks, among those that are too old; empty if it says none."""
        context = self._careless()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        try:
            with self._connected() as connection, context.wrap_socket(connection) as secured:
                return (secured.version() or "").replace("TLSv", "TLS ")
        except (_Wrong, OSError, ValueError):
            return ""

    def _careless(self) -> ssl.SSLContext:
        """A context that believes everything, over which nothing is sent."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


def _ending(certificate: x509.Certificate, what: str) -> Iterator[str]:
    """A notice if the certificate ends soon, or has ended."""
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    if left < timedelta():
        yield f"{what} expired on {_day(certificate.not_valid_after_utc)}"
    elif left < _SOON:
        yield f"{what} expires on {_day(certificate.not_valid_after_utc)}, in {left.days} days"


def _name(name: x509.Name) -> str:
    return name.rfc4514_string() or "nobody"


def _hosts(certificate: x509.Certificate) -> Sequence[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    ]


def _day(when: datetime) -> str:
    return f"{when:%Y-%m-%d}"
