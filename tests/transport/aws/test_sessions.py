"""Sessions over AWS's wire: how long they are, who they are, when their credentials count, and what they can't do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from ...service import ACCOUNT, Service, allow
from ...wire import Answer, AwsKey, aws_key

TRUST = allow("sts:AssumeRole").replace('"Resource": "*"', f'"Principal": {{"AWS": "{ACCOUNT}"}}')
IDENTITY = ("GetCallerIdentity", "sts")
MINUTE = timedelta(minutes=1)


def arn(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def told(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.code


async def role(root: AwsKey, name: str, policy: str | None = None, **more: str | int) -> str:
    """A role that anybody of the account may assume who is allowed to; its ARN."""
    made = await root.ask("CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST, **more)
    if policy is not None:
        await root.ask("PutRolePolicy", RoleName=name, PolicyName="own", PolicyDocument=policy)
    return str(made.data["Role"]["Arn"])


async def assumed(key: AwsKey, arn: str, name: str = "ci", **more: str | int) -> AwsKey:
    answer = await key.ask("AssumeRole", "sts", RoleArn=arn, RoleSessionName=name, **more)
    assert answer.status == 200, answer.text
    return key.holding(answer.data["Credentials"])


async def session_id(service: Service, name: str) -> str:
    """The id of the session of the role `ops` that has this name."""
    sessions = "sessions(first: 9) { nodes { id name } }"
    query = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ role(name: "ops") {{ {sessions} }} }} }}'
    nodes = (await service.ask(query, await service.root())).only()["role"]["sessions"]["nodes"]
    return next(str(node["id"]) for node in nodes if node["name"] == name)


async def test_a_chained_session_is_an_hour_at_most_by_an_error(service: Service) -> None:
    """ST-01: with a long-term key, with GetSessionToken's credentials, and with a role's; never silently shorter."""
    root = await aws_key(service)
    long = await role(root, "long", allow("sts:AssumeRole"), MaxSessionDuration=43_200)
    short = await role(root, "short")
    ci = await aws_key(service, "ci", allow("sts:AssumeRole"))
    token = ci.holding((await ci.ask("GetSessionToken", "sts", DurationSeconds=129_600)).data["Credentials"])
    chained = await assumed(ci, long)
    service.clock.stop()
    for who, to, seconds, is_allowed in (
        (ci, long, 43_200, True),
        (token, long, 43_200, False),
        (chained, long, 43_200, False),
        (ci, long, 3600, True),
        (token, long, 3600, True),
        (chained, long, 3600, True),
        (token, long, 3601, False),
        (chained, long, 3601, False),
        *((who, long, seconds, False) for who in (ci, token, chained) for seconds in (899, 43_201)),
        (ci, short, 3600, True),
        (ci, short, 3601, False),
        (ci, short, 900, True),
    ):
        answer = await who.ask("AssumeRole", "sts", RoleArn=to, RoleSessionName="ci", DurationSeconds=seconds)
        if not is_allowed:
            assert told(answer) == (400, "ValidationError"), (to, seconds)
            continue
        expires = answer.data["Credentials"]["Expiration"]
        assert abs(expires - service.clock() - timedelta(seconds=seconds)) < timedelta(seconds=1), (to, seconds)


async def test_who_a_role_with_a_path_is(service: Service) -> None:
    """ST-02: the path is dropped; the answer comes even under a Deny; GetUser needs a name; names are one over all paths."""
    root = await aws_key(service)
    ci = await aws_key(service, "ci", allow("sts:AssumeRole"))
    deny = json.loads(allow("iam:GetUser"))
    deny["Statement"].append({"Effect": "Deny", "Action": "sts:GetCallerIdentity", "Resource": "*"})
    session = await assumed(ci, await role(root, "dev", allow("iam:GetUser"), Path="/team/a/"))
    unique_id = (await root.ask("GetRole", RoleName="dev")).data["Role"]["RoleId"]
    who = {
        "UserId": f"{unique_id}:ci",
        "Account": ACCOUNT,
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/ci",
    }
    assert unique_id.startswith("AROA") and (await session.ask(*IDENTITY)).data == who
    await root.ask("PutRolePolicy", RoleName="dev", PolicyName="own", PolicyDocument=json.dumps(deny))
    assert (await session.ask(*IDENTITY)).data == who
    assert told(await session.ask("GetUser")) == (400, "ValidationError")
    answer = await root.ask("CreateRole", RoleName="dev", AssumeRolePolicyDocument=TRUST)
    assert (*told(answer), answer.message) == (409, "EntityAlreadyExists", "Role with name dev already exists.")


async def test_the_life_of_a_credential_counts_at_each_request(service: Service) -> None:
    """ST-03: the five of the report, each 403 with AWS's code."""
    root = await aws_key(service)
    ops = await role(root, "ops")
    ci = await aws_key(service, "ci", allow("sts:AssumeRole"))
    session, other = await assumed(ci, ops), await assumed(ci, ops, "other")
    invalid, text = (403, "InvalidClientTokenId"), "The security token included in the request is invalid."

    await root.ask("UpdateAccessKey", UserName="ci", AccessKeyId=ci.id, Status="Inactive")
    inactive = await ci.ask(*IDENTITY)
    await root.ask("UpdateAccessKey", UserName="ci", AccessKeyId=ci.id, Status="Active")
    without = await replace(session, token=None).ask(*IDENTITY)
    another_s = await replace(session, token=other.token).ask(*IDENTITY)
    stray = await replace(ci, token=other.token).ask(*IDENTITY)
    for answer in (inactive, without, another_s, stray):
        assert (told(answer), answer.message) == (invalid, text)
    for good in (ci, session, other):
        assert (await good.ask(*IDENTITY)).status == 200
    service.clock.ahead = 61 * MINUTE
    assert told(await session.ask(*IDENTITY)) == (403, "ExpiredToken")


