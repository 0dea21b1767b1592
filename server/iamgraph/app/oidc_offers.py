"""As which roles somebody may sign in whom a provider spoke for: those that its rules offer and that trust them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..domain.arn import parse_arn
from ..domain.errors import NotTrusted
from ..domain.mapping.offers import Mapped, Offer, mapped
from ..domain.mapping.rules import read_rules
from ..domain.providers import OidcClient, OidcProvider
from ..federation.oidc.tokens import Token
from .federated_roles import trusting_role
from .tagging import request_tags
from .web_identity import federated
from .web_identity_claims import WebIdentity, said_of
from .work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The offers that the roles agree to, by ARN, and why there are no others, in words for the history."""

    offers: tuple[Offer, ...]
    reasons: tuple[str, ...]


async def offered(work: Work, provider: OidcProvider, client: OidcClient, token: Token) -> Mapped:
    """What the provider's rules make of a token that was verified. A provider without rules offers nothing."""
    rules = (await work.data.mapping_rules.of([provider.id])).get(provider.id)
    identity = said_of(provider, client, token)
    return mapped(read_rules(rules.rules) if rules is not None else (), identity)


async def agreed(
    work: Work, provider: OidcProvider, client: OidcClient, token: Token, identity: WebIdentity, *, called: str
) -> Agreed:
    """What is offered, and agreed to by the role's trust policy. Roles of other accounts have providers of their own, and
    are left out."""
    found = await offered(work, provider, client, token)
    reasons = [found.refusal] if found.refusal is not None else []
    reasons += [f"rule {verdict.rule}: {verdict.reason}" for verdict in found.verdicts if not verdict.holds]
    both: list[Offer] = []
    for offer in found.offers:
        role = parse_arn(offer.role)
        if role is None or role.account_id != provider.account_id:
            reasons.append(f"{offer.role} is of another account than the provider")
            continue
        who = federated(provider, with_tags(identity, offer), called)
        try:
            await trusting_role(work, offer.role, "sts:AssumeRoleWithWebIdentity", who)
            both.append(offer)
        except NotTrusted as refused:
            reasons.append((refused.truth or refused).message)
    return Agreed(offers=tuple(both), reasons=tuple(reasons))


def with_tags(identity: WebIdentity, offer: Offer) -> WebIdentity:
    """Whom the provider spoke for, with the session tags of an offer, which replace the token's own."""
    if not offer.tags:
        return identity
    tags = {tag.key.lower(): tag for tag in (*identity.tags, *offer.tags)}
    kept = {
        key: value for key, value in identity.context.items() if not key.startswith(("aws:RequestTag/", "aws:TagKeys"))
    }
    merged = tuple(tags.values())
    return replace(identity, tags=merged, context={**kept, **request_tags(merged)})
