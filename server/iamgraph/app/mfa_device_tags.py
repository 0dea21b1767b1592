"""Tags of virtual MFA devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..domain.entities import Tag, VirtualMfaDevice
from ..domain.errors import IamError, InvalidInput, LimitExceeded, NoSuchEntity
from ..domain.names import SerialNumber
from ..domain.tags import check_tag_keys, check_tags, with_tags, without_tags
from .caller import Caller
from .listing import Listed, Marker, MaxItems, sliced
from .mfa_devices import MFA_DEVICE, changed
from .operation import Command, Query, operation
from .tagging import TagKeys, Tags, request_tags
from .work import Work

TAGS = "mfa-device-tags"


@operation("iam:TagMFADevice", on=MFA_DEVICE, raises=(NoSuchEntity, LimitExceeded))
class TagMFADevice(Command[VirtualMfaDevice]):
    """Add tags to a virtual MFA device. A tag of the same key, whatever its case, is replaced."""

    serial_number: SerialNumber
    tags: Tags

    def context(self, caller: Caller, target: VirtualMfaDevice | None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)

    async def execute(self, work: Work, target: VirtualMfaDevice, prepared: None) -> VirtualMfaDevice:
        tags = with_tags(target.tags, self.tags, limit=work.tools.quotas.tags_per_entity)
        await work.data.mfa_devices.set_tags(target.id, tags)
        return await changed(work, target)


@operation("iam:UntagMFADevice", on=MFA_DEVICE, raises=(NoSuchEntity,))
class UntagMFADevice(Command[VirtualMfaDevice]):
    """Remove the tags of the given keys from a virtual MFA device. A key that is not there is no error."""

    serial_number: SerialNumber
    tag_keys: TagKeys

    def context(self, caller: Caller, target: VirtualMfaDevice | None) -> Mapping[str, str | tuple[str, ...]]:
        return {"aws:TagKeys": self.tag_keys}

    def validate(self) -> None:
        check_tag_keys(self.tag_keys)

    async def execute(self, work: Work, target: VirtualMfaDevice, prepared: None) -> VirtualMfaDevice:
        await work.data.mfa_devices.set_tags(target.id, without_tags(target.tags, self.tag_keys))
        return await changed(work, target)


@operation("iam:ListMFADeviceTags", on=MFA_DEVICE, raises=(NoSuchEntity,))
class ListMFADeviceTags(Query[Listed[Tag]]):
    """List the tags of a virtual MFA device, by key."""

    serial_number: SerialNumber
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListMFADeviceTags, VirtualMfaDevice]]
    ) -> Sequence[Listed[Tag] | IamError]:
        return [cls._page(query, device) for query, device in asks]

    @staticmethod
    def _page(query: ListMFADeviceTags, device: VirtualMfaDevice) -> Listed[Tag] | IamError:
        tags = sorted(device.tags, key=lambda tag: tag.key)
        try:
            return sliced(TAGS, tags, lambda tag: (tag.key,), 1, query.marker, query.max_items)
        except InvalidInput as error:
            return error
