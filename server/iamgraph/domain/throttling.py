"""How often one may try to sign in, or try a code: what is counted, and how much of it is too much. Pure numbers; the store
counts.

A stranger must not lock out a known user: so attempts on a name from addresses that it has signed in from are counted
apart from everybody else's, and so are those of an address on names that know it.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import timedelta

WINDOW = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=90)
"""How long an address is known after a sign-in from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `attempts` under `key` in a window."""

    key: str
    attempts: int


def limits(*, account: str, name: str, address: str | None, is_known: bool) -> tuple[Limit, ...]:
    """What an attempt to sign in as `name` of `account` from `address` counts against, the tightest first. Names are
    hashed: what is typed may be a password in the wrong box."""
    place = network(address)
    who = hashlib.sha256(f"{account.lower()}\n{name.lower()}".encode("utf-8", "surrogatepass")).hexdigest()
    pair = f"pair {who} {place}"
    if is_known:
        # More than can be under way at once, each of which counts until its password has proved right.
        return (Limit(key=pair, attempts=100),)
    return (
        Limit(key=pair, attempts=10),
        Limit(key=f"name {who}", attempts=30),
        Limit(key=f"address {place}", attempts=50),
    )


def device_limit(device_id: str, *, address: str | None, is_known: bool) -> Limit:
    """What an attempt at the code of an MFA device counts against. Who makes one has proved the password, or a key."""
    key = f"mfa {device_id} {network(address)}" if is_known else f"mfa {device_id}"
    return Limit(key=key, attempts=10)


def agent_limit(*, address: str | None) -> Limit:
    """What counts who shows a token or a signature of no agent. Those of agents are not counted under it."""
    return Limit(key=f"agent at {network(address)}", attempts=50)


def request_limit(agent_id: str) -> Limit:
    """How often an agent may ask for credentials."""
    return Limit(key=f"agent {agent_id}", attempts=100)


def nonce_limit(agent_id: str, nonce: str) -> Limit:
    """A request of an agent's is good once. INVARIANT: for no longer than a window can it be shown again."""
    return Limit(key=f"agent {agent_id} {nonce}", attempts=1)


def web_identity_limit(*, address: str | None, known_as: str | None) -> Limit:
    """What a token of an identity provider counts against until it has proved good. None can be guessed: this bounds what
    strangers make the server do, so that it leaves room for many programs behind one address. `known_as` is for an identity
    that has been seen at the address."""
    if known_as is not None:
        return Limit(key=f"web-identity {known_as} {network(address)}", attempts=100)
    return Limit(key=f"web-identity {network(address)}", attempts=300)


def network(address: str | None) -> str:
    """The address as it is counted: an IPv6 customer has a /64 to choose from."""
    if address is None:
        return "unknown"
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
