"""What a principal can prove itself with: a password, access keys."""

from __future__ import annotations

import strawberry

from ....domain import entities
from ..context import Info
from ..ids import node_id
from ..scalars import AccessKeyStatus, DateTime
from .base import Known, Principal


@strawberry.type(description="A user's password, without the password.")
class LoginProfile(Known):
    created_at: DateTime | None
    password_reset_required: bool | None

    @classmethod
    def of(cls, profile: entities.LoginProfile) -> LoginProfile:
        return cls(
            node_id=node_id("LoginProfile", profile.user_id),
            created_at=DateTime(profile.created_at),
            password_reset_required=profile.password_reset_required,
        )


@strawberry.type(description="A long-term access key. Its secret was shown once, when it was made.")
class AccessKey(Known):
    access_key_id: str
    status: AccessKeyStatus | None
    created_at: DateTime | None
    inner: strawberry.Private[entities.AccessKey]
    known_owner: strawberry.Private[Principal | None]

    @classmethod
    def of(cls, key: entities.AccessKey, owner: Principal | None = None) -> AccessKey:
        return cls(
            node_id=node_id("AccessKey", key.owner_id, key.id),
            access_key_id=key.id,
            status=AccessKeyStatus(key.status.value),
            created_at=DateTime(key.created_at),
            inner=key,
            known_owner=owner,
        )

    @strawberry.field(description="A user, or the root.")
    async def owner(self, info: Info) -> Principal | None:
        from .principals import principal_by_id

        return self.known_owner or await principal_by_id(info, self.inner.owner_id)
