"""From credentials that were found in the store to a caller that policies can be asked about."""

from __future__ import annotations

from datetime import datetime

from ..store.sessions import Authenticated
from .access import Access
from .caller import (
    Caller,
    Identity,
    Origin,
    principal_context,
    principal_of,
    request_context,
    session_context,
    session_tags,
)


def caller_of(found: Authenticated, token_hash: str, access: Access, origin: Origin, now: datetime) -> Caller:
    """The caller whose session was found, with the context keys that its requests carry."""
    session = found.session
    context = principal_context(
        session.principal_type,
        account_id=session.account_id,
        principal_arn=session.principal_arn,
        principal_id=session.principal_id,
        name=session.principal_name,
        session_name=session.name,
        tags=session_tags(found.tags, session.tags),
    )
    return Caller(
        origin=origin,
        identity=Identity(account=found.account, session=session, token_hash=token_hash),
        access=access,
        principal=principal_of(
            session.principal_type,
            account_id=session.account_id,
            arn=session.arn,
            principal_arn=session.principal_arn,
            principal_id=session.principal_id,
        ),
        context={**request_context(origin, now), **context, **session_context(session)},
    )
