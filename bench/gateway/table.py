"""The results for people: a table of medians, and each aim with what was reached."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.gateway.load import Run
from bench.gateway.results import Results, p50, p99, per_cpu, rate

_TITLES = {
    "plain": "Whole answers: a request is answered at once by the stub",
    "stream": "Streams, as fast as they can be read: tokens carried",
    "paced": "Streams at a provider's pace (first token after 20 ms, then one each 10 ms): time to first token",
}
_PLAIN_HEAD = ("req/s", "p50 ms", "p99 ms", "added p50", "req/CPU-s", "failed")
_STREAM_HEAD = ("tokens/s", "TTFT p50", "TTFT p99", "added p50", "tok/CPU-s", "failed")


@dataclass(frozen=True)
class Aim:
    """A number that is to be at least, or else at most, `limit`."""

    what: str
    value: float
    limit: float
    at_least: bool = False

    def line(self) -> str:
        met = self.value >= self.limit if self.at_least else self.value <= self.limit
        sign = ">=" if self.at_least else "<="
        verdict = "met" if met else "NOT MET"
        return f"{self.what:<66}{self.value:10.3f}  aim {sign} {self.limit:g}: {verdict}"


def text(results: Results) -> str:
    """All of it, as fixed-width text."""
    lines = [line for kind in _kinds(results) for line in _section(results, kind)]
    memory = ", ".join(f"{name} {size:.0f}" for name, size in results.pss_mib.items())
    lines += [f"Memory after the load, PSS of the process and its children, MiB: {memory}", ""]
    lines += [aim.line() for aim in _aims(results)]
    lengths = ", ".join(f"{kind} {seconds:g} s" for kind, seconds in results.seconds.items())
    sizes = f"Medians of {results.repeats} interleaved runs ({lengths}). The load and the stub share"
    lines += ["", f"{sizes} the machine's cores with what is measured. LiteLLM: {results.peer or 'not measured'}."]
    return "\n".join(lines)


def _kinds(results: Results) -> list[str]:
    return list(dict.fromkeys(kind for kind, _, _ in results.runs))


def _section(results: Results, kind: str) -> Iterator[str]:
    yield _TITLES[kind]
    head = _PLAIN_HEAD if kind == "plain" else _STREAM_HEAD
    yield f"{'':>18}" + "".join(f"{name:>11}" for name in head)
    for found, clients, name in results.runs:
        if found == kind:
            yield _row(results, kind, clients, name)
    yield ""


def _row(results: Results, kind: str, clients: int, name: str) -> str:
    def median(read: Callable[[Run], float]) -> float:
        return results.median(kind, clients, name, read)

    efficiency = median(per_cpu)
    worked = f"{efficiency:11.0f}" if efficiency and (name, kind) != ("direct", "paced") else f"{'-':>11}"
    failed = sum(run.failed for run in results.runs[kind, clients, name])
    added = results.added_ms(kind, clients, name)
    label = f"{name} x{clients}"
    return f"{label:>18}{median(rate):11.0f}{median(p50):11.2f}{median(p99):11.2f}{added:11.2f}{worked}{failed:11}"


def _aims(results: Results) -> Iterator[Aim]:
    failed = sum(run.failed for runs in results.runs.values() for run in runs)
    yield Aim("Failed requests and streams, of all subjects", failed, 0)
    yield Aim("Lumina, requests per CPU-second, 64 clients", _efficiency(results, "plain", "lumina"), 1500, True)
    yield Aim("Lumina, memory, MiB", results.pss_mib["lumina"], 90)
    yield from _against_bare(results, "plain", "")
    yield from _against_bare(results, "stream", " to first token")
    yield from _against_bare(results, "paced", " to first token at a pace")
    if results.has("litellm"):
        yield _efficiency_against_litellm(results, "plain", "requests")
        yield _added_against_litellm(results, "plain", "")
        yield _efficiency_against_litellm(results, "stream", "tokens")
        yield _added_against_litellm(results, "stream", " to first token")
        yield _added_against_litellm(results, "paced", " to first token at a pace")


def _against_bare(results: Results, kind: str, what: str) -> Iterator[Aim]:
    added = results.added_ms(kind, 1, "lumina") / _above_zero(results.added_ms(kind, 1, "bare"))
    yield Aim(f"Lumina / bare, added p50{what}, one client", added, 2)
    tail = results.median(kind, 1, "lumina", p99) / _above_zero(results.median(kind, 1, "bare", p99))
    yield Aim(f"Lumina / bare, p99{what}, one client", tail, 3)


def _efficiency_against_litellm(results: Results, kind: str, unit: str) -> Aim:
    best = max(results.median(kind, clients, "litellm", per_cpu) for clients in (1, 64))
    ratio = _efficiency(results, kind, "lumina") / best if best else 0.0  # nothing is not beaten
    return Aim(f"Lumina / LiteLLM at its best, {unit} per CPU-second", ratio, 25, True)


def _added_against_litellm(results: Results, kind: str, what: str) -> Aim:
    added = results.added_ms(kind, 1, "lumina") / _above_zero(results.added_ms(kind, 1, "litellm"))
    return Aim(f"Lumina / LiteLLM, added p50{what}, one client", added, 1 / 20)


def _efficiency(results: Results, kind: str, subject: str) -> float:
    return results.median(kind, 64, subject, per_cpu)


def _above_zero(value: float) -> float:
    """Something to divide by: where noise makes the yardstick free, a microsecond."""
    return max(value, 0.001)
