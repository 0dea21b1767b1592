"""From the credentials that a request shows to a caller that policies can be asked about."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..domain.entities import Account, KeyStatus, PrincipalType, Tag, User
from ..domain.errors import ExpiredToken, SignatureDoesNotMatch, Unauthenticated
from ..domain.ids import IdPrefix
from ..domain.policy.evaluate import Principal
from ..security import sigv4
from ..security.tokens import new_secret_access_key, token_hash
from ..store.keys import OwnedKey
from ..store.session import StoreSession
from ..store.sessions import Authenticated, TemporaryKey
from .access import Access, AccessCache
from .caller import (
    Caller,
    Credential,
    CredentialKind,
    Identity,
    Origin,
    Scope,
    federated_user_context,
    federated_user_of,
    principal_context,
    principal_of,
    request_context,
    session_context,
    session_tags,
)
from .keys import key_context
from .temporary import secret_context
from .work import Tools

Shown = str | sigv4.HttpRequest
"""What a request may show: a bearer token, or itself, where it is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedKey:
    """An access key with its secret and, where it is temporary, its session token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


Handed = str | HandedKey
"""Credentials that somebody was shown and hands over to ask about: a bearer token, or an access key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose credentials they are. `caller` is None where they are proven, and yet not good now."""

    account_id: str
    principal_arn: str
    tags: tuple[Tag, ...]
    caller: Caller | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What a credential's requests have in common for as long as the store finds the same for it. INVARIANT: `found` is what
    it was made of, which has the revision of the account: while the store gives that very object, nothing has changed."""

    found: Authenticated | OwnedKey
    identity: Identity
    access: Access
    principal: Principal
    context: Mapping[str, str | tuple[str, ...]]


MAX_KNOWN = 5_000
_NOBODYS = "nobody's-key"
_NOT_BELIEVED = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
    "signing method. Consult the service documentation for details."
)
"""INVARIANT: one text, whether the key is unknown, inactive or another's, or what was signed is not what came. The error's
code tells an unknown key from a wrong secret, as on AWS: the history and AWS's wire have it."""


