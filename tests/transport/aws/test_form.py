"""Reading requests of the query protocol: whatever botocore writes is read back, and what is no request is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from iamgraph.transport.aws.errors import WireError
from iamgraph.transport.aws.form import MAX_FIELDS, fields_of, parameters_of

SHAPES: dict[str, Any] = {
    "Input": {
        "type": "structure",
        "members": {
            "Text": {"shape": "Text"},
            "Renamed": {"shape": "Text", "locationName": "Other"},
            "Number": {"shape": "Number"},
            "Flag": {"shape": "Flag"},
            "Bytes": {"shape": "Bytes"},
            "At": {"shape": "At"},
            "Texts": {"shape": "Texts"},
            "Items": {"shape": "Items"},
            "Flat": {"shape": "Flat"},
            "Map": {"shape": "Map"},
        },
    },
    "Text": {"type": "string"},
    "Number": {"type": "integer"},
    "Flag": {"type": "boolean"},
    "Bytes": {"type": "blob"},
    "At": {"type": "timestamp"},
    "Texts": {"type": "list", "member": {"shape": "Text"}},
    "Items": {"type": "list", "member": {"shape": "Item", "locationName": "item"}},
    "Item": {"type": "structure", "members": {"Key": {"shape": "Text"}, "Values": {"shape": "Texts"}}},
    "Flat": {"type": "list", "member": {"shape": "Text"}, "flattened": True},
    "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Number"}},
}
MODEL = ServiceModel(
    {
        "metadata": {"apiVersion": "2020-01-01", "protocol": "query", "endpointPrefix": "x"},
        "operations": {
            "Do": {"name": "Do", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "Input"}}
        },
        "shapes": SHAPES,
    }
)
DO = MODEL.operation_model("Do")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
items = st.fixed_dictionaries({}, optional={"Key": texts, "Values": st.lists(texts, max_size=3)})
inputs = st.fixed_dictionaries(
    {},
    optional={
        "Text": texts,
        "Renamed": texts,
        "Number": st.integers(-(2**31), 2**31),
        "Flag": st.booleans(),
        "Bytes": st.binary(max_size=9),
        "At": st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)).map(
            lambda at: at.replace(microsecond=0, tzinfo=UTC)
        ),
        "Texts": st.lists(texts, max_size=12),
        "Items": st.lists(items.filter(bool), max_size=3),
        "Flat": st.lists(texts, max_size=3),
        "Map": st.dictionaries(texts, st.integers(0, 9), min_size=1, max_size=3),
    },
)


def read(**fields: str) -> Any:
    return parameters_of(DO.input_shape, fields_of(urlencode(fields).encode()))


@given(inputs)
def test_what_botocore_writes_is_read_back(given: dict[str, Any]) -> None:
    request = create_serializer("query").serialize_to_request(given, DO)
    assert parameters_of(DO.input_shape, fields_of(urlencode(request["body"]).encode())) == given


def test_numbers_order_a_list_and_may_leave_some_out() -> None:
    fields = {"Texts.member.10": "c", "Texts.member.2": "b", "Texts.member.1": "a"}
    assert read(**fields, Action="Do", Version="x", **{"X-Amz-Date": "y"}) == {"Texts": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("fields", "code", "told"),
    [
        ({"Username": "x"}, "UnknownParameter", "'Username' is not recognized"),
        ({"Items.item.1.Name": "x"}, "UnknownParameter", "'Items.item.1.Name'"),
        ({"Items.member.1.Key": "x"}, "UnknownParameter", "'Items.member'"),
        ({"Number": "1e3"}, "MalformedInput", "'1e3' at 'Number' is no integer"),
        ({"Number": "٣"}, "MalformedInput", "no integer"),
        ({"Number": ""}, "MalformedInput", "no integer"),
        ({"Number": "9" * 5000}, "MalformedInput", "no integer"),
        ({"Flag": "yes"}, "MalformedInput", "no boolean"),
        ({"Bytes": "%"}, "MalformedInput", "no blob"),
        ({"At": "yesterday"}, "MalformedInput", "no timestamp"),
        ({"Texts": "x"}, "MalformedInput", "Unexpected text"),
        ({"Texts.member.0": "x"}, "MalformedInput", "integer from 1"),
        ({"Texts.member.x": "x"}, "MalformedInput", "integer from 1"),
        ({"Texts.member.9999999999": "x"}, "MalformedInput", "integer from 1"),
        ({"Text.member.1": "x"}, "MalformedInput", "Start of structure"),
        ({"Text": "x", "Text.x": "y"}, "MalformedInput", "Start of structure"),
        ({".".join("a" * 1000): "x"}, "UnknownParameter", "'a'"),
    ],
)
def test_what_is_no_value_is_refused(fields: dict[str, str], code: str, told: str) -> None:
    with pytest.raises(WireError) as caught:
        read(**fields)
    assert caught.value.code == code and told in caught.value.message and len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("forms", "code"),
    [
        ((b"a=1&a=2",), "InvalidQueryParameter"),
        ((b"a=1", b"a=1"), "InvalidQueryParameter"),
        ((b"a=%ff",), "MalformedInput"),
        (("a=é".encode(),), "MalformedInput"),
        ((b"&".join(b"a%d" % i for i in range(MAX_FIELDS + 1)),), "MalformedInput"),
    ],
)
def test_what_is_no_form_is_refused(forms: tuple[bytes, ...], code: str) -> None:
    with pytest.raises(WireError) as caught:
        fields_of(*forms)
    assert caught.value.code == code


def test_a_form_s_blanks_and_signs() -> None:
    assert fields_of(b"a=1+2%2B3&b=&c", b"d=%E2%82%AC") == {"a": "1 2+3", "b": "", "c": "", "d": "€"}
