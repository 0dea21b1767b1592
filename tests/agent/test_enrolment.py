"""What a machine keeps of its enrolment: the key that the server knows; and nothing that can't be read is replaced."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from iamgraph.agent.enrolment import enrol, load
from iamgraph.agent.errors import AgentError, NotEnrolled
from iamgraph.security.possession import public_key_of

from .source import AGENT


async def test_of_two_who_enrol_at_once_one_does(tmp_path: Path) -> None:
    asked, go = asyncio.Queue[str](), asyncio.Event()

    async def answering(request: web.Request) -> web.Response:
        asked.put_nowait((await request.json())["variables"]["input"]["publicKey"])
        await go.wait()
        return web.json_response({"data": {"enrolAgent": {"agentId": AGENT, "agentArn": f"arn:agent/{AGENT}"}}})

    app = web.Application()
    app.router.add_post("/graphql", answering)
    async with TestServer(app) as server:
        origin = str(server.make_url("")).rstrip("/")
        first = asyncio.create_task(enrol(tmp_path / "web", origin, "web", "ige_token"))
        known = await asyncio.wait_for(asked.get(), 10)
        with pytest.raises(AgentError, match="another process"):
            await asyncio.wait_for(enrol(tmp_path / "web", origin, "web", "ige_token"), 10)
        go.set()
        assert await first == f"arn:agent/{AGENT}"
    enrolled = load(tmp_path / "web")
    assert (enrolled.server, enrolled.agent_id, public_key_of(enrolled.key)) == (origin, AGENT, known)


async def test_a_key_that_can_not_be_used_stays_where_it_is(tmp_path: Path) -> None:
    rsa, file = generate_private_key(65537, 2048), tmp_path / "key.pem"
    file.touch(0o600)
    for cipher in (None, NoEncryption(), BestAvailableEncryption(b"password")):
        text = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, cipher) if cipher is not None else b""
        file.write_bytes(text)
        with pytest.raises(NotEnrolled, match="key"):
            await enrol(tmp_path, "http://127.0.0.1:1", "web", "ige_token")
        assert file.read_bytes() == text


def test_an_enrolment_that_can_not_be_read_is_none(tmp_path: Path) -> None:
    file = tmp_path / "enrolment.json"
    file.touch(0o600)
    (tmp_path / "key.pem").touch(0o600)
    for text in ("", "[]", "{}", '{"server": "https://iam.example.com"}'):
        file.write_text(text)
        with pytest.raises(NotEnrolled, match="can't be read"):
            load(tmp_path)
