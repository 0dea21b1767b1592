"""What mapping rules make of somebody, without signing anybody in: a provider's own rules, or a draft of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from ..domain.errors import IamError, InvalidInput, MalformedPolicyDocument, NoSuchEntity
from ..domain.mapping.attempt import said
from ..domain.mapping.claims import Identity
from ..domain.mapping.offers import Mapped, mapped
from ..domain.mapping.rules import read_rules
from ..domain.names import Doc, MappingRulesText, Match, ProviderArn, Secret
from ..domain.providers import SignInAttempt
from .mapping_rules import MAPPED, ProviderWithRules
from .operation import Query, operation
from .work import Work

_Said = Annotated[str, Match(r".*", 2, 65_536), Secret()]


@operation("iamgraph:ExplainMapping", on=MAPPED, raises=(NoSuchEntity, MalformedPolicyDocument))
class ExplainMapping(Query[Mapped]):
    """Say which roles a provider's rules, or a draft of them, would offer to somebody, and why: each rule's verdict."""

    provider_arn: ProviderArn
    rules: Annotated[MappingRulesText | None, Doc("A draft, in place of the rules that the provider has.")] = None
    claims: Annotated[_Said | None, Doc("What an OpenID Connect token says, as a JSON object.")] = None
    attributes: Annotated[
        _Said | None, Doc("What a SAML assertion says, as a JSON object of lists of texts by the attribute's name.")
    ] = None
    mfa: Annotated[bool, Doc("Whether the provider's sign-in counts as one with a second factor.")] = False
    attempt_id: Annotated[str | None, Doc("An attempt to sign in, to ask the rules about it again.")] = None

    def validate(self) -> None:
        if sum(one is not None for one in (self.claims, self.attributes, self.attempt_id)) != 1:
            raise InvalidInput("give one of 'claims', 'attributes' and 'attempt'", field="claims")
        _said("claims", self.claims)
        _said("attributes", self.attributes)

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ExplainMapping, ProviderWithRules]]
    ) -> Sequence[Mapped | IamError]:
        attempts = await work.data.sign_in_attempts.by_ids([query.attempt_id for query, _ in asks if query.attempt_id])
        return [query._explained(found, attempts) for query, found in asks]

    def _explained(self, found: ProviderWithRules, attempts: Mapping[str, SignInAttempt]) -> Mapped | IamError:
        stored = found.rules.rules if found.rules is not None else "[]"
        try:
            rules = read_rules(self.rules if self.rules is not None else stored)
        except MalformedPolicyDocument as error:
            return error
        try:
            return mapped(rules, self._identity(found, attempts))
        except NoSuchEntity as error:
            return error

    def _identity(self, found: ProviderWithRules, attempts: Mapping[str, SignInAttempt]) -> Identity:
        if self.attempt_id is None:
            return Identity(
                claims=_said("claims", self.claims),
                attributes=_said("attributes", self.attributes),
                authn={"mfa": self.mfa, "provider": found.provider.arn},
            )
        kept = attempts.get(self.attempt_id)
        if kept is None or kept.attempt.provider_id != found.provider.id:
            raise NoSuchEntity(f"The attempt to sign in with id {self.attempt_id} cannot be found.")
        if kept.attempt.said is None:
            raise NoSuchEntity("Nothing that the provider said at that attempt was proven, or it was too long to keep.")
        return said(kept.attempt.said)


def _said(field: str, text: str | None) -> Mapping[str, Any]:
    """The object that a text is, an empty one where there is none. Raises InvalidInput, which quotes nothing of it."""
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInput(f"the value at '{field}' must be a JSON object", field=field)
    return found
