"""An account's own services: registered, replaced and deleted as wholes, and known to its policies alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iamgraph.domain.limits import Quotas
from iamgraph.domain.services import ServiceAction
from iamgraph.transport.graphql.ids import node_id

from ..databases import STORES, fresh
from ..own_services import given, orders
from ..service import ACCOUNT, Service, allow, served
from .asking import OTHER, account, document, other_root, refused, statement
from .questions.test_validation import validate
from .test_changes import newest, read
from .test_races import at_once, ends

PARTS = """actions { name description resourceTypes conditionKeys }
  resourceTypes { name arnFormats conditionKeys } conditionKeys { name type isMultivalued }"""
WHOLE = f"prefix {PARTS}"
ARN = f"arn:aws:iamgraph::{ACCOUNT}:service/orders"
ID = node_id("Service", ACCOUNT, "orders")
SOUND = given(orders())


async def put(service: Service, token: str | None = None, **changes: Any) -> Any:
    done = await service.good("putService", {**SOUND, **changes}, f"service {{ {WHOLE} }}", token)
    return done["service"]


async def found(service: Service, token: str | None = None, prefix: str = "orders") -> Any:
    return (await account(service, f'service(prefix: "{prefix}") {{ {WHOLE} }}', token))["service"]


async def test_a_service_is_put_read_and_deleted(service: Service) -> None:
    assert await put(service) == SOUND
    assert await found(service) == SOUND
    root = await service.root()
    shown = "... on Service { id arn prefix account { accountId } createdAt updatedAt }"
    for query in (f'{{ node(id: "{ID}") {{ {shown} }} }}', f'{{ resource(arn: "{ARN}") {{ {shown} }} }}'):
        one = (await service.ask(query, root)).only()
        assert (one["id"], one["arn"], one["prefix"], one["account"]) == (ID, ARN, "orders", {"accountId": ACCOUNT})
        made = one["createdAt"]
        assert one["updatedAt"] == made

    # What is put is all that there is.
    fewer = {"prefix": "orders", "actions": [SOUND["actions"][1] | {"conditionKeys": []}]}
    done = await service.good("putService", fewer, f"service {{ {WHOLE} createdAt updatedAt }}")
    assert done["service"].pop("createdAt") == made < done["service"].pop("updatedAt")
    assert done["service"] == {**fewer, "resourceTypes": [], "conditionKeys": []} == await found(service)

    deleted = await service.good("deleteService", {"prefix": "orders"}, "deletedServiceId")
    assert deleted["deletedServiceId"] == ID
    assert await found(service) is None
    for query in (f'{{ node(id: "{ID}") {{ id }} }}', f'{{ resource(arn: "{ARN}") {{ id }} }}'):
        reply = await service.ask(query, root)
        assert (reply.only(), reply.codes) == (None, [])
    error = await refused(service, "deleteService", {"prefix": "orders"}, "NoSuchEntityError")
    assert error["message"] == "The service orders cannot be found."


async def test_services_are_listed_by_prefix(service: Service) -> None:
    """A list tells what there is; what a service is made of takes the permission to read it."""
    for prefix in ("sales", "orders-2", "orders"):
        await service.good("putService", {"prefix": prefix})
    page = "services(first: 2%s) { nodes { prefix } pageInfo { endCursor hasNextPage } }"
    first = (await account(service, page % ""))["services"]
    assert [node["prefix"] for node in first["nodes"]] == ["orders", "orders-2"]
    after = f', after: "{first["pageInfo"]["endCursor"]}"'
    second = (await account(service, page % after))["services"]
    assert [node["prefix"] for node in second["nodes"]] == ["sales"]
    assert second["pageInfo"]["hasNextPage"] is False

    await put(service)
    lister = await service.user(
        "lister", allow("iamgraph:ListServices", resource=f"arn:aws:iamgraph::{ACCOUNT}:service/*")
    )
    query = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ services(first: 1) {{ nodes {{ prefix arn {PARTS} }} }} }} }}'
    reply = await service.ask(query, lister)
    (node,) = reply.only()["services"]["nodes"]
    assert node == {"prefix": "orders", "arn": ARN, "actions": None, "resourceTypes": None, "conditionKeys": None}
    assert reply.codes == ["ACCESS_DENIED"] * 3
    reader = {"userName": "lister", "policyName": "more", "policyDocument": allow("iamgraph:GetService", resource=ARN)}
    await service.good("putUserPolicy", reader)
    reply = await service.ask(query, lister)
    assert reply.codes == [] and reply.only()["services"]["nodes"] == [{"arn": ARN, **SOUND}]


async def test_another_account_has_services_of_its_own(service: Service) -> None:
    """Of the same prefix, too: neither sees the other's, by whatever name it asks."""
    other = await other_root(service)
    await put(service)
    await service.good("putService", {"prefix": "orders", "actions": [{"name": "Ship"}]}, token=other)
    inner = f'{{ account(by: {{ id: "{OTHER}" }}) {{ service(prefix: "orders") {{ actions {{ name }} }} }} }}'
    assert (await service.ask(inner, other)).only()["service"] == {"actions": [{"name": "Ship"}]}
    for token, account_id in ((other, ACCOUNT), (other, "999999999999"), (await service.root(), OTHER)):
        for query in (
            f'{{ node(id: "{node_id("Service", account_id, "orders")}") {{ id }} }}',
            f'{{ resource(arn: "arn:aws:iamgraph::{account_id}:service/orders") {{ id }} }}',
        ):
            reply = await service.ask(query, token)
            assert (reply.only(), reply.codes) == (None, ["ACCESS_DENIED"]), reply.text
    await service.good("deleteService", {"prefix": "orders"}, token=other)
    assert await found(service) == SOUND


