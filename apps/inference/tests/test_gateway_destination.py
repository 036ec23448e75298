"""What the OpenTelemetry variables of an operator mean, and what is told of those that cannot be followed."""

from collections.abc import Sequence
from importlib.metadata import version

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans
from structlog.testing import capture_logs

from lumina_inference.gateway.destination import Destination

BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


def read(**environ: str) -> tuple[Destination, Sequence[str]]:
    """The destination, and the warnings that its variables brought."""
    with capture_logs() as lines:
        found = Destination.from_environment(environ)
    return found, [line["event"] for line in lines if line["log_level"] == "warning"]


def test_one_endpoint_serves_both_signals() -> None:
    found, warnings = read(**{BASE: "http://collector:4318/"})

    assert (found.traces, found.metrics) == ("http://collector:4318/v1/traces", "http://collector:4318/v1/metrics")
    assert (found.timeout_seconds, found.compress, warnings) == (10.0, True, [])


def test_endpoint_of_a_signal_is_taken_as_it_is() -> None:
    found, _ = read(**{TRACES: "https://traces.example/in"})

    assert (found.traces, found.metrics) == ("https://traces.example/in", None)


@pytest.mark.parametrize("signal", ["", "TRACES_", "METRICS_"])
def test_another_protocol_is_warned_of_by_name(signal: str) -> None:
    variable = f"OTEL_EXPORTER_OTLP_{signal}PROTOCOL"

    found, warnings = read(**{BASE: "http://collector:4317", variable: "grpc"})

    assert found.traces is not None
    assert len(warnings) == 1
    assert variable in warnings[0]
    assert "http/protobuf only" in warnings[0]


@pytest.mark.parametrize("protocol", ["", "http/protobuf"])
def test_the_protocol_that_is_spoken_is_not_warned_of(protocol: str) -> None:
    assert read(**{BASE: "http://collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})[1] == []


def test_protocol_is_not_warned_of_where_nothing_is_exported() -> None:
    assert read(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")[1] == []


@pytest.mark.parametrize(
    "address", ["collector:4317", "localhost", "http://", "http://[bad", "http://h:99999", "unix:/s"]
)
def test_endpoint_that_is_no_http_address_is_told_and_not_used(address: str) -> None:
    found, warnings = read(**{TRACES: address})

    assert found.traces is None
    assert len(warnings) == 1
    assert TRACES in warnings[0]


@pytest.mark.parametrize("timeout", ["soon", "-1", "0"])
def test_timeout_that_is_none_is_told_and_the_usual_one_kept(timeout: str) -> None:
    found, warnings = read(**{BASE: "http://collector:4318", "OTEL_EXPORTER_OTLP_TIMEOUT": timeout})

    assert found.timeout_seconds == 10
    assert len(warnings) == 1
    assert "OTEL_EXPORTER_OTLP_TIMEOUT" in warnings[0]


def attributes(found: Destination) -> dict[str, str]:
    resource = ResourceSpans.FromString(found.resource).resource
    return {pair.key: pair.value.string_value for pair in resource.attributes}


def test_our_own_telemetry_is_the_only_receiver_and_gets_plain_bytes() -> None:
    found, warnings = read(**{"LUMINA_TELEMETRY_SOCKET": "/run/t.sock", BASE: "grpc://elsewhere"})

    assert (found.traces, found.metrics) == ("http://telemetry/v1/traces", "http://telemetry/v1/metrics")
    assert (str(found.socket), found.compress, dict(found.headers)) == ("/run/t.sock", False, {})
    assert warnings == []


def test_resource_names_service_instance_and_version() -> None:
    found, _ = read(LUMINA_GATEWAY_INSTANCE="gateway-2", OTEL_RESOURCE_ATTRIBUTES="service.instance.id=host-a,a=b")

    assert attributes(found) == {
        "service.name": "lumina-gateway",
        "service.instance.id": "host-a/gateway-2",
        "service.version": version("lumina-inference"),
        "a": "b",
    }


def test_another_service_name_is_for_other_receivers_alone() -> None:
    renamed = {"OTEL_SERVICE_NAME": "edge"}
    own, _ = read(LUMINA_TELEMETRY_SOCKET="/run/t.sock", **renamed)
    other, _ = read(**{BASE: "http://collector:4318"}, **renamed)

    assert attributes(own)["service.name"] == "lumina-gateway"
    assert attributes(other)["service.name"] == "edge"
