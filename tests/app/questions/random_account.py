"""A random account on a running service: users, groups, roles and sessions under random policies of every kind."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ...service import Service
from ..asking import OTHER, arn, other_root

Context = Mapping[str, str | Sequence[str]]
Save = Callable[[str], Awaitable[None]]
REQUEST: Context = {
    "aws:SecureTransport": "false",
    "aws:RequestedRegion": "us-east-1",
    "aws:ViaAWSService": "false",
    "aws:SourceIp": "127.0.0.1",
}
"""What a request of the tests brings, besides what its credentials do."""
ACTIONS = (
    "*", "iam:*", "iam:*", "iam:Get*", "iam:List*", "iam:*User", "iam:*Role", "iam:delete*", "iam:Create*", "iam:Tag*",
    "sts:*", "sts:AssumeRole", "sts:TagSession", "iam:GetUser", "iam:GetRole", "iam:AttachUserPolicy",
)  # fmt: skip
RESOURCES = (
    "user/*", "user/eng/*", "role/*", "role/a*", "user/eng/${aws:username}", "user/${aws:PrincipalTag/team, 'eng'}/*",
    "role/${aws:PrincipalTag/job}*", "user/??", "policy/*",
)  # fmt: skip
NOTHING = {"Effect": "Deny", "Action": "noop:Nothing", "Resource": "*"}
SESSION = "simulation"
"""A role's sessions are named as the one is that a simulation supposes."""
NOT_ROOT = {"StringNotEquals": {"aws:PrincipalType": "Account"}}


def here(rest: str) -> str:
    return arn(rest, OTHER)


@dataclass(kw_only=True)
class Document:
    """A policy in force, one statement a line from the second on."""

    statements: list[dict[str, Any]]
    save: Save
    nothing: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    """A statement about nothing, for when there is no other."""

    @property
    def text(self) -> str:
        return text_of(self.statements or [dict(self.nothing)])

    async def put(self, statements: list[dict[str, Any]]) -> None:
        self.statements = statements
        await self.save(self.text)


def text_of(statements: Sequence[Mapping[str, Any]]) -> str:
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in statements)
    return f'{{"Version":"2012-10-17","Statement":[\n{lines}\n]}}'


@dataclass(kw_only=True)
class Entity:
    kind: str
    name: str
    path: str = "/"
    team: str | None = None
    boundary: str | None = None
    groups: list[str] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return here("root" if self.kind == "root" else f"{self.kind}{self.path}{self.name}")

    @property
    def tags(self) -> Context:
        return {f"{key}/team": self.team for key in ("aws:ResourceTag", "iam:ResourceTag")} if self.team else {}

    @property
    def bounds(self) -> Context:
        return {"iam:PermissionsBoundary": here(f"policy/{self.boundary}")} if self.boundary else {}


@dataclass(kw_only=True)
class Actor:
    """Somebody with credentials. `context` are the keys that those bring, beside what is the principal's own. A session that
    is narrowed has a session policy, of which nobody knows who asks about its role."""

    principal: Entity
    token: str
    context: Context
    source_identity: str | None = None
    is_narrowed: bool = False


