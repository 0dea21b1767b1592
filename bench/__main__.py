"""`scripts/bench`: measure both, print a table, write JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import uvloop

from . import servers
from .load import Sample, answered, ask, measure, request
from .operations import LEAST_SIGN_INS, MOST_TAIL, Operation, batch, reads, sign_in
from .seed import Seeded, seed
from .storm import Storm, storm
from .table import aligned

TARGETS = ("baseline", "iamgraph")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    store: str | None
    users: int
    rounds: int
    seconds: float
    connections: int
    storm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `floor` is the least `ratio`; latencies are iamgraph's, in milliseconds."""

    operation: str
    baseline_rps: float
    rps: float
    ratio: float
    p50_ms: float
    p99_ms: float
    floor: float | None
    floor_holds: bool | None
    tail_holds: bool | None
    requests: int
    errors: int


async def bench(plan: Plan, say: Callable[[str], None]) -> tuple[list[Row], Storm]:
    """Seed, compare the answers, measure."""
    allowed = os.sched_getaffinity(0)
    server_core, load_core = servers.cores()
    os.sched_setaffinity(0, load_core)
    try:
        with tempfile.TemporaryDirectory(prefix="iamgraph-bench-") as name:
            return await _measured(plan, Path(name), server_core, say)
    finally:
        os.sched_setaffinity(0, allowed)


async def _measured(plan: Plan, folder: Path, core: set[int], say: Callable[[str], None]) -> tuple[list[Row], Storm]:
    async with servers.stores(plan.store, folder) as (our_store, naive_store):
        with servers.iamgraph(our_store, folder, core) as ours:
            our_port = ours.port
            say(f"seeding {plan.users} users")
            seeded = await seed(our_port, naive_store, plan.users)
            with servers.naive(naive_store, folder, core) as naive_port:
                ports = {"baseline": naive_port, "iamgraph": our_port}
                rows = [await _read(plan, one, ports, seeded, say) for one in reads(seeded)]
            many = batch()
            with servers.bare(await answered(our_port, many.bodies[0], seeded.token), folder, core) as bare_port:
                rows.append(await _read(plan, many, {"baseline": bare_port, "iamgraph": our_port}, seeded, say))
            say("sign-ins")
            rows.append(await _sign_ins(plan, our_port, core))
            say(f"a storm of {plan.storm} sign-ins")
            raged = await storm(
                our_port,
                reads(seeded)[0],
                seeded.token,
                at_once=plan.storm,
                rounds=plan.rounds,
                seconds=plan.seconds,
                connections=plan.connections,
            )
    return rows, raged


async def _read(
    plan: Plan, operation: Operation, ports: Mapping[str, int], seeded: Seeded, say: Callable[[str], None]
) -> Row:
    say(operation.name)
    tokens = {"baseline": None, "iamgraph": seeded.token}
    await _compare(operation, ports, seeded.token)
    samples: dict[str, list[Sample]] = {target: [] for target in TARGETS}
    for i in range(-1, plan.rounds):
        # By turns, and each in front as often, so that what else the machine does falls on both.
        for target in TARGETS if i % 2 else reversed(TARGETS):
            sample = await measure(
                ports[target],
                [request(ports[target], body, tokens[target]) for body in operation.bodies],
                connections=plan.connections,
                seconds=plan.seconds if i >= 0 else min(plan.seconds, 0.5),
                good=operation.good,
            )
            if i >= 0:
                samples[target].append(sample)
    baseline = statistics.median(sample.rps for sample in samples["baseline"])
    return _row(operation.name, baseline, samples["iamgraph"], samples["baseline"], floor=operation.floor)


async def _compare(operation: Operation, ports: Mapping[str, int], token: str) -> None:
    """Raise RuntimeError where the two do not say the same: then there is nothing to compare."""
    for body in operation.bodies[:20]:
        ours = _plain(await ask(ports["iamgraph"], body, token))
        theirs = _plain(await ask(ports["baseline"], body))
        if ours != theirs:
            raise RuntimeError(f"{operation.name}: the answers differ:\n{str(ours)[:500]}\n{str(theirs)[:500]}")


def _plain(answer: Any) -> Any:
    """The answer, with its instants as such: they are written in two ways."""
    if isinstance(answer, dict):
        return {
            key: datetime.fromisoformat(value) if key == "createdAt" else _plain(value) for key, value in answer.items()
        }
    return [_plain(item) for item in answer] if isinstance(answer, list) else answer


