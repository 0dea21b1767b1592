"""Every operation, as a request that reaches it: what it takes to be allowed, and what would be the wrong thing to have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from iamgraph.app.challenges import new_challenge, registration_by
from iamgraph.transport.graphql.ids import node_id, parse_node_id

from ..authenticator import Authenticator, b64
from ..phone import device, enrolled
from ..saml_idp import metadata, pair
from ..service import ACCOUNT, Service, allow

OTHER = "444455556666"
DOCUMENT = allow("deploy:*")
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
)
NOTHING = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "deploy:*", "Resource": "*"}})
KEYED = allow("deploy:*", resource="arn:aws:deploy:::${aws:username}")
ORGANIZATION = f"arn:aws:organizations::{ACCOUNT}:*"
GUARDRAILS = f"arn:aws:organizations::{ACCOUNT}:policy/service_control_policy/*"
SERVICES = f"arn:aws:iamgraph::{ACCOUNT}:service/"
PASSWORD = "another-Passw0rd!"
RULES = json.dumps([{"name": "everybody", "roles": [f"arn:aws:iam::{ACCOUNT}:role/eng/deployer"]}])
METADATA = metadata("https://idp.example.com", pair("idp"))


def arn(rest: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{rest}"


POL, FREE = arn("policy/team/pol"), arn("policy/free")


@dataclass(frozen=True, kw_only=True)
class Door:
    """`on` is the ARN that the right policy names; `reach` what else it takes to get there, which all callers have."""

    operation: str
    action: str
    on: str = "*"
    mutation: str | None = None
    input: Mapping[str, Any] | None = None
    query: str | None = None
    reach: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    """Further actions, on anything, that the operation asks for."""
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters of AWS's action, where the operation is on AWS's wire."""
        return AWS_PARAMETERS.get(self.operation) or _pascal(self.input or {})

    @property
    def right(self) -> str:
        return _policy(self.reach, [self.action], self.on, self.extra)

    @property
    def wrong(self) -> str:
        """The right action on another resource; where the operation has no resource, another action."""
        if self.on == "*":
            return _policy(self.reach, ["deploy:Release"], "*", self.extra)
        return _policy(self.reach, [self.action], self.on + "-other", self.extra)

    @property
    def nothing(self) -> str | None:
        return allow(*self.reach) if self.reach else None


_AWS_NAMES = {
    "openIdConnectProviderArn": "OpenIDConnectProviderArn",
    "clientId": "ClientID",
    "samlProviderArn": "SAMLProviderArn",
    "samlMetadataDocument": "SAMLMetadataDocument",
}


def _pascal(input: Any) -> Any:
    """A mutation's input in AWS's words."""
    if isinstance(input, Mapping):
        return {_AWS_NAMES.get(key) or key[0].upper() + key[1:]: _pascal(value) for key, value in input.items()}
    if isinstance(input, list):
        return [_pascal(value) for value in input]
    return {"ACTIVE": "Active", "INACTIVE": "Inactive"}.get(input, input) if isinstance(input, str) else input


def _policy(reach: tuple[str, ...], actions: list[str], on: str, extra: tuple[str, ...]) -> str:
    statements = [{"Effect": "Allow", "Action": actions, "Resource": on}]
    if reach or extra:
        statements.append({"Effect": "Allow", "Action": [*reach, *extra], "Resource": "*"})
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def change(
    mutation: str,
    input: Mapping[str, Any] | None,
    on: str = "*",
    *,
    action: str | None = None,
    extra: tuple[str, ...] = (),
) -> Door:
    name = mutation[0].upper() + mutation[1:]
    return Door(operation=name, action=action or f"iam:{name}", on=on, mutation=mutation, input=input, extra=extra)


def read(operation: str, inner: str, on: str = "*", *, action: str | None = None, reach: tuple[str, ...] = ()) -> Door:
    return Door(
        operation=operation,
        action=action or f"iam:{operation}",
        on=on,
        reach=reach,
        query=f'query {{ account(by: {{ id: "{ACCOUNT}" }}) {{ {inner} }} }}',
    )


def root_field(operation: str, query: str, on: str = "*", *, action: str) -> Door:
    return Door(operation=operation, action=action, on=on, query=f"query {{ {query} }}")