POLICY = document(
    statement(
        "Allow",
        "orders:CancelOrder",
        "arn:aws:orders:us-east-1:111122223333:order/7",
        Condition={"StringEquals": {"orders:Channel": "web"}},
    )
)


async def test_policies_are_checked_against_what_is_registered_now(service: Service) -> None:
    """At the next request, in the account alone."""
    other = await other_root(service)

    async def codes(token: str | None = None, text: str = POLICY) -> list[str]:
        return [finding["code"] for finding in (await validate(service, text, "MANAGED", token=token)).only()]

    unknown = ["INVALID_SERVICE_IN_ACTION", "INVALID_SERVICE", "INVALID_SERVICE"]
    assert await codes() == unknown
    await put(service)
    assert (await codes(), await codes(other)) == ([], unknown)
    misspelt = POLICY.replace("CancelOrder", "CancleOrder")
    (finding,) = (await validate(service, misspelt, "MANAGED")).only()
    assert finding == {
        "severity": "ERROR",
        "code": "INVALID_ACTION",
        "line": 1,
        "column": misspelt.index('"orders:Cancle') + 1,
        "path": ["Statement", "0", "Action"],
    }
    await service.good("putService", {"prefix": "orders", "actions": [{"name": "CancelOrder"}]})
    assert await codes() == ["INVALID_SERVICE_CONDITION_KEY"]
    await service.good("deleteService", {"prefix": "orders"})
    assert await codes() == unknown
    # AWS's and the server's own are known as before.
    known = document(statement("Allow", ["s3:GetObject", "iamgraph:PutService"], ["arn:aws:s3:::b/*", ARN]))
    assert await codes(text=known) == []


async def test_what_a_service_has_decides_nothing(service: Service) -> None:
    await service.user("clerk", POLICY)
    asked = 'action: "orders:CancelOrder", resource: "arn:aws:orders:us-east-1:111122223333:order/7"'
    can = f'can({asked}, context: [{{key: "orders:Channel", values: ["web"]}}]) {{ outcome }}'
    for change in (None, ("putService", {"prefix": "orders"}), ("deleteService", {"prefix": "orders"})):
        if change is not None:
            await service.good(*change)
        user = (await account(service, f'user(name: "clerk") {{ {can} }}'))["user"]
        assert user["can"] == {"outcome": "ALLOWED"}