class RandomAccount:
    """The account, and everything that is in it."""

    def __init__(self, service: Service, seed: int) -> None:
        self.service, self.random, self.root = service, Random(seed), ""
        self.users: list[Entity] = []
        self.groups: list[Entity] = []
        self.roles: list[Entity] = []
        self.managed: dict[str, Document] = {}
        self.inline: dict[str, Document] = {}
        self.trusts: dict[str, Document] = {}
        self.guardrails: dict[str, Document] = {}
        self.actors: list[Actor] = []

    # ------------------------------------------------------------ policies

    def action(self) -> str:
        return self.random.choice(ACTIONS)

    def resource(self) -> str:
        some = self.random.choice([*self.users, *self.roles, *self.groups]).arn
        return self.random.choice(["*", "*", "*", some, some, *(here(one) for one in RESOURCES)])

    def condition(self) -> dict[str, Any]:
        team = self.random.choice(["red", "blue"])
        return self.random.choice(
            [
                {"StringEquals": {"aws:PrincipalTag/team": team}},
                {"StringEquals": {"iam:ResourceTag/team": "${aws:PrincipalTag/team}"}},
                {"StringNotEquals": {"aws:ResourceTag/team": [team, "${aws:PrincipalTag/job}"]}},
                {"StringEqualsIfExists": {"aws:RequestTag/team": team.upper()}},
                {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
                {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
                {"IpAddress": {"aws:SourceIp": self.random.choice(["127.0.0.0/8", "10.0.0.0/8"])}},
                {"StringLike": {"aws:userid": "*:sim*"}},
                {"StringLike": {"aws:username": "u[0-9]"}},
                {"StringNotLike": {"aws:username": ["u1*", "u?"]}},
                {"ArnLike": {"aws:PrincipalArn": here(self.random.choice(["role/*", "user/eng/*"]))}},
                {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
                {"ForAnyValue:StringLike": {"aws:TagKeys": ["te*", "job"]}},
                {"Null": {"iam:PermissionsBoundary": "true"}},
                {"ArnEquals": {"iam:PermissionsBoundary": here("policy/m0")}},
                {"ArnLike": {"iam:PolicyARN": here("policy/none*")}},
                {"StringEquals": {"sts:ExternalId": "e1"}},
                {"StringEquals": {"sts:RoleSessionName": SESSION}, "Bool": {"aws:SecureTransport": "false"}},
                {"StringEquals": {"aws:SourceIdentity": "someone"}},
                {"StringNotEquals": {"sts:SourceIdentity": "someone"}},
                {
                    "DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"},
                    "Null": {"aws:TokenIssueTime": "false"},
                },
                {"NumericLessThan": {"aws:EpochTime": "99999999999"}, "StringEquals": {"aws:ResourceAccount": OTHER}},
                {"StringEquals": {"aws:PrincipalType": self.random.choice(["User", "AssumedRole"])}},
                {"ArnNotEquals": {"aws:PrincipalArn": self.random.choice(self.users).arn}},
            ]
        )

    def statement(self, *, denies: float = 0.25) -> dict[str, Any]:
        made: dict[str, Any] = {"Effect": "Deny" if self.random.random() < denies else "Allow"}
        actions = [self.action() for _ in range(self.random.choice([1, 1, 2, 3]))]
        is_negated = self.random.random() < 0.12
        made["NotAction" if is_negated else "Action"] = actions[0] if len(actions) == 1 else actions
        resources = [self.resource() for _ in range(self.random.choice([1, 1, 2]))]
        made["NotResource" if self.random.random() < 0.1 and "*" not in resources else "Resource"] = resources
        if self.random.random() < (0.7 if made["Effect"] == "Deny" else 0.4):
            made["Condition"] = self.condition()
        return made

    def statements(self, most: int, **more: Any) -> list[dict[str, Any]]:
        return [self.statement(**more) for _ in range(self.random.randint(1, most))]

    def trusted(self) -> list[dict[str, Any]]:
        """A trust policy that names accounts, users, roles, sessions or everybody."""
        made = []
        for _ in range(self.random.randint(1, 3)):
            some = [here("root"), self.random.choice(self.users).arn, self.random.choice(self.roles).arn]
            some += [f"arn:aws:sts::{OTHER}:assumed-role/{self.random.choice(self.roles).name}/{SESSION}", "*"]
            one: dict[str, Any] = {
                "Effect": "Deny" if self.random.random() < 0.2 else "Allow",
                "Principal": {"AWS": self.random.sample(some, self.random.choice([1, 1, 2]))},
                "Action": self.random.choice(["sts:AssumeRole", ["sts:AssumeRole", "sts:TagSession"], "sts:*"]),
            }
            if self.random.random() < 0.5:
                team = {"iam:ResourceTag/team": ["red", "${aws:PrincipalTag/team}"]}
                one["Condition"] = self.random.choice([{"StringEquals": team}, self.condition()])
            made.append(one)
        return made

    # ------------------------------------------------------------ building it

    async def good(self, mutation: str, input: Mapping[str, Any], fields: str = "__typename") -> Any:
        return await self.service.good(mutation, input, fields, self.root)

    async def build(self) -> None:
        self.root = await other_root(self.service)
        await self.good("createUser", {"userName": "maker"})
        some = self.random
        for i in range(8):
            team = some.choice(["red", "blue", None])
            self.users.append(Entity(kind="user", name=f"u{i}", path=some.choice(["/", "/eng/", "/red/"]), team=team))
        for i in range(6):
            team = some.choice(["red", "blue", None])
            self.roles.append(
                Entity(kind="role", name=f"{some.choice('ab')}{i}", path=some.choice(["/", "/eng/"]), team=team)
            )
        self.groups = [Entity(kind="group", name=f"g{i}") for i in range(3)]
        for i in range(6):
            await self._managed(
                f"m{i}", [{"Effect": "Allow", "Action": ["iam:*", "sts:*"], "Resource": "*"}] * (i == 0)
            )
        for entity in (*self.groups, *self.users, *self.roles):
            await self._entity(entity)
        await self._actors()
        await self._guardrails()
        for role in self.roles:
            await self.trusts[role.arn].put(self.trusted())

    async def _managed(self, name: str, more: list[dict[str, Any]]) -> None:
        policy, version = here(f"policy/{name}"), "v1"

        async def save(text: str) -> None:
            nonlocal version
            input = {"policyArn": policy, "policyDocument": text, "setAsDefault": True}
            made = await self.good("createPolicyVersion", input, "policyVersion { versionId }")
            await self.good("deletePolicyVersion", {"policyArn": policy, "versionId": version})
            version = made["policyVersion"]["versionId"]

        self.managed[name] = Document(statements=[*self.statements(3), *more], save=save)
        await self.good("createPolicy", {"policyName": name, "policyDocument": self.managed[name].text})

    async def _entity(self, entity: Entity) -> None:
        some, kind, key = self.random, entity.kind.capitalize(), f"{entity.kind}Name"
        input: dict[str, Any] = {key: entity.name, "path": entity.path}
        if entity.team:
            input["tags"] = [{"key": "team", "value": entity.team}]
        if kind == "Role":
            input["assumeRolePolicyDocument"] = text_of([self.open_trust()])
        await self.good(f"create{kind}", input)
        for name in some.sample(sorted(self.managed), some.choice([0, 1, 1, 2])):
            await self.good(f"attach{kind}Policy", {key: entity.name, "policyArn": here(f"policy/{name}")})
        await self.put_inline(entity, f"own-{entity.name}", self.statements(2))
        if kind != "Group" and some.random() < 0.4:
            entity.boundary = some.choice(["m0", "m0", "m1"])
            boundary = {key: entity.name, "permissionsBoundary": here(f"policy/{entity.boundary}")}
            await self.good(f"put{kind}PermissionsBoundary", boundary)
        if kind == "User":
            entity.groups = some.sample([group.name for group in self.groups], some.choice([0, 1, 1, 2]))
            for group in entity.groups:
                await self.good("addUserToGroup", {"userName": entity.name, "groupName": group})
        if kind == "Role":

            async def save(text: str) -> None:
                await self.good("updateAssumeRolePolicy", {"roleName": entity.name, "policyDocument": text})

            nothing = {"Effect": "Deny", "Principal": {"AWS": here("root")}, "Action": "sts:Nothing"}
            self.trusts[entity.arn] = Document(statements=[], save=save, nothing=nothing)

    async def put_inline(self, entity: Entity, name: str, statements: list[dict[str, Any]]) -> None:
        kind, key = entity.kind.capitalize(), f"{entity.kind}Name"

        async def save(text: str) -> None:
            await self.good(f"put{kind}Policy", {key: entity.name, "policyName": name, "policyDocument": text})

        self.inline[name] = Document(statements=[], save=save)
        await self.inline[name].put(statements)

    async def _guardrails(self) -> None:
        """They spare the root, who has to change things."""
        allowed: dict[str, Any] = {
            "Effect": "Allow",
            "NotAction": self.random.choice(["iam:ListRoles", "iam:DeleteGroup"]),
            "Resource": "*",
        }
        root = {"StringEquals": {"aws:PrincipalType": "Account"}}
        whole: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": root}
        denied: dict[str, Any] = {
            "Effect": "Deny",
            "Action": "iam:DeleteRole",
            "Resource": here("role/eng/*"),
            "Condition": NOT_ROOT,
        }
        guarded: dict[str, Any] = {
            "Effect": "Deny", "Principal": "*", "Action": ["sts:TagSession", "iam:GetGroup"],
            "Resource": [self.random.choice(self.roles).arn, self.groups[0].arn], "Condition": NOT_ROOT,
        }  # fmt: skip
        for name, kind, statements in (
            ("scp", "SERVICE_CONTROL", [allowed, whole, denied]),
            ("rcp", "RESOURCE_CONTROL", [guarded]),
        ):
            sids: list[dict[str, Any]] = [{"Sid": f"{name}{i}", **one} for i, one in enumerate(statements)]
            input = {"name": name, "kind": kind, "policyDocument": text_of(sids)}
            id = (await self.service.good("createGuardrail", input, "guardrail { id }"))["guardrail"]["id"]
            await self.service.good("attachGuardrail", {"guardrailId": id, "accountId": OTHER})

            async def save(text: str, id: str = id) -> None:
                await self.service.good("updateGuardrail", {"guardrailId": id, "policyDocument": text})

            nothing = {**NOTHING, "Principal": "*"} if name == "rcp" else NOTHING
            self.guardrails[name] = Document(statements=sids, save=save, nothing=nothing)
        await self.service.good("detachGuardrail", {"guardrailId": "p-FullAWSAccess", "accountId": OTHER})

    def open_trust(self) -> dict[str, Any]:
        actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
        return {"Effect": "Allow", "Principal": {"AWS": here("user/maker")}, "Action": actions}

    async def _actors(self) -> None:
        fresh = {"aws:MultiFactorAuthPresent": "false", "aws:TokenIssueTime": "2026-01-01T00:00:00Z"}
        root = Entity(kind="root", name="")
        self.actors.append(Actor(principal=root, token=self.root, context=fresh))
        for user in self.users:
            self.actors.append(Actor(principal=user, token=await self._signed_in(user.name), context=fresh))
        maker = await self._signed_in("maker")
        for role in self.roles:
            await self.trusts[role.arn].put([self.open_trust()])
            for _ in range(2):
                self.actors.append(await self._session(role, maker, fresh))

    async def _signed_in(self, name: str) -> str:
        password = {"userName": name, "password": f"{name}-Passw0rd!"}
        await self.good("createLoginProfile", password)
        done = await self.service.do("signIn", {"account": OTHER, **password}, "accessToken")
        token: str = done["accessToken"]
        return token

    async def _session(self, role: Entity, maker: str, fresh: Context) -> Actor:
        some = self.random
        input: dict[str, Any] = {"roleArn": role.arn, "roleSessionName": SESSION}
        context = {**fresh}
        if some.random() < 0.5:
            tags = {"job": "7", "Team": some.choice(["red", "blue"])}
            input["tags"] = [{"key": key, "value": value} for key, value in tags.items()]
            context |= {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}
        identity = some.choice([None, None, "someone"])
        if identity:
            input["sourceIdentity"] = identity
            context["aws:SourceIdentity"] = identity
        is_narrowed = some.random() < 0.3
        if is_narrowed:
            allowed = {"Effect": "Allow", "Action": some.choice(["iam:*", "iam:Get*"]), "Resource": "*"}
            input["policy"] = text_of([allowed, self.statement()])
        done = await self.service.good("assumeRole", input, "accessToken", maker)
        return Actor(
            principal=role,
            token=done["accessToken"],
            context=context,
            source_identity=identity,
            is_narrowed=is_narrowed,
        )
