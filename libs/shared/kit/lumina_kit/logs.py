"""Structured logs on standard error, one event a line. Never put a secret, a prompt or an answer into one."""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import FilteringBoundLogger, Processor

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]

bind = structlog.contextvars.bind_contextvars
unbind = structlog.contextvars.unbind_contextvars


def configure(part: str, level: Level = "info", fmt: Format = "console") -> None:
    """Send this process's events, and the standard library's, to standard error."""
    rank = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_shared(part), _renderer(fmt)],
        wrapper_class=structlog.make_filtering_bound_logger(rank),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_shared(part), processor=_renderer(fmt)))
    logging.basicConfig(handlers=[handler], level=max(rank, logging.WARNING), force=True)


def get(name: str) -> FilteringBoundLogger:
    """A logger whose events carry the name of the module that tells of them."""
    logger: FilteringBoundLogger = structlog.get_logger(module=name)
    return logger


def _shared(part: str) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _method, event: {**event, "part": part},
        structlog.processors.format_exc_info,
    ]


def _renderer(fmt: Format) -> Processor:
    if fmt == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
