"""Whom roles trust: principals are bound to unique ids, and what a trust policy names is shown as it is now."""

from __future__ import annotations

import pytest

from ..service import ACCOUNT, Service, allow
from .asking import OTHER, account, arn, assumed, assuming, document, other_root, refused, role, statement, trusting

R = arn("role/r")


async def _trust(service: Service, name: str = "r") -> str:
    text: str = (await account(service, f'role(name: "{name}") {{ trustPolicy }}'))["role"]["trustPolicy"]
    return text


async def _remove(service: Service, name: str) -> None:
    await service.good("deleteLoginProfile", {"userName": name})
    await service.good("deleteUser", {"userName": name})


async def test_a_principal_made_again_is_not_trusted(service: Service) -> None:
    """PR-01: the trust shows the dead id; the new user is refused until the trust is saved again; a dead id can't be."""
    token = await service.user("u")
    who = arn("user/u")
    made = await account(service, 'user(name: "u") { uniqueId }')
    old = made["user"]["uniqueId"]
    await role(service, "r", trusting(who))
    await assumed(service, R, token)
    await _remove(service, "u")
    assert await _trust(service) == trusting(old)
    token = await service.user("u")
    assert await _trust(service) == trusting(old)
    assert await assuming(service, R, token) == "AccessDeniedError"

    again = {"roleName": "r", "policyDocument": trusting(who)}
    dead = {"roleName": "r", "policyDocument": trusting(old)}
    error = await refused(service, "updateAssumeRolePolicy", dead, "MalformedPolicyDocumentError", "findings { code }")
    assert old in error["message"] and error["findings"] == [{"code": "INVALID_PRINCIPAL"}]
    fresh = {"roleName": "fresh", "assumeRolePolicyDocument": trusting(old)}
    await refused(service, "createRole", fresh, "MalformedPolicyDocumentError")
    nobody = {"roleName": "r", "policyDocument": trusting(arn("user/nobody"))}
    await refused(service, "updateAssumeRolePolicy", nobody, "MalformedPolicyDocumentError")
    await service.good("updateAssumeRolePolicy", again)
    assert await _trust(service) == trusting(who)
    await assumed(service, R, token)
    alive = (await account(service, 'user(name: "u") { uniqueId }'))["user"]["uniqueId"]
    await service.good("updateAssumeRolePolicy", {"roleName": "r", "policyDocument": trusting(alive)})
    await assumed(service, R, token)


async def test_a_role_made_again_is_not_trusted_either(service: Service) -> None:
    """PR-01, with roles; and a live session of the deleted role is of no use."""
    token = await service.user("u")
    await role(service, "a", trusting(arn("user/u")))
    await role(service, "r", trusting(arn("role/a")))
    session = (await assumed(service, arn("role/a"), token))["accessToken"]
    await assumed(service, R, session)
    await service.good("deleteRole", {"roleName": "a"})
    assert await assuming(service, R, session) == "UNAUTHENTICATED"
    await role(service, "a", trusting(arn("user/u")))
    assert await assuming(service, R, session) == "UNAUTHENTICATED"
    session = (await assumed(service, arn("role/a"), token))["accessToken"]
    assert await assuming(service, R, session) == "AccessDeniedError"


async def test_a_renamed_principal_stays_trusted(service: Service) -> None:
    """UG-03, as far as trust goes: the trust shows the new ARN; whoever takes the old name is nobody."""
    token = await service.user("u")
    await role(service, "r", trusting(arn("user/u")))
    await service.good("updateUser", {"userName": "u", "newUserName": "v", "newPath": "/eng/"})
    assert await _trust(service) == trusting(arn("user/eng/v"))
    await assumed(service, R, token)
    other = await service.user("u")
    assert await assuming(service, R, other) == "AccessDeniedError"


@pytest.mark.parametrize("form", [ACCOUNT, arn("root")])
async def test_an_account_is_named_in_two_ways(service: Service, form: str) -> None:
    """PR-02: both read as the root's ARN, and mean the account: its users need an identity policy; root may not."""
    await role(service, "r", trusting(form))
    assert await _trust(service) == trusting(arn("root"))
    may = await service.user("may", allow("sts:AssumeRole", resource=R))
    assert await assuming(service, R, may) == "AssumeRoleSuccess"
    assert await assuming(service, R, await service.user("not")) == "AccessDeniedError"
    assert await assuming(service, R, await service.root()) == "AccessDeniedError"


async def test_a_role_assumes_itself_only_if_its_trust_says_so(service: Service) -> None:
    """PR-03"""
    token = await service.user("u")
    await role(service, "r", trusting(arn("user/u")), allow("sts:AssumeRole", resource=R))
    session = (await assumed(service, R, token))["accessToken"]
    assert await assuming(service, R, session) == "AccessDeniedError"
    both = {"roleName": "r", "policyDocument": trusting(arn("user/u"), R)}
    await service.good("updateAssumeRolePolicy", both)
    assert await assuming(service, R, session) == "AssumeRoleSuccess"


