"""Grafana's dashboards hold nothing of one installation, and ask only for what a running Lumina emits and answers."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import httpx
import pytest
import yaml

from lumina_platform.cli.target import Target
from tools.dashboards.__main__ import stale
from tools.dashboards.queries import OURS
from tools.tests import dashboards_world as world
from tools.tests.dashboards_world import DASHBOARDS, GRAFANA, SCRAPED, Emitted

PROMETHEUS = "/api/telemetry/prometheus/api/v1"
SECONDS = 20
each_dashboard = pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)


@pytest.fixture(scope="module")
def control(running: Target) -> Iterator[httpx.Client]:
    with _client(running.control, running.key) as client:
        yield client


@pytest.fixture(scope="module")
def gateway(running: Target) -> Iterator[httpx.Client]:
    assert running.gateway is not None
    with _client(running.gateway, running.key) as client:
        yield client


@pytest.fixture(scope="module")
def lumina_emits(control: httpx.Client, gateway: httpx.Client) -> Emitted:
    """What both planes show after a few requests; labels of what has no sample yet come from the code."""
    _ask(control, gateway)
    shown = [client.get("/metrics").raise_for_status().text for client in (control, gateway)]
    found, code = world.emitted(*shown), world.declared()
    return {name: labels | code.get(name, set()) | SCRAPED for name, labels in found.items()}


@pytest.fixture(scope="module")
def known(lumina_emits: Emitted, control: httpx.Client) -> Emitted:
    """That, and what rules and a GPU bring."""
    rules = world.recorded(control.get("/api/telemetry/slos/rules").raise_for_status().text)
    return {**world.gpus(), **rules, **world.OF_ALERTS, **lumina_emits}


def test_files_are_what_the_code_says() -> None:
    assert stale() == []


@each_dashboard
def test_no_identifier_of_an_installation_is_in_a_dashboard(file: Path) -> None:
    board = world.read(file)

    sources = re.findall(r'"uid": "([^"]+)"', file.read_text())

    assert set(sources) == {"${datasource}", board["uid"]}
    assert (
        board["templating"]["list"][0] | {"type": "datasource", "query": "prometheus"} == board["templating"]["list"][0]
    )
    assert "id" not in board


@each_dashboard
def test_every_panel_has_what_a_reader_needs(file: Path) -> None:
    panels = [panel for panel in world.read(file)["panels"] if panel["type"] != "row"]

    for panel in panels:
        told = panel["title"] and panel["description"].endswith(".")
        letters = [target["refId"] for target in panel["targets"]]

        assert told, panel["title"]
        assert panel["type"] in ("table", "state-timeline") or panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert letters == sorted(set(letters)), panel["title"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]


@each_dashboard
def test_metrics_and_labels_of_every_query_are_emitted(file: Path, known: Emitted) -> None:
    asked = {use for target in world.targets(file) for use in world.uses(target["expr"])}
    asked |= {use for metric, label in world.choices(file) for use in ((metric, ""), (metric, label))}

    assert _unknown(asked, known) == []


@each_dashboard
def test_lumina_answers_every_query_of_a_dashboard(file: Path, control: httpx.Client) -> None:
    now = time.time()
    during = {"start": now - 3600, "end": now}

    for target in world.targets(file):
        query = {"query": target["expr"]}
        answers = [
            control.post(f"{PROMETHEUS}/query", data=query)
            if target["instant"]
            else control.post(f"{PROMETHEUS}/query_range", data={**query, **during, "step": 30})
        ]
        if target.get("exemplar"):
            answers.append(control.post(f"{PROMETHEUS}/query_exemplars", data={**query, **during}))

        assert [answer.json()["status"] for answer in answers] == ["success"] * len(answers), query


@each_dashboard
def test_lumina_fills_the_choices_of_a_dashboard(file: Path, control: httpx.Client) -> None:
    for metric, label in world.choices(file):
        answer = control.get(f"{PROMETHEUS}/label/{label}/values", params={"match[]": metric})

        assert answer.json()["status"] == "success"


def test_a_metric_or_label_that_nobody_emits_is_found(known: Emitted) -> None:
    asked = world.uses('sum by (part, colour) (lumina_part_up{shape="round"}) / lumina_parts_up')

    assert _unknown(asked, known) == ["lumina_part_up{colour}", "lumina_part_up{shape}", "lumina_parts_up"]


def test_dashboards_count_the_failures_that_the_objective_of_availability_counts(control: httpx.Client) -> None:
    rules = control.get("/api/telemetry/slos/rules").raise_for_status().text

    assert OURS in rules


def test_metrics_and_labels_of_every_shipped_rule_are_emitted(known: Emitted, control: httpx.Client) -> None:
    rules = control.get("/api/telemetry/rules").raise_for_status().json()["items"]

    asked = {use for rule in rules for use in world.uses(rule["expression"])}

    assert rules
    assert _unknown(asked, known) == []


def test_exemplar_of_a_latency_histogram_leads_to_its_trace(
    control: httpx.Client, gateway: httpx.Client, running: Target, lumina_emits: Emitted
) -> None:
    text = gateway.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"}).text
    found = re.search(r'^gen_ai_client_operation_duration_seconds_bucket.* # \{trace_id="(\w+)"\}', text, re.MULTILINE)
    assert found

    for source in _sources(running):
        for link in source["jsonData"]["exemplarTraceIdDestinations"]:
            assert link["name"] == "trace_id"
            _until_found(control, link["url"].replace("${__value.raw}", found[1]))


def test_provisioned_source_reaches_lumina_with_its_key(running: Target) -> None:
    lumina = next(source for source in _sources(running) if source["name"] == "Lumina")
    header = {lumina["jsonData"]["httpHeaderName1"]: lumina["secureJsonData"]["httpHeaderValue1"]}

    answer = httpx.get(f"{lumina['url']}/api/v1/status/buildinfo", headers=header)

    assert answer.json()["data"]["version"] == lumina["jsonData"]["prometheusVersion"]


def _ask(control: httpx.Client, gateway: httpx.Client) -> None:
    """A request of each kind, and a span."""
    gateway.post("/v1/embeddings", json={"model": "lumina/minilm", "input": "sky"}).raise_for_status()
    said = [{"role": "user", "content": "Context: the sky is blue. Question: what colour is the sky?"}]
    gateway.post("/v1/chat/completions", json={"model": "lumina/extractive", "messages": said, "stream": True})
    control.get("/api/governance/keys").raise_for_status()
    control.post("/otlp/v1/traces", json={"resourceSpans": []}).raise_for_status()


def _unknown(asked: set[tuple[str, str]], known: Emitted) -> list[str]:
    """What is asked for and not there: METRIC, or METRIC{LABEL}."""
    absent = {metric for metric, _ in asked if metric not in known}
    wrong = {f"{metric}{{{label}}}" for metric, label in asked - {(metric, "") for metric, _ in asked}
             if metric in known and label not in known[metric]}  # fmt: skip
    return sorted(absent | wrong)


def _sources(running: Target) -> list[dict[str, Any]]:
    """The provisioned data sources as Grafana reads them."""
    values = {"LUMINA_URL": running.control, "LUMINA_BROWSER_URL": running.control, "LUMINA_API_KEY": running.key}
    files = sorted((GRAFANA / "provisioning" / "datasources").glob("*.yaml"))
    texts = [Template(file.read_text()).substitute(values, PROMETHEUS_URL="http://prometheus:9090") for file in files]
    return [source for text in texts for source in yaml.safe_load(text)["datasources"]]


def _until_found(client: httpx.Client, url: str) -> None:
    """A span is on disk a second or two after its request."""
    until = time.monotonic() + SECONDS
    while client.get(url).status_code != 200:
        assert time.monotonic() < until, url
        time.sleep(0.1)


def _client(address: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=address, headers={"authorization": f"Bearer {key}"}, timeout=SECONDS)
