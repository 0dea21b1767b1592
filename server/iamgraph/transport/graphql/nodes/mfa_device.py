"""What a user shows beside a password: MFA devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from ....app.mfa_device_tags import ListMFADeviceTags
from ....domain import entities
from ..context import Info
from ..ids import node_id
from ..scalars import ARN, DateTime
from .base import Known, Node, Tag

if TYPE_CHECKING:
    from .user import User

UserType = Annotated["User", strawberry.lazy(".user")]


@strawberry.interface(description="What a user or the root shows at sign-in beside the password.")
class MfaDevice(Node):
    @strawberry.field(description="Whom it is enabled for; none for the root, or while it is enabled for nobody.")
    def user(self) -> UserType | None:
        raise NotImplementedError

    @strawberry.field
    def enabled_at(self) -> DateTime | None:
        raise NotImplementedError


@strawberry.type(description="A virtual MFA device: an authenticator app that shows one-time passwords (RFC 6238).")
class TotpDevice(Known, MfaDevice):
    serial_number: ARN
    inner: strawberry.Private[entities.MfaDevice]

    @classmethod
    def of(cls, device: entities.MfaDevice) -> TotpDevice:
        return cls(
            node_id=node_id("TotpDevice", device.id),
            serial_number=ARN(device.arn),
            inner=device,
        )

    @strawberry.field(description="Whom it is enabled for; none for the root, or while it is enabled for nobody.")
    def user(self) -> UserType | None:
        from .user import User

        user = self.inner.user
        return User.named(user.id, user.arn, user) if user is not None else None

    @strawberry.field
    def enabled_at(self) -> DateTime | None:
        return DateTime(self.inner.enabled_at) if self.inner.enabled_at is not None else None

    @strawberry.field
    async def tags(self, info: Info) -> list[Tag] | None:
        found = await info.context.load(ListMFADeviceTags(serial_number=self.inner.arn), self.inner)
        return [Tag(key=tag.key, value=tag.value) for tag in found.items]
