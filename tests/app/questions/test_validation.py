"""Validating policies: what a caller is told, what is refused, and what stays of it."""

from __future__ import annotations

import json
from typing import Any

import iamgraph.transport.graphql.schema  # noqa: F401  (declares all operations)
from iamgraph.app.operation import OPERATIONS
from iamgraph.app.work import default_reference
from iamgraph.domain.policy.lint import ValidationType, lint

from ...service import ACCOUNT, Reply, Service, allow
from ..asking import arn, document, refused, statement, trusting

VALIDATE = """query($document: PolicyDocument!, $kind: PolicyKind!, $type: String) {
  validatePolicy(document: $document, kind: $kind, resourceType: $type) { severity code line column path }
}"""


async def validate(service: Service, text: str, kind: str, type: str | None = None, token: str | None = None) -> Reply:
    return await service.ask(VALIDATE, token or await service.root(), document=text, kind=kind, type=type)


def codes(reply: Reply) -> list[tuple[str, str]]:
    found: list[dict[str, Any]] = reply.only()
    return [(finding["severity"], finding["code"]) for finding in found]


async def test_each_kind_is_checked_as_what_it_is(service: Service) -> None:
    star = document(statement("Allow", "iam:PassRole"))
    (finding,) = (await validate(service, star, "MANAGED")).only()
    assert (finding["code"], finding["severity"]) == ("PASS_ROLE_WITH_STAR_IN_RESOURCE", "SECURITY_WARNING")
    place = (finding["line"], finding["column"], finding["path"])
    assert place == (1, star.index('"iam:PassRole"') + 1, ["Statement", "0", "Action"])
    assert codes(await validate(service, star, "SERVICE_CONTROL")) == []
    assert codes(await validate(service, star, "RESOURCE")) == [("ERROR", "MISSING_PRINCIPAL")]
    assert codes(await validate(service, trusting("*"), "TRUST")) == []
    assert codes(await validate(service, "{", "INLINE")) == [("ERROR", "JSON_SYNTAX_ERROR")]
    tables = document(statement("Deny", "s3:*", Principal="*"))
    assert codes(await validate(service, tables, "RESOURCE", "AWS::S3::Bucket")) == []
    found = codes(await validate(service, tables, "RESOURCE", "AWS::DynamoDB::Table"))
    assert found == [("ERROR", "UNSUPPORTED_ACTION_IN_POLICY")]
    deny = document(statement("Deny", "s3:*", Principal="*"))
    assert codes(await validate(service, deny, "RESOURCE_CONTROL")) == []


def test_what_this_server_has_is_known() -> None:
    """A policy about its own actions and ARNs has no findings. Those of what asks for no permission are no actions: a policy
    that denies one would do nothing."""
    asked = {op.action for op in OPERATIONS.values() if not (op.is_public or op.action.startswith("signin:"))}
    actions = sorted(asked)
    arns = ["user/eng/bob", "group/devs", "role/deployer", "policy/team/pol"]
    resources = [arn(rest) for rest in arns]
    resources += [f"arn:aws:organizations::{ACCOUNT}:account/444455556666"]
    resources += [f"arn:aws:organizations::{ACCOUNT}:policy/service_control_policy/*"]
    denied = document(statement("Deny", actions, resources))
    assert lint(denied, ValidationType.IDENTITY_POLICY, default_reference()) == ()
    (finding,) = lint(
        document(statement("Deny", "iamgraph:EnrolAgent", "*")), ValidationType.IDENTITY_POLICY, default_reference()
    )
    assert finding.code == "INVALID_ACTION"


async def test_what_is_refused_and_what_the_history_keeps(service: Service) -> None:
    text = document(statement("Allow", "s3:GetObject", "arn:aws:s3:::drafts/*"))
    for asked in [
        ("x" * 65_537, "MANAGED", None),
        (text, "RESOURCE", "AWS::Moon::Base"),
        (text, "MANAGED", "AWS::S3::Bucket"),
    ]:
        reply = await validate(service, *asked)
        assert (reply.only(), reply.codes) == (None, ["INVALID_INPUT"])
    nobody = await service.user("nobody", allow("iam:*"))
    reply = await validate(service, text, "MANAGED", token=nobody)
    assert (reply.only(), reply.codes) == (None, ["ACCESS_DENIED"])
    writer = await service.user("writer", allow("access-analyzer:ValidatePolicy"))
    assert codes(await validate(service, text, "MANAGED", token=writer)) == []
    (event,) = await service.settled("ValidatePolicy", arn("user/writer"))
    assert (event.action, json.loads(event.parameters)) == (
        "access-analyzer:ValidatePolicy", {"policyType": "IDENTITY_POLICY"},
    )  # fmt: skip
    (denied,) = await service.events(name="ValidatePolicy", principal_arn=arn("user/nobody"))
    assert "drafts" not in denied.parameters


async def test_a_document_that_its_account_or_entity_cannot_have(service: Service) -> None:
    """The two case documents that hang on what exists."""
    ghost = f"arn:aws:iam::{ACCOUNT}:role/ghost"
    created = {"roleName": "x", "assumeRolePolicyDocument": trusting(ghost)}
    error = await refused(service, "createRole", created, "MalformedPolicyDocumentError")
    assert error["message"] == f'Invalid principal in policy: "AWS":"{ghost}"'
    await service.good("createUser", {"userName": "alice"})
    long = document(statement("Allow", "s3:GetObject", [f"arn:aws:s3:::bucket-{i:04}/*" for i in range(90)]))
    put = {"userName": "alice", "policyName": "own", "policyDocument": long}
    error = await refused(service, "putUserPolicy", put, "LimitExceededError")
    assert error["message"] == "Maximum policy size of 2048 bytes exceeded for user alice"
