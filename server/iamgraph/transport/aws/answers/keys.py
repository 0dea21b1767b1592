"""Access keys."""

from __future__ import annotations

from collections.abc import Mapping

from ....app import keys
from ....domain.entities import AccessKey
from ..action import Action, Asked
from ..models import Structure
from .base import PAGED, cut, instant


def _listed(key: AccessKey, asked: Asked) -> Structure:
    return {
        "UserName": asked.user_name,
        "AccessKeyId": key.id,
        "Status": key.status.value,
        "CreateDate": instant(key.created_at),
    }


def _made(made: keys.NewAccessKey, asked: Asked) -> Structure:
    return {"AccessKey": {**_listed(made.access_key, asked), "SecretAccessKey": made.secret_access_key}}


def _oldest_first(key: AccessKey) -> tuple[str, ...]:
    return key.created_at.isoformat(timespec="microseconds"), key.id


def _last_used(found: keys.AccessKeyLastUsed, asked: Asked) -> Structure:
    use = found.use
    shown = (
        {"ServiceName": "N/A", "Region": "N/A"}
        if use is None
        else {"LastUsedDate": instant(use.at), "ServiceName": use.service, "Region": use.region or "N/A"}
    )
    return {"UserName": found.user_name, "AccessKeyLastUsed": shown}


ACTIONS: Mapping[str, Action] = {
    "CreateAccessKey": Action(operation=keys.CreateAccessKey, answer=_made),
    "ListAccessKeys": Action(
        operation=keys.ListAccessKeys,
        answer=cut("AccessKeyMetadata", _listed, "access-keys", _oldest_first, 2),
        answered=PAGED,
    ),
    "GetAccessKeyLastUsed": Action(operation=keys.GetAccessKeyLastUsed, answer=_last_used),
    "UpdateAccessKey": Action(operation=keys.UpdateAccessKey),
    "DeleteAccessKey": Action(operation=keys.DeleteAccessKey),
}
