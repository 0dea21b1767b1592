"""AssumeRoleWithWebIdentity: temporary credentials of a role for whom an OpenID Connect provider speaks for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from ..domain.arn import parse_arn
from ..domain.entities import FederatedOrigin, Session, SessionSource
from ..domain.errors import (
    ExpiredIdentityToken,
    IamError,
    IdpCommunicationError,
    IdpRejectedClaim,
    InvalidIdentityToken,
    InvalidInput,
    LimitExceeded,
    MalformedPolicyDocument,
    NotTrusted,
)
from ..domain.names import Between, Doc, RoleArn, RoleSessionName, WebIdentityToken, shown
from ..domain.providers import OidcProvider
from ..domain.throttling import Limit, web_identity_limit
from ..federation.oidc.tokens import Token, parse
from .caller import Caller
from .federated_roles import Federated, check_seconds, federated_session, for_strangers, trusting_role
from .operation import Command, Need, operation
from .session_policies import SessionPolicy, SessionPolicyArns, narrowing
from .targets import NOTHING
from .temporary import Credentials, issue, new_credentials
from .throttling import attempt, knows_address, succeeded
from .web_identity_claims import WebIdentity, attempted, web_identity
from .work import Tools, Work

_NOTHING_MORE = (
    "The web identity token could not be validated: it is not by an identity provider that the role's account trusts, or "
    "not for an application of it."
)
"""INVARIANT: one text, so that a stranger does not learn whom an account trusts. The history has the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedByWebIdentity:
    """A role session, and by whom: `provider` is the issuer. `packed_policy_size` is in percent."""

    credentials: Credentials
    access_token: str = field(repr=False)
    assumed_role_arn: str
    packed_policy_size: int
    session: Session
    subject_from_web_identity_token: str
    audience: str
    provider: str

    @property
    def source_identity(self) -> str | None:
        return self.session.source_identity


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A token that was shown, or what is wrong with it by itself; and the provider of the role's account that it says it is
    by, None where there is no such provider. `alike` are the URLs of its providers that differ from that by slashes at the
    end at most. `known_as` stands for the identity where attempts are counted."""

    token: Token | IamError
    provider: OidcProvider | None
    alike: tuple[str, ...]
    known_as: str
    counting: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A token that its provider has signed."""

    shown: _Shown
    token: Token
    provider: OidcProvider