async def _sign_ins(plan: Plan, port: int, core: set[int]) -> Row:
    """Sign-ins beside bare hashing, of which a sign-in can't be faster."""
    samples, bare = [], []
    for _ in range(plan.rounds):
        bare.append(await servers.bare_hashes(plan.seconds, core))
        samples.append(
            await measure(
                port,
                [request(port, sign_in())],
                connections=plan.connections,
                seconds=plan.seconds,
                good=b'"accessToken"',
            )
        )
    return _row("sign-in (against bare argon2id)", statistics.median(bare), samples, (), floor=None)


def _row(name: str, baseline: float, ours: Sequence[Sample], theirs: Sequence[Sample], *, floor: float | None) -> Row:
    rps = statistics.median(sample.rps for sample in ours)
    p50, p99 = (statistics.median(sample.percentile(share) for sample in ours) for share in (0.5, 0.99))
    ratio = rps / baseline if baseline else 0.0
    return Row(
        operation=name,
        baseline_rps=baseline,
        rps=rps,
        ratio=ratio,
        p50_ms=p50 * 1000,
        p99_ms=p99 * 1000,
        floor=floor,
        floor_holds=None if floor is None else ratio >= floor,
        tail_holds=None if floor is None else p99 <= p50 * MOST_TAIL,
        requests=sum(sample.requests for sample in (*ours, *theirs)),
        errors=sum(sample.errors for sample in (*ours, *theirs)),
    )


def table(rows: Sequence[Row]) -> str:
    """The rows as a person reads them."""
    head = ("operation", "baseline rps", "ours rps", "ratio", "floor", "p50 ms", "p99 ms", "p99/p50", "errors", "holds")
    return aligned([head, *(_cells(row) for row in rows)])


def _cells(row: Row) -> tuple[str, ...]:
    tail = row.p99_ms / row.p50_ms if row.p50_ms else 0.0
    faults = [
        text
        for text, holds in (("ratio", row.floor_holds), ("p99", row.tail_holds), ("errors", row.errors == 0))
        if holds is False
    ]
    return (
        row.operation,
        f"{row.baseline_rps:.0f}",
        f"{row.rps:.0f}",
        f"{row.ratio:.2f}",
        "" if row.floor is None else f"{row.floor:.2f}",
        f"{row.p50_ms:.2f}",
        f"{row.p99_ms:.2f}",
        f"{tail:.2f}",
        str(row.errors),
        "no: " + ", ".join(faults) if faults else "yes" if row.floor is not None else "",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--store", help="postgres://… of a server whose user may create databases; SQLite otherwise")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go (bench.json)")
    parser.add_argument("--users", type=int, default=200, help="how many users there are (200)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each target is measured (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each time (2)")
    parser.add_argument("--connections", type=int, default=8, help="how many connections ask at once (8)")
    parser.add_argument("--storm", type=int, default=200, help="how many sign in at once in the storm (200)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 where every floor holds without an error."""
    given = _parser().parse_args(arguments)
    plan = Plan(
        store=given.store,
        users=given.users,
        rounds=given.rounds,
        seconds=given.seconds,
        connections=given.connections,
        storm=given.storm,
    )
    rows, raged = uvloop.run(bench(plan, lambda text: print(f"… {text}", file=sys.stderr, flush=True)))
    kind = "PostgreSQL" if plan.store else "SQLite"
    print(f"\n{kind}, {plan.users} users, {plan.rounds} rounds of {plan.seconds:g} s, {plan.connections} connections\n")
    print(table(rows))
    print(f"\n{raged}")
    print(
        f"\nA sign-in's baseline is bare hashing with the same parameters; its floor is {LEAST_SIGN_INS:.0f} a second on "
        f"a core that nothing else uses. p99 may be at most {MOST_TAIL:.0f} times p50."
    )
    figures = {
        "store": kind,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        **{name: getattr(plan, name) for name in ("users", "rounds", "seconds", "connections")},
        "rows": [asdict(row) for row in rows],
        "storm": asdict(raged),
    }
    given.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"figures in {given.json}")
    holds = all(row.errors == 0 and row.floor_holds is not False and row.tail_holds is not False for row in rows)
    return 0 if holds and raged.holds and raged.errors == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
