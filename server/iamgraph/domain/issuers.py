"""The URL of an OpenID Connect provider: what it may be, and how ARNs and context keys write it.

It is the provider's issuer identifier, so that it is kept byte for byte and compared so: with and without a slash at the end
are two (OpenID Connect Discovery 1.0, section 4.3).
"""

from __future__ import annotations

import ipaddress
import re

from .errors import InvalidInput
from .names import shown

_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
# A path is of the characters that RFC 3986 allows there.
_ISSUER = re.compile(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?((?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)")


def check_issuer(url: str, *, plain_on_loopback: bool) -> None:
    """Raise InvalidInput for what can't be a provider's URL. With `plain_on_loopback` it may be an http one, of this
    machine."""
    if "?" in url or "#" in url:
        raise _invalid(url, "may have neither a query nor a fragment")
    parts = _ISSUER.fullmatch(url)
    if parts is None:
        raise _invalid(
            url, "must be https:// with a host and, if need be, a path, such as https://idp.example.com/team"
        )
    scheme, host, port = parts[1], parts[2], parts[3]
    if not _is_host(host) or (port is not None and not 1 <= int(port) <= 65535):
        raise _invalid(url, "must have a host, and a port from 1 to 65535 or none")
    if scheme == "http" and not (plain_on_loopback and _is_loopback(host)):
        raise _invalid(url, "must begin with https://")


def without_scheme(url: str) -> str:
    """`https://idp.example.com/team` is `idp.example.com/team`: the provider's name in ARNs, context keys and AWS's
    answers."""
    return url.partition("://")[2]


def _invalid(url: str, must: str) -> InvalidInput:
    return InvalidInput(f"Invalid Open ID Connect Provider URL: {shown(url)} {must}", field="url")


def _is_host(host: str) -> bool:
    try:
        return not host.startswith("[") or isinstance(ipaddress.ip_address(host[1:-1]), ipaddress.IPv6Address)
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
