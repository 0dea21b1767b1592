"""What can be changed: AWS's action names, in camelCase."""

from __future__ import annotations

from typing import Any

import strawberry

from ...app import (
    accounts,
    agent_credentials,
    agents,
    assume_role_with_saml,
    attachments,
    federation_tokens,
    groups,
    guardrails,
    inline,
    instance_profiles,
    keys,
    login_profiles,
    mapping_rules,
    mfa_device_tags,
    mfa_devices,
    oidc_clients,
    oidc_providers,
    passkeys,
    password_policy,
    policies,
    roles,
    saml_providers,
    services,
    session_tokens,
    sts,
    temporary,
    users,
    versions,
    web_identity,
)
from ...app import sessions as session_ops
from ...app import sign_in as signing
from ...app.reports import credentials, last_accessed
from .adapt import Payload, mutation
from .context import Info
from .ids import node_id
from .nodes.account import Account, PasswordPolicy
from .nodes.agent import Agent
from .nodes.base import Principal
from .nodes.credentials import AccessKey, LoginProfile
from .nodes.group import Group
from .nodes.guardrail import Guardrail
from .nodes.instance_profile import InstanceProfile
from .nodes.mapping import MappingRules
from .nodes.mfa_device import Passkey, TotpDevice
from .nodes.oidc_provider import OidcClient, OidcProvider
from .nodes.policy import InlinePolicy, ManagedPolicy, PolicyVersion
from .nodes.role import Role
from .nodes.saml_provider import SamlProvider
from .nodes.service import Service
from .nodes.session import Session, sessions
from .nodes.targets import target_of
from .nodes.user import User
from .nodes.viewer import Viewer, principal_of
from .scalars import ARN, DateTime, Secret


@strawberry.type(description="Temporary credentials, as AWS's SDKs want them.")
class Credentials:
    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expiration: DateTime

    @classmethod
    def of(cls, credentials: temporary.Credentials) -> Credentials:
        return cls(
            access_key_id=credentials.access_key_id,
            secret_access_key=Secret(credentials.secret_access_key),
            session_token=Secret(credentials.session_token),
            expiration=DateTime(credentials.expiration),
        )


@strawberry.type(description="Somebody that this service does not know, whom a user or the root answers for.")
class FederatedUser:
    federated_user_id: str = strawberry.field(
        description="As policies see it in `aws:userid`: the account and the name."
    )
    arn: ARN

    @classmethod
    def of(cls, user: federation_tokens.FederatedUser) -> FederatedUser:
        return cls(federated_user_id=user.federated_user_id, arn=ARN(user.arn))


def _id(kind: str) -> Any:
    return Payload(strawberry.ID, lambda key: node_id(kind, key))


async def _signed_in(info: Info, done: signing.SignedIn) -> Any:
    """Go on as the new caller, so that the payload's viewer is read as who has just signed in."""
    context = info.context
    caller = await context.kernel.authenticate(done.access_token, context.caller.origin)
    context.become(caller, done)
    return _SignedIn(done.access_token, done.expires_at, Viewer.of(caller.who))


async def _signed_out(info: Info, done: bool) -> bool:
    """Signing out of a role that a browser has switched to signs it out altogether."""
    context = info.context
    context.signed_out = done
    own = await context.kernel.authenticate(context.own_session, context.caller.origin)
    if not own.is_anonymous:
        await context.kernel.run(own, signing.SignOut())
    return done


class _SignedIn:
    def __init__(self, access_token: str, expires_at: Any, viewer: Viewer) -> None:
        self.access_token, self.expires_at, self.viewer = access_token, expires_at, viewer


