"""`node(id:)` and `resource(arn:)`: any node, by the operation that reads its type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ....app.accounts import DescribeAccount
from ....app.agents import GetAgent
from ....app.groups import GetGroup
from ....app.guardrails import DescribeGuardrail
from ....app.history.audit import GetEvent
from ....app.instance_profiles import GetInstanceProfile
from ....app.login_profiles import GetLoginProfile
from ....app.mfa_devices import GetVirtualMFADevice
from ....app.oidc_providers import GetOpenIDConnectProvider
from ....app.policies import GetPolicy
from ....app.roles import GetRole
from ....app.saml_providers import GetSAMLProvider
from ....app.services import GetService
from ....app.sessions import GetSession
from ....app.users import GetUser
from ....app.versions import GetPolicyVersion
from ....domain import entities
from ....domain.arn import OIDC_PROVIDER, SAML_PROVIDER, parse_arn, parse_service_arn
from ....domain.entities import IdentityKind
from ....domain.errors import InvalidInput, NoSuchEntity
from ..context import Info
from ..ids import parse_node_id
from .account import Account, RootUser
from .agent import Agent
from .base import Node, Resource
from .credentials import AccessKey, LoginProfile, read_key
from .event import AuditEvent
from .group import Group
from .guardrail import Guardrail
from .instance_profile import InstanceProfile
from .mfa_device import Passkey, TotpDevice, read_passkey
from .oidc_provider import OidcProvider
from .policy import InlinePolicy, ManagedPolicy, PolicyVersion, read_inline
from .role import Role
from .saml_provider import SamlProvider
from .service import Service
from .session import Session
from .user import User


async def _user(info: Info, unique_id: str) -> Node:
    user = await info.context.load(GetUser(unique_id=unique_id))
    assert isinstance(user, entities.User)
    return User.of(user)


async def _group(info: Info, unique_id: str) -> Node:
    return Group.of(await info.context.load(GetGroup(unique_id=unique_id)))


async def _role(info: Info, unique_id: str) -> Node:
    return Role.of(await info.context.load(GetRole(unique_id=unique_id)))


async def _instance_profile(info: Info, unique_id: str) -> Node:
    return InstanceProfile.of(await info.context.load(GetInstanceProfile(unique_id=unique_id)))


async def _agent(info: Info, agent_id: str) -> Node:
    return Agent.of(await info.context.load(GetAgent(agent_id=agent_id)))


async def _policy(info: Info, unique_id: str) -> Node:
    return ManagedPolicy.of(await info.context.load(GetPolicy(unique_id=unique_id)))


async def _version(info: Info, unique_id: str, version_id: str) -> Node:
    query = GetPolicyVersion(unique_id=unique_id, version_id=version_id)
    return PolicyVersion.of(await info.context.load(query))


async def _inline(info: Info, kind: str, owner_id: str, name: str) -> Node:
    return InlinePolicy.of(await read_inline(info, IdentityKind(kind), owner_id, name))


async def _access_key(info: Info, owner_id: str, key_id: str) -> Node:
    return AccessKey.of(await read_key(info, owner_id, key_id))


async def _login_profile(info: Info, user_id: str) -> Node:
    return LoginProfile.of(await info.context.load(GetLoginProfile(unique_id=user_id)))


async def _totp_device(info: Info, device_id: str) -> Node:
    return TotpDevice.of(await info.context.load(GetVirtualMFADevice(unique_id=device_id)))


async def _oidc_provider(info: Info, provider_id: str) -> Node:
    return OidcProvider.of(await info.context.load(GetOpenIDConnectProvider(unique_id=provider_id)))


async def _saml_provider(info: Info, provider_id: str) -> Node:
    found = await info.context.load(GetSAMLProvider(unique_id=provider_id))
    return SamlProvider.of(found)


async def _passkey(info: Info, owner_id: str, passkey_id: str) -> Node:
    return Passkey.of(await read_passkey(info, owner_id, passkey_id))


async def _session(info: Info, session_id: str) -> Node:
    return Session.of(await info.context.load(GetSession(session_id=session_id)))


async def _event(info: Info, event_id: str) -> Node:
    return AuditEvent.of(await info.context.load(GetEvent(event_id=event_id)))


async def _account(info: Info, account_id: str) -> Node:
    return Account.of(await info.context.load(DescribeAccount(account_id=account_id)))


async def _guardrail(info: Info, guardrail_id: str) -> Node:
    return Guardrail.of(await info.context.load(DescribeGuardrail(guardrail_id=guardrail_id)))


async def _service(info: Info, account_id: str, prefix: str) -> Service:
    query, context = GetService(prefix=prefix), info.context
    if account_id != context.caller.account_id:
        raise context.kernel.refuse_elsewhere(context.caller, query, account_id)
    return Service.of(await context.load(query))


async def _root(info: Info, account_id: str) -> Node:
    account = await info.context.load(DescribeAccount(account_id=account_id))
    if account.id != info.context.caller.account_id:
        raise NoSuchEntity("The root of another account is not to be seen here.")
    return RootUser.of(account.id)


_FINDERS: dict[str, tuple[int, Callable[..., Awaitable[Node]]]] = {
    "User": (1, _user),
    "Group": (1, _group),
    "Role": (1, _role),
    "InstanceProfile": (1, _instance_profile),
    "Agent": (1, _agent),
    "ManagedPolicy": (1, _policy),
    "PolicyVersion": (2, _version),
    "InlinePolicy": (3, _inline),
    "AccessKey": (2, _access_key),
    "LoginProfile": (1, _login_profile),
    "TotpDevice": (1, _totp_device),
    "OidcProvider": (1, _oidc_provider),
    "SamlProvider": (1, _saml_provider),
    "Passkey": (2, _passkey),
    "Session": (1, _session),
    "AuditEvent": (1, _event),
    "Account": (1, _account),
    "RootUser": (1, _root),
    "Guardrail": (1, _guardrail),
    "Service": (2, _service),
}


async def node_by_id(info: Info, id: str) -> Node | None:
    """The node, None where it does not exist. Raises InvalidInput for an id that this service never made, and what the
    reading operation raises."""
    parsed = parse_node_id(id)
    if parsed is None or parsed[0] not in _FINDERS or _FINDERS[parsed[0]][0] != len(parsed[1]):
        raise InvalidInput("'id' is not an id that this service gave", field="id")
    kind, key = parsed
    if kind == "InlinePolicy" and key[0] not in {k.value for k in IdentityKind}:
        raise InvalidInput("'id' is not an id that this service gave", field="id")
    try:
        return await _FINDERS[kind][1](info, *key)
    except NoSuchEntity:
        return None


async def resource_by_arn(info: Info, arn: str) -> Resource | None:
    """What an ARN names, None where that does not exist. Raises InvalidInput for what no resource here can have."""
    parsed = parse_arn(arn)
    context = info.context
    if parsed is not None and parsed.service == "iam":
        if parsed.kind == "root":
            account = await context.find(DescribeAccount(account_id=parsed.account_id))
            return RootUser.of(account.id) if account and account.id == context.caller.account_id else None
        if parsed.kind == "user":
            user = await context.find(GetUser(arn=arn))
            return User.of(user) if isinstance(user, entities.User) else None
        if parsed.kind == "group":
            group = await context.find(GetGroup(arn=arn))
            return Group.of(group) if group else None
        if parsed.kind == "role":
            role = await context.find(GetRole(arn=arn))
            return Role.of(role) if role else None
        if parsed.kind == "instance-profile":
            profile = await context.find(GetInstanceProfile(arn=arn))
            return InstanceProfile.of(profile) if profile else None
        if parsed.kind == OIDC_PROVIDER:
            provider = await context.find(GetOpenIDConnectProvider(open_id_connect_provider_arn=arn))
            return OidcProvider.of(provider) if provider else None
        if parsed.kind == SAML_PROVIDER:
            found = await context.find(GetSAMLProvider(saml_provider_arn=arn))
            return SamlProvider.of(found) if found else None
        if parsed.kind == "policy":
            policy = await context.find(GetPolicy(policy_arn=arn))
            return ManagedPolicy.of(policy) if policy else None
    service = parse_service_arn(arn)
    if service is not None:
        try:
            return await _service(info, *service)
        except NoSuchEntity:
            return None
    raise InvalidInput(
        f"{arn[:200]!a} names no user, group, role, instance profile, policy, identity provider, service or account root",
        field="arn",
    )