async def world(service: Service) -> dict[str, str]:
    """What the doors open onto. Gives what can only be known once it is made."""
    root = await service.root()
    bob = await service.user("bob", DOCUMENT, path="/eng/")
    await service.good("createGroup", {"groupName": "devs", "path": "/eng/"})
    await service.good("createGroup", {"groupName": "empty"})
    await service.good("addUserToGroup", {"groupName": "devs", "userName": "bob"})
    for name, path in (("pol", "/team/"), ("free", "/")):
        await service.good("createPolicy", {"policyName": name, "path": path, "policyDocument": DOCUMENT})
    await service.good("createPolicyVersion", {"policyArn": POL, "policyDocument": DOCUMENT})
    for kind, name in (("User", "bob"), ("Group", "devs"), ("Role", "deployer")):
        if kind == "Role":
            role = {"roleName": name, "path": "/eng/", "assumeRolePolicyDocument": TRUST}
            await service.good("createRole", role)
        key = f"{kind.lower()}Name"
        await service.good(f"attach{kind}Policy", {key: name, "policyArn": POL})
        own = {key: name, "policyName": "own", "policyDocument": DOCUMENT}
        await service.good(f"put{kind}Policy", own)
        if kind != "Group":
            await service.good(f"put{kind}PermissionsBoundary", {key: name, "permissionsBoundary": POL})
    await service.good("createRole", {"roleName": "idle", "assumeRolePolicyDocument": TRUST})
    for name in ("web", "empty"):
        await service.good("createInstanceProfile", {"instanceProfileName": name, "path": "/eng/"})
    await service.good("addRoleToInstanceProfile", {"instanceProfileName": "web", "roleName": "deployer"})
    await service.good("createOpenIDConnectProvider", {"url": "https://idp.example.com/team", "clientIdList": ["app"]})
    await service.good("createSAMLProvider", {"name": "corp", "samlMetadataDocument": METADATA})
    await service.good("putMappingRules", {"providerArn": PROVIDER, "rules": RULES})
    agent = await service.good("createAgentEnrolment", {"instanceProfileName": "web"}, "agent { agentId }")
    await service.good("putOpenIDConnectClient", {"openIdConnectProviderArn": PROVIDER, "clientId": "app"})
    await service.good("createUser", {"userName": "idle", "path": "/idle/"})
    made = await service.good("createAccessKey", {"userName": "bob"}, "accessKey { accessKeyId }")
    phone = await enrolled(service, "bob")
    spare = await device(service, "spare", path="/eng/")
    await service.good("createAccountAlias", {"accountAlias": "acme"})
    await service.good("updateAccountPasswordPolicy", {"minimumPasswordLength": 8})
    await service.good("createAccount", {"email": "other@example.com", "rootPassword": PASSWORD, "accountId": OTHER})
    await service.good("putService", {"prefix": "orders"})
    guardrails = {}
    for name in ("guardrail", "free"):
        input = {"name": name, "kind": "SERVICE_CONTROL", "policyDocument": NOTHING}
        guardrails[name] = (await service.good("createGuardrail", input, "guardrail { id }"))["guardrail"]["id"]
    await service.good("attachGuardrail", {"guardrailId": guardrails["guardrail"], "accountId": OTHER})
    sessions = await service.ask(
        f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ user(name: "bob") {{ id mfaDevices {{ id }} '
        "sessions(first: 1) { nodes { id } } } "
        "auditEvents(first: 1) { nodes { id } } } }",
        root,
    )
    user = sessions.only()["user"]
    refused = await service.ask("{ accounts(first: 1) { nodes { id } } }", bob)
    await service.good("generateCredentialReport", None)
    await service.reporter.work()
    return {
        "message": refused.body["errors"][0]["extensions"]["encodedAuthorizationMessage"],
        "key": made["accessKey"]["accessKeyId"],
        "session": user["sessions"]["nodes"][0]["id"],
        "agent": agent["agent"]["agentId"],
        "agent_node": node_id("Agent", agent["agent"]["agentId"]),
        "event": sessions.only()["auditEvents"]["nodes"][0]["id"],
        "other": node_id("Account", OTHER),
        "device": user["mfaDevices"][0]["id"],
        "code1": spare.code(-1),
        "code2": spare.code(),
        "resync1": phone.code(1),
        "resync2": phone.code(2),
        "credential": credential(service, user["id"]),
        **guardrails,
    }


def credential(service: Service, user_id: str) -> str:
    """What the browser of the one who knocks makes for a user, by a challenge that outlasts the doors. It is put into JSON
    text, as any other thing that is known."""
    parsed = parse_node_id(user_id)
    assert parsed is not None
    service.clock.ahead += timedelta(days=1)
    challenge = new_challenge(service.kernel.tools, registration_by(arn("user/caller")), parsed[1][0])
    service.clock.ahead -= timedelta(days=1)
    return json.dumps(Authenticator().create(json.dumps({"challenge": b64(challenge), "user": {"id": ""}})))[1:-1]


PROVIDER, CORP = arn("oidc-provider/idp.example.com/team"), arn("saml-provider/corp")
WEB, EMPTY = arn("instance-profile/eng/web"), arn("instance-profile/eng/empty")
PHONE, SPARE = arn("mfa/phone"), arn("mfa/eng/spare")
KIM = f"arn:aws:sts::{ACCOUNT}:federated-user/kim"
BOB, DEVS, DEPLOYER = arn("user/eng/bob"), arn("group/eng/devs"), arn("role/eng/deployer")
TAGS = [{"key": "team", "value": "red"}]
_USERS, _GROUPS, _ROLES, _POLICIES = ("iam:ListUsers",), ("iam:ListGroups",), ("iam:ListRoles",), ("iam:ListPolicies",)
USERS = 'users(first: 9, pathPrefix: "/eng/") { nodes { %s } }'
GROUPS = 'groups(first: 9, pathPrefix: "/eng/") { nodes { %s } }'
ROLES = 'roles(first: 9, pathPrefix: "/eng/") { nodes { %s } }'
POLICIES = 'policies(first: 9, pathPrefix: "/team/") { nodes { %s } }'
PROFILES = 'instanceProfiles(first: 9, pathPrefix: "/eng/") { nodes { %s } }'
_KEYS = USERS % "accessKeys { %s }"
_JOB = 'serviceLastAccessedDetails(jobId: "{job}") { %s }'
NAMES = "(first: 9) { nodes { name } }"
WHOLE = "(first: 9) { nodes { document } }"

DOORS = [
    change("createUser", {"userName": "new", "path": "/eng/"}, arn("user/eng/new")),
    change("updateUser", {"userName": "bob", "newPath": "/ops/"}, arn("user/*/bob")),
    change("deleteUser", {"userName": "idle"}, arn("user/idle/idle")),
    change("tagUser", {"userName": "bob", "tags": TAGS}, BOB),
    change("untagUser", {"userName": "bob", "tagKeys": ["team"]}, BOB),
    change("putUserPermissionsBoundary", {"userName": "bob", "permissionsBoundary": FREE}, BOB),
    change("deleteUserPermissionsBoundary", {"userName": "bob"}, BOB),
    change("createLoginProfile", {"userName": "idle", "password": PASSWORD}, arn("user/idle/idle")),
    change("updateLoginProfile", {"userName": "bob", "password": PASSWORD}, BOB),
    change("deleteLoginProfile", {"userName": "bob"}, BOB),
    change("changePassword", {"oldPassword": "caller-Passw0rd!", "newPassword": PASSWORD}, arn("user/caller")),
    change("createAccessKey", {"userName": "bob"}, BOB),
    change("updateAccessKey", {"userName": "bob", "accessKeyId": "{key}", "status": "INACTIVE"}, BOB),
    change("deleteAccessKey", {"userName": "bob", "accessKeyId": "{key}"}, BOB),
    change("createVirtualMFADevice", {"virtualMfaDeviceName": "new", "path": "/eng/"}, arn("mfa/eng/new")),
    change(
        "enableMFADevice",
        {
            "userName": "bob",
            "serialNumber": SPARE,
            "authenticationCode1": "{code1}",
            "authenticationCode2": "{code2}",
        },
        BOB,
    ),
    change(
        "resyncMFADevice",
        {
            "userName": "bob",
            "serialNumber": PHONE,
            "authenticationCode1": "{resync1}",
            "authenticationCode2": "{resync2}",
        },
        BOB,
    ),
    change("beginPasskeyRegistration", {"userName": "bob"}, BOB, action="iam:EnableMFADevice"),
    change(
        "enablePasskey",
        {"userName": "bob", "passkeyName": "key", "credential": "{credential}"},
        BOB,
        action="iam:EnableMFADevice",
    ),
    change("deactivateMFADevice", {"userName": "bob", "serialNumber": PHONE}, BOB),
    change("deleteVirtualMFADevice", {"serialNumber": SPARE}, SPARE),
    change("tagMFADevice", {"serialNumber": PHONE, "tags": TAGS}, PHONE),
    change("untagMFADevice", {"serialNumber": PHONE, "tagKeys": ["team"]}, PHONE),
    change("createGroup", {"groupName": "new", "path": "/eng/"}, arn("group/eng/new")),
    change("updateGroup", {"groupName": "devs", "newPath": "/ops/"}, arn("group/*/devs")),
    change("deleteGroup", {"groupName": "empty"}, arn("group/empty")),
    change("addUserToGroup", {"groupName": "devs", "userName": "idle"}, DEVS),
    change("removeUserFromGroup", {"groupName": "devs", "userName": "bob"}, DEVS),
    change("createRole", {"roleName": "new", "assumeRolePolicyDocument": TRUST}, arn("role/new")),
    change("updateRole", {"roleName": "deployer", "description": "x"}, DEPLOYER),
    change("updateRoleDescription", {"roleName": "deployer", "description": "x"}, DEPLOYER),
    change("updateAssumeRolePolicy", {"roleName": "deployer", "policyDocument": TRUST}, DEPLOYER),
    change("deleteRole", {"roleName": "idle"}, arn("role/idle")),
    change("tagRole", {"roleName": "deployer", "tags": TAGS}, DEPLOYER),
    change("untagRole", {"roleName": "deployer", "tagKeys": ["team"]}, DEPLOYER),
    change("putRolePermissionsBoundary", {"roleName": "deployer", "permissionsBoundary": FREE}, DEPLOYER),
    change("deleteRolePermissionsBoundary", {"roleName": "deployer"}, DEPLOYER),
    change("createInstanceProfile", {"instanceProfileName": "new"}, arn("instance-profile/new")),
    change("deleteInstanceProfile", {"instanceProfileName": "empty"}, EMPTY),
    change(
        "addRoleToInstanceProfile",
        {"instanceProfileName": "empty", "roleName": "idle"},
        EMPTY,
        extra=("iam:PassRole",),
    ),
    change("removeRoleFromInstanceProfile", {"instanceProfileName": "web", "roleName": "deployer"}, WEB),
    change(
        "createAgentEnrolment",
        {"instanceProfileName": "web"},
        WEB,
        action="iamgraph:CreateAgentEnrolment",
        extra=("iam:PassRole",),
    ),
    change("revokeAgent", {"agentId": "{agent}"}, WEB, action="iamgraph:RevokeAgent"),
    change("tagInstanceProfile", {"instanceProfileName": "web", "tags": TAGS}, WEB),
    change("untagInstanceProfile", {"instanceProfileName": "web", "tagKeys": ["team"]}, WEB),
    change("createOpenIDConnectProvider", {"url": "https://new.example.com"}, arn("oidc-provider/new.example.com")),
    *(
        change(mutation, {"openIdConnectProviderArn": PROVIDER, **input}, PROVIDER)
        for mutation, input in (
            ("addClientIDToOpenIDConnectProvider", {"clientId": "web"}),
            ("removeClientIDFromOpenIDConnectProvider", {"clientId": "app"}),
            ("updateOpenIDConnectProviderThumbprint", {"thumbprintList": ["0" * 40]}),
            ("tagOpenIDConnectProvider", {"tags": TAGS}),
            ("untagOpenIDConnectProvider", {"tagKeys": ["team"]}),
            ("deleteOpenIDConnectProvider", {}),
        )
    ),
    change("createSAMLProvider", {"name": "new", "samlMetadataDocument": METADATA}, arn("saml-provider/new")),
    *(
        change(mutation, {"samlProviderArn": CORP, **input}, CORP)
        for mutation, input in (
            ("updateSAMLProvider", {"samlMetadataDocument": METADATA}),
            ("tagSAMLProvider", {"tags": TAGS}),
            ("untagSAMLProvider", {"tagKeys": ["team"]}),
            ("deleteSAMLProvider", {}),
        )
    ),
    change("putMappingRules", {"providerArn": PROVIDER, "rules": "[]"}, PROVIDER, action="iamgraph:PutMappingRules"),
    change("deleteMappingRules", {"providerArn": PROVIDER}, PROVIDER, action="iamgraph:DeleteMappingRules"),
    change(
        "putOpenIDConnectClient",
        {"openIdConnectProviderArn": PROVIDER, "clientId": "app"},
        PROVIDER,
        action="iamgraph:PutOpenIDConnectClient",
    ),
    change(
        "deleteOpenIDConnectClient",
        {"openIdConnectProviderArn": PROVIDER},
        PROVIDER,
        action="iamgraph:DeleteOpenIDConnectClient",
    ),
    change("createPolicy", {"policyName": "new", "policyDocument": DOCUMENT}, arn("policy/new")),
    change("deletePolicy", {"policyArn": FREE}, FREE),
    change("tagPolicy", {"policyArn": POL, "tags": TAGS}, POL),
    change("untagPolicy", {"policyArn": POL, "tagKeys": ["team"]}, POL),
    change("createPolicyVersion", {"policyArn": POL, "policyDocument": DOCUMENT}, POL),
    change("setDefaultPolicyVersion", {"policyArn": POL, "versionId": "v2"}, POL),
    change("deletePolicyVersion", {"policyArn": POL, "versionId": "v2"}, POL),
    change("attachUserPolicy", {"userName": "bob", "policyArn": FREE}, BOB),
    change("attachGroupPolicy", {"groupName": "devs", "policyArn": FREE}, DEVS),
    change("attachRolePolicy", {"roleName": "deployer", "policyArn": FREE}, DEPLOYER),
    change("detachUserPolicy", {"userName": "bob", "policyArn": POL}, BOB),
    change("detachGroupPolicy", {"groupName": "devs", "policyArn": POL}, DEVS),
    change("detachRolePolicy", {"roleName": "deployer", "policyArn": POL}, DEPLOYER),
    change("putUserPolicy", {"userName": "bob", "policyName": "more", "policyDocument": DOCUMENT}, BOB),
    change("putGroupPolicy", {"groupName": "devs", "policyName": "more", "policyDocument": DOCUMENT}, DEVS),
    change("putRolePolicy", {"roleName": "deployer", "policyName": "more", "policyDocument": DOCUMENT}, DEPLOYER),
    change("deleteUserPolicy", {"userName": "bob", "policyName": "own"}, BOB),
    change("deleteGroupPolicy", {"groupName": "devs", "policyName": "own"}, DEVS),
    change("deleteRolePolicy", {"roleName": "deployer", "policyName": "own"}, DEPLOYER),
    change("generateCredentialReport", None),
    change("generateServiceLastAccessedDetails", {"arn": BOB}, BOB),
    change("createAccountAlias", {"accountAlias": "new-alias"}),
    change("deleteAccountAlias", {"accountAlias": "acme"}),
    change("updateAccountPasswordPolicy", {"minimumPasswordLength": 20}),
    change("deleteAccountPasswordPolicy", None),
    change(
        "createAccount",
        {"email": "third@example.com", "rootPassword": PASSWORD},
        action="organizations:CreateAccount",
    ),
    change(
        "closeAccount",
        {"accountId": OTHER},
        f"arn:aws:organizations::{ACCOUNT}:account/{OTHER}",
        action="organizations:CloseAccount",
    ),
    change(
        "createGuardrail",
        {"name": "new", "kind": "SERVICE_CONTROL", "policyDocument": NOTHING},
        action="organizations:CreatePolicy",
    ),
    change(
        "updateGuardrail",
        {"guardrailId": "{guardrail}", "name": "other"},
        GUARDRAILS,
        action="organizations:UpdatePolicy",
    ),
    change("deleteGuardrail", {"guardrailId": "{free}"}, GUARDRAILS, action="organizations:DeletePolicy"),
    change(
        "attachGuardrail",
        {"guardrailId": "{free}", "accountId": OTHER},
        ORGANIZATION,
        action="organizations:AttachPolicy",
    ),
    change(
        "detachGuardrail",
        {"guardrailId": "{guardrail}", "accountId": OTHER},
        ORGANIZATION,
        action="organizations:DetachPolicy",
    ),
    change("putService", {"prefix": "new"}, SERVICES + "new", action="iamgraph:PutService"),
    change("deleteService", {"prefix": "orders"}, SERVICES + "orders", action="iamgraph:DeleteService"),
    read("GetService", 'service(prefix: "orders") { prefix }', SERVICES + "orders", action="iamgraph:GetService"),
    read("ListServices", "services(first: 9) { nodes { prefix } }", SERVICES, action="iamgraph:ListServices"),
    change("revokeSession", {"sessionId": "{session}"}, BOB, action="iamgraph:RevokeSession"),
    change("assumeRole", {"roleArn": DEPLOYER, "roleSessionName": "door"}, DEPLOYER, action="sts:AssumeRole"),
    read("GetUser", 'user(name: "bob") { path }', BOB),
    read("ListUsers", USERS % "name", arn("user/eng/")),
    read("GetLoginProfile", USERS % "loginProfile { createdAt }", BOB, reach=_USERS),
    read("ListAccessKeys", USERS % "accessKeys { status }", BOB, reach=_USERS),
    read("ListMFADevices", USERS % "mfaDevices { id enabledAt }", BOB, reach=_USERS),
    read("ListVirtualMFADevices", "virtualMfaDevices(first: 9) { nodes { serialNumber } }"),
    read(
        "ListMFADeviceTags",
        "virtualMfaDevices(first: 9, assignmentStatus: ASSIGNED) { nodes { tags { key } serialNumber } }",
        PHONE,
        reach=("iam:ListVirtualMFADevices",),
    ),
    root_field("GetVirtualMFADevice", 'node(id: "{device}") { id }', action="iam:ListVirtualMFADevices"),
    read("GetAccessKeyLastUsed", _KEYS % "accessKeyId lastUsed { at }", BOB, reach=(*_USERS, "iam:ListAccessKeys")),
    read("ListGroupsForUser", USERS % ("groups" + NAMES), BOB, reach=_USERS),
    read("ListAttachedUserPolicies", USERS % ("attachedPolicies" + NAMES), BOB, reach=_USERS),
    read("ListUserPolicies", USERS % ("inlinePolicies" + NAMES), BOB, reach=_USERS),
    read("GetUserPolicy", USERS % ("inlinePolicies" + WHOLE), BOB, reach=(*_USERS, "iam:ListUserPolicies")),
    read(
        "ListSessions",
        USERS % "sessions(first: 9) { nodes { source } }",
        BOB,
        action="iamgraph:ListSessions",
        reach=_USERS,
    ),
    read(
        "SimulatePrincipalPolicy",
        USERS % 'can(action: "deploy:Release", resource: "*") { outcome }',
        BOB,
        reach=_USERS,
    ),
    read("GetGroup", 'group(name: "devs") { path }', DEVS),
    read("ListGroups", GROUPS % "name", arn("group/eng/")),
    read("ListGroupMembers", GROUPS % ("members" + NAMES), DEVS, action="iam:GetGroup", reach=_GROUPS),
    read("ListAttachedGroupPolicies", GROUPS % ("attachedPolicies" + NAMES), DEVS, reach=_GROUPS),
    read("ListGroupPolicies", GROUPS % ("inlinePolicies" + NAMES), DEVS, reach=_GROUPS),
    read("GetGroupPolicy", GROUPS % ("inlinePolicies" + WHOLE), DEVS, reach=(*_GROUPS, "iam:ListGroupPolicies")),
    read("GetRole", 'role(name: "deployer") { path }', DEPLOYER),
    read("ListRoles", ROLES % "name", arn("role/eng/")),
    read("ListAttachedRolePolicies", ROLES % ("attachedPolicies" + NAMES), DEPLOYER, reach=_ROLES),
    read("ListRolePolicies", ROLES % ("inlinePolicies" + NAMES), DEPLOYER, reach=_ROLES),
    read("GetRolePolicy", ROLES % ("inlinePolicies" + WHOLE), DEPLOYER, reach=(*_ROLES, "iam:ListRolePolicies")),
    read("GetInstanceProfile", 'instanceProfile(name: "web") { path }', WEB),
    read(
        "ListAgents",
        'instanceProfile(name: "web") { agents(first: 9) { nodes { id } } }',
        WEB,
        action="iamgraph:ListAgents",
        reach=("iam:GetInstanceProfile",),
    ),
    root_field("GetAgent", 'node(id: "{agent_node}") { id }', WEB, action="iamgraph:ListAgents"),
    read("ListInstanceProfiles", PROFILES % "name", arn("instance-profile/eng/")),
    read("ListInstanceProfilesForRole", ROLES % ("instanceProfiles" + NAMES), DEPLOYER, reach=_ROLES),
    root_field(
        "GetOpenIDConnectProvider",
        f'resource(arn: "{PROVIDER}") {{ id }}',
        PROVIDER,
        action="iam:GetOpenIDConnectProvider",
    ),
    Door(
        operation="GetOpenIDConnectClient",
        action="iamgraph:GetOpenIDConnectClient",
        on=PROVIDER,
        reach=("iam:GetOpenIDConnectProvider",),
        query=f'{{ resource(arn: "{PROVIDER}") {{ ... on OidcProvider {{ client {{ clientId }} }} }} }}',
    ),
    read("ListOpenIDConnectProviders", "oidcProviders { arn }"),
    root_field("GetSAMLProvider", f'resource(arn: "{CORP}") {{ id }}', CORP, action="iam:GetSAMLProvider"),
    read("ListSAMLProviders", "samlProviders { arn }"),
    root_field(
        "ExplainMapping",
        f'explainMapping(input: {{ provider: "{PROVIDER}", claims: "{{}}" }}) {{ verdicts {{ rule }} }}',
        PROVIDER,
        action="iamgraph:ExplainMapping",
    ),
    read(
        "ListSignInAttempts",
        "oidcProviders { signInAttempts(first: 1) { pageInfo { hasNextPage } } }",
        PROVIDER,
        action="iamgraph:ListSignInAttempts",
        reach=("iam:ListOpenIDConnectProviders",),
    ),
    read(
        "GetMappingRules",
        "oidcProviders { mappingRules { rules } }",
        PROVIDER,
        action="iamgraph:GetMappingRules",
        reach=("iam:ListOpenIDConnectProviders",),
    ),
    read("GetPolicy", f'policy(arn: "{POL}") {{ path }}', POL),
    read("ListPolicies", POLICIES % "name", arn("policy/team/")),
    read("ListPolicyVersions", POLICIES % "versions { versionId }", POL, reach=_POLICIES),
    read("GetPolicyVersion", POLICIES % "defaultVersion { document }", POL, reach=_POLICIES),
    read("ListEntitiesForPolicy", POLICIES % "attachments(first: 9) { nodes { __typename } }", POL, reach=_POLICIES),
    read("ListAccountAliases", "alias"),
    read("GetAccountSummary", "quotas { name limit }"),
    read("GetAccountPasswordPolicy", "passwordPolicy { minimumLength }"),
    read("GetServiceLastAccessedDetails", _JOB % "jobStatus"),
    read(
        "GetServiceLastAccessedDetailsWithEntities",
        _JOB % "servicesLastAccessed(first: 9) { nodes { serviceName entities(first: 9) { nodes { __typename } } } }",
        reach=("iam:GetServiceLastAccessedDetails",),
    ),
    read(
        "ListPoliciesGrantingServiceAccess",
        f'policiesGrantingServiceAccess(arn: "{BOB}", serviceNamespaces: ["deploy"]) {{ serviceNamespace }}',
        BOB,
    ),
    read("GetCredentialReport", "credentialReport { content }"),
    read("LookupEvents", "auditEvents(first: 9) { nodes { name } }", action="cloudtrail:LookupEvents"),
    read("GetPrimaryEmail", "root { email }", action="account:GetPrimaryEmail"),
    root_field("GetEvent", 'node(id: "{event}") { id }', action="cloudtrail:LookupEvents"),
    root_field("GetSession", 'node(id: "{session}") { id }', BOB, action="iamgraph:ListSessions"),
    root_field(
        "DescribeAccount",
        'node(id: "{other}") { id }',
        f"arn:aws:organizations::{ACCOUNT}:account/{OTHER}",
        action="organizations:DescribeAccount",
    ),
    Door(
        operation="WatchEvents", action="cloudtrail:LookupEvents", query="subscription { events { name parameters } }"
    ),
    root_field("ListGuardrails", "guardrails(first: 9) { nodes { name } }", action="organizations:ListPolicies"),
    root_field(
        "DescribeGuardrail", 'node(id: "{guardrail}") { id }', GUARDRAILS, action="organizations:DescribePolicy"
    ),
    Door(
        operation="ListTargetsForGuardrail",
        action="organizations:ListTargetsForPolicy",
        on="arn:aws:organizations::*:policy/service_control_policy/*",
        reach=("organizations:ListPolicies",),
        query="{ guardrails(first: 9) { nodes { attachments(first: 9) { nodes { accountId } } } } }",
    ),
    Door(
        operation="ListGuardrailsForAccount",
        action="organizations:ListPoliciesForTarget",
        on=f"arn:aws:organizations::{ACCOUNT}:account/{OTHER}",
        reach=("organizations:DescribeAccount",),
        query='{ node(id: "{other}") { ... on Account { guardrails { name } } } }',
    ),
    root_field(
        "ValidatePolicy",
        f"validatePolicy(document: {json.dumps(DOCUMENT)}, kind: MANAGED) {{ code }}",
        action="access-analyzer:ValidatePolicy",
    ),
    root_field(
        "Authorize",
        f'authorize(input: {{ action: "deploy:Release", resource: "*", principal: "{BOB}" }}) {{ outcome reason }}',
        BOB,
        action="iamgraph:Authorize",
    ),
    root_field(
        "AuthorizeMany",
        f'authorizeMany(input: {{ principal: "{BOB}", requests: [{{ action: "deploy:Release", resource: "*" }}] }}) '
        "{ outcome reason }",
        BOB,
        action="iamgraph:Authorize",
    ),
    root_field(
        "SimulateCustomPolicy",
        f'simulateCustomPolicy(input: {{policies: [{json.dumps(DOCUMENT)}], actions: ["deploy:Release"]}}) '
        "{ results { decision { outcome } } }",
        action="iam:SimulateCustomPolicy",
    ),
    root_field(
        "GetContextKeysForCustomPolicy",
        f"contextKeysForPolicies(policies: [{json.dumps(KEYED)}])",
        action="iam:GetContextKeysForCustomPolicy",
    ),
    root_field(
        "GetContextKeysForPrincipalPolicy",
        f'contextKeysForPrincipal(principal: "{BOB}", additionalPolicies: [{json.dumps(KEYED)}])',
        BOB,
        action="iam:GetContextKeysForPrincipalPolicy",
    ),
    root_field(
        "DecodeAuthorizationMessage",
        'decodeAuthorizationMessage(encodedMessage: "{message}") { principalArn }',
        action="sts:DecodeAuthorizationMessage",
    ),
    root_field("ListAccounts", "accounts(first: 9) { nodes { accountId } }", action="organizations:ListAccounts"),
]
FREE_FOR_ALL = {"GetCallerIdentity", "GetSessionToken", "ListAssumableRoles", "SignOut"}
"""What any authenticated caller may; the second with a long-term key alone."""
PUBLIC = {"SignIn", "SignInAsRoot", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "EnrolAgent", "IssueAgentCredentials"}
IN_A_BROWSER = {
    "BeginOidcSignIn",
    "EndOidcSessions",
    "FinishOidcSignIn",
    "SignInWithWebIdentity",
    "SignOutOfBrowser",
}
"""What pages do, of which an identity provider's word decides all but the last, which any may: see `transport/sso`."""
ELSEWHERE = {
    "ListChildSessions",
    "GetFederationToken",
    "GetAccessKeyInfo",
    "GetAccountAuthorizationDetails",
    "GetMFADevice",
    "ListInstanceProfileTags",
    "ListOpenIDConnectProviderTags",
    "ListPolicyTags",
    "ListRoleTags",
    "ListSAMLProviderTags",
    "ListUserTags",
}
"""The first needs a session to start from, whose reading takes the same permission: see `test_sessions`. The second takes a
long-term key, which callers have on AWS's wire: see `test_federation_tokens`. The others are AWS's alone: in the graph what
they tell are fields of what has it. See `ON_THE_WIRE_ALONE`."""
AWS_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "DecodeAuthorizationMessage": {"EncodedMessage": "{message}"},
    "CreateVirtualMFADevice": {"VirtualMFADeviceName": "new", "Path": "/eng/"},
    "GetMFADevice": {"UserName": "bob", "SerialNumber": PHONE},
    "GetServiceLastAccessedDetails": {"JobId": "{job}"},
    "GetServiceLastAccessedDetailsWithEntities": {"JobId": "{job}", "ServiceNamespace": "deploy"},
    "ListPoliciesGrantingServiceAccess": {"Arn": BOB, "ServiceNamespaces": ["deploy"]},
    "GetAccessKeyLastUsed": {"AccessKeyId": "{key}"},
    "GetGroupPolicy": {"GroupName": "devs", "PolicyName": "own"},
    "GetPolicyVersion": {"PolicyArn": POL, "VersionId": "v1"},
    "GetRolePolicy": {"RoleName": "deployer", "PolicyName": "own"},
    "GetUserPolicy": {"UserName": "bob", "PolicyName": "own"},
    "GetAccessKeyInfo": {"AccessKeyId": "{key}"},
    "GetFederationToken": {"Name": "kim"},
    "GetContextKeysForCustomPolicy": {"PolicyInputList": [KEYED]},
    "GetContextKeysForPrincipalPolicy": {"PolicySourceArn": BOB},
    "ListPolicies": {"PathPrefix": "/team/"},
    "SimulateCustomPolicy": {"PolicyInputList": [DOCUMENT], "ActionNames": ["deploy:Release"]},
    "SimulatePrincipalPolicy": {"PolicySourceArn": BOB, "ActionNames": ["deploy:Release"]},
} | {
    operation: {name: value}
    for name, value, operations in (
        ("PathPrefix", "/eng/", "ListUsers ListGroups ListRoles ListInstanceProfiles"),
        ("UserName", "bob", "GetUser GetLoginProfile ListAccessKeys ListGroupsForUser ListUserPolicies"),
        ("UserName", "bob", "ListAttachedUserPolicies ListMFADevices ListUserTags"),
        ("SerialNumber", PHONE, "ListMFADeviceTags"),
        ("GroupName", "devs", "GetGroup ListGroupMembers ListAttachedGroupPolicies ListGroupPolicies"),
        ("RoleName", "deployer", "GetRole ListAttachedRolePolicies ListRolePolicies ListInstanceProfilesForRole"),
        ("RoleName", "deployer", "ListRoleTags"),
        ("PolicyArn", POL, "GetPolicy ListPolicyVersions ListEntitiesForPolicy ListPolicyTags"),
        ("OpenIDConnectProviderArn", PROVIDER, "GetOpenIDConnectProvider ListOpenIDConnectProviderTags"),
        ("SAMLProviderArn", CORP, "GetSAMLProvider ListSAMLProviderTags"),
        ("InstanceProfileName", "web", "GetInstanceProfile ListInstanceProfileTags"),
    )
    for operation in operations.split()
}
"""What queries take on AWS's wire. Commands take their mutation's input."""
ON_THE_WIRE_ALONE = [
    Door(operation="GetAccessKeyInfo", action="sts:GetAccessKeyInfo"),
    Door(operation="GetFederationToken", action="sts:GetFederationToken", on=KIM),
    Door(operation="GetAccountAuthorizationDetails", action="iam:GetAccountAuthorizationDetails"),
    Door(operation="ListInstanceProfileTags", action="iam:ListInstanceProfileTags", on=WEB),
    Door(operation="ListOpenIDConnectProviderTags", action="iam:ListOpenIDConnectProviderTags", on=PROVIDER),
    Door(operation="ListSAMLProviderTags", action="iam:ListSAMLProviderTags", on=CORP),
    Door(operation="GetMFADevice", action="iam:GetMFADevice", on=BOB),
    Door(operation="ListPolicyTags", action="iam:ListPolicyTags", on=POL),
    Door(operation="ListRoleTags", action="iam:ListRoleTags", on=DEPLOYER),
    Door(operation="ListUserTags", action="iam:ListUserTags", on=BOB),
]
"""Doors that GraphQL has in another place."""
