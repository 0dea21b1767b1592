"""The file of the master keys: which one seals, which is next, which still open, and what is left of those that are gone.

The first line is the current key in base64; a file that has only that line is what a new server makes. Further lines, in
any order: `next BASE64`, `retired BASE64`, and `past ID BASE64 BASE64` with the two keys of the history that a key had.
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .chaining import PastKey
from .durable import sync_directory
from .sealing import KEY_BYTES, MasterKey, MasterKeyError

_LARGEST = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKeys:
    """What the file says. `current` seals. `next` and `retired` open what they sealed, `next` so that every server has it
    before anything is sealed under it. `past` keys only check the history."""

    current: MasterKey
    next: MasterKey | None = None
    retired: tuple[MasterKey, ...] = ()
    past: tuple[PastKey, ...] = ()

    @property
    def others(self) -> tuple[MasterKey, ...]:
        """The keys that open and don't seal."""
        return (*((self.next,) if self.next else ()), *self.retired)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the keys that open."""
        return frozenset(key.id for key in (self.current, *self.others))

    @property
    def retired_ids(self) -> tuple[str, ...]:
        return tuple(key.id for key in self.retired)

    def prepared(self) -> MasterKeys:
        """With a next key, made now unless there is one."""
        return self if self.next else replace(self, next=MasterKey(secret=os.urandom(KEY_BYTES)))

    def rotated(self) -> MasterKeys:
        """The next key is the current one, and the current one is retired."""
        if self.next is None:
            return self.prepared().rotated()
        return replace(self, current=self.next, next=None, retired=(self.current, *self.retired))

    def cleared(self) -> MasterKeys:
        """Without the retired keys, but for what checks the history that they made."""
        return replace(self, retired=(), past=(*map(PastKey.of, self.retired), *self.past))

    @classmethod
    def load(cls, path: Path) -> MasterKeys:
        """Raises FileNotFoundError, or MasterKeyError if the file is a symbolic link, no plain file, open to group or
        others, unreadable, or holds anything but keys."""
        text = _read_private(path)
        try:
            return _parsed(text.decode("ascii").strip().split("\n"))
        except (ValueError, IndexError):
            reason = f"does not hold {KEY_BYTES} bytes in base64"
            if b"\n" in text.strip():
                reason = "has a line that is no key"
            raise MasterKeyError(f'master key file "{path}" {reason}; restore it from a backup') from None

    @classmethod
    def load_or_create(cls, path: Path) -> MasterKeys:
        """Read the keys, or make one that is safely on the disk before this returns. Two servers that start at once end
        up with the same key. Raises MasterKeyError."""
        try:
            return cls.load(path)
        except FileNotFoundError:
            pass
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            made = cls(current=MasterKey(secret=os.urandom(KEY_BYTES)))
            try:
                _write_private(draft, made.text(), owner=None)
                os.link(draft, path)  # unlike a rename, never replaces a key that sealed something
            finally:
                draft.unlink(missing_ok=True)
            sync_directory(path.parent)
        except FileExistsError:
            pass  # another server was first: its key counts
        except OSError as error:
            raise MasterKeyError(f'master key file "{path}" cannot be made: {error.strerror}') from None
        return cls.load(path)

    def text(self) -> bytes:
        """The file's content."""
        lines = [_encoded(self.current.secret)]
        lines += [f"next {_encoded(self.next.secret)}"] if self.next else []
        lines += [f"retired {_encoded(key.secret)}" for key in self.retired]
        lines += [f"past {key.id} {_encoded(key.links)} {_encoded(key.heads)}" for key in self.past]
        return "".join(f"{line}\n" for line in lines).encode()


class KeyFile:
    """The file while nobody else changes it. See `changing`."""

    def __init__(self, path: Path, keys: MasterKeys) -> None:
        self.path, self.keys = path, keys

    def replace(self, keys: MasterKeys) -> None:
        """Put `keys` in the file: whole or not at all, on the disk when this returns, with the owner and mode that it has.
        Raises MasterKeyError."""
        draft = self.path.with_name(f".{self.path.name}.draft")
        try:
            draft.unlink(missing_ok=True)  # of one that was killed
            try:
                _write_private(draft, keys.text(), owner=self.path.stat())
                os.replace(draft, self.path)
            finally:
                draft.unlink(missing_ok=True)
            sync_directory(self.path.parent)
        except OSError as error:
            raise MasterKeyError(f'master key file "{self.path}" cannot be changed: {error.strerror}') from None
        self.keys = keys


@contextmanager
def changing(path: Path) -> Iterator[KeyFile]:
    """The file, for this process to change: of two that would, one waits, or a key that has sealed something could be lost.
    Raises FileNotFoundError, MasterKeyError."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield KeyFile(path, MasterKeys.load(path))
    finally:
        os.close(handle)


def _parsed(lines: Sequence[str]) -> MasterKeys:
    """Raises ValueError, IndexError."""
    keys = MasterKeys(current=_key(lines[0]))
    for line in lines[1:]:
        word, _, rest = line.partition(" ")
        if word == "next" and keys.next is None:
            keys = replace(keys, next=_key(rest))
        elif word == "retired":
            keys = replace(keys, retired=(*keys.retired, _key(rest)))
        elif word == "past":
            id, links, heads = rest.split(" ")
            past = PastKey(id=id, links=_key(links).secret, heads=_key(heads).secret)
            keys = replace(keys, past=(*keys.past, past))
        else:
            raise ValueError(word)
    if len(keys.ids) != 1 + len(keys.others):
        raise ValueError("the same key twice")
    return keys


def _key(text: str) -> MasterKey:
    return MasterKey(secret=base64.b64decode(text.strip(), validate=True))


def _encoded(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def _read_private(path: Path) -> bytes:
    try:
        # O_NONBLOCK, or a named pipe would hang the start.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        linked = path.is_symlink()
        reason = "is a symbolic link; name the file itself" if linked else f"cannot be read: {error.strerror}"
        raise MasterKeyError(f'master key file "{path}" {reason}') from None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise MasterKeyError(f'master key file "{path}" is not a plain file')
        if mode & 0o077:
            raise MasterKeyError(
                f'master key file "{path}" has mode {stat.S_IMODE(mode):04o}, open to others; run chmod 600 on it'
            )
        return os.read(handle, _LARGEST)
    finally:
        os.close(handle)


def _write_private(path: Path, content: bytes, *, owner: os.stat_result | None) -> None:
    """A new file, on the disk, mode 0600. With `owner` it belongs to whom that file does, who may not be who runs this."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        if owner is not None and (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(handle, owner.st_uid, owner.st_gid)
        file.write(content)
        file.flush()
        os.fsync(handle)
