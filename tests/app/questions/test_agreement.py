"""What is enforced, `can`, `simulate` and `authorize` agree about a random account, and the reasons that are given are the
reasons: without what is named the decision is another one. `AGREEMENT_QUESTIONS` says how many questions are asked,
`AGREEMENT_SEED` about which account."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from ...service import Service
from ..asking import OTHER
from .random_account import REQUEST, Actor, Context, Document, RandomAccount
from .random_acts import Act, Need, RandomActs

QUESTIONS = {"sqlite": 1000, "postgres": 300}
"""PostgreSQL decides nothing itself, and takes longer."""
SEED = int(os.environ.get("AGREEMENT_SEED", "7"))
EXPLAINED = 20
"""Of how many decisions of each kind the reasons are put to the test."""
AT_ONCE = 15
DECISION = "outcome lacking because { kind policyName sid startLine } missingContext"


@dataclass(kw_only=True)
class Asked:
    """A question: who does what; and, for each thing that this takes, the answers of everybody who was asked."""

    actor: Actor
    act: Act
    answers: list[dict[str, Any]]
    enforced: bool = False


def entries(context: Context) -> list[dict[str, Any]]:
    return [
        {"key": key, "values": [value] if isinstance(value, str) else list(value)} for key, value in context.items()
    ]


def supposed(actor: Actor, need: Need) -> list[dict[str, Any]]:
    """Everything that a request would bring, but for what is the principal's."""
    return entries({**REQUEST, **actor.context, **need.context})


# ------------------------------------------------------------ who is asked


async def told(service: Service, query: str, token: str, **variables: Any) -> Any:
    reply = await service.ask(query, token, **variables)
    assert reply.codes == [], reply.text[:2000]
    return reply.data


async def by_can(account: RandomAccount, actor: Actor, needs: Sequence[Need]) -> list[Any]:
    who = actor.principal
    node = "root" if who.kind == "root" else f'{who.kind}(name: "{who.name}")'
    heads, fields = [], []
    variables: dict[str, Any] = {}
    for i, need in enumerate(needs):
        heads.append(f"$a{i}: Action!, $r{i}: ARN!, $c{i}: [ContextEntry!]!")
        fields.append(f"q{i}: can(action: $a{i}, resource: $r{i}, context: $c{i}) {{ {DECISION} }}")
        variables |= {f"a{i}": need.action, f"r{i}": need.resource, f"c{i}": supposed(actor, need)}
    query = (
        f'query({", ".join(heads)}) {{ account(by: {{ id: "{OTHER}" }}) {{ who: {node} {{ {" ".join(fields)} }} }} }}'
    )
    found = (await told(account.service, query, account.root, **variables))["account"]["who"]
    return [found[f"q{i}"] for i in range(len(needs))]


async def by_simulate(account: RandomAccount, actor: Actor, needs: Sequence[Need]) -> list[Any]:
    heads = ", ".join(f"$i{i}: SimulateInput!" for i in range(len(needs)))
    fields = " ".join(
        f"q{i}: simulate(input: $i{i}) {{ results {{ decision {{ {DECISION} }} }} }}" for i in range(len(needs))
    )
    variables = {
        f"i{i}": {
            "principal": actor.principal.arn,
            "actions": [need.action],
            "resources": [need.resource],
            "context": supposed(actor, need),
        }
        for i, need in enumerate(needs)
    }
    found = await told(account.service, f"query({heads}) {{ {fields} }}", account.root, **variables)
    return [found[f"q{i}"]["results"][0]["decision"] for i in range(len(needs))]


async def by_authorize(
    service: Service, token: str, needs: Sequence[Need], more: Context | None = None, **about: Any
) -> list[Any]:
    requests = [
        {"action": need.action, "resource": need.resource, "context": entries({**(more or {}), **need.context})}
        for need in needs
    ]
    query = f"query($i: AuthorizeManyInput!) {{ authorizeMany(input: $i) {{ {DECISION} }} }}"
    found: list[Any] = (await told(service, query, token, i={"requests": requests, **about}))["authorizeMany"]
    return found


async def answered(account: RandomAccount, actor: Actor, needs: Sequence[Need]) -> list[dict[str, Any]]:
    """What each says of each need."""
    service = account.service
    legs = {
        "itself": await by_authorize(service, actor.token, needs),
        "by its credentials": await by_authorize(
            service, account.root, needs, REQUEST, credentials={"accessToken": actor.token}
        ),
        "can": await by_can(account, actor, needs),
        "simulate": await by_simulate(account, actor, needs),
    }
    return [{name: said[i] for name, said in legs.items()} for i in range(len(needs))]


async def asked(account: RandomAccount, number: int) -> list[Asked]:
    """Random questions, answered by everybody, and enforced."""
    acts, random = [], RandomActs(account)
    for i in range(number):
        actor = account.actors[i % len(account.actors)]
        acts.append(Asked(actor=actor, act=random.act(actor), answers=[]))
    for actor in account.actors:
        needs = [(one, need) for one in acts if one.actor is actor for need in one.act.needs]
        for start in range(0, len(needs), AT_ONCE):
            part = needs[start : start + AT_ONCE]
            found = await answered(account, actor, [need for _, need in part])
            for (one, _), answers in zip(part, found, strict=True):
                one.answers.append(answers)
    for one in acts:
        one.enforced = await one.act.do(one.actor.token)
    return acts


# ------------------------------------------------------------ what must hold


