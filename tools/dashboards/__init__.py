"""Grafana's dashboards of what Lumina emits, written as code and generated into infra/grafana/dashboards."""
