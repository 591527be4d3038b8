"""What the API takes and gives for test calls."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.assistant import Language
from control_api.web_calls.ports import Which


class WebCallRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": "draft"}]})
    version: Which = Field(default="draft", description="`published`: what callers have; `draft`: what they will have")


class WebCall(BaseModel):
    """Connect to `url` with `token` before `expires_at`; the assistant comes into the room and greets."""

    call_id: UUID = Field(description="its record, at GET /v1/calls/{call_id}, from the moment the assistant answers")
    assistant_id: UUID
    version: int = Field(description="that answers")
    language: Language
    url: str = Field(description="LiveKit, for livekit-client's `room.connect`")
    room: str
    token: str = Field(
        description="lets one person in, once; the answer to the same key later has the same, expired, token"
    )
    expires_at: datetime = Field(description="to enter by; who is in the room stays")
    calendar: Literal["rehearsed"] = Field(
        default="rehearsed",
        description="free times are the real ones; what is booked, moved or cancelled is not written",
    )
