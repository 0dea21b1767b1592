"""GetFederationToken: what federated users may, as whom policies and the history see them, and what ends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from iamgraph.app.caller import Origin
from iamgraph.app.history.export import record

from ..service import ACCOUNT, Service, allow
from ..transport.graphql.test_signed import Key, key_of
from .asking import OTHER, account, arn, document, other_root, refused, role, statement, trusting, works

FIELDS = (
    "accessToken packedPolicySize federatedUser { federatedUserId arn } "
    "credentials { accessKeyId secretAccessKey sessionToken expiration } "
    "session { id arn name source issuedAt expiresAt sessionPolicy parent { id } }"
)
KIM = f"arn:aws:sts::{ACCOUNT}:federated-user/kim"
ASKED = '{ authorize(input: { action: "%s", resource: "*" }) { outcome reason } }'
BROKER = [statement("Allow", "sts:GetFederationToken"), statement("Allow", ["docs:*", "s3:Get*"])]


async def broker(service: Service, *statements: dict[str, Any]) -> Key:
    await service.user("broker", document(*(statements or BROKER)), path="/apps/")
    return await key_of(service, "broker")


async def made(key: Key, **input: Any) -> Any:
    found = await key.do("getFederationToken", {"name": "kim", **input}, FIELDS)
    assert found["__typename"] == "GetFederationTokenSuccess", found
    return found


async def federated(key: Key, **input: Any) -> Key:
    given = (await made(key, **input))["credentials"]
    return replace(key, id=given["accessKeyId"], secret=given["secretAccessKey"], token=given["sessionToken"])


async def error(key: Key, **input: Any) -> tuple[str, str]:
    found = await key.do("getFederationToken", {"name": "kim", **input})
    return found["__typename"], found["message"]


async def outcome(key: Key, action: str) -> str:
    found: str = (await key.ask(ASKED % action)).only()["outcome"]
    return found


async def test_credentials_for_somebody_else(service: Service) -> None:
    key = await broker(service)
    policy = allow("docs:Read")
    found = await made(key, policy=policy)
    assert found["federatedUser"] == {"federatedUserId": f"{ACCOUNT}:kim", "arn": KIM}
    session = found["session"]
    assert (session["arn"], session["name"], session["source"]) == (KIM, "kim", "FEDERATION_TOKEN")
    assert (session["sessionPolicy"], session["parent"]) == (policy, None)
    assert found["credentials"]["expiration"] == session["expiresAt"]
    assert found["credentials"]["accessKeyId"].startswith("ASIA")
    size = len(policy.replace(" ", ""))
    assert found["packedPolicySize"] == -(-100 * size // 2048)
    assert (await made(key))["packedPolicySize"] == 0
    for seconds in (None, 900, 129_600):
        given = {} if seconds is None else {"durationSeconds": seconds}
        one = (await made(key, **given))["session"]
        lasts = datetime.fromisoformat(one["expiresAt"]) - datetime.fromisoformat(one["issuedAt"])
        assert lasts.total_seconds() == (seconds or 43_200)
    # Both kinds of credentials are the federated user, who acts for its user.
    who = "{ viewer { arn principal { arn } session { id } } }"
    kim = replace(
        key,
        id=found["credentials"]["accessKeyId"],
        secret=found["credentials"]["secretAccessKey"],
        token=found["credentials"]["sessionToken"],
    )
    for reply in (await kim.ask(who), await service.ask(who, found["accessToken"])):
        shown = {"arn": KIM, "principal": {"arn": arn("user/apps/broker")}, "session": {"id": session["id"]}}
        assert reply.data == {"viewer": shown}
    event = (await service.events(name="GetFederationToken"))[0]
    assert (event.action, event.resources, event.principal_arn) == (
        "sts:GetFederationToken",
        (KIM,),
        arn("user/apps/broker"),
    )
    assert event.access_key_id == key.id
    assert found["credentials"]["secretAccessKey"] not in repr(await service.events())


async def test_what_both_its_user_and_its_session_policies_allow(service: Service) -> None:
    key = await broker(service)
    made_policy = {"policyName": "docs", "policyDocument": allow("docs:Share")}
    docs = (await service.good("createPolicy", made_policy, "policy { arn }"))["policy"]["arn"]
    both = await federated(key, policy=allow("docs:Read", "s3:*"), policyArns=[docs])
    for action, expected in (
        ("docs:Read", "ALLOWED"),
        ("docs:Share", "ALLOWED"),
        ("docs:Delete", "IMPLICITLY_DENIED"),
        ("s3:GetObject", "ALLOWED"),
        ("s3:PutObject", "IMPLICITLY_DENIED"),
    ):
        assert await outcome(both, action) == expected, action
    # Without a session policy it has nothing of its own.
    assert await outcome(await federated(key), "docs:Read") == "IMPLICITLY_DENIED"
    # What its user loses, it loses at the next request; and so with a boundary, and with the managed policy.
    own = {"userName": "broker", "policyName": "own"}
    await service.good("putUserPolicy", own | {"policyDocument": document(*BROKER, statement("Deny", "docs:Read"))})
    assert await outcome(both, "docs:Read") == "EXPLICITLY_DENIED"
    await service.good("putUserPolicy", own | {"policyDocument": document(*BROKER)})
    assert await outcome(both, "docs:Read") == "ALLOWED"
    edge = {"policyName": "edge", "policyDocument": allow("docs:Share")}
    edge_arn = (await service.good("createPolicy", edge, "policy { arn }"))["policy"]["arn"]
    await service.good("putUserPermissionsBoundary", {"userName": "broker", "permissionsBoundary": edge_arn})
    assert [await outcome(both, action) for action in ("docs:Read", "docs:Share")] == ["IMPLICITLY_DENIED", "ALLOWED"]
    await service.good("deletePolicy", {"policyArn": docs})
    assert await outcome(both, "docs:Share") == "IMPLICITLY_DENIED"


async def test_neither_iam_nor_sts(service: Service) -> None:
    key = await broker(service, statement("Allow", "*"))
    await role(service, "ops", trusting(KIM, arn("user/apps/broker")), allow("*"))
    kim = await federated(key, policy=allow("*"))
    for action in (
        "iam:GetUser",
        "iam:ListUsers",
        "sts:AssumeRole",
        "sts:AssumeRoot",
        "sts:DecodeAuthorizationMessage",
        "sts:GetAccessKeyInfo",
        "sts:GetFederationToken",
        "sts:GetServiceBearerToken",
        "sts:GetSessionToken",
        "sts:GetWebIdentityToken",
        "sts:SetSourceIdentity",
        "sts:TagSession",
    ):
        assert await outcome(kim, action) == "EXPLICITLY_DENIED", action
    assert await outcome(kim, "docs:Read") == "ALLOWED"
    denied = "with an explicit deny in a session policy"
    reply = await kim.ask("{ viewer { account { users(first: 1) { nodes { name } } } } }")
    assert reply.codes == ["ACCESS_DENIED"]
    found = await kim.do("assumeRole", {"roleArn": arn("role/ops"), "roleSessionName": "ci"})
    assert found["__typename"] == "AccessDeniedError" and found["message"].endswith(denied)
    assert found["message"].startswith(f"User: {KIM} is not authorized to perform: sts:AssumeRole on resource: ")
    # Not either what everybody may, or takes no permission.
    await service.good("updateAccountPasswordPolicy", {"allowUsersToChangePassword": True})
    change = {"oldPassword": "broker-Passw0rd!", "newPassword": "another-Passw0rd!"}
    assert (await kim.do("changePassword", change))["__typename"] == "AccessDeniedError"
    assert (await kim.do("getSessionToken", {}))["__typename"] == "LongTermKeyRequiredError"
    assert (await error(kim))[0] == "AccessDeniedError"


async def test_only_who_may_and_with_a_long_term_key(service: Service) -> None:
    message = "Cannot call GetFederationToken with session credentials"
    key = await broker(service)
    refusal = await refused(
        service, "getFederationToken", {"name": "kim"}, "LongTermKeyRequiredError", token=service.tokens["broker"]
    )
    assert (refusal["code"], refusal["message"]) == ("ACCESS_DENIED", message)
    await role(service, "ops", trusting(arn("root")), allow("*"))
    alice = await service.user("alice", allow("*"))
    ops = await service.good("assumeRole", {"roleArn": arn("role/ops"), "roleSessionName": "ci"}, "accessToken", alice)
    token = ops["accessToken"]
    refusal = await refused(service, "getFederationToken", {"name": "kim"}, "LongTermKeyRequiredError", token=token)
    assert refusal["message"] == message
    # The resource is the federated user, so that a policy can say which ones.
    named = statement("Allow", "sts:GetFederationToken", f"arn:aws:sts::{ACCOUNT}:federated-user/k*")
    await service.good("putUserPolicy", {"userName": "broker", "policyName": "own", "policyDocument": document(named)})
    await made(key)
    before = await service.snapshot()
    assert await error(key, name="jo") == (
        "AccessDeniedError",
        f"User: {arn('user/apps/broker')} is not authorized to perform: sts:GetFederationToken on resource: "
        f"arn:aws:sts::{ACCOUNT}:federated-user/jo because no identity-based policy allows the sts:GetFederationToken "
        "action",
    )
    tags = [{"key": "team", "value": "red"}]
    assert (await error(key, tags=tags))[1].startswith(
        f"User: {arn('user/apps/broker')} is not authorized to perform: sts:TagSession on resource: {KIM} "
    )
    assert await service.snapshot() == before
    assert (await service.ask('mutation { getFederationToken(input: { name: "kim" }) { __typename } }')).status == 401


async def test_what_is_wrong_is_said(service: Service) -> None:
    await other_root(service)
    key = await broker(service, statement("Allow", "*"))
    foreign = f"arn:aws:iam::{OTHER}:policy/x"
    before = await service.snapshot()
    tag = {"key": "team", "value": "red"}
    for kind, given in (
        ("InvalidInputError", {"name": "k"}),
        ("InvalidInputError", {"name": "k" * 33}),
        ("InvalidInputError", {"name": "kim/x"}),
        ("InvalidInputError", {"durationSeconds": 899}),
        ("InvalidInputError", {"durationSeconds": 129_601}),
        ("InvalidInputError", {"tags": [tag, {"key": "Team", "value": "blue"}]}),
        ("InvalidInputError", {"tags": [{"key": "aws:x", "value": "y"}]}),
        ("InvalidInputError", {"policyArns": [arn("policy/gone")]}),
        ("InvalidInputError", {"policyArns": [foreign]}),
        ("InvalidInputError", {"policyArns": [arn(f"policy/p{n}") for n in range(11)]}),
        ("MalformedPolicyDocumentError", {"policy": "{"}),
        ("InvalidInputError", {"policy": allow("docs:Read") + " " * 2048}),
        ("LimitExceededError", {"policy": allow("docs:" + "x" * 1900), "policyArns": [arn("policy/" + "p" * 80)]}),
    ):
        assert (await error(key, **given))[0] == kind, given
    assert await error(key, policyArns=[foreign]) == (
        "InvalidInputError",
        f"Policy {foreign} does not exist in the caller's account.",
    )
    assert await service.snapshot() == before


async def test_whom_policies_see(service: Service) -> None:
    """IAM User Guide, "AWS global condition context keys"; a session tag replaces the user's, whatever its case."""
    key = await broker(service, statement("Allow", "*"))
    tags = [{"key": "Team", "value": "red"}, {"key": "site", "value": "one"}]
    await service.good("tagUser", {"userName": "broker", "tags": tags})
    token = (await made(key, policy=allow("*"), tags=[{"key": "team", "value": "blue"}]))["accessToken"]
    origin = Origin(request_id="1", transport="TEST", ip_address=None, user_agent=None, is_secure=True)
    found = (await service.kernel.authenticate(token, origin)).context
    about = {
        name: value for name, value in found.items() if name.startswith(("aws:Principal", "aws:user", "aws:Multi"))
    }
    assert about == {
        "aws:PrincipalAccount": ACCOUNT,
        "aws:PrincipalArn": KIM,
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalTag/site": "one",
        "aws:PrincipalTag/team": "blue",
        "aws:PrincipalType": "FederatedUser",
        "aws:MultiFactorAuthPresent": "false",
        "aws:userid": f"{ACCOUNT}:kim",
    }
    assert "aws:TokenIssueTime" in found