class Authenticator:
    """Finds out who asks, and reads what decides for them."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.access = AccessCache()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        # Nobody knows this secret: checking against it costs what checking a known key's costs.
        self._nobodys_secret = tools.sealer.seal(new_secret_access_key().encode(), context=_NOBODYS)

    async def caller(self, data: StoreSession, shown: Shown, origin: Origin) -> Caller:
        """Who shows this; an anonymous caller where it speaks for nobody (any more), with the reason if it was signed."""
        if isinstance(shown, str):
            return await self.again(data, Credential(kind=CredentialKind.BEARER_TOKEN, key=token_hash(shown)), origin)
        try:
            return await self._signer(data, shown, origin)
        except Unauthenticated as error:
            return Caller(origin=origin, refusal=error)

    async def again(self, data: StoreSession, credential: Credential, origin: Origin, *, behind: int = 0) -> Caller:
        """Whom a credential speaks for now, without asking for proof. `behind` is by how much this transaction itself has
        moved the account's revision."""
        if credential.kind is CredentialKind.LONG_TERM_KEY:
            owned = await data.keys.with_owner(credential.key)
            if owned is None or not _is_active(owned):
                return Caller(origin=origin)
            return await self._of_key(data, owned, credential, origin, behind)
        found = await _session(data, credential)
        if found is None or not _is_open(found) or found.session.expires_at <= self._tools.clock():
            return Caller(origin=origin)
        return await self._of_session(data, found, credential, origin, behind)

    async def holder(self, data: StoreSession, handed: Handed, origin: Origin) -> Holder | None:
        """Whose credentials were handed over; None where they prove nothing."""
        if isinstance(handed, str):
            credential = Credential(kind=CredentialKind.BEARER_TOKEN, key=token_hash(handed))
            session = await data.sessions.by_token(credential.key)
            return await self._holder_of_session(data, session, credential, origin)
        secret = handed.secret_access_key.encode("utf-8", "surrogatepass")
        if handed.access_key_id.startswith(IdPrefix.TEMPORARY_KEY.value):
            credential = Credential(kind=CredentialKind.TEMPORARY_KEY, key=handed.access_key_id)
            found = await data.sessions.by_access_key(credential.key)
            context = secret_context(credential.key)
            is_proven = self._is_secret(secret, found.sealed_secret if found else None, context)
            is_proven &= _is_token(handed.session_token, found)
            session = found.speaks_for if found is not None and is_proven else None
            return await self._holder_of_session(data, session, credential, origin)
        credential = Credential(kind=CredentialKind.LONG_TERM_KEY, key=handed.access_key_id)
        owned = await data.keys.with_owner(credential.key)
        is_proven = self._is_secret(secret, owned.sealed_secret if owned else None, key_context(credential.key))
        if owned is None or not is_proven or handed.session_token is not None:
            return None
        caller = await self._of_key(data, owned, credential, origin, 0)
        return _holder(caller, is_good=_is_active(owned))

    async def _holder_of_session(
        self, data: StoreSession, found: Authenticated | None, credential: Credential, origin: Origin
    ) -> Holder | None:
        if found is None:
            return None
        caller = await self._of_session(data, found, credential, origin, 0)
        return _holder(caller, is_good=_is_open(found) and found.session.expires_at > self._tools.clock())

    def _is_secret(self, secret: bytes, sealed: str | None, context: str) -> bool:
        """Whether it is the sealed one. INVARIANT: a key that does not exist costs what any other does."""
        unseal = self._tools.sealer.unseal
        known = unseal(self._nobodys_secret, context=_NOBODYS) if sealed is None else unseal(sealed, context=context)
        return hmac.compare_digest(known, secret) and sealed is not None

    async def _signer(self, data: StoreSession, request: sigv4.HttpRequest, origin: Origin) -> Caller:
        """Who signed the request. Raises Unauthenticated."""
        signed = sigv4.read(request)
        signed.check_time(self._tools.clock())
        signed.check_path()
        is_temporary = signed.access_key_id.startswith(IdPrefix.TEMPORARY_KEY.value)
        if is_temporary and signed.security_token is None:
            raise Unauthenticated("A temporary access key (ASIA…) needs its session token in x-amz-security-token.")
        if not is_temporary and signed.security_token is not None:
            raise Unauthenticated("A long-term access key takes no x-amz-security-token.")
        of = self._signer_by_temporary_key if is_temporary else self._signer_by_long_term_key
        caller = await of(data, signed, origin)
        return replace(caller, scope=Scope(service=signed.service, region=signed.region))

    async def _signer_by_long_term_key(self, data: StoreSession, signed: sigv4.SignedRequest, origin: Origin) -> Caller:
        owned = await data.keys.with_owner(signed.access_key_id)
        is_proven = self._is_by(signed, owned.sealed_secret if owned else None, key_context(signed.access_key_id))
        if owned is None or not _is_active(owned):
            raise Unauthenticated(_NOT_BELIEVED)
        if not is_proven:
            raise SignatureDoesNotMatch(_NOT_BELIEVED)
        credential = Credential(kind=CredentialKind.LONG_TERM_KEY, key=owned.key.id)
        return await self._of_key(data, owned, credential, origin, 0)

    async def _signer_by_temporary_key(self, data: StoreSession, signed: sigv4.SignedRequest, origin: Origin) -> Caller:
        found = await data.sessions.by_access_key(signed.access_key_id)
        is_proven = self._is_by(signed, found.sealed_secret if found else None, secret_context(signed.access_key_id))
        is_its_token = _is_token(signed.security_token, found)
        if found is None or not is_its_token or not _is_open(found.speaks_for):
            raise Unauthenticated(_NOT_BELIEVED)
        if not is_proven:
            raise SignatureDoesNotMatch(_NOT_BELIEVED)
        # Only who holds the secret and the token is told this.
        if found.speaks_for.session.expires_at <= self._tools.clock():
            raise ExpiredToken("The security token included in the request is expired")
        credential = Credential(kind=CredentialKind.TEMPORARY_KEY, key=signed.access_key_id)
        return await self._of_session(data, found.speaks_for, credential, origin, 0)

    def _is_by(self, signed: sigv4.SignedRequest, sealed: str | None, context: str) -> bool:
        """Whether the sealed secret signed it. INVARIANT: a key that does not exist costs what any other does."""
        unseal = self._tools.sealer.unseal
        if sealed is None:
            signed.is_by(unseal(self._nobodys_secret, context=_NOBODYS))
            return False
        return signed.is_by(unseal(sealed, context=context))

    async def _of_session(
        self, data: StoreSession, found: Authenticated, credential: Credential, origin: Origin, behind: int
    ) -> Caller:
        known = self._known.get(credential.key)
        if known is None or known.found is not found or behind:
            session = found.session
            identity = Identity(
                account=found.account,
                principal_type=session.principal_type,
                principal_id=session.principal_id,
                principal_arn=session.principal_arn,
                arn=session.arn,
                credential=credential,
                session=session,
                tags=session.principal_tags,
            )
            access = await self.access.of_session(data, session, found.account, found.account.revision - behind)
            tags = session_tags(session.principal_tags, session.tags)
            known = self._made(found, identity, session.principal_name, tags, access, is_kept=not behind)
        return self._caller(known, origin)

    async def _of_key(
        self, data: StoreSession, owned: OwnedKey, credential: Credential, origin: Origin, behind: int
    ) -> Caller:
        known = self._known.get(credential.key)
        if known is None or known.found is not owned or behind:
            owner: Account | User = owned.user or owned.account
            name, tags = (owned.user.name, owned.user.tags) if owned.user else ("root", ())
            identity = Identity(
                account=owned.account,
                principal_type=PrincipalType.USER if owned.user else PrincipalType.ROOT,
                principal_id=owner.id,
                principal_arn=owner.arn,
                arn=owner.arn,
                credential=credential,
                tags=tags,
            )
            access = await self.access.of_principal(
                data, identity.principal_type, owner.id, owned.account, owned.account.revision - behind
            )
            known = self._made(owned, identity, name, tags, access, is_kept=not behind)
        return self._caller(known, origin)

    def _made(
        self,
        found: Authenticated | OwnedKey,
        who: Identity,
        name: str,
        tags: tuple[Tag, ...],
        access: Access,
        *,
        is_kept: bool,
    ) -> _Known:
        principal, context = _seen(who, name, tags)
        known = _Known(found=found, identity=who, access=access, principal=principal, context=context)
        # INVARIANT: not what a transaction sees that has moved the revision itself: its policies are those from before.
        if is_kept:
            self._known[who.credential.key] = known
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        return known

    def _caller(self, known: _Known, origin: Origin) -> Caller:
        """The caller, with the context keys that its requests carry."""
        now, session = self._tools.clock(), known.identity.session
        context = {**request_context(origin, now), **known.context}
        if session is not None:
            context |= session_context(session, now)
        return Caller(
            origin=origin, identity=known.identity, access=known.access, principal=known.principal, context=context
        )


