"""Keeps when access keys and roles were last used. A request costs no write for it: times are collected, and written
together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from ..domain.entities import PrincipalType, Use
from .caller import Caller, CredentialKind
from .history.sealer import Opens
from .rounds import Rounds

EVERY = timedelta(minutes=1)
"""Uses of one key or role for the same service and region are noted once in this time."""
WRITTEN_EVERY_SECONDS = 5.0


class Uses:
    """Whoever asks, its key or role was used, whatever becomes of the request. INVARIANT: what the store has is at most
    `EVERY` and `WRITTEN_EVERY_SECONDS` behind, also where the process is killed; it never goes back."""

    def __init__(
        self, writing: Opens, clock: Callable[[], datetime], *, every_seconds: float = WRITTEN_EVERY_SECONDS
    ) -> None:
        self._writing, self._clock = writing, clock
        self._noted: dict[str, Use] = {}
        self._keys: dict[str, Use] = {}
        self._roles: dict[str, Use] = {}
        self._rounds = Rounds(
            "uses",
            self.write,
            every_seconds=every_seconds,
            trouble="when keys and roles were last used is not written",
            ends_with_one=True,
        )

    def start(self) -> None:
        """Begin to write. Needs the running loop."""
        self._rounds.start()

    async def close(self) -> None:
        """Write what is left, and stop."""
        await self._rounds.close()

    def note(self, caller: Caller) -> None:
        """Somebody was found to be this caller."""
        who = caller.identity
        if who is None:
            return
        if who.credential.kind is CredentialKind.LONG_TERM_KEY:
            self._note(self._keys, who.credential.key, caller)
        elif who.principal_type is PrincipalType.ROLE:
            self._note(self._roles, who.principal_id, caller)

    def _note(self, waiting: dict[str, Use], id: str, caller: Caller) -> None:
        now, scope, last = self._clock(), caller.scope, self._noted.get(id)
        if last is None or now - last.at >= EVERY or (last.service, last.region) != (scope.service, scope.region):
            self._noted[id] = waiting[id] = Use(at=now, service=scope.service, region=scope.region)

    async def write(self) -> None:
        """Write what was noted since the last time. Raises what the store raises: it is written the next time then."""
        keys, self._keys = self._keys, {}
        roles, self._roles = self._roles, {}
        if keys or roles:
            try:
                async with self._writing() as data:
                    await data.uses.note_keys(keys)
                    await data.uses.note_roles(roles)
            except BaseException:
                self._keys, self._roles = keys | self._keys, roles | self._roles
                raise
        since = self._clock() - EVERY
        self._noted = {id: use for id, use in self._noted.items() if use.at > since}
