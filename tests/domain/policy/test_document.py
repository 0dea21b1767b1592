"""Reading a document: spans, what is no JSON, what is no policy, and IAM's rules where the case files have none."""

from __future__ import annotations

import json

import pytest

from iamgraph.domain.errors import InvalidInput, LimitExceeded, MalformedPolicyDocument
from iamgraph.domain.policy.document import Document, parse
from iamgraph.domain.policy.grammar import PolicyType, check, check_size, size

TWO = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "", "Effect": "Allow", "Action": "s3:*", "Resource": "*"},
    {"Effect": "Deny", "NotAction": ["iam:Get*"], "NotResource": "arn:aws:s3:::x",
     "Condition": {"Bool": {"aws:SecureTransport": false}}}
  ]
}"""


def statement(**elements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [elements]})


def test_elements_and_spans() -> None:
    document = parse(TWO)
    first, second = document.statements
    assert (document.version, document.id, first.sid, first.effect) == ("2012-10-17", None, None, "Allow")
    assert (second.actions, second.not_action, second.not_resource) == (("iam:Get*",), True, True)
    assert [(c.operator, c.key, c.values) for c in second.conditions] == [("Bool", "aws:SecureTransport", ("false",))]
    span = second.span
    assert (span.start_line, span.start_column, span.end_line, span.end_column) == (5, 5, 6, 60)
    assert json.loads(TWO[span.start : span.end])["Effect"] == "Deny"


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ("{} x", 1, 4),
        ('{"Version": NaN}', 1, 13),
        ('{\n "a": 1,\n "a": 2}', 3, 2),
        ('{"a": 01}', 1, 8),
        ('{"a": "\t"}', 1, 8),
        ('{"a": "\\ud800"}', 1, 8),
        ('{"a": "\u65e5"}', 1, 8),
        ("[" * 33, 1, 33),
        ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}, 7]}', 1, 62),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "NotAction": "*"}}', 1, 63),
        (" " * 131_073, 1, 131_073),
    ],
)
def test_a_refusal_has_a_place(text: str, line: int, column: int) -> None:
    with pytest.raises(MalformedPolicyDocument, match=r"^Syntax errors in policy\.$") as refused:
        parse(text)
    (finding,) = refused.value.findings
    assert (finding.line, finding.column) == (line, column)


def test_escapes() -> None:
    document = parse(r'{"Id": "\"\\\/\u00e9\ud83d\ude00\n", "Statement": {"Effect": "Allow"}}')
    assert document.id == '"\\/é😀\n'


def test_sids() -> None:
    same = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}

    def written(*sids: str | None) -> Document:
        statements = [same if sid is None else {**same, "Sid": sid} for sid in sids]
        return check(PolicyType.MANAGED, json.dumps({"Version": "2012-10-17", "Statement": statements}))

    assert len(written(None, None).statements) == 2
    assert [s.sid for s in written("", "").statements] == [None, None]
    with pytest.raises(MalformedPolicyDocument, match="must be unique"):
        written("Read", "Read")


def test_action_and_not_action() -> None:
    both = statement(Effect="Allow", Action="s3:*", NotAction="iam:*", Resource="*")
    neither = statement(Effect="Allow", Resource="*")
    for text in (both, neither):
        with pytest.raises(MalformedPolicyDocument):
            check(PolicyType.MANAGED, text)


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"Principal": "*", "Action": "sts:AssumeRole"}, "Principal must be a JSON object."),
        ({"Principal": {}, "Action": "sts:AssumeRole"}, "Missing required field Principal cannot be empty!"),
        ({"Principal": {"AWS": "*"}, "Action": "*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        (
            {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Resource": "*"},
            "Has prohibited field Resource",
        ),
        (
            {"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}, "Action": "sts:AssumeRole"},
            'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"',
        ),
        ({"Principal": {"Planet": "x"}, "Action": "sts:AssumeRole"}, 'Invalid principal in policy: "Planet"'),
        ({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Note": "x"}, "Unknown field Note"),
    ],
)
def test_trust_refusals(elements: dict[str, object], message: str) -> None:
    with pytest.raises(MalformedPolicyDocument) as refused:
        check(PolicyType.TRUST, statement(Effect="Allow", **elements))
    assert refused.value.message == message
    assert refused.value.findings[0].line == 1


def test_size_counts_no_white_space() -> None:
    text = statement(Effect="Allow", Action="s3:GetObject", Resource="*")
    padded = json.dumps(json.loads(text), indent=40)
    assert size(padded) == size(text) == len(text.replace(" ", ""))
    check_size(PolicyType.MANAGED, padded, size(text))
    with pytest.raises(LimitExceeded) as refused:
        check_size(PolicyType.TRUST, text, size(text) - 1)
    assert refused.value.message == f"Cannot exceed quota for ACLSizePerRole: {size(text) - 1}"


def test_characters_are_checked_as_a_parameter() -> None:
    with pytest.raises(InvalidInput, match="line 1, column 2") as refused:
        check(PolicyType.TRUST, "{\u65e5}")
    assert (refused.value.code, refused.value.field) == ("ValidationError", "assumeRolePolicyDocument")
