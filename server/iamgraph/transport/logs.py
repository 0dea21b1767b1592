"""The log: a line of JSON a record, or of text for a terminal, written where no reader can hold a request up."""

from __future__ import annotations

import json
import logging
import sys
import threading
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import orjson
from aiohttp.http_exceptions import HttpProcessingError

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that this task works for. For the log alone: who asks is passed by hand."""

EVERY_SECONDS = 0.1
MAX_LINES = 10_000


class JsonFormatter(logging.Formatter):
    """One line of JSON: time, level, logger, message, the request's id if there is one, what the record has as `fields`,
    and a traceback in `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := REQUEST_ID.get():
            line["request_id"] = request_id
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=str).decode()
        except orjson.JSONEncodeError:
            # Half a surrogate pair, which UTF-8 has no bytes for.
            return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """One line of text, and a traceback below it. What can't be printed is escaped, so that no message begins a line."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        parts = [_time(record), record.levelname, record.name, message if message.isprintable() else ascii(message)]
        parts += [f"{name}={value}" for name, value in getattr(record, "fields", {}).items()]
        if (request_id := REQUEST_ID.get()) and request_id not in parts[-1]:
            parts.append(f"request_id={request_id}")
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _time(record: logging.LogRecord) -> str:
    seconds, rest = divmod(record.created, 1)
    return f"{_second(int(seconds))}.{int(rest * 1000):03}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class LineHandler(logging.Handler):
    """Writes lines from a thread of its own, at once where something is wrong and else ten times a second.

    A pipe that nobody empties would stall the event loop otherwise. Behind one that stays full, lines are dropped, and the
    next that gets through says how many.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: list[str] = []
        self._dropped = 0
        # Not the handler's own lock, which whoever closes it holds.
        self._turn = threading.Lock()
        self._wake, self._closing = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        with self._turn:
            if len(self._lines) >= MAX_LINES:
                self._dropped += 1
                return
            self._lines.append(line)
        if record.levelno >= logging.WARNING:
            self._wake.set()

    def close(self) -> None:
        """Write what is left; but not for longer than two seconds, since the pipe may be full."""
        self._closing = True
        self._wake.set()
        self._thread.join(2)
        super().close()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._closing
            self._wake.wait(EVERY_SECONDS)
            self._wake.clear()
            if lines := self._taken():
                self._write("\n".join(lines) + "\n")

    def _taken(self) -> list[str]:
        with self._turn:
            lines, dropped = self._lines, self._dropped
            self._lines, self._dropped = [], 0
        if dropped:
            lines.append(f'{{"level":"ERROR","logger":"{__name__}","message":"{dropped} lines were dropped"}}')
        return lines

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # The stream is closed, and nobody is left to tell.
            return


def tamed(record: logging.LogRecord) -> bool:
    """Let a record through; of bytes that are no HTTP request without those bytes, which may hold a token all the same."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.msg, record.args = "what came is no HTTP request: %s", (type(record.exc_info[1]).__name__,)
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.exc_info = record.exc_text = None
    return True


def log_to_stderr(format: str | None = None, level: str = "INFO") -> None:
    """Send the log to standard error. `format` is "json" or "text", None for text on a terminal and JSON elsewhere.

    The level is that of this program's own loggers: those of libraries stay at INFO, since below it they tell of
    statements and requests with all that is in them.
    """
    # None of these is in a line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    is_text = sys.stderr.isatty() if format is None else format == "text"
    handler = LineHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    logging.basicConfig(level=max(logging.INFO, getattr(logging, level)), handlers=[handler], force=True)
    logging.getLogger("iamgraph").setLevel(level)
    logging.getLogger("aiohttp.server").addFilter(tamed)
