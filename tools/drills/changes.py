"""`python -m tools.drills.changes`: configuration and keys change under load, and no request fails.

Backends come and go, weights change, a broken file is put in place and mended, keys are made and revoked. Each good
change is in force within seconds: a route that comes with it answers.
"""

import asyncio
import sys

import uvloop

from tools.drills.client import Outcome
from tools.drills.load import Callers, Mix
from tools.drills.world import Configured, Provider, asked, configured, limited_key, provider, write_config

TOKENS, PER_SECOND, ROUNDS = 10, 200, 12
IN_FORCE_SECONDS = 10.0


def main() -> int:
    with provider() as one, provider() as other, configured(_routes(one, other, 0)) as running:
        findings = uvloop.run(_drill(running, one, other))
    print("\n".join(f"FAILED: {finding}" for finding in findings) or "Every request had its answer.")
    return 1 if findings else 0


async def _drill(running: Configured, one: Provider, other: Provider) -> list[str]:
    going = [True]
    key = await limited_key(running, "changes")
    callers = Callers(running.gateway, key, Mix("m", TOKENS, streams=0.5, fresh=0.2), most=2000)
    load = asyncio.ensure_future(callers.at_rate(PER_SECOND, lambda: bool(going)))
    findings = []
    for number in range(1, ROUNDS + 1):
        if number % 4 == 0:
            running.config.write_text("model_list: [")
            await asyncio.sleep(1)
        write_config(running.config, _routes(one, other, number))
        findings += await _keys_come_and_go(running, number)
        if not await _answers(running, f"round-{number}"):
            findings.append(f"the configuration of round {number} was not in force after {IN_FORCE_SECONDS:.0f} s")
    going.clear()
    await load
    outcomes = callers.tally.outcomes
    print(f"{ROUNDS} changes: {dict(outcomes)}, slowest {callers.tally.slowest:.2f} s", flush=True)
    if failed := callers.tally.failed:
        findings.append(f"{failed} requests failed: {callers.tally.told()}")
    return findings


def _routes(one: Provider, other: Provider, number: int) -> dict[str, list[str]]:
    """Each round another set of backends behind the route under load, and a route of its own."""
    paced = [stub.url(first=20 + number, gap=5, tokens=TOKENS) for stub in (one, other)]
    sets = (paced, paced[:1], paced[1:], [*paced, one.url(first=10, tokens=TOKENS)])
    return {"m": sets[number % len(sets)], f"round-{number}": [one.url(tokens=TOKENS)]}


async def _keys_come_and_go(running: Configured, number: int) -> list[str]:
    """A key made in this round answers at once; revoked, it soon does no more."""
    secret = await limited_key(running, f"round-{number}", budget_usd="5")
    listed = await asked(running, "GET", "/api/governance/keys")
    mine = next(key["id"] for key in listed["items"] if key["name"] == f"round-{number}")
    callers = Callers(running.gateway, secret, Mix("m", TOKENS))
    await callers.ask()
    findings = [] if callers.tally.outcomes["answered"] else [f"a new key was refused: {callers.tally.told()}"]
    await asked(running, "DELETE", f"/api/governance/keys/{mine}")
    if not await _until(callers, "refused"):
        findings.append(f"a revoked key was taken {IN_FORCE_SECONDS:.0f} s later")
    return findings


async def _answers(running: Configured, model: str) -> bool:
    return await _until(Callers(running.gateway, running.admin_key, Mix(model, TOKENS, streams=0.0)), "answered")


async def _until(callers: Callers, outcome: Outcome) -> bool:
    """Whether a request has this outcome in time."""
    try:
        async with asyncio.timeout(IN_FORCE_SECONDS):
            while not callers.tally.outcomes[outcome]:
                await callers.ask()
                await asyncio.sleep(0.1)
    except TimeoutError:
        return False
    finally:
        callers.client.close()
    return True


if __name__ == "__main__":
    sys.exit(main())
