"""Policy documents: kept as they came, measured as AWS measures them, and versioned."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ..databases import STORES, fresh
from ..service import Service, allow, served
from .asking import account, arn, document, refused, role, statement, trusting

POL = arn("policy/pol")
TEXTS = 'policy(arn: "%s") { defaultVersion { document } versions { versionId isDefault document } }' % POL  # noqa: UP031

ODD = (
    '{ "Statement" : {"Resource":"arn:aws:s3:::b/%253A/caf\\u00e9/é","Action":"s3:Get*" ,\n\t"Effect":"Allow",'
    '"Condition":{"StringEquals":{"aws:PrincipalTag/team":["red"]}}},\r\n "Version":"2012-10-17", "Id":"x" }\n '
)


async def _all_texts(service: Service) -> Any:
    return await account(
        service,
        f'policy(arn: "{POL}") {{ defaultVersion {{ document }} versions {{ document }} }} '
        'user(name: "bob") { inlinePolicies(first: 9) { nodes { document } } } role(name: "five") { trustPolicy }',
    )


@pytest.mark.parametrize("store", STORES)
async def test_a_document_reads_back_byte_for_byte_every_time(store: str, tmp_path: Path) -> None:
    """PD-01: also with Statement as one object, Action as text, a one-element list and five principals; 20 times; and
    after the store was opened anew."""
    names = ["zoe", "adam", "mia", "bob", "carl"]
    trust = trusting(*(arn(f"user/{name}") for name in names)).replace(", ", " ,\n")
    async with fresh(store, tmp_path) as url:
        async with served(url, tmp_path) as service:
            for name in names:
                await service.good("createUser", {"userName": name})
            await service.good("createPolicy", {"policyName": "pol", "policyDocument": ODD})
            inline = {"userName": "bob", "policyName": "odd", "policyDocument": ODD}
            await service.good("putUserPolicy", inline)
            await role(service, "five", trust)
            first = await _all_texts(service)
            assert first["policy"] == {"defaultVersion": {"document": ODD}, "versions": [{"document": ODD}]}
            assert first["user"]["inlinePolicies"]["nodes"] == [{"document": ODD}]
            assert first["role"]["trustPolicy"] == trust
            for _ in range(20):
                assert await _all_texts(service) == first
        async with served(url, tmp_path) as service:
            for _ in range(20):
                assert await _all_texts(service) == first


async def test_sids_are_unique_where_they_are_given(service: Service) -> None:
    """PD-02: one Sid twice is refused; none, and empty ones, are no Sid. A hyphen is accepted: the recorded cases say
    so (tests/cases, finding-040)."""
    look = statement("Allow", "s3:Get*")
    twice = document({**look, "Sid": "A"}, {**look, "Sid": "A"})
    input = {"policyName": "pol", "policyDocument": twice}
    error = await refused(service, "createPolicy", input, "MalformedPolicyDocumentError", "findings { code line }")
    assert error["findings"] and error["code"] == "MALFORMED_POLICY_DOCUMENT"
    for number, text in enumerate(
        (
            document({**look, "Sid": "read-only"}),
            document(look, statement("Deny", "s3:GetObject")),
            document({**look, "Sid": ""}, {**statement("Deny", "s3:GetObject"), "Sid": ""}),
        )
    ):
        await service.good("createPolicy", {"policyName": f"p{number}", "policyDocument": text})
        stored = await account(
            service, f'policy(arn: "{arn(f"policy/p{number}")}") {{ defaultVersion {{ document }} }}'
        )
        assert stored["policy"]["defaultVersion"]["document"] == text

    await service.good("createUser", {"userName": "bob"})
    for number in (1, 2):
        at = {"userName": "bob", "policyArn": arn(f"policy/p{number}")}
        await service.good("attachUserPolicy", at)
        assert await _can(service, "s3:GetBucketAcl") == "ALLOWED"
        assert await _can(service, "s3:GetObject") == "EXPLICITLY_DENIED"
        await service.good("detachUserPolicy", at)


async def _can(service: Service, action: str, resource: str = "arn:aws:s3:::b/x") -> str:
    found = await account(
        service, f'user(name: "bob") {{ can(action: "{action}", resource: "{resource}") {{ outcome }} }}'
    )
    outcome: str = found["user"]["can"]["outcome"]
    return outcome


async def test_not_action_and_not_resource_are_complements(service: Service) -> None:
    """PD-03: both forms decide; a statement with both of a pair, or with neither, is malformed."""
    await service.good("createUser", {"userName": "bob"})
    text = document(
        {"Effect": "Allow", "NotAction": "s3:*BucketPolicy*", "Resource": "*"},
        {"Effect": "Deny", "NotAction": ["iam:Get*", "s3:*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:Get*", "NotResource": "arn:aws:s3:::b/*"},
    )
    await service.good("putUserPolicy", {"userName": "bob", "policyName": "own", "policyDocument": text})
    assert await _can(service, "s3:PutBucketPolicy") == "IMPLICITLY_DENIED"
    assert await _can(service, "s3:GetObject") == "ALLOWED"
    assert await _can(service, "s3:GetObject", "arn:aws:s3:::other/x") == "EXPLICITLY_DENIED"
    assert await _can(service, "iam:GetUser", arn("user/x")) == "ALLOWED"
    assert await _can(service, "iam:ListUsers", "*") == "EXPLICITLY_DENIED"

    whole = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    for bad in (
        {**whole, "NotAction": "iam:*"},
        {"Effect": "Allow", "Resource": "*"},
        {**whole, "NotResource": "x"},
        {"Effect": "Allow", "Action": "s3:*"},
    ):
        input = {"userName": "bob", "policyName": "bad", "policyDocument": document(bad)}
        await refused(service, "putUserPolicy", input, "MalformedPolicyDocumentError")


def _sized(size: int) -> str:
    """A policy of exactly so many characters that are not white space."""
    bare = json.loads(allow("s3:Get*", resource="arn:aws:s3:::"))
    short = len("".join(json.dumps(bare).split()))
    bare["Statement"][0]["Resource"] += "x" * (size - short)
    text = json.dumps(bare)
    assert len("".join(text.split())) == size
    return text


async def test_sizes_do_not_count_white_space(service: Service) -> None:
    """PD-04: a managed policy of 6,144 characters and 10 kB of indentation fits; one character more does not."""
    fits = _sized(6144).replace(", ", "," + " \n\t" * 3500)
    assert len(fits) > 16_000
    await service.good("createPolicy", {"policyName": "pol", "policyDocument": fits})
    error = await refused(
        service,
        "createPolicy",
        {"policyName": "big", "policyDocument": _sized(6145)},
        "LimitExceededError",
        "limit",
    )
    assert error["limit"] == 6144
    versioned = {"policyArn": POL, "policyDocument": _sized(6145)}
    await refused(service, "createPolicyVersion", versioned, "LimitExceededError")
    assert (await account(service, TEXTS))["policy"]["defaultVersion"]["document"] == fits

    trust = trusting("*").replace(", ", "," + " " * 3000)
    await role(service, "wide", trust)
    long = trusting("*", Sid="x" * 2048)
    input = {"roleName": "long", "assumeRolePolicyDocument": long}
    error = await refused(service, "createRole", input, "LimitExceededError", "limit")
    assert error["limit"] == 2048


@pytest.mark.parametrize(
    ("kind", "each", "limit"), [("User", 1500, 2048), ("Group", 3000, 5120), ("Role", 6000, 10240)]
)
async def test_inline_quotas_are_totals(service: Service, kind: str, each: int, limit: int) -> None:
    """PD-04: the inline policies of one identity are added up. One that is replaced no longer counts."""
    name = f"{kind.lower()}Name"
    extra = {"assumeRolePolicyDocument": trusting("*")} if kind == "Role" else {}
    await service.good(f"create{kind}", {name: "one", **extra})

    def put(policy: str, size: int) -> dict[str, str]:
        return {name: "one", "policyName": policy, "policyDocument": _sized(size)}

    await service.good(f"put{kind}Policy", put("first", each))
    error = await refused(service, f"put{kind}Policy", put("second", each), "LimitExceededError", "limit")
    assert error["limit"] == limit
    await service.good(f"put{kind}Policy", put("second", limit - each))
    await refused(service, f"put{kind}Policy", put("second", limit - each + 1), "LimitExceededError")
    await service.good(f"put{kind}Policy", put("first", each))


async def _versions(service: Service) -> dict[str, bool]:
    found = await account(service, TEXTS)
    return {version["versionId"]: version["isDefault"] for version in found["policy"]["versions"]}


async def test_one_default_at_most_five_versions_and_no_number_twice(service: Service) -> None:
    """PD-05"""
    make = {"policyArn": POL, "policyDocument": allow("s3:Get*")}
    await service.good("createPolicy", {"policyName": "pol", "policyDocument": allow("s3:*")})
    for default in (True, False, True, True):
        await service.good("createPolicyVersion", {**make, "setAsDefault": default})
        assert list((await _versions(service)).values()).count(True) == 1
    assert await _versions(service) == {"v5": True, "v4": False, "v3": False, "v2": False, "v1": False}
    error = await refused(service, "createPolicyVersion", make, "LimitExceededError", "limit")
    assert error["limit"] == 5
    in_force = {"policyArn": POL, "versionId": "v5"}
    await refused(service, "deletePolicyVersion", in_force, "DeleteConflictError", "blockedBy { __typename }")
    await service.good("deletePolicyVersion", {"policyArn": POL, "versionId": "v2"})
    await service.good("createPolicyVersion", make)
    assert await _versions(service) == {"v6": False, "v5": True, "v4": False, "v3": False, "v1": False}
    await service.good("deletePolicyVersion", {"policyArn": POL, "versionId": "v6"})
    await service.good("createPolicyVersion", make)
    assert "v7" in await _versions(service)
    await service.good("setDefaultPolicyVersion", {"policyArn": POL, "versionId": "v1"})
    assert [name for name, default in (await _versions(service)).items() if default] == ["v1"]
    await refused(service, "setDefaultPolicyVersion", {"policyArn": POL, "versionId": "v2"}, "NoSuchEntityError")
    await refused(service, "deletePolicy", {"policyArn": POL}, "DeleteConflictError")


async def test_versions_made_in_parallel_keep_the_quota(service: Service) -> None:
    """CC-02: of twelve at once four fit beside the first; each has a number of its own, and one is the default."""
    await service.good("createPolicy", {"policyName": "pol", "policyDocument": allow("s3:*")})
    make = {"policyArn": POL, "policyDocument": allow("s3:Get*"), "setAsDefault": True}
    root = await service.root()
    done = await asyncio.gather(*(service.do("createPolicyVersion", make, token=root) for _ in range(12)))
    ends = [one["__typename"] for one in done]
    assert (ends.count("CreatePolicyVersionSuccess"), ends.count("LimitExceededError")) == (4, 8), ends
    assert await _versions(service) == {"v5": True, "v4": False, "v3": False, "v2": False, "v1": False}


async def test_a_document_has_a_length_and_an_alphabet(service: Service) -> None:
    """Raw text is 1 to 131,072 characters of tab, line feed, carriage return and U+0020 to U+00FF (limits.md 5.3)."""
    padded = allow("s3:*").ljust(131_072)
    await service.good("createPolicy", {"policyName": "pol", "policyDocument": padded})
    assert (await account(service, TEXTS))["policy"]["defaultVersion"]["document"] == padded
    for bad in (padded + " ", ""):
        input = {"policyName": "bad", "policyDocument": bad}
        error = await refused(service, "createPolicy", input, "InvalidInputError", "field")
        assert error["field"] == "policyDocument"
    for letter in "\u0100\u2028\U0001f600\x00\x0b\x1f":
        for text in (allow("s3:*").replace(" ", letter, 1), allow("s3:*").replace("s3:*", "s3:" + letter)):
            await refused(service, "createPolicy", {"policyName": "bad", "policyDocument": text}, "InvalidInputError")
    listed = await account(service, "policies(first: 9) { nodes { name } }")
    assert listed["policies"]["nodes"] == [{"name": "pol"}]
