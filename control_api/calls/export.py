"""Calls as CSV or as JSON lines, a page at a time.

Owns: columns, and that no cell is a formula to a spreadsheet. Refuses: reading calls, and knowing where the lines go.
"""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Literal

from control_api.calls.schemas import CallSummary

Format = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
COLUMNS = tuple(CallSummary.model_fields)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"\+[0-9]{4,15}")


def header(form: Format) -> bytes:
    return _csv([COLUMNS]) if form == "csv" else b""


def lines(form: Format, calls: Iterable[CallSummary]) -> bytes:
    if form == "csv":
        return _csv([_cell(value) for value in call.model_dump(mode="json").values()] for call in calls)
    return "".join(f"{call.model_dump_json()}\n" for call in calls).encode()


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    """An apostrophe before what a spreadsheet would compute. A telephone number is a number to it, and stays one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text