_SIGNED_IN: dict[str, Any] = {
    "access_token": Payload(Secret),
    "expires_at": Payload(DateTime),
    "viewer": Payload(Viewer),
}
_USER, _GROUP, _ROLE = Payload(User, User.of), Payload(Group, Group.of), Payload(Role, Role.of)
_POLICY = Payload(ManagedPolicy, ManagedPolicy.of)
_VERSION = Payload(PolicyVersion, PolicyVersion.of)
_PROFILE = Payload(LoginProfile, LoginProfile.of)
_ACCOUNT = Payload(Account, Account.of)
_PASSWORD_POLICY = Payload(PasswordPolicy, PasswordPolicy.of)
# AWS's answer has nothing: the caller is told no more than it asked with.
_USER_ONLY, _GROUP_ONLY, _ROLE_ONLY = Payload(User, target_of), Payload(Group, target_of), Payload(Role, target_of)
_POLICY_ONLY = Payload(ManagedPolicy, lambda policy: ManagedPolicy.named(policy.id, policy.arn, policy))
_INSTANCE_PROFILE = Payload(InstanceProfile, InstanceProfile.of)
_INSTANCE_PROFILE_ONLY = Payload(InstanceProfile, InstanceProfile.named)
_AGENT = Payload(Agent, Agent.of)
_MFA_DEVICE = Payload(TotpDevice, TotpDevice.of)
_OIDC_PROVIDER = Payload(OidcProvider, OidcProvider.of)
_OIDC_CLIENT = Payload(OidcClient, OidcClient.of)
_OIDC_PROVIDER_ONLY = Payload(OidcProvider, OidcProvider.named)
_SAML_PROVIDER_ONLY = Payload(SamlProvider, SamlProvider.named)
_INLINE = Payload(InlinePolicy, InlinePolicy.of)
_GUARDRAIL, _GUARDRAIL_ONLY = Payload(Guardrail, Guardrail.of), Payload(Guardrail, Guardrail.named)
_ACCOUNT_ONLY = Payload(Account, lambda account: Account.named(account.id))
_SESSION = Payload(Session, Session.of)
_SERVICE = Payload(Service, Service.of)
_DELETED_SERVICE = Payload(strawberry.ID, lambda service: node_id("Service", service.account_id, service.prefix))


