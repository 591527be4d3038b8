"""What the schema run does to its requests, loaded by schemathesis in its own process."""

from typing import Any
from uuid import uuid4

import schemathesis

_KEY = "Idempotency-Key"
_LONGEST = 255


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Every creating request is a new intention: with one good key for all, all but the first would only be told so."""
    key = case.headers.get(_KEY) if case.headers else None
    if isinstance(key, str) and 0 < len(key) <= _LONGEST:
        case.headers[_KEY] = str(uuid4())
