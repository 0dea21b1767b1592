"""AssumeRoleWithSAML: temporary credentials of a role for whom a SAML 2.0 identity provider speaks for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from ..domain.arn import SAML_PROVIDER, parse_arn
from ..domain.entities import FederatedOrigin, Session, SessionSource
from ..domain.errors import (
    ExpiredIdentityToken,
    IamError,
    IdpRejectedClaim,
    InvalidIdentityToken,
    InvalidInput,
    LimitExceeded,
    MalformedPolicyDocument,
    NotTrusted,
)
from ..domain.names import Between, Doc, RoleArn, SamlAssertionText, SamlProviderArn
from ..domain.providers import AssertionEncryptionMode, WholeSamlProvider
from ..domain.throttling import Limit, web_identity_limit
from ..federation.saml.assertion import AnyRequest, Assertion, Receiver
from ..federation.saml.refusal import Expired, Refused, Rejected
from ..federation.saml.verifier import Trusted
from .caller import Caller
from .federated_roles import Federated, check_seconds, federated_session, for_strangers, trusting_role
from .operation import Command, Need, operation
from .saml_claims import ROLE, SamlIdentity, attempted, saml_identity
from .saml_keys import private_key_context
from .session_policies import SessionPolicy, SessionPolicyArns, narrowing
from .targets import NOTHING
from .temporary import Credentials, issue, new_credentials
from .throttling import attempt, knows_address, succeeded
from .work import Tools, Work

_NOTHING_MORE = (
    "The SAML response could not be validated: it is not by the identity provider that is named, or not meant for it "
    "here."
)
"""INVARIANT: one text, so that a stranger does not learn whom an account trusts. The history has the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedBySaml:
    """A role session, and by whom, in AWS's words: `audience` is the assertion's recipient. `packed_policy_size` is in
    percent."""

    credentials: Credentials
    access_token: str = field(repr=False)
    assumed_role_arn: str
    packed_policy_size: int
    session: Session
    subject: str
    subject_type: str
    issuer: str
    audience: str
    name_qualifier: str

    @property
    def source_identity(self) -> str | None:
        return self.session.source_identity


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """The provider that is named, None where there is none; with the keys that decrypt what it sends. `known_as` stands for
    it where attempts are counted."""

    provider: WholeSamlProvider | None
    keys: tuple[bytes, ...] = field(repr=False)
    known_as: str
    counting: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proven:
    """An assertion that its provider has signed."""

    named: _Named
    provider: WholeSamlProvider
    assertion: Assertion


