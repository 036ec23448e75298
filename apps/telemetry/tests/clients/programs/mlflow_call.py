"""A traced function of MLflow; the environment says where its trace goes."""

import sys

import mlflow

SAID = sys.argv[1]


@mlflow.trace(span_type="AGENT")
def answer(question: str) -> str:
    return shortened(question).upper()


@mlflow.trace(name="shorten", span_type="TOOL", attributes={"shop.id": 9})
def shortened(text: str) -> str:
    return f"{text} in short"


answer(SAID)
mlflow.flush_trace_async_logging()
