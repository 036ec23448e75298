"""The official JavaScript exporters, in JSON and in protobuf: all three signals."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.telemetry.tests.clients.world import ROOT, Lumina, ran

SEND = Path(__file__).parent / "javascript" / "send.mjs"
METRICS = {
    'js_requests_total{route="pay", instance="one", JOB}': 3,
    "js_open{JOB}": -2,
    "js_warmth_celsius{JOB}": 21.5,
    'js_time_seconds_bucket{le="1.0", JOB}': 2,
    "js_time_seconds_sum{JOB}": 5.55,
    "js_wide_count{JOB}": 4,
    'js_queue{queue="mail", JOB}': 4,
}


@dataclass(frozen=True)
class Sent:
    lumina: Lumina
    service: str
    trace_id: str


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node, brought by the workspace's own set-up with the packages of the lock."""
    done = subprocess.run([ROOT / "tools/bootstrap/workspace"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return f"{done.stdout.strip().rpartition(':')[2]}/node"


@pytest.fixture(scope="module", params=[("json", "none"), ("json", "gzip"), ("protobuf", "none"), ("protobuf", "gzip")])
def sent(request: pytest.FixtureRequest, lumina: Lumina, node: str) -> Sent:
    form, compression = request.param
    service = f"js-{form}-{compression}"
    environment = lumina.environment(service, OTEL_EXPORTER_OTLP_COMPRESSION=compression)
    return Sent(lumina, service, ran([node, SEND, form], environment))


def test_trace_arrives_whole(sent: Sent) -> None:
    nodes = sent.lumina.trace(sent.trace_id, spans=2)

    parent, child = nodes["POST /pay"]["span"], nodes["chat"]["span"]
    assert (parent["service"], parent["scope"], parent["kind"]) == (sent.service, "the-scope", "server")
    told = {"text": "é", "yes": True, "whole": 7, "part": 0.5, "texts": ["a", "b"], "numbers": [1, 2]}
    assert parent["attributes"] == told
    assert (child["parent_id"], child["kind"]) == (parent["span_id"], "client")
    assert (child["status"], child["status_message"]) == ("error", "refused")
    assert (child["links"][0]["span_id"], child["links"][0]["attributes"]) == (parent["span_id"], {"why": "retry"})
    tried, raised = child["events"]
    assert (tried["name"], tried["attributes"]) == ("tried", {"times": 2})
    assert (raised["name"], raised["attributes"]["exception.type"]) == ("exception", "TypeError")


def test_log_lies_beside_its_trace(sent: Sent) -> None:
    [record] = sent.lumina.logs(sent.trace_id)

    assert (record["body"], record["severity"], record["level"]) == ("card was refused", 13, "WARN")
    assert (record["service"], record["scope"], record["attributes"]) == (sent.service, "pay", {"shop.id": 9})
    assert record["span_id"] == sent.lumina.trace(sent.trace_id, spans=2)["chat"]["span"]["span_id"]


def test_metrics_have_the_values_that_were_recorded(sent: Sent) -> None:
    for expression, value in METRICS.items():
        asked = expression.replace("JOB", f'job="{sent.service}"')
        assert sent.lumina.value(asked) == pytest.approx(value), asked


def test_sender_with_an_unknown_key_is_told_so(lumina: Lumina, node: str) -> None:
    environment = lumina.environment("js", OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer lk-no")

    with pytest.raises(AssertionError, match="Unauthorized"):
        ran([node, SEND, "json"], environment)
