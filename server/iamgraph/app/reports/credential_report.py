"""The credential report: for the root and each user, which credentials there are, how old they are, and when they were last
used (IAM User Guide, "Generate credential reports")."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from ...domain.entities import AccessKey, Account, KeyStatus, LoginProfile, Use, User
from ...domain.reports import Report
from ...store.session import StoreSession
from ..devices import devices_of
from ..work import Tools

_KEY = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
HEADER = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(f"access_key_1_{part}" for part in _KEY),
    *(f"access_key_2_{part}" for part in _KEY),
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
)
"""AWS's columns."""
_KEYS = 2
_NOTHING, _UNKNOWN, _UNSUPPORTED = "N/A", "no_information", "not_supported"
# This service has no signing certificates.
_CERTIFICATES = ("false", _NOTHING) * 2
PAGE = 500


async def made(data: StoreSession, tools: Tools, report: Report) -> str:
    """The report as CSV: a line for the root, then one for each user, by name."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(HEADER)
    account = (await data.accounts.get([report.account_id]))[report.account_id]
    lines.writerow(await _root(data, account))
    async for users in _users(data, account.id):
        lines.writerows(await _lines(data, users))
    return text.getvalue().removesuffix("\n")


async def _users(data: StoreSession, account_id: str) -> AsyncIterator[Sequence[User]]:
    after, more = None, True
    while more:
        page = await data.users.page(account_id, after=after, limit=PAGE)
        if page.items:
            yield page.items
            after = page.items[-1].name
        more = page.more


async def _root(data: StoreSession, account: Account) -> list[str]:
    keys = (await data.keys.of([account.id])).get(account.id, ())
    uses = await data.uses.of_keys([key.id for key in keys])
    devices = (await devices_of(data, [account.id])).get(account.id)
    used_at = account.root_password_last_used_at
    return [
        "<root_account>",
        account.arn,
        _instant(account.created_at),
        _UNSUPPORTED,
        _instant(used_at) if used_at is not None else _UNKNOWN,
        _UNSUPPORTED,
        _UNSUPPORTED,
        _boolean(bool(devices)),
        *_shown_keys(keys, uses),
        *_CERTIFICATES,
    ]


async def _lines(data: StoreSession, users: Sequence[User]) -> list[list[str]]:
    ids = [user.id for user in users]
    profiles, keys = await data.login_profiles.of(ids), await data.keys.of(ids)
    uses = await data.uses.of_keys([key.id for found in keys.values() for key in found])
    devices = await devices_of(data, ids)
    return [
        [
            user.name,
            user.arn,
            _instant(user.created_at),
            *_password(user, profiles.get(user.id)),
            _boolean(bool(devices.get(user.id))),
            *_shown_keys(keys.get(user.id, ()), uses),
            *_CERTIFICATES,
        ]
        for user in users
    ]


def _password(user: User, profile: LoginProfile | None) -> tuple[str, str, str, str]:
    if profile is None:
        return "false", _NOTHING, _NOTHING, _NOTHING
    used_at, expires_at = user.password_last_used_at, profile.password_expires_at
    return (
        "true",
        _instant(used_at) if used_at is not None else _UNKNOWN,
        _instant(profile.password_set_at),
        _instant(expires_at) if expires_at is not None else _NOTHING,
    )


def _shown_keys(keys: Sequence[AccessKey], uses: dict[str, Use]) -> list[str]:
    """Of each of two keys, by their ids: whether it is active, since when there is one, and its last use."""
    found = sorted(keys, key=lambda key: key.id)[:_KEYS]
    shown = [text for key in found for text in _shown_key(key, uses.get(key.id))]
    return shown + ["false", *[_NOTHING] * 4] * (_KEYS - len(found))


def _shown_key(key: AccessKey, use: Use | None) -> tuple[str, ...]:
    used = (_instant(use.at), use.region or _NOTHING, use.service) if use is not None else (_NOTHING,) * 3
    return _boolean(key.status is KeyStatus.ACTIVE), _instant(key.created_at), *used


def _boolean(value: bool) -> str:
    return str(value).lower()


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
