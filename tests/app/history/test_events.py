"""The history: what was tried is in it, once, with who and what; and no secret ever."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from iamgraph.domain.entities import EventOutcome

from ...service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Service, allow
from ..asking import account, arn, other_root, role, trusting

TYPED = "a-passw0rd-in-the-wrong-box"


async def _everything(service: Service) -> str:
    """All that the store has of history, of whatever account, as text."""
    await asyncio.sleep(0.2)
    async with service.database.reading() as data:
        rows = await data.users._db.fetch("SELECT * FROM event")
    return repr([dict(row) for row in rows])


async def test_failed_sign_ins_name_their_target_but_no_actor(service: Service) -> None:
    """AU-01: one event each, the actor nobody, the source kept; what was typed is stored nowhere."""
    await service.user("u")
    await service.good("createUser", {"userName": "nopass"})
    tries: list[tuple[str, dict[str, str], tuple[str, ...], str | None]] = [
        ("signIn", {"account": ACCOUNT, "userName": "u", "password": TYPED}, (arn("user/u"),), ACCOUNT),
        ("signIn", {"account": ACCOUNT, "userName": TYPED, "password": TYPED}, (), ACCOUNT),
        ("signIn", {"account": TYPED, "userName": "u", "password": TYPED}, (), None),
        ("signIn", {"account": ACCOUNT, "userName": "nopass", "password": TYPED}, (arn("user/nopass"),), ACCOUNT),
        ("signInAsRoot", {"email": ROOT_EMAIL, "password": TYPED}, (arn("root"),), ACCOUNT),
        ("signInAsRoot", {"email": TYPED, "password": TYPED}, (), None),
    ]
    for mutation, input, resources, of in tries:
        before = await _count(service)
        done = await service.do(mutation, input)
        assert done["__typename"] == "InvalidCredentialsError"
        assert await _count(service) == before + 1
        event = await _newest(service)
        assert (event["outcome"], event["error_code"]) == (EventOutcome.FAILED.value, "InvalidCredentials")
        assert event["principal_arn"] is None and event["principal_id"] is None and event["session_id"] is None
        assert (tuple(json.loads(event["resources"])), event["account_id"]) == (resources, of)
        assert event["ip_address"] == "127.0.0.1" and event["user_agent"] and json.loads(event["parameters"]) == {}
    assert TYPED not in await _everything(service)
    listed = await account(
        service,
        'auditEvents(first: 9, filter: { names: ["SignIn"], outcome: FAILED }) { nodes { principalArn errorCode } }',
    )
    assert listed["auditEvents"]["nodes"] == [{"principalArn": None, "errorCode": "INVALID_CREDENTIALS"}] * 3


async def _count(service: Service) -> int:
    async with service.database.reading() as data:
        row = await data.users._db.one("SELECT count(*) AS n FROM event")
    assert row is not None
    return int(row["n"])


async def _newest(service: Service) -> Any:
    async with service.database.reading() as data:
        row = await data.users._db.one("SELECT * FROM event ORDER BY seq DESC LIMIT 1")
    assert row is not None
    return dict(row)


async def test_a_sign_in_names_who_it_turned_out_to_be(service: Service) -> None:
    """AU-01: the actor is who has proven to be it; in its own account's history."""
    await service.user("u")
    (event,) = await service.events(name="SignIn", outcome=EventOutcome.SUCCEEDED)
    assert (event.principal_arn, event.account_id) == (arn("user/u"), ACCOUNT)
    (event,) = await service.events(name="SignInAsRoot", outcome=EventOutcome.SUCCEEDED)
    assert event.principal_arn == arn("root")