async def test_a_session_policy_is_not_got_round(service: Service) -> None:
    """Neither by keys that it makes, nor by other sessions, nor by rights that it gives to itself or takes from others."""
    root = await aws_key(service)
    admin = await role(root, "admin", allow("*"))
    await role(root, "other", allow("*"))
    ci = await aws_key(service, "ci", allow("sts:AssumeRole"))
    await aws_key(service, "alice", allow("*"))
    narrow = await assumed(ci, admin, Policy=allow("iam:GetUser"))
    assert (await narrow.ask("GetUser", UserName="alice")).status == 200
    everything = {"PolicyName": "all", "PolicyDocument": allow("*")}
    before = await service.snapshot()
    for action, name, given in (
        ("CreateUser", "iam", {"UserName": "mallory"}),
        ("CreateAccessKey", "iam", {"UserName": "alice"}),
        ("CreateAccessKey", "iam", {"UserName": "ci"}),
        ("CreateLoginProfile", "iam", {"UserName": "alice", "Password": "a-Passw0rd!9"}),
        ("AssumeRole", "sts", {"RoleArn": admin, "RoleSessionName": "again"}),
        ("AssumeRole", "sts", {"RoleArn": arn("other"), "RoleSessionName": "next"}),
        ("GetSessionToken", "sts", {}),
        ("GetFederationToken", "sts", {"Name": "kim", "Policy": allow("*")}),
        ("PutRolePolicy", "iam", {"RoleName": "admin", **everything}),
        ("PutUserPolicy", "iam", {"UserName": "ci", **everything}),
        ("UpdateAssumeRolePolicy", "iam", {"RoleName": "other", "PolicyDocument": TRUST}),
        ("DeleteRolePolicy", "iam", {"RoleName": "other", "PolicyName": "own"}),
    ):  # fmt: skip
        assert told(await narrow.ask(action, name, **given)) == (403, "AccessDenied"), (action, given)
    assert await service.snapshot() == before
    # A chained session is as narrow as its own policy says, however wide the one before.
    wide = await assumed(ci, admin)
    chained = await assumed(wide, arn("other"), Policy=allow("iam:GetUser"))
    assert told(await chained.ask("CreateUser", UserName="mallory")) == (403, "AccessDenied")
    assert (await wide.ask("CreateUser", UserName="eve")).status == 200


async def test_revoking_a_session_ends_what_came_of_it(service: Service) -> None:
    root = await aws_key(service)
    ops = await role(root, "ops", allow("sts:AssumeRole", "iam:CreateUser"))
    ci = await aws_key(service, "ci", allow("sts:AssumeRole"))
    first = await assumed(ci, ops)
    second = await assumed(first, ops, "second")
    third, beside = await assumed(second, ops, "third"), await assumed(ci, ops, "beside")
    await service.good("revokeSession", {"sessionId": await session_id(service, "ci")})
    for one in (first, second, third):
        assert told(await one.ask("CreateUser", UserName="mallory")) == (403, "InvalidClientTokenId")
    for one in (ci, beside):
        assert (await one.ask(*IDENTITY)).status == 200
    assert told(await root.ask("GetUser", UserName="mallory")) == (404, "NoSuchEntity")
