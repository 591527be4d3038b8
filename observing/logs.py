"""Structured logs. Messages are static; fields carry ids, codes and figures: no words said, names, numbers or secrets."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from store.vault import hide_sealed

_PERSONAL = frozenset({"caller", "name", "text", "transcript", "phone", "email", "reason", "number", "instructions"})
_SECRET = frozenset({"api_key", "sealed_key", "sealed", "secret", "token", "password", "authorization"})


def drop_personal(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last line of defence: a field with a personal name is replaced whatever it holds."""
    for key in _PERSONAL & event.keys():
        event[key] = "[personal]"
    return event


def redact_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A SecretStr masks itself; a field with a secret's name and sealed text anywhere, tracebacks included, do not."""
    for key, value in event.items():
        if key in _SECRET:
            event[key] = "[secret]"
        elif isinstance(value, str):
            event[key] = hide_sealed(value)
    return event


def set_up(level: str = "INFO", *, json: bool = True) -> None:
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_personal,
        structlog.processors.format_exc_info,
        redact_secrets,
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    for chatty in ("httpx", "httpx2", "httpcore", "httpcore2", "hpack"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
