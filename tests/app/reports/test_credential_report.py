"""The credential report: what it says of every credential, when it is made, and by whom."""

from __future__ import annotations

import asyncio
import csv
import signal
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from iamgraph.app.reports import credential_report
from iamgraph.app.reports.maker import HELD
from iamgraph.domain.limits import Quotas
from iamgraph.domain.reports import KEPT

from ...authenticator import registered
from ...databases import STORES, fresh
from ...phone import enrolled
from ...processes import Server
from ...service import ACCOUNT, Client, Service, allow, served
from ...wire import aws_key
from ..asking import arn, other_root

ASK = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ credentialReport {{ content generatedAt }} }} }}'
NONE = ["false", "N/A", "N/A", "N/A", "N/A"]
CERTIFICATES = ["false", "N/A", "false", "N/A"]
HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,"
    "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,"
    "cert_2_last_rotated"
)


async def generated(service: Client, token: str | None = None) -> str:
    done = await service.good("generateCredentialReport", None, "state description", token)
    return str(done["state"])


async def lines(service: Service, token: str | None = None) -> list[list[str]]:
    """A report that is made now, without its header."""
    assert await generated(service, token) == "STARTED"
    assert await service.reporter.work() == 1
    report = (
        await service.ask(ASK.replace(ACCOUNT, "444455556666") if token else ASK, token or await service.root())
    ).only()
    header, *rest = report["credentialReport"]["content"].split("\n")
    assert header == HEADER
    return list(csv.reader(rest))


def second(text: str) -> str:
    """As the report has it: an instant that GraphQL shows to the microsecond."""
    return text[:19] + "Z"


