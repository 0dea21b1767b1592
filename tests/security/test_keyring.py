"""A running server takes a changed key file: at once where a value asks for it, and never backwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamgraph.security.keyfile import MasterKeys, changing
from iamgraph.security.keyring import KeyRing
from iamgraph.security.sealing import Sealer, SealError, sealed_under


def change(path: Path, how: str) -> MasterKeys:
    with changing(path) as file:
        file.replace(getattr(file.keys, how)())
        return file.keys


def test_a_value_under_a_key_that_came_since_opens_at_once(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    ring = KeyRing(path)
    old = ring.keys.current
    kept = ring.sealer.seal(b"kept", context="c")
    new = change(path, "rotated").current
    assert sealed_under(ring.sealer.seal(b"s", context="c")) == old.id
    assert ring.sealer.unseal(Sealer(new).seal(b"s", context="c"), context="c") == b"s"
    assert sealed_under(ring.sealer.seal(b"s", context="c")) == new.id == ring.chains.key_id
    change(path, "cleared")
    ring.refresh()
    assert ring.keys.retired == (old,), "what this process has sealed opens as long as it runs"
    assert ring.sealer.unseal(kept, context="c") == b"kept"
    with pytest.raises(SealError, match="missing here"):
        KeyRing(path).sealer.unseal(kept, context="c")


def test_a_message_opens_while_its_key_is_known(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    ring = KeyRing(path)
    message = ring.sealer.seal_message(b"why", context="c")
    change(path, "rotated")
    ring.refresh()
    newer = ring.sealer.seal_message(b"why", context="c")
    assert newer.split(".")[1] == ring.keys.current.id != message.split(".")[1]
    for each in (message, newer):
        assert ring.sealer.unseal_message(each, context="c") == KeyRing(path).sealer.unseal_message(each, context="c")
    change(path, "cleared")
    with pytest.raises(SealError, match="missing here"):
        KeyRing(path).sealer.unseal_message(message, context="c")


def test_a_prepared_key_opens_and_seals_once_it_is_told_to(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    ring = KeyRing(path)
    old, new = ring.keys.current, change(path, "prepared").next
    assert new is not None
    ring.refresh()
    assert ring.sealer.unseal(Sealer(new).seal(b"s", context="c"), context="c") == b"s"
    assert sealed_under(ring.sealer.seal(b"s", context="c")) == old.id
    ring.advance()
    assert sealed_under(ring.sealer.seal(b"s", context="c")) == new.id
    path.touch()
    ring.refresh()  # the file still calls the key the next one
    assert (ring.keys.current, ring.keys.next, ring.keys.retired) == (new, None, (old,))


def test_a_file_that_is_no_use_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "master.key"
    ring = KeyRing(path)
    before, text = ring.keys, path.read_bytes()
    for content, told in (
        (b"", "does not hold 32 bytes"),
        (text + b"next AAA", "has a line that is no key"),
        (text[:10], "does not hold 32 bytes"),
        (MasterKeys.load_or_create(tmp_path / "other").text(), f"has no longer key {before.current.id}"),
    ):
        path.write_bytes(content)
        caplog.clear()
        ring.refresh()
        ring.refresh()
        assert ring.keys == before and len(caplog.records) <= 1
        assert told in caplog.text or content == text[:10]
    path.unlink()
    ring.refresh()
    path.write_bytes(text)
    path.chmod(0o600)
    change(path, "rotated")
    ring.refresh()
    assert ring.keys.retired == (before.current,)
