"""Measures AWS's wire beside moto's server, its checks on: `scripts/bench aws`."""

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
from itertools import count
from pathlib import Path

import uvloop

from . import servers
from .aws_world import PATH, ROLE, USERS, Target, motos, ours, shown
from .load import Sample, measure
from .table import aligned

MOST_MADE = 3_000
"""How many users a second a server may make at most: so many requests are signed before a round."""
TARGETS = ("moto", "iamgraph")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One of AWS's operations. `floor` is the least ratio of iamgraph's throughput to moto's. Where it `is_unique`, each
    request is another: `{i}` stands for its number."""

    name: str
    service: str
    floor: float
    parameters: Mapping[str, str]
    good: bytes
    is_unique: bool = False


OPERATIONS = (
    Operation(name="GetCallerIdentity", service="sts", floor=8.0, parameters={}, good=b":user/admin</Arn>"),
    Operation(name="GetUser", service="iam", floor=5.0, parameters={"UserName": "user-0042"}, good=b"user-0042</Arn>"),
    Operation(
        name="ListUsers",
        service="iam",
        floor=10.0,
        parameters={"PathPrefix": PATH, "MaxItems": str(USERS)},
        good=b"user-0099</Arn>",
    ),
    Operation(
        name="AssumeRole",
        service="sts",
        floor=4.0,
        parameters={"RoleArn": f"arn:aws:iam::{{account}}:role/{ROLE}", "RoleSessionName": "bench"},
        good=b"</SessionToken>",
    ),
    # Last: moto walks all users for who asks, and gets slower with each.
    Operation(
        name="CreateUser",
        service="iam",
        floor=3.0,
        parameters={"UserName": "made-{i}", "Path": "/made/"},
        good=b"</UserId>",
        is_unique=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    store: str | None
    rounds: int
    seconds: float
    connections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: medians of the rounds. `cpu_us` is the processor time of iamgraph's process for a request, and
    `moto_cpu_us` of moto's, in microseconds; the database's is beside that."""

    operation: str
    moto_rps: float
    rps: float
    ratio: float
    floor: float
    moto_cpu_us: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    requests: int
    errors: int

    @property
    def holds(self) -> bool:
        return self.ratio >= self.floor and not self.errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A round against one server, and for how long that used a processor for each request."""

    sample: Sample
    cpu_us: float


async def bench(plan: Plan, say: Callable[[str], None]) -> list[Row]:
    """Fill both, compare their answers, measure."""
    allowed = os.sched_getaffinity(0)
    server_core, load_core = servers.cores()
    os.sched_setaffinity(0, load_core)
    try:
        with tempfile.TemporaryDirectory(prefix="iamgraph-bench-") as name:
            return await _measured(plan, Path(name), server_core, say)
    finally:
        os.sched_setaffinity(0, allowed)


async def _measured(plan: Plan, folder: Path, core: set[int], say: Callable[[str], None]) -> list[Row]:
    async with servers.stores(plan.store, folder) as (store_url, _):
        with servers.iamgraph(store_url, folder, core) as iamgraph, servers.moto(folder, core) as moto:
            say("filling both")
            targets = {"moto": motos(moto.port), "iamgraph": await ours(iamgraph.port)}
            compare(targets)
            processes = {"moto": moto, "iamgraph": iamgraph}
            return [await _operation(plan, one, targets, processes, say) for one in OPERATIONS]


def compare(targets: Mapping[str, Target]) -> None:
    """Raise RuntimeError where the two do not say the same: then there is nothing to compare."""
    theirs, own = (shown(targets[name]) for name in TARGETS)
    for what, answer in theirs.items():
        if own[what] != answer:
            raise RuntimeError(f"{what}: the answers differ:\n{str(own[what])[:500]}\n{str(answer)[:500]}")


async def _operation(
    plan: Plan,
    operation: Operation,
    targets: Mapping[str, Target],
    processes: Mapping[str, servers.Server],
    say: Callable[[str], None],
) -> Row:
    say(operation.name)
    numbers = count()
    rounds: dict[str, list[Round]] = {name: [] for name in TARGETS}
    for i in range(-1, plan.rounds):
        seconds = plan.seconds if i >= 0 else min(plan.seconds, 0.5)
        # By turns, and each in front as often, so that what else the machine does falls on both.
        for name in TARGETS if i % 2 else reversed(TARGETS):
            requests = _signed(operation, targets[name], numbers, seconds)
            began = processes[name].busy_seconds
            sample = await measure(
                targets[name].port, requests, connections=plan.connections, seconds=seconds, good=operation.good
            )
            busy = processes[name].busy_seconds - began
            if i >= 0:
                rounds[name].append(Round(sample=sample, cpu_us=busy * 1e6 / sample.requests))
    return _row(operation, rounds["moto"], rounds["iamgraph"])


def _signed(operation: Operation, target: Target, numbers: count[int], seconds: float) -> list[bytes]:
    """The requests of a round."""
    how_many = int(MOST_MADE * seconds) if operation.is_unique else 1
    return [
        target.request(
            operation.service,
            {
                "Action": operation.name,
                **{
                    name: value.format(i=next(numbers), account=target.account) if "{" in value else value
                    for name, value in operation.parameters.items()
                },
            },
        )
        for _ in range(how_many)
    ]


def _row(operation: Operation, theirs: Sequence[Round], own: Sequence[Round]) -> Row:
    moto_rps, rps = (statistics.median(one.sample.rps for one in rounds) for rounds in (theirs, own))
    moto_cpu, cpu = (statistics.median(one.cpu_us for one in rounds) for rounds in (theirs, own))
    p50, p99 = (statistics.median(one.sample.percentile(share) for one in own) for share in (0.5, 0.99))
    every = [one.sample for one in (*theirs, *own)]
    return Row(
        operation=operation.name,
        moto_rps=moto_rps,
        rps=rps,
        ratio=rps / moto_rps if moto_rps else 0.0,
        floor=operation.floor,
        moto_cpu_us=moto_cpu,
        cpu_us=cpu,
        p50_ms=p50 * 1000,
        p99_ms=p99 * 1000,
        requests=sum(sample.requests for sample in every),
        errors=sum(sample.errors for sample in every),
    )


def table(rows: Sequence[Row]) -> str:
    """The rows as a person reads them."""
    head = (
        "operation",
        "moto rps",
        "ours rps",
        "ratio",
        "floor",
        "moto us",
        "ours us",
        "p50 ms",
        "p99 ms",
        "errors",
        "holds",
    )
    return aligned([head, *(_cells(row) for row in rows)])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.operation,
        f"{row.moto_rps:.0f}",
        f"{row.rps:.0f}",
        f"{row.ratio:.1f}",
        f"{row.floor:.0f}",
        f"{row.moto_cpu_us:.0f}",
        f"{row.cpu_us:.0f}",
        f"{row.p50_ms:.2f}",
        f"{row.p99_ms:.2f}",
        str(row.errors),
        "yes" if row.holds else "no",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench aws", description=__doc__)
    parser.add_argument("--store", help="postgres://… of a server whose user may create databases; SQLite otherwise")
    parser.add_argument("--json", type=Path, default=Path("aws.json"), help="where the figures go (aws.json)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each target is measured (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each time (2)")
    parser.add_argument("--connections", type=int, default=8, help="how many connections ask at once (8)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 where every floor holds without an error."""
    given = _parser().parse_args(arguments)
    plan = Plan(store=given.store, rounds=given.rounds, seconds=given.seconds, connections=given.connections)
    rows = uvloop.run(bench(plan, lambda text: print(f"… {text}", file=sys.stderr, flush=True)))
    kind = "PostgreSQL" if plan.store else "SQLite"
    print(f"\n{kind}, {plan.rounds} rounds of {plan.seconds:g} s, {plan.connections} connections\n")
    print(table(rows))
    print("\nmoto checks signatures and policies, and keeps nothing. us is a process's time for a request.")
    figures = {
        "store": kind,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        **{name: getattr(plan, name) for name in ("rounds", "seconds", "connections")},
        "rows": [{**asdict(row), "holds": row.holds} for row in rows],
    }
    given.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"figures in {given.json}")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
