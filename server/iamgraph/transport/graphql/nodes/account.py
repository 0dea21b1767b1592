"""`Account` and its `RootUser`: a tenant, and the one who is allowed everything in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

from ....app.accounts import DescribeAccount, GetPrimaryEmail, ListAccountAliases
from ....app.groups import GetGroup, ListGroups
from ....app.guardrails import ListGuardrailsForAccount
from ....app.history.audit import LookupEvents
from ....app.instance_profiles import GetInstanceProfile, ListInstanceProfiles
from ....app.keys import KeyOwner
from ....app.mfa_devices import ListMFADevices, ListVirtualMFADevices
from ....app.oidc_providers import ListOpenIDConnectProviders
from ....app.password_policy import GetAccountPasswordPolicy
from ....app.policies import GetPolicy, ListPolicies, PolicyScope
from ....app.reports.credentials import GetCredentialReport
from ....app.reports.last_accessed import GetServiceLastAccessedDetails, ListPoliciesGrantingServiceAccess
from ....app.reports.summary import GetAccountSummary
from ....app.roles import GetRole, ListRoles
from ....app.saml_providers import ListSAMLProviders
from ....app.services import GetService, ListServices
from ....app.users import GetUser, ListUsers
from ....domain import entities
from ....domain.arn import root_arn
from ....domain.entities import AssignmentStatus, EventOutcome, PolicyUsage
from ..context import Info
from ..ids import node_id
from ..scalars import ARN, AccountId, Action, DateTime
from . import identity
from .base import ContextEntry, DecisionType, Principal, Ref, Resource
from .connections import Connection, connect, window
from .group import Group
from .guardrail import Guardrail
from .instance_profile import InstanceProfile
from .last_accessed import PoliciesGrantingServiceAccess, ServiceLastAccessedDetails
from .mfa_device import MfaDevice, TotpDevice, mfa_device
from .oidc_provider import OidcProvider
from .policy import ManagedPolicy, ManagedPolicyConnection
from .role import Role
from .saml_provider import SamlProvider
from .service import Service
from .user import User

if TYPE_CHECKING:
    from .event import AuditEvent
    from .session import Session

EventType = Annotated["AuditEvent", strawberry.lazy(".event")]
SessionType = Annotated["Session", strawberry.lazy(".session")]

strawberry.enum(
    PolicyScope, name="PolicyScope", description="The account's own policies, those of the service itself, or both."
)
strawberry.enum(PolicyUsage, name="PolicyUsage", description="What a policy is used for in the account.")


@strawberry.type(description="A limit, by AWS's name for what it is on.")
class Quota:
    name: str
    limit: int
    used: int | None = strawberry.field(
        description="Null where the limit holds for each user, policy and so on by itself."
    )


@strawberry.type(description="What an account asks of passwords.")
class PasswordPolicy:
    minimum_length: int
    require_symbols: bool
    require_numbers: bool
    require_uppercase: bool
    require_lowercase: bool
    allow_users_to_change: bool = strawberry.field(
        description="Whether users may change their own password without a policy that allows it."
    )
    max_age_days: int | None = strawberry.field(description="After how many days one must be changed. Null: never.")
    reuse_prevention: int | None = strawberry.field(
        description="How many of a user's last passwords, the one in use included, can't be taken again. Null: none."
    )
    hard_expiry: bool = strawberry.field(
        description="Whether users can't change a password any more at sign-in once it is too old."
    )
    is_default: bool = strawberry.field(
        description="Whether the account has none of its own. The default also asks for three kinds of character."
    )

    @classmethod
    def of(cls, policy: entities.PasswordPolicy) -> PasswordPolicy:
        return cls(
            minimum_length=policy.minimum_length,
            require_symbols=policy.require_symbols,
            require_numbers=policy.require_numbers,
            require_uppercase=policy.require_uppercase,
            require_lowercase=policy.require_lowercase,
            allow_users_to_change=policy.allow_users_to_change,
            max_age_days=policy.max_age_days,
            reuse_prevention=policy.reuse_prevention,
            hard_expiry=policy.hard_expiry,
            is_default=policy.is_default,
        )


@strawberry.type(description="For the root and each user, which credentials there are, how old, and when last used.")
class CredentialReport:
    content: str = strawberry.field(description="As CSV, with AWS's columns.")
    generated_at: DateTime


@strawberry.input(description="All of what is given must hold. `from` is inclusive, `until` is not.")
class AuditFilter:
    names: list[str] | None = UNSET
    principal: ARN | None = UNSET
    access_key_id: str | None = UNSET
    resource: ARN | None = UNSET
    outcome: EventOutcome | None = UNSET
    from_: DateTime | None = strawberry.field(name="from", default=UNSET)
    until: DateTime | None = UNSET


@strawberry.type(description="A tenant of the service.")
class Account(Resource):
    unique_id: strawberry.Private[str]
    known: strawberry.Private[entities.Account | None] = None

    @classmethod
    def of(cls, account: entities.Account) -> Account:
        return cls(unique_id=account.id, known=account)

    @classmethod
    def named(cls, account_id: str) -> Account:
        return cls(unique_id=account_id)

    async def _own(self, info: Info, query: Any) -> Any:
        """The answer of an operation on this account, which must be the caller's: nobody acts in another's."""
        if self.unique_id != info.context.caller.account_id:
            raise info.context.kernel.refuse_elsewhere(info.context.caller, query, self.unique_id)
        return await info.context.load(query)

    async def _entity(self, info: Info, query: Any) -> Any:
        if self.unique_id != info.context.caller.account_id:
            raise info.context.kernel.refuse_elsewhere(info.context.caller, query, self.unique_id)
        return await info.context.find(query)

    async def _described(self, info: Info) -> entities.Account:
        if self.known is None:
            self.known = await info.context.load(DescribeAccount(account_id=self.unique_id))
        return self.known

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(node_id("Account", self.unique_id))

    @strawberry.field(description="How policies name the account: the ARN of its root.")
    def arn(self) -> ARN:
        return ARN(root_arn(self.unique_id))

    @strawberry.field
    def account(self) -> Account:
        return self

    @strawberry.field
    def account_id(self) -> AccountId:
        return AccountId(self.unique_id)

    @strawberry.field
    async def created_at(self, info: Info) -> DateTime | None:
        return DateTime((await self._described(info)).created_at)

    @strawberry.field(description="At most one. A new alias replaces the old one, whose sign-in URL stops working.")
    async def alias(self, info: Info) -> str | None:
        alias: str | None = await self._own(info, ListAccountAliases())
        return alias

    @strawberry.field(description="Where the account's users sign in.")
    async def sign_in_url(self, info: Info) -> str | None:
        alias = await self._own(info, ListAccountAliases())
        return info.context.kernel.tools.sign_in_url(alias or self.unique_id)

    @strawberry.field
    def root(self, info: Info) -> RootUser | None:
        return RootUser.of(self.unique_id) if self.unique_id == info.context.caller.account_id else None

    @strawberry.field
    async def user(self, info: Info, name: str) -> User | None:
        found = await self._entity(info, GetUser(user_name=name))
        return User.of(found) if found else None

    @strawberry.field
    async def group(self, info: Info, name: str) -> Group | None:
        found = await self._entity(info, GetGroup(group_name=name))
        return Group.of(found) if found else None

    @strawberry.field
    async def role(self, info: Info, name: str) -> Role | None:
        found = await self._entity(info, GetRole(role_name=name))
        return Role.of(found) if found else None

    @strawberry.field
    async def policy(self, info: Info, arn: ARN) -> ManagedPolicy | None:
        found = await self._entity(info, GetPolicy(policy_arn=arn))
        return ManagedPolicy.of(found) if found else None

    @strawberry.field
    async def service(self, info: Info, prefix: str) -> Service | None:
        found = await self._entity(info, GetService(prefix=prefix))
        return Service.of(found) if found else None

    @strawberry.field
    async def users(
        self, info: Info, first: int, after: str | None = UNSET, path_prefix: str = "/"
    ) -> Connection[User] | None:
        query = ListUsers(path_prefix=path_prefix, max_items=first, marker=after or None)
        return connect(await self._own(info, query), User.listed)

    @strawberry.field
    async def groups(
        self, info: Info, first: int, after: str | None = UNSET, path_prefix: str = "/"
    ) -> Connection[Group] | None:
        query = ListGroups(path_prefix=path_prefix, max_items=first, marker=after or None)
        return connect(await self._own(info, query), Group.listed)

    @strawberry.field
    async def roles(
        self, info: Info, first: int, after: str | None = UNSET, path_prefix: str = "/"
    ) -> Connection[Role] | None:
        query = ListRoles(path_prefix=path_prefix, max_items=first, marker=after or None)
        return connect(await self._own(info, query), Role.listed)

    @strawberry.field
    async def policies(
        self,
        info: Info,
        first: int,
        after: str | None = UNSET,
        path_prefix: str = "/",
        scope: PolicyScope = PolicyScope.LOCAL,
        only_attached: bool = False,
        policy_usage_filter: PolicyUsage | None = UNSET,
    ) -> ManagedPolicyConnection | None:
        query = ListPolicies(
            path_prefix=path_prefix,
            scope=scope,
            only_attached=only_attached,
            policy_usage_filter=policy_usage_filter or None,
            max_items=first,
            marker=after or None,
        )
        return ManagedPolicyConnection(page=await self._own(info, query), make=ManagedPolicy.listed)

    @strawberry.field(description="The account's own services, by prefix.")
    async def services(self, info: Info, first: int, after: str | None = UNSET) -> Connection[Service] | None:
        query = ListServices(max_items=first, marker=after or None)
        return connect(await self._own(info, query), Service.listed)

    @strawberry.field
    async def instance_profile(self, info: Info, name: str) -> InstanceProfile | None:
        found = await self._entity(info, GetInstanceProfile(instance_profile_name=name))
        return InstanceProfile.of(found) if found else None

    @strawberry.field
    async def instance_profiles(
        self, info: Info, first: int, after: str | None = UNSET, path_prefix: str = "/"
    ) -> Connection[InstanceProfile] | None:
        query = ListInstanceProfiles(path_prefix=path_prefix, max_items=first, marker=after or None)
        return connect(await self._own(info, query), InstanceProfile.listed)

    @strawberry.field(description="The virtual MFA devices of the account, by path and name.")
    async def virtual_mfa_devices(
        self,
        info: Info,
        first: int,
        after: str | None = UNSET,
        assignment_status: AssignmentStatus = AssignmentStatus.ANY,
    ) -> Connection[TotpDevice] | None:
        query = ListVirtualMFADevices(assignment_status=assignment_status, max_items=first, marker=after or None)
        return connect(await self._own(info, query), TotpDevice.of)

    @strawberry.field(
        description="Who may say who somebody is, by ARN. More than its ARN takes `GetOpenIDConnectProvider`."
    )
    async def oidc_providers(self, info: Info) -> list[OidcProvider] | None:
        return [OidcProvider.named(provider) for provider in await self._own(info, ListOpenIDConnectProviders())]

    @strawberry.field(description="The same of SAML 2.0, by ARN. More than AWS's list has takes `GetSAMLProvider`.")
    async def saml_providers(self, info: Info) -> list[SamlProvider] | None:
        return [SamlProvider.listed(provider) for provider in await self._own(info, ListSAMLProviders())]

    @strawberry.field(
        description="The history, newest first. Exactly one of `first`, which may have an `after`, and `last`, which may "
        "have a `before`."
    )
    async def audit_events(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        filter: AuditFilter | None = UNSET,
    ) -> Connection[EventType] | None:
        from .event import AuditEvent

        query = LookupEvents(**window(first, after, last, before), **_filtered(filter))
        return connect(await self._own(info, query), AuditEvent.of)

    @strawberry.field(
        description="The guardrails on the account, by name: none on the operator's own. Of another account, for the "
        "operator only."
    )
    async def guardrails(self, info: Info) -> list[Guardrail] | None:
        found = await info.context.load(ListGuardrailsForAccount(account_id=self.unique_id), self.known)
        return [Guardrail.named(guardrail) for guardrail in found]

    @strawberry.field(description="What the account may have, and what it has.")
    async def quotas(self, info: Info) -> list[Quota] | None:
        found = await self._own(info, GetAccountSummary())
        return [Quota(name=one.name, limit=one.limit, used=one.used) for one in found.quotas]

    @strawberry.field
    async def password_policy(self, info: Info) -> PasswordPolicy | None:
        return PasswordPolicy.of(await self._own(info, GetAccountPasswordPolicy()))

    @strawberry.field(
        description="The one that `generateCredentialReport` had made. Until then, and after four hours, an error says so."
    )
    async def credential_report(self, info: Info) -> CredentialReport | None:
        report = await self._own(info, GetCredentialReport())
        return CredentialReport(content=report.content, generated_at=DateTime(report.generated_at))

    @strawberry.field(
        description="The report that `generateServiceLastAccessedDetails` of the same principal asked for."
    )
    async def service_last_accessed_details(self, info: Info, job_id: str) -> ServiceLastAccessedDetails | None:
        query = GetServiceLastAccessedDetails(job_id=job_id, max_items=1)
        return ServiceLastAccessedDetails.of(await self._own(info, query))

    @strawberry.field(
        description="Which permissions policies of a user (its groups' too), group or role allow anything of the services."
    )
    async def policies_granting_service_access(
        self, info: Info, arn: ARN, service_namespaces: list[str]
    ) -> list[PoliciesGrantingServiceAccess] | None:
        query = ListPoliciesGrantingServiceAccess(arn=arn, service_namespaces=tuple(service_namespaces))
        return [PoliciesGrantingServiceAccess.of(found) for found in await self._own(info, query)]


def _filtered(filter: AuditFilter | None) -> dict[str, Any]:
    """The filter as LookupEvents takes it."""
    if not filter:
        return {}
    given = {
        "names": tuple(filter.names) if isinstance(filter.names, list) else None,
        "principal": filter.principal,
        "access_key_id": filter.access_key_id,
        "resource": filter.resource,
        "outcome": filter.outcome,
        "since": filter.from_,
        "until": filter.until,
    }
    return {name: value for name, value in given.items() if value is not UNSET}


@strawberry.type(
    description="The account's root: allowed everything that no guardrail forbids, and unable to assume roles."
)
class RootUser(Principal):
    ref: strawberry.Private[Ref[entities.Account]]

    @classmethod
    def of(cls, account_id: str) -> RootUser:
        return cls(ref=Ref("RootUser", account_id, root_arn(account_id)))

    @strawberry.field
    def id(self) -> strawberry.ID:
        return self.ref.id

    @strawberry.field
    def arn(self) -> ARN:
        return ARN(self.ref.arn)

    @strawberry.field
    def account(self) -> Account:
        return Account.named(self.ref.unique_id)

    @strawberry.field
    def created_at(self, info: Info) -> DateTime | None:
        return DateTime(info.context.caller.who.account.created_at)

    @strawberry.field
    async def email(self, info: Info) -> str | None:
        email: str = await info.context.load(GetPrimaryEmail())
        return email

    @strawberry.field(description="At most eight.")
    async def mfa_devices(self, info: Info) -> list[MfaDevice] | None:
        owner = KeyOwner(id=self.ref.unique_id, user=None)
        found = await info.context.load(ListMFADevices(unique_id=self.ref.unique_id), owner)
        return [mfa_device(device) for device in found.items]

    @strawberry.field(description="The live ones, newest first.")
    async def sessions(self, info: Info, first: int, after: str | None = UNSET) -> Connection[SessionType] | None:
        return await identity.sessions_of(info, self.ref, first, after or None)

    @strawberry.field(description="Whether policy allows this principal to act, evaluated now.")
    async def can(
        self,
        info: Info,
        action: Action,
        resource: ARN,
        context: list[ContextEntry] = (),  # type: ignore[assignment]
    ) -> DecisionType | None:
        return await identity.can(info, self.ref.arn, None, action, resource, context)
