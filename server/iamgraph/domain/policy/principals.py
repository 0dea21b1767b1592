"""Who asks, and whether a Principal or NotPrincipal element means them (IAM User Guide, "AWS JSON policy elements:
Principal")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from .document import Principals

_ACCOUNT: Final = re.compile(r"([0-9]{12})|arn:[a-z-]+:iam::([0-9]{12}):root")


SERVICE_LINKED_PATH: Final = "/aws-service-role/"
"""Where the roles stand that only services assume (IAM User Guide, "Service-linked roles")."""


class PrincipalKind(Enum):
    """What a caller is."""

    USER = "user"
    ROLE_SESSION = "role_session"
    ROOT = "root"
    FEDERATED_USER = "federated_user"
    SERVICE = "service"
    FEDERATED = "federated"
    CANONICAL_USER = "canonical_user"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller. `arn` is a role session's own ARN, `role_arn` its role's, with the path. `user_arn` is the user that
    made a federated user. `unique_id` is the user's AIDA… or the role's AROA…; a federated user has that of its user.
    `provider` is the ARN or domain name of the identity provider that speaks for a FEDERATED caller."""

    kind: PrincipalKind
    arn: str | None = None
    account: str | None = None
    role_arn: str | None = None
    user_arn: str | None = None
    unique_id: str | None = None
    provider: str | None = None
    service: str | None = None
    canonical_id: str | None = None

    @property
    def is_service_linked_role(self) -> bool:
        """Whether it is a session of a role under the path `/aws-service-role/`."""
        return self.role_arn is not None and f":role{SERVICE_LINKED_PATH}" in self.role_arn


class Named(IntEnum):
    """How closely an element names a caller: this decides what a grant overrides."""

    NO = 0
    ACCOUNT = 1
    """By the account, which only delegates."""
    ENTITY = 2
    """By the role of the session, or the user that made the federated user."""
    SELF = 3
    """By its own ARN, or by everyone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPrincipals:
    """A Principal element, ready to compare."""

    everyone: bool
    aws_everyone: bool
    accounts: frozenset[str]
    entities: frozenset[str]
    service: frozenset[str]
    federated: frozenset[str]
    canonical_user: frozenset[str]

    def names(self, caller: Principal, bindings: Mapping[str, str] | None) -> Named:
        """How closely the element names the caller. With `bindings`, a user, a role or a session is meant only if the
        text was bound to the caller's unique id when it was saved (so a re-created namesake is not)."""
        # `{"AWS": "*"}` lets in everyone, but a token of any identity provider is not "everyone".
        if self.everyone or (self.aws_everyone and caller.kind is not PrincipalKind.FEDERATED):
            return Named.SELF
        match caller.kind:
            case PrincipalKind.SERVICE:
                return Named.SELF if caller.service in self.service else Named.NO
            case PrincipalKind.FEDERATED:
                return Named.SELF if caller.provider in self.federated else Named.NO
            case PrincipalKind.CANONICAL_USER:
                return Named.SELF if caller.canonical_id in self.canonical_user else Named.NO
        named = self._by_text(caller) if bindings is None else self._by_binding(caller, bindings)
        if named is Named.NO and caller.account in self.accounts:
            return Named.ACCOUNT
        return named

    def _by_text(self, caller: Principal) -> Named:
        entities = self.entities
        if not entities:
            return Named.NO
        if caller.arn in entities:
            return Named.SELF
        entity = caller.role_arn if caller.kind is PrincipalKind.ROLE_SESSION else caller.user_arn
        if entity in entities:
            return Named.ENTITY
        if caller.unique_id in entities:
            return Named.SELF if caller.kind is PrincipalKind.USER else Named.ENTITY
        return Named.NO

    def _by_binding(self, caller: Principal, bindings: Mapping[str, str]) -> Named:
        named = Named.NO
        for text in self.entities:
            if ":federated-user/" in text:
                bound = text == caller.arn
            else:
                bound = caller.unique_id is not None and bindings.get(text) == caller.unique_id
            if not bound:
                continue
            if ":assumed-role/" in text or ":federated-user/" in text:
                closeness = Named.SELF if text == caller.arn else Named.NO
            else:
                closeness = Named.SELF if caller.kind is PrincipalKind.USER else Named.ENTITY
            named = max(named, closeness)
        return named

    def spares(self, caller: Principal) -> bool:
        """Whether a NotPrincipal element leaves the caller out. It must list each of the caller's identities: its own
        ARN, its role's, and its account's (IAM User Guide, "Specifying NotPrincipal with Deny")."""
        if self.everyone or self.aws_everyone:
            return True
        if caller.account is None:
            return self.names(caller, None) is not Named.NO
        if caller.account not in self.accounts:
            return False
        if caller.kind is PrincipalKind.ROOT:
            return True
        if caller.kind is PrincipalKind.ROLE_SESSION and caller.role_arn not in self.entities:
            return False
        return caller.arn in self.entities


def compiled_principals(element: Principals, *, deny: bool) -> CompiledPrincipals:
    """Sort an element's texts by what they name. An account's id and its root ARN are the same principal. In a Deny,
    `{"AWS": "*"}` is everyone without exception."""
    accounts: set[str] = set()
    entities: set[str] = set()
    for text in element.aws:
        found = _ACCOUNT.fullmatch(text)
        if found is None:
            entities.add(text)
        else:
            accounts.add(found.group(1) or found.group(2))
    return CompiledPrincipals(
        everyone=element.everyone or (deny and "*" in entities),
        aws_everyone="*" in entities,
        accounts=frozenset(accounts),
        entities=frozenset(entities - {"*"}),
        service=frozenset(element.service),
        federated=frozenset(element.federated),
        canonical_user=frozenset(element.canonical_user),
    )