async def test_the_history_has_each_part_that_changed(service: Service) -> None:
    await put(service)
    event = await newest(service, "PutService")
    assert json.loads(event["parameters"])["actions"] == [
        SOUND["actions"][0],
        {key: value for key, value in SOUND["actions"][1].items() if value},
    ]
    texts = {name: json.loads(text) for name, (_, text) in read(event).items() if name != "prefix"}
    assert read(event)["prefix"] == (None, "orders")
    assert list(texts) == [
        f"{kind}.{part['name']}" for kind in ("actions", "resourceTypes", "conditionKeys") for part in SOUND[kind]
    ]
    assert texts["conditionKeys.orders:Labels"] == {"name": "orders:Labels", "type": "String", "isMultivalued": True}

    await put(service)
    assert read(await newest(service, "PutService")) == {}
    shorter = {**SOUND["actions"][0], "description": None}
    await put(service, actions=[shorter])
    changes = read(await newest(service, "PutService"))
    assert set(changes) == {"actions.CancelOrder", "actions.ListOrders"}
    before, after = (json.loads(text) for text in changes["actions.CancelOrder"])
    assert (before, after) == (SOUND["actions"][0], {k: v for k, v in shorter.items() if v})
    assert changes["actions.ListOrders"][1] is None
    await service.good("deleteService", {"prefix": "orders"})
    gone = read(await newest(service, "DeleteService"))
    assert gone["prefix"] == ("orders", None) and len(gone) == 8


ACTION, KIND, KEY = (
    {"name": "Go"},
    {"name": "x", "arnFormats": ["arn:aws:orders:::x"]},
    {"name": "orders:X", "type": "ARN"},
)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(({"prefix": prefix}, "prefix") for prefix in (
            "", "o", "Orders", "orders_", "2orders", "-orders", "orders-", "a--b", "a.b", "ord ers", "orders\n", "órders",
            "o" * 64, "s3", "q", "iam", "sts", "iamgraph", "aws", "aws-own", "amazon-own", "saml", "identitycenter",
            "organizations", "oidc.circleci.com",
        )),
        *(({"actions": [{"name": name}]}, "actions.0.name") for name in (
            "", "2Go", "orders:Go", "Go*", "Go Go", "Gó", "G" * 129, "Go\x00",
        )),
        ({"actions": [ACTION, {"name": "Do", "description": "x" * 513}]}, "actions.1.description"),
        ({"actions": [{**ACTION, "description": "\x07"}]}, "actions.0.description"),
        ({"actions": [{**ACTION, "resourceTypes": ["x"] * 51}]}, "actions.0.resourceTypes"),
        ({"actions": [{**ACTION, "conditionKeys": ["orders:X"] * 51}]}, "actions.0.conditionKeys"),
        ({"actions": [{**ACTION, "conditionKeys": ["Channel"]}]}, "actions.0.conditionKeys"),
        ({"actions": [ACTION] * 1001}, "actions"),
        ({"resourceTypes": [{**KIND, "name": "a b"}]}, "resourceTypes.0.name"),
        ({"resourceTypes": [{**KIND, "arnFormats": KIND["arnFormats"] * 11}]}, "resourceTypes.0.arnFormats"),
        ({"resourceTypes": [{**KIND, "arnFormats": ["arn:aws:orders:::a b"]}]}, "resourceTypes.0.arnFormats"),
        ({"resourceTypes": [{**KIND, "arnFormats": ["arn:aws:orders:::é"]}]}, "resourceTypes.0.arnFormats"),
        ({"resourceTypes": [{**KIND, "arnFormats": ["arn:aws:orders:::" + "x" * 512]}]}, "resourceTypes.0.arnFormats"),
        ({"resourceTypes": [{**KIND, "arnFormats": ["arn:aws:sales:::x"]}]}, "resourceTypes.0.arnFormats.0"),
        *(({"conditionKeys": [{**KEY, "name": name}]}, "conditionKeys.0.name") for name in (
            "X", "orders:", ":X", "orders:X:Y", "orders:X/", "orders:${X}", "orders:X/${", "orders:X/${Y}/Z",
            "orders:X/*", "orders:X Y", "ORDERS:X", "sales:X", "aws:X", "orders:" + "x" * 256,
        )),
    ],
)  # fmt: skip
async def test_bad_input_is_refused_and_changes_nothing(service: Service, changes: dict[str, Any], field: str) -> None:
    input = {"prefix": "orders", **changes}
    error = await refused(service, "putService", input, "InvalidInputError", "field")
    assert error["field"] == field
    assert f"'{field}'" in error["message"]


