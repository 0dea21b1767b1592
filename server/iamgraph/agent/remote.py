"""Asking the server, over GraphQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout

from ..domain.addresses import is_loopback
from .errors import AgentError, Gone, Refused, Unavailable

TIMEOUT = ClientTimeout(total=10)
_GONE = frozenset({"AGENT_NOT_ENROLLED", "NO_SUCH_ENTITY"})


def check_server(url: str) -> str:
    """The server's address without what stands behind host and port. Raises AgentError for one that would carry credentials
    in the clear."""
    shown = ascii(url) if "@" not in url else "what was given"  # a password may stand before the @
    wrong = AgentError(f"{shown} is no server; give scheme, host and port alone, such as https://iam.example.com")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    if not host or parts.scheme not in ("http", "https") or parts.username is not None or parts.path.strip("/"):
        raise wrong
    if parts.scheme == "http" and not is_loopback(host):
        raise AgentError(f"{url!a} would carry credentials in the clear between machines; give an https address")
    return f"{parts.scheme}://{parts.netloc}"


async def mutate(
    server: str, name: str, input: Mapping[str, object], fields: str, *, of_errors: str = ""
) -> Mapping[str, Any]:
    """What a mutation gives. `of_errors` is asked for beside each error's code and message. Raises Gone, Refused, and
    Unavailable."""
    kind = name[0].upper() + name[1:]
    query = (
        f"mutation($input: {kind}Input!) {{ {name}(input: $input) "
        f"{{ __typename ... on {kind}Success {{ {fields} }} ... on Error {{ code message }} {of_errors} }} }}"
    )
    body = await _post(server, orjson.dumps({"query": query, "variables": {"input": input}}))
    try:
        done: Mapping[str, Any] = (body.get("data") or {}).get(name) or {}
        if done and "code" not in done:
            return done
        told = done or (body.get("errors") or [{}])[0]
        message = f"{server} says: {' '.join(str(told.get('message', 'nothing')).split())}"
        code = done.get("code")
    except (AttributeError, LookupError, TypeError):
        raise Unavailable(f"{server} answers what iamgraph does not: is it iamgraph's address?") from None
    if code in _GONE:
        raise Gone(message)
    if code == "ACCESS_DENIED":
        raise Refused(message, done["resource"])
    raise Unavailable(message)


async def _post(server: str, body: bytes) -> Mapping[str, Any]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        async with (
            ClientSession(timeout=TIMEOUT) as http,
            # No other address may be sent what is for this one.
            http.post(f"{server}/graphql", data=body, headers=headers, allow_redirects=False) as response,
        ):
            status, text = response.status, await response.read()
    except TimeoutError:
        raise Unavailable(f"{server} has not answered in {TIMEOUT.total:.0f} s") from None
    except (ClientError, OSError, ValueError) as error:  # of what is no name of a machine, too
        raise Unavailable(f"{server} can't be reached: {error}") from None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Unavailable(f"{server} answers {status} and no JSON: is it iamgraph's address?")
    return found
