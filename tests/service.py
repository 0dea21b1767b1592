"""A whole service in this process, on a store of its own, asked over HTTP as a client would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from iamgraph.app.bootstrap import Wanted, bootstrap
from iamgraph.app.history.heads import HeadsFile
from iamgraph.app.history.live import StreamLimits
from iamgraph.app.history.sealer import HistorySealer
from iamgraph.app.kernel import Kernel
from iamgraph.app.reports.maker import Reporter
from iamgraph.app.work import Tools
from iamgraph.domain.budget import Bucket
from iamgraph.domain.entities import EventOutcome
from iamgraph.domain.limits import Quotas
from iamgraph.federation.oidc.verification import OpenIdConnect
from iamgraph.federation.outbound import Reach
from iamgraph.federation.saml.endpoints import receivers
from iamgraph.main import application, relying_party
from iamgraph.security.chaining import ChainKeys
from iamgraph.security.passwords import PasswordHasher
from iamgraph.security.sealing import MasterKey, Sealer
from iamgraph.settings import Settings
from iamgraph.store.events import EventFilter
from iamgraph.store.unit import Database

ACCOUNT = "111122223333"
PUBLIC_URL = "https://iam.example.com"
ROOT_EMAIL, ROOT_PASSWORD = "root@example.com", "a-Root-passw0rd"

TABLES = (
    "account",
    "guardrail",
    "guardrail_attachment",
    "service",
    "password_policy",
    "iam_user",
    "iam_group",
    "iam_role",
    "trust_principal",
    "instance_profile",
    "agent",
    "managed_policy",
    "policy_version",
    "user_attachment",
    "group_attachment",
    "role_attachment",
    "user_inline",
    "group_inline",
    "role_inline",
    "membership",
    "access_key",
    "mfa_device",
    "oidc_provider",
    "saml_provider",
    "saml_private_key",
    "passkey",
    "mapping_rules",
    "sign_in_attempt",
    "oidc_client",
    "login_profile",
    "past_password",
    "session",
    "report",
)


@dataclass
class Clock:
    """The time as the service sees it: real, or what a test has stopped it at, plus what that has moved it by."""

    ahead: timedelta = timedelta()
    stopped_at: datetime | None = None

    def stop(self) -> None:
        self.stopped_at = self.stopped_at or datetime.now(UTC)

    def __call__(self) -> datetime:
        return (self.stopped_at or datetime.now(UTC)) + self.ahead


@dataclass
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str
    body: Any

    @property
    def data(self) -> Any:
        return self.body.get("data")

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]

    def only(self) -> Any:
        """The value of the one root field."""
        assert self.data is not None and len(self.data) == 1, self.text
        return next(iter(self.data.values()))


@dataclass(kw_only=True)
class Client:
    """Asks a service over HTTP, wherever that runs."""

    url: str
    http: ClientSession
    clock: Clock = field(default_factory=Clock)
    tokens: dict[str, str] = field(default_factory=dict)

    async def post(self, body: Any, token: str | None = None, **headers: str) -> Reply:
        sent = {"Content-Type": "application/json", "Accept": "application/json"} | headers
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        how: dict[str, Any] = {"data": body} if isinstance(body, str | bytes) else {"json": body}
        async with self.http.post(self.url, headers=sent, **how) as response:
            text = await response.text()
            return Reply(response.status, response.headers, text, await response.json(content_type=None))

    async def ask(self, query: str, token: str | None = None, **variables: Any) -> Reply:
        return await self.post({"query": query, "variables": variables}, token)

    async def do(
        self, mutation: str, input: Mapping[str, Any] | None, fields: str = "", token: str | None = None
    ) -> Any:
        """Run one mutation by its name; give its result, errors with their code, message and data."""
        name = mutation[0].upper() + mutation[1:]
        variable, argument = ("", "") if input is None else (f"($input: {name}Input!)", "(input: $input)")
        success = f"... on {name.removesuffix('AsRoot')}Success {{ {fields} }}" if fields else ""
        query = (
            f"mutation {variable} {{ {mutation}{argument} {{ __typename {success} ... on Error {{ code message }} }} }}"
        )
        reply = await self.ask(query, token, **({} if input is None else {"input": input}))
        return reply.only() if reply.data else reply.body

    async def root(self) -> str:
        """The root's token."""
        if "root" not in self.tokens:
            done = await self.do("signInAsRoot", {"email": ROOT_EMAIL, "password": ROOT_PASSWORD}, "accessToken")
            self.tokens["root"] = done["accessToken"]
        return self.tokens["root"]

    async def good(
        self, mutation: str, input: Mapping[str, Any] | None, fields: str = "__typename", token: str | None = None
    ) -> Any:
        """Run one mutation, as the root if nobody else is named, that must succeed."""
        done = await self.do(mutation, input, fields, token or await self.root())
        assert done.get("__typename", "").endswith("Success"), done
        return done

    async def user(self, name: str, policy: str | None = None, path: str = "/") -> str:
        """A new user, with an inline policy if one is given; and the token of its session."""
        password = f"{name}-Passw0rd!"
        await self.good("createUser", {"userName": name, "path": path})
        await self.good("createLoginProfile", {"userName": name, "password": password})
        if policy is not None:
            await self.good("putUserPolicy", {"userName": name, "policyName": "own", "policyDocument": policy})
        done = await self.do("signIn", {"account": ACCOUNT, "userName": name, "password": password}, "accessToken")
        self.tokens[name] = done["accessToken"]
        return self.tokens[name]


