"""Claims that a provider has left out because there were too many of them. A rule that reads one would see nobody's
groups, so that such a sign-in is refused instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .claims import Identity, Path

_SAML_GROUPS: Final = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"
_SAML_LINK: Final = "http://schemas.microsoft.com/claims/groups.link"


def left_out(identity: Identity, path: Path) -> bool:
    """Whether the provider says that what stands at the path was too much to send: by `_claim_names` (OpenID Connect Core,
    section 5.6.2, as Entra ID uses it for more than 200 groups), `hasgroups`, or SAML's `groups.link`."""
    step = path.steps[0]
    if path.source == "claims" and step not in identity.claims:
        names = identity.claims.get("_claim_names")
        elsewhere = isinstance(names, Mapping) and step in names
        return elsewhere or (step == "groups" and identity.claims.get("hasgroups") in (True, "true"))
    if path.source == "attributes" and step not in identity.attributes:
        return step in (_SAML_GROUPS, "groups") and _SAML_LINK in identity.attributes
    return False
