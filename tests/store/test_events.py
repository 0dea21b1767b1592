"""The history: in order, in pages, and filtered exactly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from iamgraph.domain.entities import EventOutcome
from iamgraph.store.unit import Database

from .made import NOW, OTHER, event

ARN = "arn:aws:iam::111122223333:user/"
EVENTS = [
    event(0),
    event(1, name="DeleteUser", outcome=EventOutcome.DENIED, error_code="AccessDenied", error_message="no"),
    event(2, principal_arn=ARN + "bob", resources=(ARN + "U0", ARN + "a_b", ARN + 'q"\\é')),
    event(3, account_id=None, principal_id=None, principal_arn=None, session_id=None, ip_address=None, user_agent=None),
    event(4, account_id=OTHER),
    event(5, resources=()),
]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [5, 2, 1, 0]),
        ({"names": ["DeleteUser", "Other"]}, [1]),
        ({"names": []}, []),
        ({"principal_arn": ARN + "bob"}, [2]),
        ({"principal_arn": ARN + "BOB"}, []),
        ({"resource": ARN + "u0"}, [0]),
        ({"resource": ARN + "U0"}, [2]),
        ({"resource": ARN + "u"}, []),
        ({"resource": ARN + "a%b"}, []),
        ({"resource": ARN + 'q"\\é'}, [2]),
        ({"resource": ""}, []),
        ({"outcome": EventOutcome.DENIED}, [1]),
        ({"since": NOW + timedelta(seconds=1), "until": NOW + timedelta(seconds=2)}, [1]),
    ],
)
async def test_filters(database: Database, conditions: dict[str, Any], expected: list[int]) -> None:
    async with database.writing() as data:
        await data.events.add(EVENTS)
    async with database.reading() as data:
        page = await data.events.page(EVENTS[0].account_id or "", **conditions, after=None, limit=10)
    assert [one.id for one in page.items] == [f"event{n}" for n in expected]
    assert not page.more


async def test_pages_in_order(database: Database) -> None:
    async with database.writing() as data:
        before = database.statements
        await data.events.add([event(n) for n in range(1001)])
        assert database.statements - before == 1
        await data.events.add([])
    met: list[str] = []
    more, after = True, None
    async with database.reading() as data:
        while more:
            page = await data.events.page(EVENTS[0].account_id or "", after=after, limit=400)
            met += [one.id for one in page.items]
            more, after = page.more, page.items[-1].seq
    assert met == [f"event{n}" for n in reversed(range(1001))]


async def test_what_is_kept_comes_back(database: Database) -> None:
    async with database.writing() as data:
        await data.events.add(EVENTS)
    async with database.reading() as data:
        found = await data.events.by_ids(["event2", "event3", "event99"])
    assert found["event2"].resources == EVENTS[2].resources
    assert {key: (one.account_id, one.at, one.parameters) for key, one in found.items()} == {
        one.id: (one.account_id, one.at, one.parameters) for one in EVENTS[2:4]
    }