@dataclass(kw_only=True)
class Service(Client):
    """A service in this process, with its insides."""

    database: Database
    kernel: Kernel
    sealer: HistorySealer
    reporter: Reporter

    async def snapshot(self) -> dict[str, list[str]]:
        """All that the store has, but for its history."""
        async with self.database.reading() as data:
            rows = {table: await data.users._db.fetch(f"SELECT * FROM {table}") for table in TABLES}
        return {table: sorted(repr(sorted(dict(row).items())) for row in found) for table, found in rows.items()}

    async def settled(self, name: str, principal: str) -> list[Any]:
        """The successes of `name` by a principal, once there are any: successful reads are written a moment later."""
        for _ in range(100):
            found = await self.events(name=name, principal_arn=principal, outcome=EventOutcome.SUCCEEDED)
            if found:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"{name} left no event")

    async def events(self, **where: Any) -> list[Any]:
        """The account's history, newest first, and what has no account, as the store has it."""
        async with self.database.reading() as data:
            page = await data.events.page(
                ACCOUNT,
                EventFilter(),
                marker=None,
                limit=1000,
            )
        return [event for event in page.items if all(getattr(event, k) == v for k, v in where.items())]


def settings_for(url: str, folder: Path, port: int | None = None) -> Settings:
    """A proxy on this machine is trusted, so that tests can ask from any address."""
    given = {"IAMGRAPH_DATABASE_URL": url, "IAMGRAPH_DATA_DIR": str(folder), "IAMGRAPH_TRUSTED_PROXIES": "127.0.0.1"}
    given |= {"IAMGRAPH_PORT": str(port)} if port is not None else {}
    return Settings.from_env(given)


@asynccontextmanager
async def served(
    url: str,
    folder: Path,
    *,
    quotas: Quotas | None = None,
    account: bool = True,
    bucket: Bucket | None = None,
    hash_queue: int = 200,
    streams: StreamLimits | None = None,
    seals: bool = False,
    port: int | None = None,
) -> AsyncIterator[Service]:
    """A service on the migrated store at `url`, with an account. Nobody's budget is limited without a bucket. With `seals`
    its history is chained all the time. `port` is where it is, for browsers as well, which hold passkeys to that."""
    clock, settings = Clock(), settings_for(url, folder, port)
    # The least that argon2 takes: what it costs is tested where it matters.
    hasher = PasswordHasher(memory_kib=8, time_cost=1, parallelism=1, max_waiting=hash_queue)
    oidc = OpenIdConnect(Reach(networks=[ip_network("127.0.0.0/8")], plain_on_loopback=True))
    tools = Tools(
        hasher=hasher,
        sealer=Sealer(MasterKey(secret=b"k" * 32)),
        quotas=quotas or Quotas(),
        relying_party=relying_party(settings),
        oidc=oidc,
        saml_receiver=receivers(PUBLIC_URL),
        public_url=PUBLIC_URL,
        clock=clock,
    )
    database = Database(url)
    await database.open()
    try:
        if account:
            hashed = await hasher.hash(ROOT_PASSWORD)
            wanted = Wanted(account_id=ACCOUNT, alias=None, email=ROOT_EMAIL, password=ROOT_PASSWORD)
            async with database.writing() as data:
                await bootstrap(data, tools, wanted, hashed)
        kernel = Kernel(database, tools, bucket=bucket, streams=streams or StreamLimits())
        kernel.start()
        sealer = HistorySealer(
            ChainKeys(MasterKey(secret=b"k" * 32)),
            reading=database.reading,
            writing=database.writing,
            file=HeadsFile(folder / "heads.jsonl"),
            every_seconds=0.05,
        )
        reporter = Reporter(tools, reading=database.reading, writing=database.writing)
        if seals:
            sealer.start()
        server = TestServer(application(settings, kernel), port=port)
        await server.start_server()
        try:
            async with ClientSession() as http:
                url = str(server.make_url("/graphql"))
                yield Service(
                    url=url,
                    http=http,
                    clock=clock,
                    database=database,
                    kernel=kernel,
                    sealer=sealer,
                    reporter=reporter,
                )
        finally:
            await server.close()
            await kernel.close()
            if seals:
                await sealer.close()
    finally:
        await database.close()
        await oidc.close()
        hasher.close()


def allow(*actions: str, resource: Any = "*") -> str:
    """A policy that allows actions."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
