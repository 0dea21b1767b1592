"""An OpenID Connect relying party (OpenID Connect Core 1.0, section 3.1): where people are sent to sign in with a provider,
what their coming back is worth, and where they sign out."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from yarl import URL

from ...domain.errors import IdpCommunicationError, InvalidIdentityToken
from ...domain.names import shown
from .tokens import LEEWAY, LogoutToken, Token, parse, parse_logout
from .verification import OpenIdConnect

LOGOUT_GOOD_FOR = 300
"""For how many seconds after it was made a logout token counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What this server is at a provider: a client, and where the provider sends people back to."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody came back with: a code, or an error. `issuer` is who says that it sent them (RFC 9207)."""

    code: str | None = field(repr=False)
    error: str | None
    issuer: str | None


class RelyingParty:
    """Of any number of providers."""

    def __init__(self, oidc: OpenIdConnect) -> None:
        self._oidc = oidc

    async def authorization_url(
        self, registration: Registration, *, scopes: Sequence[str], state: str, nonce: str, verifier: str
    ) -> str:
        """Where to send somebody who is to sign in. Raises IdpCommunicationError."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return str(
            URL(await self._endpoint(registration.issuer, "authorization_endpoint")).update_query(
                response_type="code",
                client_id=registration.client_id,
                redirect_uri=registration.redirect_uri,
                scope=" ".join(scopes),
                state=state,
                nonce=nonce,
                code_challenge=challenge,
                code_challenge_method="S256",
            )
        )

    async def identity(
        self, registration: Registration, answer: Answer, *, nonce: str, verifier: str, now: float
    ) -> Token:
        """The ID token that a code stands for. Raises InvalidIdentityToken and IdpCommunicationError."""
        metadata = await self._oidc.issuers.metadata(registration.issuer)
        is_announced = metadata.get("authorization_response_iss_parameter_supported") is True
        if (answer.issuer is not None or is_announced) and answer.issuer != registration.issuer:
            raise InvalidIdentityToken("the answer is another provider's: its iss is not that of who was asked")
        if answer.error is not None:
            raise InvalidIdentityToken(f"the provider answered with the error {shown(answer.error)}")
        if not answer.code:
            raise InvalidIdentityToken("the provider's answer has no code")
        text = await self._exchanged(registration, metadata, answer.code, verifier)
        token = parse(text)
        if token.issuer != registration.issuer:
            raise InvalidIdentityToken(f"the token is by {shown(token.issuer)}, and not by who was asked")
        token.audience((registration.client_id,))
        token.check_times(now)
        found = token.claims.get("nonce")
        if not isinstance(found, str) or not hmac.compare_digest(
            found.encode("utf-8", "surrogatepass"), nonce.encode()
        ):
            raise InvalidIdentityToken("the token is not for this sign-in: its nonce is another one")
        await self._oidc.verify(token)
        return token

    async def end_session_url(self, registration: Registration, *, id_token: str, back_to: str) -> str | None:
        """Where somebody can sign out of the provider, too (OpenID Connect RP-Initiated Logout 1.0); None where it has no
        such place. Raises IdpCommunicationError."""
        metadata = await self._oidc.issuers.metadata(registration.issuer)
        url = metadata.get("end_session_endpoint")
        if not isinstance(url, str):
            return None
        self._oidc.outbound.check(url)
        query = {"id_token_hint": id_token, "client_id": registration.client_id, "post_logout_redirect_uri": back_to}
        return str(URL(url).update_query(query))

    async def logout(self, text: str, *, issuer: str, client_id: str, now: float) -> LogoutToken:
        """The logout token, if the provider has signed it for this client a moment ago (OpenID Connect Back-Channel Logout
        1.0, section 2.6). Raises InvalidIdentityToken and IdpCommunicationError."""
        found = parse_logout(text)
        if found.token.issuer != issuer:
            raise InvalidIdentityToken(f"the logout token is by {shown(found.token.issuer)}")
        if client_id not in found.token.audiences:
            raise InvalidIdentityToken("the logout token is for another client")
        found.token.check_times(now)
        if found.token.issued_at < now - LOGOUT_GOOD_FOR - LEEWAY:
            raise InvalidIdentityToken("the logout token is too old")
        await self._oidc.verify(found.token)
        return found

    async def _endpoint(self, issuer: str, name: str) -> str:
        return self._checked(issuer, await self._oidc.issuers.metadata(issuer), name)

    def _checked(self, issuer: str, metadata: Mapping[str, Any], name: str) -> str:
        url = metadata.get(name)
        if not isinstance(url, str):
            raise IdpCommunicationError(f"the discovery document of {shown(issuer)} has no {name}")
        self._oidc.outbound.check(url)
        return url

    async def _exchanged(
        self, registration: Registration, metadata: Mapping[str, Any], code: str, verifier: str
    ) -> str:
        """The ID token in the answer of the token endpoint. The access token in it is used for nothing, and forgotten."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": registration.redirect_uri,
            "code_verifier": verifier,
        }
        authorization = None
        if registration.client_secret is None:
            form["client_id"] = registration.client_id
        elif _takes_basic(metadata):
            authorization = _basic(registration.client_id, registration.client_secret)
        else:
            form |= {"client_id": registration.client_id, "client_secret": registration.client_secret}
        url = self._checked(registration.issuer, metadata, "token_endpoint")
        answer = await self._oidc.outbound.post(url, form, authorization=authorization)
        text = answer.get("id_token")
        if not isinstance(text, str):
            raise InvalidIdentityToken(f"the provider gave no token: {shown(str(answer.get('error')))}")
        return text


def _takes_basic(metadata: Mapping[str, Any]) -> bool:
    """By default it does (OpenID Connect Discovery 1.0, section 3)."""
    methods = metadata.get("token_endpoint_auth_methods_supported")
    return not isinstance(methods, list) or "client_secret_basic" in methods or "client_secret_post" not in methods


def _basic(client_id: str, secret: str) -> str:
    """Each in the form's own encoding first (RFC 6749, section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
