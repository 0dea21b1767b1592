"""The master keys as a running server has them: it takes a changed file without being started again."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from .chaining import ChainKeys
from .keyfile import MasterKeys
from .sealing import MasterKeyError, Sealer

log = logging.getLogger(__name__)


class KeyRing:
    """What seals, opens and chains, under the keys of a file. The file is read again when it has changed: by `refresh`, and
    at once where a value names a key that is not known yet."""

    def __init__(self, path: Path) -> None:
        """Makes the file where there is none. Raises MasterKeyError."""
        self._path = path
        keys = MasterKeys.load_or_create(path)
        self._stamp: tuple[int, ...] | None = None  # so that the first refresh sees a change between these two lines
        self._said: str | None = None
        self.keys = keys
        self.sealer = Sealer(keys.current, retired=keys.others, missing=self.refresh)
        self.chains = ChainKeys(keys.current, retired=keys.others, past=keys.past)

    def refresh(self) -> None:
        """Take the file's keys if it has changed. One that can't be read, or that lacks the key that this server seals
        with, changes nothing and is told once."""
        try:
            found = self._path.stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
            if stamp == self._stamp:
                return
            keys = MasterKeys.load(self._path)
        except (OSError, MasterKeyError) as error:
            return self._tell(str(error))
        if self.keys.current.id not in keys.ids and self.keys.current.id not in {key.id for key in keys.past}:
            return self._tell(f'master key file "{self._path}" has no longer key {self.keys.current.id}')
        self._stamp, self._said = stamp, None
        if keys.next is not None and keys.next.id == self.keys.current.id:
            # The store has told already that the next key is the current one.
            keys = keys.rotated()
        self._take(keys)
        return None

    def advance(self) -> None:
        """The next key is the current one from now on, whatever the file says."""
        self._take(self.keys.rotated())

    def _take(self, keys: MasterKeys) -> None:
        # INVARIANT: a key that this process may have sealed with opens as long as it runs, also after the file has lost it:
        # a value could be committed after nobody had found one any more.
        lost = tuple(key for key in (self.keys.current, *self.keys.retired) if key.id not in keys.ids)
        if keys.current.id != self.keys.current.id:
            log.info("secrets are sealed under master key %s from now on", keys.current.id)
        self.keys = keys = replace(keys, retired=(*keys.retired, *lost))
        self.sealer.use(keys.current, retired=keys.others)
        self.chains.use(keys.current, retired=keys.others, past=keys.past)

    def _tell(self, text: str) -> None:
        if text != self._said:
            log.error("the master keys stay as they were: %s", text)
        self._said = text
