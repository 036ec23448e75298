"""What the evaluation of rules counts of itself."""

from prometheus_client import CollectorRegistry, Counter


class RuleMeasures:
    """`file` is a name in the folder of rules or objectives, so there are few."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._evaluations = Counter(
            "lumina_telemetry_rule_evaluations", "Evaluations of rules, by the rule's file and how it went.",
            ("file", "result"), registry=registry,
        )  # fmt: skip
        self._seconds = Counter(
            "lumina_telemetry_rule_evaluation_seconds", "Time spent on evaluating rules.", registry=registry
        )

    def evaluated(self, file: str, *, failed: bool) -> None:
        self._evaluations.labels(file, "failed" if failed else "ok").inc()

    def took(self, seconds: float) -> None:
        self._seconds.inc(seconds)