def agree(one: Asked) -> None:
    what = [(need.action, need.resource) for need in one.act.needs]
    for need, said in zip(one.act.needs, one.answers, strict=True):
        about = (one.actor.principal.arn, need, said)
        assert said["itself"] == said["by its credentials"], about
        assert said["can"] == said["simulate"], about
        if not one.actor.is_narrowed:
            assert said["itself"] == said["can"], about
        elif said["itself"]["outcome"] == "ALLOWED":
            # A session policy only narrows.
            assert said["can"]["outcome"] == "ALLOWED", about
    allowed = all(said["itself"]["outcome"] == "ALLOWED" for said in one.answers)
    assert one.enforced == allowed, (one.actor.principal.arn, what, one.answers)


def named(
    account: RandomAccount, need: Need, because: Sequence[Mapping[str, Any]]
) -> list[tuple[Document, int]] | None:
    """Where the statements are that a decision names; None where one is of a session's policy, which can't be changed."""
    found = []
    for one in because:
        if one["kind"] == "SESSION":
            return None
        if one["startLine"] is None:
            document = account.guardrails[one["policyName"]]
            found.append((document, [statement["Sid"] for statement in document.statements].index(one["sid"])))
            continue
        if one["kind"] == "TRUST":
            document = account.trusts[need.resource]
        else:
            document = (account.inline if one["kind"] == "INLINE" else account.managed)[one["policyName"]]
        found.append((document, one["startLine"] - 2))
    return found


class Changed:
    """Policies changed for a while."""

    def __init__(self, changes: Mapping[int, tuple[Document, list[dict[str, Any]]]]) -> None:
        self._changes = changes
        self._before: list[tuple[Document, list[dict[str, Any]]]] = []

    async def __aenter__(self) -> None:
        for document, statements in self._changes.values():
            self._before.append((document, document.statements))
            await document.put(statements)

    async def __aexit__(self, *error: object) -> None:
        for document, statements in self._before:
            await document.put(statements)


def without(places: Sequence[tuple[Document, int]]) -> Changed:
    """Policies without statements of theirs."""
    changes = {}
    for document, _ in places:
        gone = {index for other, index in places if other is document}
        left = [one for index, one in enumerate(document.statements) if index not in gone]
        changes[id(document)] = (document, left)
    return Changed(changes)


def granting(account: RandomAccount, actor: Actor, need: Need, lacking: str) -> Changed | None:
    """The layer that lacked an allow, with one; None for a session's policy, which can't be changed."""
    who = actor.principal
    allow = {"Effect": "Allow", "Action": need.action, "Resource": "*"}
    if lacking == "IDENTITY":
        document = account.inline[f"own-{who.name}"]
    elif lacking == "BOUNDARY":
        assert who.boundary is not None
        document = account.managed[who.boundary]
    elif lacking == "TRUST":
        document = account.trusts[need.resource]
        allow = {"Effect": "Allow", "Action": need.action, "Principal": {"AWS": who.arn}}  # type: ignore[dict-item]
    elif lacking == "SERVICE_CONTROL":
        document = account.guardrails["scp"]
        allow = {"Sid": "More", **allow}
    else:
        assert lacking == "SESSION"
        return None
    return Changed({0: (document, [*document.statements, allow])})


async def is_its_reason(account: RandomAccount, one: Asked, number: int) -> str | None:
    """Change what a decision says that it hangs on: it is another one then, and it is enforced. Gives the outcome that was
    to be explained, or None where it can't be changed."""
    actor, need = one.actor, one.act.needs[number]
    said = one.answers[number]["itself"]
    outcome: str = said["outcome"]
    if outcome == "IMPLICITLY_DENIED":
        change = granting(account, actor, need, said["lacking"]) if said["lacking"] else None
    else:
        places = named(account, need, said["because"])
        change = without(places) if places else None
    if change is None:
        return None
    async with change:
        answers = await answered(account, actor, one.act.needs)
        after = answers[number]["itself"]
        again = Asked(actor=actor, act=one.act, answers=answers, enforced=await one.act.do(actor.token))
    about = (actor.principal.arn, need, said, after)
    if outcome == "IMPLICITLY_DENIED":
        assert after["outcome"] != "IMPLICITLY_DENIED" or after["lacking"] != said["lacking"], about
    elif outcome == "ALLOWED":
        assert (after["outcome"], after["because"]) == ("IMPLICITLY_DENIED", []), about
    else:
        assert after["outcome"] != outcome, about
    agree(again)
    return outcome


async def test_everybody_says_what_is_enforced_and_why(service: Service, request: pytest.FixtureRequest) -> None:
    number = int(os.environ.get("AGREEMENT_QUESTIONS") or QUESTIONS[request.node.callspec.params["service"]])
    account = RandomAccount(service, SEED)
    await account.build()
    found = await asked(account, number)
    for one in found:
        agree(one)
    outcomes = [said["itself"]["outcome"] for one in found for said in one.answers]
    lacking = {said["itself"]["lacking"] for one in found for said in one.answers}
    explained: Counter[str] = Counter()
    for one in found:
        for i, said in enumerate(one.answers):
            if explained[said["itself"]["outcome"]] < EXPLAINED and (outcome := await is_its_reason(account, one, i)):
                explained[outcome] += 1
    # It was no easy account: of each kind there is plenty.
    if number >= 1000:
        for outcome in ("ALLOWED", "EXPLICITLY_DENIED", "IMPLICITLY_DENIED"):
            assert outcomes.count(outcome) >= number // 20, (outcome, outcomes.count(outcome))
            assert explained[outcome] == EXPLAINED, outcome
        assert lacking >= {"IDENTITY", "BOUNDARY", "SESSION", "TRUST", "SERVICE_CONTROL"}, lacking
