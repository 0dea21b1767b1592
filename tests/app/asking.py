"""What the tests of the operations ask for again and again."""

from __future__ import annotations

import json
from typing import Any

from iamgraph.app.caller import Caller, Origin

from ..service import ACCOUNT, Client, Service

OTHER = "444455556666"
OTHER_EMAIL, OTHER_PASSWORD = "other@example.com", "an-0ther-Passw0rd!"
WHO = "{ viewer { arn } }"


def arn(rest: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{rest}"


def statement(effect: str, action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trusting(*principals: str, action: Any = "sts:AssumeRole", **more: Any) -> str:
    """A trust policy that lets these in."""
    trusted = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": action, **more}
    return document(trusted)


async def other_root(service: Service) -> str:
    """The token of the root of a second account, which is made now."""
    made = {"email": OTHER_EMAIL, "rootPassword": OTHER_PASSWORD, "accountId": OTHER}
    await service.good("createAccount", made)
    done = await service.do("signInAsRoot", {"email": OTHER_EMAIL, "password": OTHER_PASSWORD}, "accessToken")
    token: str = done["accessToken"]
    return token


async def refused(
    service: Service, mutation: str, input: dict[str, Any], kind: str, fields: str = "", token: str | None = None
) -> Any:
    """Run a mutation, as the root if nobody else is named, that must be refused as `kind` and change nothing. Gives the
    error, with `fields` of its own."""
    token = token or await service.root()
    before = await service.snapshot()
    name = mutation[0].upper() + mutation[1:]
    own = f"... on {kind} {{ {fields} }}" if fields else ""
    reply = await service.ask(
        f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) "
        f"{{ __typename ... on Error {{ code message }} {own} }} }}",
        token,
        input=input,
    )
    error = reply.only()
    assert error["__typename"] == kind, reply.text
    assert await service.snapshot() == before
    return error


async def account(service: Client, inner: str, token: str | None = None, **variables: Any) -> Any:
    """A read below the caller's account, as the root if nobody else is named, that must bring no errors."""
    head = "".join(f"${name}: {_type(value)} " for name, value in variables.items())
    query = f'query {f"({head})" if head else ""} {{ account(by: {{ id: "{ACCOUNT}" }}) {{ {inner} }} }}'
    reply = await service.ask(query, token or await service.root(), **variables)
    assert reply.codes == [], reply.text
    return reply.only()


def _type(value: Any) -> str:
    return "Int!" if isinstance(value, int) else "String"


async def role(service: Service, name: str, trust: str, policy: str | None = None, **more: Any) -> str:
    """A new role, with an inline policy if one is given. Gives its ARN. Its trust policy may name the role itself."""
    input = {"roleName": name, "assumeRolePolicyDocument": trusting("*"), **more}
    made = await service.good("createRole", input, "role { arn }")
    await service.good("updateAssumeRolePolicy", {"roleName": name, "policyDocument": trust})
    if policy is not None:
        await service.good("putRolePolicy", {"roleName": name, "policyName": "own", "policyDocument": policy})
    found: str = made["role"]["arn"]
    return found


async def assumed(service: Service, role_arn: str, token: str, **more: Any) -> Any:
    """A role's session, which must be given."""
    input = {"roleArn": role_arn, "roleSessionName": "ci", **more}
    fields = "accessToken assumedRoleArn session { id expiresAt issuedAt } packedPolicySize"
    return await service.good("assumeRole", input, fields, token)


async def assuming(service: Service, role_arn: str, token: str, **more: Any) -> str:
    """How trying to assume a role ends."""
    done = await service.do("assumeRole", {"roleArn": role_arn, "roleSessionName": "ci", **more}, token=token)
    ending: str = done["__typename"] if "__typename" in done else done["errors"][0]["extensions"]["code"]
    return ending


async def works(service: Service, token: str) -> bool:
    """Whether the token still speaks for somebody."""
    reply = await service.ask(WHO, token)
    assert reply.status in (200, 401), reply.text
    return reply.status == 200


async def caller_of(service: Service, token: str | None = None) -> Caller:
    """Who has a token, the root if none is named, as the kernel knows it."""
    origin = Origin(request_id="1", transport="TEST", ip_address="192.0.2.1", user_agent="test", is_secure=True)
    return await service.kernel.authenticate(token or await service.root(), origin)
