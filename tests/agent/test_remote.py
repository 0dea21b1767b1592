"""Asking what may be no server, or none of iamgraph: whatever it answers, one error says so."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from iamgraph.agent.errors import Unavailable
from iamgraph.agent.remote import mutate


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("<html>", "answers 200 and no JSON"),
        ("[]", "answers 200 and no JSON"),
        ('{"errors": [{"message": "no such field"}]}', "says: no such field"),
        ('{"data": null, "errors": [{"message": "no such\\nfield"}]}', "says: no such field"),
        ('{"message": "Forbidden"}', "says: nothing"),
        ('{"errors": "Forbidden"}', "is it iamgraph's address"),
        ('{"errors": ["Forbidden"]}', "is it iamgraph's address"),
        ('{"errors": {"message": "Forbidden"}}', "is it iamgraph's address"),
        ('{"data": []}', "says: nothing"),
        ('{"data": [1]}', "is it iamgraph's address"),
        ('{"data": {"enrolAgent": {"code": "X"}}}', "says: nothing"),
    ],
)
async def test_what_iamgraph_does_not_answer(answer: str, said: str) -> None:
    async def answering(request: web.Request) -> web.Response:
        return web.Response(text=answer)

    app = web.Application()
    app.router.add_post("/graphql", answering)
    async with TestServer(app) as server:
        with pytest.raises(Unavailable, match=said):
            await mutate(str(server.make_url("")).rstrip("/"), "enrolAgent", {}, "agentId")


@pytest.mark.parametrize("server", ["https://iam..example.com", "http://127.0.0.1:0"])
async def test_what_can_not_be_reached(server: str) -> None:
    with pytest.raises(Unavailable, match="can't be reached"):
        await mutate(server, "enrolAgent", {}, "agentId")
