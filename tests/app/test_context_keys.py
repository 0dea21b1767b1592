"""Which context keys policies see: one table for the requests, by credentials, and one for the operations, each of which
has a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from iamgraph.app.agents import AGENT
from iamgraph.app.caller import Caller, Credential, CredentialKind, Identity, Origin, session_context
from iamgraph.app.guardrails import GUARDRAIL
from iamgraph.app.instance_profiles import PROFILE_AND_ROLE, ProfileAndRole
from iamgraph.app.keys import KEY, OWNER, KeyOwner, OwnedKey
from iamgraph.app.login_profiles import ChangePassword
from iamgraph.app.mapping_rules import MAPPED, RULES, ProviderWithRules
from iamgraph.app.mfa_devices import MFA_DEVICE
from iamgraph.app.oidc_providers import PROVIDER as OIDC_PROVIDER
from iamgraph.app.operation import OPERATIONS, Operation, parameters
from iamgraph.app.questions.authorize import ASKED
from iamgraph.app.questions.sources import SOURCE, Sourced
from iamgraph.app.reports.last_accessed import ENTITY, IDENTITY
from iamgraph.app.saml_providers import PROVIDER as SAML_PROVIDER
from iamgraph.app.sessions import HOLDER, SESSION
from iamgraph.app.sts import Assumable, AssumeRole
from iamgraph.app.targets import CHANGED_POLICY, GROUP, INSTANCE_PROFILE, POLICY, ROLE, USER, Target
from iamgraph.app.users import USER_OR_ROOT
from iamgraph.domain.entities import (
    AccessKey,
    Account,
    Agent,
    Group,
    Guardrail,
    GuardrailKind,
    InstanceProfile,
    KeyStatus,
    ManagedPolicy,
    PasswordPolicy,
    PrincipalType,
    Role,
    Session,
    SessionPolicies,
    SessionSource,
    Tag,
    User,
    VirtualMfaDevice,
)
from iamgraph.domain.providers import OidcProvider, SamlProvider
from iamgraph.security.tokens import token_hash

from ..service import ACCOUNT, Service
from .asking import arn, assumed, role, trusting

CASES = Path(__file__).parents[1] / "cases" / "context_keys.jsonl"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TAGS = (Tag(key="team", value="red"),)
BOUNDARY: dict[str, Any] = {"boundary_id": "ANPAEDGE", "boundary_arn": arn("policy/edge")}

USER_ = User(id="AIDA1", account_id=ACCOUNT, name="bob", path="/", created_at=NOW, tags=TAGS, **BOUNDARY)
KEY_ = AccessKey(id="AKIA1", account_id=ACCOUNT, owner_id="AIDA1", status=KeyStatus.ACTIVE, created_at=NOW)
ROLE_ = Role(
    id="AROA1", account_id=ACCOUNT, name="ops", path="/", description=None, max_session_seconds=3600, trust_policy="{}",
    created_at=NOW, tags=TAGS, **BOUNDARY,
)  # fmt: skip
GROUP_ = Group(id="AGPA1", account_id=ACCOUNT, name="devs", path="/", created_at=NOW)
PROFILE_ = InstanceProfile(id="AIPA1", account_id=ACCOUNT, name="web", path="/", created_at=NOW, role=ROLE_, tags=TAGS)
AGENT_ = Agent(
    id="ag-1", account_id=ACCOUNT, instance_profile=PROFILE_, created_at=NOW, expires_at=NOW
)  # fmt: skip
POLICY_ = ManagedPolicy(
    id="ANPA1", account_id=ACCOUNT, name="pol", path="/", description=None, default_version="v1", attachment_count=0,
    boundary_count=0, created_at=NOW, updated_at=NOW, tags=TAGS,
)  # fmt: skip
DEVICE_ = VirtualMfaDevice(id="d1", account_id=ACCOUNT, name="phone", path="/", created_at=NOW, tags=TAGS)
OIDC_ = OidcProvider(id="o1", account_id=ACCOUNT, url="https://idp.example.com", created_at=NOW, tags=TAGS)
SAML_ = SamlProvider(
    id="S1",
    account_id=ACCOUNT,
    name="corp",
    entity_id="https://idp.example.com",
    certificates=(),
    created_at=NOW,
    tags=TAGS,
)
GUARDRAIL_ = Guardrail(
    id="p-1", account_id=ACCOUNT, kind=GuardrailKind.SERVICE_CONTROL, name="g", description=None, document="{}",
    created_at=NOW, updated_at=NOW,
)  # fmt: skip
SESSION_ = Session(
    id="s1", account_id=ACCOUNT, principal_type=PrincipalType.USER, principal_id="AIDA1", principal_name="bob",
    principal_path="/", parent_id=None, name=None, source=SessionSource.PASSWORD, access_key_id=None, issued_at=NOW,
    expires_at=NOW, revoked_at=None, ip_address=None, user_agent=None, policies=SessionPolicies(), source_identity=None,
    tags=(), transitive_tag_keys=(), mfa_at=None, principal_tags=TAGS,
)  # fmt: skip
OPERATOR = Account(
    id=ACCOUNT, alias=None, root_email="root@example.com", is_operator=True, created_at=NOW, closed_at=None, revision=1
)
TARGETS: Mapping[Target, Any] = {
    USER: USER_,
    USER_OR_ROOT: USER_,
    ROLE: ROLE_,
    GROUP: GROUP_,
    POLICY: POLICY_,
    CHANGED_POLICY: POLICY_,
    INSTANCE_PROFILE: PROFILE_,
    AGENT: AGENT_,
    PROFILE_AND_ROLE: ProfileAndRole(instance_profile=PROFILE_, role=ROLE_),
    GUARDRAIL: GUARDRAIL_,
    MFA_DEVICE: DEVICE_,
    OIDC_PROVIDER: OIDC_,
    SAML_PROVIDER: SAML_,
    MAPPED: ProviderWithRules(provider=OIDC_, rules=None),
    RULES: ProviderWithRules(provider=OIDC_, rules=None),
    SESSION: SESSION_,
    HOLDER: ROLE_,
    ASKED: USER_,
    SOURCE: Sourced(entity=USER_),
    KEY: OwnedKey(key=KEY_, owner=KeyOwner(id="AIDA1", user=USER_)),
    ENTITY: USER_,
    IDENTITY: USER_,
    OWNER: KeyOwner(id="AIDA1", user=USER_),
    AssumeRole.on: Assumable(role=ROLE_),
    ChangePassword.on: PasswordPolicy(),
}
CALLER = Caller(
    origin=Origin(request_id="1", transport="TEST", ip_address=None, user_agent=None, is_secure=True),
    identity=Identity(
        account=OPERATOR,
        principal_type=PrincipalType.USER,
        principal_id="AIDA2",
        principal_arn=arn("user/alice"),
        arn=arn("user/alice"),
        credential=Credential(kind=CredentialKind.LONG_TERM_KEY, key="AKIA"),
        tags=TAGS,
    ),
)


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CASES.read_text().splitlines()]


def filled(kind: type[Operation[Any]], given: Mapping[str, Any]) -> Operation[Any]:
    """The operation with the parameters that matter, and something in the others that it needs."""
    values: dict[str, Any] = {p.name: "x" for p in parameters(kind) if p.default.__class__.__name__ == "_MISSING_TYPE"}
    for name, value in given.items():
        if name == "kind":
            values[name] = GuardrailKind[value]
        elif name == "tags":
            values[name] = tuple(Tag(key=key, value=text) for key, text in value.items())
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


def test_every_operation_has_a_line() -> None:
    """An operation that is new has none: say what the Service Authorization Reference gives its action."""
    assert {case["operation"] for case in cases()} == set(OPERATIONS)


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["operation"]))
def test_an_operation_brings_the_keys_of_its_action(case: dict[str, Any]) -> None:
    kind = OPERATIONS[case["operation"]]
    needs = filled(kind, case.get("with", {})).needs(CALLER, TARGETS.get(kind.on))
    assert bool(needs) == (case["keys"] is not None)
    for need in needs:
        assert need.context["aws:ResourceAccount"] == need.account_id
        found = {key: value for key, value in need.context.items() if key != "aws:ResourceAccount"}
        assert json.loads(json.dumps(found)) == case.get("further", {}).get(need.action, case["keys"]), need.action


ALWAYS = {
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:SecureTransport",
    "aws:SourceIp",
    "aws:UserAgent",
    "aws:ViaAWSService",
    "aws:userid",
}
TEMPORARY = {"aws:TokenIssueTime", "aws:MultiFactorAuthPresent"}


async def test_a_request_brings_the_keys_of_its_credentials(service: Service) -> None:
    """IAM User Guide, "AWS global condition context keys": which are there, and when."""
    origin = Origin(
        request_id="1",
        transport="TEST",
        ip_address="192.0.2.1",
        user_agent="curl",
        is_secure=False,
        referer="https://x/",
    )
    bob = await service.user("bob")
    await service.good("tagUser", {"userName": "bob", "tags": [{"key": "team", "value": "red"}]})
    await role(
        service, "ops", trusting(arn("user/bob"), action=["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])
    )
    more = {"tags": [{"key": "job", "value": "7"}], "sourceIdentity": "bob"}
    ops = (await assumed(service, arn("role/ops"), bob, **more))["accessToken"]
    key = (await service.good("createAccessKey", {"userName": "bob"}, "accessKey { accessKeyId }"))["accessKey"]

    async def context(token: str, origin: Origin = origin) -> Mapping[str, Any]:
        return (await service.kernel.authenticate(token, origin)).context

    found = await context(bob)
    assert set(found) == ALWAYS | TEMPORARY | {"aws:Referer", "aws:username", "aws:PrincipalTag/team"}
    shown = {"aws:username": "bob", "aws:PrincipalType": "User", "aws:SecureTransport": "false"}
    shown |= {"aws:PrincipalIsAWSService": "false", "aws:MultiFactorAuthPresent": "false", "aws:Referer": "https://x/"}
    assert {key: found[key] for key in shown} == shown
    # Without an address, an agent or a referer there are no such keys.
    bare = replace(origin, ip_address=None, user_agent=None, referer=None)
    assert set(found) - set(await context(bob, bare)) == {"aws:SourceIp", "aws:UserAgent", "aws:Referer"}

    found = await context(await service.root(), origin)
    assert set(found) == ALWAYS | TEMPORARY | {"aws:Referer"}
    assert (found["aws:PrincipalType"], found["aws:userid"]) == ("Account", ACCOUNT)

    found = await context(ops)
    assert set(found) == ALWAYS | TEMPORARY | {"aws:Referer", "aws:PrincipalTag/job", "aws:SourceIdentity"}
    assert (found["aws:PrincipalType"], found["aws:PrincipalArn"]) == ("AssumedRole", arn("role/ops"))

    async with service.database.reading() as data:
        signed = Credential(kind=CredentialKind.LONG_TERM_KEY, key=key["accessKeyId"])
        found = (await service.kernel._authenticator.again(data, signed, origin)).context
    assert set(found) == ALWAYS | {"aws:Referer", "aws:username", "aws:PrincipalTag/team"}


def test_how_long_ago_the_second_factor_was() -> None:
    found = session_context(replace(SESSION_, mfa_at=NOW), NOW + timedelta(seconds=90))
    assert (found["aws:MultiFactorAuthPresent"], found["aws:MultiFactorAuthAge"]) == ("true", "90")
    assert "aws:MultiFactorAuthAge" not in session_context(SESSION_, NOW)


async def test_a_session_is_seen_by_its_principals_tags(service: Service) -> None:
    """`aws:ResourceTag` of a session reached by its id, as of one that is listed, is its user's or role's."""
    await service.user("bob")
    await service.user("eve")
    await service.good("tagUser", {"userName": "bob", "tags": [{"key": "team", "value": "red"}]})
    tagged = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    statement = {"Effect": "Allow", "Action": "iamgraph:RevokeSession", "Resource": "*", "Condition": tagged}
    warden = await service.user("warden", json.dumps({"Version": "2012-10-17", "Statement": statement}))
    sessions = {}
    async with service.database.reading() as data:
        for name in ("bob", "eve"):
            found = await data.sessions.by_token(token_hash(service.tokens[name]))
            assert found is not None
            sessions[name] = found.session.id
    ends = {name: await service.do("revokeSession", {"sessionId": id}, token=warden) for name, id in sessions.items()}
    assert ends["bob"]["__typename"] == "RevokeSessionSuccess"
    assert ends["eve"]["__typename"] == "AccessDeniedError"