async def test_of_the_root(service: Service) -> None:
    """An hour at most; what the session policies allow, within the guardrails, and without them nothing."""
    key = await key_of(service, None)
    for seconds, lasts in ((None, 3600), (900, 900), (7200, 3600)):
        given = {} if seconds is None else {"durationSeconds": seconds}
        session = (await made(key, **given))["session"]
        until = datetime.fromisoformat(session["expiresAt"]) - datetime.fromisoformat(session["issuedAt"])
        assert (session["arn"], until.total_seconds()) == (KIM, lasts)
    kim = await federated(key, policy=allow("docs:*"))
    assert [await outcome(kim, action) for action in ("docs:Read", "s3:GetObject", "iam:GetUser")] == [
        "ALLOWED",
        "IMPLICITLY_DENIED",
        "EXPLICITLY_DENIED",
    ]
    assert await outcome(await federated(key), "docs:Read") == "IMPLICITLY_DENIED"

    other = await key_of(service, None, await other_root(service))
    kim = await federated(other, policy=allow("docs:*"))
    assert await outcome(kim, "docs:Read") == "ALLOWED"
    text = document(statement("Deny", "docs:Read"))
    input = {"name": "no-reading", "kind": "SERVICE_CONTROL", "policyDocument": text}
    rule = (await service.good("createGuardrail", input, "guardrail { arn }"))["guardrail"]["arn"].rpartition("/")[2]
    await service.good("attachGuardrail", {"guardrailId": rule, "accountId": OTHER})
    assert [await outcome(kim, action) for action in ("docs:Read", "docs:Share")] == ["EXPLICITLY_DENIED", "ALLOWED"]


