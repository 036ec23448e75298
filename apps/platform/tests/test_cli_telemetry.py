"""`lumina traces | logs | metrics | slo | alerts | resolve`: what they ask for, and how the answers read."""

import json
from typing import Any

import pytest

from apps.platform.tests.conftest import Contract, Lumina
from lumina_platform.cli import objectives, series, units

API = "/api/telemetry"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def page(*items: Any, after: str | None = None, cut: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next": after, "cut": cut}


def trace(**fields: Any) -> dict[str, Any]:
    return {
        "trace_id": TRACE, "span_id": "b7ad6b7169203331", "root": True, "name": "chat support",
        "service": "lumina-gateway", "start": "2026-11-20T14:03:07.123456789Z", "duration_ms": 1234.5,
        "status": "unset", "spans": 3, "errors": 0, "operation": "chat", "route": "support",
        "backend": "b1", "model": "gpt-4o-mini",
        "project": "p", "key_id": "k", "error_type": None, "http_status": 200, "input_tokens": 812,
        "output_tokens": 144, "cost_nano_usd": 123_000_000,
    } | fields  # fmt: skip


def node(name: str, depth: int, offset_ms: float, duration_ms: float, **fields: Any) -> dict[str, Any]:
    span = {
        "name": name, "service": "lumina-gateway", "status": "unset", "status_message": None,
        "duration_ms": duration_ms, "attributes": {"lumina.route": "support"}, "events": [],
    } | fields  # fmt: skip
    return {"depth": depth, "offset_ms": offset_ms, "span": span}


def tree(*nodes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "trace_id": TRACE, "start": "2026-11-20T14:03:07.1Z", "duration_ms": 1000.0, "spans": len(nodes), "errors": 1,
        "services": ["lumina-gateway"], "orphans": 0, "cycles": 0, "early": 0, "duplicates": 0, **page(*nodes),
    } | fields  # fmt: skip


def record(body: str, **fields: Any) -> dict[str, Any]:
    return {
        "time": "2026-11-20T14:03:07.1Z", "severity": 17, "level": "error", "service": "lumina-gateway", "body": body,
        "event_name": "", "trace_id": None, "attributes": {"backend": "b 1"},
    } | fields  # fmt: skip


def test_a_list_says_once_that_telemetry_is_not_stored(contract: Contract, lumina: Lumina) -> None:
    contract.headers["x-lumina-telemetry"] = "not storing"
    contract.answer("GET", f"{API}/traces", page(trace(), after="2"))

    told = lumina("traces", "ls", "--json", "-n", "2")

    assert len(json.loads(told.out)) == 2
    assert told.err.count("Telemetry is not stored now") == 1


def test_traces_are_listed_with_what_was_asked_for(contract: Contract, lumina: Lumina) -> None:
    contract.answer("GET", f"{API}/traces", page(trace(), trace(status="error", error_type="overloaded")))

    told = lumina("traces", "ls", "--route", "support", "--slower-than", "1.5s", "--since", "2d", "--where", "a>1")

    assert told.status == 0
    assert contract.asked[-1].query.items() >= {"route": "support", "min_ms": "1500.0", "where": "a>1"}.items()
    assert contract.asked[-1].query["start"] < contract.asked[-1].query.get("end", "9")
    head, _, first, second = told.out.splitlines()
    assert head.split() == [
        "Trace", "Began", "Took", "Status", "Name", "Service", "Route", "Model", "Spans", "Tokens", "Cost",
    ]  # fmt: skip
    assert TRACE in first
    assert "1.2 s  ok" in first
    assert "812 + 144" in first
    assert "overloaded" in second


def test_listing_goes_on_over_pages_and_says_on_stderr_when_it_was_cut(contract: Contract, lumina: Lumina) -> None:
    contract.answer("GET", f"{API}/traces", page(trace(name="second"), cut="Searched back to noon only."))
    first = page(trace(name="first"), after="c1")
    start = "2026-11-20T00%3A00%3A00%2B00%3A00"
    contract.answer("GET", f"{API}/traces?start={start}&limit=50", first)

    told = lumina("traces", "ls", "--since", "2026-11-20T00:00:00Z", "--json")

    assert [row["name"] for row in json.loads(told.out)] == ["first", "second"]
    assert contract.asked[-1].query["cursor"] == "c1"
    assert "Searched back to noon only." in told.err


@pytest.mark.parametrize("words", [("--since", "yesterday"), ("--slower-than", "5")])
def test_times_that_cannot_be_read_are_wrong_usage(lumina: Lumina, words: tuple[str, str]) -> None:
    told = lumina("traces", "ls", *words)

    assert told.status == 2
    assert words[1] in told.err


def test_trace_is_a_tree_with_a_bar_for_each_span_and_its_logs_below(contract: Contract, lumina: Lumina) -> None:
    nodes = (
        node("chat support", 0, 0, 1000),
        node("attempt one", 1, 0, 500, status="error", attributes={"error.type": "timeout"}),
        node("attempt two", 1, 500, 500),
    )
    contract.answer("GET", f"{API}/traces/{TRACE}", tree(*nodes, orphans=1))
    contract.answer("GET", f"{API}/traces/{TRACE}/logs", page(record("too slow", trace_id=TRACE)))

    told = lumina("traces", "show", TRACE, "--logs")

    rows = told.out.splitlines()
    assert "3 spans, 1 with errors, of lumina-gateway" in rows[1]
    assert "1 spans whose parent has not come in" in rows[2]
    whole, one, two = (row for row in rows if "━" in row)
    assert one.startswith("  attempt one  timeout")
    assert whole.count("━") == one.count("━") + two.count("━")
    assert one.index("━") < two.index("━") == one.rindex("━") + 1
    assert 'ERROR lumina-gateway too slow  backend="b 1"' in rows[-1]
    assert TRACE not in rows[-1]


def test_attributes_of_a_trace_are_shown_when_asked_for(contract: Contract, lumina: Lumina) -> None:
    contract.answer("GET", f"{API}/traces/{TRACE}", tree(node("chat", 0, 0, 1000)))

    assert "lumina.route support" in lumina("traces", "show", TRACE, "-a").out
    assert "lumina.route support" not in lumina("traces", "show", TRACE).out


def test_logs_read_from_the_oldest_to_the_newest_and_move_no_cursor(contract: Contract, lumina: Lumina) -> None:
    contract.answer("GET", f"{API}/logs", page(record("newest\x1b[2J"), record("oldest", severity=9, trace_id=TRACE)))

    told = lumina("logs", "took long", "--severity", "info", "--service", "lumina-gateway")

    asked = {"q": "took long", "severity": "info", "service": "lumina-gateway"}
    assert contract.asked[-1].query.items() >= asked.items()
    first, second = told.out.splitlines()
    assert "INFO  lumina-gateway oldest" in first
    assert first.endswith(f"trace={TRACE}")
    assert "ERROR lumina-gateway newest" in second
    assert "\x1b" not in told.out


def test_logs_are_followed_until_the_stream_ends(contract: Contract, lumina: Lumina) -> None:
    events = [
        ": follows\n",
        f"event: log\ndata: {json.dumps(record('first'))}\n",
        'event: dropped\ndata: {"count": 7}\n',
        ": nothing new\n",
        f"event: log\ndata: {json.dumps(record('second'))}\n",
    ]
    contract.answer("GET", f"{API}/logs/tail", "\n".join(events).encode() + b"\n")

    told = lumina("logs", "--follow", "--severity", "warning")

    assert contract.asked[-1].query == {"severity": "warning", "where": "scope!=lumina.access"}
    assert [line.split("  ")[0].split()[-1] for line in told.out.splitlines()] == ["first", "shown.", "second"]
    assert "7 records came too fast" in told.out


def test_histogram_of_logs_has_a_bar_for_each_stretch(contract: Contract, lumina: Lumina) -> None:
    none = dict.fromkeys(("none", "trace", "debug", "info", "warning", "error", "fatal"), 0)
    full = {"start": "2026-11-20T14:03:00Z", "total": 10, **none, "info": 9, "error": 1}
    contract.answer("GET", f"{API}/logs/histogram", page(full, {"start": full["start"], "total": 0, **none}))

    told = lumina("logs", "--histogram")

    busy, quiet = told.out.splitlines()
    assert busy.endswith("error 1, info 9")
    assert "█" in busy
    assert quiet.endswith("-")


def test_curve_of_a_metric_is_drawn_with_its_ends(contract: Contract, lumina: Lumina) -> None:
    line = {"labels": {"__name__": "x", "route": "a"}, "times": [1, 2, 3, 4], "values": [1.0, None, 4.0, 8.5]}
    contract.answer("GET", f"{API}/metrics/query_range", page(line))

    told = lumina("metrics", "range", "x", "--step", "30s")

    assert contract.asked[-1].query.items() >= {"query": "x", "step": "30s"}.items()
    assert told.out.splitlines()[-1].split("  ")[0] == 'x{route="a"}'
    assert "▁ ▄█" in told.out
    assert told.out.split()[-3:] == ["1", "8.5", "8.5"]


def test_metric_is_asked_for_at_a_time_and_ranked_by_a_label(contract: Contract, lumina: Lumina) -> None:
    points = page({"labels": {"route": "a"}, "value": 1234567.0}, {"labels": {}, "value": None})
    contract.answer("GET", f"{API}/metrics/query", points)
    contract.answer("GET", f"{API}/metrics/top", points)

    queried = lumina("metrics", "query", "sum(x)", "--at", "2026-11-20T14:00:00Z")
    assert contract.asked[-1].query == {"query": "sum(x)", "time": "2026-11-20T14:00:00+00:00"}
    ranked = lumina("metrics", "top", "x", "--by", "route", "-k", "3")
    assert contract.asked[-1].query.items() >= {"metric": "x", "by": "route", "k": "3"}.items()

    assert queried.out == ranked.out
    assert queried.out.splitlines()[-2].split() == ['{route="a"}', "1,234,567"]


def test_objectives_tell_how_they_are_kept(contract: Contract, lumina: Lumina) -> None:
    rates = [
        {"window": "5m", "error_ratio": 0.01, "burn_rate": 2.0},
        {"window": "3d", "error_ratio": None, "burn_rate": None},
    ]
    slo = {
        "id": "gateway-availability", "service": "gateway", "name": "availability", "description": "Answers come.",
        "labels": {}, "objective": 0.995, "good_ratio": 0.9991, "budget_left": 0.82, "burn_rates": rates,
        "state": "page",
    }  # fmt: skip
    contract.answer("GET", f"{API}/slos", page(slo))
    contract.answer("GET", f"{API}/rules", page() | {"problems": []})
    contract.answer("GET", f"{API}/slos/rules", b"groups: []\n")

    listed, shown = lumina("slo", "ls"), lumina("slo", "show", "availability")

    for told in (listed.out, shown.out):
        assert all(word in told for word in ("gateway-availability", "burns fast", "99.5%", "99.91%", "82%"))
    assert "5m      1%      2x" in shown.out
    assert lumina("slo", "rules").out == "groups: []\n"
    assert "lumina slo ls" in lumina("slo", "show", "nothing").err


def test_great_shares_and_rates_are_written_out() -> None:
    assert (objectives.percent(-169.1), objectives.burn(163.4)) == ("-16910%", "163x")


def test_alerts_tell_what_is_wrong(contract: Contract, lumina: Lumina) -> None:
    alert = {
        "fingerprint": "f", "rule": "r", "name": "BackendDown", "state": "firing", "severity": "critical", "labels": {},
        "annotations": {"summary": "b1 is down."}, "value": 0.0, "active_at": "2026-11-20T14:03:07.123456789Z",
        "fired_at": None, "resolved_at": None,
    }  # fmt: skip
    contract.answer("GET", f"{API}/alerts", page(alert))
    contract.answer("GET", f"{API}/rules", page() | {"problems": []})

    told = lumina("alerts", "ls", "--state", "firing")

    assert contract.asked[0].query["state"] == "firing"
    assert all(word in told.out for word in ("firing", "critical", "BackendDown", "b1 is down."))


def test_id_is_resolved_to_what_served_and_the_changes_behind_it(contract: Contract, lumina: Lumina) -> None:
    entry = {"number": 3, "hash": "c0ffee" * 10, "what": "key.created", "of": "shop", "at": "2026-11-20T14:00:00Z",
             "who": "Ana", "why": None}  # fmt: skip
    found = dict.fromkeys(("http_status", "error_type", "error", "operation", "backend", "provider", "request_model",
                           "response_model", "model_version", "model_sha256", "model_quantization", "prompt_sha256",
                           "snapshot_version", "config_sha256", "request_id"))  # fmt: skip
    found |= {
        "matched": "response_id", "at": "2026-11-20T14:03:07.123456789Z", "trace_id": TRACE,
        "response_id": "chatcmpl-1", "status": "unset", "duration_ms": 850.0, "route": "support",
        "key": {"id": "k1", "name": "shop"},
        "project": {"id": "p1", "name": None}, "input_tokens": 10, "output_tokens": 5, "cost_nano_usd": 2_000_000_000,
        "usage_estimated": True, "ledger": [entry],
    }  # fmt: skip
    contract.answer("GET", f"{API}/resolve/chatcmpl-1%2Fx", page(found))

    told = lumina("resolve", " chatcmpl-1/x\n")

    lines = {line[:17].strip(): line[17:] for line in told.out.splitlines()}
    assert lines["Matched by"] == "response id"
    assert (lines["Status"], lines["Took"], lines["Route"], lines["Cost"]) == ("ok", "850 ms", "support", "$2.00")
    assert (lines["Key"], lines["Project"]) == ("shop (k1)", "p1")
    assert lines["Tokens"] == "10 in, 5 out (counted by the gateway)"
    assert "Ana" in told.out.splitlines()[-1]


def test_no_id_is_answered_with_the_ids_that_are_known(lumina: Lumina) -> None:
    told = lumina("resolve", " ")

    assert (told.status, "Known are ids of answers" in told.err) == (1, True)


PROBLEM = {"file": "rules/own.yml", "line": 7, "message": "expr: unknown function", "serving": "nothing"}


def test_files_of_rules_that_are_wrong_are_told_before_the_rules(contract: Contract, lumina: Lumina) -> None:
    rule = {"name": "BackendDown", "kind": "alerting", "state": "firing", "last_error": "too many series",
            "evaluated_at": "2026-11-20T14:03:07.1Z"}  # fmt: skip
    contract.answer("GET", f"{API}/rules", page(rule) | {"problems": [PROBLEM]})

    told = lumina("rules", "ls", "--kind", "alerting")

    assert contract.asked[-1].query["kind"] == "alerting"
    assert all(word in told.out for word in ("BackendDown", "alerting", "firing", "too many series"))
    assert told.err.splitlines() == ["rules/own.yml:7: expr: unknown function", "  In its place serves nothing."]


@pytest.mark.parametrize(("noun", "path"), [("slo", "slos"), ("alerts", "alerts")])
def test_objectives_and_alerts_say_how_many_files_are_wrong(
    contract: Contract, lumina: Lumina, noun: str, path: str
) -> None:
    contract.answer("GET", f"{API}/{path}", page(cut="Stopped."))
    contract.answer("GET", f"{API}/rules", page() | {"problems": [PROBLEM, PROBLEM]})

    told = lumina(noun, "ls")

    assert told.err.splitlines() == ["Cut short: Stopped.", "2 files have problems; `lumina rules ls` shows them."]


def test_endless_names_leave_ids_and_numbers_whole(contract: Contract, lumina: Lumina) -> None:
    endless = "x" * 25_000
    names = dict.fromkeys(("name", "service", "route", "model"), endless)
    contract.answer("GET", f"{API}/traces", page(trace(**names), trace()))
    contract.answer("GET", f"{API}/metrics", page({"name": endless, "type": "gauge", "series": 7, "help": ""}))
    contract.answer("GET", f"{API}/metrics/query", page({"labels": {"__name__": endless, "a": endless}, "value": 7.0}))

    listed = lumina("traces", "ls").out.splitlines()
    told = [lumina("metrics", "ls").out, lumina("metrics", "query", "x").out]

    assert [row.startswith(TRACE) and "1.2 s" in row and "812 + 144" in row for row in listed[2:]] == [True, True]
    assert all(len(row) <= 240 for row in listed)
    assert all("…" in each and len(each.splitlines()) == 3 for each in told)


@pytest.mark.parametrize(
    ("words", "path", "row", "on"),
    [
        (["traces", "ls"], "traces", trace(), ", --until 2026-11-20T14:03:07.123456+00:00 goes on from here"),
        (["logs"], "logs", record("newest"), ", --until 2026-11-20T14:03:07.1+00:00 goes on from here"),
        (["metrics", "ls"], "metrics", {"name": "x"}, ""),
    ],
)
def test_listing_that_stops_at_its_limit_says_that_there_is_more(
    contract: Contract, lumina: Lumina, words: list[str], path: str, row: Any, on: str
) -> None:
    contract.answer("GET", f"{API}/{path}", page(row, after="c1"))

    told = lumina(*words, "--limit", "1")

    assert told.err.splitlines() == [f"1 are shown of more; --limit N shows more{on}."]


def test_key_of_traces_is_named_as_people_name_it(contract: Contract, lumina: Lumina) -> None:
    ids = ["7c9e6679-7425-40de-944b-e07fc1f90ae7", "7c9e1111-7425-40de-944b-e07fc1f90ae7"]
    contract.answer("GET", "/api/governance/keys", [{"id": each, "name": f"key {each[:8]}"} for each in ids])
    contract.answer("GET", f"{API}/traces", page())

    asked = []
    for words in ("key 7c9e6679", "7c9e66", ids[0]):
        lumina("traces", "ls", "--key", words)
        asked.append(contract.asked[-1].query["key_id"])
    ambiguous = lumina("traces", "ls", "--key", "7c9e")

    assert asked == [ids[0]] * 3
    assert (ambiguous.status, ids[0] in ambiguous.err, ids[1] in ambiguous.err) == (1, True, True)


@pytest.mark.parametrize("how", [[], ["--histogram"], ["--follow"]])
def test_requests_to_the_api_are_among_logs_only_when_asked_for(
    contract: Contract, lumina: Lumina, how: list[str]
) -> None:
    for path in ("", "/histogram"):
        contract.answer("GET", f"{API}/logs{path}", page())
    contract.answer("GET", f"{API}/logs/tail", b": follows\n")

    asked = []
    for words in ([], ["--requests"]):
        lumina("logs", *how, *words)
        asked.append(contract.asked[-1].query.get("where"))

    assert asked == ["scope!=lumina.access", None]


@pytest.mark.parametrize(("value", "drawn"), [(0.0, "▁▁"), (1.0, "▅▅")])
def test_flat_line_of_something_is_not_drawn_as_nothing(value: float, drawn: str) -> None:
    assert series.sparkline([value, value], 10) == drawn


def test_amounts_below_a_cent_are_told() -> None:
    assert [units.dollars(nano) for nano in (0, 1, 12_345, 123_000)] == ["-", "$0.0000000010", "$0.000012", "$0.0001"]
    assert [units.exact_dollars(nano) for nano in (12_345, 2_000_000_000)] == ["$0.000012345", "$2.00"]