async def test_no_secret_is_in_any_event_but_key_ids_are(service: Service, caplog: Any) -> None:
    """AU-02: passwords, tokens, keys' secrets and session tokens, of what succeeds and what fails; nor in the log."""
    caplog.set_level("DEBUG")
    root = await service.root()
    passwords = [
        "first-Passw0rd!",
        "second-Passw0rd!",
        "third-Passw0rd!",
        "a-weak-one",
        ROOT_PASSWORD,
        "other-Passw0rd!",
    ]
    secrets = [*passwords, root]
    await service.good("createUser", {"userName": "u"})
    for input in ({"userName": "u", "password": passwords[0]}, {"userName": "u", "password": passwords[0]}):
        await service.do("createLoginProfile", input, token=root)
    await service.do("updateLoginProfile", {"userName": "u", "password": passwords[3]}, token=root)
    sign_in = {"account": ACCOUNT, "userName": "u", "password": passwords[0], "newPassword": passwords[2]}
    signed = await service.do("signIn", sign_in, "accessToken")
    secrets.append(signed["accessToken"])
    change = {"oldPassword": passwords[0], "newPassword": passwords[1]}
    for _ in range(2):
        await service.do("changePassword", change, token=signed["accessToken"])
    await service.good("updateAccountPasswordPolicy", {"allowUsersToChangePassword": True})
    for _ in range(2):
        await service.do("changePassword", change, token=signed["accessToken"])
    keys = [
        await service.good("createAccessKey", {"userName": "u"}, "accessKey { accessKeyId } secretAccessKey")
        for _ in range(2)
    ]
    await service.do("createAccessKey", {"userName": "u"}, token=root)
    secrets += [key["secretAccessKey"] for key in keys]
    await service.good("deleteAccessKey", {"userName": "u", "accessKeyId": keys[0]["accessKey"]["accessKeyId"]})
    await role(service, "r", trusting(arn("user/u")))
    for seconds in (900, 899):
        assumed = await service.do(
            "assumeRole",
            {"roleArn": arn("role/r"), "roleSessionName": "ci", "durationSeconds": seconds},
            "accessToken credentials { accessKeyId secretAccessKey sessionToken }",
            signed["accessToken"],
        )
        assert (seconds == 900) == ("accessToken" in assumed)
        if seconds == 900:
            of = assumed["credentials"]
            secrets += [assumed["accessToken"], of["secretAccessKey"], of["sessionToken"]]
    account_ = {"email": "o@example.com", "rootPassword": passwords[5]}
    for _ in range(2):
        await service.do("createAccount", account_, token=root)
    text = await _everything(service) + caplog.text
    assert [secret for secret in secrets if secret in text] == []
    for key_id in (*(key["accessKey"]["accessKeyId"] for key in keys), of["accessKeyId"]):
        assert key_id in text


async def test_every_refused_call_leaves_one_event(service: Service) -> None:
    """A command refused, failed or done; a read refused: one each, with what it was on and what policies saw."""
    token = await service.user("u", allow("iam:GetUser", resource=arn("user/x")))
    done = await service.do("deleteUser", {"userName": "x"}, token=token)
    assert done["__typename"] == "AccessDeniedError"
    done = await service.do("deleteUser", {"userName": "x"}, token=await service.root())
    assert done["__typename"] == "NoSuchEntityError"
    reply = await service.ask(f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ group(name: "g") {{ id }} }} }}', token)
    assert reply.codes == ["ACCESS_DENIED"]
    reply = await service.ask('mutation { deleteUser(input: { userName: "x" }) { __typename } }')
    assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])
    refused, failed = (
        await service.events(name="DeleteUser", outcome=EventOutcome.DENIED, principal_arn=arn("user/u")),
        await service.events(name="DeleteUser", outcome=EventOutcome.FAILED),
    )
    assert [(one.error_code, one.resources, one.parameters, one.action) for one in refused] == [
        ("AccessDenied", (arn("user/x"),), '{"userName": "x"}', "iam:DeleteUser")
    ]
    assert [(one.error_code, one.principal_arn) for one in failed] == [("NoSuchEntity", arn("root"))]
    (read,) = await service.events(name="GetGroup")
    assert (read.outcome, read.resources, read.principal_arn) == (
        EventOutcome.DENIED,
        (arn("group/g"),),
        arn("user/u"),
    )
    assert read.request_id and read.session_id
    anonymous = [one for one in await service.events(name="DeleteUser") if one.principal_arn is None]
    assert len(anonymous) <= 1  # it is of no account


