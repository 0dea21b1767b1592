"""Mapping rules of identity providers: which roles the people whom a provider signs in are offered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..domain.arn import OIDC_PROVIDER, SAML_PROVIDER, parse_arn
from ..domain.errors import IamError, LimitExceeded, MalformedPolicyDocument, NoSuchEntity
from ..domain.mapping.rules import read_rules
from ..domain.names import MappingRulesText, ProviderArn
from ..domain.providers import MappingRules, OidcProvider, SamlProvider
from ..store.session import StoreSession
from .caller import Caller
from .changes import GONE, shown_mapping_rules
from .operation import Command, Place, Query, Target, operation
from .quotas import ensure_fits
from .work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWithRules:
    """A provider, and the rules that it has."""

    provider: OidcProvider | SamlProvider
    rules: MappingRules | None


class _MappedProvider(Target):
    """A provider of the caller's account, of any kind, by its ARN."""

    know = "iamgraph:GetMappingRules"

    def __init__(self, *, needs_rules: bool) -> None:
        self._needs_rules = needs_rules

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[ProviderWithRules | None]:
        providers = await _providers(data, caller.account_id, {op.provider_arn for op in ops})
        rules = await data.mapping_rules.of([provider.id for provider in providers.values()]) if providers else {}
        mapped = {arn: ProviderWithRules(provider=one, rules=rules.get(one.id)) for arn, one in providers.items()}
        return [self._needed(mapped.get(op.provider_arn)) for op in ops]

    def _needed(self, found: ProviderWithRules | None) -> ProviderWithRules | None:
        return None if found is None or (self._needs_rules and found.rules is None) else found

    def place(self, caller: Caller, op: Any, entity: ProviderWithRules | None) -> Place:
        parsed = parse_arn(op.provider_arn)
        return Place(
            resource=op.provider_arn,
            asked=op.provider_arn,
            account_id=parsed.account_id if parsed is not None else caller.account_id,
            tags=entity.provider.tags if entity is not None else (),
            tag_keys=("aws:ResourceTag",),
        )

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        what = "The mapping rules of the" if self._needs_rules else "The"
        return NoSuchEntity(f"{what} identity provider {op.provider_arn} cannot be found.")


async def _providers(
    data: StoreSession, account_id: str, arns: Iterable[str]
) -> Mapping[str, OidcProvider | SamlProvider]:
    """Those of the account's providers that the ARNs name, by ARN."""
    parsed = [arn for text in arns if (arn := parse_arn(text)) is not None]
    by_kind = {
        kind: sorted({arn.name for arn in parsed if arn.kind == kind}) for kind in (OIDC_PROVIDER, SAML_PROVIDER)
    }
    providers: list[OidcProvider | SamlProvider] = []
    if names := by_kind[OIDC_PROVIDER]:
        providers += (await data.oidc_providers.named(account_id, names)).values()
    if names := by_kind[SAML_PROVIDER]:
        providers += (await data.saml_providers.named(account_id, names)).values()
    return {provider.arn: provider for provider in providers}


MAPPED, RULES = _MappedProvider(needs_rules=False), _MappedProvider(needs_rules=True)


@operation("iamgraph:PutMappingRules", on=MAPPED, raises=(NoSuchEntity, MalformedPolicyDocument, LimitExceeded))
class PutMappingRules(Command[ProviderWithRules]):
    """Give a provider the rules by which its people are offered roles, in place of those that it has."""

    provider_arn: ProviderArn
    rules: MappingRulesText

    async def look(self, work: Work, target: ProviderWithRules) -> None:
        ensure_fits(len(self.rules), "MappingRulesSize", work.tools.quotas.mapping_rules_size)
        read_rules(self.rules)

    async def execute(self, work: Work, target: ProviderWithRules, prepared: None) -> ProviderWithRules:
        rules = MappingRules(
            provider_id=target.provider.id, account_id=work.caller.account_id, rules=self.rules, updated_at=work.now
        )
        await work.data.mapping_rules.put(rules)
        work.changed(shown_mapping_rules(target.rules) if target.rules else GONE, shown_mapping_rules(rules))
        return ProviderWithRules(provider=target.provider, rules=rules)


@operation("iamgraph:DeleteMappingRules", on=RULES, raises=(NoSuchEntity,))
class DeleteMappingRules(Command[ProviderWithRules]):
    """Offer no roles to the people of a provider any more."""

    provider_arn: ProviderArn

    async def execute(self, work: Work, target: ProviderWithRules, prepared: None) -> ProviderWithRules:
        assert target.rules is not None
        await work.data.mapping_rules.delete(target.provider.id)
        work.changed(shown_mapping_rules(target.rules), GONE)
        return ProviderWithRules(provider=target.provider, rules=None)


@operation("iamgraph:GetMappingRules", on=MAPPED, raises=(NoSuchEntity,))
class GetMappingRules(Query[MappingRules | None]):
    """Read the mapping rules of a provider, null where it has none."""

    provider_arn: ProviderArn

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetMappingRules, ProviderWithRules]]
    ) -> Sequence[MappingRules | IamError | None]:
        return [mapped.rules for _, mapped in asks]