async def test_what_ends_them(service: Service) -> None:
    """As on AWS they outlive the key that asked for them, and not the user; and they can be listed and revoked."""
    key = await broker(service)
    found = [await made(key, name=name, policy=allow("docs:*")) for name in ("kim", "jo")]
    kim, jo = (one["accessToken"] for one in found)
    listed = await account(service, 'user(name: "broker") { sessions(first: 9) { nodes { arn source } } }')
    sources = {node["arn"]: node["source"] for node in listed["user"]["sessions"]["nodes"]}
    assert sources[KIM] == "FEDERATION_TOKEN" and len(sources) == 3
    # Who watches over the user's sessions revokes them; they themselves end their own.
    revoked = await service.good("revokeSession", {"sessionId": found[0]["session"]["id"]}, "revoked { arn }")
    assert revoked == {"__typename": "RevokeSessionSuccess", "revoked": [{"arn": KIM}]}
    assert [await works(service, token) for token in (kim, jo)] == [False, True]
    await service.good("updateAccessKey", {"userName": "broker", "accessKeyId": key.id, "status": "INACTIVE"})
    assert [await key.works(), await works(service, jo)] == [False, True]
    await service.good("deleteAccessKey", {"userName": "broker", "accessKeyId": key.id})
    for name, more in (("deleteUserPolicy", {"policyName": "own"}), ("deleteLoginProfile", {})):
        await service.good(name, {"userName": "broker", **more})
    assert await works(service, jo)
    await service.good("deleteUser", {"userName": "broker"})
    assert not await works(service, jo)