async def test_events_are_filtered_and_paged(service: Service) -> None:
    """Names, principal, resource (a whole ARN), outcome, from (inclusive) and until (not); newest first."""
    other = await other_root(service)
    await service.good("createUser", {"userName": "theirs"}, token=other)
    token = await service.user("u", allow("iam:CreateUser", "cloudtrail:LookupEvents"))
    for name in ("a", "ab", "b"):
        await service.good("createUser", {"userName": name}, token=token)
    await service.do("createUser", {"userName": "a"}, token=token)
    await service.do("deleteUser", {"userName": "a"}, token=token)

    async def found(filter: str, first: int = 50) -> list[tuple[str, str]]:
        nodes = "{ nodes { name resources at outcome } }"
        listed = await account(service, f"auditEvents(first: {first}, filter: {{ {filter} }}) {nodes}", token)
        return [
            (one["name"], (one["resources"] or [""])[0].rpartition("/")[2]) for one in listed["auditEvents"]["nodes"]
        ]

    made = [("CreateUser", "a"), ("CreateUser", "b"), ("CreateUser", "ab"), ("CreateUser", "a")]
    me = f'principal: "{arn("user/u")}"'
    assert await found(f'names: ["CreateUser"], {me}') == made
    assert await found(f'names: ["CreateUser", "DeleteUser"], {me}') == [("DeleteUser", "a"), *made]
    assert await found(f'names: ["CreateUser"], {me}, outcome: FAILED') == made[:1]
    assert await found(f"{me}, outcome: DENIED") == [("DeleteUser", "a")]
    assert await found(f'names: ["CreateUser", "DeleteUser"], resource: "{arn("user/a")}"') == [
        ("DeleteUser", "a"),
        made[0],
        made[3],
    ]
    for text in (arn("user/"), arn("user/%"), arn("user/_"), arn('user/a"'), ""):
        assert await found(f"resource: {json.dumps(text)}") == []
    assert (
        await found('principal: ""') == [] == await found('accessKeyId: "AKIAOTHER"') == await found('accessKeyId: ""')
    )
    assert await found('names: ["None"]') == [] == await found("names: []")
    assert "theirs" not in json.dumps(await found('names: ["CreateUser"]', 50))

    events = await service.events(name="CreateUser", principal_arn=arn("user/u"))
    second = _wire(events[1].at)
    assert await found(f'names: ["CreateUser"], {me}, from: "{second}"') == made[:2]
    assert await found(f'names: ["CreateUser"], {me}, until: "{second}"') == made[2:]
    shifted = events[1].at.astimezone(datetime.now(UTC).astimezone().tzinfo).isoformat()
    assert await found(f'names: ["CreateUser"], {me}, until: "{shifted}"') == made[2:]

    seen: list[Any] = []
    after = None
    for _ in range(9):
        page = await account(
            service,
            f'auditEvents(first: 2, after: {json.dumps(after)}, filter: {{ names: ["CreateUser"], {me} }}) '
            "{ nodes { id at } pageInfo { hasNextPage endCursor } }",
            token,
        )
        seen += page["auditEvents"]["nodes"]
        after = page["auditEvents"]["pageInfo"]["endCursor"]
        if not page["auditEvents"]["pageInfo"]["hasNextPage"]:
            break
        await service.do("createUser", {"userName": "a"}, token=token)  # what comes in between is before the first page
    assert len(seen) == 4 == len({one["id"] for one in seen})
    assert [one["at"] for one in seen] == sorted((one["at"] for one in seen), reverse=True)
    assert all(one["at"].endswith("Z") for one in seen)


async def test_the_history_is_paged_from_either_end(service: Service) -> None:
    """Relay's four arguments: one of first and last, each with its own cursor."""
    for name in "abcde":
        await service.good("createUser", {"userName": name})
    filtered = 'filter: { names: ["CreateUser"] }'
    inner = "{ nodes { resources } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"

    async def page(asked: str, **variables: Any) -> tuple[str, bool, bool, str, str]:
        found = (await account(service, f"auditEvents({asked}, {filtered}) {inner}", **variables))["auditEvents"]
        letters = "".join(node["resources"][0][-1] for node in found["nodes"])
        return letters, *(found["pageInfo"][key] for key in list(found["pageInfo"]))

    newest = await page("first: 2")
    assert newest[:3] == ("ed", True, False)
    middle = await page("first: 2, after: $after, last: null, before: null", after=newest[4])
    assert middle[:3] == ("cb", True, True)
    assert (await page("first: 2, after: $after", after=middle[4]))[:3] == ("a", False, True)
    oldest = await page("last: 2")
    assert oldest[:3] == ("ba", False, True)
    middle = await page("last: 2, before: $before, first: null", before=oldest[3])
    assert middle[:3] == ("dc", True, True)
    assert (await page("last: 2, before: $before", before=middle[3]))[:3] == ("e", True, False)
    assert (await page("last: 100"))[:3] == ("edcba", False, False)

    token, cursor = await service.root(), json.dumps(newest[4])
    for asked, refusal in (
        ("", "give 'first' or 'last', from 1 to 100"),
        ("(first: null)", "give 'first' or 'last', from 1 to 100"),
        ("(first: 1, last: 1)", "give either 'first'"),
        (f"(first: 1, before: {cursor})", "give either 'first'"),
        (f"(last: 1, after: {cursor})", "give either 'first'"),
        ('(last: 1, before: "none")', "'marker' is not a cursor that this list gave"),
    ):
        query = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ auditEvents{asked} {{ nodes {{ id }} }} }} }}'
        reply = await service.ask(query, token)
        assert reply.codes == ["INVALID_INPUT"] and reply.data["account"] == {"auditEvents": None}, reply.text
        assert refusal in reply.body["errors"][0]["message"]


def _wire(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
