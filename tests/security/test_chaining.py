"""Links and heads: each part counts, and no key is the master key or another's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iamgraph.security import chaining
from iamgraph.security.chaining import ChainKeys, UnknownKey
from iamgraph.security.sealing import MasterKey

MASTER, OTHER = MasterKey(secret=b"m" * 32), MasterKey(secret=b"o" * 32)
KEYS = ChainKeys(MASTER)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_link_depends_on_all_that_it_is_made_of() -> None:
    first = KEYS.link(None, "server", b"event")
    assert len(first) == 64 and first == KEYS.link(None, "server", b"event")
    others = [
        KEYS.link(None, "111122223333", b"event"),
        KEYS.link(None, "server", b"other"),
        KEYS.link(first, "server", b"event"),
        ChainKeys(OTHER).link(None, "server", b"event"),
    ]
    assert len({first, *others}) == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"chain": "x"},
        {"count": 2},
        {"link": "b"},
        {"at": NOW + timedelta(microseconds=1)},
        {"horizon": 8},
        {"signature": ""},
        {"signature": "é\ud800"},
    ],
)
def test_a_head_is_signed_whole(changes: dict[str, Any]) -> None:
    head = KEYS.head(chain="server", count=1, link="a", at=NOW, horizon=7)
    assert KEYS.is_signed(head)
    assert not KEYS.is_signed(replace(head, **changes))


def test_keys_are_the_master_keys_children_and_differ() -> None:
    derived = {chaining._derived(key, use) for key in (MASTER, OTHER) for use in (chaining._LINKS, chaining._HEADS)}
    assert len(derived | {MASTER.secret, OTHER.secret}) == 6


def test_retired_keys_check_and_new_ones_sign() -> None:
    both = ChainKeys(OTHER, retired=[MASTER])
    head = KEYS.head(chain="server", count=1, link="a", at=NOW, horizon=7)
    assert both.is_signed(head) and both.key_id == OTHER.id
    assert both.link(None, "server", b"", key_id=MASTER.id) == KEYS.link(None, "server", b"")
    with pytest.raises(UnknownKey, match=f"master key {MASTER.id}, which is missing here"):
        ChainKeys(OTHER).is_signed(head)
