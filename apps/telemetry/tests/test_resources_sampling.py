"""Host, processes and GPUs as metrics, under names that others know."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from opentelemetry.semconv._incubating.metrics import hw_metrics, process_metrics, system_metrics
from prometheus_client import CollectorRegistry, generate_latest

from lumina_kit.parts import PartState, PartStatus, SupervisorUnreachable
from lumina_telemetry.resources import Resources
from lumina_telemetry.resources.gpus import Gpus
from lumina_telemetry.resources.measured import KINDS, LOAD

CONVENTIONS = {
    value
    for module in (system_metrics, process_metrics, hw_metrics)
    for name, value in vars(module).items()
    if name.isupper()
}


def part(name: str, state: PartState = "ready", pid: int | None = None, restarts: int = 0) -> PartStatus:
    return PartStatus(name, state, pid, restarts, datetime(2026, 1, 1, tzinfo=UTC), 1234 if pid else None)


@dataclass
class Sampled:
    registry: CollectorRegistry

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def sum(self, name: str) -> float:
        found = [sample for family in self.registry.collect() for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in found)


async def sampled(home: Path, *parts: PartStatus, times: int = 1, gpus: Gpus | None = None) -> Sampled:
    async def told() -> Sequence[PartStatus]:
        return parts

    registry = CollectorRegistry()
    resources = Resources(home, told, registry, gpus)
    for _ in range(times):
        await resources.sample()
    return Sampled(registry)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_names_are_those_of_the_conventions_where_these_have_one(kind: object) -> None:
    name = kind.name  # type: ignore[attr-defined]  # parametrize gives objects

    assert name in CONVENTIONS or name.startswith("lumina.") or name == LOAD.name


async def test_the_host_is_told_whole(tmp_path: Path) -> None:
    host = await sampled(tmp_path, times=2)

    assert (host.value("system_cpu_logical_count") or 0) >= 1
    assert host.sum("system_cpu_time_seconds_total") > 0
    assert host.sum("system_cpu_utilization_ratio") in (0.0, pytest.approx(1.0))
    assert host.value("system_cpu_load_average", minutes="1") is not None
    limit = host.value("system_memory_limit_bytes") or 0
    assert 0 < (host.value("system_memory_usage_bytes", state="used") or 0) < limit
    assert 0 < (host.value("system_memory_utilization_ratio", state="used") or 0) < 1
    assert host.sum("system_network_io_bytes_total") >= 0


async def test_the_file_system_of_the_home_is_among_those_told(tmp_path: Path) -> None:
    host = await sampled(tmp_path)

    told = [sample for family in host.registry.collect() for sample in family.samples
            if sample.name == "system_filesystem_usage_bytes" and sample.labels["state"] == "free"]  # fmt: skip
    assert any(str(tmp_path).startswith(sample.labels["mountpoint"]) for sample in told)
    assert all(set(sample.labels) == {"device", "mountpoint", "type", "state"} for sample in told)


async def test_a_process_is_told_of_by_the_name_of_its_part(tmp_path: Path) -> None:
    process = await sampled(tmp_path, part("web", pid=os.getpid(), restarts=2), times=2)

    assert process.value("lumina_part_up", part="web") == 1
    assert process.value("lumina_part_restarts_total", part="web") == 2
    assert process.value("lumina_process_memory_pss_bytes", part="web") == 1234
    assert (process.value("process_cpu_time_seconds_total", part="web", state="user") or 0) > 0
    assert process.value("process_cpu_utilization_ratio", part="web") is not None
    assert (process.value("process_memory_usage_bytes", part="web") or 0) > 1_000_000
    assert (process.value("process_thread_count", part="web") or 0) >= 1
    assert (process.value("process_unix_file_descriptor_count", part="web") or 0) >= 3


async def test_an_idle_part_counts_as_up_and_a_failed_one_does_not(tmp_path: Path) -> None:
    told = await sampled(tmp_path, part("lazy", "idle"), part("broken", "failed"), part("gone", pid=2**22 + 1))

    assert [told.value("lumina_part_up", part=name) for name in ("lazy", "broken", "gone")] == [1, 0, 1]
    assert told.value("process_thread_count", part="gone") is None


async def test_without_a_supervisor_the_host_is_still_told_of(tmp_path: Path) -> None:
    async def silent() -> Sequence[PartStatus]:
        raise SupervisorUnreachable("Nobody there.")

    registry = CollectorRegistry()
    await Resources(tmp_path, silent, registry).sample()

    assert b"system_memory_limit_bytes" in generate_latest(registry)
    assert b"lumina_part_up" not in generate_latest(registry)


async def test_a_gpu_of_amd_is_read_from_the_kernel(tmp_path: Path) -> None:
    device = tmp_path / "card1" / "device"
    device.mkdir(parents=True)
    for name, text in (("gpu_busy_percent", "25"), ("mem_info_vram_used", "10"), ("mem_info_vram_total", "40")):
        (device / name).write_text(text + "\n")

    told = await sampled(tmp_path, gpus=Gpus(None, tmp_path))

    assert told.value("hw_gpu_utilization_ratio", hw_id="card1", hw_name="amd") == 0.25
    assert told.value("hw_gpu_memory_usage_bytes", hw_id="card1", hw_name="amd") == 10
    assert told.value("hw_gpu_memory_limit_bytes", hw_id="card1", hw_name="amd") == 40


def nvidia(*, broken: bool = False) -> SimpleNamespace:
    """NVIDIA's library as it answers for one card."""
    return SimpleNamespace(
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetName=lambda _: b"L40S",
        nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(used=1, total=1 // (0 if broken else 1)),
        nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=50),
    )


async def test_a_gpu_of_nvidia_is_read_through_its_library(tmp_path: Path) -> None:
    told = await sampled(tmp_path, gpus=Gpus(nvidia(), tmp_path))

    assert told.value("hw_gpu_utilization_ratio", hw_id="0", hw_name="L40S") == 0.5


async def test_a_gpu_that_fails_costs_no_other_reading(tmp_path: Path) -> None:
    told = await sampled(tmp_path, gpus=Gpus(nvidia(broken=True), tmp_path))

    assert told.value("hw_gpu_utilization_ratio", hw_id="0", hw_name="L40S") is None
    assert told.value("system_memory_limit_bytes") is not None
