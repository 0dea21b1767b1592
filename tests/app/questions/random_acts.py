"""Things to do in a random account that change nothing, by somebody with credentials of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..asking import OTHER
from .random_account import SESSION, Actor, Context, RandomAccount, here, text_of


@dataclass(kw_only=True)
class Need:
    action: str
    resource: str
    context: Context


@dataclass(kw_only=True)
class Act:
    """Something to do: all that it takes, and how to do it, which says whether it was allowed."""

    needs: list[Need]
    do: Callable[[str], Awaitable[bool]]


class RandomActs:
    """Makes them up. All names, groups and policies are such that what is allowed ends in an error that says so, reads,
    changes nothing, or begins a session that nobody uses."""

    def __init__(self, account: RandomAccount) -> None:
        self.account, self.service, self.random = account, account.service, account.random
        self.users, self.groups, self.roles = account.users, account.groups, account.roles

    def act(self, actor: Actor) -> Act:
        """Something for somebody to do."""
        kinds = [self._read, self._read, self._list, self._delete, self._create, self._attach, self._put, self._tag]
        return self.random.choice([*kinds, self._join, self._assume, self._assume, self._assume])(actor)

    async def _reads(self, token: str, field: str) -> bool:
        reply = await self.service.ask(f'{{ account(by: {{ id: "{OTHER}" }}) {{ found: {field} }} }}', token)
        refused = "ACCESS_DENIED" in reply.codes
        assert refused or reply.codes == [], reply.text
        # What the caller may not know of is not there.
        return not refused and (reply.only()["found"] is not None or not field.startswith(("user(", "role(", "group(")))

    async def _ends(self, token: str, mutation: str, input: Mapping[str, Any], *endings: str) -> bool:
        """Whether doing it ends in one of these ways, which is how it ends for whoever may."""
        done = await self.service.do(mutation, input, token=token)
        ended = done["__typename"]
        allowed = ended in endings
        assert allowed or ended in ("AccessDeniedError", "NoSuchEntityError"), done
        return allowed

    def _read(self, actor: Actor) -> Act:
        one = self.random.choice([*self.users, *self.roles, *self.groups])
        bounds = one.bounds if one.kind == "role" else {}
        return Act(
            needs=[Need(action=f"iam:Get{one.kind.capitalize()}", resource=one.arn, context={**one.tags, **bounds})],
            do=lambda token: self._reads(token, f'{one.kind}(name: "{one.name}") {{ path }}'),
        )

    def _list(self, actor: Actor) -> Act:
        kind, field = self.random.choice([("user", "users"), ("role", "roles"), ("group", "groups")])
        prefix = self.random.choice(["/", "/eng/", "/r"])
        reads = [
            (
                f"iam:List{field.capitalize()}",
                here(f"{kind}{prefix}"),
                f'{field}(first: 1, pathPrefix: "{prefix}") {{ __typename }}',
            ),
            ("iam:GetAccountPasswordPolicy", "*", "passwordPolicy { minimumLength }"),
            ("iam:ListAccountAliases", "*", "alias"),
        ]
        action, resource, asked = self.random.choice([reads[0], *reads])
        return Act(
            needs=[Need(action=action, resource=resource, context={})], do=lambda token: self._reads(token, asked)
        )

    def _delete(self, actor: Actor) -> Act:
        """Everything has an inline policy."""
        one = self.random.choice([*self.users, *self.roles, *self.groups])
        kind = one.kind.capitalize()
        bounds = one.bounds if one.kind == "role" else {}
        return Act(
            needs=[Need(action=f"iam:Delete{kind}", resource=one.arn, context={**one.tags, **bounds})],
            do=lambda token: self._ends(token, f"delete{kind}", {f"{one.kind}Name": one.name}, "DeleteConflictError"),
        )

    def _create(self, actor: Actor) -> Act:
        """All names are taken."""
        one = self.random.choice([*self.users, *self.roles, *self.groups])
        kind, path = one.kind.capitalize(), self.random.choice(["/", "/eng/"])
        resource = here(f"{one.kind}{path}{one.name}")
        input: dict[str, Any] = {f"{one.kind}Name": one.name, "path": path}
        context: dict[str, str | Sequence[str]] = {}
        needs = [Need(action=f"iam:Create{kind}", resource=resource, context=context)]
        if kind == "Role":
            input["assumeRolePolicyDocument"] = text_of(
                [{**self.account.open_trust(), "Principal": {"AWS": here("root")}}]
            )
        if kind != "Group" and self.random.random() < 0.5:
            input["tags"] = [{"key": "team", "value": "RED"}]
            context |= {"aws:RequestTag/team": "RED", "aws:TagKeys": ["team"]}
            needs.append(Need(action=f"iam:Tag{kind}", resource=resource, context=context))
        if kind != "Group" and self.random.random() < 0.5:
            input["permissionsBoundary"] = here("policy/m0")
            context["iam:PermissionsBoundary"] = here("policy/m0")
        return Act(needs=needs, do=lambda token: self._ends(token, f"create{kind}", input, "EntityAlreadyExistsError"))

    def _attach(self, actor: Actor) -> Act:
        """A policy that does not exist."""
        one = self.random.choice([*self.users, *self.roles])
        kind, policy = one.kind.capitalize(), here("policy/none")
        input = {f"{one.kind}Name": one.name, "policyArn": policy}

        async def do(token: str) -> bool:
            done = await self.service.do(f"attach{kind}Policy", input, token=token)
            assert done["__typename"] in ("NoSuchEntityError", "AccessDeniedError"), done
            # It is the policy that does not exist for whoever may; the user or role for whoever may not know.
            ended, message = done["__typename"], str(done["message"])
            return bool(ended == "NoSuchEntityError") and message.startswith("Policy ")

        context = {**one.tags, **one.bounds, "iam:PolicyARN": policy}
        return Act(needs=[Need(action=f"iam:Attach{kind}Policy", resource=one.arn, context=context)], do=do)

    def _put(self, actor: Actor) -> Act:
        """A policy that is too long."""
        one = self.random.choice([*self.users, *self.roles])
        kind = one.kind.capitalize()
        long = text_of([{"Effect": "Allow", "Action": [f"noop:N{i:040}" for i in range(300)], "Resource": "*"}])
        input = {f"{one.kind}Name": one.name, "policyName": "long", "policyDocument": long}
        return Act(
            needs=[Need(action=f"iam:Put{kind}Policy", resource=one.arn, context={**one.tags, **one.bounds})],
            do=lambda token: self._ends(token, f"put{kind}Policy", input, "LimitExceededError"),
        )

    def _tag(self, actor: Actor) -> Act:
        """More tags than a user may have, beside its own."""
        one = self.random.choice([user for user in self.users if user.team])
        tags = {f"t{i}": "x" for i in range(49)} | {self.random.choice(["job", "other"]): "x"}
        context = {**one.tags, **{f"aws:RequestTag/{key}": "x" for key in tags}, "aws:TagKeys": list(tags)}
        input = {"userName": one.name, "tags": [{"key": key, "value": "x"} for key in tags]}
        return Act(
            needs=[Need(action="iam:TagUser", resource=one.arn, context=context)],
            do=lambda token: self._ends(token, "tagUser", input, "LimitExceededError"),
        )

    def _join(self, actor: Actor) -> Act:
        """A group that the user is in."""
        user = self.random.choice([user for user in self.users if user.groups])
        group = self.random.choice(user.groups)
        input = {"userName": user.name, "groupName": group}
        return Act(
            needs=[Need(action="iam:AddUserToGroup", resource=here(f"group/{group}"), context={})],
            do=lambda token: self._ends(token, "addUserToGroup", input, "AddUserToGroupSuccess"),
        )

    def _assume(self, actor: Actor) -> Act:
        """The role's tags are known to who decides about its trust."""
        role = self.random.choice(self.roles)
        input: dict[str, Any] = {"roleArn": role.arn, "roleSessionName": SESSION}
        context: dict[str, str | Sequence[str]] = {"sts:RoleSessionName": SESSION}
        actions = ["sts:AssumeRole"]
        if self.random.random() < 0.3:
            input["tags"] = [{"key": "team", "value": "RED"}]
            context |= {"aws:RequestTag/team": "RED", "aws:TagKeys": ["team"]}
            actions.append("sts:TagSession")
        if self.random.random() < 0.4:
            input["externalId"] = context["sts:ExternalId"] = "e1"
        if actor.source_identity:
            context["sts:SourceIdentity"] = actor.source_identity
            actions.append("sts:SetSourceIdentity")
        return Act(
            needs=[Need(action=action, resource=role.arn, context=context) for action in actions],
            do=lambda token: self._ends(token, "assumeRole", input, "AssumeRoleSuccess"),
        )
