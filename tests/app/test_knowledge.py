"""What a caller may not know of answers as if it did not exist, and the graph gives no more than the direct question."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from iamgraph.app.questions.authorization_message import opened
from iamgraph.app.questions.decoding import document as explained
from iamgraph.domain.entities import EventOutcome
from iamgraph.transport.graphql.ids import node_id, parse_node_id

from ..service import ACCOUNT, Service, allow
from .asking import OTHER, account, arn, assumed, document, other_root, role, statement, trusting

SNOOP = arn("user/snoop")
KINDS = ("user", "group", "role", "instance-profile", "policy", "oidc-provider")
SECRET, OPEN = ([f"arn:aws:iam::*:{kind}/{path}/*" for kind in KINDS] for path in ("secret", "open"))
POLICIES: dict[str, str | None] = {
    "nothing": None,
    "elsewhere": document(statement("Allow", "*", OPEN)),
    "all but a path": document(statement("Allow", "*"), statement("Deny", "*", SECRET)),
    "all but to read there": document(statement("Allow", "iam:List*"), statement("Deny", ["iam:*", "sts:*"], SECRET)),
    "all but a tag": document(
        statement("Allow", "*"),
        statement("Deny", "*", Condition={"StringEquals": {"aws:ResourceTag/level": "secret"}}),
    ),
    "only a tag": document(statement("Allow", "*", Condition={"StringEquals": {"aws:ResourceTag/level": "open"}})),
}


async def _hidden(service: Service) -> dict[str, str]:
    """What nobody is to know of, and for each text of it one of the same length that names nothing."""
    tags = [{"key": "level", "value": "secret"}]
    await service.user("spy", allow("s3:*"), path="/secret/")
    await service.good("tagUser", {"userName": "spy", "tags": tags})
    await service.good("createGroup", {"groupName": "spy", "path": "/secret/"})
    await role(service, "spy", trusting(arn("user/secret/spy")), allow("s3:*"), path="/secret/", tags=tags)
    profile = {"instanceProfileName": "spy", "path": "/secret/", "tags": tags}
    await service.good("createInstanceProfile", profile)
    await service.good("addRoleToInstanceProfile", {"instanceProfileName": "spy", "roleName": "spy"})
    await service.good("createInstanceProfile", {"instanceProfileName": "open", "path": "/open/"})
    provider = {"url": "https://secret/spy", "tags": tags}
    provider = (await service.good("createOpenIDConnectProvider", provider, "oidcProvider { id }"))["oidcProvider"]
    policy = {"policyName": "spy", "path": "/secret/", "policyDocument": allow("s3:*"), "tags": tags}
    await service.good("createPolicy", policy)
    made = await service.good("createAccessKey", {"userName": "spy"}, "accessKey { accessKeyId }")
    found = await account(
        service,
        'user(name: "spy") { uniqueId sessions(first: 1) { nodes { id } } } group(name: "spy") { uniqueId } '
        'profiles: instanceProfiles(first: 9, pathPrefix: "/secret/") { nodes { uniqueId } } '
        f'role(name: "spy") {{ uniqueId }} policy(arn: "{arn("policy/secret/spy")}") {{ uniqueId }}',
    )
    found["profile"] = found.pop("profiles")["nodes"][0]
    known = {kind: one["uniqueId"] for kind, one in found.items()}
    parsed = parse_node_id(provider["id"])
    assert parsed is not None
    known["provider"] = parsed[1][0]
    known |= {"key": made["accessKey"]["accessKeyId"], "session": found["user"]["sessions"]["nodes"][0]["id"]}
    return known


def _asks(known: dict[str, str], name: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """All the ways to ask for what is called `name`, and has these ids."""
    nodes = {
        "User": (known["user"],),
        "Group": (known["group"],),
        "Role": (known["role"],),
        "InstanceProfile": (known["profile"],),
        "OidcProvider": (known["provider"],),
        "ManagedPolicy": (known["policy"],),
        "PolicyVersion": (known["policy"], "v1"),
        "InlinePolicy": ("user", known["user"], "own"),
        "LoginProfile": (known["user"],),
        "AccessKey": (known["user"], known["key"]),
    }
    within = f'query {{ account(by: {{ id: "{ACCOUNT}" }}) {{ %s }} }}'
    asks: dict[str, tuple[str, dict[str, Any]]] = {}
    provider = {"openIdConnectProviderArn": arn(f"oidc-provider/secret/{name}")}
    asks["provider by ARN"] = f'{{ resource(arn: "{provider["openIdConnectProviderArn"]}") {{ id arn }} }}', {}
    for kind in ("user", "group", "role", "instance-profile"):
        field = "instanceProfile" if kind == "instance-profile" else kind
        asks[f"{kind} by name"] = within % f'{field}(name: "{name}") {{ id arn }}', {}
        asks[f"{kind} by ARN"] = f'{{ resource(arn: "{arn(f"{kind}/secret/{name}")}") {{ id arn }} }}', {}
        asks[f"{kind} by ARN elsewhere"] = f'{{ resource(arn: "{arn(f"{kind}/{name}")}") {{ id }} }}', {}
    policy = arn(f"policy/secret/{name}")
    asks["policy by name"] = within % f'policy(arn: "{policy}") {{ id arn }}', {}
    asks["policy by ARN"] = f'{{ resource(arn: "{policy}") {{ id arn }} }}', {}
    for kind, key in nodes.items():
        asks[f"node {kind}"] = "query ($id: ID!) { node(id: $id) { __typename id } }", {"id": node_id(kind, *key)}
    asks["node Session"] = "query ($id: ID!) { node(id: $id) { __typename id } }", {"id": known["session"]}
    asks["nodes"] = (
        "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
        {"ids": [node_id(kind, *key) for kind, key in nodes.items()]},
    )
    tags = [{"key": "a", "value": "b"}]
    inputs: dict[str, dict[str, Any]] = {
        "deleteUser": {"userName": name},
        "tagUser": {"userName": name, "tags": tags},
        "untagUser": {"userName": name, "tagKeys": ["aws:bad"]},
        "updateUser": {"userName": name, "newPath": "/open/"},
        "createLoginProfile": {"userName": name, "password": "short"},
        "updateLoginProfile": {"userName": name, "password": "another-Passw0rd!"},
        "createAccessKey": {"userName": name},
        "deleteAccessKey": {"userName": name, "accessKeyId": known["key"]},
        "putUserPolicy": {"userName": name, "policyName": "own", "policyDocument": "{"},
        "deleteUserPolicy": {"userName": name, "policyName": "own"},
        "attachUserPolicy": {"userName": name, "policyArn": policy},
        "deleteGroup": {"groupName": name},
        "updateGroup": {"groupName": name, "newGroupName": "open"},
        "addUserToGroup": {"groupName": name, "userName": "snoop"},
        "deleteRole": {"roleName": name},
        "updateRole": {"roleName": name, "maxSessionDuration": 1},
        "updateAssumeRolePolicy": {"roleName": name, "policyDocument": trusting("*")},
        "deleteInstanceProfile": {"instanceProfileName": name},
        "tagInstanceProfile": {"instanceProfileName": name, "tags": tags},
        "addRoleToInstanceProfile": {"instanceProfileName": "open", "roleName": name},
        "removeRoleFromInstanceProfile": {"instanceProfileName": name, "roleName": name},
        "deleteOpenIDConnectProvider": provider,
        "tagOpenIDConnectProvider": {**provider, "tags": tags},
        "addClientIDToOpenIDConnectProvider": {**provider, "clientId": "x"},
        "putMappingRules": {"providerArn": provider["openIdConnectProviderArn"], "rules": "x"},
        "deleteMappingRules": {"providerArn": provider["openIdConnectProviderArn"]},
        "deletePolicy": {"policyArn": policy},
        "tagPolicy": {"policyArn": policy, "tags": tags},
        "createPolicyVersion": {"policyArn": policy, "policyDocument": allow("*")},
        "deletePolicyVersion": {"policyArn": policy, "versionId": "v9"},
        "assumeRole": {"roleArn": arn(f"role/secret/{name}"), "roleSessionName": "ci"},
        "revokeSession": {"sessionId": known["session"]},
    }
    for mutation, input in inputs.items():
        kind = mutation[0].upper() + mutation[1:]
        asks[mutation] = (
            f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) {{ __typename ... on Error {{ code message }} "
            "... on AccessDeniedError { action resource encodedAuthorizationMessage decision { outcome because { policyName "
            "sid } missingContext lacking near { unmet { key values } } } } "
            "... on InvalidInputError { field } } }",
            {"input": input},
        )
    return asks


def _other(text: str) -> str:
    """Text like it that names nothing."""
    return text[:-6] + ("A" * 6 if text.isupper() or text[:4].isupper() else "AAAAAA")


@pytest.mark.parametrize("policy", POLICIES)
async def test_hidden_and_absent_answer_alike(service: Service, policy: str) -> None:
    """GQ-01 and permissions.md, "AccessDenied is decided before existence": byte for byte, and nothing changes; while
    the history keeps the truth."""
    known = await _hidden(service)
    absent = {**{kind: _other(text) for kind, text in known.items()}, "session": _absent_session(known["session"])}
    token = await service.user("snoop", POLICIES[policy], path="/")
    before = await service.snapshot()
    there, not_there = _asks(known, "spy"), _asks(absent, "nix")
    by_tag = policy in ("all but a tag", "only a tag")
    for how, (query, variables) in there.items():
        if by_tag and ("group" in how.lower() or "Session" in how or how in ("nodes", "addUserToGroup")):
            continue  # groups and sessions have no tags
        shown = (await service.ask(query, token, **variables)).text
        assert "Success" not in shown and '"arn"' not in shown, (how, shown)
        alike = (await service.ask(not_there[how][0], token, **not_there[how][1])).text
        (shown, lengths), (alike, others) = _opened(service, shown), _opened(service, alike)
        for kind in known:
            shown, alike = shown.replace(_key(known[kind]), f"<{kind}>"), alike.replace(_key(absent[kind]), f"<{kind}>")
        assert shown.replace("spy", "nix") == alike, how
        # The names, which the caller brings, are compressed; the rest has one of a few sizes.
        assert all(abs(length - other) < 32 for length, other in zip(lengths, others, strict=True)), how
    assert await service.snapshot() == before
    if policy == "all but a path":
        (event,) = await service.events(name="DeleteUser", principal_arn=SNOOP, outcome=EventOutcome.DENIED)
        assert (event.error_code, event.resources) == ("AccessDenied", (arn("user/secret/spy"),))
        (event,) = await service.events(name="DeleteUser", principal_arn=SNOOP, outcome=EventOutcome.FAILED)
        assert event.error_code == "NoSuchEntity"


def _opened(service: Service, text: str, account_id: str = ACCOUNT) -> tuple[str, list[int]]:
    """An answer with what its encoded messages hold in their places, but for the time; and how long each was."""
    lengths = []

    def whole(found: re.Match[str]) -> str:
        lengths.append(len(found[0]))
        explanation = replace(opened(found[0], account_id, service.kernel.tools.sealer), at=None)
        timeless = tuple(one for one in explanation.context if one.key not in ("aws:CurrentTime", "aws:EpochTime"))
        return explained(replace(explanation, context=timeless))

    return re.sub(r"v2\.[0-9a-f]{8}\.[\w-]+", whole, text), lengths


def _absent_session(id: str) -> str:
    parsed = parse_node_id(id)
    assert parsed is not None
    return node_id("Session", parsed[1][0][::-1])


def _key(text: str) -> str:
    """A session is called by its key in messages, and by its node's id in requests."""
    parsed = parse_node_id(text)
    return parsed[1][0] if parsed else text


