"""`[auth]` and `[[auth.issuers]]`: whose tokens are believed, and what they make of their bearers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

import aiohttp
from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from connectors.http.through import through
from connectors.network import NetworkSettings
from connectors.strict import Strict
from connectors.texts import IF_ANY_PAGE, base_address, matching, without_credentials
from gateway.auth.claims import KINDS, ClaimRules, KindName
from gateway.auth.discovery import Discovery
from gateway.auth.keys import KeySet, Load, from_address, from_file
from gateway.auth.scopes import Grants
from gateway.auth.sign_in import SignIn
from gateway.auth.tokens import CACHE_SECONDS, USUAL_ALGORITHMS, USUAL_TYPES, Authenticator, TokenRules, TrustedIssuer

NEEDED: Final = "issuer and audience, and jwks_url or jwks_file where the issuer cannot be asked for its keys"
"""What settings that name no issuer lack."""


class _Trust(Strict):
    """What is set for one issuer, beside its name and audience. Defaults are those of `gateway.auth.tokens`."""

    jwks_url: Annotated[
        str | None, IF_ANY_PAGE, Field(description="Address of the issuer's keys (JWKS); else the issuer is asked.")
    ] = None
    jwks_file: Annotated[Path | None, Field(description="File with the keys; beside the settings, if relative.")] = None
    algorithms: Annotated[
        tuple[str, ...], Field(description="Signatures that are believed; else those that an issuer names if asked.")
    ] = USUAL_ALGORITHMS
    types: Annotated[
        tuple[str, ...], Field(description='What a token may say that it is (typ), in any case; "": nothing.')
    ] = USUAL_TYPES
    leeway: Annotated[float, Field(description="Clock skew allowed for, in seconds.")] = 30.0
    allowed_kinds: Annotated[
        tuple[KindName, ...], Field(description="Kinds of callers that its tokens may be of, whatever they say.")
    ] = KINDS
    claims: Annotated[ClaimRules, Field(description="Which claims carry what, and what they mean.")] = ClaimRules()
    jwks_min_refetch: Annotated[
        float, Field(gt=0, description="Seconds for which a key (kid) that was not there counts as unknown.")
    ] = 30.0
    jwks_max_age: Annotated[float, Field(gt=0, description="Seconds after which the keys are fetched again.")] = 600.0
    network: Annotated[
        NetworkSettings, Field(description="Certificates, TLS version and proxy on the way to its keys.")
    ] = NetworkSettings()
    cached_for: Annotated[
        float, Field(ge=0, le=3600, description="Seconds for which a verified token is not verified again.")
    ] = CACHE_SECONDS


class IssuerSettings(_Trust):
    """An issuer whose tokens are believed."""

    issuer: Annotated[str, Field(min_length=1, description="What `iss` must be, letter by letter.")]
    audience: Annotated[str | tuple[str, ...], Field(min_length=1, description="What `aud` must be, or hold.")]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.jwks_url and self.jwks_file:
            raise ValueError("only one of jwks_url and jwks_file may be set")
        if self.network.is_set and self.jwks_file:
            raise ValueError("network is for keys at an address, and jwks_file has them here: leave one of them out")
        if self.is_asked and not self.is_address:
            raise ValueError(
                "without jwks_url and jwks_file the issuer is asked for its keys, so issuer must be an address"
            )
        if self.is_asked:
            try:
                base_address(self.issuer)
            except ValueError as error:
                raise ValueError(f"issuer: {error}") from error
        _ = self.rules
        return self

    @property
    def is_address(self) -> bool:
        """Whether the issuer's name is an address, at which it can be asked about itself."""
        try:
            address = urlsplit(self.issuer)
        except ValueError:  # such as "https://["
            return False
        return address.scheme in ("https", "http") and bool(address.hostname)

    @property
    def is_asked(self) -> bool:
        """Whether the issuer's keys are found by OpenID discovery."""
        return not self.jwks_url and not self.jwks_file

    @property
    def rules(self) -> TokenRules:
        """The rules by which its tokens are accepted. Raises ValueError as `TokenRules` does."""
        named = None if self.is_asked and "algorithms" not in self.model_fields_set else self.algorithms
        return TokenRules(
            self.issuer,
            self.audience,
            named,
            self.leeway,
            self.claims,
            self.allowed_kinds,
            self.cached_for,
            self.types,
        )

    def load_keys(self, session: aiohttp.ClientSession) -> Load:
        """A function that reads the issuer's keys, for `gateway.auth.keys.KeySet`."""
        if self.jwks_file:
            return from_file(self.jwks_file)
        reached = through(self.network, session)
        return from_address(reached, self.jwks_url) if self.jwks_url else Discovery(reached, self.issuer)

    def trusted(self, session: aiohttp.ClientSession) -> TrustedIssuer:
        """The issuer with its keys, of which none is loaded yet."""
        load = self.load_keys(session)
        keys = KeySet(load, self.issuer, min_refetch=self.jwks_min_refetch, max_age=self.jwks_max_age)
        return TrustedIssuer(keys, self.rules, load if isinstance(load, Discovery) else None)