async def test_it_says_what_there_is(service: Service) -> None:
    """Every column against what the graph says; by name, and only of this account."""
    await other_root(service)
    await service.good("updateAccountPasswordPolicy", {"maxPasswordAge": 90})
    await service.user("bob")
    await service.good("createUser", {"userName": "a,b=c"})
    await service.good("createLoginProfile", {"userName": "a,b=c", "password": "never-used-Passw0rd"})
    await service.good("createUser", {"userName": "eve", "path": "/eng/"})
    keys = [await aws_key(service, "bob") for _ in range(2)]
    await keys[0].ask("GetCallerIdentity", "sts")
    await service.good("updateAccessKey", {"userName": "bob", "accessKeyId": keys[1].id, "status": "INACTIVE"})
    await service.kernel.uses.write()
    asked = (
        f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ createdAt users(first: 9) {{ nodes {{ name arn createdAt '
        "passwordLastUsedAt loginProfile { passwordSetAt passwordExpiresAt } "
        "accessKeys { accessKeyId createdAt lastUsed { at } } } } } }"
    )
    graph = (await service.ask(asked, await service.root())).only()
    shown: dict[str, Any] = {user["name"]: user for user in graph["users"]["nodes"]}
    root, comma, bob, eve = await lines(service)
    assert root == [
        "<root_account>", arn("root"), second(graph["createdAt"]), "not_supported", root[4], "not_supported",
        "not_supported", "false", *NONE, *NONE, *CERTIFICATES,
    ]  # fmt: skip
    assert root[4].startswith("20") and root[4].endswith("Z")
    profile = shown["a,b=c"]["loginProfile"]
    assert comma[:8] == [
        "a,b=c", arn("user/a,b=c"), second(shown["a,b=c"]["createdAt"]), "true", "no_information",
        second(profile["passwordSetAt"]), second(profile["passwordExpiresAt"]), "false",
    ]  # fmt: skip
    assert bob[:5] == [
        "bob",
        arn("user/bob"),
        second(shown["bob"]["createdAt"]),
        "true",
        second(shown["bob"]["passwordLastUsedAt"]),
    ]
    made = {key["accessKeyId"]: key for key in shown["bob"]["accessKeys"]}
    used, idle = made[str(keys[0].id)], made[str(keys[1].id)]
    active = ["true", second(used["createdAt"]), second(used["lastUsed"]["at"]), "us-east-1", "sts"]
    inactive = ["false", second(idle["createdAt"]), "N/A", "N/A", "N/A"]
    in_order = [active, inactive] if str(keys[0].id) < str(keys[1].id) else [inactive, active]
    assert bob[8:] == [*in_order[0], *in_order[1], *CERTIFICATES]
    assert eve == [
        "eve", arn("user/eng/eve"), second(shown["eve"]["createdAt"]), "false", "N/A", "N/A", "N/A", "false",
        *NONE, *NONE, *CERTIFICATES,
    ]  # fmt: skip


async def test_pages_leave_nobody_out(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credential_report, "PAGE", 2)
    names = [f"user{n}" for n in range(5)]
    for name in names:
        await service.good("createUser", {"userName": name})
    assert [line[0] for line in await lines(service)] == ["<root_account>", *names]


async def test_it_says_who_has_an_mfa_device(service: Service) -> None:
    for name in ("alice", "bob", "carol"):
        await service.good("createUser", {"userName": name})
    for name, user in (("phone", "alice"), ("safe", None)):
        await enrolled(service, user, name)
    await registered(service, "carol")
    assert [line[:1] + line[7:8] for line in await lines(service)] == [
        ["<root_account>", "true"],
        ["alice", "true"],
        ["bob", "false"],
        ["carol", "true"],
    ]


async def test_its_states_on_awss_wire(service: Service) -> None:
    """Absent, started, in progress, complete, kept for four hours, expired, and made anew."""
    key = await aws_key(service, "auditor", allow("iam:*CredentialReport"))

    async def got() -> tuple[int, str | None]:
        answer = await key.ask("GetCredentialReport")
        return answer.status, answer.code

    async def state() -> Any:
        return (await key.ask("GenerateCredentialReport")).data["State"]

    assert await got() == (410, "ReportNotPresent")
    assert (await service.ask(ASK, await service.root())).codes == ["CREDENTIAL_REPORT_NOT_PRESENT"]
    assert await state() == "STARTED"
    assert await got() == (404, "ReportInProgress")
    assert (await service.ask(ASK, await service.root())).codes == ["CREDENTIAL_REPORT_NOT_READY"]
    assert await state() == "INPROGRESS"
    assert await service.reporter.work() == 1
    assert await state() == "COMPLETE"
    found = (await key.ask("GetCredentialReport")).data
    assert found["ReportFormat"] == "text/csv" and found["Content"].startswith(HEADER.encode())
    await service.good("createUser", {"userName": "new"})
    service.clock.ahead += timedelta(hours=3, minutes=59)
    assert await state() == "COMPLETE" and await service.reporter.work() == 0
    assert (await key.ask("GetCredentialReport")).data == found
    service.clock.ahead += timedelta(minutes=2)
    assert await got() == (410, "ReportExpired")
    assert (await service.ask(ASK, await service.root())).codes == ["CREDENTIAL_REPORT_EXPIRED"]
    assert await state() == "STARTED" and await service.reporter.work() == 1
    assert b"\nnew," in (await key.ask("GetCredentialReport")).data["Content"]
    # Old ones are removed.
    service.clock.ahead += KEPT + timedelta(minutes=1)
    await service.reporter.work()
    assert await got() == (410, "ReportNotPresent")


async def test_each_account_has_its_own(service: Service) -> None:
    other = await other_root(service)
    await lines(service)
    reply = await service.ask(ASK.replace(ACCOUNT, "444455556666"), other)
    assert reply.codes == ["CREDENTIAL_REPORT_NOT_PRESENT"]
    assert [line[1] for line in await lines(service, other)] == [arn("root", "444455556666")]


async def test_a_report_that_fails_can_be_asked_for_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("no such luck")

    with monkeypatch.context() as patched:
        patched.setattr(credential_report, "_root", broken)
        assert await generated(service) == "STARTED"
        assert await service.reporter.work() == 1
    assert (await service.ask(ASK, await service.root())).codes == ["CREDENTIAL_REPORT_NOT_PRESENT"]
    assert len(await lines(service)) == 1


async def test_one_that_a_dead_process_took_is_made_by_another(service: Service) -> None:
    assert await generated(service) == "STARTED"
    async with service.database.writing() as data:
        taken = await data.reports.take(service.clock(), service.clock() + HELD)
        assert taken is not None and await data.reports.take(service.clock(), service.clock() + HELD) is None
    assert await service.reporter.work() == 0
    service.clock.ahead += HELD / 2
    async with service.database.writing() as data:
        await data.reports.hold(taken.id, service.clock() + HELD)
    service.clock.ahead += HELD * 3 / 4
    assert await service.reporter.work() == 0
    service.clock.ahead += HELD
    assert await service.reporter.work() == 1
    assert await generated(service) == "COMPLETE"


@pytest.mark.parametrize("kind", STORES)
async def test_an_account_keeps_only_so_many(kind: str, tmp_path: Path) -> None:
    quotas = Quotas(reports_per_account=2)
    async with fresh(kind, tmp_path) as url, served(url, tmp_path, quotas=quotas) as service:
        for _ in range(2):
            await lines(service)
            service.clock.ahead += timedelta(hours=5)
        done = await service.do("generateCredentialReport", None, token=await service.root())
        assert done["__typename"] == "LimitExceededError"
        service.clock.ahead += KEPT
        service.tokens.clear()
        await service.reporter.work()
        await lines(service)


async def test_what_one_process_was_asked_the_other_can_read(tmp_path: Path) -> None:
    """Two processes on PostgreSQL; the one that was asked is killed at once."""
    async with fresh("postgres", tmp_path) as url, AsyncExitStack() as stack:
        one, other = Server(url, tmp_path), Server(url, tmp_path)
        for server in (one, other):
            await stack.enter_async_context(server.running())
        http = await stack.enter_async_context(ClientSession())
        first, second_ = (Client(url=server.url, http=http) for server in (one, other))
        token = await second_.root()
        assert await generated(first) == "STARTED"
        await one.end(signal.SIGKILL)
        for _ in range(900):
            reply = await second_.ask(ASK, token)
            if not reply.codes:
                break
            await asyncio.sleep(0.1)
        assert reply.only()["credentialReport"]["content"].startswith(HEADER + "\n<root_account>,")