async def test_a_taken_prefix_is_said_to_be_taken(service: Service) -> None:
    error = await refused(service, "putService", {"prefix": "s3"}, "InvalidInputError")
    assert error["message"] == "'s3' at 'prefix' is taken by a service of AWS's or of this server's: choose another one"


async def test_a_service_that_aws_took_the_name_of_later_stays(service: Service) -> None:
    """It can be changed, and its policies mean it."""
    await put(service)
    async with service.database.writing() as data:
        await data.users._db.run(
            "UPDATE service SET prefix = 'sqs', definition = replace(definition, 'orders:', 'sqs:')"
        )
    later = orders(prefix="sqs", actions=(ServiceAction(name="CancelOrder"),), resource_types=(), condition_keys=())
    await service.good("putService", given(later))
    text = document(statement("Allow", "sqs:CancelOrder"))
    assert (await validate(service, text, "MANAGED")).only() == []


SMALL = Quotas(
    services_per_account=3,
    actions_per_service=2,
    resource_types_per_service=2,
    condition_keys_per_service=2,
    service_size=400,
)


@pytest.mark.parametrize("store", STORES)
async def test_quotas(store: str, tmp_path: Path) -> None:
    """At the quota is accepted, one more is refused and changes nothing; also in parallel."""
    async with fresh(store, tmp_path) as url, served(url, tmp_path, quotas=SMALL) as service:
        done = await at_once([service], "putService", [{"prefix": f"s{i:02}a"} for i in range(12)])
        assert ends(done) == {"PutServiceSuccess": 3, "LimitExceededError": 9}
        error = await refused(service, "putService", {"prefix": "more"}, "LimitExceededError", "limit")
        assert (error["limit"], error["message"]) == (3, "Cannot exceed quota for ServicesPerAccount: 3")
        held = (await account(service, "services(first: 9) { nodes { prefix } }"))["services"]["nodes"]
        prefix = held[0]["prefix"]

        def parts(count: int) -> dict[str, list[dict[str, Any]]]:
            return {
                "actions": [{"name": f"A{i}"} for i in range(count)],
                "resourceTypes": [{"name": f"r{i}", "arnFormats": [f"arn:aws:{prefix}:::r{i}"]} for i in range(count)],
                "conditionKeys": [{"name": f"{prefix}:K{i}", "type": "BOOL"} for i in range(count)],
            }

        full = {"prefix": prefix, **parts(2)}
        await service.good("putService", full)
        for kind, name in (
            ("actions", "ActionsPerService"),
            ("resourceTypes", "ResourceTypesPerService"),
            ("conditionKeys", "ConditionKeysPerService"),
        ):
            more = {**full, kind: parts(3)[kind]}
            error = await refused(service, "putService", more, "LimitExceededError", "limit")
            assert (error["limit"], error["message"]) == (2, f"Cannot exceed quota for {name}: 2")
        long = {"prefix": prefix, "actions": [{"name": "A", "description": "é" * 319}]}
        await service.good("putService", long)
        long["actions"][0]["description"] += "é"
        error = await refused(service, "putService", long, "LimitExceededError", "limit")
        assert error["limit"] == 400


async def test_puts_of_one_prefix_at_once_leave_one_whole(service: Service) -> None:
    """Whatever their order: the parts of one of them, and no more than that one's."""
    inputs = [
        {"prefix": "orders", "actions": [{"name": f"A{i}"}, {"name": f"B{i}"}], "conditionKeys": [
            {"name": f"orders:K{i}", "type": "STRING"}]} for i in range(15)
    ]  # fmt: skip
    assert ends(await at_once([service], "putService", inputs)) == {"PutServiceSuccess": 15}
    left = await found(service)
    (number,) = {action["name"][1:] for action in left["actions"]}
    assert [key["name"] for key in left["conditionKeys"]] == [f"orders:K{number}"]


async def test_a_whole_page_of_services_is_too_much_to_ask_for(service: Service) -> None:
    """The lists of a service count with as many as it may have."""
    query = (
        '{ account(by: { id: "%s" }) { services(first: %d) { nodes { actions { name } resourceTypes { name } } } } }'
    )
    root = await service.root()
    assert (await service.ask(query % (ACCOUNT, 100), root)).codes == ["TOO_COMPLEX"]
    assert (await service.ask(query % (ACCOUNT, 90), root)).codes == []
