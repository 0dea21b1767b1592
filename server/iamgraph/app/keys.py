"""Access keys: the long-term credentials of programs. A secret is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..domain.arn import root_arn
from ..domain.entities import AccessKey, KeyStatus, PrincipalType, Use, User
from ..domain.errors import IamError, InvalidInput, LimitExceeded, NoSuchEntity
from ..domain.ids import IdPrefix
from ..domain.names import AccessKeyId, UserName
from ..security.tokens import new_secret_access_key
from ..store.session import StoreSession
from .caller import Caller
from .changes import GONE, shown_key
from .operation import Command, Place, Query, Target, operation
from .quotas import ensure
from .targets import EVERYTHING, USER
from .users import NO_USER, UniqueId
from .work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOwner:
    """Whose keys they are: a user of the caller's account, or its root (`user` is None)."""

    id: str
    user: User | None

    @property
    def tags(self) -> Any:
        return self.user.tags if self.user else ()


class _Owner(Target):
    """The user named; without a name the caller itself, which must be a user or the root."""

    know = "iam:GetUser"

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[KeyOwner | None]:
        named = [op for op in ops if not self._is_own(op)]
        users = iter(await USER.load(caller, data, named) if named else ())
        return [await self._own(caller, data) if self._is_own(op) else _owner(next(users)) for op in ops]

    @staticmethod
    def _is_own(op: Any) -> bool:
        return op.user_name is None and getattr(op, "unique_id", None) is None

    @staticmethod
    async def _own(caller: Caller, data: StoreSession) -> KeyOwner | None:
        who = caller.who
        if who.principal_type is PrincipalType.ROOT:
            return KeyOwner(id=caller.account_id, user=None)
        if who.principal_type is PrincipalType.USER:
            return _owner((await data.users.by_ids([who.principal_id])).get(who.principal_id))
        return None

    def place(self, caller: Caller, op: Any, entity: KeyOwner | None) -> Place:
        if self._is_own(op):
            arn = caller.who.principal_arn
            return Place(resource=arn, asked=arn, account_id=caller.account_id, tags=entity.tags if entity else ())
        if entity is not None and entity.user is None:
            arn = root_arn(caller.account_id)
            return Place(resource=arn, asked=arn, account_id=caller.account_id)
        return USER.place(caller, op, entity.user if entity else None)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        if self._is_own(op):
            return None
        return USER.missing(caller, op)


def _owner(user: User | None) -> KeyOwner | None:
    return KeyOwner(id=user.id, user=user) if user is not None else None


def known_owner(owner: KeyOwner | None) -> KeyOwner:
    """The owner. Raises InvalidInput where a role's session has named nobody."""
    if owner is None:
        raise InvalidInput(NO_USER, field="userName")
    return owner


OWNER = _Owner()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccessKey:
    """A new key, and its secret: the only time that it is shown."""

    access_key: AccessKey
    secret_access_key: str = field(repr=False)


def key_context(key_id: str) -> str:
    """What a key's secret is sealed to, so that it is of no use in another row."""
    return f"access-key/{key_id}"


@operation("iam:CreateAccessKey", on=OWNER, raises=(NoSuchEntity, LimitExceeded))
class CreateAccessKey(Command[NewAccessKey]):
    """Make an access key for a user: at most two, inactive ones too. Without a name: for the caller itself."""

    user_name: UserName | None = None

    async def execute(self, work: Work, target: KeyOwner | None, prepared: None) -> NewAccessKey:
        owner = known_owner(target)
        keys = (await work.data.keys.of([owner.id])).get(owner.id, ())
        ensure(len(keys), "AccessKeysPerUser", work.tools.quotas.access_keys_per_user)
        key = AccessKey(
            id=work.tools.new_id(IdPrefix.ACCESS_KEY),
            account_id=work.caller.account_id,
            owner_id=owner.id,
            status=KeyStatus.ACTIVE,
            created_at=work.now,
        )
        secret = new_secret_access_key()
        await work.data.keys.add(key, work.tools.sealer.seal(secret.encode(), context=key_context(key.id)))
        work.changed(GONE, shown_key(key))
        return NewAccessKey(access_key=key, secret_access_key=secret)


