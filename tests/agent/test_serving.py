"""What the agent answers on its address, to the letter of IMDS and of the container credentials provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from iamgraph.agent.enrolment import Enrolment
from iamgraph.agent.errors import AgentError, Gone, Refused, Unavailable
from iamgraph.agent.given import Given, aws_time
from iamgraph.agent.imds import Tokens
from iamgraph.agent.keeper import Keeper
from iamgraph.agent.kept import Kept
from iamgraph.agent.serving import application, serve, token_file

from .source import ACCOUNT, AGENT, ROLE, Source, given

TTL, TOKEN = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
IAM = "/latest/meta-data/iam/"
ROLES = IAM + "security-credentials/"


@asynccontextmanager
async def serving(folder: Path, *answers: Given | Gone | Refused | Unavailable) -> AsyncIterator[TestClient]:
    keeper = Keeper(Kept(folder, AGENT), Source(list(answers)))
    async with TestClient(TestServer(application(keeper, folder))) as client:
        yield client
    await keeper.close()


async def token(client: TestClient, ttl: str = "60") -> str:
    async with client.put("/latest/api/token", headers={TTL: ttl}) as reply:
        assert (reply.status, reply.headers[TTL]) == (200, ttl)
        return await reply.text()


async def got(client: TestClient, path: str, **headers: str) -> tuple[int, str]:
    async with client.get(path, headers=headers) as reply:
        return reply.status, await reply.text()


async def test_imds_gives_the_roles_credentials_for_a_token(tmp_path: Path) -> None:
    made = given()
    async with serving(tmp_path, made) as client:
        shown = {TOKEN: await token(client)}
        assert await got(client, ROLES, **shown) == await got(client, ROLES.rstrip("/"), **shown) == (200, "app")
        status, text = await got(client, ROLES + "app", **shown)
        assert (status, json.loads(text)) == (
            200,
            {
                "Code": "Success",
                "LastUpdated": aws_time(made.given_at),
                "Type": "AWS-HMAC",
                "AccessKeyId": made.access_key_id,
                "SecretAccessKey": "secret",
                "Token": "igt_token",
                "Expiration": aws_time(made.expires_at),
            },
        )
        status, text = await got(client, IAM + "info", **shown)
        assert (status, json.loads(text)) == (
            200,
            {
                "Code": "Success",
                "LastUpdated": aws_time(made.given_at),
                "InstanceProfileArn": made.instance_profile_arn,
                "InstanceProfileId": made.instance_profile_id,
            },
        )
        for path in (ROLES + "App", ROLES + "app/", "/latest/meta-data/iam/security-credentials/team/app"):
            assert (await got(client, path, **shown))[0] == 404


async def test_imds_is_for_who_asks_it_directly_and_with_a_token(tmp_path: Path) -> None:
    async with serving(tmp_path, given()) as client:
        good = await token(client, "21600")
        for ttl in ({}, {TTL: "0"}, {TTL: "21601"}, {TTL: "-1"}, {TTL: "1.5"}, {TTL: "x"}, {TTL: "٣"}, {TTL: "9" * 99}):
            async with client.put("/latest/api/token", headers=ttl) as reply:
                assert reply.status == 400, ttl
        for path in (ROLES, ROLES + "app", IAM + "info"):
            for shown in ({}, {TOKEN: ""}, {TOKEN: "x"}, {TOKEN: good[:-1]}, {TOKEN: "9" + good}, {TOKEN: "é.é.é"}):
                status, text = await got(client, path, **shown)
                assert status == 401 and "secret" not in text and "app" not in text
            assert (await got(client, path, **{TOKEN: good, "X-Forwarded-For": "192.0.2.1"}))[0] == 403
            # A name that somebody has pointed to this machine.
            for host, status in (("evil.example", 403), ("evil.example:9911", 403), ("localhost:1", 200)):
                assert (await got(client, path, **{TOKEN: good, "Host": host}))[0] == status
            for host in ("127.0.0.1:9911", "169.254.169.254", "[::1]:9911"):
                assert (await got(client, path, **{TOKEN: good, "Host": host}))[0] == 200
        async with client.put("/latest/api/token", headers={TTL: "60", "X-Forwarded-For": "192.0.2.1"}) as reply:
            assert reply.status == 403


def test_a_token_is_good_for_as_long_as_was_asked_and_in_one_process() -> None:
    tokens = Tokens()
    assert tokens.is_good(tokens.new(60)) and not tokens.is_good(tokens.new(0))
    assert not Tokens().is_good(tokens.new(60))


async def test_imds_says_why_there_are_no_credentials(tmp_path: Path) -> None:
    async with serving(tmp_path, Gone("it was revoked")) as client:
        shown = {TOKEN: await token(client)}
        assert await got(client, ROLES, **shown) == await got(client, ROLES + "app", **shown) == (404, "it was revoked")
        status, text = await got(client, IAM + "info", **shown)
        assert (status, json.loads(text)["Code"]) == (200, "InstanceProfileNotFound")
        assert (await got(client, "/v1/credentials", Authorization=token_file(tmp_path).read_text()))[0] == 503
    async with serving(tmp_path, Refused("no trust", ROLE)) as client:
        shown = {TOKEN: await token(client)}
        assert await got(client, ROLES, **shown) == (200, "app")
        status, text = await got(client, ROLES + "app", **shown)
        assert status == 200 and json.loads(text)["Code"] == "AssumeRoleUnauthorizedAccess"
        assert "no trust" in json.loads(text)["Message"] and "AccessKeyId" not in text
        assert (await got(client, ROLES + "other", **shown))[0] == 404
    async with serving(tmp_path, Unavailable("no answer")) as client:
        shown = {TOKEN: await token(client)}
        assert {(await got(client, path, **shown))[0] for path in (ROLES, ROLES + "app", IAM + "info")} == {503}


async def test_a_container_shows_the_token_of_the_file(tmp_path: Path) -> None:
    made = given()
    async with serving(tmp_path, made) as client:
        file = token_file(tmp_path)
        shown = file.read_text()
        assert file.stat().st_mode & 0o777 == 0o600 and shown == shown.strip() and len(shown) == 43
        status, text = await got(client, "/v1/credentials", Authorization=shown)
        assert (status, json.loads(text)) == (
            200,
            {
                "AccessKeyId": made.access_key_id,
                "SecretAccessKey": "secret",
                "Token": "igt_token",
                "Expiration": aws_time(made.expires_at),
                "RoleArn": ROLE,
                "AccountId": ACCOUNT,
            },
        )
        wrong = ("", "x", shown[:-1], f"Bearer {shown}", "é")
        for headers in ({}, *({"Authorization": one} for one in wrong)):
            status, text = await got(client, "/v1/credentials", **headers)
            assert status == 401 and "secret" not in text
    async with serving(tmp_path, made) as client:
        # The token before this start is none any more.
        assert (await got(client, "/v1/credentials", Authorization=shown))[0] == 401


async def test_a_folder_has_one_agent(tmp_path: Path) -> None:
    """Another would take the token from the applications of the first."""
    agent = Enrolment(server="http://127.0.0.1:1", agent_id=AGENT, key=Ed25519PrivateKey.generate())
    ports: asyncio.Queue[int] = asyncio.Queue()
    first = asyncio.create_task(serve(agent, tmp_path, port=0, duration_seconds=3600, announce=ports.put_nowait))
    port, shown = await asyncio.wait_for(ports.get(), 10), token_file(tmp_path).read_text()
    with pytest.raises(AgentError, match="another process"):
        await asyncio.wait_for(serve(agent, tmp_path, port=0, duration_seconds=3600, announce=ports.put_nowait), 10)
    assert token_file(tmp_path).read_text() == shown
    async with ClientSession() as http, http.get(f"http://127.0.0.1:{port}/v1/credentials") as reply:
        assert reply.status == 401
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    # Its end frees the folder.
    next_one = asyncio.create_task(serve(agent, tmp_path, port=0, duration_seconds=3600, announce=ports.put_nowait))
    await asyncio.wait_for(ports.get(), 10)
    next_one.cancel()
    await asyncio.gather(next_one, return_exceptions=True)
