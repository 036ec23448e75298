"""Field numbers of OTLP's trace messages (opentelemetry/proto/trace/v1/trace.proto)."""

TRACE_ID = 1
SPAN_ID = 2
TRACE_STATE = 3
PARENT_SPAN_ID = 4
NAME = 5
KIND = 6
START_TIME = 7
END_TIME = 8
ATTRIBUTES = 9
STATUS = 15
FLAGS = 16

KIND_SERVER = 2
KIND_CLIENT = 3
STATUS_CODE = 3
STATUS_ERROR = 2
SCOPE_SPAN = 2
