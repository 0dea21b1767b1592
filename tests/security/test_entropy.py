"""Random octets: none is given out twice, by no process."""

from __future__ import annotations

import os
import uuid

from iamgraph.security.entropy import Entropy, random_uuid


def test_each_octet_is_given_once() -> None:
    entropy = Entropy()
    given = [entropy(count) for count in (16, 11, 1, 4096, 5000, 16) * 3]
    assert [len(one) for one in given] == [16, 11, 1, 4096, 5000, 16] * 3
    assert len({one for one in given if len(one) > 1}) == 15
    assert b"".join(given[:1]) not in b"".join(given[1:])


def test_a_forked_process_begins_with_its_own() -> None:
    entropy = Entropy()
    entropy(1)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, entropy(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 16) != entropy(16)
    os.close(reading)
    os.close(writing)


def test_a_uuid_is_a_random_one() -> None:
    for _ in range(100):
        made = uuid.UUID(random_uuid())
        assert (made.version, made.variant) == (4, uuid.RFC_4122)
    assert str(uuid.UUID(random_uuid())) != random_uuid()
