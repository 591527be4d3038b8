"""The worker's logs: `observing.logs`, and what livekit-agents itself would say of a caller taken out of its records."""

import logging

from observing import logs
from observing.logs import drop_personal, redact_secrets

__all__ = ["drop_framework_content", "drop_personal", "redact_secrets", "set_up"]


def drop_framework_content(record: logging.LogRecord) -> bool:
    """livekit-agents marks what may be personal with `lk.pii.` keys; they are removed from every record."""
    for key in [k for k in record.__dict__ if k.startswith("lk.pii.")]:
        del record.__dict__[key]
    return True


def set_up(level: str = "INFO", *, json: bool = True) -> None:
    logs.set_up(level, json=json)
    # a logger's filter sees only what is logged on itself, never its children's records
    for name in ["livekit", *(known for known in logging.root.manager.loggerDict if known.startswith("livekit."))]:
        logging.getLogger(name).addFilter(drop_framework_content)
