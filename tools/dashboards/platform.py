"""The platform: Lumina's processes, their host, the control plane and telemetry itself."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from tools.dashboards.board import AnyPanel, board, choice, row
from tools.dashboards.panels import ANY, FULL, graph, number, rows, states
from tools.dashboards.queries import Query, percentiles, percentiles_by, rate, rates

HOST = 'instance=~"$host"'
CPU = "system_cpu_time_seconds_total"
IDLE = f'{HOST},state="idle"'
BUSY = f'{HOST},state!="idle"'
OLD = ((None, "green"), (30, "red"))
RUNS = {"0": ("down", "red"), "1": ("up", "green")}
CONTROL = "lumina_control_request_duration_seconds"


def dashboard() -> Dashboard:
    """Parts, processes, host, control, telemetry."""
    made = board(
        "platform",
        "Lumina / Platform",
        "Parts and their processes, the host, the control plane, telemetry itself, and alerts.",
        [choice("host", "Host", "system_memory_limit_bytes", "instance")],
    )
    row(made, "Now", _now())
    row(made, "Parts", _parts())
    row(made, "Processes", _processes())
    row(made, "Host", _host())
    row(made, "GPUs, where there are any", _gpus())
    row(made, "Control", _control())
    row(made, "Telemetry", _telemetry())
    return made


def _now() -> list[AnyPanel]:
    return [
        number("Parts down", "Parts that should run and do not.", "short",
               "count(min by (part) (lumina_part_up) == 0) or vector(0)", ANY),
        number("Alerts", "Alerts that fire.", "short", 'count(ALERTS{alertstate="firing"}) or vector(0)', ANY),
        number("CPU", "Share of all CPUs that is busy.", "percentunit",
               f"1 - {rate(CPU, IDLE)} / {rate(CPU, HOST)}", FULL),
        number("Memory", "Share of the host's memory that is not available.", "percentunit",
               f"max(system_memory_utilization_ratio{{{HOST}}})", FULL),
        number("Fullest disk", "Share of the space that is used.", "percentunit",
               f"max(system_filesystem_utilization_ratio{{{HOST}}})", FULL),
        number("Memory of Lumina", "All parts together, shared pages counted once.", "bytes",
               "sum(lumina_process_memory_pss_bytes)"),
    ]  # fmt: skip


def _parts() -> list[AnyPanel]:
    firing = 'max by (alertname, severity) (ALERTS{alertstate="firing"})'
    return [
        states("Parts", "A part that is idle and starts when it is asked counts as up.",
               Query("min by (part) (lumina_part_up)", "{{part}}"), RUNS),
        graph("Restarts", "Restarts after failures, in an hour.", "short",
              [Query("sum by (part) (increase(lumina_part_restarts_total[1h]))", "{{part}}")]),
        rows("Alerts that fire", "By the rules of Lumina, or of the Prometheus that is asked.", [Query(firing)],
             {"alertname": "Alert", "severity": "Severity", "Value": "", "Value #A": ""}, {}, width=8),
    ]  # fmt: skip


def _processes() -> list[AnyPanel]:
    return [
        graph("CPU by part", "CPUs kept busy; 1 is one of them.", "short",
              rates("process_cpu_time_seconds_total", "", "part"), stacked=True),
        graph("Memory by part", "Shared pages are divided among their users, so that the sum is true.", "bytes",
              [Query("sum by (part) (lumina_process_memory_pss_bytes)", "{{part}}")], stacked=True),
        graph("Disk by part", "Bytes read and written in a second.", "Bps",
              rates("process_disk_io_bytes_total", "", "part", "direction")),
        graph("Threads", "Of each part's processes.", "short",
              [Query("sum by (part) (process_thread_count)", "{{part}}")], width=12),
        graph("Open files", "Files and sockets of each part's processes.", "short",
              [Query("sum by (part) (process_unix_file_descriptor_count)", "{{part}}")], width=12),
    ]  # fmt: skip


def _host() -> list[AnyPanel]:
    return [
        graph("CPU", "Shares of all CPUs' time.", "percentunit",
              [Query(f"{rate(CPU, BUSY, 'state')} / scalar({rate(CPU, HOST)})", "{{state}}")],
              stacked=True, most=1),
        graph("Load", "Processes that run or wait, beside the CPUs that there are.", "short", [
            Query(f"max by (minutes) (system_cpu_load_average{{{HOST}}})", "{{minutes}} min"),
            Query(f"max(system_cpu_logical_count{{{HOST}}})", "CPUs"),
        ]),
        graph("Memory", "By what it is used for.", "bytes",
              [Query(f"max by (state) (system_memory_usage_bytes{{{HOST}}})", "{{state}}")], stacked=True),
        graph("Swap", "Swap space in use.", "bytes",
              [Query(f'max by (instance) (system_paging_usage_bytes{{{HOST},state="used"}})', "{{instance}}")],
              width=6),
        graph("Disk space", "Share that is used. The line is the shipped alert's.", "percentunit",
              [Query(f"max by (mountpoint) (system_filesystem_utilization_ratio{{{HOST}}})", "{{mountpoint}}")],
              most=1, limit=((None, "green"), (0.9, "red")), width=6),
        graph("Disk", "Bytes read and written in a second.", "Bps",
              rates("system_disk_io_bytes_total", HOST, "device", "direction"), width=6),
        graph("Disk operations", "Reads and writes in a second.", "iops",
              rates("system_disk_operations_total", HOST, "device", "direction"), width=6),
        graph("Network", "Bytes received and transmitted in a second.", "Bps",
              rates("system_network_io_bytes_total", f'{HOST},device!="lo"', "device", "direction"), width=12),
        graph("Network errors", "Failed receptions and transmissions in a second.", "short",
              rates("system_network_errors_total", HOST, "device", "direction"), width=12),
    ]  # fmt: skip


def _gpus() -> list[AnyPanel]:
    return [
        graph("GPU", "Share of the time that a GPU computes.", "percentunit",
              [Query(f"max by (hw_id, hw_name) (hw_gpu_utilization_ratio{{{HOST}}})", "{{hw_id}} {{hw_name}}")],
              most=1, width=12),
        graph("GPU memory", "In use, and there.", "bytes", [
            Query(f"max by (hw_id) (hw_gpu_memory_usage_bytes{{{HOST}}})", "{{hw_id}} in use"),
            Query(f"max by (hw_id) (hw_gpu_memory_limit_bytes{{{HOST}}})", "{{hw_id}} there"),
        ], width=12),
    ]  # fmt: skip


def _control() -> list[AnyPanel]:
    return [
        graph("Requests by status", "Of the API.", "reqps", rates("lumina_control_requests_total", "", "status"),
              stacked=True),
        graph("Latency", "Time until a request was answered.", "s", percentiles(CONTROL, "")),
        graph("p95 by path", "95 % of its requests take no longer.", "s", percentiles_by(CONTROL, "", "route")),
        graph("Outbox", "Age of the oldest event that waits; seconds are normal.", "s",
              [Query("max(lumina_outbox_oldest_seconds)", "waits")], limit=OLD, width=12),
        number("Dead letters", "Events that were given up.", "short", "sum(lumina_outbox_dead_letters)", ANY),
        number("Ledger", "Entries of the audit log.", "short", "max(lumina_ledger_entries)"),
        number("Keys", "Keys in force at the gateway.", "short", "max(lumina_snapshot_keys)"),
    ]  # fmt: skip


def _telemetry() -> list[AnyPanel]:
    return [
        graph("Comes in", "Spans, log records and points in a second.", "short",
              rates("lumina_telemetry_received_total", "", "signal"), width=6),
        graph("Stored", "Of these, on disk.", "short", rates("lumina_telemetry_stored_total", "", "signal"), width=6),
        graph("Lost", "What came in and was not stored.", "short",
              rates("lumina_telemetry_dropped_total", "", "signal", "reason"), width=6),
        graph("OTLP requests", "By signal and status.", "reqps",
              rates("lumina_telemetry_otlp_requests_total", "", "signal", "status"), width=6),
        graph("Queue", "Time that the oldest row waits for the disk; seconds are normal.", "s",
              [Query("max(lumina_telemetry_queue_age_seconds)", "waits")], limit=OLD, width=6),
        graph("Disk", "Room left on the disk of the store.", "bytes", [
            Query("min(lumina_telemetry_disk_free_bytes)", "free"),
        ], width=6),
        graph("Content taken out", "Fields with prompts or answers that senders sent.", "short",
              rates("lumina_telemetry_content_stripped_total", "", "convention"), width=6),
        graph("Passed on", "To another OTLP receiver.", "short",
              rates("lumina_telemetry_forwarded_total", "", "signal", "result"), width=6),
        graph("Rules", "Evaluations in a second, by file.", "short",
              rates("lumina_telemetry_rule_evaluations_total", "", "file", "result")),
        graph("Time for rules", "Seconds of work in a second.", "s",
              [Query(rate("lumina_telemetry_rule_evaluation_seconds_total"), "rules")]),
        graph("Alerts on their way", "Messages to receivers, and those given up.", "short", [
            *rates("lumina_telemetry_alert_messages_total", "", "receiver", "result"),
            *rates("lumina_telemetry_alert_messages_dropped_total", "", "receiver", "reason"),
        ]),
    ]  # fmt: skip
