"""Sessions: how they begin, what narrows them, and what ends them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ..service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Service, allow
from .asking import (
    OTHER,
    OTHER_EMAIL,
    OTHER_PASSWORD,
    account,
    arn,
    assumed,
    assuming,
    document,
    other_root,
    refused,
    role,
    statement,
    trusting,
    works,
)

R, U = arn("role/r"), arn("user/u")
PASSWORD = "u-Passw0rd!"


async def _sign_in(service: Service, account_: str = ACCOUNT, name: str = "u", password: str = PASSWORD) -> Any:
    return await service.do(
        "signIn", {"account": account_, "userName": name, "password": password}, "accessToken expiresAt"
    )


async def test_a_chained_session_is_an_hour_at_most_and_never_cut(service: Service) -> None:
    """ST-01, as far as it reaches (no GetSessionToken yet; ADR 9: a signed-in user is like a long-term key)."""
    token = await service.user("u")
    await role(service, "r", trusting(U, arn("role/r")), maxSessionDuration=43200)
    await role(service, "short", trusting(U))
    long = await assumed(service, R, token, durationSeconds=43200)
    session = long["session"]
    lasts = datetime.fromisoformat(session["expiresAt"]) - datetime.fromisoformat(session["issuedAt"])
    assert lasts == timedelta(hours=12)
    chained = long["accessToken"]
    for who, arn_, seconds in (
        (chained, R, 3601),
        (chained, R, 43200),
        (token, R, 899),
        (token, R, 43201),
        (token, R, 0),
        (token, arn("role/short"), 3601),
    ):
        input = {"roleArn": arn_, "roleSessionName": "ci", "durationSeconds": seconds}
        error = await refused(service, "assumeRole", input, "InvalidInputError", "field", who)
        assert error["field"] == "durationSeconds"
    for who, arn_, seconds in ((chained, R, 3600), (chained, R, 900), (token, arn("role/short"), 3600)):
        made = (await assumed(service, arn_, who, durationSeconds=seconds))["session"]
        lasts = datetime.fromisoformat(made["expiresAt"]) - datetime.fromisoformat(made["issuedAt"])
        assert lasts == timedelta(seconds=seconds)


async def test_who_a_role_with_a_path_is(service: Service) -> None:
    """ST-02: the session's ARN drops the path; the answer comes even under a deny; names are one whatever the path."""
    token = await service.user("u")
    made = await role(service, "dev", trusting(U), document(statement("Deny", "*")), path="/team/a/")
    session = (await assumed(service, made, token))["accessToken"]
    reply = await service.ask(
        "{ viewer { arn account { accountId } principal { arn ... on Role { name } } } }", session
    )
    assert reply.only() == {
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/ci",
        "account": {"accountId": ACCOUNT},
        "principal": {"arn": arn("role/team/a/dev"), "name": "dev"},
    }
    input = {"roleName": "dev", "assumeRolePolicyDocument": trusting(U)}
    await refused(service, "createRole", input, "EntityAlreadyExistsError")
    assert await assuming(service, arn("role/dev"), token) == "AccessDeniedError"


