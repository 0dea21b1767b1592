"""AWS's own vectors of the query protocol, from the server's side: requests are read, answers and errors are written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.model import ServiceModel, Shape
from botocore.parsers import create_parser

from iamgraph.transport.aws import xml
from iamgraph.transport.aws.errors import Failure
from iamgraph.transport.aws.form import fields_of, parameters_of
from iamgraph.transport.aws.models import Service, services

CASES = Path(__file__).parents[2] / "cases" / "query_protocol.jsonl"

_COMPRESSED = "has no body, only that it is compressed: no operation of IAM or STS is, and a compressed body is refused"
NOT_READ = {
    "SDKAppliedContentEncoding_awsQuery": _COMPRESSED,
    "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery": _COMPRESSED,
}
READ_OTHERWISE: dict[str, dict[str, Any]] = {
    # The client makes the token up: it was not given, and is sent.
    "QueryProtocolIdempotencyTokenAutoFill": {"token": "00000000-0000-4000-8000-000000000000"},
    # An empty map is sent as nothing, as if it were not given.
    "QueryEmptyQueryMaps": {},
}
NOT_WRITTEN = {"QueryComplexError": "has an error with members; those of IAM and STS have a code and a message only"}
WRITTEN_OTHERWISE = {
    "AwsQueryDateTimeWithNegativeOffset": "has an offset, for readers to understand; written is UTC, the same instant",
    "AwsQueryDateTimeWithPositiveOffset": "has an offset, for readers to understand; written is UTC, the same instant",
}
BOTOCORE_READS_OTHERWISE = {"QueryXmlLists": "by the name of a flattened list's items, where the vector has the list's"}


def cases(direction: str) -> list[Any]:
    suites = [suite for suite in map(json.loads, CASES.open()) if suite["direction"] == direction]
    return [pytest.param(suite, case, id=case["id"]) for suite in suites for case in suite["cases"]]


def service_of(suite: Any, case: Any) -> Service:
    given = dict(case["given"])
    if "output" in given:  # as the models of IAM and STS have it
        given["output"] = {**given["output"], "resultWrapper": f"{given['name']}Result"}
    model = ServiceModel({**suite, "operations": {given["name"]: given}})
    return Service(name="x", version="1", namespace="https://example.com/", model=model, statuses={})


def value_of(shape: Shape | None, given: Any) -> Any:
    """A value as the wire has it, from how JSON has it."""
    match shape.type_name if shape is not None else "":
        case "structure":
            return {name: value_of(shape.members[name], value) for name, value in given.items()}
        case "list":
            return [value_of(shape.member, item) for item in given]
        case "map":
            return {key: value_of(shape.value, value) for key, value in given.items()}
        case "timestamp":
            return datetime.fromtimestamp(given, UTC)
        case "blob":
            return given.encode()
        case "float" | "double":
            return float(given)
    return given


def plain(value: Any) -> Any:
    """The value to compare: an instant in whatever zone, and what equals nothing."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return "NaN" if value != value else value


def tree(element: ElementTree.Element) -> Any:
    """An element without the white space between others, and without the request's id."""
    below = [tree(child) for child in element if not child.tag.endswith("ResponseMetadata")]
    return element.tag, (element.text or "").strip(), below


def parsed(service: Service, case: Any, body: bytes) -> Any:
    """What botocore reads from an answer."""
    response = {"body": body, "headers": {}, "status_code": case["response"]["status_code"]}
    shape = service.model.operation_model(case["given"]["name"]).output_shape
    found = create_parser("query").parse(response, shape)
    del found["ResponseMetadata"]
    return found


@pytest.mark.parametrize(("suite", "case"), cases("input"))
def test_a_request_is_read(suite: Any, case: Any) -> None:
    shape = service_of(suite, case).model.operation_model(case["given"]["name"]).input_shape
    if case["id"] in NOT_READ:
        assert "body" not in case["serialized"] and case["serialized"]["headers"] == {"Content-Encoding": "gzip"}
        return
    found = parameters_of(shape, fields_of(case["serialized"]["body"].encode()))
    assert plain(found) == plain(value_of(shape, READ_OTHERWISE.get(case["id"], case["params"])))


@pytest.mark.parametrize(("suite", "case"), cases("output"))
def test_an_answer_is_written(suite: Any, case: Any) -> None:
    service = service_of(suite, case)
    if case["id"] in NOT_WRITTEN:
        assert set(case["error"]) == {"TopLevel", "Nested"}
        return
    if "error" in case:
        failure = Failure(code=case["errorCode"], message=case["errorMessage"], status=case["response"]["status_code"])
        written = xml.error(failure, None, "foo-id")
        assert parsed(service, case, written)["Error"]["Message"] == case["error"].get("Message", "Hi")
    else:
        model = service.model.operation_model(case["given"]["name"])
        result = value_of(model.output_shape, case["result"])
        written = xml.answer(service, model, result, "foo-id")
        if case["id"] not in BOTOCORE_READS_OTHERWISE:
            assert plain(parsed(service, case, written)) == plain(result)
    body = case["response"].get("body")
    if body is not None and case["id"] not in WRITTEN_OTHERWISE:
        assert tree(ElementTree.fromstring(written)) == tree(ElementTree.fromstring(body))


def test_there_are_76_and_what_is_told_of_each_exception_is_so() -> None:
    inputs, outputs = ({case.id for case in cases(direction)} for direction in ("input", "output"))
    assert (len(inputs), len(outputs)) == (38, 38)
    assert NOT_READ.keys() | READ_OTHERWISE.keys() < inputs and NOT_WRITTEN.keys() | WRITTEN_OTHERWISE.keys() < outputs
    for service in services().values():
        assert {name.lower() for shape in service.model.error_shapes for name in shape.members} <= {"message"}
        models = [service.model.operation_model(name) for name in service.actions]
        assert [model.name for model in models if model.request_compression] == []