@strawberry.type
class Mutation:
    sign_in = mutation(signing.SignIn, after=_signed_in, **_SIGNED_IN)
    sign_in_as_root = mutation(signing.SignInAsRoot, like=signing.SignIn, after=_signed_in, **_SIGNED_IN)
    sign_out = mutation(signing.SignOut, after=_signed_out, signed_out=Payload(bool))
    revoke_session = mutation(
        session_ops.RevokeSession, revoked=Payload(list[Session], lambda found: sessions(found, False))
    )
    assume_role = mutation(
        sts.AssumeRole,
        credentials=Payload(Credentials, Credentials.of),
        access_token=Payload(Secret, description="The same session as a bearer token, for callers that don't sign."),
        assumed_role_arn=Payload(ARN),
        packed_policy_size=Payload(int, description="How full the space for session policies is, in percent."),
        session=_SESSION,
    )

    assume_role_with_web_identity = mutation(
        web_identity.AssumeRoleWithWebIdentity,
        credentials=Payload(Credentials, Credentials.of),
        access_token=Payload(Secret, description="The same session as a bearer token, for callers that don't sign."),
        assumed_role_arn=Payload(ARN),
        packed_policy_size=Payload(int, description="How full the space for session policies is, in percent."),
        session=_SESSION,
        subject_from_web_identity_token=Payload(str, description="The token's `sub`."),
        audience=Payload(str, description="The token's `azp`, or without one its `aud`."),
        provider=Payload(str, description="The token's `iss`."),
        source_identity=Payload(str | None),
    )

    assume_role_with_saml = mutation(
        assume_role_with_saml.AssumeRoleWithSAML,
        credentials=Payload(Credentials, Credentials.of),
        access_token=Payload(Secret, description="The same session as a bearer token, for callers that don't sign."),
        assumed_role_arn=Payload(ARN),
        packed_policy_size=Payload(int, description="How full the space for session policies is, in percent."),
        session=_SESSION,
        subject=Payload(str, description="The assertion's `NameID`."),
        subject_type=Payload(str, description="Its format: `persistent`, `transient`, or another in full."),
        issuer=Payload(str),
        audience=Payload(str, description="The assertion's `Recipient`."),
        name_qualifier=Payload(
            str, description="With the subject, who that is: a hash of issuer, account and provider."
        ),
        source_identity=Payload(str | None),
    )

    get_session_token = mutation(
        session_tokens.GetSessionToken,
        credentials=Payload(Credentials, Credentials.of),
        access_token=Payload(Secret, description="The same session as a bearer token, for callers that don't sign."),
        session=_SESSION,
    )

    get_federation_token = mutation(
        federation_tokens.GetFederationToken,
        credentials=Payload(Credentials, Credentials.of),
        access_token=Payload(Secret, description="The same session as a bearer token, for callers that don't sign."),
        federated_user=Payload(FederatedUser, FederatedUser.of),
        packed_policy_size=Payload(int, description="How full the space for session policies is, in percent."),
        session=_SESSION,
    )

    create_account = mutation(accounts.CreateAccount, account=_ACCOUNT)
    close_account = mutation(accounts.CloseAccount, account=_ACCOUNT)
    create_guardrail = mutation(guardrails.CreateGuardrail, guardrail=_GUARDRAIL)
    update_guardrail = mutation(guardrails.UpdateGuardrail, guardrail=_GUARDRAIL)
    delete_guardrail = mutation(guardrails.DeleteGuardrail, deleted_guardrail_id=_id("Guardrail"))
    attach_guardrail = mutation(guardrails.AttachGuardrail, guardrail=_GUARDRAIL_ONLY, account=_ACCOUNT_ONLY)
    detach_guardrail = mutation(guardrails.DetachGuardrail, guardrail=_GUARDRAIL_ONLY, account=_ACCOUNT_ONLY)
    create_account_alias = mutation(
        accounts.CreateAccountAlias,
        account=_ACCOUNT,
        replaced_alias=Payload(str | None, description="The alias that this one replaced."),
    )
    delete_account_alias = mutation(accounts.DeleteAccountAlias, account=_ACCOUNT)
    update_account_password_policy = mutation(
        password_policy.UpdateAccountPasswordPolicy, password_policy=_PASSWORD_POLICY
    )
    delete_account_password_policy = mutation(
        password_policy.DeleteAccountPasswordPolicy, password_policy=_PASSWORD_POLICY
    )

    generate_credential_report = mutation(
        credentials.GenerateCredentialReport,
        state=Payload(credentials.CredentialReportState),
        description=Payload(str | None),
    )

    generate_service_last_accessed_details = mutation(
        last_accessed.GenerateServiceLastAccessedDetails, job_id=Payload(str)
    )

    create_user = mutation(users.CreateUser, user=_USER)
    update_user = mutation(users.UpdateUser, user=_USER_ONLY)
    delete_user = mutation(users.DeleteUser, deleted_user_id=_id("User"))
    tag_user = mutation(users.TagUser, user=_USER_ONLY)
    untag_user = mutation(users.UntagUser, user=_USER_ONLY)
    put_user_permissions_boundary = mutation(users.PutUserPermissionsBoundary, user=_USER_ONLY)
    delete_user_permissions_boundary = mutation(users.DeleteUserPermissionsBoundary, user=_USER_ONLY)
    create_login_profile = mutation(login_profiles.CreateLoginProfile, login_profile=_PROFILE)
    update_login_profile = mutation(
        login_profiles.UpdateLoginProfile, login_profile=Payload(LoginProfile, LoginProfile.named)
    )
    delete_login_profile = mutation(login_profiles.DeleteLoginProfile, user=_USER_ONLY)
    change_password = mutation(login_profiles.ChangePassword, principal=Payload(Principal, principal_of))
    create_access_key = mutation(
        keys.CreateAccessKey, access_key=Payload(AccessKey, AccessKey.of), secret_access_key=Payload(Secret)
    )
    update_access_key = mutation(keys.UpdateAccessKey, access_key=Payload(AccessKey, AccessKey.named))
    delete_access_key = mutation(keys.DeleteAccessKey, deleted_access_key_id=Payload(str))

    create_virtual_mfa_device = mutation(
        mfa_devices.CreateVirtualMFADevice,
        device=_MFA_DEVICE,
        base32_string_seed=Payload(Secret, description="The seed, to be typed into an authenticator app."),
        otpauth_uri=Payload(Secret, description="What the QR code holds: the seed, and what the app calls it."),
        qr_code_svg=Payload(Secret, description="The QR code, to be scanned, as an SVG element."),
    )
    enable_mfa_device = mutation(mfa_devices.EnableMFADevice, device=_MFA_DEVICE)
    resync_mfa_device = mutation(mfa_devices.ResyncMFADevice, device=_MFA_DEVICE)
    deactivate_mfa_device = mutation(
        mfa_devices.DeactivateMFADevice,
        device=Payload(
            TotpDevice | None,
            lambda device: TotpDevice.of(device) if device is not None else None,
            description="Null where it was a passkey, which is gone.",
        ),
    )
    begin_passkey_registration = mutation(
        passkeys.BeginPasskeyRegistration,
        creation_options=Payload(
            str,
            description="What a browser's `navigator.credentials.create` takes, as JSON text. It is good for one answer "
            "within five minutes.",
        ),
    )
    enable_passkey = mutation(passkeys.EnablePasskey, passkey=Payload(Passkey, Passkey.of))
    delete_virtual_mfa_device = mutation(mfa_devices.DeleteVirtualMFADevice, deleted_mfa_device_id=_id("TotpDevice"))
    tag_mfa_device = mutation(mfa_device_tags.TagMFADevice, device=_MFA_DEVICE)
    untag_mfa_device = mutation(mfa_device_tags.UntagMFADevice, device=_MFA_DEVICE)

    create_group = mutation(groups.CreateGroup, group=_GROUP)
    update_group = mutation(groups.UpdateGroup, group=_GROUP_ONLY)
    delete_group = mutation(groups.DeleteGroup, deleted_group_id=_id("Group"))
    add_user_to_group = mutation(groups.AddUserToGroup, group=_GROUP_ONLY, user=_USER_ONLY)
    remove_user_from_group = mutation(groups.RemoveUserFromGroup, group=_GROUP_ONLY, user=_USER_ONLY)

    create_role = mutation(roles.CreateRole, role=_ROLE)
    update_role = mutation(roles.UpdateRole, role=_ROLE_ONLY)
    update_role_description = mutation(roles.UpdateRoleDescription, role=_ROLE)
    update_assume_role_policy = mutation(roles.UpdateAssumeRolePolicy, role=_ROLE_ONLY)
    delete_role = mutation(roles.DeleteRole, deleted_role_id=_id("Role"))
    tag_role = mutation(roles.TagRole, role=_ROLE_ONLY)
    untag_role = mutation(roles.UntagRole, role=_ROLE_ONLY)
    put_role_permissions_boundary = mutation(roles.PutRolePermissionsBoundary, role=_ROLE_ONLY)
    delete_role_permissions_boundary = mutation(roles.DeleteRolePermissionsBoundary, role=_ROLE_ONLY)

    create_instance_profile = mutation(instance_profiles.CreateInstanceProfile, instance_profile=_INSTANCE_PROFILE)
    delete_instance_profile = mutation(
        instance_profiles.DeleteInstanceProfile, deleted_instance_profile_id=_id("InstanceProfile")
    )
    add_role_to_instance_profile = mutation(
        instance_profiles.AddRoleToInstanceProfile, instance_profile=_INSTANCE_PROFILE_ONLY, role=_ROLE_ONLY
    )
    remove_role_from_instance_profile = mutation(
        instance_profiles.RemoveRoleFromInstanceProfile, instance_profile=_INSTANCE_PROFILE_ONLY, role=_ROLE_ONLY
    )
    tag_instance_profile = mutation(instance_profiles.TagInstanceProfile, instance_profile=_INSTANCE_PROFILE_ONLY)
    untag_instance_profile = mutation(instance_profiles.UntagInstanceProfile, instance_profile=_INSTANCE_PROFILE_ONLY)

    create_agent_enrolment = mutation(
        agents.CreateAgentEnrolment,
        agent=_AGENT,
        enrolment_token=Payload(Secret, description="To be given to the agent, which shows it once."),
        expires_at=Payload(DateTime, description="Until when the token is good."),
    )
    enrol_agent = mutation(
        agents.EnrolAgent, agent_id=Payload(str), agent_arn=Payload(ARN), instance_profile_arn=Payload(ARN)
    )
    issue_agent_credentials = mutation(
        agent_credentials.IssueAgentCredentials,
        credentials=Payload(Credentials, Credentials.of),
        role_arn=Payload(ARN),
        instance_profile_arn=Payload(ARN),
        instance_profile_id=Payload(str, description="The instance profile's unique id, `AIPA…`."),
    )
    revoke_agent = mutation(
        agents.RevokeAgent,
        revoked_agent_id=_id("Agent"),
        ended_sessions=Payload(int, description="How many live sessions ended, those chained from its own too."),
    )

    create_open_id_connect_provider = mutation(oidc_providers.CreateOpenIDConnectProvider, oidc_provider=_OIDC_PROVIDER)
    add_client_id_to_open_id_connect_provider = mutation(
        oidc_providers.AddClientIDToOpenIDConnectProvider, oidc_provider=_OIDC_PROVIDER_ONLY
    )
    remove_client_id_from_open_id_connect_provider = mutation(
        oidc_providers.RemoveClientIDFromOpenIDConnectProvider, oidc_provider=_OIDC_PROVIDER_ONLY
    )
    update_open_id_connect_provider_thumbprint = mutation(
        oidc_providers.UpdateOpenIDConnectProviderThumbprint, oidc_provider=_OIDC_PROVIDER_ONLY
    )
    delete_open_id_connect_provider = mutation(
        oidc_providers.DeleteOpenIDConnectProvider, deleted_oidc_provider_id=_id("OidcProvider")
    )
    put_open_id_connect_client = mutation(oidc_clients.PutOpenIDConnectClient, oidc_client=_OIDC_CLIENT)
    delete_open_id_connect_client = mutation(
        oidc_clients.DeleteOpenIDConnectClient, oidc_provider_id=_id("OidcProvider")
    )
    tag_open_id_connect_provider = mutation(oidc_providers.TagOpenIDConnectProvider, oidc_provider=_OIDC_PROVIDER_ONLY)
    untag_open_id_connect_provider = mutation(
        oidc_providers.UntagOpenIDConnectProvider, oidc_provider=_OIDC_PROVIDER_ONLY
    )

    create_saml_provider = mutation(saml_providers.CreateSAMLProvider, saml_provider=_SAML_PROVIDER_ONLY)
    update_saml_provider = mutation(saml_providers.UpdateSAMLProvider, saml_provider=_SAML_PROVIDER_ONLY)
    delete_saml_provider = mutation(saml_providers.DeleteSAMLProvider, deleted_saml_provider_id=_id("SamlProvider"))
    tag_saml_provider = mutation(saml_providers.TagSAMLProvider, saml_provider=_SAML_PROVIDER_ONLY)
    untag_saml_provider = mutation(saml_providers.UntagSAMLProvider, saml_provider=_SAML_PROVIDER_ONLY)
    put_mapping_rules = mutation(mapping_rules.PutMappingRules, mapping_rules=Payload(MappingRules, MappingRules.put))
    delete_mapping_rules = mutation(
        mapping_rules.DeleteMappingRules, provider_arn=Payload(ARN, lambda done: done.provider.arn)
    )

    create_policy = mutation(policies.CreatePolicy, policy=_POLICY)
    delete_policy = mutation(policies.DeletePolicy, deleted_policy_id=_id("ManagedPolicy"))
    tag_policy = mutation(policies.TagPolicy, policy=_POLICY_ONLY)
    untag_policy = mutation(policies.UntagPolicy, policy=_POLICY_ONLY)
    create_policy_version = mutation(versions.CreatePolicyVersion, policy_version=_VERSION)
    set_default_policy_version = mutation(versions.SetDefaultPolicyVersion, policy=_POLICY_ONLY)
    delete_policy_version = mutation(versions.DeletePolicyVersion, policy=_POLICY_ONLY)

    attach_user_policy = mutation(attachments.AttachUserPolicy, user=_USER_ONLY, policy=_POLICY_ONLY)
    attach_group_policy = mutation(attachments.AttachGroupPolicy, group=_GROUP_ONLY, policy=_POLICY_ONLY)
    attach_role_policy = mutation(attachments.AttachRolePolicy, role=_ROLE_ONLY, policy=_POLICY_ONLY)
    detach_user_policy = mutation(attachments.DetachUserPolicy, user=_USER_ONLY, policy=_POLICY_ONLY)
    detach_group_policy = mutation(attachments.DetachGroupPolicy, group=_GROUP_ONLY, policy=_POLICY_ONLY)
    detach_role_policy = mutation(attachments.DetachRolePolicy, role=_ROLE_ONLY, policy=_POLICY_ONLY)

    put_user_policy = mutation(inline.PutUserPolicy, user=_USER_ONLY, policy=_INLINE)
    put_group_policy = mutation(inline.PutGroupPolicy, group=_GROUP_ONLY, policy=_INLINE)
    put_role_policy = mutation(inline.PutRolePolicy, role=_ROLE_ONLY, policy=_INLINE)
    delete_user_policy = mutation(inline.DeleteUserPolicy, user=_USER_ONLY)
    delete_group_policy = mutation(inline.DeleteGroupPolicy, group=_GROUP_ONLY)
    delete_role_policy = mutation(inline.DeleteRolePolicy, role=_ROLE_ONLY)

    put_service = mutation(services.PutService, service=_SERVICE)
    delete_service = mutation(services.DeleteService, deleted_service_id=_DELETED_SERVICE)
