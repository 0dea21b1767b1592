"""Constraints in AWS's words, as answers recorded from AWS have them."""

from __future__ import annotations

from typing import Any

import pytest

from iamgraph.transport.aws.constraints import violations
from iamgraph.transport.aws.errors import constraint_text
from iamgraph.transport.aws.models import services

IAM, STS = services()["2010-05-08"], services()["2011-06-15"]
FAILED = "failed to satisfy constraint: Member must"
PATTERN = f"{FAILED} satisfy regular expression pattern:"


def found(action: str, **parameters: Any) -> list[str]:
    service = STS if action == "AssumeRole" else IAM
    operation = service.operation(action)
    assert operation is not None
    return list(violations(service, operation.input_shape, parameters))


@pytest.mark.parametrize(
    ("action", "parameters", "expected"),
    [
        ("CreateUser", {"UserName": "bob", "Path": "/a/"}, []),
        (
            "CreateUser",
            {"UserName": "b*b"},
            [rf"Value at 'userName' {PATTERN} [\w+=,.@-]+"],
        ),
        ("CreateUser", {}, [f"Value null at 'userName' {FAILED} not be null"]),
        ("CreateUser", {"UserName": "a" * 65}, [f"Value at 'userName' {FAILED} have length less than or equal to 64"]),
        ("ListUsers", {"MaxItems": 0}, [f"Value at 'maxItems' {FAILED} have value greater than or equal to 1"]),
        ("ListUsers", {"MaxItems": 1001}, [f"Value at 'maxItems' {FAILED} have value less than or equal to 1000"]),
        (
            "UpdateAccessKey",
            {"AccessKeyId": "AKIA", "Status": "On"},
            [
                f"Value at 'accessKeyId' {FAILED} have length greater than or equal to 16",
                f"Value at 'status' {FAILED} satisfy enum value set",
            ],
        ),
        (
            "TagUser",
            {"UserName": "bob", "Tags": [{"Key": "é 1", "Value": ""}, {"Key": "a!", "Value": "x" * 257}]},
            [
                rf"Value at 'tags.2.member.key' {PATTERN} [\p{{L}}\p{{Z}}\p{{N}}_.:/=+\-@]+",
                f"Value at 'tags.2.member.value' {FAILED} have length less than or equal to 256",
            ],
        ),
        (
            "AssumeRole",
            {"RoleArn": "arn:a:b:::something/test-role", "RoleSessionName": "Session1:2"},
            [rf"Value 'Session1:2' at 'roleSessionName' {PATTERN} [\w+=,.@-]*"],
        ),
    ],
)
def test_each_constraint_that_is_not_satisfied(action: str, parameters: dict[str, Any], expected: list[str]) -> None:
    assert found(action, **parameters) == expected


def test_how_many_there_are() -> None:
    assert constraint_text(["a", "b"]) == "2 validation errors detected: a; b"
    assert constraint_text(["a"]) == "1 validation error detected: a"
