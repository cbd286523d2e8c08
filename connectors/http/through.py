"""Requests through the network that the settings describe: a proxy, certificates and TLS version of their own."""

import logging
import ssl
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeAlias

import aiohttp
from yarl import URL

from connectors.network import NetworkSettings, tls_context
from connectors.secret_files import Secret, Signature, UnusableFile, signature

_log = logging.getLogger("gateway.systems")

Opened = AbstractAsyncContextManager[aiohttp.ClientResponse]

_NEVER: Final = ("never read",)


class NetworkSession:
    """Sends requests by the settings of a network, over another session's pool of connections.

    The files are looked at before each request. Once they have changed, connections are made anew; while what they
    hold cannot be used, which is logged once, what they held before is. Raises aiohttp's errors.
    """

    def __init__(self, network: NetworkSettings, session: aiohttp.ClientSession) -> None:
        self._network, self._session = network, session
        self._proxy: Secret | None = network.secret_named("proxy") if network.proxy or network.proxy_file else None
        self._passphrase = network.secret_named("passphrase")
        self._watched = network.files if network.names_certificates else ()
        self._seen: tuple[Signature | str | None, ...] = _NEVER if network.names_certificates else ()
        self._context: ssl.SSLContext | None = None
        self._is_failing = False

    def request(self, method: str, url: str | URL, /, **options: Any) -> Opened:
        """As aiohttp's."""
        if self._proxy is not None:
            proxy = URL(self._proxy.text)
            options["proxy"] = proxy.with_user(None)  # or errors would show the password
            if proxy.user is not None:
                shown = {"Proxy-Authorization": aiohttp.encode_basic_auth(proxy.user, proxy.password or "")}
                if URL(url).scheme == "https":
                    options["proxy_headers"] = shown  # for the proxy only
                else:
                    options["headers"] = {**(options.get("headers") or {}), **shown}
        if self._network.names_certificates:
            options["ssl"] = self.context()
        return self._session.request(method, url, **options)

    def get(self, url: str | URL, /, **options: Any) -> Opened:
        """As aiohttp's."""
        return self.request("GET", url, **options)

    def post(self, url: str | URL, /, **options: Any) -> Opened:
        """As aiohttp's."""
        return self.request("POST", url, **options)

    def context(self) -> ssl.SSLContext:
        """The TLS context by the files as they are. Raises aiohttp.ClientConnectionError if they never were good."""
        now = (*map(signature, self._watched), self._passphrase.text)
        if now != self._seen:
            self._seen = now
            try:
                self._context = tls_context(self._network, self._passphrase.text)
                self._is_failing = False
            except UnusableFile as error:
                if self._context is None:
                    self._seen = _NEVER
                    raise aiohttp.ClientConnectionError(f"{error.setting}: {error}") from error
                if not self._is_failing:
                    _log.warning("%s: %s; the certificates from before stay in use", error.setting, error)
                self._is_failing = True
        assert self._context is not None  # noqa: S101  # made at the first call, or raised
        return self._context


Session: TypeAlias = aiohttp.ClientSession | NetworkSession
"""What sends requests."""


def through(network: NetworkSettings, session: aiohttp.ClientSession) -> Session:
    """The session itself where nothing is set, so that this costs nothing; else one that goes by the settings."""
    return NetworkSession(network, session) if network.is_set else session
