"""Amazon Resource Names: taken apart and put together. IAM is global, so its ARNs have no region."""

from __future__ import annotations

import re
from dataclasses import dataclass

PARTITION = "aws"
SERVICE = "aws"
"""What stands for the account in the ARN of a managed policy that the service itself owns."""
OIDC_PROVIDER = "oidc-provider"
"""The kind of OpenID Connect providers, whose name is their URL without its scheme, slashes and all."""
SAML_PROVIDER = "saml-provider"
ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
_IAM = re.compile(r"arn:aws:(iam|sts)::(\d{12}|aws):(\S+)", re.ASCII)
_SERVICE = re.compile(r"arn:aws:iamgraph::(\d{12}):service/(\S+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arn:
    """The parts of an IAM or STS ARN: `arn:aws:iam::111122223333:role/team/dev` has the kind `role`, the path `/team/`
    and the name `dev`. An OpenID Connect provider has the path `/`, and the rest for a name. A root ARN has the kind `root`
    and an empty name. `account_id` is `SERVICE` in the ARN of a managed policy that the service owns, and in no other."""

    service: str
    account_id: str
    kind: str
    path: str
    name: str

    def __str__(self) -> str:
        if self.kind == "root":
            return root_arn(self.account_id)
        return f"arn:{PARTITION}:{self.service}::{self.account_id}:{self.kind}{self.path}{self.name}"


def parse_arn(text: str) -> Arn | None:
    """The parts of `text`, or None where it is no IAM or STS ARN."""
    found = _IAM.fullmatch(text)
    if found is None:
        return None
    service, account_id, resource = found.groups()
    if account_id == SERVICE and not (service == "iam" and resource.startswith("policy/")):
        return None
    if resource == "root":
        return Arn(service=service, account_id=account_id, kind="root", path="", name="")
    kind, slash, rest = resource.partition("/")
    if not slash:
        return None
    if kind == OIDC_PROVIDER:
        return Arn(service=service, account_id=account_id, kind=kind, path="/", name=rest) if rest else None
    path, _, name = rest.rpartition("/")
    if not name:
        return None
    return Arn(service=service, account_id=account_id, kind=kind, path=f"/{path}/" if path else "/", name=name)


def iam_arn(account_id: str, kind: str, path: str, name: str) -> str:
    """`iam_arn("111122223333", "user", "/eng/", "alice")` is `arn:aws:iam::111122223333:user/eng/alice`."""
    return f"arn:{PARTITION}:iam::{account_id}:{kind}{path}{name}"


def organizations_arn(account_id: str, rest: str) -> str:
    """`organizations_arn("111122223333", "account/444455556666")` names an account as its operator does. There is one
    organization, so that its ARNs have no id of it."""
    return f"arn:{PARTITION}:organizations::{account_id}:{rest}"


def service_arn(account_id: str, prefix: str) -> str:
    """`service_arn("111122223333", "orders")` names a service of the account's own."""
    return f"arn:{PARTITION}:iamgraph::{account_id}:service/{prefix}"


def parse_service_arn(text: str) -> tuple[str, str] | None:
    """The account and the prefix in the ARN of an account's own service, or None where `text` is none."""
    found = _SERVICE.fullmatch(text)
    return (found[1], found[2]) if found else None


def agent_arn(account_id: str, agent_id: str) -> str:
    """`agent_arn("111122223333", "ag-0123456789abcdef0")` names an agent of an instance profile."""
    return f"arn:{PARTITION}:iamgraph::{account_id}:agent/{agent_id}"


def root_arn(account_id: str) -> str:
    """The ARN of an account's root: also how policies name the account itself."""
    return f"arn:{PARTITION}:iam::{account_id}:root"


def assumed_role_arn(account_id: str, role_name: str, session_name: str) -> str:
    """The ARN of a role session. It drops the role's path."""
    return f"arn:{PARTITION}:sts::{account_id}:assumed-role/{role_name}/{session_name}"


def federated_user_arn(account_id: str, name: str) -> str:
    """The ARN of a federated user, whoever made it. Several sessions may have the same."""
    return f"arn:{PARTITION}:sts::{account_id}:federated-user/{name}"
