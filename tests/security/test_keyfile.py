"""The file of the master keys is guarded, is changed whole or not at all, and says what it was told."""

from __future__ import annotations

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from iamgraph.security.chaining import PastKey
from iamgraph.security.keyfile import MasterKeys, changing
from iamgraph.security.sealing import MasterKey, MasterKeyError

A, B, C = (MasterKey(secret=bytes([n]) * 32) for n in range(3))


def test_the_key_file_is_made_once_private_and_complete(tmp_path: Path) -> None:
    path = tmp_path / "data" / "master.key"
    old = os.umask(0)
    try:
        key = MasterKeys.load_or_create(path).current
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert base64.b64decode(path.read_bytes()) == key.secret and len(key.secret) == 32
    assert MasterKeys.load_or_create(path) == MasterKeys(current=key)
    assert list(path.parent.iterdir()) == [path]


def test_servers_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(MasterKeys.load_or_create, [tmp_path / "master.key"] * 8))
    assert len({key.current.secret for key in keys}) == 1


def test_a_key_file_that_is_unsafe_or_broken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    MasterKeys.load_or_create(path)
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(MasterKeyError, match=f"has mode {mode:04o}, open to others; run chmod 600 on it$"):
            MasterKeys.load_or_create(path)
    path.chmod(0o600)
    for content in (b"", b"short", base64.b64encode(bytes(31)), base64.b64encode(bytes(33)), bytes(32)):
        path.write_bytes(content)
        with pytest.raises(MasterKeyError, match=r"does not hold 32 bytes in base64; restore it from a backup$"):
            MasterKeys.load_or_create(path)
        assert path.read_bytes() == content


def test_a_key_file_must_be_a_plain_file(tmp_path: Path) -> None:
    link, dangling, pipe, plain = (tmp_path / name for name in ("link", "dangling", "pipe", "plain"))
    link.symlink_to(tmp_path / "real")
    MasterKeys.load_or_create(tmp_path / "real")
    dangling.symlink_to(tmp_path / "nowhere")
    os.mkfifo(pipe, 0o600)
    plain.touch()
    cases = [(link, "symbolic link"), (dangling, "symbolic link"), (pipe, "not a plain file"),
             (tmp_path, "not a plain file"), (plain / "key", "cannot be read: Not a directory")]  # fmt: skip
    for path, reason in cases:
        with pytest.raises(MasterKeyError, match=reason):
            MasterKeys.load_or_create(path)
    assert not (tmp_path / "nowhere").exists()


def test_a_file_goes_through_its_states_and_loses_no_key(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(base64.b64encode(A.secret))  # as the first version wrote it, even without its last newline
    path.chmod(0o600)
    with changing(path) as file:
        file.replace(file.keys.prepared())
        assert MasterKeys.load(path) == file.keys.prepared()  # preparing twice makes no second key
    prepared = MasterKeys.load(path)
    assert prepared.current == A and prepared.next is not None and prepared.retired == ()
    assert path.read_bytes().split(b"\n")[0] == base64.b64encode(A.secret)
    with changing(path) as file:
        file.replace(file.keys.rotated())
        file.replace(file.keys.rotated())  # without a next key one is made
    rotated = MasterKeys.load(path)
    assert rotated.retired == (prepared.next, A) and rotated.next is None and len(rotated.ids) == 3
    with changing(path) as file:
        file.replace(file.keys.cleared())
    cleared = MasterKeys.load(path)
    assert cleared == MasterKeys(current=rotated.current, past=(PastKey.of(prepared.next), PastKey.of(A)))
    assert base64.b64encode(A.secret) not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and os.listdir(tmp_path) == ["master.key"]


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_a_change_that_ends_halfway_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    path = tmp_path / "master.key"
    before = MasterKeys.load_or_create(path)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with changing(path) as file:
        with monkeypatch.context() as patched:
            patched.setattr(os, at, full)
            with pytest.raises(MasterKeyError, match=r"cannot be changed: No space left on device$"):
                file.replace(before.rotated())
        assert MasterKeys.load(path) == before == file.keys
        (tmp_path / ".master.key.draft").write_text("left by one that was killed")
        file.replace(before.rotated())
    assert MasterKeys.load(path).retired == (before.current,) and os.listdir(tmp_path) == ["master.key"]


def test_of_two_that_change_the_file_one_waits(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    first = MasterKeys.load_or_create(path)

    def rotate(_: int) -> None:
        with changing(path) as file:
            file.replace(file.keys.rotated())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(rotate, range(8)))
    keys = MasterKeys.load(path)
    assert len(keys.ids) == 9 and keys.retired[-1] == first.current


@pytest.mark.parametrize(
    "line", ["next", "next AAAA", "retired " + "A" * 43 + "=x", "old {b}", "{b}", "retired {a}", "next {b}\nnext {c}",
             "past 01234567 {a}", "past 01234567 {a} short", "retired {b}\nnext {b}"],
)  # fmt: skip
def test_a_line_that_is_no_key_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "master.key"
    a, b, c = (base64.b64encode(key.secret).decode() for key in (A, B, C))
    path.write_text(f"{a}\n{line}\n".format(a=a, b=b, c=c))
    path.chmod(0o600)
    with pytest.raises(MasterKeyError, match=r'master.key" has a line that is no key; restore it from a backup$'):
        MasterKeys.load(path)
