"""The servers as processes of their own, on a core of their own, and the stores that they have."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from .seed import ACCOUNT, EMAIL, PASSWORD

START_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server's process, and the port that it answers at."""

    port: int
    pid: int

    @property
    def busy_seconds(self) -> float:
        """For how long it has used a processor, all of its threads together (`clock_getcpuclockid`)."""
        return time.clock_gettime((~self.pid << 3) | 2)


@asynccontextmanager
async def stores(store: str | None, folder: Path) -> AsyncIterator[tuple[str, str]]:
    """Two empty stores of one kind, iamgraph's and the naive app's: files in `folder`, or databases on the PostgreSQL
    server that `store` names, dropped at the end."""
    if store is None:
        yield f"sqlite://{folder / 'iamgraph.db'}", f"sqlite://{folder / 'naive.db'}"
        return
    suffix = secrets.token_hex(4)
    names = [f"bench_iamgraph_{suffix}", f"bench_naive_{suffix}"]
    try:
        for name in names:
            await _execute(store, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        ours, naive = (urlsplit(store)._replace(path=f"/{name}").geturl() for name in names)
        yield ours, naive
    finally:
        for name in names:
            await _execute(store, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def _execute(store: str, sql: str) -> None:
    connection = await asyncpg.connect(store)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def cores() -> tuple[set[int], set[int]]:
    """The core of the servers and the core of the load; the same where there is one only."""
    allowed = sorted(os.sched_getaffinity(0))
    return {allowed[0]}, {allowed[-1]}


@contextmanager
def iamgraph(store_url: str, folder: Path, core: set[int]) -> Iterator[Server]:
    """The whole product as an operator starts it, with its defaults but for the budget and the quota of users: one principal
    asks for all that there is, and makes users without end."""
    port = _free_port()
    settings = {
        "IAMGRAPH_DATABASE_URL": store_url,
        "IAMGRAPH_DATA_DIR": str(folder),
        "IAMGRAPH_PORT": str(port),
        "IAMGRAPH_BOOTSTRAP_ACCOUNT_ID": ACCOUNT,
        "IAMGRAPH_BOOTSTRAP_ROOT_EMAIL": EMAIL,
        "IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": PASSWORD,
        "IAMGRAPH_COST_LIMIT": "1000000",
        "IAMGRAPH_COST_RESTORE_RATE": "1000000",
        "IAMGRAPH_QUOTA_USERS_PER_ACCOUNT": "1000000",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IAMGRAPH_")}
    command = [sys.executable, "-c", "from iamgraph.cli.main import main; main()", "serve", "--setup"]
    with _running(command, {**kept, **settings}, core, port, folder / "iamgraph.log") as pid:
        yield Server(port=port, pid=pid)


@contextmanager
def moto(folder: Path, core: set[int]) -> Iterator[Server]:
    port = _free_port()
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, dict(os.environ), core, port, folder / "moto.log") as pid:
        yield Server(port=port, pid=pid)


@contextmanager
def naive(store_url: str, folder: Path, core: set[int]) -> Iterator[int]:
    port = _free_port()
    command = [sys.executable, "-m", "bench.naive", store_url, str(port)]
    with _running(command, dict(os.environ), core, port, folder / "naive.log"):
        yield port


@contextmanager
def bare(answer: bytes, folder: Path, core: set[int]) -> Iterator[int]:
    """What gives that answer to everything."""
    port = _free_port()
    file = folder / "answer.json"
    file.write_bytes(answer)
    command = [sys.executable, "-m", "bench.bare", str(file), str(port)]
    with _running(command, dict(os.environ), core, port, folder / "bare.log"):
        yield port


@contextmanager
def _running(command: Sequence[str], environ: Mapping[str, str], core: set[int], port: int, log: Path) -> Iterator[int]:
    """Gives the process's id."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environ,
            cwd=Path(__file__).parent.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.sched_setaffinity(0, core),
        )
        try:
            _wait(process, port, log)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return once the server takes connections."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"a server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def bare_hashes(seconds: float, core: set[int]) -> float:
    """How many passwords a second a process checks that does nothing else, with the parameters that iamgraph has by
    default."""
    program = (
        "import sys, time, argon2\n"
        "hasher = argon2.PasswordHasher(memory_cost=12288, time_cost=3, parallelism=1)\n"
        "hashed, count, began = hasher.hash('a-Reader-passw0rd'), 0, time.perf_counter()\n"
        "while time.perf_counter() - began < float(sys.argv[1]):\n"
        "    hasher.verify(hashed, 'a-Reader-passw0rd')\n"
        "    count += 1\n"
        "print(count / (time.perf_counter() - began))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        str(seconds),
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, core),
    )
    output, _ = await process.communicate()
    return float(output)
