"""What an operation may use while it runs: time, randomness, quotas, keys and the data are given to it, never taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..domain.entities import Change
from ..domain.ids import IdPrefix, unique_id
from ..domain.limits import Quotas
from ..domain.mapping.attempt import Attempt
from ..domain.passkeys import RelyingParty
from ..domain.policy.reference import Reference, Together
from ..federation.oidc.verification import OpenIdConnect
from ..federation.saml.assertion import Receiver
from ..federation.saml.endpoints import receivers
from ..federation.saml.verifier import Verifier
from ..reference.aws import AwsReference
from ..reference.own import OwnReference
from ..security.entropy import entropy
from ..security.passwords import Hasher
from ..security.sealing import Sealer
from ..store.session import StoreSession
from .caller import Caller
from .changes import Shown, difference

if TYPE_CHECKING:
    from .identity import Authenticator


def _clock() -> datetime:
    return datetime.now(UTC)


def default_reference() -> Reference:
    """What services have: this server's own, then AWS's."""
    return Together((OwnReference(), AwsReference()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What is the same for every operation of a server. `public_url` is its origin; `sign_in_url` makes an account's
    sign-in address of its alias or id; `relying_party` is the site that passkeys are for, None where there is none;
    `saml_receiver` says what the responses of a SAML provider must be for, by its account and its name."""

    hasher: Hasher
    sealer: Sealer
    quotas: Quotas = field(default_factory=Quotas)
    public_url: str = ""
    sign_in_url: Callable[[str], str] = "/signin/{}".format
    relying_party: RelyingParty | None = None
    sign_in_time: timedelta = timedelta(hours=12)
    oidc: OpenIdConnect = field(default_factory=OpenIdConnect)
    saml: Verifier = field(default_factory=Verifier)
    saml_receiver: Callable[[str, str], Receiver] = field(default=receivers(""))
    reference: Reference = field(default_factory=default_reference)
    clock: Callable[[], datetime] = _clock
    entropy: Callable[[int], bytes] = entropy

    def new_id(self, prefix: IdPrefix) -> str:
        return unique_id(prefix, self.entropy(11))


@dataclass(slots=True)
class Trail:
    """What a run finds out for its event: on what it acted, what it changed and, where signing in found that out, where
    and who."""

    event_id: str = ""
    resources: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    account_id: str | None = None
    principal_id: str | None = None
    principal_arn: str | None = None
    attempt: Attempt | None = None
    """Somebody came from an identity provider."""
    other_account_id: str | None = None
    """Another account whose history has the event too: the one whose role was assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One run of an operation."""

    caller: Caller
    tools: Tools
    data: StoreSession
    now: datetime
    authenticator: Authenticator
    trail: Trail = field(default_factory=Trail)

    def changed(self, before: Shown, after: Shown) -> None:
        """Note for the event what became of values: see `app/changes.py`. Never give it a secret."""
        self.trail.changes += difference(before, after)
