"""Files that only their owner can read, written as a whole or not at all; and locks between the owner's processes."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..security.durable import sync_directory
from .errors import AgentError, NotEnrolled


def read_private(path: Path) -> bytes:
    """The content of a file that is its owner's alone. Raises FileNotFoundError, and NotEnrolled where others can read it or
    may have written it."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if status.st_mode & 0o077 or status.st_uid != os.geteuid():
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise NotEnrolled(f"{path} has mode {mode}, or another owner: it must be this user's alone (chmod 600)")
        return file.read()


def write_private(path: Path, content: bytes) -> None:
    """Put the content in the file's place, mode 0600. It is on the disk when this returns. INVARIANT: one process at a time
    writes a file, which the locks below see to; so what is left of another's write is one's that was killed."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        os.rename(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def open_lock(path: Path) -> BinaryIO:
    """A file that one of the owner's processes can take at a time. It is let go of when it is closed, as when a process
    ends."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "rb")


def takes(lock: BinaryIO) -> bool:
    """Take the lock. False where somebody has it: waiting would hold up whatever else this process does."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the one process that enrols in a folder, which is made if need be, or serves from it. Raises AgentError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_lock(folder / "agent.lock") as lock:
        if not takes(lock):
            raise AgentError(f"another process enrols in {folder}, or serves from it")
        yield
