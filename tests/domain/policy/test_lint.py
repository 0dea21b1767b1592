"""Findings: each code once, with the least that brings it, and the shapes that must not; the rest is in the case files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import iamgraph.domain.policy.lint as package
from iamgraph.domain.policy.finding import Finding
from iamgraph.domain.policy.global_keys import REGIONS
from iamgraph.domain.policy.lint import RESOURCE_TYPES, TRUST_POLICY, ValidationType, lint
from iamgraph.domain.policy.reference import Action, ConditionKey, Service, Together
from iamgraph.reference.aws import AwsReference

AWS = AwsReference()
IDENTITY, RESOURCE = ValidationType.IDENTITY_POLICY, ValidationType.RESOURCE_POLICY
SCP, RCP = ValidationType.SERVICE_CONTROL_POLICY, ValidationType.RESOURCE_CONTROL_POLICY
TRUST = "trust"
OBJECT = "arn:aws:s3:::data/*"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECT}
ME = {"AWS": "111122223333"}
OIDC = "arn:aws:iam::111122223333:oidc-provider/idp.example.com"
GITHUB = "token.actions.githubusercontent.com"
BY_GITHUB = f"arn:aws:iam::111122223333:oidc-provider/{GITHUB}"
WEB = "sts:AssumeRoleWithWebIdentity"


def when(operator: str, key: str, *values: Any, **more: Any) -> dict[str, Any]:
    return {**READ, "Condition": {operator: {key: values[0] if len(values) == 1 else list(values)}}, **more}


def on(resource: str, action: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def found(kind: Any, *statements: Mapping[str, Any], **top: Any) -> tuple[Finding, ...]:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements), **top})
    return lint(text, RESOURCE if kind is TRUST else kind, AWS, resource_type=TRUST_POLICY if kind is TRUST else None)


def trusts(principal: Any, action: Any = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


def opened(**more: Any) -> dict[str, Any]:
    return {**READ, "Principal": ME, **more}


def closed(**more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", **more}


def by_service(**more: Any) -> dict[str, Any]:
    return opened(Principal={"Service": "sns.amazonaws.com"}, **more)


ERROR, SECURITY, WARNING, SUGGESTION = "ERROR", "SECURITY_WARNING", "WARNING", "SUGGESTION"
CASES: list[tuple[str, str, Any, list[dict[str, Any]]]] = [
    (ERROR, "INVALID_ACTION", IDENTITY, [{**READ, "Action": "s3:Gett*"}]),
    (ERROR, "INVALID_SERVICE_IN_ACTION", IDENTITY, [{**READ, "Action": "s33:GetObject"}]),
    (ERROR, "INVALID_EFFECT", IDENTITY, [{**READ, "Effect": "allow"}]),
    (ERROR, "MISSING_ACTION", SCP, [{"Effect": "Deny", "Resource": "*"}]),
    (ERROR, "MISSING_RESOURCE", SCP, [{"Effect": "Deny", "Action": "s3:*"}]),
    (ERROR, "MISSING_PRINCIPAL", RESOURCE, [READ]),
    (ERROR, "UNSUPPORTED_PRINCIPAL", IDENTITY, [opened()]),
    (ERROR, "INVALID_PARTITION", IDENTITY, [on("arn:moon:s3:::data")]),
    (ERROR, "INVALID_SERVICE", IDENTITY, [on("arn:aws:nosuch:::x")]),
    (ERROR, "INVALID_SERVICE", IDENTITY, [when("StringEquals", "nosuch:key", "x")]),
    (ERROR, "INVALID_ARN_PREFIX", IDENTITY, [on("aws:s3:::data")]),
    (ERROR, "INVALID_ARN_SERVICE_CASE", IDENTITY, [on("arn:aws:S3:::data")]),
    (ERROR, "INVALID_ARN_ACCOUNT", IDENTITY, [on("arn:aws:sqs:eu-west-1:1234:jobs")]),
    (ERROR, "INVALID_ARN_REGION", IDENTITY, [on("arn:aws:sqs:eu-west-9:111122223333:jobs")]),
    (ERROR, "INVALID_ARN_RESOURCE", IDENTITY, [on("arn:aws:lambda:eu-west-1:111122223333:functions-x")]),
    (ERROR, "MISSING_ARN_FIELD", IDENTITY, [on("arn:aws:s3:data")]),
    (ERROR, "MISSING_ARN_REGION", IDENTITY, [on("arn:aws:sqs::111122223333:jobs")]),
    (ERROR, "MISSING_ARN_ACCOUNT", IDENTITY, [on("arn:aws:sqs:eu-west-1::jobs")]),
    (ERROR, "ARN_ACCOUNT_NOT_ALLOWED", IDENTITY, [on("arn:aws:s3::111122223333:data/x")]),
    (ERROR, "ARN_REGION_NOT_ALLOWED", IDENTITY, [on("arn:aws:iam:eu-west-1:111122223333:user/bob")]),
    (ERROR, "INVALID_CONDITION_KEY_FORMAT", IDENTITY, [when("StringEquals", "username", "x")]),
    (ERROR, "INVALID_GLOBAL_CONDITION_KEY", IDENTITY, [when("StringEquals", "aws:PrincipleTag/a", "x")]),
    (ERROR, "UNSUPPORTED_GLOBAL_CONDITION_KEY", IDENTITY, [when("ArnLike", "aws:ARN", "arn:aws:iam::1:user/x")]),
    (WARNING, "DEPRECATED_GLOBAL_CONDITION_KEY", IDENTITY, [when("ArnLike", "aws:arn", "arn:aws:iam::1:user/x")]),
    (ERROR, "INVALID_SERVICE_CONDITION_KEY", IDENTITY, [when("StringEquals", "s3:nosuch", "x")]),
    (ERROR, "MISSING_TAG_KEY_IN_CONDITION", IDENTITY, [when("StringEquals", "aws:ResourceTag", "x")]),
    (ERROR, "MISSING_TAG_KEY_IN_CONDITION", IDENTITY, [when("StringEquals", "s3:ExistingObjectTag/", "x")]),
    (ERROR, "DUPLICATE_KEYS_WITH_DIFFERENT_CASE", IDENTITY, [
        {**READ, "Condition": {"StringEquals": {"aws:username": "a", "aws:UserName": "b"}}}]),
    (ERROR, "INVALID_CONDITION_OPERATOR", IDENTITY, [{**READ, "Condition": {"StringIs": {}}}]),
    (ERROR, "NULL_WITH_IF_EXISTS", IDENTITY, [when("NullIfExists", "aws:username", "true")]),
    (SUGGESTION, "NULL_WITH_QUALIFIER", IDENTITY, [when("ForAllValues:Null", "aws:TagKeys", "true")]),
    (ERROR, "MISSING_QUALIFIER", IDENTITY, [when("StringEquals", "aws:TagKeys", "x")]),
    (SECURITY, "FORALLVALUES_WITH_SINGLE_VALUED_KEY", IDENTITY, [when("ForAllValues:StringLike", "aws:username", "x")]),
    (ERROR, "INVALID_CONDITION_DATA_TYPE", IDENTITY, [when("StringEquals", "aws:username", "x", 1)]),
    (ERROR, "INVALID_CONDITION_MULTIPLE_BOOLEAN", IDENTITY, [when("Bool", "aws:SecureTransport", "true", "false")]),
    (ERROR, "INVALID_VARIABLE_FOR_OPERATOR", IDENTITY, [when("NumericEquals", "s3:max-keys", "${aws:username}")]),
    (ERROR, "INVALID_VPC_FORMAT", IDENTITY, [when("StringEquals", "aws:SourceVpc", "vpc-1")]),
    (ERROR, "INVALID_VPCE_FORMAT", IDENTITY, [when("StringNotEquals", "aws:sourceVpce", "vpc-12345678")]),
    (ERROR, "INVALID_REGION", IDENTITY, [when("StringEquals", "aws:RequestedRegion", "europe")]),
    (ERROR, "INVALID_SERVICE_PRINCIPAL_FORMAT", IDENTITY, [when("StringEquals", "iam:PassedToService", "lambda")]),
    (ERROR, "INVALID_SERVICE_PRINCIPAL_FORMAT", IDENTITY, [when("StringEquals", "kms:ViaService", "s3.amazonaws.com")]),
    (ERROR, "INVALID_SERVICE_PRINCIPAL_FORMAT", RESOURCE, [opened(Principal={"Service": "lambda"})]),
    (ERROR, "INVALID_KMS_KEY_VALUE", IDENTITY, [
        when("StringEquals", "s3:x-amz-server-side-encryption-aws-kms-key-id", "alias/mine", Action="s3:PutObject")]),
    (WARNING, "TYPE_MISMATCH", IDENTITY, [when("StringEquals", "aws:MultiFactorAuthPresent", "true")]),
    (WARNING, "TYPE_MISMATCH_BOOLEAN", IDENTITY, [when("Bool", "aws:SecureTransport", "yes")]),
    (WARNING, "TYPE_MISMATCH_DATE", IDENTITY, [when("DateLessThan", "aws:CurrentTime", "tomorrow")]),
    (WARNING, "TYPE_MISMATCH_NUMBER", IDENTITY, [when("NumericLessThan", "s3:max-keys", "ten")]),
    (WARNING, "TYPE_MISMATCH_STRING", IDENTITY, [when("BinaryEquals", "s3:signature", "?")]),
    (WARNING, "TYPE_MISMATCH_IP_RANGE", IDENTITY, [when("IpAddress", "aws:SourceIp", "here")]),
    (WARNING, "INVALID_DATE_VALUE", IDENTITY, [when("DateLessThan", "aws:CurrentTime", "1714564800")]),
    (SUGGESTION, "IMPROVE_IP_RANGE", IDENTITY, [when("IpAddress", "aws:SourceIp", "203.0.113.9/24")]),
    (ERROR, "PRIVATE_IP_ADDRESS", IDENTITY, [when("IpAddress", "aws:SourceIp", "fd00::/8")]),
    (ERROR, "PRIVATE_NOT_IP_ADDRESS", IDENTITY, [when("NotIpAddress", "aws:SourceIp", "172.16.1.1")]),
    (SUGGESTION, "PRIVATE_IP_ADDRESS_SUBSET", IDENTITY, [
        when("IpAddress", "aws:SourceIp", "10.0.0.0/8", "203.0.113.0/24")]),
    (SUGGESTION, "PRIVATE_NOT_IP_ADDRESS_SUBSET", IDENTITY, [
        when("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", "203.0.113.0/24")]),
    (SUGGESTION, "REDUNDANT_CONDITION_VALUE_NUM", IDENTITY, [when("NumericLessThan", "s3:max-keys", "1", "2")]),
    (WARNING, "WILDCARD_WITHOUT_LIKE_OPERATOR", IDENTITY, [when("StringNotEquals", "aws:username", "b?b")]),
    (SECURITY, "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", IDENTITY, [
        when("StringLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/x*")]),
    (SECURITY, "UNTRUSTWORTHY_CONDITION_KEY", IDENTITY, [when("StringEquals", "aws:Referer", "x")]),
    (SECURITY, "MISSING_PAIRED_CONDITION_KEYS", IDENTITY, [when("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8")]),
    (SECURITY, "DYNAMODB_ATTRIBUTES_WITHOUT_SELECT", IDENTITY, [
        {**on("*", "dynamodb:Query"), "Condition": {"ForAllValues:StringEquals": {"dynamodb:Attributes": "a"}}}]),
    (SECURITY, "S3_PREFIX_IN_NEGATIVE_CONTEXT", IDENTITY, [
        {"Effect": "Deny", "Action": "s3:ListBucket", "Resource": "*",
         "Condition": {"StringLike": {"s3:prefix": "private/*"}}}]),
    (WARNING, "USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES", IDENTITY, [
        when("StringEquals", "aws:VpceOrgID", "o-a1b2c3d4e5", Action="*")]),
    (ERROR, "WILDCARD_USAGE_TOO_PERMISSIVE", RESOURCE, [
        opened(Condition={"StringLike": {"aws:PrincipalOrgID": "o-*"}})]),
    (ERROR, "WILDCARD_USAGE_TOO_PERMISSIVE", RESOURCE, [
        opened(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:*"}})]),
    (ERROR, "WILDCARD_USAGE_TOO_PERMISSIVE", RESOURCE, [opened(Condition={"StringLike": {"aws:userid": "*"}})]),
    (ERROR, "VARIABLE_USAGE_TOO_PERMISSIVE", RESOURCE, [
        opened(Condition={"StringEquals": {"aws:SourceAccount": "${aws:PrincipalTag/a}"}})]),
    (SUGGESTION, "EQUIVALENT_TO_NULL_FALSE", IDENTITY, [when("StringLike", "aws:username", "*")]),
    (SUGGESTION, "EQUIVALENT_TO_NULL_TRUE", IDENTITY, [when("StringNotLike", "aws:username", "*")]),
    (SUGGESTION, "REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION", IDENTITY, [
        when("StringLikeIfExists", "aws:username", "*")]),
    (SUGGESTION, "REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION", IDENTITY, [
        when("ForAnyValue:StringNotLike", "aws:TagKeys", "*")]),
    (ERROR, "UNSUPPORTED_ACTION_FOR_CONDITION_KEY", IDENTITY, [when("StringLike", "s3:prefix", "a/*")]),
    (ERROR, "MISSING_ACTION_FOR_CONDITION_KEY", TRUST, [
        trusts(ME, Condition={"StringEquals": {"sts:SourceIdentity": "bob"}})]),
    (SECURITY, "DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", IDENTITY, [
        {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*",
         "Condition": {"StringEquals": {"aws:ResourceTag/a": "x"}}}]),
    (SECURITY, "DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", IDENTITY, [
        {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:ResourceTag/a": "x"}}}]),
    (SUGGESTION, "ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", IDENTITY, [
        {**on("*", "iam:ListUsers"), "Condition": {"StringEquals": {"aws:ResourceTag/a": "x"}}}]),
    (SUGGESTION, "ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", IDENTITY, [
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": OBJECT,
         "Condition": {"StringEquals": {"aws:ResourceTag/a": "x"}}}]),
    (ERROR, "MISSING_BRACE_IN_VARIABLE", IDENTITY, [on("arn:aws:s3:::home/${aws:username/*", "s3:*")]),
    (ERROR, "MISSING_QUOTE_IN_VARIABLE", IDENTITY, [on("arn:aws:s3:::home/${aws:username, x}", "s3:*")]),
    (ERROR, "UNSUPPORTED_SPACE_IN_VARIABLE", IDENTITY, [on("arn:aws:s3:::home/${aws: username}", "s3:*")]),
    (ERROR, "EMPTY_VARIABLE", IDENTITY, [when("StringEquals", "aws:username", "${ }")]),
    (ERROR, "VARIABLE_UNSUPPORTED_IN_ELEMENT", IDENTITY, [{**READ, "Sid": "${aws:username}"}]),
    (SUGGESTION, "EMPTY_SID_VALUE", IDENTITY, [{**READ, "Sid": ""}]),
    (ERROR, "UNSUPPORTED_SID", IDENTITY, [{**READ, "Sid": "read only"}]),
    (ERROR, "UNIQUE_SIDS_REQUIRED", IDENTITY, [{**READ, "Sid": "A"}, {**READ, "Sid": "A", "Action": "s3:PutObject"}]),
    (WARNING, "UNIQUE_SIDS_RECOMMENDED", RESOURCE, [opened(Sid="A"), opened(Sid="A", Action="s3:PutObject")]),
    (SUGGESTION, "REDUNDANT_STATEMENT", IDENTITY, [READ, {**READ, "Sid": "Again", "Action": ["S3:getobject"]}]),
    (SUGGESTION, "REDUNDANT_ACTION", IDENTITY, [{**READ, "Action": ["s3:getobject", "s3:GetObject"]}]),
    (SUGGESTION, "REDUNDANT_RESOURCE", IDENTITY, [{**READ, "Resource": [OBJECT, "arn:aws:s3:::data/a/*"]}]),
    (SUGGESTION, "WILDCARD_IN_SERVICE_NAME", IDENTITY, [on("arn:aws:*code*:eu-west-1:111122223333:*", "s3:*")]),
    (SUGGESTION, "WILDCARD_IN_SERVICE_NAME", IDENTITY, [{**READ, "Action": "s3*:Get*"}]),
    (SUGGESTION, "EMPTY_ARRAY_ACTION", RESOURCE, [opened(Action=[])]),
    (SUGGESTION, "EMPTY_ARRAY_RESOURCE", RESOURCE, [opened(Resource=[])]),
    (SUGGESTION, "EMPTY_ARRAY_PRINCIPAL", RESOURCE, [opened(Principal={"AWS": []})]),
    (SUGGESTION, "EMPTY_OBJECT_PRINCIPAL", RESOURCE, [opened(Principal={})]),
    (SUGGESTION, "EMPTY_OBJECT_CONDITION", IDENTITY, [{**READ, "Condition": {"StringEquals": {}}}]),
    (SUGGESTION, "EMPTY_ARRAY_CONDITION", IDENTITY, [{**READ, "Condition": {"StringEquals": {"aws:username": []}}}]),
    (SUGGESTION, "EMPTY_ARRAY_CONDITION_FORALLVALUES", IDENTITY, [
        {**READ, "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": []}}}]),
    (SUGGESTION, "EMPTY_ARRAY_CONDITION_FORANYVALUE", IDENTITY, [
        {**READ, "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": []}}}]),
    (SUGGESTION, "EMPTY_ARRAY_CONDITION_IFEXISTS", IDENTITY, [
        {**READ, "Condition": {"StringEqualsIfExists": {"aws:username": []}}}]),
    (SECURITY, "PASS_ROLE_WITH_STAR_IN_RESOURCE", IDENTITY, [on("arn:aws:iam::*:role/*", "iam:PassRole")]),
    (SECURITY, "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", IDENTITY, [on("*", "iam:Pass*")]),
    (SECURITY, "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION", IDENTITY, [
        {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]),
    (SECURITY, "PASS_ROLE_WITH_NOT_RESOURCE", IDENTITY, [
        {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "arn:aws:iam::111122223333:role/x"}]),
    (SECURITY, "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE", IDENTITY, [
        {"Effect": "Allow", "Action": "iam:*", "NotResource": "arn:aws:iam::111122223333:role/x"}]),
    (SECURITY, "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE", IDENTITY, [
        {"Effect": "Allow", "NotAction": "s3:*", "NotResource": "arn:aws:iam::111122223333:role/x"}]),
    (WARNING, "CREATE_SLR_WITH_STAR_IN_RESOURCE", IDENTITY, [on("*", "iam:CreateServiceLinkedRole")]),
    (WARNING, "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE", IDENTITY, [on("*", "iam:Create*")]),
    (WARNING, "CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION", IDENTITY, [
        {"Effect": "Allow", "NotAction": "s3:*", "Resource": "arn:aws:iam::111122223333:role/*"}]),
    (WARNING, "CREATE_SLR_WITH_NOT_RESOURCE", IDENTITY, [
        {"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "NotResource": OBJECT}]),
    (WARNING, "CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE", IDENTITY, [
        {"Effect": "Allow", "Action": "*", "NotResource": OBJECT}]),
    (WARNING, "CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE", IDENTITY, [
        {"Effect": "Allow", "NotAction": "s3:*", "NotResource": OBJECT}]),
    (ERROR, "UNSUPPORTED_WILDCARD_IN_PRINCIPAL", RESOURCE, [opened(Principal={"AWS": "arn:aws:iam::111122223333:user/*"})]),
    (ERROR, "INVALID_PRINCIPAL_FORMAT", RESOURCE, [opened(Principal={"AWS": "bob"})]),
    (WARNING, "INVALID_ROLE_REFERENCE", RESOURCE, [opened(Principal={"AWS": "AROA" + "A" * 17})]),
    (WARNING, "INVALID_USER_REFERENCE", TRUST, [trusts({"AWS": "AIDA" + "A" * 17})]),
    (SECURITY, "ALLOW_WITH_NOT_PRINCIPAL", RESOURCE, [
        {"Effect": "Allow", "NotPrincipal": ME, "Action": "s3:GetObject", "Resource": OBJECT}]),
    (ERROR, "FEDERATED_PRINCIPAL_NOT_SUPPORTED", RESOURCE, [opened(Principal={"Federated": OIDC})]),
    (SECURITY, "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", RESOURCE, [by_service()]),
    (SUGGESTION, "RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", RESOURCE, [
        by_service(Condition={"StringEquals": {"aws:Referer": "111122223333"}})]),
    (ERROR, "UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", RESOURCE, [
        by_service(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})]),
    (SUGGESTION, "IRRELEVANT_CONDITION_KEY_IN_POLICY", RESOURCE, [
        opened(Condition={"StringEquals": {"s3:ResourceAccount": "111122223333"}})]),
    (ERROR, "UNSUPPORTED_ACTION_IN_POLICY", RESOURCE, [opened(Action="kms:Decrypt")]),
    (ERROR, "UNSUPPORTED_RESOURCE_ARN_IN_POLICY", RESOURCE, [
        opened(Resource=[OBJECT, "arn:aws:kms:eu-west-1:111122223333:key/x"])]),
    (ERROR, "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", TRUST, [
        {"Effect": "Allow", "NotPrincipal": ME, "Action": "sts:AssumeRole"}]),
    (ERROR, "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", TRUST, [trusts("*")]),
    (ERROR, "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", TRUST, [trusts(ME, Resource="*")]),
    (ERROR, "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", TRUST, [trusts({"Federated": "saml"}, WEB)]),
    (ERROR, "MISMATCHED_ACTION_FOR_PRINCIPAL", TRUST, [trusts(ME, WEB)]),
    (ERROR, "MISMATCHED_ACTION_FOR_PRINCIPAL", TRUST, [trusts(ME, "s3:GetObject")]),
    (ERROR, "MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", TRUST, [
        trusts({"Service": "rolesanywhere.amazonaws.com"}, ["sts:AssumeRole", "sts:TagSession"])]),
    (SECURITY, "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", TRUST, [
        trusts({"Federated": OIDC}, WEB, Condition={"StringEquals": {"other.example.com:aud": "x"}})]),
    (SECURITY, "MISSING_GITHUB_REPO_CONDITION_KEY", TRUST, [trusts({"Federated": BY_GITHUB}, WEB)]),
    (WARNING, "SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", TRUST, [
        trusts({"Federated": BY_GITHUB}, WEB, Condition={"StringLike": {f"{GITHUB}:sub": "repo:acme/*"}})]),
    (SUGGESTION, "CONFIRM_AUDIENCE_CLAIM_TYPE", TRUST, [
        trusts({"Federated": OIDC}, WEB, Condition={"StringEquals": {"idp.example.com:aud": "x"}})]),
    (SECURITY, "FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE", TRUST, [
        trusts({"Federated": OIDC}, WEB, Condition={"ForAnyValue:StringEquals": {"idp.example.com:aud": "x"}})]),
    (SUGGESTION, "REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY", TRUST, [trusts({"AWS": [
        "arn:aws:iam::111122223333:role/a/Caller", "arn:aws:sts::111122223333:assumed-role/Caller/s1"]})]),
    (ERROR, "SCP_SYNTAX_ERROR_PRINCIPAL", SCP, [closed()]),
    (ERROR, "SCP_SYNTAX_ERROR_ACTION_WILDCARD", SCP, [{"Effect": "Deny", "Action": "iam:*Role", "Resource": "*"}]),
    (ERROR, "RCP_SYNTAX_ERROR_PRINCIPAL", RCP, [closed(Principal=ME)]),
    (ERROR, "RCP_SYNTAX_ERROR_ALLOW", RCP, [closed(Effect="Allow")]),
    (ERROR, "RCP_SYNTAX_ERROR_NOTACTION", RCP, [
        {"Effect": "Deny", "Principal": "*", "NotAction": "s3:*", "Resource": "*"}]),
    (WARNING, "RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", RCP, [
        closed(Condition={"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})]),
    (WARNING, "RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", RCP, [
        closed(Condition={"StringNotEqualsIfExists": {"aws:SourceOrgID": "o-a1b2c3d4e5"}})]),
    (WARNING, "RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK", RCP, [
        closed(Condition={"StringNotEqualsIfExists": {"aws:SourceOrgID": "o-a1b2c3d4e5"}})]),
    (WARNING, "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", IDENTITY, [{**READ, "Sid": "A" * 6144}]),
    (WARNING, "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", RESOURCE, [opened(Sid="A" * 20_480)]),
    (WARNING, "POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", TRUST, [trusts(ME, Sid="A" * 2048)]),
    (ERROR, "POLICY_SIZE_EXCEEDS_SCP_QUOTA", SCP, [{**READ, "Sid": "A" * 5120}]),
    (ERROR, "POLICY_SIZE_EXCEEDS_RCP_QUOTA", RCP, [closed(Sid="A" * 5120)]),
]  # fmt: skip
LATER = {"MISSING_VERSION", "VARIABLE_UNSUPPORTED_IN_VERSION"}
"""Of the top of the document: see below."""


@pytest.mark.parametrize(
    ("severity", "code", "kind", "statements"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_finding(severity: str, code: str, kind: Any, statements: list[dict[str, Any]]) -> None:
    got = [(finding.severity.value, finding.code) for finding in found(kind, *statements)]
    assert (severity, code) in got, got


def test_every_code_has_its_case() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in Path(package.__file__).parent.glob("*.py"))
    written = set(re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"', source)) - {"TRUST_POLICY", "RESOURCE_TYPES"}
    written -= {kind.value for kind in ValidationType}
    parts = {"STAR_IN_ACTION", "NOT_ACTION", "NOT_RESOURCE", "STAR_IN_RESOURCE", "STAR_IN_ACTION_AND_RESOURCE"}
    parts |= {"STAR_IN_RESOURCE_AND_NOT_ACTION"}
    assert written - parts <= {code for _, code, _, _ in CASES} | LATER


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        (IDENTITY, READ),
        (IDENTITY, {**READ, "Action": ["s3:Get*", "s3:PutObject"], "Resource": [OBJECT, "arn:aws:s3:::data"]}),
        (IDENTITY, on("arn:aws:iam::aws:policy/ReadOnlyAccess", "iam:GetPolicy")),
        (IDENTITY, on("arn:aws:s3:::home/${aws:PrincipalTag/team, 'none'}/${*}", "s3:GetObject")),
        (IDENTITY, on("arn:aws:ec2:eu-west-1::image/ami-1", "ec2:RunInstances")),
        (IDENTITY, on("arn:aws:sqs:*:*:jobs-*", "sqs:SendMessage")),
        (IDENTITY, on("arn:aws:iam::111122223333:role/service/Lambda*", "iam:PassRole")),
        (IDENTITY, {**on("*", "iam:PassRole"), "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}),
        (IDENTITY, when("StringEquals", "aws:ResourceAccount", "${aws:PrincipalAccount}")),
        (IDENTITY, when("DateGreaterThan", "aws:EpochTime", "1714564800")),
        (IDENTITY, when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-a1b2c3d4e5/r-ab12/*")),
        (IDENTITY, {"Effect": "Deny", "Action": "*", "Resource": "*"}),
        (IDENTITY, on("arn:aws:iam::${aws:PrincipalAccount}:role/app", "iam:PassRole")),
        (RESOURCE, opened(Sid="Enable IAM User Permissions")),
        (RESOURCE, opened(Resource="arn:${aws:PrincipalTag/partition}:s3:::data/*")),
        (RESOURCE, by_service(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:*"}})),
        (TRUST, trusts({"Service": "lambda.amazonaws.com"})),
        (TRUST, trusts(ME, ["sts:AssumeRole", "sts:TagSession"], Condition={"StringEquals": {"aws:RequestTag/a": "x"}})),
        (TRUST, trusts({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})),
        (TRUST, trusts({"Federated": BY_GITHUB}, WEB, Condition={
            "StringEquals": {f"{GITHUB}:sub": "repo:acme/site:environment:live", f"{GITHUB}:ref": "refs/heads/main"}})),
        (SCP, {"Effect": "Allow", "Action": "*", "Resource": "*"}),
        (RCP, closed(Action="*")),
        (RCP, closed(Condition={
            "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}})),
    ],
)  # fmt: skip
def test_nothing_to_say(kind: Any, statement: dict[str, Any]) -> None:
    assert found(kind, statement) == ()


def test_the_top_of_a_document() -> None:
    text = json.dumps({"Statement": on("arn:aws:s3:::home/${aws:username}", "s3:GetObject")})
    assert {finding.code for finding in lint(text, IDENTITY, AWS)} == LATER
    assert [finding.code for finding in lint("{", IDENTITY, AWS)] == ["JSON_SYNTAX_ERROR"]
    assert [finding.code for finding in lint('{"Statement": []}', IDENTITY, AWS)] == ["MISSING_STATEMENT"]


def test_a_finding_has_its_place_and_a_proposal() -> None:
    text = '{\n  "Version": "2012-10-17",\n  "Statement": {\n    "Effect": "Allow",\n'
    text += '    "Action": ["s3:GetObject",\n      "s3:GetObjects"], "Resource": "*"}}'
    (finding,) = lint(text, IDENTITY, AWS)
    assert (finding.line, finding.column, finding.path) == (6, 7, ("Statement", "0", "Action"))
    assert finding.message == 'there is no action "s3:GetObjects", did you mean "s3:GetObject"?'


def test_a_stated_type_of_resource() -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": opened(Action="s3:*", Resource="*")})
    assert lint(text, RESOURCE, AWS, resource_type="AWS::S3::Bucket") == ()
    (finding,) = lint(text, RESOURCE, AWS, resource_type="AWS::DynamoDB::Table")
    assert (finding.code, finding.path) == ("UNSUPPORTED_ACTION_IN_POLICY", ("Statement", "0", "Action"))


class Shop:
    """A service of one's own."""

    keys: ClassVar = {"shop:till": ConditionKey(name="shop:Till", type="String")}

    def prefixes(self) -> tuple[str, ...]:
        return ("shop",)

    def service(self, prefix: str) -> Service | None:
        actions = {"sell": Action(name="Sell", condition_keys=frozenset(self.keys)), "buy": Action(name="Buy")}
        return Service(prefix="shop", actions=actions) if prefix == "shop" else None

    def condition_keys(self, prefix: str) -> Mapping[str, ConditionKey] | None:
        return self.keys if prefix == "shop" else None

    def arn_formats(self, service: str) -> tuple[str, ...] | None:
        return ("arn:${Partition}:shop:${Region}:${Account}:till/${TillId}",) if service == "shop" else None


