"""What an OpenID Connect provider says of somebody, as trust policies and sessions see it (IAM User Guide, "Available keys
for AWS OIDC federation" and "Pass session tags in AWS STS")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..domain.entities import Tag
from ..domain.errors import IdpRejectedClaim, InvalidInput
from ..domain.mapping.attempt import Attempt, kept
from ..domain.mapping.claims import Claims, Identity
from ..domain.names import SOURCE_IDENTITY, shown
from ..domain.providers import OidcClient, OidcProvider
from ..domain.tags import check_tags
from ..federation.oidc.tokens import Token
from .tagging import request_tags

Context = Mapping[str, str | tuple[str, ...]]

TAGS: Final = "https://aws.amazon.com/tags"
SOURCE: Final = "https://aws.amazon.com/source_identity"
MAX_TAGS: Final = 50
_GITHUB: Final = "token.actions.githubusercontent.com"
_OF_GITHUB: Final = (
    "actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository", "repository_id",
    "repository_owner_id", "workflow",
)  # fmt: skip
"""The claims beside those of all providers that AWS has context keys for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """Somebody that a provider spoke for. `context` is what a trust policy sees, `session_context` what the requests of the
    session bring."""

    subject: str
    audience: str
    context: Context
    session_context: Context
    tags: tuple[Tag, ...]
    transitive_tag_keys: tuple[str, ...]
    source_identity: str | None


def web_identity(provider: OidcProvider, token: Token, audience: str) -> WebIdentity:
    """What a token that was verified says. Raises IdpRejectedClaim for a claim that can't be taken as it is."""
    tags, transitive = _tags(token.claims)
    source_identity = _source_identity(token.claims)
    kept: dict[str, str | tuple[str, ...]] = {"aud": audience, "sub": token.subject}
    if (amr := _texts(token.claims.get("amr"))) is not None:
        kept["amr"] = amr
    further: dict[str, str | tuple[str, ...]] = {"oaud": _one_or_more(token.audiences)}
    # An address that the provider does not vouch for says nothing about who that is.
    if isinstance(email := token.claims.get("email"), str) and token.claims.get("email_verified") is True:
        further["email"] = email
    if provider.name == _GITHUB:
        further |= {name: value for name in _OF_GITHUB if isinstance(value := token.claims.get(name), str)}
    context: dict[str, str | tuple[str, ...]] = {**_keys(provider, {**kept, **further}), **request_tags(tags)}
    if source_identity is not None:
        context["sts:SourceIdentity"] = source_identity
    if transitive:
        context["sts:TransitiveTagKeys"] = transitive
    return WebIdentity(
        subject=token.subject,
        audience=audience,
        context=context,
        session_context=_keys(provider, kept),
        tags=tags,
        transitive_tag_keys=transitive,
        source_identity=source_identity,
    )


def said_of(provider: OidcProvider, client: OidcClient | None, token: Token) -> Identity:
    """What a token that was verified says, as mapping rules see it. Without a client nothing counts as a second factor."""
    authn: Claims = {
        "mfa": client is not None and client.counts_as_mfa(token.claims.get("amr"), token.claims.get("acr")),
        "issuer": provider.url,
        "subject": token.subject,
        "provider": provider.arn,
    }
    return Identity(claims=token.claims, authn=authn)


def attempted(provider: OidcProvider, client: OidcClient | None, token: Token) -> Attempt:
    """What is kept of somebody whose token was verified."""
    return Attempt(provider_id=provider.id, subject=token.subject, said=kept(said_of(provider, client, token)))


def _keys(provider: OidcProvider, claims: Context) -> Context:
    return {f"{provider.name}:{name}": value for name, value in claims.items()}


def _one_or_more(texts: tuple[str, ...]) -> str | tuple[str, ...]:
    return texts[0] if len(texts) == 1 else texts


def _texts(value: Any) -> tuple[str, ...] | None:
    """A claim of several texts, such as `amr`; None for what is none."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return tuple(value)
    return None


def _source_identity(claims: Mapping[str, Any]) -> str | None:
    value = claims.get(SOURCE)
    if value is None:
        return None
    if not isinstance(value, str):
        raise IdpRejectedClaim(f"The claim {SOURCE} is not a text.")
    try:
        SOURCE_IDENTITY.check("sourceIdentity", value)
    except InvalidInput as error:
        raise IdpRejectedClaim(f"The claim {SOURCE} can't be accepted: {error.message}") from None
    return value


def _tags(claims: Mapping[str, Any]) -> tuple[tuple[Tag, ...], tuple[str, ...]]:
    """The session tags, and the keys of those that go on through chaining: nested in one claim, or flat in claims of their
    own."""
    nested = claims.get(TAGS, {})
    if not isinstance(nested, dict):
        raise IdpRejectedClaim(f"The claim {TAGS} is not an object.")
    values = nested.get("principal_tags", {})
    transitive = nested.get("transitive_tag_keys", claims.get(f"{TAGS}/transitive_tag_keys", []))
    prefix = f"{TAGS}/principal_tags/"
    flat = {name.removeprefix(prefix): value for name, value in claims.items() if name.startswith(prefix)}
    if not isinstance(values, dict) or not isinstance(transitive, list):
        raise IdpRejectedClaim(f"The claim {TAGS} needs an object principal_tags and a list transitive_tag_keys.")
    tags = tuple(Tag(key=key, value=_value(key, value)) for key, value in {**flat, **values}.items())
    keys = tuple(key for key in transitive if isinstance(key, str))
    try:
        check_tags(tags)
    except InvalidInput as error:
        raise IdpRejectedClaim(f"The claim {TAGS} can't be accepted: {error.message}") from None
    if len(tags) > MAX_TAGS:
        raise IdpRejectedClaim(f"The claim {TAGS} has {len(tags)} tags; at most {MAX_TAGS} are allowed.")
    if len(keys) != len(transitive) or not {key.lower() for key in keys} <= {tag.key.lower() for tag in tags}:
        raise IdpRejectedClaim(f"The claim {TAGS} names a transitive tag key that it has no tag for.")
    return tags, keys


def _value(key: str, value: Any) -> str:
    """AWS wants each value as a list of one."""
    found = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(found, str):
        raise IdpRejectedClaim(f"The tag {shown(key)} in the claim {TAGS} does not have one text for a value.")
    return found
