"""Sessions: found by their token, listed, and ended together with all that was chained from them."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from ..domain.entities import (
    Account,
    FederatedOrigin,
    PrincipalType,
    Session,
    SessionPolicies,
    SessionSource,
    User,
)
from .accounts import JOINED_ACCOUNT, account_of
from .named import BOUNDARY_ARN, json_text, tags_of, tags_text
from .pages import Page, grouped, pages_of
from .remembered import Remembered
from .statements import Row, Statements, insert, instant, instant_or_none

_COLUMNS = (
    "s.id, s.account_id, s.principal_type, s.principal_id, s.parent_id, s.name, s.source, s.access_key_id, "
    "s.issued_at, s.expires_at, s.revoked_at, s.ip_address, s.user_agent, s.policy_document, s.policy_ids, "
    "s.source_identity, s.tags, s.transitive_tag_keys, s.mfa_at, s.provider_id, s.subject, s.federation, "
    "COALESCE(u.name, r.name, s.principal_name) AS principal_name, "
    "COALESCE(u.path, r.path, s.principal_path) AS principal_path, COALESCE(u.tags, r.tags) AS principal_tags"
)
_FROM = "FROM session s LEFT JOIN iam_user u ON u.id = s.principal_id LEFT JOIN iam_role r ON r.id = s.principal_id"
_AUTHENTICATED = (
    f"SELECT {{key}} AS key, {_COLUMNS}, u.id AS u_id, u.created_at AS u_created_at, "
    "u.password_last_used_at AS u_password_last_used_at, r.id AS r_id, "
    "COALESCE(u.boundary_id, r.boundary_id) AS boundary_id, "
    f"{BOUNDARY_ARN.replace('e.boundary_id', 'u.boundary_id')}, "
    f"{JOINED_ACCOUNT}, s.sealed_secret, s.session_token_hash {_FROM} JOIN account a ON a.id = s.account_id "
    "WHERE {key} = ANY($1)"
)
_BY_TOKEN, _BY_ACCESS_KEY = (_AUTHENTICATED.format(key=key) for key in ("s.token_hash", "s.access_key_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """Whom a session speaks for. `boundary_id` is the principal's now; `user` is None for roles and roots."""

    session: Session
    account: Account
    user: User | None
    boundary_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryKey:
    """A session's access key, `ASIA…`: its secret, sealed, the hash of its session token, and whom it speaks for."""

    sealed_secret: str = field(repr=False)
    session_token_hash: str = field(repr=False)
    speaks_for: Authenticated


