"""Mapping rules: what they are of a provider, and what they would offer to somebody."""

from __future__ import annotations

import strawberry
from strawberry import UNSET

from ....app import mapping_rules
from ....app.explain_mapping import ExplainMapping
from ....app.mapping_rules import GetMappingRules
from ....app.sign_in_attempts import ListSignInAttempts
from ....domain import providers
from ....domain.entities import EventOutcome
from ....domain.errors import InvalidInput
from ....domain.mapping.offers import Mapped, Offer, Verdict
from ..context import Info
from ..ids import node_id, parse_node_id
from ..scalars import ARN, DateTime
from .base import Referring, Tag, tags_of
from .connections import Connection, connect


@strawberry.type(description="Which roles the people whom an identity provider signs in are offered.")
class MappingRules:
    rules: str = strawberry.field(description="As JSON, byte for byte as they were put.")
    updated_at: DateTime

    @classmethod
    def of(cls, found: providers.MappingRules) -> MappingRules:
        return cls(rules=found.rules, updated_at=DateTime(found.updated_at))

    @classmethod
    def put(cls, done: mapping_rules.ProviderWithRules) -> MappingRules:
        assert done.rules is not None
        return cls.of(done.rules)


@strawberry.type(description="Somebody came from an identity provider.")
class SignInAttempt:
    id: strawberry.ID
    at: DateTime
    outcome: EventOutcome
    reason: str | None = strawberry.field(description="Why it was refused. The person was told less.")
    subject: str | None = strawberry.field(
        description="Whom the provider named; null where nothing that it said was proven."
    )
    said: str | None = strawberry.field(
        description="What it said, as JSON with `claims`, `attributes` and `authn`, without tokens and the like."
    )
    request_id: str
    ip_address: str | None

    @classmethod
    def of(cls, found: providers.SignInAttempt) -> SignInAttempt:
        return cls(
            id=strawberry.ID(node_id("SignInAttempt", found.id)),
            at=DateTime(found.at),
            outcome=found.outcome,
            reason=found.reason,
            subject=found.attempt.subject,
            said=found.attempt.said,
            request_id=found.request_id,
            ip_address=found.ip_address,
        )


@strawberry.type
class Mapping(Referring):
    """What identity providers of all kinds have. It is no type of the schema."""

    @strawberry.field(description="Null where it has none, and offers no roles.")
    async def mapping_rules(self, info: Info) -> MappingRules | None:
        found = await info.context.load(GetMappingRules(provider_arn=self.ref.arn))
        return None if found is None else MappingRules.of(found)

    @strawberry.field(
        description="Those who came from the provider, newest first: the last 1,000 whose sign-in it has proven, and the "
        "last 200 others."
    )
    async def sign_in_attempts(
        self, info: Info, first: int, after: str | None = UNSET
    ) -> Connection[SignInAttempt] | None:
        query = ListSignInAttempts(provider_arn=self.ref.arn, max_items=first, marker=after or None)
        return connect(await info.context.load(query), SignInAttempt.of)


@strawberry.input(
    description="Somebody as a provider would speak of them, by exactly one of `claims`, `attributes` and `attempt`. "
    "Nothing of it is kept in the history."
)
class ExplainMappingInput:
    provider: ARN
    rules: str | None = strawberry.field(
        default=UNSET, description="A draft, in place of the rules that the provider has."
    )
    claims: str | None = strawberry.field(
        default=UNSET, description="What an OpenID Connect token says, as a JSON object."
    )
    attributes: str | None = strawberry.field(
        default=UNSET,
        description="What a SAML assertion says, as a JSON object of lists of texts by the attribute's name.",
    )
    attempt: strawberry.ID | None = strawberry.field(
        default=UNSET, description="One of the provider's `signInAttempts`, to ask the rules about it again."
    )
    mfa: bool = strawberry.field(
        default=False, description="Whether the provider's sign-in counts as one with a second factor."
    )

    def query(self) -> ExplainMapping:
        return ExplainMapping(
            provider_arn=self.provider,
            rules=self.rules or None,
            claims=self.claims or None,
            attributes=self.attributes or None,
            mfa=self.mfa,
            attempt_id=_attempt_id(self.attempt) if self.attempt else None,
        )


def _attempt_id(id: str) -> str:
    parsed = parse_node_id(id)
    if parsed is None or parsed[0] != "SignInAttempt" or len(parsed[1]) != 1:
        raise InvalidInput("'attempt' is no id of an attempt to sign in", field="attempt")
    return parsed[1][0]


@strawberry.type(description="What one rule says.")
class MappingVerdict:
    rule: str
    holds: bool
    reason: str = strawberry.field(description="Why it does not hold, or what it does.")
    roles: list[ARN] = strawberry.field(description="The roles that it offers, or takes away.")

    @classmethod
    def of(cls, verdict: Verdict) -> MappingVerdict:
        roles = [ARN(role) for role in verdict.roles]
        return cls(rule=verdict.rule, holds=verdict.holds, reason=verdict.reason, roles=roles)


@strawberry.type(description="A role that the rules offer. It is taken on only where its trust policy agrees.")
class OfferedRole:
    arn: ARN
    tags: list[Tag] = strawberry.field(description="The session's.")
    max_session_seconds: int | None = strawberry.field(description="The least that a rule sets, null where none does.")
    rules: list[str] = strawberry.field(description="The names of those that offer it.")

    @classmethod
    def of(cls, offer: Offer) -> OfferedRole:
        return cls(
            arn=ARN(offer.role), tags=tags_of(offer), max_session_seconds=offer.max_session, rules=list(offer.rules)
        )


@strawberry.type(description="What mapping rules make of somebody.")
class MappingExplanation:
    offers: list[OfferedRole] = strawberry.field(description="By ARN.")
    verdicts: list[MappingVerdict] = strawberry.field(description="Of each rule, in the rules' order.")
    refusal: str | None = strawberry.field(description="Why nothing is offered, whatever the rules say.")

    @classmethod
    def of(cls, found: Mapped) -> MappingExplanation:
        return cls(
            offers=[OfferedRole.of(offer) for offer in found.offers],
            verdicts=[MappingVerdict.of(verdict) for verdict in found.verdicts],
            refusal=found.refusal,
        )