async def test_what_the_history_says(service: Service) -> None:
    key = await broker(service, statement("Allow", "*"))
    kim = await federated(key, policy=allow("docs:*"))
    await kim.do("createUser", {"userName": "eve"})
    (event,) = await service.events(name="CreateUser", principal_arn=KIM)
    assert event.error_code == "AccessDenied" and event.access_key_id == kim.id
    who = record(event)["userIdentity"]
    assert isinstance(who, dict) and event.principal_id is not None
    assert (who["type"], who["principalId"], who["arn"]) == ("FederatedUser", f"{ACCOUNT}:kim", KIM)
    issuer = {"type": "IAMUser", "principalId": event.principal_id, "accountId": ACCOUNT}
    assert who["sessionContext"] == {"sessionIssuer": issuer} and event.principal_id.startswith("AIDA")


async def test_a_platform_asks_about_a_federated_user(service: Service) -> None:
    key = await broker(service)
    token = (await made(key, policy=allow("docs:Read")))["accessToken"]
    platform = await service.user("platform", allow("iamgraph:Authorize", resource=arn("user/apps/broker")))
    query = "query ($input: AuthorizeInput!) { authorize(input: $input) { outcome reason } }"
    for action, expected, reason in (
        ("docs:Read", "ALLOWED", "Allowed by statement 2 of the inline policy own."),
        ("docs:Share", "IMPLICITLY_DENIED", "Denied: no session policy allows docs:Share."),
        ("iam:GetUser", "EXPLICITLY_DENIED", "Denied by statement FederationToken of the session policy."),
    ):
        input = {"action": action, "resource": "*", "credentials": {"accessToken": token}}
        found = (await service.ask(query, platform, input=input)).only()
        assert (found["outcome"], found["reason"]) == (expected, reason)
