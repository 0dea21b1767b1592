"""When keys, roles and passwords were last used: what requests leave, what is kept of it, and who may know."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from iamgraph.app.uses import EVERY, Uses
from iamgraph.domain.entities import AccessKey, KeyStatus, Use
from iamgraph.store.unit import Database

from ..databases import STORES, fresh
from ..processes import Server
from ..service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Client, Service, allow
from ..store.conftest import opened
from ..store.made import NOW, add_account, role
from ..wire import AwsKey, aws_key
from .asking import arn, assumed, trusting
from .asking import role as made_role

KEYS = (
    f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ user(name: "bob") '
    "{ accessKeys { lastUsed { at service region } } } } }"
)
ROLE = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ role(name: "ops") {{ lastUsedAt lastUsedRegion }} }} }}'


async def used(service: Client, token: str | None = None) -> Any:
    reply = await service.ask(KEYS, token or await service.root())
    return [key["lastUsed"] for key in reply.only()["user"]["accessKeys"]]


def at(shown: str) -> datetime:
    return datetime.fromisoformat(shown)


async def test_a_key_tells_its_last_use(service: Service) -> None:
    """GraphQL and AWS's wire; refused requests count as well, other keys' do not."""
    bob = await aws_key(service, "bob", allow("iam:GetUser"))
    await aws_key(service, "bob")
    assert await used(service) == [None, None]
    never = (await (await aws_key(service)).ask("GetAccessKeyLastUsed", AccessKeyId=bob.id)).data
    assert never == {"UserName": "bob", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}
    before = service.clock()
    here = AwsKey(service=service, id=bob.id, secret=bob.secret, region="eu-central-1")
    assert (await here.ask("ListUsers")).code == "AccessDenied"
    await service.kernel.uses.write()
    first, other = await used(service)
    assert (first["service"], first["region"], other) == ("iam", "eu-central-1", None)
    assert before <= at(first["at"]) <= service.clock()

    # Once a minute for the same; at once for another service.
    await here.ask("GetUser")
    await service.kernel.uses.write()
    assert await used(service) == [first, None]
    service.clock.ahead += EVERY
    await here.ask("GetUser")
    await service.kernel.uses.write()
    second, _ = await used(service)
    assert at(second["at"]) - at(first["at"]) >= EVERY
    await bob.ask("GetCallerIdentity", "sts")
    await service.kernel.uses.write()
    third, _ = await used(service)
    assert (third["service"], third["region"]) == ("sts", "us-east-1") and at(third["at"]) > at(second["at"])
    shown = (await (await aws_key(service)).ask("GetAccessKeyLastUsed", AccessKeyId=bob.id)).data
    whole = at(third["at"]).replace(microsecond=0)
    assert shown == {
        "UserName": "bob",
        "AccessKeyLastUsed": {"LastUsedDate": whole, "ServiceName": "sts", "Region": "us-east-1"},
    }
    # What is not proven is no use.
    service.clock.ahead += EVERY
    assert (await AwsKey(service=service, id=bob.id, secret="x" * 40).ask("GetUser")).status == 403
    await service.kernel.uses.write()
    assert await used(service) == [third, None]


async def test_whose_key_it_is_stays_untold(service: Service) -> None:
    """A key of another user, of another account and none at all answer alike, to who may not ask."""
    bob = await aws_key(service, "bob", allow("*", resource=arn("user/eve")))
    eve = await aws_key(service, "eve", allow("iam:GetUser"))
    root = await aws_key(service)
    assert eve.id and bob.id and root.id
    assert (await bob.ask("GetAccessKeyLastUsed", AccessKeyId=eve.id)).data["UserName"] == "eve"
    texts = set()
    for id in (bob.id, root.id, "AKIA" + "X" * 16):
        answer = await bob.ask("GetAccessKeyLastUsed", AccessKeyId=id)
        assert answer.code == "AccessDenied"
        texts.add(answer.message.replace(id, "KEY"))
    assert texts == {
        f"User: {arn('user/bob')} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key KEY "
        "because no identity-based policy allows the iam:GetAccessKeyLastUsed action"
    }
    answer = await root.ask("GetAccessKeyLastUsed", AccessKeyId=root.id)
    assert "UserName" not in answer.data
    answer = await root.ask("GetAccessKeyLastUsed", AccessKeyId="AKIA" + "X" * 16)
    assert answer.code == "NoSuchEntity"


async def test_a_role_tells_when_a_session_of_it_asked(service: Service) -> None:
    bob = await service.user("bob")
    await made_role(service, "ops", trusting(arn("user/bob")), allow("iam:GetRole"))
    session = await assumed(service, arn("role/ops"), bob)
    await service.kernel.uses.write()
    nothing = {"lastUsedAt": None, "lastUsedRegion": None}
    assert (await service.ask(ROLE, await service.root())).only()["role"] == nothing
    before = service.clock()
    await service.ask("{ viewer { __typename } }", session["accessToken"])
    await service.kernel.uses.write()
    shown = (await service.ask(ROLE, session["accessToken"])).only()["role"]
    assert shown["lastUsedRegion"] == "us-east-1" and before <= at(shown["lastUsedAt"]) <= service.clock()
    wire = await (await aws_key(service)).ask("GetRole", RoleName="ops")
    assert wire.data["Role"]["RoleLastUsed"] == {
        "LastUsedDate": at(shown["lastUsedAt"]).replace(microsecond=0),
        "Region": "us-east-1",
    }


async def test_passwords_tell_when_they_were_used(service: Service) -> None:
    before = service.clock().replace(microsecond=0)
    await service.user("bob")
    root = await aws_key(service)
    found = (await root.ask("GetUser")).data["User"]["PasswordLastUsed"]
    assert before <= found <= service.clock()
    found = (await root.ask("GetUser", UserName="bob")).data["User"]["PasswordLastUsed"]
    assert before <= found <= service.clock()
    service.clock.ahead += timedelta(minutes=2)
    sign_in = {"email": ROOT_EMAIL, "password": ROOT_PASSWORD}
    wrong = await service.do("signInAsRoot", {**sign_in, "password": "wrong"})
    assert wrong["__typename"] == "InvalidCredentialsError"
    later = service.clock().replace(microsecond=0)
    assert (await root.ask("GetUser")).data["User"]["PasswordLastUsed"] < later
    await service.do("signInAsRoot", sign_in)
    assert (await root.ask("GetUser")).data["User"]["PasswordLastUsed"] >= later


@asynccontextmanager
async def stored(kind: str, folder: Path) -> AsyncIterator[Database]:
    """A store with a root's key `AKIA1` and a role."""
    async with fresh(kind, folder) as url, opened(url) as database:
        async with database.writing() as data:
            account = await add_account(data)
            key = AccessKey(
                id="AKIA1", account_id=account.id, owner_id=account.id, status=KeyStatus.ACTIVE, created_at=NOW
            )
            await data.keys.add(key, "sealed")
            await data.roles.add(role(1))
        yield database