class Sessions:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(
        self, session: Session, *, token_hash: str, sealed_secret: str | None, session_token_hash: str | None
    ) -> None:
        row = {
            "id": session.id,
            "account_id": session.account_id,
            "principal_type": session.principal_type,
            "principal_id": session.principal_id,
            "principal_name": session.principal_name,
            "principal_path": session.principal_path,
            "parent_id": session.parent_id,
            "name": session.name,
            "source": session.source,
            "token_hash": token_hash,
            "access_key_id": session.access_key_id,
            "sealed_secret": sealed_secret,
            "session_token_hash": session_token_hash,
            "issued_at": session.issued_at,
            "expires_at": session.expires_at,
            "revoked_at": session.revoked_at,
            "ip_address": session.ip_address,
            "user_agent": session.user_agent,
            "policy_document": session.policies.document,
            "policy_ids": json_text(session.policies.policy_ids),
            "source_identity": session.source_identity,
            "tags": tags_text(session.tags),
            "transitive_tag_keys": json_text(session.transitive_tag_keys),
            "mfa_at": session.mfa_at,
            **_federation_row(session.federation),
        }
        sql, args = insert("session", row)
        await self._db.run(sql, *args)

    async def by_token(self, token_hash: str) -> Authenticated | None:
        """Whom the token speaks for, in one statement; None where there is no such token, or its user or role is gone.
        Whether the session is over, or the account closed, is for the caller to see."""
        row = await self._db.look_up(_BY_TOKEN, token_hash)
        return _KNOWN.of(token_hash, row) if row else None

    async def by_access_key(self, access_key_id: str) -> TemporaryKey | None:
        """`by_token`, for the id of the session's access key."""
        row = await self._db.look_up(_BY_ACCESS_KEY, access_key_id)
        return _TEMPORARY.of(access_key_id, row) if row else None

    async def valid(self, session_id: str, at: datetime) -> bool:
        """Whether the session is neither revoked nor expired at `at`."""
        sql = "SELECT id FROM session WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2"
        return await self._db.one(sql, session_id, at) is not None

    async def hold(self, session_id: str, at: datetime) -> bool:
        """Whether the session is valid at `at`; if so, no other transaction can revoke it before this one ends, and one
        that then does sees the sessions that this one has chained from it."""
        sql = "SELECT id FROM session WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2 FOR SHARE"
        return await self._db.one(sql, session_id, at) is not None

    async def by_ids(self, ids: Sequence[str]) -> dict[str, Session]:
        """Those of the sessions that exist, ended ones too."""
        rows = await self._db.fetch(f"SELECT {_COLUMNS} {_FROM} WHERE s.id = ANY($1)", list(ids))
        return {row["id"]: session_of(row) for row in rows}

    async def page(
        self, principal_ids: Sequence[str], *, after: tuple[str, str] | None, limit: int, at: datetime
    ) -> dict[str, Page[Session]]:
        """A page of the sessions of each principal that are valid at `at`, newest first. `after` is (time of issue in
        ISO 8601, id)."""
        args: list[object] = [list(principal_ids), at, limit + 1]
        condition = ""
        if after is not None:
            args += [datetime.fromisoformat(after[0]), after[1]]
            condition = "AND (s.issued_at < $4 OR (s.issued_at = $4 AND s.id < $5)) "
        rows = await self._db.fetch(
            f"SELECT * FROM (SELECT {_COLUMNS}, "
            "ROW_NUMBER() OVER (PARTITION BY s.principal_id ORDER BY s.issued_at DESC, s.id DESC) AS place "
            f"{_FROM} WHERE s.principal_id = ANY($1) AND s.revoked_at IS NULL AND s.expires_at > $2 {condition}"
            ") placed WHERE place <= $3 ORDER BY principal_id, place",
            *args,
        )
        sessions = grouped(principal_ids, ((row["principal_id"], session_of(row)) for row in rows))
        return pages_of(principal_ids, sessions, limit)

    async def children(self, ids: Sequence[str]) -> dict[str, tuple[Session, ...]]:
        """The sessions chained from each, ended ones too, oldest first."""
        rows = await self._db.fetch(
            f"SELECT {_COLUMNS} {_FROM} WHERE s.parent_id = ANY($1) ORDER BY s.issued_at, s.id", list(ids)
        )
        return grouped(ids, ((row["parent_id"], session_of(row)) for row in rows))

    async def revoke(self, session_id: str, at: datetime) -> tuple[Session, ...]:
        """End a session and every one chained from it; those that were valid until now, parents first."""
        ended = await self._end("id = $1", [session_id], at)
        found = await self.by_ids(ended) if ended else {}
        return tuple(found[one] for one in ended)

    async def revoke_of(
        self, principal_id: str, at: datetime, *, sources: Sequence[SessionSource], keep: str | None = None
    ) -> int:
        """End a principal's sessions of the given sources, but for the one to keep, and all chained from them. How many
        were valid until now."""
        args = [principal_id, [source.value for source in sources], keep or ""]
        return len(await self._end("principal_id = $1 AND source = ANY($2) AND id <> $3", args, at))

    async def revoke_of_agent(self, agent_id: str, at: datetime) -> int:
        """End the sessions that an agent was given, and all chained from them. How many were valid until now."""
        # In the words of the index's condition. Who assumes a role may choose any name; its session has another source.
        return len(await self._end("source = 'INSTANCE_PROFILE' AND name = $1", [agent_id], at))

    async def _end(self, condition: str, args: Sequence[object], at: datetime) -> list[str]:
        """End the sessions that meet the condition, then level by level what was chained from them. Gives the ids of
        those that were valid until now."""
        ended: list[str] = []
        level = await self._end_level(condition, args, at)
        while level:
            ended += [one["id"] for one in level if _ended_now(one, at)]
            # INVARIANT: this statement starts after the level above it is locked, and `hold` keeps that lock from being
            # had while a session is being chained. So it sees every session that was.
            level = await self._end_level("parent_id = ANY($1)", [[one["id"] for one in level]], at)
        return ended

    async def _end_level(self, condition: str, args: Sequence[object], at: datetime) -> Sequence[Row]:
        # Ended ones are locked and gone through too: what was chained from a session can outlive it.
        now = f"${len(args) + 1}"
        return await self._db.fetch(
            f"UPDATE session SET revoked_at = CASE WHEN revoked_at IS NULL AND expires_at > {now} THEN {now} "
            f"ELSE revoked_at END WHERE {condition} RETURNING id, revoked_at, expires_at",
            *args,
            at,
        )


