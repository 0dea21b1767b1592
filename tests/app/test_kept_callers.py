"""What is kept of callers between their requests holds only while nothing of it has changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iamgraph.app.caller import Credential, CredentialKind, Origin
from iamgraph.app.kernel import Kernel
from iamgraph.domain.limits import Quotas
from iamgraph.store.unit import Database

from ..databases import STORES, fresh
from ..service import ACCOUNT, Service, allow, served

VIEWER = "{ viewer { arn } }"
USERS = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ users(first: 10) {{ nodes {{ name }} }} }} }}'
ORIGIN = Origin(request_id="r", transport="GRAPHQL", ip_address=None, user_agent=None, is_secure=True)


@pytest.fixture(params=STORES)
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    async with fresh(request.param, tmp_path) as url, served(url, tmp_path) as made:
        yield made


async def test_what_somebody_takes_from_itself_is_gone_at_its_next_request(service: Service) -> None:
    """Its own transaction has seen the new revision, and decided by the policies from before."""
    ann = await service.user("ann", allow("iam:*"))
    for _ in range(2):
        assert (await service.ask(USERS, ann)).data["account"]["users"] is not None
    narrow = {"userName": "ann", "policyName": "own", "policyDocument": allow("iam:GetUser")}
    await service.good("putUserPolicy", narrow, token=ann)
    assert (await service.ask(USERS, ann)).codes == ["ACCESS_DENIED"]
    assert (await service.ask(VIEWER, ann)).data["viewer"]["arn"].endswith(":user/ann")


async def test_what_is_made_anew_moves_no_revision_and_is_decided_as_ever(service: Service) -> None:
    """Neither is what decides read again, nor is a policy that comes later overlooked."""
    ann = await service.user("ann", allow("iam:List*", "iam:Get*", "iam:Create*"))
    await service.ask(USERS, ann)

    async def revision() -> int:
        async with service.database.reading() as data:
            return await data.accounts.revision(ACCOUNT)

    before = await revision()
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}}]}
    trust["Statement"][0]["Action"] = "sts:AssumeRole"  # type: ignore[index]
    await service.good("createUser", {"userName": "bob"}, token=ann)
    await service.good("createGroup", {"groupName": "team"}, token=ann)
    await service.good("createRole", {"roleName": "ops", "assumeRolePolicyDocument": json.dumps(trust)}, token=ann)
    await service.good("createPolicy", {"policyName": "none", "policyDocument": deny()}, token=ann)
    assert await revision() == before
    assert (await service.ask(USERS, ann)).data is not None
    await service.good("addUserToGroup", {"groupName": "team", "userName": "ann"})
    arn = f"arn:aws:iam::{ACCOUNT}:policy/none"
    await service.good("attachGroupPolicy", {"groupName": "team", "policyArn": arn})
    assert (await service.ask(USERS, ann)).codes == ["ACCESS_DENIED"]


def deny() -> str:
    statement = {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize("store", STORES)
async def test_many_who_make_users_at_once_stay_within_the_quota(store: str, tmp_path: Path) -> None:
    """They hold the account's row, though they move nothing. Who waits for whom is the same at another process."""
    quotas = Quotas(users_per_account=12)
    async with fresh(store, tmp_path) as url, served(url, tmp_path, quotas=quotas) as service:
        root = await service.root()
        made = await asyncio.gather(
            *(service.do("createUser", {"userName": f"u{number}"}, "__typename", root) for number in range(20))
        )
        kinds = sorted(one["__typename"] for one in made)
        assert kinds == ["CreateUserSuccess"] * 12 + ["LimitExceededError"] * 8
        async with service.database.reading() as data:
            assert await data.users.count(ACCOUNT) == 12


async def test_who_has_changed_is_seen_by_every_process(service: Service) -> None:
    """Another process has kept the caller: its name, its tags, its key's status and its session."""
    ann = await service.user("ann", allow("iam:*"))
    key = (await service.good("createAccessKey", {"userName": "ann"}, "accessKey { accessKeyId }"))["accessKey"]
    signed = Credential(kind=CredentialKind.LONG_TERM_KEY, key=key["accessKeyId"])
    # On SQLite there is no other process; another kernel has nothing in common with the first either.
    other = Kernel(service.database, service.kernel.tools)

    async def seen(shown: str | Credential) -> tuple[str, tuple[str, ...]] | None:
        if isinstance(shown, str):
            caller = await other.authenticate(shown, ORIGIN)
        else:
            async with service.database.reading() as data:
                caller = await other._authenticator.again(data, shown, ORIGIN)
        who = caller.identity
        return (who.arn.rpartition("/")[2], tuple(tag.value for tag in who.tags)) if who else None

    for _ in range(2):
        assert await seen(ann) == await seen(signed) == ("ann", ())
    await service.good("tagUser", {"userName": "ann", "tags": [{"key": "team", "value": "red"}]})
    assert await seen(ann) == await seen(signed) == ("ann", ("red",))
    await service.good("updateUser", {"userName": "ann", "newUserName": "eve"})
    assert await seen(ann) == await seen(signed) == ("eve", ("red",))
    inactive = {"userName": "eve", "accessKeyId": signed.key, "status": "INACTIVE"}
    await service.good("updateAccessKey", inactive)
    assert (await seen(ann), await seen(signed)) == (("eve", ("red",)), None)
    await service.good("updateAccessKey", {**inactive, "status": "ACTIVE"})
    await service.good("signOut", None, token=ann)
    assert (await seen(ann), await seen(signed)) == (None, ("eve", ("red",)))


async def test_a_transaction_that_fails_leaves_nothing_of_what_it_saw(service: Service) -> None:
    """What it has read of a caller, which nobody else ever sees, is not taken for what is."""
    ann = await service.user("ann", allow("iam:*"))
    caller = await service.kernel.authenticate(ann, ORIGIN)
    database: Database = service.database
    with pytest.raises(ZeroDivisionError):
        async with database.writing() as data:
            await data.accounts.lock(ACCOUNT)
            again = await service.kernel._authenticator.again(data, caller.who.credential, ORIGIN, behind=1)
            assert again.who.account.revision == caller.who.account.revision + 1
            raise ZeroDivisionError
    after = await service.kernel.authenticate(ann, ORIGIN)
    assert after.who == caller.who and after.access is caller.access
