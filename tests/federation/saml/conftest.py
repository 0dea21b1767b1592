"""A provider, and what it says to us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from iamgraph.federation.saml.assertion import AnyRequest, Assertion, Receiver, checked
from iamgraph.federation.saml.metadata import IdentityProvider, identity_provider
from iamgraph.federation.saml.response import proven

from ...saml_idp import Pair, Said, metadata, pair, posted

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
ISSUER = "https://idp.test/metadata"
US = Receiver(recipient="https://iam.test/acs", audience="https://iam.test/metadata")


@dataclass(frozen=True, kw_only=True)
class Idp:
    """An identity provider whose metadata we have. `pair` signs."""

    pair: Pair
    provider: IdentityProvider

    def says(self, **what: Any) -> etree._Element:
        """The response, not signed."""
        defaults: dict[str, Any] = {
            "recipient": US.recipient, "audiences": [US.audience], "issuer": ISSUER, "now": NOW
        }  # fmt: skip
        return Said(**{**defaults, **what}).xml()

    def read(
        self, response: etree._Element | bytes | str, *, answers: str | AnyRequest | None = None, **more: Any
    ) -> Assertion:
        encoded = response if isinstance(response, str) else posted(response)
        found = proven(encoded, self.provider, **more)
        return checked(found, self.provider, US, answers=answers, now=NOW)


@pytest.fixture(scope="session")
def idp() -> Idp:
    mine = pair("idp")
    return Idp(pair=mine, provider=identity_provider(metadata(ISSUER, mine).encode()))