def test_services_of_ones_own_stand_beside_those_of_aws() -> None:
    def codes(action: Any, resource: str, key: str) -> list[str]:
        statement = {**on(resource, action), "Condition": {"StringEquals": {key: "1"}}}
        text = json.dumps({"Version": "2012-10-17", "Statement": statement})
        return [finding.code for finding in lint(text, IDENTITY, Together((Shop(), AWS)))]

    till = "arn:aws:shop:eu-west-1:111122223333:till/1"
    assert codes("shop:Sell", till, "shop:Till") == []
    assert codes(["shop:Sell", "s3:GetObject"], till, "aws:username") == []
    assert codes("shop:Give", till, "shop:Till") == ["INVALID_ACTION"]
    assert codes("shop:Buy", till, "shop:Till") == ["UNSUPPORTED_ACTION_FOR_CONDITION_KEY"]
    assert codes("shop:Sell", till.replace("till/", "shelf/"), "shop:Shelf") == [
        "INVALID_ARN_RESOURCE",
        "INVALID_SERVICE_CONDITION_KEY",
    ]


def test_a_long_document_has_the_gravest_findings_and_costs_no_more() -> None:
    many = {**on("*", ["nosuch:A"] * 3000), "Sid": "no good"}
    got = found(
        IDENTITY, READ, {**many, "Condition": {"StringEquals": {f"aws:ResourceTag/{i}": "*" for i in range(2000)}}}
    )
    assert len(got) == 100
    assert {finding.severity.value for finding in got} == {"ERROR"}


