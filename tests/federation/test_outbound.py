"""What identity providers are asked with: nothing private, nothing else, nothing large, nothing slow."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from aiohttp import ClientTimeout, web
from aiohttp.test_utils import TestServer

from iamgraph.domain.errors import IdpCommunicationError
from iamgraph.federation import outbound as module
from iamgraph.federation.outbound import MAX_DOCUMENT, Outbound, Reach

LOOPBACK = Reach(networks=[ip_network("127.0.0.0/8")], plain_on_loopback=True)
PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
    "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:db8::1",
]  # fmt: skip


def test_private_addresses_are_out_of_reach() -> None:
    assert [text for text in PUBLIC if not Reach().admits(ip_address(text))] == []
    assert [text for text in PRIVATE if Reach().admits(ip_address(text))] == []
    near = Reach(networks=[ip_network("10.1.0.0/16"), ip_network("fd00::/16")])
    for text, admitted in (("10.1.2.3", True), ("10.2.0.1", False), ("::ffff:10.1.2.3", True), ("fd00::1", True)):
        assert near.admits(ip_address(text)) is admitted, text


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example.com/", "http://8.8.8.8/", "ftp://idp.example.com/", "file:///etc/passwd", "https://",
        "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/",
        "https://[::ffff:169.254.169.254]/", "https://[fe80::1%25eth0]/", "https://user:secret@idp.example.com/",
        "https://idp.example.com:99999/", "nothing",
    ],
)  # fmt: skip
async def test_which_urls_are_not_asked(url: str) -> None:
    outbound = Outbound(Reach())
    with pytest.raises(IdpCommunicationError):
        await outbound.get(url)
    assert outbound._session is None


@pytest.mark.parametrize("name", ["localhost", "2130706433", "0x7f.1", "127.1"])
async def test_a_name_leads_nowhere_private(name: str) -> None:
    """However loopback is written, a name is refused by the address that it has."""
    outbound = Outbound(Reach())
    with pytest.raises(IdpCommunicationError, match=r"could not be read|may not be reached"):
        await outbound.get(f"https://{name}/")
    await outbound.close()


async def test_the_address_that_was_checked_is_the_one_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a name that is public when it is checked, and private when it is connected to."""
    asked: list[str] = []
    connected: list[Any] = []

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "203.0.113.7" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async def connect(self: Any, sock: Any, address: Any) -> None:
        connected.append(address)
        raise OSError("enough")

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(type(loop), "sock_connect", connect)
    # 203.0.113.0/24 is for documentation, so that it has to be let in.
    outbound = Outbound(Reach(networks=[ip_network("203.0.113.0/24")]))
    for _ in range(2):
        with pytest.raises(IdpCommunicationError):
            await outbound.get("https://rebinding.example.com/")
    await outbound.close()
    assert asked == ["rebinding.example.com"] * 2
    assert connected == [("203.0.113.7", 443)]


@pytest.fixture
async def serving() -> AsyncIterator[
    Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]
]:
    servers: list[TestServer] = []

    async def serve(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        app = web.Application()
        app.router.add_get("/{rest:.*}", handler)
        server = TestServer(app)
        servers.append(server)
        await server.start_server()
        return f"http://127.0.0.1:{server.port}/"

    yield serve
    for server in servers:
        await server.close()


async def test_what_is_taken_for_an_answer(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[web.Request] = []

    def answering(**how: Any) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append(request)
            response = web.Response(**how)
            response.set_cookie("a", "b")
            return response

        return answer

    outbound = Outbound(LOOPBACK)
    url = await serving(answering(text='{"a": [1]}', content_type="text/plain"))
    assert [await outbound.get(url) for _ in range(2)] == [{"a": [1]}] * 2
    assert all("Cookie" not in request.headers and "Authorization" not in request.headers for request in seen)
    assert seen[0].headers["Accept-Encoding"] == "identity"
    elsewhere = await serving(answering(text="{}"))
    bomb = gzip.compress(b"{" + b" " * 10_000_000)
    for how in (
        {"status": 302, "headers": {"Location": elsewhere}},
        {"status": 404, "text": "{}"},
        {"status": 500, "text": "{}"},
        {"text": "[]"},
        {"text": "{"},
        {"text": ""},
        {"text": "[" * 100_000},
        {"text": '{"a": "' + "x" * MAX_DOCUMENT + '"}'},
        {"body": bomb, "headers": {"Content-Encoding": "gzip"}},
    ):
        before = len(seen)
        with pytest.raises(IdpCommunicationError):
            await outbound.get(await serving(answering(**how)))
        # A redirection is not followed.
        assert len(seen) == before + 1, how

    async def for_ever(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    await outbound.close()
    monkeypatch.setattr(module, "_TIMEOUT", ClientTimeout(total=0.2))
    hasty = Outbound(LOOPBACK)
    with pytest.raises(IdpCommunicationError, match="TimeoutError"):
        await hasty.get(await serving(for_ever))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(IdpCommunicationError):
            await hasty.get(f"http://127.0.0.1:{nobody.getsockname()[1]}/")
    await hasty.close()
