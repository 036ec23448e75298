"""MLflow's OTLP export: the tree of a traced function, without what went in and came out."""

from apps.telemetry.tests.clients.world import Lumina, ran_python

SAID = "zebra-that-was-asked"


def test_tree_arrives_without_inputs_and_outputs(lumina: Lumina) -> None:
    # MLflow takes a base endpoint for metrics too, which its small package cannot count
    environment = lumina.environment(
        "mlflow-agent",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=lumina.endpoint("traces"),
        MLFLOW_TRACKING_URI="mlruns",
    )
    del environment["OTEL_EXPORTER_OTLP_ENDPOINT"]

    ran_python("mlflow_call.py", environment, SAID)

    nodes = lumina.trace(lumina.newest_trace("mlflow-agent"), spans=2)
    assert [(name, node["depth"]) for name, node in nodes.items()] == [("answer", 0), ("shorten", 1)]
    for node, kind in zip(nodes.values(), ("AGENT", "TOOL"), strict=True):
        attributes = node["span"]["attributes"]
        assert attributes["mlflow.spanType"] == f'"{kind}"'
        assert {"mlflow.spanInputs", "mlflow.spanOutputs"}.isdisjoint(attributes)
    assert nodes["shorten"]["span"]["attributes"]["shop.id"] == "9"
    assert SAID.lower() not in str(nodes).lower()
