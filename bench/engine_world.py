"""What the engines decide about: policies of every layer, and requests. A statement is kept in parts that each engine can
be told in its own language; policy variables are the only thing that the others are given ready."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from iamgraph.domain.policy.compile import compiled
from iamgraph.domain.policy.evaluate import Layers, Policy, PolicyKind, Principal, PrincipalKind

ACCOUNT, USER = "111122223333", "alice"
ALICE = Principal(kind=PrincipalKind.USER, arn=f"arn:aws:iam::{ACCOUNT}:user/{USER}", account=ACCOUNT)
SERVICES = tuple(f"service{i}" for i in range(50))
VERBS = (
    "GetThing", "GetThingTags", "ListThings", "ListVersions", "PutThing", "PutThingTags", "CreateThing", "DeleteThing",
    "DeleteVersion", "TagThing",
)  # fmt: skip
Context = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One statement. `actions` are names or prefixes with a star at the end; `resource` may have stars and the user's
    name as a variable; `conditions` are (operator, key, value)."""

    deny: bool = False
    actions: tuple[str, ...]
    not_action: bool = False
    resource: str = "*"
    conditions: tuple[tuple[str, str, str], ...] = ()

    def statement(self) -> dict[str, object]:
        """It, in IAM's language."""
        conditions: dict[str, dict[str, str]] = {}
        for operator, key, value in self.conditions:
            conditions.setdefault(operator, {})[key] = value
        return {
            "Effect": "Deny" if self.deny else "Allow",
            "NotAction" if self.not_action else "Action": list(self.actions),
            "Resource": self.resource,
            "Condition": conditions,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request."""

    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Policies and requests. A limit is a layer of its own, in which one of its allows must hold; its denies stand in
    `denies`, with those of the resource's side."""

    identity: Sequence[Sequence[Rule]]
    limits: Mapping[str, Sequence[Rule]]
    denies: Mapping[str, Sequence[Rule]]
    asks: Sequence[Ask]
    batch: Sequence[Ask]

    def layers(self) -> Layers:
        """The policies, compiled."""
        return Layers(
            identity=[_policy(PolicyKind.MANAGED, rules) for rules in self.identity],
            boundary=_policy(PolicyKind.PERMISSIONS_BOUNDARY, self.limits["boundary"]),
            session=[_policy(PolicyKind.SESSION, self.limits["session"])],
            service_control=[
                [_policy(PolicyKind.SERVICE_CONTROL, [_EVERYTHING])],
                [_policy(PolicyKind.SERVICE_CONTROL, [*self.limits["scp"], *self.denies["scp"]])],
            ],
            resource_control=[[_policy(PolicyKind.RESOURCE_CONTROL, self.denies["rcp"])]],
            resource=_policy(PolicyKind.RESOURCE, self.denies["resource"]),
        )


_EVERYTHING = Rule(actions=("*",))


def _policy(kind: PolicyKind, rules: Sequence[Rule]) -> Policy:
    statements = [rule.statement() for rule in rules]
    if kind in (PolicyKind.RESOURCE, PolicyKind.RESOURCE_CONTROL):
        statements = [{**statement, "Principal": "*"} for statement in statements]
    return Policy(kind=kind, policy=compiled(json.dumps({"Version": "2012-10-17", "Statement": statements})))


def _things(service: str, rest: str) -> str:
    return f"arn:aws:{service}:*:{ACCOUNT}:thing/{rest}"


def _rules(number: int) -> list[Rule]:
    """The five statements of one policy."""
    service = SERVICES[number % len(SERVICES)]
    last = Rule(actions=(f"{service}:Tag*", f"{service}:Put*"), resource=_things(service, f"team-{number}/*"))
    if number % 10 == 0:
        # One policy in ten speaks of every service.
        last = Rule(
            deny=True, actions=(f"{service}:Get*",), not_action=True, resource=_things(service, "secret/*"),
            conditions=(("Bool", "aws:ViaAWSService", "true"),),
        )  # fmt: skip
    return [
        Rule(actions=(f"{service}:Get*", f"{service}:List*"), resource=_things(service, "*")),
        Rule(actions=(f"{service}:Put*", f"{service}:CreateThing"), resource=_things(service, "${aws:username}/*")),
        Rule(
            actions=(f"{service}:Delete*",), resource=_things(service, "*"),
            conditions=(("Bool", "aws:MultiFactorAuthPresent", "true"), ("IpAddress", "aws:SourceIp", "10.0.0.0/8")),
        ),
        Rule(deny=True, actions=(f"{service}:Delete*", f"{service}:Put*"), resource=_things(service, "*/locked/*")),
        last,
    ]  # fmt: skip


def world(policies: int, seed: int = 7) -> World:
    """So many identity-based policies of five statements each, 200 different requests about the first ten's services,
    and 100 resources under one action."""
    chance = random.Random(seed)
    contexts = [
        {
            "aws:username": USER, "aws:SourceIp": address, "aws:MultiFactorAuthPresent": mfa, "aws:SecureTransport": tls,
            "aws:RequestedRegion": region, "aws:ViaAWSService": "false",
        }
        for address, mfa, tls, region in (
            ("10.1.2.3", "true", "true", "eu-west-1"), ("10.1.2.3", "false", "true", "eu-west-1"),
            ("203.0.113.9", "true", "true", "us-east-1"), ("10.9.9.9", "true", "true", "ap-south-1"),
            ("10.1.2.4", "true", "false", "eu-west-1"),
        )
    ]  # fmt: skip
    weights = (8, 4, 4, 2, 1)
    rests = ("x", f"{USER}/a", f"{USER}/locked/a", "bob/a", "team-2/b", "team-5/b", "x/versions", "secret/k")
    asks: dict[tuple[str, str, int], Ask] = {}
    while len(asks) < 200:
        service, verb = chance.choice(SERVICES[:10]), chance.choice(VERBS)
        resource = f"arn:aws:{service}:eu-west-1:{ACCOUNT}:thing/{chance.choice(rests)}"
        (which,) = chance.choices(range(len(contexts)), weights)
        action = f"{service}:{verb}"
        asks[(action, resource, which)] = Ask(action=action, resource=resource, context=contexts[which])
    service = SERVICES[1]
    return World(
        identity=[_rules(i) for i in range(policies)],
        limits={
            "boundary": [Rule(actions=tuple(f"{name}:*" for name in SERVICES[:9]))],
            "session": [Rule(actions=(f"{SERVICES[3]}:Delete*", f"{SERVICES[4]}:TagThing"), not_action=True)],
            "scp": [Rule(actions=(f"{SERVICES[7]}:List*",), not_action=True)],
        },
        denies={
            "scp": [Rule(deny=True, actions=("*",), conditions=(("StringNotLike", "aws:RequestedRegion", "eu-*"),
                                                                ("Bool", "aws:MultiFactorAuthPresent", "false")))],
            "rcp": [Rule(deny=True, actions=("*",), conditions=(("Bool", "aws:SecureTransport", "false"),))],
            "resource": [Rule(deny=True, actions=(f"{SERVICES[2]}:*",), resource=_things(SERVICES[2], "secret/*"))],
        },
        asks=list(asks.values()),
        batch=[
            Ask(action=f"{service}:PutThing", context=contexts[0],
                resource=f"arn:aws:{service}:eu-west-1:{ACCOUNT}:thing/{USER if i % 3 else 'bob'}/{i}")
            for i in range(100)
        ],
    )  # fmt: skip