async def _session(data: StoreSession, credential: Credential) -> Authenticated | None:
    if credential.kind is CredentialKind.BEARER_TOKEN:
        return await data.sessions.by_token(credential.key)
    found = await data.sessions.by_access_key(credential.key)
    return found.speaks_for if found is not None else None


def _is_token(token: str | None, key: TemporaryKey | None) -> bool:
    """Whether a session token goes with a temporary key."""
    hashed = key.session_token_hash if key is not None else token_hash("")
    return hmac.compare_digest(hashed, token_hash(token or ""))


def _holder(caller: Caller, *, is_good: bool) -> Holder:
    who = caller.who
    return Holder(
        account_id=who.account.id,
        principal_arn=who.principal_arn,
        tags=who.tags,
        caller=caller if is_good else None,
    )


def _is_active(owned: OwnedKey) -> bool:
    return owned.key.status is KeyStatus.ACTIVE and owned.account.closed_at is None


def _is_open(found: Authenticated) -> bool:
    return found.session.revoked_at is None and found.account.closed_at is None


def _seen(who: Identity, name: str, tags: tuple[Tag, ...]) -> tuple[Principal, Mapping[str, str | tuple[str, ...]]]:
    """Whom policies see, and the context keys that describe it."""
    session = who.session
    if session is not None and session.is_federated_user:
        return federated_user_of(who), federated_user_context(session, tags)
    principal = principal_of(
        who.principal_type,
        account_id=who.account.id,
        arn=who.arn,
        principal_arn=who.principal_arn,
        principal_id=who.principal_id,
    )
    context = principal_context(
        who.principal_type,
        account_id=who.account.id,
        principal_arn=who.principal_arn,
        principal_id=who.principal_id,
        name=name,
        session_name=session.name if session is not None else None,
        tags=tags,
    )
    return principal, context
