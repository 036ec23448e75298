"""The tables. All of it can be thrown away: a file of another version is put aside and a new one begun.

`stored_ns` is when a row was written: a list that goes on from a cursor looks only at what was there when it began.
"""

VERSION = 1

TABLES = """
CREATE TABLE IF NOT EXISTS spans (
    time_ns BIGINT NOT NULL, start_ns BIGINT NOT NULL, duration_ns BIGINT NOT NULL,
    trace_hi UBIGINT NOT NULL, trace_lo UBIGINT NOT NULL, span_id UBIGINT NOT NULL, parent_id UBIGINT NOT NULL,
    name VARCHAR NOT NULL, kind UTINYINT NOT NULL, status UTINYINT NOT NULL, status_message VARCHAR,
    service VARCHAR NOT NULL, scope VARCHAR NOT NULL, project VARCHAR, ours BOOLEAN NOT NULL, resource UBIGINT NOT NULL,
    operation VARCHAR, provider VARCHAR, request_model VARCHAR, response_model VARCHAR, route VARCHAR, backend VARCHAR,
    key_id VARCHAR, request_id VARCHAR, response_id VARCHAR, prompt_sha256 VARCHAR, error_type VARCHAR,
    http_status INTEGER, input_tokens BIGINT, output_tokens BIGINT, cost_nano_usd BIGINT, first_chunk_seconds DOUBLE,
    attributes VARCHAR NOT NULL, events VARCHAR, links VARCHAR, stored_ns BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS logs (
    time_ns BIGINT NOT NULL, observed_ns BIGINT NOT NULL, severity UTINYINT NOT NULL, severity_text VARCHAR NOT NULL,
    body VARCHAR NOT NULL, event_name VARCHAR NOT NULL, trace_hi UBIGINT NOT NULL, trace_lo UBIGINT NOT NULL,
    span_id UBIGINT NOT NULL, service VARCHAR NOT NULL, scope VARCHAR NOT NULL, project VARCHAR, ours BOOLEAN NOT NULL,
    resource UBIGINT NOT NULL, attributes VARCHAR NOT NULL, stored_ns BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS resources (id UBIGINT NOT NULL, attributes VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS series (
    id UBIGINT NOT NULL, name VARCHAR NOT NULL, otel_name VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    description VARCHAR NOT NULL, labels VARCHAR NOT NULL, project VARCHAR, bounds DOUBLE[] NOT NULL);
CREATE TABLE IF NOT EXISTS numbers (series UBIGINT NOT NULL, time_ns BIGINT NOT NULL, value DOUBLE NOT NULL);
CREATE TABLE IF NOT EXISTS histograms (
    series UBIGINT NOT NULL, time_ns BIGINT NOT NULL, count UBIGINT NOT NULL, sum DOUBLE NOT NULL,
    buckets UBIGINT[] NOT NULL, exemplars VARCHAR);
CREATE TABLE IF NOT EXISTS alerts (
    rule VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, name VARCHAR NOT NULL, labels VARCHAR NOT NULL,
    annotations VARCHAR NOT NULL, state VARCHAR NOT NULL, value DOUBLE, active_ns BIGINT NOT NULL, fired_ns BIGINT,
    kept_ns BIGINT, resolved_ns BIGINT, seen_ns BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS about (version INTEGER NOT NULL);
"""