async def test_other_accounts_are_as_if_there_were_none(service: Service) -> None:
    """By id, by alias, by any node's id and ARN: for a user of the operator's account, a tenant's root and a tenant's
    user alike; and no permission helps a tenant."""
    other = await other_root(service)
    await service.good("createAccountAlias", {"accountAlias": "acme-one"})
    await service.good("createAccountAlias", {"accountAlias": "acme-two"}, token=other)
    made = await service.good("createUser", {"userName": "far"}, "user { id }", other)
    await service.good("createPolicy", {"policyName": "far", "policyDocument": allow("*")}, token=other)
    await service.good("createRole", {"roleName": "far", "assumeRolePolicyDocument": trusting(OTHER)}, token=other)
    local = await service.good("createUser", {"userName": "far"}, "user { id }")
    await service.good("createPolicy", {"policyName": "far", "policyDocument": allow("*")})
    await service.good("createRole", {"roleName": "far", "assumeRolePolicyDocument": trusting(ACCOUNT)})
    plain, bold = await service.user("plain"), await service.user("bold", allow("iam:*", "sts:*", "iamgraph:*"))
    nobody = "9" * 12
    for token, id, alias, node in (
        (plain, OTHER, "acme-two", made["user"]["id"]),
        (bold, OTHER, "acme-two", made["user"]["id"]),
        (other, ACCOUNT, "acme-one", local["user"]["id"]),
    ):
        for template in (
            '{{ account(by: {{ id: "{id}" }}) {{ id arn alias }} }}',
            '{{ account(by: {{ id: "{id}" }}) {{ id user(name: "far") {{ id }} users(first: 1) {{ nodes {{ id }} }} }} }}',
            '{{ account(by: {{ alias: "{alias}" }}) {{ id arn }} }}',
            '{{ resource(arn: "arn:aws:iam::{id}:root") {{ id }} }}',
            '{{ resource(arn: "arn:aws:iam::{id}:user/far") {{ id }} }}',
            '{{ resource(arn: "arn:aws:iam::{id}:role/far") {{ id }} }}',
            '{{ resource(arn: "arn:aws:iam::{id}:policy/far") {{ id }} }}',
            '{{ node(id: "{account}") {{ id }} }}',
            '{{ node(id: "{root}") {{ id }} }}',
            '{{ node(id: "{node}") {{ id }} }}',
            'mutation {{ closeAccount(input: {{ accountId: "{id}" }}) {{ __typename ... on Error {{ code message }} }} }}',
            'mutation {{ assumeRole(input: {{ roleArn: "arn:aws:iam::{id}:role/far", roleSessionName: "ci" }}) '
            "{{ __typename ... on Error {{ code message }} }} }}",
            'mutation {{ deletePolicy(input: {{ policyArn: "arn:aws:iam::{id}:policy/far" }}) '
            "{{ __typename ... on Error {{ code message }} }} }}",
            'mutation {{ attachUserPolicy(input: {{ userName: "far", policyArn: "arn:aws:iam::{id}:policy/far" }}) '
            "{{ __typename ... on Error {{ code message }} }} }}",
            'mutation {{ tagPolicy(input: {{ policyArn: "arn:aws:iam::{id}:policy/far", tags: [] }}) '
            "{{ __typename ... on Error {{ code message }} }} }}",
        ):
            answers = []
            for one, called, of in ((id, alias, node), (nobody, "zzzz-zzz", _absent_user(node))):
                query = template.format(
                    id=one, alias=called, node=of, account=node_id("Account", one), root=node_id("RootUser", one)
                )
                text, _ = _opened(service, (await service.ask(query, token)).text, OTHER if token == other else ACCOUNT)
                answers.append(text.replace(one, "<id>").replace(called, "<alias>").replace(_key(of), "<key>"))
            assert answers[0] == answers[1] and "Success" not in answers[0], template


