"""`python -m tools.soak --seconds 600`: a gateway at half of what it can carry, with faults and callers who leave.

A fifth of the requests are streams, 1% of the callers leave, and the provider spoils 1% of what it is asked. It fails
if memory, tasks or sockets grow after the warm-up, if anything is held when the load has ended, or if a request fails
that had not begun to stream. `--keep` writes the raw results to bench/results.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import uvloop

from tools.drills.faults import BEFORE, MIDWAY
from tools.drills.growth import GAUGES, Sample, growth, sample, until_idle
from tools.drills.kept import keep
from tools.drills.load import Callers, Mix, Tally
from tools.drills.world import Provider, configured, limited_key, pids, provider
from tools.running import Running

TOKENS, BACKENDS = 20, 3
BURST_CLIENTS, BURST_SECONDS = 300, 5.0
WARM_SHARE, LEAST_WARM_SECONDS = 0.2, 20.0
SAMPLE_SECONDS = 2.0
DRAIN_SECONDS = 60.0
MOST_HELD = 0.01
MOST_GROWTH, SLACK = 0.05, 8  # memory by share; a handful of tasks and sockets come and go by themselves
# a pause in a stream ends it soon, so that what stalls is seen to be let go within a short soak, too
GATEWAY = {"LUMINA_GATEWAY_STREAM_IDLE_TIMEOUT_SECONDS": "5", "LUMINA_PLATFORM_LOG_LEVEL": "warning"}
# three spoiled attempts in a row are one in a million requests, which a soak sends
ROUTER = {"router_settings": {"num_retries": 4}}


@dataclass
class Soak:
    """What was measured."""

    seconds: float
    saturation: float = 0.0
    tally: Tally = field(default_factory=Tally)
    samples: list[Sample] = field(default_factory=list)
    idle: list[Sample] = field(default_factory=list)  # before the load, and after it
    injected: dict[str, int] = field(default_factory=dict)


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    options = {"first": 5, "gap": 5, "tokens": TOKENS}
    with provider() as stub:
        routes = {"sound": [stub.url(**options)] * BACKENDS, "soak": [stub.url(**options, faults=100)] * BACKENDS}
        with configured(routes, settings=ROUTER, environment=GATEWAY) as running:
            soak = uvloop.run(_soak(running, stub, asked.seconds))
    findings = _findings(soak)
    print(_report(soak))
    print("\n".join(f"FAILED: {finding}" for finding in findings) or "Nothing grew, nothing was lost.")
    if asked.keep:
        print(f"Kept in {_keep(soak, findings)}.")
    return 1 if findings else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.soak")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--keep", action="store_true", help="write the raw results to bench/results")
    return parser


async def _soak(running: Running, stub: Provider, seconds: float) -> Soak:
    soak, pid = Soak(seconds), pids(running)["gateway"]
    burst = Callers(running.gateway, await limited_key(running, "burst"), Mix("sound", TOKENS), most=BURST_CLIENTS)
    soak.saturation = await burst.at_most(BURST_CLIENTS, BURST_SECONDS)
    burst.client.close()
    soak.idle.append(await until_idle(running, pid, DRAIN_SECONDS))
    print(f"{soak.saturation:.0f} requests a second at most; {soak.saturation / 2:.0f} for {seconds:.0f} s", flush=True)
    callers = Callers(running.gateway, await limited_key(running, "soak"), Mix("soak", TOKENS, leaving=0.01))
    until = time.monotonic() + seconds
    load = asyncio.ensure_future(callers.at_rate(soak.saturation / 2, lambda: time.monotonic() < until))
    while not load.done():
        soak.samples.append(await sample(running, pid))
        await asyncio.wait([load], timeout=SAMPLE_SECONDS)
    await load
    soak.idle.append(await until_idle(running, pid, DRAIN_SECONDS))
    soak.tally, soak.injected = callers.tally, await asyncio.to_thread(stub.stats)
    return soak


def _steady(soak: Soak) -> list[Sample]:
    """The samples under load after the warm-up."""
    first = soak.samples[0].at
    begin, end = first + max(soak.seconds * WARM_SHARE, LEAST_WARM_SECONDS), first + soak.seconds
    return [found for found in soak.samples if begin <= found.at <= end] or soak.samples


def _findings(soak: Soak) -> list[str]:
    return [*_unproven(soak), *_grown(_steady(soak)), *_held(soak), *_unexplained(soak)]


def _unproven(soak: Soak) -> Iterator[str]:
    """What a soak must have had to show anything."""
    if not soak.tally.outcomes["left"]:
        yield "no caller has left"
    if not any(soak.injected.get(fault) for fault in (*BEFORE, *MIDWAY)):
        yield "the provider has spoiled nothing"


def _grown(steady: list[Sample]) -> Iterator[str]:
    for name, values in (("PSS", [one.pss_kib for one in steady]), ("RSS", [one.rss_kib for one in steady])):
        if (grown := growth(values)) >= MOST_GROWTH:
            yield f"{name} grew by {grown:.1%} after the warm-up; less than {MOST_GROWTH:.0%} is the aim"


def _held(soak: Soak) -> Iterator[str]:
    """What the gateway has not let go."""
    before, after = soak.idle
    yield from (f"the gateway does not show lumina_gateway_{name}" for name in GAUGES if name not in after.gauges)
    for name in ("in_flight", "reservations"):
        if held := after.gauges.get(name, 0):
            yield f"{name} is {held:.0f} although no request is open"
    for name in ("tasks", "connections"):
        if (more := after.gauges.get(name, 0) - before.gauges.get(name, 0)) > SLACK:
            yield f"{more:.0f} more {name} than before the load"
    if (more := after.sockets - before.sockets) > SLACK:  # the burst before has opened as many to backends
        yield f"{more} more sockets than before the load"


def _unexplained(soak: Soak) -> list[str]:
    """Only a stream that had begun may fail, and only as often as the provider has spoiled one."""
    found = []
    if soak.tally.lost:
        found.append(f"{soak.tally.lost} requests failed that the gateway could have saved: {soak.tally.told()}")
    spoiled = sum(soak.injected.get(fault, 0) for fault in MIDWAY)
    if (told := soak.tally.outcomes["told"]) > spoiled:
        found.append(f"{told} streams failed, and the provider has spoiled only {spoiled}")
    outcomes = soak.tally.outcomes
    if outcomes["held"] > MOST_HELD * outcomes.total():
        found.append(f"{outcomes['held']} requests were not sent: the gateway did not keep up with half of its best")
    return found


def _report(soak: Soak) -> str:
    steady, (before, after) = _steady(soak), soak.idle
    lines = [f"outcomes: {dict(soak.tally.outcomes)}", f"failures: {dict(soak.tally.kinds())}"]
    lines.append(f"provider: {soak.injected}")
    for name, at in (("before", before), ("steady", steady[0]), ("at the end", steady[-1]), ("after", after)):
        gauges = ", ".join(f"{gauge} {at.gauges[gauge]:.0f}" for gauge in GAUGES if gauge in at.gauges)
        memory = f"PSS {at.pss_kib / 1024:.1f} MiB, RSS {at.rss_kib / 1024:.1f} MiB"
        lines.append(f"{name:>10}: {memory}, sockets {at.sockets}, {gauges}")
    grown = growth([one.pss_kib for one in steady])
    return "\n".join([*lines, f"PSS after the warm-up: {grown:+.2%}, over {len(steady)} samples"])


def _keep(soak: Soak, findings: list[str]) -> str:
    content = {
        "findings": findings,
        "seconds": soak.seconds,
        "saturation": soak.saturation,
        "outcomes": soak.tally.outcomes,
        "injected": soak.injected,
        "samples": [asdict(one) for one in (soak.idle[0], *soak.samples, soak.idle[-1])],
    }
    return keep("soak", content)


if __name__ == "__main__":
    sys.exit(main())
