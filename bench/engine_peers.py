"""The same world for cedarpy and pycasbin. Each is given what it is best at: parsed handles, action groups, compiled
patterns, and variables already replaced."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import casbin
import cedarpy
from casbin.model import Model

from .engine_world import SERVICES, USER, VERBS, Ask, Context, Rule, World

_CASBIN = """
[request_definition]
r = act, obj, ctx
[policy_definition]
p = act, obj, cond, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = regexMatch(r.act, p.act) && regexMatch(r.obj, p.obj) && holds(r.ctx, p.cond)
"""


def _concrete(text: str) -> str:
    return text.replace("${aws:username}", USER)


def numbered(world: World) -> Iterator[tuple[str, Rule]]:
    """Each rule of the world that is no limit, by a name that is also ours: see `engine.names`."""
    for policy, rules in enumerate(world.identity):
        for index, rule in enumerate(rules):
            yield f"identity.{policy}.{index}", rule
    for layer, rules in world.denies.items():
        for index, rule in enumerate(rules):
            yield f"{layer}.{index}", rule


class Cedar:
    """cedarpy with parsed policies and entities. A limit is a forbid for whatever none of its allows is about."""

    def __init__(self, world: World) -> None:
        texts: list[str] = []
        self.names: dict[str, str] = {}
        for name, rule in numbered(world):
            self.names[f"policy{len(texts)}"] = name
            texts.append(
                f"{'forbid' if rule.deny else 'permit'}(principal, action, resource)\nwhen {{ {_when(rule)} }};"
            )
        for layer, rules in world.limits.items():
            self.names[f"policy{len(texts)}"] = f"limit.{layer}"
            allowed = " || ".join(f"({_when(rule)})" for rule in rules)
            texts.append(f"forbid(principal, action, resource)\nunless {{ {allowed} }};")
        self.policies = cedarpy.PolicySet.from_str("\n".join(texts))
        self.entities = cedarpy.Entities.from_json_str(json.dumps([*_actions(), *_resources(world)]))

    def request(self, ask: Ask) -> dict[str, Any]:
        """A request as it stands before the engine is called."""
        context: dict[str, Any] = {_attribute(key): value for key, value in ask.context.items()}
        context["SourceIp"] = {"__extn": {"fn": "ip", "arg": ask.context["aws:SourceIp"]}}
        return {
            "principal": {"type": "User", "id": USER},
            "action": {"type": "Action", "id": ask.action},
            "resource": {"type": "Thing", "id": ask.resource},
            "context": context,
        }

    def decide(self, request: dict[str, Any]) -> cedarpy.AuthzResult:
        return cedarpy.is_authorized(request, self.policies, self.entities)

    def decide_many(self, requests: list[dict[str, Any]]) -> list[cedarpy.AuthzResult]:
        return cedarpy.is_authorized_batch(requests, self.policies, self.entities)

    def answer(self, result: cedarpy.AuthzResult) -> tuple[str, frozenset[str]]:
        """The outcome in IAM's terms, and what decided: a forbid of a limit is an implicit deny and has no name."""
        if result.diagnostics.errors:
            raise RuntimeError(f"cedarpy: {result.diagnostics.errors[0]}")
        named = {self.names[reason] for reason in result.diagnostics.reasons}
        if result.allowed:
            return "allowed", frozenset(named)
        denies = frozenset(name for name in named if not name.startswith("limit."))
        return ("explicitDeny" if denies else "implicitDeny"), denies


def _when(rule: Rule) -> str:
    groups = ", ".join(f'Action::"{action}"' for action in rule.actions)
    about = "true" if rule.actions == ("*",) else f"action in [{groups}]"
    tests = [f"!({about})" if rule.not_action else about]
    if rule.resource != "*":
        tests.append(f'resource.arn like "{_concrete(rule.resource)}"')
    return " && ".join([*tests, *(_condition(*condition) for condition in rule.conditions)])


def _attribute(key: str) -> str:
    return key.partition(":")[2]


def _condition(operator: str, key: str, value: str) -> str:
    name = f"context.{_attribute(key)}"
    if operator == "IpAddress":
        return f'{name}.isInRange(ip("{value}"))'
    if operator == "Bool":
        return f'{name} == "{value}"'
    return f'!({name} like "{value}")'


def _actions() -> Iterator[dict[str, Any]]:
    """Each action, in the groups that prefixes with a star stand for."""
    for service in SERVICES:
        for verb in VERBS:
            groups = [f"{service}:*", *(f"{service}:{p}*" for p in ("Get", "List", "Put", "Tag", "Delete"))]
            parents = [g for g in groups if f"{service}:{verb}".startswith(g[:-1])]
            yield {
                "uid": {"type": "Action", "id": f"{service}:{verb}"},
                "attrs": {},
                "parents": [{"type": "Action", "id": group} for group in parents],
            }


def _resources(world: World) -> Iterator[dict[str, Any]]:
    for arn in {ask.resource for ask in (*world.asks, *world.batch)}:
        yield {"uid": {"type": "Thing", "id": arn}, "attrs": {"arn": arn}, "parents": []}


class Casbin:
    """pycasbin with a rule a statement. A limit is a deny of all actions that it does not name: here, limits are about
    actions alone."""

    def __init__(self, world: World) -> None:
        model = Model()
        model.load_model_from_text(_CASBIN)
        self.enforcer = casbin.Enforcer(model, None)
        tests: dict[str, Callable[[Context], bool]] = {}
        rules: list[list[str]] = []
        for name, rule in numbered(world):
            tests[name] = _test(rule)
            effect = "deny" if rule.deny else "allow"
            rules.append([_pattern(rule.actions, rule.not_action), _pattern((rule.resource,)), name, effect])
        tests["always"] = lambda context: True
        for limits in world.limits.values():
            (limit,) = limits
            rules.append([_pattern(limit.actions, not limit.not_action), ".*", "always", "deny"])
        self.enforcer.add_policies(rules)
        self.enforcer.add_function("holds", lambda context, name: tests[name](context))

    def decide(self, ask: Ask) -> bool:
        return bool(self.enforcer.enforce(ask.action, ask.resource, ask.context))


def _pattern(texts: Sequence[str], negated: bool = False) -> str:
    union = "|".join(re.escape(_concrete(text)).replace(r"\*", ".*") for text in texts)
    return f"^(?!(?:{union})$)" if negated else f"^(?:{union})$"


def _test(rule: Rule) -> Callable[[Context], bool]:
    tests = [_holds(*condition) for condition in rule.conditions]
    return lambda context: all(test(context) for test in tests)


def _holds(operator: str, key: str, value: str) -> Callable[[Context], bool]:
    if operator == "IpAddress":
        network = ipaddress.ip_network(value)
        return lambda context: ipaddress.ip_address(context[key]) in network
    if operator == "Bool":
        return lambda context: context[key] == value
    prefix = value.removesuffix("*")
    return lambda context: not context[key].startswith(prefix)
