"""Too many wrong passwords or codes: refused before one is checked, in a way that lets no stranger lock anybody out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..domain.errors import Throttled
from ..domain.throttling import KNOWN_FOR, WINDOW, Limit, network
from .work import Work


async def knows_address(work: Work, principal_id: str) -> bool:
    """Whether the principal has signed in from this address lately."""
    address = network(work.caller.origin.ip_address)
    return await work.data.throttles.is_known(principal_id, address, work.now - KNOWN_FOR)


async def attempt(work: Work, counting: Sequence[Limit]) -> None:
    """Count an attempt. INVARIANT: it is counted before the password or code is checked, so that many at once count as many.
    Raises Throttled, and then counts nothing: what is refused here has guessed nothing."""
    refused, is_new = None, False
    for limit in counting:
        count = await work.data.throttles.attempt(limit.key, work.now, WINDOW)
        is_new = is_new or count.attempts == 1
        if count.attempts > limit.attempts and (refused is None or count.ends_at > refused):
            refused = count.ends_at
    if refused is not None:
        seconds = max(1, math.ceil((refused - work.now).total_seconds()))
        raise Throttled(f"Too many attempts. Try again in {seconds} s.", retry_after_seconds=seconds)
    if is_new:
        # Last of all: nobody who has waited for what is swept can have what is counted after it.
        await work.data.throttles.sweep(work.now)


async def succeeded(work: Work, counting: Sequence[Limit], principal_id: str) -> None:
    """The password was right: the attempt is not counted, and the address is known from now on."""
    await work.data.throttles.forgive([limit.key for limit in counting])
    await work.data.throttles.know(principal_id, network(work.caller.origin.ip_address), work.now)