async def test_signing_in_by_alias_id_and_root(service: Service) -> None:
    """The alias of now, not the one before; the id; the root by its address in any case; all else answers alike."""
    await service.user("u")
    await service.good("createAccountAlias", {"accountAlias": "old-one"})
    assert "accessToken" in await _sign_in(service, "old-one")
    await service.good("createAccountAlias", {"accountAlias": "new-one"})
    assert "accessToken" in await _sign_in(service, "new-one")
    assert "accessToken" in await _sign_in(service, ACCOUNT)
    root = {"email": ROOT_EMAIL.upper(), "password": ROOT_PASSWORD}
    assert "accessToken" in await service.do("signInAsRoot", root, "accessToken")
    await service.good("createUser", {"userName": "nopass"})
    before = await service.snapshot()
    wrong = [
        await _sign_in(service, "old-one"),
        await _sign_in(service, "none-such"),
        await _sign_in(service, OTHER),
        await _sign_in(service, name="U"),
        await _sign_in(service, name="nobody"),
        await _sign_in(service, name="nopass"),
        await _sign_in(service, name="nopass", password=""),
        await _sign_in(service, password=PASSWORD + " "),
        await _sign_in(service, name="\x00", password="\ud83d\ude00"),
        await service.do("signInAsRoot", {"email": ROOT_EMAIL, "password": PASSWORD}),
        await service.do("signInAsRoot", {"email": "nobody@example.com", "password": ROOT_PASSWORD}),
    ]
    assert wrong == [wrong[0]] * len(wrong) and wrong[0]["__typename"] == "InvalidCredentialsError"
    assert await service.snapshot() == before
    await service.good("deleteAccountAlias", {"accountAlias": "new-one"})
    assert (await _sign_in(service, "new-one"))["__typename"] == "InvalidCredentialsError"
    assert "accessToken" in await _sign_in(service, ACCOUNT)


async def test_a_password_that_must_be_changed_opens_nothing(service: Service) -> None:
    """ADR 10: the new one comes beside it, and only the right old one is told that."""
    await service.good("createUser", {"userName": "u"})
    first = {"userName": "u", "password": PASSWORD, "passwordResetRequired": True}
    await service.good("createLoginProfile", first)
    assert (await _sign_in(service))["__typename"] == "PasswordChangeRequiredError"
    assert (await _sign_in(service, password="wrong"))["__typename"] == "InvalidCredentialsError"
    me = {"account": ACCOUNT, "userName": "u", "password": PASSWORD}
    for new in (PASSWORD, "short"):
        done = await service.do("signIn", {**me, "newPassword": new}, "accessToken")
        assert done["__typename"] == "PasswordPolicyViolationError"
    done = await service.do("signIn", {**me, "newPassword": "new-" + PASSWORD}, "accessToken")
    assert await works(service, done["accessToken"])
    assert (await _sign_in(service))["__typename"] == "InvalidCredentialsError"
    assert "accessToken" in await _sign_in(service, password="new-" + PASSWORD)


async def _chain(service: Service) -> tuple[str, list[Any]]:
    """A user's token, and three sessions, each chained from the one before, the first from the user's."""
    token = await service.user("u")
    await role(service, "r", trusting(U, R))
    sessions: list[Any] = []
    for _ in range(3):
        sessions.append(await assumed(service, R, sessions[-1]["accessToken"] if sessions else token))
    return token, sessions


async def test_revoking_ends_all_that_was_chained(service: Service) -> None:
    """ADR 8: at the next request, with those chained later, and no other; a session may revoke itself."""
    token, sessions = await _chain(service)
    beside = await assumed(service, R, token)
    later = await assumed(service, R, sessions[2]["accessToken"])
    foreign = {"sessionId": sessions[1]["session"]["id"]}
    await refused(service, "revokeSession", foreign, "AccessDeniedError", token=token)
    done = await service.good("revokeSession", foreign, "revoked { id }")
    ended = [sessions[1], sessions[2], later]
    assert [one["id"] for one in done["revoked"]] == [one["session"]["id"] for one in ended]
    for one in ended:
        assert not await works(service, one["accessToken"])
        assert await assuming(service, R, one["accessToken"]) == "UNAUTHENTICATED"
    for alive in (token, sessions[0]["accessToken"], beside["accessToken"]):
        assert await works(service, alive)
    own = {"sessionId": sessions[0]["session"]["id"]}
    await service.good("revokeSession", own, "revoked { id }", sessions[0]["accessToken"])
    assert not await works(service, sessions[0]["accessToken"])
    await service.good("signOut", None, token=token)
    assert not await works(service, token) and not await works(service, beside["accessToken"])


