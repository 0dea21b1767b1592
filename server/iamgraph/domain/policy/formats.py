"""What IAM asks of an action, an ARN and a date when a policy is written, and the texts it answers with."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

PARTITIONS: Final = frozenset({
    "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc", "*",
})  # fmt: skip
_IAM_RESOURCES: Final = (
    "user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/",
    "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
)  # fmt: skip
# Buckets and objects have no region in their ARNs; these kinds of S3 resource do.
_REGIONAL_S3: Final = re.compile(
    r"(accesspoint|job|storage-lens|storage-lens-group|access-grants|async-request)[/:]|\*"
)
_VARIABLE: Final = re.compile(r"\$\{[^{}]*\}")
_FOLDED: Final = "\0"
"""Stands for the colon of a variable: no document can have it."""
_NOT_IN_VENDOR: Final = re.compile(r"[^a-zA-Z0-9\-.]")
_LATEST_EPOCH: Final = 2**63 - 1
_DATE: Final = re.compile(
    r"(?P<year>-?[0-9]{1,9})(-(?P<month>[0-9]{1,2})(-(?P<day>[0-9]{1,2}))?)?"
    r"(t((?P<hour>[0-9]{1,2})(:(?P<minute>[0-9]{1,2})(:(?P<second>[0-9]{1,2})(\.[0-9]{1,9})?)?)?)?)?"
    r"(z|[+-](?P<zone_hour>[0-9]{2})(:?(?P<zone_minute>[0-9]{2}))?)?",
    re.IGNORECASE,
)
_BOUNDS: Final = {
    "year": (-292_275_054, 292_278_993), "month": (1, 12), "day": (1, 31), "hour": (0, 23), "minute": (0, 59),
    "second": (0, 59), "zone_hour": (0, 23), "zone_minute": (0, 59),
}  # fmt: skip


def action_problem(action: str) -> str | None:
    """What is wrong with an Action or NotAction entry, in IAM's words. Unknown services and actions are no problem."""
    if action == "*":
        return None
    vendor, colon, name = action.partition(":")
    if not colon:
        return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    if ":" in name:
        return "Actions/Condition can contain only one colon."
    if vendor != "*" and (not vendor or _NOT_IN_VENDOR.search(vendor)):
        return f"Vendor {vendor} is not valid"
    return None


def resource_problem(resource: str) -> str | None:
    """What is wrong with a Resource or NotResource entry, in IAM's words. An ARN may end early. The colon of a variable
    ends no field."""
    problem = None if resource == "*" else _resource_problem(_folded(resource))
    return problem and problem.replace(_FOLDED, ":")


def _folded(resource: str) -> str:
    return _VARIABLE.sub(lambda found: found.group().replace(":", _FOLDED), resource)


def _resource_problem(resource: str) -> str | None:
    prefix, colon, rest = resource.partition(":")
    if not colon:
        return f'Resource {resource} must be in ARN format or "*".'
    partition, colon, rest = rest.partition(":")
    if partition not in PARTITIONS:
        return f'Partition "{partition}" is not valid for resource "arn:{partition}:{_completed(rest)}".'
    if prefix != "arn":
        return f'Resource {resource} must be in ARN format or "*".'
    if not colon:
        return "Resource vendor must be fully qualified and cannot contain regexes."
    vendor, _, rest = rest.partition(":")
    check = _BY_VENDOR.get(vendor)
    return check(resource, rest) if check else None


def _completed(rest: str) -> str:
    fields = rest.split(":", 3) if rest else []
    return ":".join([*fields, *["*"] * (4 - len(fields))])


def _iam_problem(resource: str, rest: str) -> str | None:
    if not rest.startswith(":"):
        return f"IAM resource {resource} cannot contain region information."
    path = rest[1:].partition(":")[2]
    if path != "*" and not path.startswith(_IAM_RESOURCES):
        return f'IAM resource path must either be "*" or start with {", ".join(_IAM_RESOURCES)}.'
    return None


def _s3_problem(resource: str, rest: str) -> str | None:
    fields = rest.split(":", 2)
    regional = len(fields) == 3 and fields[1] and _REGIONAL_S3.match(fields[2])
    if not rest.startswith(":") and not regional:
        return f"Resource {resource} can not contain region information."
    return None


_BY_VENDOR: Final[dict[str, Callable[[str, str], str | None]]] = {"iam": _iam_problem, "s3": _s3_problem}


def is_legacy_arn(resource: str) -> bool:
    """Whether IAM's older parser takes the resource: a service, and all six fields once two colons stand together."""
    if resource == "*":
        return True
    fields = _folded(resource).split(":")
    return len(fields) > 2 and fields[2] != "" and (len(fields) >= 6 or "::" not in resource)


def is_legacy_date(text: str) -> bool:
    """Whether IAM's older parser takes the date: ISO 8601, or seconds since 1970 in 63 bits."""
    if "t" not in text.lower() and "-" not in text:
        return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _LATEST_EPOCH
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    parts = {name: part for name, part in found.groupdict().items() if part is not None}
    return all(low <= int(parts[name]) <= high for name, (low, high) in _BOUNDS.items() if name in parts)
