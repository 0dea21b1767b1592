"""What is measured, and what is promised of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .seed import ACCOUNT, GROUPS_OF_A_USER, POLICIES_OF_A_GROUP, READER, READER_PASSWORD, Seeded, sign_in_query

MOST_TAIL = 3.0
"""p99 may be at most so many times p50."""
LEAST_SIGN_INS = 35.0
"""Sign-ins a second on a core that nothing else slows down."""
QUESTIONS = 100
"""How many a batch asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A query that both answer. `floor` is the least ratio of iamgraph's throughput to that of what it is compared with."""

    name: str
    floor: float
    bodies: Sequence[Mapping[str, Any]]
    good: bytes


def reads(seeded: Seeded) -> list[Operation]:
    """The reads, from the smallest to the largest."""
    fields = "id arn name path uniqueId createdAt"
    named = "id arn name"
    node = f"query($id: ID!) {{ node(id: $id) {{ ... on User {{ {fields} }} }} }}"
    page = f'{{ account(by: {{id: "{ACCOUNT}"}}) {{ users(first: 50) {{ nodes {{ {fields} }} }} }} }}'
    nested = (
        f'{{ account(by: {{id: "{ACCOUNT}"}}) {{ users(first: 50) {{ nodes {{ {named} '
        f"groups(first: {GROUPS_OF_A_USER}) {{ nodes {{ {named} "
        f"attachedPolicies(first: {POLICIES_OF_A_GROUP}) {{ nodes {{ {named} }} }} }} }} }} }} }} }}"
    )
    good = b'"arn":"arn:aws:iam::'
    ids = seeded.user_ids
    return [
        Operation(
            name="node by id, 6 fields",
            floor=3.0,
            bodies=[{"query": node, "variables": {"id": one}} for one in ids],
            good=good,
        ),
        Operation(name="page of 50 users x 6 fields", floor=1.5, bodies=[{"query": page}], good=good),
        Operation(name="users > groups > policies, 50x3x2", floor=1.0, bodies=[{"query": nested}], good=good),
    ]


def batch() -> Operation:
    """What a platform asks to draw a page: of 100 things, whether the reader may do them. Compared with a bare HTTP
    handler."""
    actions = ("docs:Read", "docs:Write")
    requests = [
        {"action": actions[i % 2], "resource": f"arn:aws:docs::{ACCOUNT}:page/team-{i % 7}/{i}"}
        for i in range(QUESTIONS)
    ]
    query = "query($input: AuthorizeManyInput!) { authorizeMany(input: $input) { outcome reason } }"
    return Operation(
        name=f"authorizeMany of {QUESTIONS} (against bare HTTP)",
        floor=0.2,
        bodies=[{"query": query, "variables": {"input": {"requests": requests}}}],
        good=b'"reason":"Allowed by statement Pages of the inline policy docs."',
    )


def sign_in() -> Mapping[str, Any]:
    """The body of a sign-in with the right password."""
    input = {"account": ACCOUNT, "userName": READER, "password": READER_PASSWORD}
    return {"query": sign_in_query("signIn"), "variables": {"input": input}}
