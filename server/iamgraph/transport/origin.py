"""Where an HTTP request comes from: the client's address behind trusted proxies, its agent, and an id of its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from aiohttp import web

from ..app.caller import Origin
from ..security.entropy import random_uuid
from .logs import REQUEST_ID

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_USER_AGENT, MAX_REFERER = 512, 2048
_KNOWN = web.RequestKey("origin", Origin)


def origin_of(request: web.Request, transport: str, trusted: Sequence[Network]) -> Origin:
    """The request's origin, the same each time. What proxies say of it counts only where they are trusted. INVARIANT: its
    id is ours: what a client calls a request gets into no header, log or history."""
    known = request.get(_KNOWN)
    if known is None:
        known = request[_KNOWN] = _origin(request, transport, trusted)
        REQUEST_ID.set(known.request_id)
    return known


def _origin(request: web.Request, transport: str, trusted: Sequence[Network]) -> Origin:
    peer, headers = request.remote, request.headers
    ip_address, scheme = (peer, request.scheme) if not trusted else _behind_proxies(request, peer, trusted)
    agent, referer = headers.get("User-Agent"), headers.get("Referer")
    return Origin(
        request_id=random_uuid(),
        transport=transport,
        ip_address=ip_address,
        user_agent=_printable(agent, MAX_USER_AGENT) if agent else None,
        is_secure=scheme == "https",
        referer=_printable(referer, MAX_REFERER) if referer else None,
    )


def _behind_proxies(request: web.Request, peer: str | None, trusted: Sequence[Network]) -> tuple[str | None, str]:
    """The client's address and scheme, as far as proxies that are trusted say them."""
    is_proxied = _is_trusted(peer, trusted)
    # A proxy may add a line of its own below the client's: of all that came, the last was said by the nearest.
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
    scheme = request.headers.getall("X-Forwarded-Proto", [request.scheme])[-1] if is_proxied else request.scheme
    return _client(peer, forwarded, trusted), scheme


def _client(peer: str | None, forwarded: str, trusted: Sequence[Network]) -> str | None:
    """The nearest address that is no trusted proxy: each proxy appends the one that it was called from."""
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    client = peer
    while hops and _is_trusted(client, trusted):
        hop = hops.pop()
        if _address(hop) is None:
            break
        client = hop
    return client


def _is_trusted(address: str | None, trusted: Sequence[Network]) -> bool:
    parsed = _address(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        # A zone id may hold anything, and means nothing beyond its own host.
        return ipaddress.ip_address(text) if text and "%" not in text else None
    except ValueError:
        return None


def _printable(text: str, limit: int) -> str:
    text = text[:limit]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)