def _absent_user(id: str) -> str:
    return node_id("User", _key(id)[:-6] + "AAAAAA")


async def test_walking_the_graph_widens_nothing(service: Service) -> None:
    """GQ-01: with iam:GetGroup alone the members are named, and no more; what is allowed beside what is not comes back."""
    await service.user("spy", path="/eng/")
    await service.good("tagUser", {"userName": "spy", "tags": [{"key": "a", "value": "b"}]})
    await service.good("createGroup", {"groupName": "g"})
    await service.good("addUserToGroup", {"groupName": "g", "userName": "spy"})
    await service.good("createPolicy", {"policyName": "p", "policyDocument": allow("s3:*")})
    await service.good("attachUserPolicy", {"userName": "spy", "policyArn": arn("policy/p")})
    policy = allow("iam:GetGroup", "iam:GetRole", "iam:GetPolicy", "iam:ListEntitiesForPolicy")
    token = await service.user("snoop", policy)
    await role(service, "r", trusting("*"))
    query = (
        f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ group(name: "g") {{ name uniqueId members(first: 9) {{ nodes {{ name arn '
        "createdAt tags { key } accessKeys { id } groups(first: 1) { nodes { id } } loginProfile { id } account { alias "
        "users(first: 1) { nodes { id } } } } } attachedPolicies(first: 1) { nodes { id } } } "
        'role(name: "r") { name trustPolicy account { accountId users(first: 1) { nodes { id } } } } '
        f'policy(arn: "{arn("policy/p")}") {{ name attachments(first: 9) {{ nodes {{ ... on User {{ name tags {{ key }} }} '
        "... on Role { trustPolicy } } } defaultVersion { document } } } }"
    )
    reply = await service.ask(query, token)
    assert set(reply.codes) == {"ACCESS_DENIED"}
    found = reply.only()
    (member,) = found["group"]["members"]["nodes"]
    assert member.pop("createdAt")
    assert member == {
        "name": "spy",
        "arn": arn("user/eng/spy"),
        "tags": None,
        "accessKeys": None,
        "groups": None,
        "loginProfile": None,
        "account": {"alias": None, "users": None},
    }
    assert found["group"]["name"] == "g" and found["group"]["attachedPolicies"] is None
    assert found["role"]["account"] == {"accountId": ACCOUNT, "users": None} and found["role"]["trustPolicy"]
    assert found["policy"] == {
        "name": "p",
        "attachments": {"nodes": [{"name": "spy", "tags": None}]},
        "defaultVersion": {"document": None},
    }
    paths = [error["path"] for error in reply.body["errors"]]
    assert len(paths) == len({json.dumps(path) for path in paths}) >= 9


async def test_a_refused_node_leaves_the_others(service: Service) -> None:
    """GQ-01, `nodes`: each in its place; a refused and an absent one are null; the refusal has its place as its path."""
    token = await service.user("snoop", allow("iam:GetUser", resource=SNOOP))
    ids = [
        (await service.good("createUser", {"userName": "u"}, "user { id }"))["user"]["id"],
        (await account(service, 'user(name: "snoop") { id }'))["user"]["id"],
        "nonsense",
    ]
    reply = await service.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", token, ids=ids)
    assert reply.data == {"nodes": [None, {"id": ids[1]}, None]}
    assert [(one["path"], one["extensions"]["code"]) for one in reply.body["errors"]] == [
        (["nodes", 0], "ACCESS_DENIED"),
        (["nodes", 2], "INVALID_INPUT"),
    ]
    root = await service.root()
    before = service.database.statements
    await service.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", root, ids=ids[:1])
    one = service.database.statements - before
    many = [(await service.good("createUser", {"userName": f"m{i}"}, "user { id }"))["user"]["id"] for i in range(20)]
    before = service.database.statements
    await service.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", root, ids=many)
    assert service.database.statements - before <= one + 2  # the history's own writing may fall in between


async def test_a_role_that_trusts_others_is_as_if_there_were_none(service: Service) -> None:
    """Also where its trust policy denies, or asks for what the caller has not."""
    token = await service.user("snoop", allow("sts:AssumeRole"))
    await role(service, "one", trusting(arn("root"), Condition={"StringEquals": {"sts:ExternalId": "xx"}}))
    denied = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    await role(service, "two", document(denied))
    ask = (
        'mutation {{ assumeRole(input: {{ roleArn: "{}", roleSessionName: "ci" }}) {{ __typename ... on AccessDeniedError '
        "{{ code message action resource decision {{ outcome because {{ sid }} missingContext lacking "
        "near {{ unmet {{ key }} }} }} }} }} }}"
    )
    texts = [
        (await service.ask(ask.format(arn(f"role/{name}")), token)).text.replace(name, "<>")
        for name in ("one", "two", "six")
    ]
    assert texts == [texts[0]] * 3
    await service.good("updateAssumeRolePolicy", {"roleName": "two", "policyDocument": trusting(arn("root"))})
    await assumed(service, arn("role/two"), token)
