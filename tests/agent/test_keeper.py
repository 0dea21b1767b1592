"""Credentials are renewed in time, by one request at a time, and never handed out when they are no good."""

from __future__ import annotations

import asyncio
import errno
from datetime import timedelta
from pathlib import Path

import pytest

from iamgraph.agent import keeper as module
from iamgraph.agent.errors import AgentError, Gone, Refused, Unavailable
from iamgraph.agent.keeper import Keeper
from iamgraph.agent.kept import Kept

from .source import AGENT, ROLE, Source, given

HALF = timedelta(minutes=31)
"""An age at which those that are good for an hour are due."""


async def test_many_who_ask_at_once_are_one_request(tmp_path: Path) -> None:
    source = Source([given()])
    keeper, other = Keeper(Kept(tmp_path, AGENT), source), Keeper(Kept(tmp_path, AGENT), source)
    source.open.clear()
    asking = [asyncio.create_task(one.current()) for one in (keeper, other) for _ in range(5)]
    await asyncio.sleep(0.1)
    source.open.set()
    found = await asyncio.gather(*asking)
    assert {one.access_key_id for one in found} == {given().access_key_id} and source.asked == 1
    # The next process finds them.
    assert (await Keeper(Kept(tmp_path, AGENT), source).current()).access_key_id == given().access_key_id


async def test_those_that_are_due_do_until_there_are_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    old, new = given(1, age=HALF), given(2)
    source = Source([old, new])
    keeper = Keeper(Kept(tmp_path, AGENT), source)
    assert await keeper.current() == old
    source.open.clear()
    assert await keeper.current() == old and await keeper.current() == old
    source.open.set()
    await asyncio.sleep(0.1)
    assert await keeper.current() == new and source.asked == 2
    await keeper.close()


async def test_no_answer_leaves_what_is_good_and_is_not_asked_for_again_at_once(tmp_path: Path) -> None:
    old = given(1, age=HALF)
    source = Source([old, Unavailable("no answer"), given(2)])
    keeper = Keeper(Kept(tmp_path, AGENT), source)
    for _ in range(5):
        assert await keeper.current() == old
    assert source.asked == 2


async def test_what_has_expired_is_not_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = given().given_at
    last = given(1, age=timedelta(minutes=59), lasts=timedelta(minutes=60, seconds=10))
    keeper = Keeper(Kept(tmp_path, AGENT), Source([last, *[Unavailable("no answer")] * 3]))
    assert await keeper.current() == last
    for name in ("keeper", "kept"):
        monkeypatch.setattr(f"iamgraph.agent.{name}.now", lambda: at + timedelta(seconds=11))
    with pytest.raises(Unavailable, match="no answer"):
        await keeper.current()
    with pytest.raises(Unavailable, match="no answer"):
        await Kept(tmp_path, AGENT).current(Source([Unavailable("no answer")]))
    # Nor what a server gives whose clock is another.
    with pytest.raises(Unavailable, match="clock"):
        await Kept(tmp_path, AGENT).current(Source([last]))


async def test_what_is_gone_is_dropped_and_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.02)
    source = Source([given(1, age=HALF), Gone("revoked"), Refused("no trust", ROLE), given(2)])
    keeper = Keeper(Kept(tmp_path, AGENT), source)
    assert await keeper.current()
    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Gone):
        await keeper.current()
    assert not (tmp_path / "credentials.json").exists()
    with pytest.raises(AgentError):
        await keeper.current()
    keeper.start()
    async with asyncio.timeout(10):
        while source.answers:
            await asyncio.sleep(0.01)
    assert (await keeper.current()).access_key_id == given(2).access_key_id
    await keeper.close()


async def test_a_refusal_takes_nothing_away(tmp_path: Path) -> None:
    """As on AWS, a trust policy decides of new sessions alone."""
    old = given(1, age=HALF)
    keeper = Keeper(Kept(tmp_path, AGENT), Source([old, Refused("no trust", ROLE)]))
    assert await keeper.current() == old and await keeper.current() == old


async def test_what_was_kept_and_can_not_be_read_is_not_there(tmp_path: Path) -> None:
    kept, file = Kept(tmp_path, AGENT), tmp_path / "credentials.json"
    await kept.renewed(Source([given()]))
    whole = file.read_bytes()
    for text in (
        b"",
        b"{",
        b"[]",
        b"{}",
        whole[:-9],
        whole.replace(b"given_at", b"taken_at"),
        whole.replace(b"+00:00", b""),
    ):
        file.write_bytes(text)
        assert kept.read() is None
    file.write_bytes(whole)
    assert kept.read() is not None
    file.chmod(0o640)
    with pytest.raises(AgentError, match="mode 0640"):
        kept.read()


async def test_what_another_agent_was_given_is_not_there(tmp_path: Path) -> None:
    """A machine that enrols anew in the same folder, while the agent that it was goes on."""
    before, now = Kept(tmp_path, "ag-" + "0" * 17), Kept(tmp_path, AGENT)
    await now.renewed(Source([given()]))
    assert now.read() is not None and before.read() is None


async def test_what_a_process_left_that_was_killed_goes_with_the_next_write(tmp_path: Path) -> None:
    (tmp_path / ".credentials.json.new").write_bytes(given().text()[:100])
    kept = Kept(tmp_path, AGENT)
    await kept.renewed(Source([given()]))
    assert kept.read() is not None
    assert {file.name for file in tmp_path.iterdir()} == {"credentials.json", "lock"}


async def test_a_full_disk_takes_no_credentials_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    keeper = Keeper(Kept(tmp_path, AGENT), Source([given(1, age=HALF), given(2)]))
    assert (await keeper.current()).access_key_id == given(1).access_key_id
    monkeypatch.setattr("iamgraph.agent.kept.write_private", full)
    assert (await keeper.current()).access_key_id == given(2).access_key_id
    assert (await keeper.current()).access_key_id == given(2).access_key_id