def _ended_now(row: Row, at: datetime) -> bool:
    return instant_or_none(row["revoked_at"]) == at and instant(row["expires_at"]) > at


def _authenticated(row: Row) -> Authenticated | None:
    session = session_of(row)
    if session.principal_type is not PrincipalType.ROOT and row["u_id"] is None and row["r_id"] is None:
        return None
    return Authenticated(
        session=session,
        account=account_of(row, "a_"),
        user=_user(row, session) if row["u_id"] else None,
        boundary_id=row["boundary_id"],
    )


def _temporary_key(row: Row) -> TemporaryKey | None:
    found = _authenticated(row)
    if found is None or row["sealed_secret"] is None or row["session_token_hash"] is None:
        return None
    return TemporaryKey(
        sealed_secret=row["sealed_secret"], session_token_hash=row["session_token_hash"], speaks_for=found
    )


_KNOWN, _TEMPORARY = Remembered(_authenticated), Remembered(_temporary_key)


def _user(row: Row, session: Session) -> User:
    return User(
        id=row["u_id"],
        account_id=session.account_id,
        name=session.principal_name,
        path=session.principal_path,
        created_at=instant(row["u_created_at"]),
        password_last_used_at=instant_or_none(row["u_password_last_used_at"]),
        boundary_id=row["boundary_id"],
        boundary_arn=row["boundary_arn"],
        tags=session.principal_tags,
    )


def session_of(row: Row) -> Session:
    return Session(
        id=row["id"],
        account_id=row["account_id"],
        principal_type=PrincipalType(row["principal_type"]),
        principal_id=row["principal_id"],
        principal_name=row["principal_name"],
        principal_path=row["principal_path"],
        parent_id=row["parent_id"],
        name=row["name"],
        source=SessionSource(row["source"]),
        access_key_id=row["access_key_id"],
        issued_at=instant(row["issued_at"]),
        expires_at=instant(row["expires_at"]),
        revoked_at=instant_or_none(row["revoked_at"]),
        ip_address=row["ip_address"],
        user_agent=row["user_agent"],
        policies=SessionPolicies(document=row["policy_document"], policy_ids=_texts(row["policy_ids"])),
        source_identity=row["source_identity"],
        tags=tags_of(row["tags"]),
        transitive_tag_keys=_texts(row["transitive_tag_keys"]),
        mfa_at=instant_or_none(row["mfa_at"]),
        principal_tags=tags_of(row["principal_tags"]) if row["principal_tags"] else (),
        federation=_federation(row) if row["federation"] is not None else None,
    )


def _federation_row(origin: FederatedOrigin | None) -> dict[str, object]:
    if origin is None:
        return {"provider_id": None, "subject": None, "federation": None}
    text = json_text({"provider_arn": origin.provider_arn, "issuer": origin.issuer, "context": dict(origin.context)})
    return {"provider_id": origin.provider_id, "subject": origin.subject, "federation": text}


def _federation(row: Row) -> FederatedOrigin:
    kept = orjson.loads(row["federation"])
    return FederatedOrigin(
        provider_id=row["provider_id"],
        provider_arn=kept["provider_arn"],
        issuer=kept["issuer"],
        subject=row["subject"],
        context={
            key: tuple(value) if isinstance(value, list) else value for key, value in kept["context"].items()
        },
    )


def _texts(text: str) -> tuple[str, ...]:
    found: Iterable[str] = () if text == "[]" else orjson.loads(text)
    return tuple(found)
