"""The bucket's arithmetic: it never gives more than it has, whatever the settings and however it is asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from iamgraph.domain.budget import SECOND, Bucket

NOW = 1_800_000_000 * SECOND
BUCKETS = st.builds(Bucket, limit=st.integers(1, 2**31 - 1), restore_rate=st.integers(1, 2**31 - 1))
SMALL = st.builds(Bucket, limit=st.integers(1, 500), restore_rate=st.integers(1, 3_000_000))


@given(SMALL, st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 600)), max_size=60))
def test_it_gives_no_more_than_the_limit_and_what_came_back(bucket: Bucket, asked: list[tuple[int, int]]) -> None:
    now, full_at, given_out = NOW, 0, 0
    for later, need in asked:
        now += later
        before = bucket.available(full_at, now)
        points, full_at = bucket.take(full_at, now, need=need)
        assert points == 0 if before < need else need <= points <= max(need, bucket.chunk)
        assert 0 <= bucket.available(full_at, now) <= before - points
        given_out += points
        assert given_out <= bucket.limit + (now - NOW) * bucket.restore_rate / SECOND


@given(BUCKETS, st.data())
def test_what_one_waits_for_is_there_and_was_not_before(bucket: Bucket, data: st.DataObject) -> None:
    need = data.draw(st.integers(1, bucket.limit))
    full_at = NOW + data.draw(st.integers(-SECOND, 10**16))
    seconds = bucket.wait(full_at, NOW, need=need)
    # A debt of other settings is at most the whole bucket from the instant at which it is looked at.
    full_at = min(full_at, NOW - (-bucket.limit * SECOND // bucket.restore_rate))
    assert bucket.available(full_at, NOW + seconds * SECOND) >= need
    if seconds:
        assert bucket.available(full_at, NOW + (seconds - 1) * SECOND) < need


@given(BUCKETS, st.integers(0, 2**62))
def test_it_is_full_in_time_and_empty_at_worst(bucket: Bucket, full_at: int) -> None:
    assert 0 <= bucket.available(full_at, NOW) <= bucket.limit
    assert bucket.available(full_at, max(full_at, NOW)) == bucket.limit
    assert bucket.wait(full_at, NOW, need=bucket.limit) <= -(-bucket.limit // bucket.restore_rate)


def test_a_tenth_at_once() -> None:
    bucket = Bucket(limit=1_000, restore_rate=10)
    assert bucket.take(0, NOW, need=1) == (100, NOW + 10 * SECOND)
    assert bucket.take(0, NOW, need=500) == (500, NOW + 50 * SECOND)
    assert bucket.take(NOW + 95 * SECOND, NOW, need=1) == (50, NOW + 100 * SECOND)
    assert bucket.take(NOW + 95 * SECOND, NOW, need=51) == (0, NOW + 95 * SECOND)
    assert bucket.wait(NOW + 95 * SECOND, NOW, need=51) == 1
