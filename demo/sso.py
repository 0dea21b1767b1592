"""Signing in with a company's identity provider, on one machine: a server with a store of its own, a provider beside it, two
people and two roles. All of it is in a temporary folder, and gone when it ends."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import sys
import tempfile
from asyncio import Task
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientSession

from .company import ROOT_EMAIL, Account, password, people
from .identity_provider import FOLDER, Person, issuer, providing
from .programs import Failed, Program, free_port, started


async def installed(folder: Path) -> Path:
    """A copy of the provider's program with what it needs."""
    copy = folder / "idp"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("node_modules"))
    command = ("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
    # Node.js 22 keeps what npm has compiled with the other temporary files.
    environ = {**os.environ, "TMPDIR": str(folder)}
    async with started(*command, folder=copy, environ=environ, log=folder / "npm.log") as npm:
        await npm.done()
    return copy


@asynccontextmanager
async def serving(folder: Path, port: int, root_password: str) -> AsyncIterator[Program]:
    """A server with an account."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("IAMGRAPH_")}
    environ |= {
        "IAMGRAPH_DATA_DIR": str(folder / "data"),
        "IAMGRAPH_PORT": str(port),
        "IAMGRAPH_BOOTSTRAP_ROOT_EMAIL": ROOT_EMAIL,
        "IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": root_password,
    }
    command = (Path(sys.executable).with_name("iamgraph"), "serve", "--setup")
    async with started(*command, environ=environ, log=folder / "server.log") as server:
        await server.hear()
        yield server


def told(url: str, login_url: str, provider: str, who: dict[str, Person], root_password: str) -> str:
    """Where to look, and who to be."""
    ann, omar = who["ann"], who["omar"]
    return f"""
Sign in at  {login_url}
as ann      password {ann.password}, no code: gets the role Developer, which reads
or omar     password {omar.password}, code {omar.code}: gets the role Operator, which makes users; without the code, none
Sign out    {url}/sso/session here, and {provider}/session/end at the provider, which ends it here as well

Then try    {url}/graphiql
            mutation {{ createUser(input: {{userName: "eve"}}) {{ __typename ... on Error {{ message }} }} }}
            Omar may; Ann is told why she may not.
Who got     {url}/sso/root with {ROOT_EMAIL}, password {root_password}; then at {url}/graphiql
what, why   {{ viewer {{ account {{ auditEvents(first: 9) {{ nodes {{ name outcome principalArn errorMessage }} }} }} }} }}

Ctrl-C stops all of it, and leaves nothing."""


async def run() -> None:
    """Until it is cancelled. Raises Failed."""
    with tempfile.TemporaryDirectory(prefix="iamgraph-demo-") as name:
        folder, root_password, who = Path(name), f"Root-{password()}", people()
        url, port = f"http://127.0.0.1:{(server_port := free_port())}", free_port()
        installing = asyncio.create_task(installed(folder))
        try:
            async with serving(folder, server_port, root_password) as server, ClientSession() as http:
                account = await Account.of_root(http, url, root_password)
                client, login_url = await account.trust(issuer(port), secrets.token_urlsafe(32))
                copy = await installing
                async with providing(port, client, who, log=folder / "provider.log", folder=copy) as provider:
                    print(told(url, login_url, issuer(port), who, root_password), flush=True)
                    await asyncio.gather(server.ended(), provider.program.ended())
        finally:
            installing.cancel()
            await asyncio.wait([installing])


async def until_stopped() -> None:
    """Run until Ctrl-C, the end of the terminal, or `kill`."""
    task: Task[None] = asyncio.create_task(run())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(how, lambda: None)  # once is enough: it is stopping
        task.cancel()

    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(how, stop)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def main() -> None:
    print("starting a server and an identity provider, which takes half a minute", file=sys.stderr)
    try:
        asyncio.run(until_stopped())
    except Failed as failed:
        sys.exit(f"demo-sso: {failed}")


if __name__ == "__main__":
    main()
