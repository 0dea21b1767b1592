"""Signing out where an OpenID Connect provider was signed in with: here, and there; or there, and here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from ..domain.errors import ExpiredIdentityToken, IdpCommunicationError, InvalidIdentityToken, NoSuchEntity
from ..domain.names import Match, Secret
from ..domain.throttling import Limit, web_identity_limit
from ..federation.oidc.relying_party import RelyingParty
from ..federation.oidc.tokens import LogoutToken
from ..security.tokens import token_hash
from .caller import Caller
from .federated_roles import for_strangers
from .oidc_clients import Addresses, id_token_context
from .oidc_sign_in import ProviderId, Registered, registered
from .operation import Command, Need, operation
from .targets import NOTHING
from .throttling import attempt
from .work import Tools, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    registered: Registered
    counting: Limit


@operation(
    "signin:EndOidcSessions",
    on=NOTHING,
    raises=(NoSuchEntity, InvalidIdentityToken, ExpiredIdentityToken, IdpCommunicationError),
)
class EndOidcSessions(Command[int]):
    """End the browser sessions of somebody who has signed out of an OpenID Connect provider, by the provider's word, and all
    that was chained from them (OpenID Connect Back-Channel Logout 1.0). How many they were."""

    provider_id: ProviderId
    logout_token: Annotated[str, Match(r".*", 0, 20_000), Secret()]

    is_public = True
    is_guarded = True
    locks_account = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    async def look(self, work: Work, target: None) -> _Telling:
        counting = web_identity_limit(address=work.caller.origin.ip_address, known_as=None)
        return _Telling(registered=await registered(work, self.provider_id), counting=counting)

    async def guard(self, work: Work, looked: _Telling) -> None:
        await attempt(work, [looked.counting])

    async def prepare(self, caller: Caller, tools: Tools, looked: _Telling) -> LogoutToken:
        registration = looked.registered.registration
        try:
            return await RelyingParty(tools.oidc).logout(
                self.logout_token,
                issuer=registration.issuer,
                client_id=registration.client_id,
                now=tools.clock().timestamp(),
            )
        except (InvalidIdentityToken, ExpiredIdentityToken, IdpCommunicationError) as error:
            # Anybody can send one. The provider's administrator finds in the history what is wrong with it.
            told = InvalidIdentityToken(f"The logout token of the request {caller.origin.request_id} is not accepted.")
            raise for_strangers(error, told) from None

    async def execute(self, work: Work, target: None, prepared: LogoutToken) -> int:
        found = await registered(work, self.provider_id)
        # Longer than a token is good for: each counts once.
        await attempt(work, [Limit(key=f"logout {found.provider.id} {token_hash(prepared.token_id)}", attempts=1)])
        sessions = await work.data.oidc_logins.sessions(
            found.provider.id, subject=prepared.subject, provider_session=prepared.session_id, at=work.now
        )
        for session_id in sessions:
            await work.data.sessions.revoke(session_id, work.now)
        return len(sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut:
    """Where one can sign out of the provider as well, whose name that is; None where there is no such place."""

    url: str | None = field(repr=False)
    provider_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaving:
    registered: Registered
    id_token: str = field(repr=False)


@operation("signin:SignOut", on=NOTHING)
class SignOutOfBrowser(Command[SignedOut]):
    """End the session that asks, and every session chained from it; and say where its identity provider is signed out of."""

    locks_account = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    async def look(self, work: Work, target: None) -> _Leaving | None:
        session = work.caller.who.session
        sealed = await work.data.oidc_logins.sealed_token(session.id) if session is not None else None
        if session is None or sealed is None or session.federation is None:
            return None
        try:
            found = await registered(work, session.federation.provider_id)
        except NoSuchEntity:
            return None
        id_token = work.tools.sealer.unseal(sealed, context=id_token_context(session.id)).decode()
        return _Leaving(registered=found, id_token=id_token)

    async def prepare(self, caller: Caller, tools: Tools, looked: _Leaving | None) -> SignedOut:
        if looked is None:
            return SignedOut(url=None, provider_name=None)
        back_to = Addresses.of(tools, looked.registered.provider.id).signed_out
        try:
            url = await RelyingParty(tools.oidc).end_session_url(
                looked.registered.registration, id_token=looked.id_token, back_to=back_to
            )
        except IdpCommunicationError:
            # A provider that is away keeps nobody signed in here.
            url = None
        return SignedOut(url=url, provider_name=looked.registered.provider.name)

    async def execute(self, work: Work, target: None, prepared: SignedOut) -> SignedOut:
        session = work.caller.who.session
        if session is not None:
            await work.data.sessions.revoke(session.id, work.now)
        return prepared
