"""The schema, put together, and printed for the record."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig

from .inputs import make_inputs
from .mutation import Mutation
from .nodes.account import Account, RootUser
from .nodes.agent import Agent
from .nodes.credentials import AccessKey, LoginProfile
from .nodes.event import AuditEvent
from .nodes.group import Group
from .nodes.instance_profile import InstanceProfile
from .nodes.mfa_device import Passkey, TotpDevice
from .nodes.oidc_provider import OidcProvider
from .nodes.policy import InlinePolicy, ManagedPolicy, PolicyVersion
from .nodes.role import Role
from .nodes.saml_provider import SamlProvider
from .nodes.service import Service
from .nodes.session import Session
from .nodes.user import User
from .query import Query
from .scalars import SCALARS
from .shortcuts import shorten
from .subscription import Subscription

_NODES: list[Any] = [
    Account,
    RootUser,
    AccessKey,
    Agent,
    LoginProfile,
    AuditEvent,
    Group,
    InlinePolicy,
    InstanceProfile,
    ManagedPolicy,
    OidcProvider,
    PolicyVersion,
    Role,
    SamlProvider,
    Service,
    Session,
    Passkey,
    TotpDevice,
    User,
]

schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=_NODES,
    config=StrawberryConfig(scalar_map=SCALARS),  # type: ignore[arg-type]
)

make_inputs(schema._schema)
shorten(schema._schema)

HEADER = '''"""
IAM as a graph. Mutations carry the names of AWS's IAM and STS actions, in camelCase.

A field that needs an action of its own is nullable: a refusal nulls that field (with an error at its path, whose
`extensions.code` is an ErrorCode), not the page.
"""
'''


def printed() -> str:
    """The schema as SDL text."""
    return HEADER + print_schema(schema) + "\n"
