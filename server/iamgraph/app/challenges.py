"""Challenges that passkeys answer: sealed for one purpose and one owner, good for five minutes, and for one answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..domain.errors import InvalidPasskey
from ..domain.passkeys import RelyingParty
from ..security.passkeys import PasskeyError
from ..security.sealing import SealError
from .work import Tools, Work

GOOD_FOR = timedelta(minutes=5)
SIGN_IN = "sign-in"


def registration_by(who: str) -> str:
    """The purpose of a challenge that is answered by who asked for it, to register a passkey."""
    return f"registration/{who}"


def new_challenge(tools: Tools, purpose: str, owner_id: str) -> bytes:
    """A challenge to a user or root. Nothing of it is stored: it holds its own end, and 128 random bits."""
    ends_at = int((tools.clock() + GOOD_FOR).timestamp() * 1000)
    return tools.sealer.seal_message(ends_at.to_bytes(8), context=_context(purpose, owner_id)).encode()


async def use_challenge(work: Work, challenge: bytes, purpose: str, owner_id: str) -> None:
    """Take a challenge as answered. Raises InvalidPasskey where it was answered before, is too old, or is none that this
    server gave for this purpose to this owner."""
    try:
        sealed = challenge.decode("ascii")
        plain = work.tools.sealer.unseal_message(sealed, context=_context(purpose, owner_id))
    except (SealError, UnicodeDecodeError):
        raise InvalidPasskey(
            "The passkey's answer is not to a challenge of this server for this user: begin again."
        ) from None
    ends_at = datetime.fromtimestamp(int.from_bytes(plain) / 1000, UTC)
    if work.now >= ends_at:
        raise InvalidPasskey(f"The challenge was good until {ends_at:%Y-%m-%dT%H:%M:%SZ}: begin again.")
    if not await work.data.passkeys.use_challenge(challenge, ends_at):
        raise InvalidPasskey("The challenge has been answered already: begin again.")
    await work.data.passkeys.forget_challenges(work.now)


def relying_party(tools: Tools) -> RelyingParty:
    """The site that passkeys are for. Raises InvalidPasskey where this server has none."""
    if tools.relying_party is None:
        raise InvalidPasskey(
            "This server takes no passkeys: they need a domain, and its public URL has an address. The operator can give "
            "IAMGRAPH_PUBLIC_URL a name, or set IAMGRAPH_PASSKEY_RP_ID and IAMGRAPH_PASSKEY_ORIGINS."
        )
    return tools.relying_party


def refused(error: PasskeyError) -> InvalidPasskey:
    """The refusal of an answer that is not believed."""
    return InvalidPasskey(f"The passkey's answer is refused: {error}.")


def _context(purpose: str, owner_id: str) -> str:
    """To what a challenge is sealed. The number is that of its form."""
    return f"passkey-challenge/1/{owner_id}/{purpose}"