@operation(
    "sts:AssumeRoleWithSAML",
    on=NOTHING,
    raises=(
        NotTrusted,
        InvalidIdentityToken,
        ExpiredIdentityToken,
        IdpRejectedClaim,
        MalformedPolicyDocument,
        LimitExceeded,
    ),
)
class AssumeRoleWithSAML(Command[AssumedBySaml]):
    """Take on a role for a while with a response of a SAML provider that offers it, if the role's trust policy lets that in.
    It takes no credentials. A response can be used once."""

    role_arn: RoleArn
    principal_arn: SamlProviderArn
    saml_assertion: SamlAssertionText
    duration_seconds: Annotated[
        int, Between(900, 43200), Doc("How long the credentials are good for, unless the provider wants it shorter.")
    ] = 3600
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
        role, provider = parse_arn(self.role_arn), parse_arn(self.principal_arn)
        if role is None or role.service != "iam" or role.kind != "role":
            raise InvalidInput(f"{self.role_arn} is invalid", field="roleArn")
        if provider is None or provider.service != "iam" or provider.kind != SAML_PROVIDER:
            raise InvalidInput(f"{self.principal_arn} is invalid", field="principalArn")
        if role.account_id != provider.account_id:
            raise InvalidInput("The role and the SAML provider must be of one account.", field="principalArn")

    async def look(self, work: Work, target: None) -> _Named:
        parsed = parse_arn(self.principal_arn)
        assert parsed is not None
        work.trail.resources.append(self.role_arn)
        account = (await work.data.accounts.get([parsed.account_id])).get(parsed.account_id)
        work.trail.account_id = account.id if account is not None else None
        named = (await work.data.saml_providers.named(parsed.account_id, [parsed.name])).get(parsed.name)
        provider_id = named.id if named is not None and named.arn == self.principal_arn else ""
        provider = (await work.data.saml_providers.whole([provider_id])).get(provider_id)
        keys = [
            work.tools.sealer.unseal(key.sealed_secret, context=private_key_context(key.id))
            for key in await work.data.saml_providers.sealed_keys(provider_id)
        ]
        known_as = hashlib.sha256(f"saml {provider_id}".encode()).hexdigest()[:21]
        is_known = await knows_address(work, known_as)
        address = work.caller.origin.ip_address
        return _Named(
            provider=provider if account is not None and account.closed_at is None else None,
            keys=tuple(keys),
            known_as=known_as,
            counting=web_identity_limit(address=address, known_as=known_as if is_known else None),
        )

    async def guard(self, work: Work, looked: _Named) -> None:
        await attempt(work, [looked.counting])

    async def prepare(self, caller: Caller, tools: Tools, looked: _Named) -> _Proven:
        provider, trusted = looked.provider, None
        if provider is not None:
            must_be_encrypted = provider.encryption_mode is AssertionEncryptionMode.REQUIRED
            trusted = Trusted(metadata=provider.metadata, keys=looked.keys, must_be_encrypted=must_be_encrypted)
        try:
            # Who hands it over has asked the provider for it: so it may answer any request, as on AWS.
            assertion = await tools.saml.verify(
                self.saml_assertion, trusted, self._receiver(tools), answers=AnyRequest(), now=tools.clock()
            )
        except Refused as refused:
            raise _told(refused) from None
        assert provider is not None
        return _Proven(named=looked, provider=provider, assertion=assertion)

    def _receiver(self, tools: Tools) -> Receiver:
        parsed = parse_arn(self.principal_arn)
        assert parsed is not None
        return tools.saml_receiver(parsed.account_id, parsed.name)

    async def execute(self, work: Work, target: None, prepared: _Proven) -> AssumedBySaml:
        assertion, provider = prepared.assertion, prepared.provider
        await self._check_unchanged(work, provider)
        identity = saml_identity(provider, assertion)
        work.trail.attempt = attempted(provider, assertion, identity)
        work.trail.principal_id = f"{identity.name_qualifier}:{identity.subject}"
        work.trail.principal_arn = provider.arn
        work.trail.resources.append(self.role_arn)
        if self.role_arn not in identity.roles:
            raise InvalidIdentityToken(
                f"The SAML assertion does not offer this role with this provider: the attribute {ROLE} lacks a value "
                "with both."
            )
        who = Federated(
            origin=FederatedOrigin(
                provider_id=provider.id,
                provider_arn=provider.arn,
                issuer=assertion.issuer,
                subject=identity.subject,
                context=identity.session_context,
            ),
            source=SessionSource.SAML,
            described=f"{identity.subject!a} ({identity.subject_type}) of {provider.arn}",
            context=identity.context,
            session_name=identity.session_name,
            tags=identity.tags,
            transitive_tag_keys=identity.transitive_tag_keys,
            source_identity=identity.source_identity,
        )
        role = await trusting_role(work, self.role_arn, "sts:AssumeRoleWithSAML", who)
        check_seconds(role, self.duration_seconds)
        policies, packed = await narrowing(work, role.account_id, self.policy, self.policy_arns, whose="role")
        await self._use(work, assertion)
        await succeeded(work, [prepared.named.counting], prepared.named.known_as)
        credentials = new_credentials(work, self._seconds(work, identity, assertion))
        session = federated_session(work, role, who, policies, credentials)
        token = await issue(work, session, credentials)
        return AssumedBySaml(
            credentials=credentials,
            access_token=token,
            assumed_role_arn=session.arn,
            packed_policy_size=packed,
            session=session,
            subject=identity.subject,
            subject_type=identity.subject_type,
            issuer=assertion.issuer,
            audience=assertion.recipient,
            name_qualifier=identity.name_qualifier,
        )

    async def _check_unchanged(self, work: Work, provider: WholeSamlProvider) -> None:
        """Raise InvalidIdentityToken where the provider was deleted or changed while its response was checked."""
        account = (await work.data.accounts.get([provider.account_id])).get(provider.account_id)
        now = (await work.data.saml_providers.whole([provider.id])).get(provider.id)
        is_same = now is not None and replace(now, tags=provider.tags) == provider
        if account is None or account.closed_at is not None or not is_same:
            truth = InvalidIdentityToken(f"The provider {provider.arn} was deleted or changed meanwhile.")
            raise for_strangers(truth, InvalidIdentityToken(_NOTHING_MORE))

    async def _use(self, work: Work, assertion: Assertion) -> None:
        """INVARIANT: a response lets in one caller, once, whichever server it is shown to, and also if the provider is made
        again meanwhile. Raises InvalidIdentityToken."""
        key = hashlib.sha256(f"{self.principal_arn}\n{assertion.issuer}\n{assertion.id}".encode()).hexdigest()
        if not await work.data.saml_assertions.use(key, believed_until=assertion.forgotten_at, now=work.now):
            raise InvalidIdentityToken("The SAML response was used already: get a new one from the identity provider.")

    def _seconds(self, work: Work, identity: SamlIdentity, assertion: Assertion) -> int:
        """The shortest of what the caller asks for and the provider allows."""
        wanted = [self.duration_seconds, identity.session_seconds or self.duration_seconds]
        if assertion.session_ends_at is not None:
            wanted.append(int((assertion.session_ends_at - work.now).total_seconds()))
        return max(1, min(wanted))


def _told(refused: Refused) -> IamError:
    """What somebody without credentials is told of a response that is refused: what its provider has signed, and no more."""
    if isinstance(refused, Expired):
        told: IamError = ExpiredIdentityToken("Token must be redeemed within 5 minutes of issuance")
        return for_strangers(ExpiredIdentityToken(f"The SAML response is refused: {refused.text}"), told)
    if isinstance(refused, Rejected):
        told = IdpRejectedClaim("The identity provider reported that authentication failed.")
        return for_strangers(IdpRejectedClaim(f"The SAML response is refused: {refused.text}"), told)
    truth = InvalidIdentityToken(f"The SAML response is refused: {refused.text}")
    return for_strangers(truth, InvalidIdentityToken(_NOTHING_MORE))
