"""A company's OpenID Connect provider: `idp/provider.mjs`, in a process of its own, which needs Node.js."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .programs import Program, started

FOLDER = Path(__file__).with_name("idp")


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who can sign in there. With the code, which is optional, that was with a second factor."""

    password: str = field(repr=False)
    claims: Mapping[str, Any]
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Client:
    """What the provider is told of an application, in the words of OpenID Connect Dynamic Client Registration 1.0."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    backchannel_logout_uri: str
    backchannel_logout_session_required: bool = True


class IdentityProvider:
    """One that runs."""

    def __init__(self, program: Program) -> None:
        self.program = program

    async def rotate(self) -> None:
        """Sign with a new key from now on, and forget who is logged in; the key before stays published."""
        await self.program.say("rotate")
        assert await self.program.hear() == "rotated"


def issuer(port: int) -> str:
    """What a provider at the port calls itself."""
    return f"http://127.0.0.1:{port}"


@asynccontextmanager
async def providing(
    port: int, client: Client, people: Mapping[str, Person], *, log: Path, folder: Path = FOLDER
) -> AsyncIterator[IdentityProvider]:
    """A provider. `folder` is a copy of `idp` in which `npm ci` was run."""
    told = {"port": port, "client": asdict(client), "people": {name: asdict(who) for name, who in people.items()}}
    async with started("node", "provider.mjs", folder=folder, log=log, talks=True) as program:
        await program.say(json.dumps(told))
        assert await program.hear() == "ready"
        yield IdentityProvider(program)
