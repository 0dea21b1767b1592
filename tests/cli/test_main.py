"""The `iamgraph` command, as an operator runs it: in a process of its own, on each store."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from ..authenticator import Authenticator, registered
from ..databases import STORES, fresh
from ..phone import enrolled
from ..service import Client

SCHEMA = Path(__file__).parents[2] / "schema.graphql"
AWS_TABLE = Path(__file__).parents[2] / "docs/aws-compatibility.md"
PASSWORD = "Quite-a-passw0rd"


@dataclass
class Done:
    status: int
    out: str
    err: str


@dataclass
class Shell:
    """An environment to run the command in."""

    environ: dict[str, str]
    parent: int | None = None

    async def run(self, *arguments: str, stdin: str = "", **environ: str) -> Done:
        made = await self._start(arguments, environ)
        async with asyncio.timeout(60):
            out, err = await made.communicate(stdin.encode())
        return Done(made.returncode or 0, out.decode(), err.decode())

    @asynccontextmanager
    async def serving(self, *arguments: str) -> AsyncIterator[str]:
        """The server, up; gives what it printed first."""
        made = await self._start(("serve", *arguments), {})
        self.parent = made.pid
        assert made.stdout is not None
        try:
            async with asyncio.timeout(60):
                first = await made.stdout.readuntil(b"GraphiQL")
                first += await made.stdout.readline()
            yield first.decode()
        finally:
            made.terminate()
            await made.communicate()

    async def children(self, count: int, other_than: int = 0) -> list[int]:
        """The worker processes, once there are so many that can take requests."""
        assert self.parent is not None
        async with asyncio.timeout(60):
            while True:
                found = Path(f"/proc/{self.parent}/task/{self.parent}/children").read_text().split()
                if len(found) == count and str(other_than) not in found:
                    return [int(pid) for pid in found]
                await asyncio.sleep(0.1)

    async def ask(self, query: str, token: str | None = None, **variables: str) -> Any:
        """What the server answers."""
        address = f"http://127.0.0.1:{self.environ['IAMGRAPH_PORT']}/graphql"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        async with ClientSession(headers=headers) as http, http.post(address, json=body) as response:
            return await response.json()

    async def token(self) -> str:
        """The root's, with the password that the tests bootstrap it with."""
        query = 'mutation($p: String!) { signInAsRoot(input: {email: "root@example.com", password: $p}) '
        done = await self.ask(query + "{ ... on SignInSuccess { accessToken } } }", p=PASSWORD)
        return str(done["data"]["signInAsRoot"]["accessToken"])

    async def answers(self) -> str:
        """What signing in as the root gives, once a server takes connections."""
        async with asyncio.timeout(60):
            while True:
                try:
                    return await sign_in(self, "root@example.com", PASSWORD)
                except ClientError:
                    await asyncio.sleep(0.1)

    async def _start(self, arguments: tuple[str, ...], environ: dict[str, str]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from iamgraph.cli.main import main; main()", *arguments,
            env=self.environ | environ, stdin=PIPE, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip


@pytest.fixture(params=STORES)
async def shell(request: pytest.FixtureRequest, tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Shell]:
    async with fresh(request.param, tmp_path, migrated=False) as url:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IAMGRAPH_")}
        own = {"IAMGRAPH_DATA_DIR": str(tmp_path), "IAMGRAPH_DATABASE_URL": url, "IAMGRAPH_PORT": str(unused_tcp_port)}
        yield Shell(kept | own)


async def sign_in(shell: Shell, email: str, password: str) -> str:
    query = "mutation($e: String!, $p: String!) { signInAsRoot(input: {email: $e, password: $p}) { __typename } }"
    return str((await shell.ask(query, e=email, p=password))["data"]["signInAsRoot"]["__typename"])


async def test_an_operator_sets_up_and_recovers(shell: Shell) -> None:
    refused = await shell.run("serve")
    lacks = r"iamgraph: the store lacks \d+ migrations: run `iamgraph migrate` first\n"
    assert refused.status == 1 and re.fullmatch(lacks, refused.err)
    assert (await shell.run("migrate")).out.startswith("migrated 0001_initial\n")
    assert (await shell.run("migrate")).out == "nothing to migrate\n"

    made = await shell.run(
        "bootstrap", IAMGRAPH_BOOTSTRAP_ACCOUNT_ID="111122223333", IAMGRAPH_BOOTSTRAP_ACCOUNT_ALIAS="acme"
    )
    assert "account      111122223333\n" in made.out and "/signin/acme\n" in made.out
    (password,) = re.findall(r"^password     (\S+)   \(shown this once\)$", made.out, re.M)

    # What the bootstrap settings say later changes nothing.
    again = await shell.run("bootstrap", IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD=PASSWORD)
    assert "111122223333" in again.out and "unchanged" in again.out and PASSWORD not in again.out

    other = await shell.run(
        "accounts",
        "create",
        "--email",
        "b@example.com",
        "--id",
        "444455556666",
        "--password-stdin",
        stdin=PASSWORD + "\n",
    )
    assert (other.status, other.out) == (0, "account 444455556666, root b@example.com\n")
    twice = await shell.run("accounts", "create", "--email", "B@example.com")
    assert twice.status == 1 and twice.err.startswith("iamgraph: ") and "already exists" in twice.err

    async with shell.serving():
        assert await sign_in(shell, "root@example.com", password) == "SignInSuccess"
        assert await sign_in(shell, "b@example.com", PASSWORD) == "SignInSuccess"
        assert await sign_in(shell, "root@example.com", PASSWORD) == "InvalidCredentialsError"
    reset = await shell.run("root", "reset-password", "--email", "root@example.com")
    (new,) = re.findall(r"^password \(shown once\): (\S+)$", reset.out, re.M)
    nobody = await shell.run("root", "reset-password", "--email", "c@example.com")
    assert (nobody.status, nobody.err) == (1, "iamgraph: no account has the root e-mail address c@example.com\n")
    weak = await shell.run("root", "reset-password", "--email", "root@example.com", "--password-stdin", stdin="short\n")
    assert weak.status == 1 and "at least 8 characters" in weak.err
    async with shell.serving():
        assert await sign_in(shell, "root@example.com", new) == "SignInSuccess"
        assert await sign_in(shell, "root@example.com", password) == "InvalidCredentialsError"


async def test_a_root_whose_phone_is_lost(shell: Shell) -> None:
    shell.environ["IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD"] = PASSWORD
    url = f"http://127.0.0.1:{shell.environ['IAMGRAPH_PORT']}/graphql"
    async with shell.serving("--setup"), ClientSession() as http:
        client = Client(url=url, http=http)
        given = {"email": "root@example.com", "password": PASSWORD}
        client.tokens["root"] = (await client.do("signInAsRoot", given, "accessToken"))["accessToken"]
        await enrolled(client, None)
        port = shell.environ["IAMGRAPH_PORT"]
        await registered(client, None, Authenticator(origin=f"http://localhost:{port}"))
        assert await sign_in(shell, "root@example.com", PASSWORD) == "MfaRequiredError"
    done = await shell.run("root", "deactivate-mfa", "--email", "root@example.com")
    assert (done.status, done.out) == (
        0,
        "2 MFA devices of the root are deactivated: it signs in with its password alone\n",
    )
    nobody = await shell.run("root", "deactivate-mfa", "--email", "c@example.com")
    assert (nobody.status, nobody.err) == (1, "iamgraph: no account has the root e-mail address c@example.com\n")
    async with shell.serving():
        assert await sign_in(shell, "root@example.com", PASSWORD) == "SignInSuccess"


async def test_serve_with_setup_does_it_all(shell: Shell) -> None:
    shell.environ["IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD"] = PASSWORD
    async with shell.serving("--setup") as said:
        assert said.endswith(f"http://127.0.0.1:{shell.environ['IAMGRAPH_PORT']}/graphiql\n")
        assert await sign_in(shell, "root@example.com", PASSWORD) == "SignInSuccess"
        if shell.environ["IAMGRAPH_DATABASE_URL"].startswith("sqlite"):
            busy = await shell.run("migrate")
            assert busy.status == 1 and busy.err.count("\n") == 1 and "in use" in busy.err


async def counted(address: str, *, processes: int, sign_ins: int) -> None:
    """Return once a scrape of each of several connections, which any process may take, tells of all processes."""
    wanted = {
        f"iamgraph_processes {float(processes)}",
        f'iamgraph_operations_total{{operation="SignInAsRoot",outcome="succeeded"}} {float(sign_ins)}',
    }
    alike = 0
    async with asyncio.timeout(60):
        while alike < 6:
            try:
                async with ClientSession() as http, http.get(f"http://{address}/metrics") as response:
                    found = wanted <= set((await response.text()).splitlines())
            except ClientError:
                found = False
            alike = alike + 1 if found else 0
            await asyncio.sleep(0 if found else 0.1)


async def test_workers_share_the_address_and_come_back(
    shell: Shell, unused_tcp_port_factory: Callable[[], int]
) -> None:
    shell.environ["IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD"] = PASSWORD
    if shell.environ["IAMGRAPH_DATABASE_URL"].startswith("sqlite"):
        refused = await shell.run("serve", "--workers", "2")
        assert refused.status == 1 and refused.err.count("\n") == 1 and "--workers needs PostgreSQL" in refused.err
        return
    metrics = f"127.0.0.1:{unused_tcp_port_factory()}"
    shell.environ["IAMGRAPH_METRICS_ADDRESS"] = metrics
    async with shell.serving("--setup", "--workers", "2"):
        workers = await shell.children(2)
        assert await shell.answers() == "SignInSuccess"
        await counted(metrics, processes=2, sign_ins=1)
        os.kill(workers[0], signal.SIGKILL)
        again = await shell.children(2, other_than=workers[0])
        assert len(set(again) & set(workers)) == 1
        assert await shell.answers() == "SignInSuccess"
        # What the killed one had counted is still there, and it is no process any more.
        await counted(metrics, processes=2, sign_ins=2)
        (folder,) = Path(tempfile.gettempdir()).glob(f"iamgraph-metrics-*/gauge_livesum_{again[0]}.db")
    assert not folder.parent.exists()
    assert [pid for pid in again if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize(
    "environ",
    [
        {"IAMGRAPH_HOST": "0.0.0.0"},
        {"IAMGRAPH_HOST": "0.0.0.0", "IAMGRAPH_PUBLIC_URL": "https://iam.example.com", "IAMGRAPH_DEVELOPMENT": "true"},
        {"IAMGRAPH_DATABASE_URL": "mysql://db/iam"},
        {"IAMGRAPH_PROT": "8080"},
        {"IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": "short"},
        {"IAMGRAPH_QUOTA_ACCESS_KEYS_PER_USER": "-1"},
    ],
)
async def test_an_unsafe_setting_stops_the_start_with_one_line(tmp_path: Path, environ: dict[str, str]) -> None:
    done = await Shell({**os.environ, "IAMGRAPH_DATA_DIR": str(tmp_path)}).run("serve", "--setup", **environ)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1), done.err
    assert done.err.startswith("iamgraph: IAMGRAPH_")
    assert os.listdir(tmp_path) == []


async def test_the_schema_on_record_is_the_code_s() -> None:
    assert (await Shell(dict(os.environ)).run("export-schema")).out == SCHEMA.read_text()


async def test_the_table_of_aws_s_operations_on_record_is_the_code_s() -> None:
    assert (await Shell(dict(os.environ)).run("export-aws-compatibility")).out == AWS_TABLE.read_text()