async def test_a_trust_policys_deny_wins(service: Service) -> None:
    """PE-04, the real call: even over full rights and an Allow beside it."""
    token = await service.user("u", allow("*"))
    denied = {"Effect": "Deny", "Principal": {"AWS": arn("user/u")}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Principal": {"AWS": [arn("user/u"), ACCOUNT]}, "Action": "sts:AssumeRole"}
    await role(service, "r", document(denied, allowed))
    assert await assuming(service, R, token) == "AccessDeniedError"


async def test_principals_of_other_accounts_are_accepted_and_bound(service: Service) -> None:
    """ADR 5: whether they exist or not, in the same words. One made later, or made again, is not trusted."""
    other = await other_root(service)
    there = arn("user/there", OTHER)
    for mutation, input in (
        ("createUser", {"userName": "there"}),
        ("createLoginProfile", {"userName": "there", "password": "there-Passw0rd!"}),
    ):
        await service.good(mutation, input, token=other)
    policy = {"userName": "there", "policyName": "own", "policyDocument": allow("sts:AssumeRole")}
    await service.good("putUserPolicy", policy, token=other)
    known, unknown = trusting(there), trusting(arn("user/later", OTHER))
    await role(service, "r", known)
    await role(service, "s", unknown)
    assert (await _trust(service), await _trust(service, "s")) == (known, unknown)
    signed = {"account": OTHER, "userName": "there", "password": "there-Passw0rd!"}
    token = (await service.do("signIn", signed, "accessToken"))["accessToken"]
    assert await assuming(service, R, token) == "AssumeRoleSuccess"
    await service.good("updateUser", {"userName": "there", "newUserName": "moved"}, token=other)
    assert await assuming(service, R, token) == "AssumeRoleSuccess"
    await service.good("updateUser", {"userName": "moved", "newUserName": "later"}, token=other)
    assert await assuming(service, arn("role/s"), token) == "AccessDeniedError"
    # A unique id of another account can't be told from a dead one.
    reply = await service.ask("{ viewer { principal { id ... on User { uniqueId } } } }", other)
    assert reply.codes == []
    found = await service.ask(f'{{ account(by: {{ id: "{OTHER}" }}) {{ user(name: "later") {{ uniqueId }} }} }}', other)
    foreign = found.only()["user"]["uniqueId"]
    errors = [
        await refused(
            service,
            "updateAssumeRolePolicy",
            {"roleName": "r", "policyDocument": trusting(unique)},
            "MalformedPolicyDocumentError",
        )
        for unique in (foreign, foreign[:-4] + "AAAA")
    ]
    assert errors[0]["message"].replace(foreign, "") == errors[1]["message"].replace(foreign[:-4] + "AAAA", "")


async def test_across_accounts_both_sides_must_allow(service: Service) -> None:
    """Identity policy here and trust there, whichever way one goes; naming the caller's own ARN is no exception."""
    other = await other_root(service)
    for mutation, input in (
        ("createUser", {"userName": "there"}),
        ("createLoginProfile", {"userName": "there", "password": "there-Passw0rd!"}),
        ("createRole", {"roleName": "far", "assumeRolePolicyDocument": trusting(ACCOUNT)}),
        ("createRole", {"roleName": "shut", "assumeRolePolicyDocument": trusting(OTHER)}),
    ):
        await service.good(mutation, input, token=other)
    signed = {"account": OTHER, "userName": "there", "password": "there-Passw0rd!"}
    there = (await service.do("signIn", signed, "accessToken"))["accessToken"]
    here, without = await service.user("here", allow("sts:AssumeRole")), await service.user("without")
    far, shut = arn("role/far", OTHER), arn("role/shut", OTHER)
    assert await assuming(service, far, here) == "AssumeRoleSuccess"
    assert await assuming(service, far, without) == "AccessDeniedError"
    assert await assuming(service, shut, here) == "AccessDeniedError"

    await role(service, "r", trusting(OTHER))
    await role(service, "named", trusting(arn("user/there", OTHER)))
    await role(service, "closed", trusting(ACCOUNT))
    ends = [await assuming(service, arn(f"role/{name}"), there) for name in ("r", "named", "closed")]
    assert ends == ["AccessDeniedError"] * 3
    policy = {"userName": "there", "policyName": "own", "policyDocument": allow("sts:AssumeRole")}
    await service.good("putUserPolicy", policy, token=other)
    ends = [await assuming(service, arn(f"role/{name}"), there) for name in ("r", "named", "closed")]
    assert ends == ["AssumeRoleSuccess", "AssumeRoleSuccess", "AccessDeniedError"]
    # The session is the role's, of the role's account.
    session = await assumed(service, arn("role/r"), there)
    assert session["assumedRoleArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/ci"
    # Both accounts' histories have it; what was refused only the caller's.
    seen = [e.outcome.value for e in await service.events(name="AssumeRole") if e.principal_arn == arn("user/there", OTHER)]
    assert seen == ["SUCCEEDED"] * 3


async def test_in_one_account_the_trust_alone_suffices_but_a_deny_limits(service: Service) -> None:
    """permissions.md, `assumeRole`"""
    plain = await service.user("plain")
    barred = await service.user("barred", document(statement("Deny", "sts:AssumeRole")))
    await role(service, "r", trusting(arn("user/plain"), arn("user/barred")))
    assert await assuming(service, R, plain) == "AssumeRoleSuccess"
    assert await assuming(service, R, barred) == "AccessDeniedError"