def test_the_regions_and_types_are_those_that_aws_has() -> None:
    session = botocore.session.get_session()
    regions = {r for p in session.get_available_partitions() for r in session.get_available_regions("sts", p)}
    assert regions <= REGIONS
    shape = session.get_service_model("accessanalyzer").operation_model("ValidatePolicy").input_shape.members
    assert set(shape["validatePolicyResourceType"].enum) == set(RESOURCE_TYPES)
    assert set(shape["policyType"].enum) == {kind.value for kind in ValidationType}


WORDS = st.sampled_from([
    "*", "s3:*", "s3:GetObject", "iam:PassRole", "${aws:username}", "${", "arn:aws:s3:::x", "arn:aws:iam::1:role/*", "",
    "aws:SourceIp", "10.0.0.0/8", "true", "a:b:c:d:e:f:g", "arn:*", "::::::", "?", "sts:AssumeRole", "*.amazonaws.com",
])  # fmt: skip
LISTS = st.one_of(WORDS, st.lists(WORDS, max_size=3))
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny", "dENY"])},
    optional={
        "Sid": WORDS,
        "Action": LISTS,
        "Resource": LISTS,
        "Principal": st.one_of(st.just("*"), st.dictionaries(st.sampled_from(["AWS", "Service", "Federated"]), LISTS)),
        "Condition": st.dictionaries(
            st.sampled_from(
                ["StringLike", "Null", "IpAddressIfExists", "ForAllValues:ArnNotLike", "DateEquals", "Bool"]
            ),
            st.dictionaries(WORDS, LISTS, max_size=2),
            max_size=2,
        ),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=3), st.sampled_from(list(ValidationType)), st.booleans())
def test_whatever_is_a_policy_can_be_checked(
    statements: list[dict[str, Any]], kind: ValidationType, is_trust: bool
) -> None:
    text = json.dumps({"Statement": statements}, indent=1)
    named = TRUST_POLICY if is_trust and kind is RESOURCE else None
    lines = text.split("\n")
    for finding in lint(text, kind, AWS, resource_type=named):
        assert finding.line is not None and finding.column is not None
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
        assert finding.message and len(finding.message) < 1000