@operation("iam:ListAccessKeys", on=OWNER, raises=(NoSuchEntity,))
class ListAccessKeys(Query[tuple[AccessKey, ...]]):
    """List the access keys of a user, oldest first. Without a name: the caller's own."""

    user_name: UserName | None = None
    unique_id: UniqueId | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListAccessKeys, KeyOwner | None]]
    ) -> Sequence[tuple[AccessKey, ...] | IamError]:
        owners = [owner for _, owner in asks if owner is not None]
        found = await work.data.keys.of([owner.id for owner in owners])
        return [
            found.get(owner.id, ()) if owner is not None else InvalidInput(NO_USER, field="userName")
            for _, owner in asks
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedKey:
    """A key of the caller's account, and whose it is."""

    key: AccessKey
    owner: KeyOwner


class _KeyById(Target):
    """An access key of the caller's account. Policies see it as the user whose key it is, or the root; one that does not
    exist, or that the caller may not know of, as `access key AKIA…`, which nothing but `*` matches."""

    know = "iam:GetUser"

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[OwnedKey | None]:
        found = await data.keys.get([op.access_key_id for op in ops])
        keys = {id: key for id, key in found.items() if key.account_id == caller.account_id}
        users = await data.users.by_ids([key.owner_id for key in keys.values()])
        owned = {
            id: OwnedKey(key=key, owner=KeyOwner(id=key.owner_id, user=users.get(key.owner_id)))
            for id, key in keys.items()
        }
        return [owned.get(op.access_key_id) for op in ops]

    def place(self, caller: Caller, op: Any, entity: OwnedKey | None) -> Place:
        asked, account_id = f"access key {op.access_key_id}", caller.account_id
        if entity is None:
            return Place(resource=asked, asked=asked, account_id=account_id)
        user = entity.owner.user
        arn = user.arn if user is not None else root_arn(account_id)
        return Place(resource=arn, asked=asked, account_id=account_id, tags=entity.owner.tags)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return _no_key(op.access_key_id)


KEY = _KeyById()


def _no_key(key_id: str) -> NoSuchEntity:
    return NoSuchEntity(f"The Access Key with id {key_id} cannot be found.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKeyLastUsed:
    """The user whose key it is, None for the root; and the newest use that is known, None where there was none."""

    user_name: str | None
    use: Use | None


@operation("iam:GetAccessKeyLastUsed", on=KEY, raises=(NoSuchEntity,))
class GetAccessKeyLastUsed(Query[AccessKeyLastUsed]):
    """Read when an access key was last used, and for which service and region. The time is up to a minute behind."""

    access_key_id: AccessKeyId

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetAccessKeyLastUsed, OwnedKey]]
    ) -> Sequence[AccessKeyLastUsed | IamError]:
        uses = await work.data.uses.of_keys([owned.key.id for _, owned in asks])
        return [
            AccessKeyLastUsed(
                user_name=owned.owner.user.name if owned.owner.user else None, use=uses.get(owned.key.id)
            )
            for _, owned in asks
        ]


async def _key_of(work: Work, owner: KeyOwner | None, key_id: str) -> AccessKey:
    """The key, if it is the owner's; another's key and one that does not exist answer alike."""
    found = (await work.data.keys.get([key_id])).get(key_id)
    if found is None or found.owner_id != known_owner(owner).id:
        raise _no_key(key_id)
    return found


@operation("iam:UpdateAccessKey", on=OWNER, raises=(NoSuchEntity,))
class UpdateAccessKey(Command[AccessKey]):
    """Make a key inactive, or active again. An inactive key is refused at the next request, and still counts."""

    access_key_id: AccessKeyId
    status: KeyStatus
    user_name: UserName | None = None

    async def execute(self, work: Work, target: KeyOwner | None, prepared: None) -> AccessKey:
        key = await _key_of(work, target, self.access_key_id)
        await work.data.keys.set_status(key.id, self.status)
        now = (await work.data.keys.get([key.id]))[key.id]
        work.changed(shown_key(key), shown_key(now))
        return now


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedAccessKey:
    """The id of a key that is gone."""

    deleted_access_key_id: str


@operation("iam:DeleteAccessKey", on=OWNER, raises=(NoSuchEntity,))
class DeleteAccessKey(Command[DeletedAccessKey]):
    """Delete an access key for good."""

    access_key_id: AccessKeyId
    user_name: UserName | None = None

    async def execute(self, work: Work, target: KeyOwner | None, prepared: None) -> DeletedAccessKey:
        key = await _key_of(work, target, self.access_key_id)
        await work.data.keys.delete(key.id)
        work.changed(shown_key(key), GONE)
        return DeletedAccessKey(deleted_access_key_id=key.id)


@operation("sts:GetAccessKeyInfo", on=EVERYTHING)
class GetAccessKeyInfo(Query[str]):
    """Say which account an access key is of, long-term or temporary: the caller's, or none that it is told of."""

    access_key_id: AccessKeyId

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetAccessKeyInfo, None]]) -> Sequence[str | IamError]:
        known = await work.data.keys.get([query.access_key_id for query, _ in asks])
        return [await _account_of(work, query.access_key_id, known.get(query.access_key_id)) for query, _ in asks]


async def _account_of(work: Work, key_id: str, key: AccessKey | None) -> str | IamError:
    session = await work.data.sessions.by_access_key(key_id) if key is None else None
    owner = key.account_id if key is not None else session.speaks_for.account.id if session is not None else None
    if owner != work.caller.account_id:
        # INVARIANT: another account's key and one that does not exist answer alike.
        return InvalidInput(f"the account has no access key {key_id}", field="accessKeyId")
    return owner
