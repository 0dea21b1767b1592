"""Names and addresses of machines: which are addresses, and which mean this machine alone."""

from __future__ import annotations

import ipaddress


def is_address(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 address, without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether the name or address means this machine only (RFC 6761 section 6.3 for `localhost` and below it)."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return is_address(name) and ipaddress.ip_address(name).is_loopback
