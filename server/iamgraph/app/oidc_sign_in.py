"""Signing in with an OpenID Connect provider, in a browser: there and back again, and then in as a role that trusts whom the
provider spoke for."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from ..domain.errors import (
    ExpiredIdentityToken,
    IamError,
    IdpCommunicationError,
    IdpRejectedClaim,
    InvalidIdentityToken,
    InvalidInput,
    NoSuchEntity,
    NotTrusted,
)
from ..domain.mapping.attempt import Attempt
from ..domain.names import Doc, Match, Secret
from ..domain.providers import OidcClient, OidcProvider, SignInFlow
from ..domain.throttling import Limit, web_identity_limit
from ..federation.oidc.relying_party import Answer, Registration, RelyingParty
from ..federation.oidc.tokens import Token, parse
from ..security.tokens import token_hash
from .caller import Caller
from .federated_roles import for_strangers
from .oidc_clients import Addresses, client_context, client_of, id_token_context
from .oidc_offers import agreed, offered, with_tags
from .operation import Command, Need, operation
from .targets import NOTHING
from .throttling import attempt
from .web_identity import AssumedByWebIdentity, AssumeRoleWithWebIdentity, Proven
from .web_identity_claims import WebIdentity, attempted, web_identity
from .work import Tools, Work

_LONGEST_REASON = 2000
_OVER = "this sign-in was not begun here, was finished already, or took too long"
GOOD_FOR = timedelta(minutes=10)
ProviderId = Annotated[str, Match(r"[0-9a-f]*", 32, 32), Doc("The provider's id, as its sign-in address has it.")]
_PRINTABLE = r"[\x20-\x7e]*"
"""What the history keeps of what a stranger may send."""
_Given = Annotated[str, Match(r".*", 0, 4096), Secret()]
_NAMES = ("preferred_username", "email", "name", "sub")
"""The claims that a session is called after, the first that there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A provider, and what this server is there."""

    provider: OidcProvider
    client: OidcClient
    registration: Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Where the browser goes now."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedRole:
    """A role that is offered to who has come back, and trusts them; for `max_session` seconds at the most, where the offer
    says so."""

    arn: str
    max_session: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameBack:
    """Whom the provider spoke for, by its token, and as which roles that one may go on, one at least; `called` is for its
    sessions."""

    id_token: str = field(repr=False)
    subject: str
    called: str
    provider_name: str
    roles: tuple[OfferedRole, ...]
    next_path: str | None


async def registered(work: Work, provider_id: str) -> Registered:
    """Raises NoSuchEntity where nobody can sign in with such a provider."""
    provider = (await work.data.oidc_providers.by_ids([provider_id])).get(provider_id)
    client = await client_of(work, provider) if provider is not None else None
    account = (await work.data.accounts.get([provider.account_id])).get(provider.account_id) if provider else None
    if provider is None or client is None or account is None or account.closed_at is not None:
        raise NoSuchEntity("There is no such identity provider to sign in with.")
    work.trail.account_id = provider.account_id
    work.trail.resources.append(provider.arn)
    sealed = await work.data.oidc_clients.sealed_secret(provider_id)
    secret = work.tools.sealer.unseal(sealed, context=client_context(provider_id)).decode() if sealed else None
    registration = Registration(
        issuer=provider.url,
        client_id=client.client_id,
        client_secret=secret,
        redirect_uri=Addresses.of(work.tools, provider_id).redirect,
    )
    return Registered(provider=provider, client=client, registration=registration)


@contextmanager
def telling_little(provider: OidcProvider, caller: Caller) -> Iterator[None]:
    """INVARIANT: what is wrong with what a provider is said to have said is for the history alone: it would help whoever
    made it up. A person is told by which id an administrator finds it."""
    try:
        yield
    except IdpCommunicationError as error:
        told = f"{provider.name} does not answer as it should."
        raise for_strangers(error, IdpCommunicationError(f"{told} {_whom_to_ask(caller)}")) from None
    except (InvalidIdentityToken, ExpiredIdentityToken, IdpRejectedClaim) as error:
        told = f"{provider.name} has not signed you in here."
        raise for_strangers(error, InvalidIdentityToken(f"{told} {_whom_to_ask(caller)}")) from None


def _whom_to_ask(caller: Caller) -> str:
    return f"Begin again; if that does not help, tell your administrator this id: {caller.origin.request_id}."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beginning:
    registered: Registered
    counting: Limit


@operation("signin:BeginOidcSignIn", on=NOTHING, raises=(NoSuchEntity, IdpCommunicationError))
class BeginOidcSignIn(Command[Begun]):
    """Send a browser to an OpenID Connect provider, to sign in there."""

    provider_id: ProviderId
    browser: Annotated[_Given, Doc("What the browser keeps until it comes back.")]
    next_path: Annotated[str | None, Match(r".*", 0, 2048), Doc("Where to go on afterwards.")] = None

    is_public = True
    is_guarded = True
    locks_account = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    async def look(self, work: Work, target: None) -> _Beginning:
        counting = web_identity_limit(address=work.caller.origin.ip_address, known_as=None)
        return _Beginning(registered=await registered(work, self.provider_id), counting=counting)

    async def guard(self, work: Work, looked: _Beginning) -> None:
        await attempt(work, [looked.counting])

    async def prepare(self, caller: Caller, tools: Tools, looked: _Beginning) -> tuple[SignInFlow, str]:
        state, nonce, verifier = (tools.entropy(32).hex() for _ in range(3))
        with telling_little(looked.registered.provider, caller):
            url = await RelyingParty(tools.oidc).authorization_url(
                looked.registered.registration,
                scopes=looked.registered.client.scopes,
                state=state,
                nonce=nonce,
                verifier=verifier,
            )
        flow = SignInFlow(
            id=token_hash(state),
            provider_id=looked.registered.provider.id,
            browser_hash=token_hash(self.browser),
            nonce=nonce,
            verifier=verifier,
            next_path=self.next_path,
            expires_at=tools.clock() + GOOD_FOR,
        )
        return flow, url

    async def execute(self, work: Work, target: None, prepared: tuple[SignInFlow, str]) -> Begun:
        flow, url = prepared
        found = await registered(work, self.provider_id)
        assert found.provider.id == flow.provider_id
        await work.data.sign_in_flows.add(flow, work.now)
        return Begun(url=url)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ComingBack:
    registered: Registered
    flow: SignInFlow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spoken:
    token: Token
    next_path: str | None


@operation(
    "signin:FinishOidcSignIn",
    on=NOTHING,
    raises=(
        NoSuchEntity,
        NotTrusted,
        InvalidIdentityToken,
        ExpiredIdentityToken,
        IdpRejectedClaim,
        IdpCommunicationError,
    ),
)
class FinishOidcSignIn(Command[CameBack]):
    """Take a browser back that was sent to an OpenID Connect provider. Each time it was sent it can come back once."""

    provider_id: ProviderId
    browser: _Given
    state: _Given
    code: _Given | None = None
    error: Annotated[str | None, Match(_PRINTABLE, 0, 256)] = None
    issuer: Annotated[str | None, Match(_PRINTABLE, 0, 2048)] = None

    is_public = True
    is_guarded = True
    locks_account = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    async def look(self, work: Work, target: None) -> _ComingBack:
        flow = await work.data.sign_in_flows.of(token_hash(self.state))
        found = await registered(work, self.provider_id)
        work.trail.attempt = Attempt(provider_id=found.provider.id)
        return _ComingBack(registered=found, flow=flow)

    async def guard(self, work: Work, looked: _ComingBack) -> None:
        """INVARIANT: the flow is gone before anything is made of it. One that there is was counted when it was begun."""
        if looked.flow is None:
            await attempt(work, [web_identity_limit(address=work.caller.origin.ip_address, known_as=None)])
        elif not await work.data.sign_in_flows.take(looked.flow.id, work.now):
            raise InvalidIdentityToken(_OVER)

    async def prepare(self, caller: Caller, tools: Tools, looked: _ComingBack) -> _Spoken:
        flow = looked.flow
        if flow is None:
            raise InvalidIdentityToken(_OVER)
        if flow.provider_id != looked.registered.provider.id:
            raise InvalidIdentityToken("this sign-in was begun with another provider")
        if not hmac.compare_digest(flow.browser_hash, token_hash(self.browser)):
            raise InvalidIdentityToken("this sign-in was begun in another browser")
        with telling_little(looked.registered.provider, caller):
            token = await RelyingParty(tools.oidc).identity(
                looked.registered.registration,
                Answer(code=self.code, error=self.error, issuer=self.issuer),
                nonce=flow.nonce,
                verifier=flow.verifier,
                now=tools.clock().timestamp(),
            )
        return _Spoken(token=token, next_path=flow.next_path)

    async def execute(self, work: Work, target: None, prepared: _Spoken) -> CameBack:
        token = prepared.token
        found = await registered(work, self.provider_id)
        provider = found.provider
        work.trail.attempt = attempted(provider, found.client, token)
        with telling_little(provider, work.caller):
            identity = web_identity(provider, token, token.audience((found.client.client_id,)))
        work.trail.principal_id = f"{provider.arn}:{identity.audience}:{identity.subject}"
        work.trail.principal_arn = provider.arn
        # Nobody has guessed anything: many people may come from one address.
        counted = web_identity_limit(address=work.caller.origin.ip_address, known_as=None)
        await work.data.throttles.forgive([counted.key])
        called = _called(token)
        both = await agreed(work, provider, found.client, token, identity, called=called)
        if not both.offers:
            raise _no_role(provider, identity.subject, both.reasons)
        return CameBack(
            id_token=token.text,
            subject=identity.subject,
            called=called,
            provider_name=provider.name,
            roles=tuple(OfferedRole(arn=offer.role, max_session=offer.max_session) for offer in both.offers),
            next_path=prepared.next_path,
        )


def _no_role(provider: OidcProvider, subject: str, reasons: Sequence[str]) -> IamError:
    """The person is told who they are, and the history why that is not enough."""
    why = "; ".join(reasons) or "it has no rules that offer one"
    truth = NotTrusted(f"{subject!a} of {provider.arn} is offered no role that trusts it: {why}"[:_LONGEST_REASON])
    return for_strangers(
        truth, NotTrusted(f"{provider.name} says that you are {subject}, and there is no role for you.")
    )


def _called(token: Token) -> str:
    """What the sessions of who has come back are called: what policies may go by is the subject, not this."""
    for claim in _NAMES:
        value = token.claims.get(claim)
        name = re.sub(r"[^\w+=,.@-]", "-", value, flags=re.ASCII)[:64] if isinstance(value, str) else ""
        if len(name) > 1:
            return name
    return hashlib.sha256(token.subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@operation("sts:AssumeRoleWithWebIdentity", on=NOTHING, raises=AssumeRoleWithWebIdentity.raises)
class SignInWithWebIdentity(AssumeRoleWithWebIdentity):
    """Sign in as a role that trusts whom an OpenID Connect provider spoke for: AssumeRoleWithWebIdentity, in a browser, for
    roles that the provider's rules offer. The session ends when its provider says that the sign-in has ended there."""

    async def _identity(self, work: Work, proven: Proven) -> tuple[OidcProvider, WebIdentity]:
        provider, identity = await super()._identity(work, proven)
        client = await client_of(work, provider)
        found = await offered(work, provider, client, proven.token) if client is not None else None
        offer = next((one for one in found.offers if one.role == self.role_arn), None) if found is not None else None
        if offer is None:
            truth = NotTrusted(f"the rules of {provider.arn} do not offer {self.role_arn} to {identity.subject!a}")
            raise for_strangers(truth, NotTrusted("Not authorized to perform sts:AssumeRoleWithWebIdentity"))
        if offer.max_session is not None and self.duration_seconds > offer.max_session:
            raise InvalidInput(
                f"The requested DurationSeconds exceeds the {offer.max_session} seconds that the provider's rules offer.",
                field="durationSeconds",
            )
        return provider, with_tags(identity, offer)

    async def execute(self, work: Work, target: None, prepared: object) -> AssumedByWebIdentity:
        done = await super().execute(work, target, prepared)  # type: ignore[arg-type]
        assert done.session.federation is not None
        provider_session = parse(self.web_identity_token).claims.get("sid")
        sealed = work.tools.sealer.seal(self.web_identity_token.encode(), context=id_token_context(done.session.id))
        await work.data.oidc_logins.add(
            done.session.id,
            done.session.federation.provider_id,
            provider_session if isinstance(provider_session, str) else None,
            sealed,
        )
        return done
