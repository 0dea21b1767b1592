"""Authorisation as a service: what is asked, as inputs, and the operations that they come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import strawberry
from strawberry import UNSET

from ....app.identity import Handed, HandedKey
from ....app.questions.authorize import Authorize, AuthorizeMany
from ....app.questions.batch import Questions
from ....app.questions.question import ContextEntries, ContextEntry, Question
from ....domain.errors import InvalidInput
from ..scalars import ARN, Action


@strawberry.input(description="An access key. Temporary ones (`ASIA…`) come with their session token.")
class AccessKeyInput:
    access_key_id: str
    secret_access_key: str
    session_token: str | None = UNSET


@strawberry.input(one_of=True, description="Exactly one of the two.")
class CredentialsInput:
    access_token: str | None = strawberry.field(default=UNSET, description="What a request shows as a bearer token.")
    access_key: AccessKeyInput | None = UNSET


@strawberry.input(
    description="A context key of a request, and its values. Without values it is as if there were no such key."
)
class ContextKeyInput:
    key: str
    values: list[str]

    @staticmethod
    def made(key: Sequence[str], values: Sequence[list[str]]) -> Sequence[ContextEntry]:
        """As questions have them, at once: a batch may have many."""
        return [*zip(key, map(tuple, values), strict=True)]


@strawberry.input(description="One thing that would be done.")
class AuthorizationRequest:
    action: Action
    resource: ARN
    context: list[ContextKeyInput] = strawberry.field(default_factory=list)

    @staticmethod
    def made(action: Sequence[str], resource: Sequence[str], context: Sequence[list[ContextEntry]]) -> Questions:
        """The questions, at once: a batch may have a thousand."""
        return Questions(action, resource, [*map(tuple, context)])


@strawberry.input(
    description="What would be done, and who would do it: by default the caller itself, as it asks now, with its session's "
    "policies and tags and this request's own keys (`aws:SourceIp` and the like)."
)
class AuthorizeInput:
    action: Action = strawberry.field(description="One action, of any service, such as `docs:Read`.")
    resource: ARN = strawberry.field(description="The ARN of what it would be done to, or `*`.")
    context: list[ContextKeyInput] = strawberry.field(
        default_factory=list,
        description="Further keys of the request. They take the place of the caller's own, but for those that say who "
        "asks (`aws:PrincipalArn` and the like), which can't be given.",
    )
    principal: ARN | None = strawberry.field(
        default=UNSET,
        description="A user, a role or the root of the caller's account, decided by its policies alone.",
    )
    credentials: CredentialsInput | None = strawberry.field(
        default=UNSET, description="Credentials that the caller was shown: decided as if their holder asked."
    )


@strawberry.input(description="`AuthorizeInput`, with up to 1,000 things that would be done.")
class AuthorizeManyInput:
    requests: list[AuthorizationRequest]
    principal: ARN | None = UNSET
    credentials: CredentialsInput | None = UNSET


def authorize(input: AuthorizeInput) -> Authorize:
    """Raises InvalidInput, see `_about`."""
    principal, credentials = _about(input)
    return Authorize(
        principal=principal,
        credentials=credentials,
        action_name=input.action,
        resource_arn=input.resource,
        context_entries=_entries(input.context),
    )


def authorize_many(input: AuthorizeManyInput) -> AuthorizeMany:
    """Raises InvalidInput, see `_about`."""
    principal, credentials = _about(input)
    # See `AuthorizationRequest.made`: as variables they come together, written into the query one by one.
    given = cast(Questions | list[Question], input.requests)
    requests = given if isinstance(given, Questions) else tuple(given)
    return AuthorizeMany(principal=principal, credentials=credentials, requests=requests)


def _entries(context: list[ContextKeyInput]) -> ContextEntries:
    """See `ContextKeyInput.made`."""
    return tuple(cast(list[tuple[str, tuple[str, ...]]], context))


def _about(input: AuthorizeInput | AuthorizeManyInput) -> tuple[str | None, Handed | None]:
    """Who is asked about. Raises InvalidInput for null: whoever lost the principal on the way would else be told what it
    may do itself."""
    for name, value in (("principal", input.principal), ("credentials", input.credentials)):
        if value is None:
            raise InvalidInput(f"'{name}' is null; leave it out to ask about the caller itself", field=name)
    principal = None if input.principal is UNSET else input.principal
    return principal, None if input.credentials is UNSET else _handed(input.credentials)


def _handed(credentials: CredentialsInput | None) -> Handed | None:
    assert credentials is not None
    key = credentials.access_key
    if not key:
        return credentials.access_token
    return HandedKey(
        access_key_id=key.access_key_id,
        secret_access_key=key.secret_access_key,
        session_token=None if key.session_token is UNSET else key.session_token,
    )