@operation(
    "sts:AssumeRoleWithWebIdentity",
    on=NOTHING,
    raises=(
        NotTrusted,
        InvalidIdentityToken,
        ExpiredIdentityToken,
        IdpRejectedClaim,
        IdpCommunicationError,
        MalformedPolicyDocument,
        LimitExceeded,
    ),
)
class AssumeRoleWithWebIdentity(Command[AssumedByWebIdentity]):
    """Take on a role for a while with a token of an OpenID Connect provider, if its trust policy lets that in. It takes no
    credentials."""

    role_arn: RoleArn
    role_session_name: RoleSessionName
    web_identity_token: WebIdentityToken
    duration_seconds: Annotated[int, Between(900, 43200), Doc("How long the credentials are good for.")] = 3600
    policy: SessionPolicy | None = None
    policy_arns: Annotated[
        SessionPolicyArns, Doc("Managed policies, of the role's account or of the service, that narrow the session.")
    ] = ()

    is_public = True
    is_guarded = True
    locks_account = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    def validate(self) -> None:
        parsed = parse_arn(self.role_arn)
        if parsed is None or parsed.service != "iam" or parsed.kind != "role":
            raise InvalidInput(f"{self.role_arn} is invalid", field="roleArn")

    async def look(self, work: Work, target: None) -> _Shown:
        work.trail.resources.append(self.role_arn)
        account = (await work.data.accounts.get([self._account_id])).get(self._account_id)
        is_open = account is not None and account.closed_at is None
        work.trail.account_id = account.id if account is not None else None
        token = _read(self.web_identity_token, work.now)
        # INVARIANT: the same statements, whoever exists, so that their time tells nothing.
        issuer = token.issuer if isinstance(token, Token) else ""
        alike = await work.data.oidc_providers.like(self._account_id, issuer)
        provider = alike.get(issuer) if is_open else None
        known_as = _known_as(provider, token)
        is_known = await knows_address(work, known_as)
        address = work.caller.origin.ip_address
        counting = web_identity_limit(address=address, known_as=known_as if is_known else None)
        return _Shown(token=token, provider=provider, alike=tuple(alike), known_as=known_as, counting=counting)

    async def guard(self, work: Work, looked: _Shown) -> None:
        await attempt(work, [looked.counting])

    async def prepare(self, caller: Caller, tools: Tools, looked: _Shown) -> Proven:
        token, provider = looked.token, looked.provider
        if isinstance(token, IamError):
            # It is told, since it tells nothing of anybody here.
            raise token
        try:
            if provider is None:
                raise InvalidIdentityToken(
                    f"No OpenIDConnect provider found in account {self._account_id} for {shown(token.issuer)}"
                    + "".join(f"; it has {shown(url)}, which is another one" for url in looked.alike)
                )
            token.audience(provider.client_ids)
            await tools.oidc.verify(token)
        except InvalidIdentityToken as error:
            raise for_strangers(error, InvalidIdentityToken(_NOTHING_MORE)) from None
        except IdpCommunicationError as error:
            told = IdpCommunicationError("Couldn't retrieve verification key from your identity provider")
            raise for_strangers(error, told) from None
        return Proven(shown=looked, token=token, provider=provider)

    async def execute(self, work: Work, target: None, prepared: Proven) -> AssumedByWebIdentity:
        work.trail.attempt = attempted(prepared.provider, None, prepared.token)
        provider, identity = await self._identity(work, prepared)
        work.trail.principal_id = f"{provider.arn}:{identity.audience}:{identity.subject}"
        work.trail.principal_arn = provider.arn
        work.trail.resources.append(self.role_arn)
        who = federated(provider, identity, self.role_session_name)
        role = await trusting_role(work, self.role_arn, "sts:AssumeRoleWithWebIdentity", who)
        check_seconds(role, self.duration_seconds)
        policies, packed = await narrowing(work, role.account_id, self.policy, self.policy_arns, whose="role")
        await succeeded(work, [prepared.shown.counting], prepared.shown.known_as)
        credentials = new_credentials(work, self.duration_seconds)
        session = federated_session(work, role, who, policies, credentials)
        token = await issue(work, session, credentials)
        return AssumedByWebIdentity(
            credentials=credentials,
            access_token=token,
            assumed_role_arn=session.arn,
            packed_policy_size=packed,
            session=session,
            subject_from_web_identity_token=identity.subject,
            audience=identity.audience,
            provider=provider.url,
        )

    @property
    def _account_id(self) -> str:
        parsed = parse_arn(self.role_arn)
        return parsed.account_id if parsed is not None else ""

    async def _identity(self, work: Work, proven: Proven) -> tuple[OidcProvider, WebIdentity]:
        """Who that is, by the provider as it is now: somebody may have deleted it, or taken a client id away, meanwhile."""
        provider = (await work.data.oidc_providers.by_ids([proven.provider.id])).get(proven.provider.id)
        account = (await work.data.accounts.get([self._account_id])).get(self._account_id)
        try:
            if provider is None or account is None or account.closed_at is not None:
                raise InvalidIdentityToken(f"The provider {proven.provider.arn} was deleted.")
            audience = proven.token.audience(provider.client_ids)
        except InvalidIdentityToken as error:
            raise for_strangers(error, InvalidIdentityToken(_NOTHING_MORE)) from None
        return provider, web_identity(provider, proven.token, audience)


def federated(provider: OidcProvider, identity: WebIdentity, role_session_name: str) -> Federated:
    """Whom a provider has spoken for, as roles are asked whether they trust them."""
    return Federated(
        origin=FederatedOrigin(
            provider_id=provider.id,
            provider_arn=provider.arn,
            issuer=provider.url,
            subject=identity.subject,
            context=identity.session_context,
        ),
        source=SessionSource.OIDC,
        described=f"{identity.subject!a} of {provider.arn} for {identity.audience!a}",
        context=identity.context,
        session_name=role_session_name,
        tags=identity.tags,
        transitive_tag_keys=identity.transitive_tag_keys,
        source_identity=identity.source_identity,
    )


def _read(text: str, now: datetime) -> Token | IamError:
    """The token, or what is wrong with it whoever signed it."""
    try:
        token = parse(text)
        token.check_times(now.timestamp())
    except (InvalidIdentityToken, ExpiredIdentityToken) as error:
        return error
    return token


def _known_as(provider: OidcProvider | None, token: Token | IamError) -> str:
    """What a provider's subject is counted as; nobody's where there is no such provider."""
    if provider is None or isinstance(token, IamError):
        return "nobody"
    return hashlib.sha256(f"{provider.id}\n{token.subject}".encode("utf-8", "surrogatepass")).hexdigest()[:21]
