"""Which services a policy speaks for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamgraph.domain.policy.compile import compiled
from iamgraph.domain.policy.grants import grants


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Resource": "*", **statement}})


@pytest.mark.parametrize(
    ("statement", "services"),
    [
        ({"Action": "s3:GetObject"}, {"s3"}),
        ({"Action": ["S3:Get*", "iam:*"]}, {"s3", "iam"}),
        ({"Action": "*"}, {"s3", "s3-outposts", "iam", "sts"}),
        ({"Action": "s*:Get*"}, {"s3", "s3-outposts", "sts"}),
        ({"Action": "s?s:*"}, {"sts"}),
        ({"Action": "s3*"}, {"s3", "s3-outposts"}),
        ({"Action": "s3:*", "Effect": "Deny"}, set()),
        (
            {"Action": "s3:*", "Resource": "arn:aws:s3:::one", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
            {"s3"},
        ),
        ({"NotAction": "iam:*"}, {"s3", "s3-outposts", "sts"}),
        ({"NotAction": ["iam:Get*", "iam:List*"]}, {"s3", "s3-outposts", "iam", "sts"}),
        ({"NotAction": ["s3*:*", "sts:?*"]}, {"iam"}),
        ({"NotAction": "*"}, set()),
    ],
)
def test_a_policy_speaks_for_services(statement: dict[str, Any], services: set[str]) -> None:
    found = compiled(policy(**statement))
    assert {one for one in ("s3", "s3-outposts", "iam", "sts") if grants(found, one)} == services


_PATTERN = st.text("ab*?:", min_size=1, max_size=6)
_SERVICE, _NAME = st.text("ab", min_size=1, max_size=3), st.text("ab", min_size=1, max_size=3)


@given(st.lists(_PATTERN, min_size=1, max_size=3), _SERVICE, _NAME, st.booleans())
def test_whoever_may_do_something_of_a_service_is_granted_it(
    patterns: list[str], service: str, name: str, is_not: bool
) -> None:
    """What the engine takes an action for, is of a service that the policy speaks for."""
    found = compiled(policy(**{"NotAction" if is_not else "Action": patterns}))
    if found.candidates(f"{service}:{name}").allows:
        assert grants(found, service)
