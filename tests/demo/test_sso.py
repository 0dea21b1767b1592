"""`scripts/demo-sso`, as a newcomer runs it: both people sign in, what it says to try is so, and nothing stays."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from demo.identity_provider import FOLDER

from ..conformance.program import needed
from ..visitor import visiting

SCRIPT = Path(__file__).parents[2] / "scripts/demo-sso"
MISSING = "needs Node.js with npm, and once `npm ci` in demo/idp"


async def test_what_it_says_is_so(tmp_path: Path) -> None:
    programs = all(shutil.which(name) for name in ("node", "npm"))
    script = needed(str(SCRIPT) if programs and (FOLDER / "node_modules").is_dir() else None, MISSING)
    environ = {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "IAMGRAPH_PORT": "1",
        "IAMGRAPH_DATABASE_URL": "postgres://nobody/x",
    }
    demo = await asyncio.create_subprocess_exec(script, stdout=PIPE, stderr=PIPE, env=environ, start_new_session=True)
    assert demo.stdout is not None
    try:
        async with asyncio.timeout(120):
            said = (await demo.stdout.readuntil(b"Ctrl-C")).decode()
        await holds(said)
    finally:
        # As a terminal does, to the whole group.
        os.killpg(demo.pid, signal.SIGINT)
        async with asyncio.timeout(60):
            _, err = await demo.communicate()
    # `scripts/setup` may have had something to say before.
    assert demo.returncode == 0 and err.decode().splitlines()[-1].startswith("starting a server"), err.decode()
    assert list(tmp_path.iterdir()) == []
    assert not [name for name in commands() if str(tmp_path).encode() in name]


async def holds(said: str) -> None:
    (login,) = re.findall(r"(http://\S+)/login$", said, re.M)
    ann, omar, root = re.findall(r"password ([\w-]+)", said)
    (code,) = re.findall(r"code (\d+)", said)
    (mutation,) = re.findall(r"(mutation .*)", said)
    (history,) = re.findall(r"(\{ viewer .*)", said)
    server = re.findall(r"(http://\S+)/graphiql", said)[0]
    (provider,) = re.findall(r"(http://\S+)/session/end", said)

    async def as_whom(login_as: dict[str, str]) -> tuple[str, Any]:
        """The title of the page, whose session it is, and what the mutation answers."""
        async with visiting() as visitor:
            page = await visitor.send(await visitor.get(f"{login}/login"), **login_as)
            if page.title != "You are signed in":
                return page.title, None
            viewer = await visitor.query(server, "{ viewer { arn } }")
            answer = await visitor.query(server, mutation)
            out = await visitor.send(await visitor.get(f"{provider}/session/end"), logout="yes")
            assert out.title == "You are logged out"
            assert "errors" in await visitor.query(server, "{ viewer { arn } }")
            return viewer["data"]["viewer"]["arn"].partition(":assumed-role/")[2], answer["data"]["createUser"]

    who, done = await as_whom({"user": "ann", "password": ann})
    assert (who, done["__typename"]) == ("Developer/ann", "AccessDeniedError") and "iam:CreateUser" in done["message"]
    assert await as_whom({"user": "omar", "password": omar}) == ("That did not work", None)
    assert await as_whom({"user": "omar", "password": ann, "code": code}) == ("Corporate login", None)
    who, done = await as_whom({"user": "omar", "password": omar, "code": code})
    assert (who, done) == ("Operator/omar", {"__typename": "CreateUserSuccess"})
    async with visiting() as visitor:
        await visitor.send(await visitor.get(f"{server}/sso/root"), name="root@example.com", password=root)
        nodes = (await visitor.query(server, history))["data"]["viewer"]["account"]["auditEvents"]["nodes"]
    assert {("CreateUser", "SUCCEEDED"), ("SignInWithWebIdentity", "SUCCEEDED")} <= {
        (node["name"], node["outcome"]) for node in nodes
    }


def commands() -> list[bytes]:
    """The environments and command lines of all processes, as far as they may be read."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "environ").read_bytes() + (process / "cmdline").read_bytes())
        except OSError:
            continue
    return found
