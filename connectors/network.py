"""How an address is reached: whose certificates are believed, which one the gateway shows, and through which proxy."""

import ssl
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from pydantic import Field, ValidationError, model_validator

from connectors.secret_files import UnusableFile, WithSecrets, read_bytes
from connectors.texts import IF_ANY_PROXY
from connectors.wrong_settings import wrong_setting

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of a file of certificates: an operating system's bundle has a quarter of a megabyte."""

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

TlsVersion = Literal["1.2", "1.3"]


class NetworkSettings(WithSecrets):
    """`[*.network]`: of a system, of its token endpoint (`auth.network`), or of an issuer and its keys.

    Files are in PEM form, and read again when they change.
    """

    ca_file: Annotated[
        Path | None, Field(description="The authorities whose certificates are believed, in place of the machine's.")
    ] = None
    certificate_file: Annotated[
        Path | None, Field(description="The gateway's own certificate (mTLS), and those that lead to its authority.")
    ] = None
    key_file: Annotated[
        Path | None, Field(description="The certificate's private key; else it stands in certificate_file, too.")
    ] = None
    passphrase: Annotated[str | None, Field(repr=False, description="What opens the key, if it is encrypted.")] = None
    passphrase_file: Annotated[Path | None, Field(description="File with the passphrase.")] = None
    min_tls: Annotated[TlsVersion, Field(description="The oldest version of TLS that is spoken.")] = "1.2"
    proxy: Annotated[
        str | None,
        IF_ANY_PROXY,
        Field(
            repr=False,
            description="The proxy through which everything goes, such as http://user:password@proxy.example:3128.",
        ),
    ] = None
    proxy_file: Annotated[Path | None, Field(description="File with the proxy's address.")] = None

    @property
    def is_set(self) -> bool:
        """Whether anything is set."""
        return bool(self.model_fields_set)

    @property
    def names_certificates(self) -> bool:
        """Whether anything is set that is about TLS."""
        return bool(self.model_fields_set & {"ca_file", "certificate_file", "min_tls"})

    @property
    def files(self) -> tuple[Path, ...]:
        """What makes up the TLS context, beside the secrets."""
        return tuple(one for one in (self.ca_file, self.certificate_file, self.key_file) if one is not None)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.certificate_file is None:
            for name in ("key_file", "passphrase", "passphrase_file"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} is set without certificate_file: set both, or neither")
        if self.names_certificates:
            try:
                tls_context(self, self.secret_named("passphrase").text)
            except UnusableFile as error:
                details = [wrong_setting(error.setting, str(error))]
                raise ValidationError.from_exception_data(type(self).__name__, details) from error
        return self


class _Context(ssl.SSLContext):
    """A context as aiohttp's errors may show it."""

    def __repr__(self) -> str:
        return "as set"


def tls_context(network: NetworkSettings, passphrase: str) -> ssl.SSLContext:
    """The TLS context for these settings, from the files as they are. Raises UnusableFile, which names the setting."""
    if network.ca_file is not None:
        certificates(network.ca_file, "ca_file")
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    if network.ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(network.ca_file)
    context.minimum_version = _VERSIONS[network.min_tls]
    context.set_alpn_protocols(["http/1.1"])
    if network.certificate_file is not None:
        _show(context, network.certificate_file, network.key_file, passphrase)
    return context


def _show(context: ssl.SSLContext, certificate_file: Path, key_file: Path | None, passphrase: str) -> None:
    """Let the context show the gateway's own certificate."""
    own = certificates(certificate_file, "certificate_file")[0]
    file, setting = (key_file, "key_file") if key_file else (certificate_file, "certificate_file")
    if _public_bytes(_private_key(file, setting, passphrase).public_key()) != _public_bytes(own.public_key()):
        raise UnusableFile(
            f"{file}: is not the key of the certificate in {certificate_file}, which is for"
            f" {own.subject.rfc4514_string()}; right is the key that the certificate was asked for with",
            setting,
        )
    try:
        # Without a passphrase OpenSSL would ask whoever sits at the terminal.
        context.load_cert_chain(certificate_file, key_file, lambda: passphrase)
    except (ssl.SSLError, OSError) as error:
        why = getattr(error, "reason", None) or error.strerror or error
        raise UnusableFile(f"{certificate_file}: cannot be used: {why}", "certificate_file") from error


def certificates(path: Path, setting: str) -> list[x509.Certificate]:
    """The certificates in a file that this setting names, at least one. Raises UnusableFile."""
    try:
        return x509.load_pem_x509_certificates(_content(path, setting))
    except UnusableFile:
        raise
    except ValueError as error:
        right = "right is PEM (-----BEGIN CERTIFICATE-----)"
        raise UnusableFile(f"{path}: holds no certificate that can be read; {right}", setting) from error


def _private_key(path: Path, setting: str, passphrase: str) -> PrivateKeyTypes:
    content = _content(path, setting)
    encrypted = b"ENCRYPTED" in content
    if encrypted and not passphrase:
        raise UnusableFile(f"{path}: its key is encrypted: set passphrase or passphrase_file", setting)
    try:
        return serialization.load_pem_private_key(content, passphrase.encode() if encrypted else None)
    except (ValueError, TypeError) as error:
        if encrypted:
            raise UnusableFile(f"{path}: the passphrase does not open its key", setting) from error
        right = "right is PEM (-----BEGIN PRIVATE KEY-----)"
        raise UnusableFile(f"{path}: holds no private key that can be read; {right}", setting) from error


def _content(path: Path, setting: str) -> bytes:
    try:
        return read_bytes(path, MOST_BYTES)
    except UnusableFile as error:
        raise UnusableFile(str(error), setting) from error


def _public_bytes(key: object) -> bytes:
    made: bytes = key.public_bytes(  # type: ignore[attr-defined]  # every kind of public key has it
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made
