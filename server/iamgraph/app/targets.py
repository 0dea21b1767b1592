"""What operations act on: how each kind of target is found, and where policies see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..domain.arn import SERVICE, iam_arn, parse_arn
from ..domain.errors import NoSuchEntity
from ..store.session import StoreSession
from .caller import Caller
from .operation import TAG_KEYS, Place, Target


class Repository(Protocol):
    """What `Entity` needs of a repository of the store."""

    async def named(self, account_id: str, names: Sequence[str]) -> Mapping[str, Any]: ...

    async def by_ids(self, ids: Sequence[str]) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity(Target):
    """A user, group, role or instance profile of the caller's account, by its name; or, where the operation has these
    parameters, by `unique_id` or `arn`. Without any of them it is the caller itself. `absent` is what AWS says of one that
    does not exist."""

    kind: str
    repository: Callable[[StoreSession], Repository]
    know: str
    parameter: str
    absent: str | None = None
    tag_keys: tuple[str, ...] = TAG_KEYS

    def _key(self, caller: Caller, op: Any) -> tuple[str, str]:
        """By what the target is looked up, `name`, `id` or `arn`, and its value."""
        if (name := getattr(op, self.parameter)) is not None:
            return "name", name
        if (unique_id := getattr(op, "unique_id", None)) is not None:
            return "id", unique_id
        if (arn := getattr(op, "arn", None)) is not None:
            return "arn", arn
        return "id", caller.who.principal_id

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Any]:
        keys = [self._key(caller, op) for op in ops]
        names = {value for by, value in keys if by == "name"}
        names |= {parsed.name for by, value in keys if by == "arn" and (parsed := parse_arn(value))}
        ids = [value for by, value in keys if by == "id"]
        repository = self.repository(data)
        named = await repository.named(caller.account_id, sorted(names)) if names else {}
        known = await repository.by_ids(ids) if ids else {}
        return [self._pick(caller, by, value, named, known) for by, value in keys]

    @staticmethod
    def _pick(caller: Caller, by: str, value: str, named: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
        if by == "name":
            return named.get(value)
        if by == "id":
            found = known.get(value)
            return found if found is not None and found.account_id == caller.account_id else None
        parsed = parse_arn(value)
        found = named.get(parsed.name) if parsed else None
        return found if found is not None and found.arn == value else None

    def place(self, caller: Caller, op: Any, entity: Any) -> Place:
        by, value = self._key(caller, op)
        account_id = caller.account_id
        if by == "arn":
            asked = value
            parsed = parse_arn(value)
            account_id = parsed.account_id if parsed else account_id
        else:
            asked = iam_arn(account_id, self.kind, "/", value)
        if entity is None:
            return Place(resource=asked, asked=asked, account_id=account_id)
        tags = getattr(entity, "tags", ())
        return Place(resource=entity.arn, asked=asked, account_id=entity.account_id, tags=tags, tag_keys=self.tag_keys)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        _, value = self._key(caller, op)
        if self.absent is not None:
            return NoSuchEntity(self.absent.format(value))
        return NoSuchEntity(f"The {self.kind} with {'name ' if '/' not in value else ''}{value} cannot be found.")


_TAGS_ALONE = ("aws:ResourceTag",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPolicyByArn(Target):
    """A managed policy of the caller's account or of the service, by its ARN or, where the operation has it, by
    `unique_id`. To an operation that `changes` it, one of the service's is another account's, which lets nobody in."""

    know: str = "iam:GetPolicy"
    parameter: str = "policy_arn"
    changes: bool = False

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Any]:
        arns = [getattr(op, self.parameter) for op in ops if getattr(op, self.parameter) is not None]
        ids = [op.unique_id for op in ops if getattr(op, self.parameter) is None]
        by_arn = await data.policies.by_arns(arns, viewer=caller.account_id) if arns else {}
        by_id = await data.policies.by_ids(ids, viewer=caller.account_id) if ids else {}
        found = [
            by_id.get(op.unique_id) if getattr(op, self.parameter) is None else by_arn.get(getattr(op, self.parameter))
            for op in ops
        ]
        owners = (caller.account_id, None)
        return [policy if policy is not None and policy.account_id in owners else None for policy in found]

    def place(self, caller: Caller, op: Any, entity: Any) -> Place:
        arn = getattr(op, self.parameter)
        asked = arn if arn is not None else iam_arn(caller.account_id, "policy", "/", op.unique_id)
        resource = entity.arn if entity is not None else asked
        parsed = parse_arn(resource)
        owner = parsed.account_id if parsed else caller.account_id
        return Place(
            resource=resource,
            asked=asked,
            account_id=caller.account_id if owner == SERVICE and not self.changes else owner,
            owner=owner,
            tags=entity.tags if entity is not None else (),
            tag_keys=_TAGS_ALONE,
        )

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return NoSuchEntity(f"Policy {getattr(op, self.parameter) or op.unique_id} was not found.")


@dataclass(frozen=True, slots=True, kw_only=True)
class New(Target):
    """An entity that the operation makes: it stands where its path and name will put it."""

    kind: str
    parameter: str

    def place(self, caller: Caller, op: Any, entity: Any) -> Place:
        arn = iam_arn(caller.account_id, self.kind, op.path, getattr(op, self.parameter))
        return Place(resource=arn, asked=arn, account_id=caller.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Target):
    """All entities of a kind below a path prefix: `arn:aws:iam::…:user/` and what the prefix adds."""

    kind: str

    def place(self, caller: Caller, op: Any, entity: Any) -> Place:
        arn = f"arn:aws:iam::{caller.account_id}:{self.kind}{getattr(op, 'path_prefix', '/')}"
        return Place(resource=arn, asked=arn, account_id=caller.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything(Target):
    """Operations that AWS defines on no resource in particular: policies see `*`."""

    def place(self, caller: Caller, op: Any, entity: Any) -> Place:
        return Place(resource="*", asked="*", account_id=caller.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing(Target):
    """Operations that nobody needs a permission for."""


USER = Entity(kind="user", repository=lambda data: data.users, know="iam:GetUser", parameter="user_name")
GROUP = Entity(kind="group", repository=lambda data: data.groups, know="iam:GetGroup", parameter="group_name")
ROLE = Entity(kind="role", repository=lambda data: data.roles, know="iam:GetRole", parameter="role_name")
INSTANCE_PROFILE = Entity(
    kind="instance-profile",
    absent="Instance Profile {} cannot be found.",
    tag_keys=_TAGS_ALONE,
    repository=lambda data: data.instance_profiles,
    know="iam:GetInstanceProfile",
    parameter="instance_profile_name",
)
POLICY = ManagedPolicyByArn()
CHANGED_POLICY = ManagedPolicyByArn(changes=True)
EVERYTHING = Everything()

NOTHING = Nothing()
