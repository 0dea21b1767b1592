"""Entities for the store's tests: ids are made of numbers, so that a test can say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from iamgraph.domain.entities import (
    Account,
    Event,
    EventOutcome,
    Group,
    InstanceProfile,
    ManagedPolicy,
    PrincipalType,
    Role,
    Session,
    SessionPolicies,
    SessionSource,
    User,
    VirtualMfaDevice,
)
from iamgraph.domain.providers import OidcClient, OidcProvider, WholeSamlProvider
from iamgraph.store.session import StoreSession

ACCOUNT, OTHER = "111122223333", "444455556666"
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


def account(id: str = ACCOUNT, **changes: Any) -> Account:
    values: dict[str, Any] = {
        "alias": None,
        "root_email": f"root-{id}@example.com",
        "is_operator": False,
        "created_at": NOW,
        "closed_at": None,
        "revision": 1,
    }
    return Account(id=id, **(values | changes))


def user_id(n: int) -> str:
    return f"AIDA{n:017}"


def group_id(n: int) -> str:
    return f"AGPA{n:017}"


def role_id(n: int) -> str:
    return f"AROA{n:017}"


def policy_id(n: int) -> str:
    return f"ANPA{n:017}"


def user(n: int, name: str | None = None, **changes: Any) -> User:
    values: dict[str, Any] = {"account_id": ACCOUNT, "path": "/", "created_at": NOW}
    return User(id=user_id(n), name=name or f"user{n}", **(values | changes))


def group(n: int, name: str | None = None, **changes: Any) -> Group:
    values: dict[str, Any] = {"account_id": ACCOUNT, "path": "/", "created_at": NOW}
    return Group(id=group_id(n), name=name or f"group{n}", **(values | changes))


def role(n: int, name: str | None = None, **changes: Any) -> Role:
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "path": "/",
        "created_at": NOW,
        "description": None,
        "max_session_seconds": 3600,
        "trust_policy": "{}",
    }
    return Role(id=role_id(n), name=name or f"role{n}", **(values | changes))


def mfa_device(n: int, name: str | None = None, **changes: Any) -> VirtualMfaDevice:
    values: dict[str, Any] = {"account_id": ACCOUNT, "path": "/", "created_at": NOW}
    return VirtualMfaDevice(id=f"{n:032}", name=name or f"device{n}", **(values | changes))


def oidc_provider(n: int, url: str | None = None, **changes: Any) -> OidcProvider:
    values: dict[str, Any] = {"account_id": ACCOUNT, "created_at": NOW}
    return OidcProvider(id=f"{n:032}", url=url or f"https://idp{n}.example.com", **(values | changes))


def saml_provider(n: int, name: str | None = None, **changes: Any) -> WholeSamlProvider:
    values: dict[str, Any] = {
        "account_id": ACCOUNT, "created_at": NOW, "entity_id": f"https://idp{n}.example.com", "certificates": ("ab",),
        "metadata": "<x/>",
    }  # fmt: skip
    return WholeSamlProvider(id=f"{n:032}", name=name or f"corp{n}", **(values | changes))


def oidc_client(n: int, **changes: Any) -> OidcClient:
    """Of the provider with the number."""
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "client_id": "app",
        "is_confidential": True,
        "scopes": ("openid",),
        "created_at": NOW,
    }
    return OidcClient(provider_id=f"{n:032}", **(values | changes))


def instance_profile(n: int, name: str | None = None, **changes: Any) -> InstanceProfile:
    values: dict[str, Any] = {"account_id": ACCOUNT, "path": "/", "created_at": NOW}
    return InstanceProfile(id=f"AIPA{n:017}", name=name or f"profile{n}", **(values | changes))


def policy(n: int, name: str | None = None, **changes: Any) -> ManagedPolicy:
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "path": "/",
        "description": None,
        "default_version": "v1",
        "attachment_count": 0,
        "boundary_count": 0,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return ManagedPolicy(id=policy_id(n), name=name or f"policy{n}", **(values | changes))


def session(id: str, of: User | Role | Account, **changes: Any) -> Session:
    kind = {User: PrincipalType.USER, Role: PrincipalType.ROLE, Account: PrincipalType.ROOT}[type(of)]
    values: dict[str, Any] = {
        "account_id": of.id if isinstance(of, Account) else of.account_id,
        "principal_type": kind,
        "principal_id": of.id,
        "principal_name": "" if isinstance(of, Account) else of.name,
        "principal_path": "/" if isinstance(of, Account) else of.path,
        "parent_id": None,
        "name": "ci" if kind is PrincipalType.ROLE else None,
        "source": SessionSource.ASSUME_ROLE if kind is PrincipalType.ROLE else SessionSource.PASSWORD,
        "access_key_id": None,
        "issued_at": NOW,
        "expires_at": NOW + timedelta(hours=12),
        "revoked_at": None,
        "ip_address": "192.0.2.1",
        "user_agent": "test",
        "policies": SessionPolicies(),
        "source_identity": None,
        "tags": (),
        "transitive_tag_keys": (),
        "mfa_at": None,
        "principal_tags": () if isinstance(of, Account) else of.tags,
    }
    return Session(id=id, **(values | changes))


async def add_session(data: StoreSession, made: Session) -> Session:
    await data.sessions.add(made, token_hash=f"hash of {made.id}", sealed_secret=None, session_token_hash=None)
    return made


def event(n: int, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "name": "CreateUser",
        "at": NOW + timedelta(seconds=n),
        "request_id": f"request {n}",
        "transport": "graphql",
        "principal_id": user_id(1),
        "principal_arn": "arn:aws:iam::111122223333:user/alice",
        "session_id": "s1",
        "action": "iam:CreateUser",
        "resources": (f"arn:aws:iam::111122223333:user/u{n}",),
        "outcome": EventOutcome.SUCCEEDED,
        "error_code": None,
        "error_message": None,
        "ip_address": "192.0.2.1",
        "user_agent": "test",
        "parameters": '{"userName":"u"}',
    }
    return Event(id=f"event{n}", **(values | changes))


async def add_account(data: StoreSession, id: str = ACCOUNT, **changes: Any) -> Account:
    made = account(id, **changes)
    await data.accounts.add(made, root_password_hash="hash")
    return made
