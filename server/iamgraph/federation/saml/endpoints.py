"""Where SAML responses are meant for: an address and a name of ours for each provider, so that what is for one account's is
refused for another's."""

from __future__ import annotations

from collections.abc import Callable

from .assertion import Receiver


def receivers(public_url: str) -> Callable[[str, str], Receiver]:
    """What the responses of a provider must be for, by its account and its name. Both are known before the provider is
    made, so that the identity provider can be set up first."""

    def receiver(account_id: str, name: str) -> Receiver:
        base = f"{public_url}/sso/saml/{account_id}/{name}"
        return Receiver(recipient=f"{base}/acs", audience=f"{base}/metadata")

    return receiver
