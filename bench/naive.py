"""The baseline: what a capable developer writes in a day, with no authentication, authorisation or history.

Stock Strawberry behind its own aiohttp view, Tortoise models and querysets, DataLoaders for the nested lists, as the
guides of both teach it. Run it as `python -m bench.naive STORE_URL PORT`.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from datetime import datetime
from typing import Any, Generic, TypeVar

import strawberry
import uvloop
from aiohttp import web
from strawberry.aiohttp.views import GraphQLView
from strawberry.dataloader import DataLoader
from tortoise import Tortoise, fields
from tortoise.models import Model

T = TypeVar("T")


class AccountRow(Model):
    id = fields.CharField(max_length=12, primary_key=True)

    class Meta:
        table = "naive_account"


class PolicyRow(Model):
    id = fields.CharField(max_length=21, primary_key=True)
    arn = fields.CharField(max_length=512)
    name = fields.CharField(max_length=128, db_index=True)

    class Meta:
        table = "naive_policy"


class GroupRow(Model):
    id = fields.CharField(max_length=21, primary_key=True)
    arn = fields.CharField(max_length=512)
    name = fields.CharField(max_length=128, db_index=True)
    policies: fields.ManyToManyRelation[PolicyRow] = fields.ManyToManyField(
        "models.PolicyRow", through="naive_attachment", related_name="groups"
    )

    class Meta:
        table = "naive_group"


class UserRow(Model):
    id = fields.CharField(max_length=21, primary_key=True)
    account: fields.ForeignKeyRelation[AccountRow] = fields.ForeignKeyField("models.AccountRow", related_name="users")
    arn = fields.CharField(max_length=512)
    name = fields.CharField(max_length=64, db_index=True)
    path = fields.CharField(max_length=512)
    created_at = fields.DatetimeField()
    groups: fields.ManyToManyRelation[GroupRow] = fields.ManyToManyField(
        "models.GroupRow", through="naive_membership", related_name="users"
    )

    class Meta:
        table = "naive_user"


def global_id(kind: str, key: str) -> strawberry.ID:
    return strawberry.ID(base64.urlsafe_b64encode(f"{kind}\n{key}".encode()).decode().rstrip("="))


@strawberry.type
class Connection(Generic[T]):
    nodes: list[T]
    has_next_page: bool


def connection(rows: list[Any], make: Any, first: int) -> Any:
    return Connection(nodes=[make(row) for row in rows[:first]], has_next_page=len(rows) > first)


@strawberry.interface
class Node:
    id: strawberry.ID


@strawberry.type
class ManagedPolicy(Node):
    arn: str
    name: str

    @classmethod
    def of(cls, row: PolicyRow) -> ManagedPolicy:
        return cls(id=global_id("ManagedPolicy", row.id), arn=row.arn, name=row.name)


@strawberry.type
class Group(Node):
    arn: str
    name: str
    key: strawberry.Private[str]

    @classmethod
    def of(cls, row: GroupRow) -> Group:
        return cls(id=global_id("Group", row.id), arn=row.arn, name=row.name, key=row.id)

    @strawberry.field
    async def attached_policies(self, info: strawberry.Info, first: int) -> Connection[ManagedPolicy]:
        return connection(await info.context["policies"].load(self.key), ManagedPolicy.of, first)


@strawberry.type
class User(Node):
    arn: str
    name: str
    path: str
    unique_id: str
    created_at: datetime

    @classmethod
    def of(cls, row: UserRow) -> User:
        return cls(
            id=global_id("User", row.id),
            arn=row.arn,
            name=row.name,
            path=row.path,
            unique_id=row.id,
            created_at=row.created_at,
        )

    @strawberry.field
    async def groups(self, info: strawberry.Info, first: int) -> Connection[Group]:
        return connection(await info.context["groups"].load(self.unique_id), Group.of, first)


@strawberry.type
class Account:
    account_id: str

    @strawberry.field
    async def users(self, first: int, after: str | None = None) -> Connection[User]:
        rows = UserRow.filter(account_id=self.account_id, name__gt=after or "")
        return connection(await rows.order_by("name").limit(first + 1), User.of, first)


@strawberry.input
class AccountBy:
    id: str


@strawberry.type
class Query:
    @strawberry.field
    async def node(self, id: strawberry.ID) -> Node | None:
        kind, _, key = base64.urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode().partition("\n")
        row = await UserRow.get_or_none(id=key) if kind == "User" else None
        return User.of(row) if row else None

    @strawberry.field
    async def account(self, by: AccountBy) -> Account | None:
        row = await AccountRow.get_or_none(id=by.id)
        return Account(account_id=row.id) if row else None


async def _groups_of(keys: list[str]) -> list[list[GroupRow]]:
    users = await UserRow.filter(id__in=keys).prefetch_related("groups")
    found = {user.id: sorted(user.groups, key=lambda group: group.name) for user in users}
    return [found.get(key, []) for key in keys]


async def _policies_of(keys: list[str]) -> list[list[PolicyRow]]:
    groups = await GroupRow.filter(id__in=keys).prefetch_related("policies")
    found = {group.id: sorted(group.policies, key=lambda policy: policy.name) for group in groups}
    return [found.get(key, []) for key in keys]


class View(GraphQLView[Any, Any]):
    async def get_context(self, request: web.Request, response: web.StreamResponse) -> Any:
        return {"groups": DataLoader(_groups_of), "policies": DataLoader(_policies_of)}


async def connect(store_url: str) -> None:
    scheme, _, rest = store_url.partition("://")
    await Tortoise.init(
        db_url=f"{'sqlite' if scheme == 'sqlite' else 'asyncpg'}://{rest}",
        modules={"models": ["bench.naive"]},
    )


async def serve(store_url: str, port: int) -> None:
    await connect(store_url)
    try:
        schema = strawberry.Schema(Query, types=[User, Group, ManagedPolicy])
        app = web.Application()
        app.router.add_post("/graphql", View(schema=schema))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()
    finally:
        await Tortoise.close_connections()


if __name__ == "__main__":
    # Models are found by the module's name, which a module that runs has lost.
    from bench import naive

    uvloop.run(naive.serve(sys.argv[1], int(sys.argv[2])))
