"""Lists: every one pages, in one order, at a cost that does not grow with what it shows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from iamgraph.domain.cursor import encode_cursor

from ..databases import STORES, fresh
from ..service import ACCOUNT, Service, allow, served
from .asking import account, arn, assumed, role, trusting

DOCUMENTS = (Path(__file__).parents[1] / "contract" / "main-job.graphql").read_text()
PATHS = ["/", "/a/", "/a/", "/ab/", "/ab/", "/b/", "/"]
U, G, R, P = 'user(name: "u0")', 'group(name: "g0")', 'role(name: "r0")', f'policy(arn: "{arn("policy/p0")}")'


async def _seven(service: Service) -> None:
    """Seven of everything, on paths, made in no order."""
    root = await service.root()
    for i in (3, 0, 6, 1, 5, 2, 4):
        path = PATHS[i]
        await service.good("createUser", {"userName": f"u{i}", "path": path})
        await service.good("createGroup", {"groupName": f"g{i}", "path": path})
        await role(service, f"r{i}", trusting("*"), path=path)
        await service.good("createInstanceProfile", {"instanceProfileName": f"w{i}", "path": path})
        await service.good("addRoleToInstanceProfile", {"instanceProfileName": f"w{i}", "roleName": "r3"})
        await service.good("createVirtualMFADevice", {"virtualMfaDeviceName": f"m{i}", "path": path})
        policy = {"policyName": f"p{i}", "path": path, "policyDocument": allow("s3:*")}
        await service.good("createPolicy", policy)
    await _each(service, "addUserToGroup", root, [{"groupName": "g0", "userName": f"u{i}"} for i in range(7)])
    await _each(service, "addUserToGroup", root, [{"groupName": f"g{i}", "userName": "u0"} for i in range(1, 7)])
    for kind in ("User", "Group", "Role"):
        who = {f"{kind.lower()}Name": f"{kind[0].lower()}0"}
        policies = [{**who, "policyArn": arn(f"policy{PATHS[i]}p{i}")} for i in range(7)]
        await _each(service, f"attach{kind}Policy", root, policies)
        inline = [{**who, "policyName": f"i{i}", "policyDocument": allow("s3:*")} for i in range(7)]
        await _each(service, f"put{kind}Policy", root, inline)
    first = {"policyArn": arn("policy/p0")}
    await _each(service, "attachUserPolicy", root, [{"userName": f"u{i}", **first} for i in range(1, 4)])
    await _each(
        service, "putRolePermissionsBoundary", root, [{"roleName": "r1", "permissionsBoundary": first["policyArn"]}]
    )
    await service.good("createLoginProfile", {"userName": "u0", "password": "u0-Passw0rd!"})
    for _ in range(7):
        await service.good("signIn", {"account": ACCOUNT, "userName": "u0", "password": "u0-Passw0rd!"})
    for i in range(6):
        more = {"email": f"a{i}@example.com", "rootPassword": "an-0ther-Passw0rd!", "accountId": f"20000000000{i}"}
        await service.good("createAccount", more)


async def _each(service: Service, mutation: str, token: str, inputs: list[dict[str, Any]]) -> None:
    for input in inputs:
        await service.good(mutation, input, token=token)


LISTS = {
    "users": ("%s", "name", [f"u{i}" for i in range(7)]),
    "groups": ("%s", "name", [f"g{i}" for i in range(7)]),
    "roles": ("%s", "name", [f"r{i}" for i in range(7)]),
    "policies": ("%s", "name", [f"p{i}" for i in range(7)]),
    "instanceProfiles": ("%s", "name", [f"w{i}" for i in range(7)]),
    "virtualMfaDevices": (
        "%s",
        "serialNumber",
        [arn(f"mfa{place}") for place in ("/a/m1", "/a/m2", "/ab/m3", "/ab/m4", "/b/m5", "/m0", "/m6")],
    ),
    "role.instanceProfiles": ('role(name: "r3") { %s }', "name", [f"w{i}" for i in range(7)]),
    "user.groups": (U + " { %s }", "name", [f"g{i}" for i in range(7)]),
    "group.members": (G + " { %s }", "name", [f"u{i}" for i in range(7)]),
    "user.attachedPolicies": (U + " { %s }", "name", [f"p{i}" for i in range(7)]),
    "group.attachedPolicies": (G + " { %s }", "name", [f"p{i}" for i in range(7)]),
    "role.attachedPolicies": (R + " { %s }", "name", [f"p{i}" for i in range(7)]),
    "user.inlinePolicies": (U + " { %s }", "name", [f"i{i}" for i in range(7)]),
    "group.inlinePolicies": (G + " { %s }", "name", [f"i{i}" for i in range(7)]),
    "role.inlinePolicies": (R + " { %s }", "name", [f"i{i}" for i in range(7)]),
    "user.sessions": (U + " { %s }", "id", None),
    "policy.attachments": (P + " { %s }", "... on User { name } ... on Group { name } ... on Role { name }", None),
    "auditEvents": ("%s", "id", None),
}


async def _page(service: Service, listing: str, first: int, after: str | None, more: str = "") -> Any:
    """One page of a list; the whole reply where it was refused."""
    around, item, _ = LISTS.get(listing, ("%s", "accountId", None))
    field = listing.rpartition(".")[2]
    inner = (
        f"{field}(first: $first, after: $after{more}) "
        f"{{ edges {{ cursor }} nodes {{ {item} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }}"
    )
    head = "query ($first: Int!, $after: String)"
    query = f"{head} {{ {inner} }}"
    if listing != "accounts":
        query = f'{head} {{ account(by: {{ id: "{ACCOUNT}" }}) {{ {around % inner} }} }}'
    reply = await service.ask(query, await service.root(), first=first, after=after)
    if reply.codes:
        return reply
    found = reply.data
    for name in ([] if listing == "accounts" else ["account"]) + listing.split("."):
        found = found[name]
    return found


async def _walk(service: Service, listing: str, more: str = "") -> tuple[list[str], list[str]]:
    """Every item of a list, two at a time, and every cursor."""
    items: list[str] = []
    cursors: list[str] = []
    after = None
    for number in range(40):
        page = await _page(service, listing, 2, after, more)
        assert isinstance(page, dict), (listing, page)
        nodes, info = page["nodes"], page["pageInfo"]
        assert 0 < len(nodes) <= 2, page
        assert len(nodes) == 2 or not info["hasNextPage"]
        assert info["hasPreviousPage"] == (number > 0)
        assert [info["startCursor"], info["endCursor"]] == [page["edges"][0]["cursor"], page["edges"][-1]["cursor"]]
        items += [next(iter(node.values())) for node in nodes]
        cursors += [edge["cursor"] for edge in page["edges"]]
        after = info["endCursor"]
        if not info["hasNextPage"]:
            return items, cursors
    raise AssertionError("the list has no end")


async def test_every_list_pages(service: Service) -> None:
    """PG-01: each item once, in order; and a cursor is good for its own list alone."""
    await _seven(service)
    cursors: dict[str, list[str]] = {}
    for listing, (_, _, wanted) in [*LISTS.items(), ("accounts", ("", "", None))]:
        if listing == "auditEvents":
            more = ', filter: { names: ["CreateUser"] }'
            items, cursors[listing] = await _walk(service, listing, more)
            assert len(items) == 7
        else:
            items, cursors[listing] = await _walk(service, listing)
        assert len(items) == len(set(items)), listing
        assert wanted is None or items == wanted, listing
        sizes = {"policy.attachments": 7, "user.sessions": 7, "accounts": 7}
        assert len(items) == sizes.get(listing, len(wanted or items)), listing
    kinds = {listing: listing.rpartition(".")[2] for listing in cursors}
    for listing in cursors:
        others = [cursors[one][0] for one in cursors if kinds[one] != kinds[listing]]
        forged = encode_cursor(kinds[listing], "a", "b", "c")
        for bad in (*others, "x", "é", cursors[listing][0] + "=", cursors[listing][0][:-1], forged, "W10", "A" * 2000):
            reply = await _page(service, listing, 2, bad)
            assert reply.codes == ["INVALID_INPUT"], (listing, bad, reply.text)
        for size in (0, -1, 1001, 10**6):
            reply = await _page(service, listing, size, None)
            assert set(reply.codes) <= {"INVALID_INPUT", "TOO_COMPLEX", "BAD_REQUEST"} and reply.codes, (listing, size)
    # A list with nothing in it knows a bad cursor too.
    await service.good("createUser", {"userName": "lonely"})
    for inner in ("groups", "attachedPolicies", "inlinePolicies", "sessions"):
        asked = f'user(name: "lonely") {{ {inner}(first: 2, after: "x") {{ pageInfo {{ hasNextPage }} }} }}'
        reply = await service.ask(f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ {asked} }} }}', await service.root())
        assert reply.codes == ["INVALID_INPUT"], (inner, reply.text)


async def test_a_path_prefix_is_plain_text(service: Service) -> None:
    """PG-01: `/a` matches `/ab/`; `/a/` does not; `_` and `%` are letters; the prefix holds from page to page."""
    for i, path in enumerate([*PATHS, "/a_/", "/a%/", "/A/"]):
        await service.good("createUser", {"userName": f"u{i}", "path": path})
        await service.good("createGroup", {"groupName": f"g{i}", "path": path})
    for kind in ("users", "groups"):
        for prefix, wanted in (
            ("/a", [1, 2, 3, 4, 7, 8]),
            ("/a/", [1, 2]),
            ("/ab/", [3, 4]),
            ("/a_", [7]),
            ("/a%", [8]),
            ("/A", [9]),
            ("/", list(range(10))),
        ):
            items, _ = await _walk(service, kind, f', pathPrefix: "{prefix}"')
            assert items == [f"{kind[0]}{i}" for i in wanted], prefix
        for bad in ("", "a", "/ä"):
            reply = await _page(service, kind, 2, None, f', pathPrefix: "{bad}"')
            assert reply.codes == ["INVALID_INPUT"], bad


NAMES = [
    f"{first}{middle}{last}"
    for first in ("a", "B", "_", "9", "Z")
    for middle in ("-", "_", ".", "@", "+")
    for last in ("b", "A", "_z", "10")
]


async def test_a_page_of_a_hundred_is_the_same_on_both_stores(tmp_path: Path) -> None:
    """Names with - _ . @ and mixed case, in the order of their bytes, whatever the database's own order is; and in pages
    of seven the same."""
    texts: list[str] = []
    assert len(NAMES) == 100
    for store in STORES:
        async with fresh(store, tmp_path) as url, served(url, tmp_path) as service:
            root = await service.root()
            await asyncio.gather(*(service.do("createUser", {"userName": name}, token=root) for name in NAMES))
            variables = {"account": ACCOUNT, "first": 100, "after": None}
            body = {"query": DOCUMENTS, "operationName": "Page", "variables": variables}
            reply = await service.post(body, root)
            assert [one["name"] for one in reply.only()["users"]["nodes"]] == sorted(NAMES)
            texts.append(reply.text)
            pages, after = [], None
            while True:
                body["variables"] = {**variables, "first": 7, "after": after}
                users = (await service.post(body, root)).only()["users"]
                pages += [one["name"] for one in users["nodes"]]
                if not users["pageInfo"]["hasNextPage"]:
                    break
                after = users["pageInfo"]["endCursor"]
            assert pages == sorted(NAMES)
    assert texts[0] == texts[1]


async def test_a_page_costs_the_same_whatever_it_shows(service: Service) -> None:
    """`Page` over 100 users, each in groups with policies: as many SQL statements as over 10."""
    root = await service.root()
    for i in range(4):
        await service.good("createGroup", {"groupName": f"g{i}"})
        await service.good("createPolicy", {"policyName": f"p{i}", "policyDocument": allow("s3:*")})
        await service.good("attachGroupPolicy", {"groupName": f"g{i}", "policyArn": arn(f"policy/p{i}")})
    names = [f"u{i:02}" for i in range(100)]
    await asyncio.gather(*(service.good("createUser", {"userName": name}, token=root) for name in names))
    into = [(name, group % 4) for group, name in enumerate(names)]
    add = "addUserToGroup"
    await asyncio.gather(*(service.good(add, {"userName": u, "groupName": f"g{g}"}, token=root) for u, g in into))

    async def cost(first: int) -> int:
        await asyncio.sleep(0.2)  # the history of the reads before is written
        before = service.database.statements
        variables = {"account": ACCOUNT, "first": first, "after": None}
        reply = await service.post({"query": DOCUMENTS, "operationName": "Page", "variables": variables}, root)
        users = reply.only()["users"]["nodes"]
        assert reply.codes == [] and len(users) == first
        assert all(len(one["groups"]["nodes"]) == 1 for one in users)
        assert all(group["attachedPolicies"]["nodes"] for one in users for group in one["groups"]["nodes"])
        await asyncio.sleep(0.2)
        return service.database.statements - before

    costs = [await cost(first) for first in (1, 10, 100, 10)]
    assert costs == [costs[0]] * 4, costs
    assert costs[0] <= 8, costs


async def test_a_list_goes_on_where_it_was_though_its_items_change(service: Service) -> None:
    """What is made or deleted between two pages is neither doubled nor a reason to lose another."""
    for name in ("b", "d", "f", "h"):
        await service.good("createUser", {"userName": name})
    page = await _page(service, "users", 2, None)
    assert [one["name"] for one in page["nodes"]] == ["b", "d"]
    for gone in ("b", "d"):
        await service.good("deleteUser", {"userName": gone})
    for new in ("a", "e"):
        await service.good("createUser", {"userName": new})
    page = await _page(service, "users", 9, page["pageInfo"]["endCursor"])
    assert [one["name"] for one in page["nodes"]] == ["e", "f", "h"]


@pytest.mark.parametrize("field", ["sessions"])
async def test_ended_sessions_are_not_listed(service: Service, field: str) -> None:
    """`sessions` has the live ones, newest first."""
    token = await service.user("u")
    await role(service, "r0", trusting(arn("user/u")))
    made = [await assumed(service, arn("role/r0"), token) for _ in range(3)]
    ids = [one["session"]["id"] for one in reversed(made)]
    listed = await account(service, f"{R} {{ {field}(first: 9) {{ nodes {{ id }} }} }}")
    assert [one["id"] for one in listed["role"][field]["nodes"]] == ids
    await service.good("revokeSession", {"sessionId": ids[1]})
    listed = await account(service, f"{R} {{ {field}(first: 9) {{ nodes {{ id }} }} }}")
    assert [one["id"] for one in listed["role"][field]["nodes"]] == [ids[0], ids[2]]
