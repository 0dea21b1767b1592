"""The same data for both: made in iamgraph through its API, then copied to the naive app from what it answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise import Tortoise

from . import naive
from .load import ask

ACCOUNT, EMAIL, PASSWORD = "111122223333", "root@example.com", "a-Root-passw0rd"
READER, READER_PASSWORD = "reader", "a-Reader-passw0rd"
GROUPS_OF_A_USER, POLICIES_OF_A_GROUP = 3, 2
GROUPS, POLICIES = 12, 8
AT_ONCE = 10

_READING = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Read", "Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"},
        {"Sid": "NotThese", "Effect": "Deny", "Action": "iam:*", "Resource": "arn:aws:iam::*:user/hidden/*"},
        {
            "Sid": "FromHere",
            "Effect": "Deny",
            "Action": "iam:*",
            "Resource": "*",
            "Condition": {"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}},
        },
    ],
}
_DOCS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Pages", "Effect": "Allow", "Action": "docs:Read", "Resource": f"arn:aws:docs::{ACCOUNT}:page/team-*"},
        {"Effect": "Allow", "Action": "docs:*", "Resource": f"arn:aws:docs::{ACCOUNT}:page/team-1/*"},
        {
            "Sid": "NotAway",
            "Effect": "Deny",
            "Action": "docs:Write",
            "Resource": f"arn:aws:docs::{ACCOUNT}:page/team-2/*",
            "Condition": {"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}},
        },
    ],
}
_SOME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bench/${aws:username}/*"}],
}
Mutation = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """Whose token asks, and the node ids of users to ask for."""

    token: str
    user_ids: Sequence[str]


async def seed(port: int, store_url: str, users: int) -> Seeded:
    """Fill both stores: iamgraph's through its server at `port`, the naive app's at `store_url`."""
    root = await _signed_in(port, "signInAsRoot", {"email": EMAIL, "password": PASSWORD})
    await _run(port, root, _mutations(users))
    reader = {"account": ACCOUNT, "userName": READER, "password": READER_PASSWORD}
    token = await _signed_in(port, "signIn", reader)
    found = await _read(port, token)
    await _copy(store_url, found)
    return Seeded(token=token, user_ids=[user["id"] for user in found])


async def _signed_in(port: int, mutation: str, input: Mapping[str, Any]) -> str:
    data = await ask(port, {"query": sign_in_query(mutation), "variables": {"input": input}})
    token: str = data[mutation]["accessToken"]
    return token


def sign_in_query(mutation: str) -> str:
    kind = mutation[0].upper() + mutation[1:]
    return (
        f"mutation($input: {kind}Input!) {{ {mutation}(input: $input) "
        "{ __typename ... on SignInSuccess { accessToken } ... on Error { code message } } }"
    )


def _mutations(users: int) -> Iterable[Mutation]:
    for i in range(POLICIES):
        yield "createPolicy", {"policyName": f"policy-{i:02}", "policyDocument": json.dumps(_SOME)}
    for i in range(GROUPS):
        yield "createGroup", {"groupName": f"group-{i:02}"}
        for j in range(POLICIES_OF_A_GROUP):
            arn = f"arn:aws:iam::{ACCOUNT}:policy/policy-{(i + j * 3) % POLICIES:02}"
            yield "attachGroupPolicy", {"groupName": f"group-{i:02}", "policyArn": arn}
    for i in range(users):
        yield "createUser", {"userName": f"user-{i:04}", "path": f"/team-{i % 7}/"}
        for j in range(GROUPS_OF_A_USER):
            yield "addUserToGroup", {"groupName": f"group-{(i + j * 5) % GROUPS:02}", "userName": f"user-{i:04}"}
    # Its name comes behind the others, so that pages hold users with groups.
    yield "createUser", {"userName": READER + "-", "path": "/"}
    yield "createUser", {"userName": READER, "path": "/zz/"}
    yield "createLoginProfile", {"userName": READER, "password": READER_PASSWORD}
    yield "putUserPolicy", {"userName": READER, "policyName": "read", "policyDocument": json.dumps(_READING)}
    yield "putUserPolicy", {"userName": READER, "policyName": "docs", "policyDocument": json.dumps(_DOCS)}


async def _run(port: int, token: str, mutations: Iterable[Mutation]) -> None:
    waiting = list(mutations)
    while waiting:
        batch, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        inputs = {f"i{i}": input for i, (_, input) in enumerate(batch)}
        variables = ", ".join(f"$i{i}: {_kind(name)}Input!" for i, (name, _) in enumerate(batch))
        fields = " ".join(
            f"m{i}: {name}(input: $i{i}) {{ __typename ... on Error {{ message }} }}"
            for i, (name, _) in enumerate(batch)
        )
        data = await ask(port, {"query": f"mutation({variables}) {{ {fields} }}", "variables": inputs}, token)
        refused = [done for done in data.values() if not done["__typename"].endswith("Success")]
        if refused:
            raise RuntimeError(f"could not seed: {refused[0]}")


def _kind(name: str) -> str:
    return name[0].upper() + name[1:]


_EVERYTHING = (
    "query($a: AccountId!, $after: String) { account(by: {id: $a}) { users(first: 100, after: $after) { "
    "pageInfo { hasNextPage endCursor } nodes { id uniqueId arn name path createdAt groups(first: 10) { nodes { "
    "uniqueId arn name attachedPolicies(first: 10) { nodes { uniqueId arn name } } } } } } } }"
)


async def _read(port: int, token: str) -> list[dict[str, Any]]:
    """All users with what hangs on them, as iamgraph answers."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        data = await ask(port, {"query": _EVERYTHING, "variables": {"a": ACCOUNT, "after": after}}, token)
        page = data["account"]["users"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def _copy(store_url: str, users: Sequence[Mapping[str, Any]]) -> None:
    await naive.connect(store_url)
    try:
        await Tortoise.generate_schemas()
        account = await naive.AccountRow.create(id=ACCOUNT)
        policies: dict[str, naive.PolicyRow] = {}
        groups: dict[str, naive.GroupRow] = {}
        for user in users:
            row = await naive.UserRow.create(
                id=user["uniqueId"],
                account=account,
                arn=user["arn"],
                name=user["name"],
                path=user["path"],
                created_at=datetime.fromisoformat(user["createdAt"]),
            )
            for group in user["groups"]["nodes"]:
                if group["uniqueId"] not in groups:
                    groups[group["uniqueId"]] = await _group(group, policies)
                await row.groups.add(groups[group["uniqueId"]])
    finally:
        await Tortoise.close_connections()


async def _group(group: Mapping[str, Any], policies: dict[str, naive.PolicyRow]) -> naive.GroupRow:
    row = await naive.GroupRow.create(id=group["uniqueId"], arn=group["arn"], name=group["name"])
    for policy in group["attachedPolicies"]["nodes"]:
        key = policy["uniqueId"]
        if key not in policies:
            policies[key] = await naive.PolicyRow.create(id=key, arn=policy["arn"], name=policy["name"])
        await row.policies.add(policies[key])
    return row
