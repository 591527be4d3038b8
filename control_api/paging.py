"""Pages by cursor: what comes after the last row that was read, so that rows added meanwhile shift nothing."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar, cast
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from control_api.errors import FieldProblem, InvalidRequest

T = TypeVar("T")
MOST = 100


class Page(BaseModel, Generic[T]):
    """`next_cursor` null: this was the last page."""

    items: list[T]
    next_cursor: str | None = Field(default=None, description="give it as `cursor` to read on")


Limit = Annotated[int, Query(ge=1, le=MOST, description="how many at most")]
Cursor = Annotated[str | None, Query(max_length=512, description="`next_cursor` of the page before")]


@dataclass(frozen=True)
class After:
    """The place to read on from: the sort columns of the last row, as the database wrote them: a time and a UUID."""

    at: str
    row_id: str

    def filter(self, at: str, row_id: str) -> str:
        """For PostgREST's `or=`: rows later in (at desc, row_id desc) than this place. With `.lte(at, after.at)` beside it an
        index is entered at the place; by itself it is read from the top."""
        return f'{at}.lt."{self.at}",and({at}.eq."{self.at}",{row_id}.lt."{self.row_id}")'


def encode(at: str, row_id: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([at, row_id]).encode()).decode().rstrip("=")


def decode(cursor: str | None) -> After | None:
    """InvalidRequest for what never was a cursor of ours."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = cast("list[Any]", json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))
        at, row_id = found
        datetime.fromisoformat(at)
        UUID(row_id)
    except (ValueError, TypeError, AttributeError) as error:
        problem = FieldProblem(pointer="query.cursor", reason="not a cursor", advice="use next_cursor as it was given")
        raise InvalidRequest("the cursor can't be read", errors=[problem]) from error
    return After(at, row_id)


def paged(rows: Sequence[T], limit: int, place: Callable[[T], tuple[str, str]]) -> tuple[list[T], str | None]:
    """`rows` were read one more than `limit`: -> the page and the cursor to the next."""
    page = list(rows[:limit])
    return page, encode(*place(page[-1])) if len(rows) > limit else None
