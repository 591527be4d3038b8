"""Structured logs. Messages are static; fields carry ids, codes and figures, never words said, names or numbers."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_PERSONAL = frozenset({"caller", "name", "text", "transcript", "phone", "email", "reason", "number", "instructions"})


def drop_personal(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last line of defence: a field with a personal name is replaced whatever it holds."""
    for key in _PERSONAL & event.keys():
        event[key] = "[personal]"
    return event


def drop_framework_content(record: logging.LogRecord) -> bool:
    """livekit-agents marks what may be personal with `lk.pii.` keys; they are removed from every record."""
    for key in [k for k in record.__dict__ if k.startswith("lk.pii.")]:
        del record.__dict__[key]
    return True


def set_up(level: str = "INFO", *, json: bool = True) -> None:
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_personal,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # a logger's filter sees only what is logged on itself, never its children's records
    for name in ["livekit", *(known for known in logging.root.manager.loggerDict if known.startswith("livekit."))]:
        logging.getLogger(name).addFilter(drop_framework_content)
    for chatty in ("httpx", "httpx2", "httpcore", "httpcore2", "hpack"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
