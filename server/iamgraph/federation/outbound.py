"""Fetches what identity providers publish, and reaches nothing else: accounts choose the URLs, so that each is checked down
to the address that is connected to, and no answer may be large, slow or somewhere else."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ..domain.errors import IdpCommunicationError
from ..domain.names import shown

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_DOCUMENT = 256 * 1024
_TIMEOUT = ClientTimeout(total=5, connect=3)
_CHUNK = 16 * 1024
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "iamgraph"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where identity providers may be: at public addresses, and in `networks`. With `plain_on_loopback` those of this
    machine may speak http."""

    networks: Sequence[Network] = ()
    plain_on_loopback: bool = False

    def admits(self, address: Address) -> bool:
        """Whether it may be connected to. An address that has an IPv4 address in it is that one, too."""
        if any(address in network for network in self.networks):
            return True
        inner = _inner(address)
        if inner is not None:
            return self.admits(inner)
        return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _inner(address: Address) -> Address | None:
    """The IPv4 address that packets to an IPv6 address end at, where it says so (RFC 4291, 3056, 4380, 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


class _Resolver(AbstractResolver):
    """Gives addresses that may be connected to. INVARIANT: the connection is made to one of these and the name is not looked
    up again, so that a name can't change its mind in between (DNS rebinding)."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        admitted = [
            (place, sort) for sort, _, _, _, place in found if self._reach.admits(ipaddress.ip_address(_bare(place[0])))
        ]
        if not admitted:
            raise OSError(f"{host} has no address that may be reached")
        return [
            ResolveResult(
                hostname=host, host=str(place[0]), port=port, family=sort, proto=0, flags=socket.AI_NUMERICHOST
            )
            for place, sort in admitted
        ]

    async def close(self) -> None:
        pass


def _bare(host: object) -> str:
    """An address without its zone."""
    return str(host).partition("%")[0]


class Outbound:
    """Asks over https, following nothing. Close it in the loop that it was used in."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self._session: ClientSession | None = None

    async def get(self, url: str) -> Mapping[str, Any]:
        """The JSON object at a URL. Raises IdpCommunicationError."""
        return await self._asked("GET", url, None, {}, (200,))

    async def post(self, url: str, form: Mapping[str, str], *, authorization: str | None) -> Mapping[str, Any]:
        """The JSON object with which a form is answered, also where that is an error of the form's (400 and 401: RFC 6749,
        section 5.2). Raises IdpCommunicationError."""
        headers = {"Authorization": authorization} if authorization is not None else {}
        return await self._asked("POST", url, form, headers, (200, 400, 401))

    async def _asked(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str],
        statuses: Sequence[int],
    ) -> Mapping[str, Any]:
        self.check(url)
        asking = self._opened().request(
            method, URL(url, encoded=True), data=form, headers=headers, allow_redirects=False
        )
        try:
            async with asking as response:
                if response.status not in statuses:
                    raise IdpCommunicationError(f"{shown(url)} answered with status {response.status}")
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise IdpCommunicationError(f"{shown(url)} answered in an encoding that was not asked for")
                body = bytearray()
                async for chunk in response.content.iter_chunked(_CHUNK):
                    body += chunk
                    if len(body) > MAX_DOCUMENT:
                        raise IdpCommunicationError(f"{shown(url)} answered with more than {MAX_DOCUMENT} bytes")
        except (ClientError, OSError, ValueError) as error:
            # A TimeoutError is an OSError, and says nothing.
            raise IdpCommunicationError(
                f"{shown(url)} could not be read: {type(error).__name__} {shown(str(error))}"
            ) from None
        return _object(url, bytes(body))

    def check(self, url: str) -> None:
        """Raise IdpCommunicationError for a URL that is not to be asked, whatever its name resolves to."""
        try:
            parsed = URL(url, encoded=True)
            _ = parsed.port
        except ValueError:
            raise IdpCommunicationError(f"{shown(url)} is no URL") from None
        literal = _literal(parsed.host or "")
        is_local = parsed.host == "localhost" or (literal is not None and literal.is_loopback)
        if parsed.scheme != "https" and not (parsed.scheme == "http" and self.reach.plain_on_loopback and is_local):
            raise IdpCommunicationError(f"{shown(url)} is not https")
        if not parsed.host or parsed.user is not None or parsed.password is not None:
            raise IdpCommunicationError(f"{shown(url)} is not the URL of a provider")
        # An address is not looked up, so that the resolver does not see it.
        if literal is not None and not self.reach.admits(literal):
            raise IdpCommunicationError(f"{shown(url)} is at an address that may not be reached")

    def _opened(self) -> ClientSession:
        if self._session is None:
            connector = TCPConnector(resolver=_Resolver(self.reach), use_dns_cache=False, limit=50, limit_per_host=4)
            self._session = ClientSession(
                connector=connector,
                timeout=_TIMEOUT,
                headers=_HEADERS,
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(_bare(host))
    except ValueError:
        return None


def _object(url: str, body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise IdpCommunicationError(f"{shown(url)} did not answer with a JSON object")
    return found