class BrowserSettings(Strict):
    """`[auth.browser]`: the public client (it has no secret) as which people sign in on the gateway's own pages."""

    client_id: Annotated[str, Field(min_length=1, description="What the client is called at the issuer.")]
    scopes: Annotated[
        str,
        matching(r"(.* )?openid( .*)?", 'words in one string, "openid" among them, such as "openid profile"'),
        Field(description="What it asks for: words in one string, with openid."),
    ] = "openid profile"
    issuer: Annotated[
        str | None, Field(min_length=1, description="At which of several issuers; with one it is that one.")
    ] = None


class AuthSettings(_Trust):
    """`[auth]`: one issuer right here, or some in `issuers`, or both."""

    issuer: Annotated[str | None, Field(min_length=1, description="What `iss` must be, letter by letter.")] = None
    audience: Annotated[
        str | tuple[str, ...] | None, Field(min_length=1, description="What `aud` must be, or hold.")
    ] = None
    issuers: Annotated[
        tuple[IssuerSettings, ...], Field(description="More issuers, each with settings of its own.")
    ] = ()
    cached_tokens: Annotated[int, Field(ge=1, description="Most verified tokens that are remembered.")] = 4096
    browser: Annotated[
        BrowserSettings | None, Field(description="The client as which people sign in on the gateway's pages.")
    ] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        own = sorted(self.model_fields_set & IssuerSettings.model_fields.keys())
        lacking = [name for name in ("issuer", "audience") if getattr(self, name) is None]
        if lacking and (own or not self.issuers):
            if self.issuers:
                raise ValueError(f"{', '.join(own)}: only with an issuer named here; each of auth.issuers has its own")
            details = [InitErrorDetails(type="missing", loc=(name,), input=None) for name in lacking]
            raise ValidationError.from_exception_data(type(self).__name__, details)
        names = [one.issuer for _, one in self.by_place()]
        if twice := {name for name in names if names.count(name) > 1}:
            shown = ", ".join(sorted(map(without_credentials, twice)))
            raise ValueError(f"each issuer can be named once only, unlike {shown}")
        _ = self.sign_in
        return self

    @property
    def sign_in(self) -> SignIn | None:
        """How people sign in on the gateway's pages; None where no client is set for it.

        Raises ValueError if it is open at which issuer, or if that is no address.
        """
        if self.browser is None:
            return None
        named = {one.issuer: one for _, one in self.by_place()}
        wanted = self.browser.issuer
        if wanted is None and len(named) > 1:
            shown = ", ".join(map(without_credentials, named))
            raise ValueError(f"browser.issuer must say at which issuer people sign in: {shown}")
        found = named.get(wanted) if wanted is not None else next(iter(named.values()))
        if found is None:
            shown = ", ".join(map(without_credentials, named))
            raise ValueError(f"browser.issuer must be an issuer whose tokens are believed, letter by letter: {shown}")
        if not found.is_address:
            raise ValueError("with browser the issuer is asked by the browser, so issuer must be an address")
        return SignIn(found.issuer, self.browser.client_id, self.browser.scopes)

    def by_place(self) -> Iterator[tuple[str, IssuerSettings]]:
        """Each issuer, and where in the settings it stands: `auth`, `auth.issuers.0` ..."""
        if self.issuer is not None:
            own = {name: getattr(self, name) for name in self.model_fields_set & IssuerSettings.model_fields.keys()}
            yield "auth", IssuerSettings(**own)
        yield from ((f"auth.issuers.{number}", one) for number, one in enumerate(self.issuers))

    def authenticator(self, session: aiohttp.ClientSession, grants: Grants | None = None) -> Authenticator:
        """What checks tokens by these settings, with keys that it fetches over the session."""
        issuers = (one.trusted(session) for _, one in self.by_place())
        return Authenticator(*issuers, cached_tokens=self.cached_tokens, grants=grants)
