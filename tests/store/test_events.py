"""The history: in order, in pages, and filtered exactly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iamgraph.domain.entities import Change, Event, EventOutcome
from iamgraph.store.events import EventFilter
from iamgraph.store.unit import Database

from .made import ACCOUNT, NOW, OTHER, event

ARN = "arn:aws:iam::111122223333:user/"
CHANGES = (Change(field="path", before="/", after='/é"/'), Change(field="x", before=None, after=False))
EVENTS = [
    event(0),
    event(1, name="DeleteUser", outcome=EventOutcome.DENIED, error_code="AccessDenied", error_message="no"),
    event(2, principal_arn=ARN + "bob", resources=(ARN + "U0", ARN + "a_b", ARN + 'q"\\é')),
    event(3, account_id=None, principal_id=None, principal_arn=None, session_id=None, ip_address=None, user_agent=None),
    event(4, account_id=OTHER),
    event(5, resources=(), access_key_id="AKIA1", changes=CHANGES),
]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [5, 2, 1, 0]),
        ({"names": ("DeleteUser", "Other")}, [1]),
        ({"names": ()}, []),
        ({"principal_arn": ARN + "bob"}, [2]),
        ({"principal_arn": ARN + "BOB"}, []),
        ({"resource": ARN + "u0"}, [0]),
        ({"resource": ARN + "U0"}, [2]),
        ({"resource": ARN + "u"}, []),
        ({"resource": ARN + "a%b"}, []),
        ({"resource": ARN + 'q"\\é'}, [2]),
        ({"resource": ""}, []),
        ({"outcome": EventOutcome.DENIED}, [1]),
        ({"access_key_id": "AKIA1"}, [5]),
        ({"access_key_id": ""}, []),
        ({"since": NOW + timedelta(seconds=1), "until": NOW + timedelta(seconds=2)}, [1]),
    ],
)
async def test_filters(database: Database, conditions: dict[str, Any], expected: list[int]) -> None:
    async with database.writing() as data:
        await data.events.add(EVENTS)
    async with database.reading() as data:
        page = await data.events.page(ACCOUNT, EventFilter(**conditions), marker=None, limit=10)
    assert [one.id for one in page.items] == [f"event{n}" for n in expected]
    assert not (page.has_next or page.has_previous)


async def test_pages_in_order(database: Database) -> None:
    async with database.writing() as data:
        before = database.statements
        await data.events.add([event(n) for n in range(1001)])
        assert database.statements - before == 1
        await data.events.add([])
    met: list[str] = []
    more, marker = True, None
    async with database.reading() as data:
        while more:
            page = await data.events.page(ACCOUNT, EventFilter(), marker=marker, limit=400)
            met += [one.id for one in page.items]
            more, marker = page.has_next, page.items[-1].seq
    assert met == [f"event{n}" for n in reversed(range(1001))]


async def test_what_is_kept_comes_back(database: Database) -> None:
    async with database.writing() as data:
        await data.events.add(EVENTS)
    async with database.reading() as data:
        found = await data.events.by_ids(["event2", "event3", "event5", "event99"])
    assert found["event2"].resources == EVENTS[2].resources
    assert (found["event5"].changes, found["event5"].access_key_id) == (CHANGES, "AKIA1")
    assert (found.pop("event5").seq or 0) > (found["event3"].seq or 0) and found["event3"].changes == ()
    assert {key: (one.account_id, one.at, one.parameters) for key, one in found.items()} == {
        one.id: (one.account_id, one.at, one.parameters) for one in EVENTS[2:4]
    }


# ------------------------------------------------------------ any filter, any page, from either end

NAMES = ("CreateUser", "GetUser")
WHOM = (None, ARN + "alice", ARN + "bob")
ONE = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "principal_arn": st.sampled_from(WHOM),
        "access_key_id": st.sampled_from((None, "AKIA1", "ASIA2")),
        "resources": st.lists(st.sampled_from((ARN + "a", ARN + "ab")), max_size=2).map(tuple),
        "outcome": st.sampled_from(EventOutcome),
        "at": st.integers(0, 5).map(lambda seconds: NOW + timedelta(seconds=seconds)),
    }
)
INSTANT = st.none() | st.integers(0, 6).map(lambda seconds: NOW + timedelta(seconds=seconds))
FILTER = st.builds(
    EventFilter,
    names=st.none() | st.lists(st.sampled_from((*NAMES, "Other")), max_size=2).map(tuple),
    principal_arn=st.sampled_from(WHOM),
    access_key_id=st.sampled_from((None, "AKIA1")),
    resource=st.sampled_from((None, ARN + "a")),
    outcome=st.none() | st.sampled_from(EventOutcome),
    since=INSTANT,
    until=INSTANT,
)
_accounts = iter(range(10, 10**6))


def _lets_through(filter: EventFilter, one: Event) -> bool:
    return (
        (filter.names is None or one.name in filter.names)
        and filter.principal_arn in (None, one.principal_arn)
        and filter.access_key_id in (None, one.access_key_id)
        and (filter.resource is None or filter.resource in one.resources)
        and filter.outcome in (None, one.outcome)
        and (filter.since is None or one.at >= filter.since)
        and (filter.until is None or one.at < filter.until)
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ones=st.lists(ONE, max_size=12), filter=FILTER | st.just(EventFilter()), size=st.integers(1, 5))
async def test_pages_from_either_end_are_the_list(
    database: Database, ones: list[dict[str, Any]], filter: EventFilter, size: int
) -> None:
    """Forwards, and backwards turned round, they are what the filter lets through; and each says rightly whether there
    is more on either side."""
    first = 100 * next(_accounts)
    account_id = f"{first:012}"
    events = [event(n, account_id=account_id, **one) for n, one in enumerate(ones, first)]
    async with database.writing() as data:
        await data.events.add(events)
    expected = [one.id for one in reversed(events) if _lets_through(filter, one)]
    async with database.reading() as data:
        for from_end in (False, True):
            met: list[str] = []
            marker: int | None = None
            while True:
                page = await data.events.page(account_id, filter, marker=marker, limit=size, from_end=from_end)
                ids = [one.id for one in page.items]
                assert len(ids) <= size
                met = ids + met if from_end else met + ids
                beyond, passed = len(met) < len(expected), marker is not None and len(met) > len(ids)
                assert (page.has_previous, page.has_next) == ((beyond, passed) if from_end else (passed, beyond))
                if not beyond:
                    break
                marker = page.items[0 if from_end else -1].seq
            assert met == expected


async def test_a_place_that_the_filter_leaves_out_has_neighbours(database: Database) -> None:
    """A cursor of another filter's page: there is something on a side only if this filter lets it through."""
    async with database.writing() as data:
        await data.events.add([event(0, name="A"), event(1, name="B"), event(2, name="C")])
    async with database.reading() as data:
        seq = (await data.events.by_ids(["event1"]))["event1"].seq
        for names, first, last in (
            (("A",), (["event0"], False, False), ([], False, True)),
            (("C",), ([], True, False), (["event2"], False, False)),
            (("B",), ([], True, False), ([], False, True)),
        ):
            for from_end, wanted in ((False, first), (True, last)):
                page = await data.events.page(ACCOUNT, EventFilter(names=names), marker=seq, limit=5, from_end=from_end)
                assert ([one.id for one in page.items], page.has_previous, page.has_next) == wanted
