"""Writing answers of the query protocol: botocore reads what was written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from botocore.model import ServiceModel
from botocore.parsers import create_parser
from hypothesis import given

from iamgraph.transport.aws import xml
from iamgraph.transport.aws.errors import Failure
from iamgraph.transport.aws.models import Service

from .test_form import SHAPES, inputs

MODEL = ServiceModel(
    {
        "metadata": {"apiVersion": "2020-01-01", "protocol": "query", "endpointPrefix": "x"},
        "operations": {
            "Do": {
                "name": "Do",
                "http": {"method": "POST", "requestUri": "/"},
                "output": {"shape": "Input", "resultWrapper": "DoResult"},
            },
            "Say": {"name": "Say", "http": {"method": "POST", "requestUri": "/"}},
        },
        "shapes": SHAPES,
    }
)
SERVICE = Service(name="x", version="1", namespace="https://x/", model=MODEL, statuses={})
DO, SAY = MODEL.operation_model("Do"), MODEL.operation_model("Say")
ILLEGAL = [chr(i) for i in range(32) if chr(i) not in "\t\n\r"] + ["\ufffe", "\uffff"]


def legal(value: Any) -> Any:
    """The value as XML 1.0 can hold it."""
    if isinstance(value, str):
        return "".join("\ufffd" if letter in ILLEGAL else letter for letter in value)
    if isinstance(value, dict):
        return {legal(key): legal(inner) for key, inner in value.items()}
    return [legal(inner) for inner in value] if isinstance(value, list) else value


def read(written: bytes) -> Any:
    parsed = create_parser("query").parse({"body": written, "headers": {}, "status_code": 200}, DO.output_shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "r1"
    return parsed


@given(inputs)
def test_botocore_reads_what_is_written(given: dict[str, Any]) -> None:
    found = read(xml.answer(SERVICE, DO, given, "r1"))
    # A flattened list that is empty has no element at all.
    assert found == legal({name: value for name, value in given.items() if (name, value) != ("Flat", [])})


def test_what_is_absent_is_left_out_and_what_is_empty_is_not() -> None:
    assert read(xml.answer(SERVICE, DO, {"Text": "", "Texts": [], "Number": None}, "r1")) == {"Text": "", "Texts": []}
    assert xml.answer(SERVICE, SAY, {}, "r1") == (
        b'<SayResponse xmlns="https://x/"><ResponseMetadata><RequestId>r1</RequestId></ResponseMetadata></SayResponse>'
    )


def test_instants_are_told_to_the_second_where_there_is_no_more_to_tell() -> None:
    for at, text in ((0, "2026-01-31T12:00:00Z"), (5000, "2026-01-31T12:00:00.005Z")):
        written = xml.answer(SERVICE, DO, {"At": datetime(2026, 1, 31, 12, 0, 0, at, UTC)}, "r1")
        assert f"<At>{text}</At>".encode() in written


def test_an_error_has_what_aws_s_has_and_nothing_else() -> None:
    failure = Failure(code="NoSuchEntity", message="<\r\x00&\ufffe>", status=404)
    root = ElementTree.fromstring(xml.error(failure, SERVICE, "r1"))
    assert [(element.tag.removeprefix("{https://x/}"), element.text) for element in root.iter()] == [
        ("ErrorResponse", None),
        ("Error", None),
        ("Type", "Sender"),
        ("Code", "NoSuchEntity"),
        ("Message", "<\r\ufffd&\ufffd>"),
        ("RequestId", "r1"),
    ]
    assert Failure(code="InternalFailure", message="", status=500).type == "Receiver"
