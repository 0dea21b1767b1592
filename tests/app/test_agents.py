"""Agents of instance profiles: who may let one enrol, what it must prove, what it is given, and what ends that."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from iamgraph.domain.limits import Quotas
from iamgraph.domain.throttling import WINDOW, Limit, agent_limit, request_limit

from ..agents import Agent, enrolled, enrolment
from ..databases import STORES, fresh
from ..service import ACCOUNT, Service, allow, served
from .asking import OTHER, account, arn, document, other_root, refused, role, statement

WEB, HELD = {"instanceProfileName": "web"}, {"instanceProfileName": "web", "roleName": "app"}
APP, PROFILE = arn("role/app"), arn("instance-profile/web")


def trusted(**more: Any) -> str:
    return document(
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole", **more}
    )


@pytest.fixture
async def web(service: Service) -> Service:
    """A service with an instance profile that holds a role."""
    await furnish(service)
    return service


async def furnish(service: Service, token: str | None = None, **more: Any) -> None:
    made = {"roleName": "app", "assumeRolePolicyDocument": trusted(), **more}
    await service.good("createRole", made, token=token)
    await service.good("createInstanceProfile", WEB, token=token)
    await service.good("addRoleToInstanceProfile", HELD, token=token)


async def agents(service: Service) -> list[Any]:
    fields = "id agentId arn createdAt enrolledAt lastUsedAt instanceProfile { name }"
    found = await account(service, f'instanceProfile(name: "web") {{ agents(first: 9) {{ nodes {{ {fields} }} }} }}')
    nodes: list[Any] = found["instanceProfile"]["agents"]["nodes"]
    return nodes


async def sessions(service: Service) -> list[Any]:
    found = await account(
        service, 'role(name: "app") { sessions(first: 9) { nodes { id arn name source expiresAt } } }'
    )
    nodes: list[Any] = found["role"]["sessions"]["nodes"]
    return nodes


async def changes_nothing(service: Service, asking: Any, kind: str, part: str = "") -> str:
    """What is asked must be refused as `kind`, and change nothing."""
    before = await service.snapshot()
    done = await asking
    assert done["__typename"] == kind and part in done["message"], done
    assert await service.snapshot() == before
    return str(done["message"])


async def test_an_agent_is_enrolled_given_credentials_and_revoked(web: Service) -> None:
    web.clock.stop()
    agent = await enrolled(web)
    (listed,) = await agents(web)
    assert (listed["agentId"], listed["arn"]) == (agent.id, f"arn:aws:iamgraph::{ACCOUNT}:agent/{agent.id}")
    assert listed["enrolledAt"] and listed["lastUsedAt"] is None and listed["instanceProfile"] == {"name": "web"}

    done = await agent.ask(agent.request(seconds=900))
    assert (done["roleArn"], done["instanceProfileArn"]) == (APP, PROFILE)
    assert done["instanceProfileId"].startswith("AIPA")
    expires = datetime.fromisoformat(done["credentials"]["expiration"])
    assert expires.replace(microsecond=0) == (web.clock() + timedelta(seconds=900)).replace(microsecond=0)
    key = await agent.key_of_role()
    own = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/{agent.id}"
    assert (await key.ask("GetCallerIdentity", "sts")).data["Arn"] == own
    found = await sessions(web)
    assert [(one["arn"], one["name"], one["source"]) for one in found] == [(own, agent.id, "INSTANCE_PROFILE")] * 2
    assert (await agents(web))[0]["lastUsedAt"]

    # Never longer than the role's sessions may be.
    long = (await agent.ask(agent.request(seconds=21_600)))["credentials"]["expiration"]
    assert datetime.fromisoformat(long) - expires == timedelta(seconds=2700)

    event = (await web.events(name="IssueAgentCredentials"))[0]
    assert (event.account_id, event.principal_id, event.principal_arn) == (ACCOUNT, agent.id, listed["arn"])
    assert (event.action, event.resources, event.outcome.value) == ("sts:AssumeRole", (APP,), "SUCCEEDED")
    assert json.loads(event.parameters).keys() == {"agentId", "signedAt", "durationSeconds"}
    (event,) = await web.events(name="EnrolAgent")
    assert (event.principal_arn, event.resources) == (listed["arn"], (PROFILE,))
    assert json.loads(event.parameters).keys() == {"instanceProfileName", "publicKey"}

    # A session ends, and the agent may have the next.
    await web.good("revokeSession", {"sessionId": next(one["id"] for one in found)})
    other = await enrolled(web)
    others = await other.key_of_role()
    kept = await agent.key_of_role()
    child = {"RoleArn": APP, "RoleSessionName": "child"}
    await web.good("updateAssumeRolePolicy", {"roleName": "app", "policyDocument": trusted(Principal={"AWS": "*"})})
    assert (await kept.ask("AssumeRole", "sts", **child)).status == 200
    web.clock.ahead = timedelta(seconds=1)
    done = await web.good("revokeAgent", {"agentId": listed["id"]}, "revokedAgentId endedSessions")
    assert done["revokedAgentId"] == listed["id"] and done["endedSessions"] == 4
    for ended in (key, kept):
        assert (await ended.ask("GetCallerIdentity", "sts")).code == "InvalidClientTokenId"
    assert (await others.ask("GetCallerIdentity", "sts")).status == 200
    await changes_nothing(web, agent.ask(), "AgentNotEnrolledError", "not any more")
    assert [one["agentId"] for one in await agents(web)] == [other.id]
    await refused(web, "revokeAgent", {"agentId": listed["id"]}, "NoSuchEntityError")


async def test_a_token_is_for_one_key_one_profile_and_an_hour(web: Service) -> None:
    await web.good("createInstanceProfile", {"instanceProfileName": "other"})
    token, first, second = await enrolment(web), Agent(service=web), Agent(service=web)
    await changes_nothing(web, first.enrol("ige_" + "x" * 43), "AgentNotEnrolledError", "enrolment token")
    wrong = Ed25519PrivateKey.generate()
    await changes_nothing(web, first.enrol(token, signer=wrong), "AgentNotEnrolledError", "enrolment token")
    await changes_nothing(web, first.enrol(token, "other"), "InvalidInputError", "for another instance profile")
    done = await first.enrol(token)
    assert (done["agentArn"], done["instanceProfileArn"]) == (f"arn:aws:iamgraph::{ACCOUNT}:agent/{first.id}", PROFILE)
    # The answer may have been lost: who comes again with the same key gets the same one, and nobody else.
    assert await first.enrol(token) == done
    await changes_nothing(web, second.enrol(token), "AgentNotEnrolledError")
    late = await enrolment(web)
    web.clock.ahead = timedelta(seconds=3601)
    await changes_nothing(web, first.enrol(token), "AgentNotEnrolledError")
    await changes_nothing(web, second.enrol(late), "AgentNotEnrolledError")
    assert (await first.ask())["__typename"] == "IssueAgentCredentialsSuccess"
    # Tokens that were not used in time are swept with the next.
    await enrolment(web)
    assert [one["enrolledAt"] is None for one in await agents(web)].count(True) == 1
    assert len(await agents(web)) == 2


async def test_of_many_who_have_one_token_one_enrols(web: Service) -> None:
    token, many = await enrolment(web), [Agent(service=web) for _ in range(6)]
    ends = await asyncio.gather(*(one.enrol(token) for one in many))
    kinds = sorted(end["__typename"] for end in ends)
    assert kinds == ["AgentNotEnrolledError"] * 5 + ["EnrolAgentSuccess"]
    (listed,) = await agents(web)
    for one in many:
        is_it, one.id = one.id == listed["agentId"], listed["agentId"]
        assert (await one.ask())["__typename"] == ("IssueAgentCredentialsSuccess" if is_it else "AgentNotEnrolledError")


async def test_a_request_is_the_agents_own_fresh_and_good_once(web: Service) -> None:
    web.clock.stop()
    agent, other = await enrolled(web), await enrolled(web)
    pending = (await web.good("createAgentEnrolment", WEB, "agent { agentId }"))["agent"]["agentId"]
    minutes = timedelta(minutes=5, seconds=2)
    for request, kind, part in (
        (agent.request(agentId=other.id), "AgentNotEnrolledError", "signature"),
        (agent.request(agentId=pending), "AgentNotEnrolledError", "signature"),
        (agent.request(agentId="ag-" + "0" * 17), "AgentNotEnrolledError", "signature"),
        (agent.request(durationSeconds=7200), "AgentNotEnrolledError", "signature"),
        (agent.request(nonce="x" * 16), "AgentNotEnrolledError", "signature"),
        (agent.request(signature="A" * 86 + "=="), "AgentNotEnrolledError", "signature"),
        (agent.request(ahead=minutes), "InvalidInputError", "set the clock"),
        (agent.request(ahead=-minutes), "InvalidInputError", "set the clock"),
        (agent.request(seconds=899), "InvalidInputError", "between 900 and 21600"),
        (agent.request(nonce="short"), "InvalidInputError", "nonce"),
    ):
        await changes_nothing(web, agent.ask(request), kind, part)
    request = agent.request()
    assert (await agent.ask(request))["__typename"] == "IssueAgentCredentialsSuccess"
    await changes_nothing(web, agent.ask(request), "InvalidInputError", "used already")
    request = agent.request()
    ends = await asyncio.gather(*(agent.ask(request) for _ in range(5)))
    assert sorted(end["__typename"] for end in ends) == ["InvalidInputError"] * 4 + ["IssueAgentCredentialsSuccess"]
    assert len(await sessions(web)) == 2
    # What was refused for another reason can't be shown again once that has gone.
    await web.good("updateAssumeRolePolicy", {"roleName": "app", "policyDocument": trusted(Effect="Deny")})
    request = agent.request()
    await changes_nothing(web, agent.ask(request), "AccessDeniedError")
    await web.good("updateAssumeRolePolicy", {"roleName": "app", "policyDocument": trusted()})
    await changes_nothing(web, agent.ask(request), "InvalidInputError", "used already")


async def test_the_roles_trust_policy_decides_for_ec2(web: Service) -> None:
    agent = await enrolled(web)

    async def trust(policy: str) -> None:
        await web.good("updateAssumeRolePolicy", {"roleName": "app", "policyDocument": policy})

    await trust(trusted(Principal={"Service": "lambda.amazonaws.com"}))
    message = await changes_nothing(web, agent.ask(), "AccessDeniedError")
    assert message == (
        f"User: ec2.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: {APP} because no role trust "
        "policy allows the sts:AssumeRole action"
    )
    (event,) = await web.events(name="IssueAgentCredentials")
    assert (event.outcome.value, event.error_code, event.error_message) == ("DENIED", "AccessDenied", message)
    assert (event.principal_id, event.resources) == (agent.id, (APP,))
    await web.good("tagRole", {"roleName": "app", "tags": [{"key": "team", "value": "red"}]})
    own = f"arn:aws:iamgraph::{ACCOUNT}:agent/{agent.id}"
    for keys in (
        {"aws:SourceArn": own, "aws:SourceAccount": ACCOUNT, "sts:RoleSessionName": agent.id},
        {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": "ec2.amazonaws.com"},
        {"aws:ResourceTag/team": "red", "iam:ResourceTag/team": "red", "aws:ResourceAccount": ACCOUNT},
    ):
        for key, value in keys.items():
            await trust(trusted(Condition={"StringEquals": {**keys, key: value + "x"}}))
            assert (await agent.ask())["__typename"] == "AccessDeniedError", key
        await trust(trusted(Condition={"StringEquals": keys}))
        assert (await agent.ask())["__typename"] == "IssueAgentCredentialsSuccess", keys


async def test_a_guardrail_holds_back_agents(service: Service) -> None:
    """Service control policies do not bind services; resource control policies do (AWS Organizations User Guide)."""
    other = await other_root(service)
    await furnish(service, other)
    agent = Agent(service=service)
    await agent.enrol(await enrolment(service, token=other))
    deny = document(statement("Deny", "sts:AssumeRole", Principal="*"))
    for kind, text, ending in (
        ("SERVICE_CONTROL", document(statement("Deny", "sts:AssumeRole")), "IssueAgentCredentialsSuccess"),
        ("RESOURCE_CONTROL", deny, "AccessDeniedError"),
    ):
        input = {"name": kind, "kind": kind, "policyDocument": text}
        made = await service.good("createGuardrail", input, "guardrail { id }")
        await service.good("attachGuardrail", {"guardrailId": made["guardrail"]["id"], "accountId": OTHER})
        assert (await agent.ask())["__typename"] == ending


async def test_what_becomes_of_the_profile_becomes_of_its_agents(web: Service) -> None:
    agent = await enrolled(web)
    key = await agent.key_of_role()
    await web.good("removeRoleFromInstanceProfile", HELD)
    await changes_nothing(web, agent.ask(), "NoSuchEntityError", "Instance Profile web holds no role.")
    # As on AWS, what was given is good while its role is there.
    assert (await key.ask("GetCallerIdentity", "sts")).status == 200
    await role(web, "next", trusted())
    await web.good("addRoleToInstanceProfile", {**WEB, "roleName": "next"})
    assert (await agent.ask())["roleArn"] == arn("role/next")
    await web.good("deleteRole", {"roleName": "app"})
    assert (await key.ask("GetCallerIdentity", "sts")).code == "InvalidClientTokenId"
    await web.good("removeRoleFromInstanceProfile", {**WEB, "roleName": "next"})
    await web.good("deleteInstanceProfile", WEB)
    # A namesake is another profile.
    await web.good("createInstanceProfile", WEB)
    await web.good("addRoleToInstanceProfile", {**WEB, "roleName": "next"})
    await changes_nothing(web, agent.ask(), "AgentNotEnrolledError")
    assert await agents(web) == []


async def test_only_who_may_pass_the_role_lets_agents_enrol(web: Service) -> None:
    enrol = statement("Allow", "iamgraph:CreateAgentEnrolment", PROFILE)
    token = await web.user("ops", document(enrol))

    async def ends(*statements: dict[str, Any]) -> str:
        input = {"userName": "ops", "policyName": "own", "policyDocument": document(enrol, *statements)}
        await web.good("putUserPolicy", input)
        before = await web.snapshot()
        done = await web.do("createAgentEnrolment", WEB, "expiresAt", token)
        assert "message" not in done or await web.snapshot() == before
        return str(done.get("message", done["__typename"]))

    def why(on: str) -> str:
        return (
            f"User: {arn('user/ops')} is not authorized to perform: iam:PassRole on resource: {arn(on)} because no "
            "identity-based policy allows the iam:PassRole action"
        )

    known, passes = statement("Allow", "iam:GetRole"), statement("Allow", "iam:PassRole")
    cases: list[tuple[str, list[dict[str, Any]]]] = [
        (why("role/*"), []),
        (why("role/app"), [known]),
        (why("role/app"), [known, statement("Allow", "iam:PassRole", arn("role/other"))]),
        ("Instance Profile web holds no role.", [passes, statement("Deny", "iam:PassRole", APP)]),
        (
            why("role/app"),
            [known, {**passes, "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}],
        ),
        (
            "CreateAgentEnrolmentSuccess",
            [{**passes, "Resource": APP, "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}],
        ),
    ]
    for ending, statements in cases:
        assert await ends(*statements) == ending
    # A profile that holds no role says the same to who may know no role.
    await web.good("removeRoleFromInstanceProfile", HELD)
    assert await ends() == why("role/*")
    assert await ends(passes) == "Instance Profile web holds no role."


async def test_agents_are_given_nothing_while_they_are_revoked(web: Service) -> None:
    """Whatever comes first: no session is left of an agent that is gone."""
    for _ in range(3):
        agent = await enrolled(web)
        asked = [agent.ask() for _ in range(6)]
        revoked = web.good("revokeAgent", {"agentId": agent.id}, "endedSessions")
        *given, done = await asyncio.gather(*asked[:3], *asked[3:], revoked)
        kinds = [one["__typename"] for one in given]
        assert set(kinds) <= {"IssueAgentCredentialsSuccess", "AgentNotEnrolledError"}
        assert kinds.count("IssueAgentCredentialsSuccess") == done["endedSessions"]
        assert [one for one in await sessions(web) if one["name"] == agent.id] == []


async def counted(service: Service, limit: Limit, times: int) -> None:
    """So many attempts, made at another time."""
    async with service.database.writing() as data:
        for _ in range(times):
            await data.throttles.attempt(limit.key, service.clock(), WINDOW)


async def test_strangers_are_held_back_and_hold_nobody_back(web: Service) -> None:
    web.clock.stop()
    agent, stranger = await enrolled(web), Agent(service=web, id="ag-" + "1" * 17)
    await counted(web, agent_limit(address="127.0.0.1"), 48)
    assert (await stranger.ask())["__typename"] == "AgentNotEnrolledError"
    assert (await stranger.enrol("ige_" + "y" * 43))["__typename"] == "AgentNotEnrolledError"
    assert (await stranger.ask())["__typename"] == "ThrottledError"
    assert (await stranger.enrol("ige_" + "y" * 43))["__typename"] == "ThrottledError"
    assert (await agent.ask())["__typename"] == "IssueAgentCredentialsSuccess"
    assert (await Agent(service=web).enrol(await enrolment(web)))["__typename"] == "EnrolAgentSuccess"
    # Nor is an agent given as many sessions as it likes.
    await counted(web, request_limit(agent.id), 98)
    assert (await agent.ask())["__typename"] == "IssueAgentCredentialsSuccess"
    await changes_nothing(web, agent.ask(), "ThrottledError")
    web.clock.ahead = WINDOW
    assert (await agent.ask())["__typename"] == "IssueAgentCredentialsSuccess"


async def test_agents_that_were_started_together_renew_together(web: Service) -> None:
    """Each begins a window then, and sweeps those of the others, which have ended too."""
    many = [await enrolled(web) for _ in range(12)]
    for _ in range(3):
        done = await asyncio.gather(*(agent.ask() for agent in many))
        assert {one["__typename"] for one in done} == {"IssueAgentCredentialsSuccess"}
        web.clock.ahead += WINDOW


async def test_agents_of_another_account_are_not_there(web: Service) -> None:
    other = await other_root(web)
    agent = await enrolled(web)
    (listed,) = await agents(web)
    await refused(web, "revokeAgent", {"agentId": agent.id}, "NoSuchEntityError", token=other)
    assert (await web.ask(f'{{ node(id: "{listed["id"]}") {{ id }} }}', other)).data == {"node": None}
    await refused(web, "createAgentEnrolment", WEB, "NoSuchEntityError", token=other)
    # An agent of an account that was closed is none.
    await furnish(web, other)
    theirs = Agent(service=web)
    await theirs.enrol(await enrolment(web, token=other))
    await web.good("closeAccount", {"accountId": OTHER})
    await changes_nothing(web, theirs.ask(), "AgentNotEnrolledError")


async def test_what_agents_ask_for_stands_alone(web: Service) -> None:
    agent = await enrolled(web)
    one = "issueAgentCredentials(input: $i) { __typename }"
    query = f"mutation($i: IssueAgentCredentialsInput!) {{ a: {one} b: {one} }}"
    reply = await web.ask(query, i=agent.request())
    assert reply.codes == ["TOO_COMPLEX"] and await sessions(web) == []
    # It is no caller, who could read beside it.
    await web.good("updateAssumeRolePolicy", {"roleName": "app", "policyDocument": trusted(Effect="Deny")})
    why = "... on AccessDeniedError { decision { because { attachedTo { ... on Role { trustPolicy } } } } }"
    one = f"issueAgentCredentials(input: $i) {{ __typename {why} }}"
    reply = await web.ask(f"mutation($i: IssueAgentCredentialsInput!) {{ {one} }}", i=agent.request())
    assert reply.codes == ["UNAUTHENTICATED"] and reply.only()["__typename"] == "AccessDeniedError"
    assert reply.only()["decision"] == {"because": [{"attachedTo": None}]}


@pytest.mark.parametrize("store", STORES)
async def test_an_account_has_so_many_agents(store: str, tmp_path: Path) -> None:
    async with fresh(store, tmp_path) as url, served(url, tmp_path, quotas=Quotas(agents_per_account=1)) as service:
        await furnish(service)
        await enrolled(service)
        error = await refused(service, "createAgentEnrolment", WEB, "LimitExceededError", "limit")
        assert (error["limit"], error["message"]) == (1, "Cannot exceed quota for AgentsPerAccount: 1")


async def test_agents_are_seen_as_their_profile(web: Service) -> None:
    await web.good("tagInstanceProfile", {**WEB, "tags": [{"key": "team", "value": "red"}]})
    agent = await enrolled(web)
    token = await web.user("ops", allow("iamgraph:ListAgents", resource=PROFILE))
    query = f'{{ node(id: "{(await agents(web))[0]["id"]}") {{ ... on Agent {{ agentId }} }} }}'
    assert (await web.ask(query, token)).only() == {"agentId": agent.id}
    error = await refused(web, "revokeAgent", {"agentId": agent.id}, "AccessDeniedError", token=token)
    assert f"iamgraph:RevokeAgent on resource: {PROFILE} " in error["message"]
    nobody = await web.user("nobody")
    error = await refused(web, "revokeAgent", {"agentId": agent.id}, "AccessDeniedError", token=nobody)
    assert f"on resource: arn:aws:iamgraph::{ACCOUNT}:agent/{agent.id} " in error["message"]
    red = statement("Allow", "iamgraph:*", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}})
    tagged = await web.user("tagged", document(red))
    done = await web.good("revokeAgent", {"agentId": agent.id}, "endedSessions", tagged)
    assert done["endedSessions"] == 0
