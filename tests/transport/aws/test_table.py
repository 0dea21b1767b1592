"""The table of AWS's operations is true: each of them is in it once, and what it names in GraphQL is there."""

from __future__ import annotations

import re
from pathlib import Path

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    build_schema,
    get_named_type,
)

from iamgraph.transport.aws.actions import ACTIONS
from iamgraph.transport.aws.models import services
from iamgraph.transport.aws.table import table

SCHEMA = build_schema((Path(__file__).parents[3] / "schema.graphql").read_text())


def rows() -> list[tuple[bool, str, str, str]]:
    """Whether it is here, the operation, what it is in GraphQL, and its permission."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table().splitlines() if line.startswith("| ")
    ]
    return [(row[0].startswith("**"), row[0].strip("*"), row[1], row[2]) for row in cells if row[0] != "operation"]


def fields_of(kind: GraphQLNamedType | None) -> dict[str, GraphQLField]:
    """A type's fields; of a connection, those of what it lists."""
    fields = kind.fields if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) else {}
    return fields_of(get_named_type(fields["nodes"].type)) if "nodes" in fields else fields


def is_there(path: str) -> bool:
    """Whether a field is there: of the root (`viewer`), or of a type, by its name or that of the account's
    field that has it (`user.groups`, `policy.versions`)."""
    first, *rest = path.split(".")
    assert SCHEMA.query_type and SCHEMA.mutation_type
    root = {**SCHEMA.query_type.fields, **SCHEMA.mutation_type.fields}
    if not rest:
        return first in root
    account = fields_of(SCHEMA.get_type("Account"))
    kind = SCHEMA.get_type(first[0].upper() + first[1:]) or get_named_type(account[first].type)
    for name in rest:
        if name not in fields_of(kind):
            return False
        kind = get_named_type(fields_of(kind)[name].type)
    return True


def test_every_operation_of_aws_is_in_it_once() -> None:
    expected = [name for service in services().values() for name in service.actions]
    found = rows()
    assert [name for _, name, _, _ in found] == expected
    here = {name for actions in ACTIONS.values() for name in actions}
    assert {name for is_here, name, _, _ in found if is_here} == here


def test_what_it_names_in_graphql_is_there() -> None:
    for is_here, name, fields, permission in rows():
        assert is_here == bool(fields) == bool(permission), name
        for field in re.findall(r"`([\w.]+)`", fields):
            assert is_there(field), (name, field)
    assert not is_there("account.nothing") and not is_there("nothing") and not is_there("user.groups.x")
