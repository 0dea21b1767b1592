"""Measures the policy engine in process, beside cedarpy and pycasbin: `scripts/bench engine`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

from iamgraph.domain.policy.evaluate import Bound, Decision, Layers, Match, PolicyKind

from . import servers
from .engine_peers import Casbin, Cedar
from .engine_world import ACCOUNT, ALICE, Ask, World, world

COLD, WARM, BATCH, GROWTH = 10.0, 50.0, 50.0, 2.0
_LAYERS = {PolicyKind.SERVICE_CONTROL: "scp", PolicyKind.RESOURCE_CONTROL: "rcp", PolicyKind.RESOURCE: "resource"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: microseconds a decision. `ratio` is cedarpy's over ours, `floor` the least of it."""

    what: str
    casbin_us: float | None
    cedar_us: float
    ours_us: float
    ratio: float
    floor: float

    @property
    def holds(self) -> bool:
        return self.ratio >= self.floor


def one(layers: Layers, ask: Ask) -> Decision:
    """A decision of its own: the request's context is new, only the policies are ready."""
    return Bound(ALICE, dict(ask.context), layers).decide(ask.action, ask.resource, ACCOUNT)


def names(decision: Decision) -> frozenset[str]:
    """The deciding statements as the peers call them."""
    return frozenset(_name(match) for match in decision.because)


def _name(match: Match) -> str:
    layer = _LAYERS.get(match.kind)
    if layer is None:
        return f"identity.{match.index}.{match.statement_index}"
    # The first statement of the SCP is its allow.
    return f"{layer}.{match.statement_index - (layer == 'scp')}"


def compare(of: World, layers: Layers | None = None) -> Counter[str]:
    """Raise RuntimeError where the three differ in an answer, or two in its reason. Gives how often each answer came.
    `layers` are ours, where they are not the world's."""
    layers, cedar, peer = layers or of.layers(), Cedar(of), Casbin(of)
    outcomes: Counter[str] = Counter()
    for ask in (*of.asks, *of.batch):
        decision = one(layers, ask)
        ours = (decision.outcome.value, names(decision))
        theirs = cedar.answer(cedar.decide(cedar.request(ask)))
        if ours != theirs or decision.allowed is not peer.decide(ask):
            raise RuntimeError(f"{ask}: iamgraph says {ours}, cedarpy {theirs}, pycasbin {peer.decide(ask)}")
        outcomes[ours[0]] += 1
    return outcomes


def bench(rounds: int, seconds: float) -> list[Row]:
    """Measure, each engine by turns."""
    small, large = world(10), world(100)
    layers, many = small.layers(), large.layers()
    cedar, wide, peer = Cedar(small), Cedar(large), Casbin(small)
    asks, requests = small.asks, [cedar.request(ask) for ask in small.asks]
    batch = [cedar.request(ask) for ask in small.batch]
    bounds = {id(ask.context): Bound(ALICE, ask.context, layers) for ask in asks}
    warm = [(bounds[id(ask.context)].decide, ask.action, ask.resource) for ask in asks]
    first = small.batch[0]
    resources = [ask.resource for ask in small.batch]

    def ours_in_batch() -> None:
        bound = Bound(ALICE, dict(first.context), layers)
        for resource in resources:
            bound.decide(first.action, resource, ACCOUNT)

    works: dict[str, tuple[int, Callable[[], object]]] = {
        "casbin": (len(asks), lambda: [peer.decide(ask) for ask in asks]),
        "cedar": (len(asks), lambda: [cedar.decide(request) for request in requests]),
        "cold": (len(asks), lambda: [one(layers, ask) for ask in asks]),
        "warm": (len(asks), lambda: [decide(action, resource, ACCOUNT) for decide, action, resource in warm]),
        "cedar batch": (len(batch), lambda: cedar.decide_many(batch)),
        "batch": (len(batch), ours_in_batch),
        "cedar 100": (len(asks), lambda: [wide.decide(request) for request in requests]),
        "cold 100": (len(asks), lambda: [one(many, ask) for ask in asks]),
    }
    figures: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, (decisions, work) in works.items():
            figures[name].append(_microseconds(work, decisions, seconds))
    cost = {name: statistics.median(found) for name, found in figures.items()}
    return [
        _row("one, its context new", cost["casbin"], cost["cedar"], cost["cold"], COLD),
        _row("one, its context bound", cost["casbin"], cost["cedar"], cost["warm"], WARM),
        _row("each of 100 resources", None, cost["cedar batch"], cost["batch"], BATCH),
        _row("one, 100 policies", None, cost["cedar 100"], cost["cold 100"], COLD),
    ]


def _row(what: str, casbin_us: float | None, cedar_us: float, ours_us: float, floor: float) -> Row:
    ratio = cedar_us / ours_us
    return Row(what=what, casbin_us=casbin_us, cedar_us=cedar_us, ours_us=ours_us, ratio=ratio, floor=floor)


def _microseconds(work: Callable[[], object], decisions: int, seconds: float) -> float:
    times, until = 0, process_time() + seconds
    start = process_time()
    while (now := process_time()) < until or not times:
        work()
        times += 1
    return (now - start) / times / decisions * 1e6


def table(rows: Sequence[Row]) -> str:
    """The rows as a person reads them."""
    lines = [f"{'us a decision':24}{'pycasbin':>10}{'cedarpy':>10}{'ours':>8}{'ratio':>8}{'floor':>7}  holds"]
    for row in rows:
        casbin = "" if row.casbin_us is None else f"{row.casbin_us:.0f}"
        figures = f"{casbin:>10}{row.cedar_us:>10.1f}{row.ours_us:>8.2f}{row.ratio:>8.1f}{row.floor:>7.0f}"
        lines.append(f"{row.what:24}{figures}  {'yes' if row.holds else 'no'}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 where every floor holds."""
    parser = argparse.ArgumentParser(prog="scripts/bench engine", description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("engine.json"), help="where the figures go (engine.json)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each engine is measured (5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each time (1)")
    given = parser.parse_args(arguments)
    outcomes = compare(world(10)) + compare(world(100))
    print(f"the answers are equal: {dict(outcomes)}", file=sys.stderr, flush=True)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, servers.cores()[0])
    try:
        rows = bench(given.rounds, given.seconds)
    finally:
        os.sched_setaffinity(0, allowed)
    growth = rows[3].ours_us / rows[0].ours_us
    print(table(rows))
    print(f"\n100 policies cost {growth:.2f} times what 10 cost; at most {GROWTH:.0f} is held to.")
    figures = {
        "python": platform.python_version(),
        "rounds": given.rounds,
        "seconds": given.seconds,
        "outcomes": dict(outcomes),
        "growth": growth,
        "rows": [{**asdict(row), "holds": row.holds} for row in rows],
    }
    given.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"figures in {given.json}")
    return 0 if growth <= GROWTH and all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