@pytest.mark.parametrize("kind", STORES)
async def test_times_only_move_forward(kind: str, tmp_path: Path) -> None:
    """Whatever order processes write in; what is gone by then is passed over, and goes with its key."""
    early, late = (
        Use(at=NOW + timedelta(minutes=n), service=name, region=name) for n, name in ((0, "iam"), (1, "sts"))
    )
    async with stored(kind, tmp_path) as database:
        for use in (early, late, early):
            async with database.writing() as data:
                await data.uses.note_keys({"AKIA1": use, "AKIA2": use})
                await data.uses.note_roles({role(1).id: use, role(2).id: use})
        async with database.reading() as data:
            assert await data.uses.of_keys(["AKIA1", "AKIA2"]) == {"AKIA1": late}
            found = (await data.roles.by_ids([role(1).id]))[role(1).id]
            assert (found.last_used_at, found.last_used_region) == (late.at, "sts")
        async with database.writing() as data:
            assert await data.keys.delete("AKIA1") and await data.roles.delete(role(1).id)
        async with database.reading() as data:
            assert await data.uses.of_keys(["AKIA1"]) == {}


async def test_what_could_not_be_written_is_written_later(service: Service) -> None:
    key = await aws_key(service, "bob", allow("iam:GetUser"))
    fails = True

    @asynccontextmanager
    async def writing() -> AsyncIterator[Any]:
        if fails:
            raise OSError("no store")
        async with service.database.writing() as data:
            yield data

    uses = Uses(writing, service.clock)
    service.kernel.uses.note = uses.note  # type: ignore[method-assign]
    await key.ask("GetUser")
    with pytest.raises(OSError, match="no store"):
        await uses.write()
    assert await used(service) == [None]
    fails = False
    await uses.write()
    (found,) = await used(service)
    assert found["service"] == "iam"


async def test_a_use_outlives_the_process_and_shows_at_the_other(tmp_path: Path) -> None:
    """Two processes on PostgreSQL: once what one has noted is written, `kill -9` takes nothing back."""
    async with fresh("postgres", tmp_path) as url, ClientSession() as http:
        one, other = Server(url, tmp_path), Server(url, tmp_path)
        async with one.running(), other.running():
            clients = [Client(url=server.url, http=http) for server in (one, other)]
            await clients[0].good("createUser", {"userName": "bob"})
            key = await aws_key(clients[0], "bob")  # type: ignore[arg-type]
            before = datetime.now(UTC)
            assert (await key.ask("GetCallerIdentity", "sts")).status == 200
            for _ in range(200):
                if (await used(clients[1]))[0] is not None:
                    break
                await asyncio.sleep(0.1)
            await one.end(signal.SIGKILL)
            (found,) = await used(clients[1])
            assert found["service"] == "sts" and at(found["at"]) >= before - timedelta(seconds=1)