async def test_a_chain_outlives_its_expired_link_but_not_its_revocation(service: Service) -> None:
    """What was chained from a session that has expired since still ends when that is revoked."""
    token = await service.user("u")
    await role(service, "r", trusting(U, R))
    first = await assumed(service, R, token, durationSeconds=900)
    second = await assumed(service, R, first["accessToken"], durationSeconds=3600)
    service.clock.ahead += timedelta(minutes=16)
    assert not await works(service, first["accessToken"])
    assert await works(service, second["accessToken"])
    await service.good("signOut", None, token=token)
    assert not await works(service, second["accessToken"])


@pytest.fixture(params=["UTC", "Asia/Kolkata", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The host's."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
async def test_sessions_end_exactly_when_they_say(service: Service) -> None:
    """OR-02: 15 minutes are 15 minutes whatever the host's zone, also while New York's clocks go back; and the wire's dates
    end in Z."""
    service.clock.ahead = datetime(2027, 11, 7, 5, 55, tzinfo=UTC) - datetime.now(UTC)
    token = await service.user("u")
    await role(service, "r", trusting(U))
    made = await assumed(service, R, token, durationSeconds=900)
    expires = made["session"]["expiresAt"]
    assert expires.endswith("Z")
    left = datetime.fromisoformat(expires) - service.clock()
    service.clock.ahead += left - timedelta(seconds=5)
    assert await works(service, made["accessToken"])
    service.clock.ahead += timedelta(seconds=5)
    assert not await works(service, made["accessToken"])
    assert await works(service, token)
    service.clock.ahead += timedelta(hours=12)
    assert not await works(service, token)
    assert (await _sign_in(service))["expiresAt"].endswith("Z")


async def test_a_new_password_ends_the_other_sessions(service: Service) -> None:
    """ADR 8: with what was chained from them; not the one that changed it, nor its own."""
    await service.good("updateAccountPasswordPolicy", {"allowUsersToChangePassword": True})
    asking = await service.user("u")
    other = (await _sign_in(service))["accessToken"]
    await role(service, "r", trusting(U))
    chained = (await assumed(service, R, other))["accessToken"]
    own = (await assumed(service, R, asking))["accessToken"]
    change = {"oldPassword": "wrong", "newPassword": "new-" + PASSWORD}
    await refused(service, "changePassword", change, "InvalidCredentialsError", token=asking)
    await service.good("changePassword", {**change, "oldPassword": PASSWORD}, token=asking)
    alive = [await works(service, token) for token in (asking, own, other, chained)]
    assert alive == [True, True, False, False]
    await service.good("updateLoginProfile", {"userName": "u", "passwordResetRequired": False})
    assert await works(service, asking)
    await service.good("updateLoginProfile", {"userName": "u", "password": PASSWORD})
    assert not await works(service, asking) and not await works(service, own)
    last = (await _sign_in(service))["accessToken"]
    await service.good("deleteLoginProfile", {"userName": "u"})
    assert not await works(service, last)


async def test_a_session_policy_only_narrows(service: Service) -> None:
    """Inline and managed ones: what both they and the role allow. A managed one that is changed counts at once."""
    token = await service.user("u")
    await role(service, "r", trusting(U), allow("iam:ListUsers", "iam:ListGroups"))
    await service.good("createPolicy", {"policyName": "p", "policyDocument": allow("iam:ListGroups")})
    lists = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ users(first: 1) {{ nodes {{ name }} }} '
    lists += "groups(first: 1) { nodes { name } } roles(first: 1) { nodes { name } } } }"

    async def seen(session: str) -> list[bool]:
        found = (await service.ask(lists, session)).only()
        return [found[kind] is not None for kind in ("users", "groups", "roles")]

    whole = await assumed(service, R, token)
    inline = await assumed(service, R, token, policy=allow("iam:ListUsers", "iam:ListRoles"))
    managed = await assumed(service, R, token, policyArns=[arn("policy/p")])
    both = await assumed(service, R, token, policy=allow("iam:ListUsers"), policyArns=[arn("policy/p")])
    nothing = await assumed(service, R, token, policy=document(statement("Deny", "*")))
    tokens = [one["accessToken"] for one in (whole, inline, managed, both, nothing)]
    assert [await seen(one) for one in tokens] == [
        [True, True, False],
        [True, False, False],
        [False, True, False],
        [True, True, False],
        [False, False, False],
    ]
    assert inline["packedPolicySize"] > 0 == whole["packedPolicySize"]
    new = {"policyArn": arn("policy/p"), "policyDocument": allow("iam:ListUsers"), "setAsDefault": True}
    await service.good("createPolicyVersion", new)
    assert await seen(tokens[2]) == [True, False, False]
    at = {"roleArn": R, "roleSessionName": "ci"}
    for bad, kind in (
        ({"policy": "{"}, "MalformedPolicyDocumentError"),
        ({"policy": allow("s3:*", resource="arn:aws:s3:::" + "x" * 2048)}, "LimitExceededError"),
        ({"policyArns": [arn("policy/none")]}, "InvalidInputError"),
        ({"policyArns": [arn("policy/p")] * 11}, "InvalidInputError"),
    ):
        await refused(service, "assumeRole", {**at, **bad}, kind, token=token)


async def test_a_role_can_ask_for_an_external_id(service: Service) -> None:
    """Absent or another: refused, as if the role trusted somebody else."""
    token = await service.user("u")
    await role(service, "r", trusting(U, Condition={"StringEquals": {"sts:ExternalId": "x-1"}}))
    assert await assuming(service, R, token) == "AccessDeniedError"
    assert await assuming(service, R, token, externalId="x-2") == "AccessDeniedError"
    assert await assuming(service, R, token, externalId="x-1") == "AssumeRoleSuccess"


async def test_tags_and_source_identity_go_along_the_chain(service: Service) -> None:
    """Transitive tags and the source identity stay, can't be replaced, and count as the session's; others don't stay."""
    token = await service.user("u")
    everything = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    await role(service, "r", trusting(U, R, action=everything))
    await role(service, "bare", trusting(U, R))
    red = document(
        statement("Allow", "iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}),
        statement("Allow", "iam:ListGroups", Condition={"StringEquals": {"aws:PrincipalTag/spot": "here"}}),
        statement("Allow", "iam:ListRoles", Condition={"StringEquals": {"aws:SourceIdentity": "Ann"}}),
    )
    await service.good("putRolePolicy", {"roleName": "r", "policyName": "own", "policyDocument": red})
    given: dict[str, Any] = {
        "tags": [{"key": "team", "value": "red"}, {"key": "spot", "value": "here"}],
        "transitiveTagKeys": ["Team"],
        "sourceIdentity": "Ann",
    }
    first = (await assumed(service, R, token, **given))["accessToken"]
    second = (await assumed(service, R, first))["accessToken"]
    third = (await assumed(service, R, second, sourceIdentity="Ann"))["accessToken"]
    lists = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ users(first: 1) {{ nodes {{ name }} }} '
    lists += "groups(first: 1) { nodes { name } } roles(first: 1) { nodes { name } } } }"
    for session, local in ((first, True), (second, False), (third, False)):
        found = (await service.ask(lists, session)).only()
        seen = [found[kind] is not None for kind in ("users", "groups", "roles")]
        assert seen == [True, local, True]
        assert (await service.ask("{ viewer { sourceIdentity } }", session)).only() == {"sourceIdentity": "Ann"}
    at = {"roleArn": R, "roleSessionName": "ci"}
    await assumed(service, R, token, sourceIdentity="x" * 256)
    for length in (1, 257):
        input = {**at, "sourceIdentity": "x" * length}
        await refused(service, "assumeRole", input, "InvalidInputError", token=token)
    for bad in (
        {"sourceIdentity": "Bob"},
        {"tags": [{"key": "TEAM", "value": "blue"}]},
        {"transitiveTagKeys": ["spot"]},
        {"tags": [{"key": "a", "value": ""}, {"key": "A", "value": ""}]},
        {"tags": [{"key": "aws:x", "value": ""}]},
    ):
        await refused(service, "assumeRole", {**at, **bad}, "InvalidInputError", token=second)
    bare = arn("role/bare")
    assert await assuming(service, bare, token) == "AssumeRoleSuccess"
    assert await assuming(service, bare, token, sourceIdentity="Ann") == "AccessDeniedError"
    assert await assuming(service, bare, token, tags=[{"key": "a", "value": ""}]) == "AccessDeniedError"
    # It goes along, so the role must let it be set.
    assert await assuming(service, bare, third) == "AccessDeniedError"


async def test_reading_what_was_chained_takes_permission_on_where_it_came_from(service: Service) -> None:
    """ListChildSessions, as a door: nothing, the wrong principal, the right one; and one event a refusal."""
    token, sessions = await _chain(service)
    ask = "{ viewer { session { id children { id } } } }"
    policy = {"userName": "u", "policyName": "own"}
    for on, count in ((None, 1), (R, 2)):
        if on is not None:
            right = allow("iamgraph:ListSessions", resource=on)
            await service.good("putUserPolicy", {**policy, "policyDocument": right})
        reply = await service.ask(ask, token)
        assert reply.codes == ["ACCESS_DENIED"] and reply.only()["session"]["children"] is None
        assert reply.body["errors"][0]["path"] == ["viewer", "session", "children"]
        assert len(await service.events(name="ListChildSessions", principal_arn=U)) == count
    right = allow("iamgraph:ListSessions", resource=U)
    await service.good("putUserPolicy", {**policy, "policyDocument": right})
    reply = await service.ask(ask, token)
    assert reply.codes == []
    assert reply.only()["session"]["children"] == [{"id": sessions[0]["session"]["id"]}]
    listed = await account(service, 'role(name: "r") { sessions(first: 9) { nodes { id parent { id } } } }')
    found = {one["id"]: (one["parent"] or {}).get("id") for one in listed["role"]["sessions"]["nodes"]}
    ids = [reply.only()["session"]["id"], *(one["session"]["id"] for one in sessions)]
    assert found == dict(zip(ids[1:], ids[:-1], strict=True))


@pytest.mark.parametrize("how", ["account closed", "user deleted"])
async def test_whoever_is_gone_is_nobody(service: Service, how: str) -> None:
    """A closed account's root, users and role sessions end at the next request, and nobody signs in there any more."""
    other = await other_root(service)
    for mutation, input in (
        ("createUser", {"userName": "u"}),
        ("createLoginProfile", {"userName": "u", "password": PASSWORD}),
        ("createRole", {"roleName": "r", "assumeRolePolicyDocument": trusting(arn("user/u", OTHER))}),
    ):
        await service.good(mutation, input, token=other)
    token = (await _sign_in(service, OTHER))["accessToken"]
    session = (await assumed(service, arn("role/r", OTHER), token))["accessToken"]
    if how == "user deleted":
        await service.good("deleteLoginProfile", {"userName": "u"}, token=other)
        await service.good("deleteUser", {"userName": "u"}, token=other)
        assert [await works(service, one) for one in (other, token, session)] == [True, False, False]
        return
    await service.good("closeAccount", {"accountId": OTHER})
    assert [await works(service, one) for one in (other, token, session)] == [False, False, False]
    assert (await _sign_in(service, OTHER))["__typename"] == "InvalidCredentialsError"
    done = await service.do("signInAsRoot", {"email": OTHER_EMAIL, "password": OTHER_PASSWORD})
    assert done["__typename"] == "InvalidCredentialsError"
    own = {"accountId": ACCOUNT}
    await refused(service, "closeAccount", own, "InvalidInputError")
