"""How a calendar is reached and which of its event types stands for which service."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr


class CalComConnection(BaseModel):
    """Cal.com v2. `base_url` ends before /v2: https://api.cal.com (US), https://api.cal.eu (EU) or one's own."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    provider: Literal["calcom"] = "calcom"
    base_url: HttpUrl | None = None  # None: the worker's CAL_BASE_URL
    api_key: SecretStr | None = None  # None: the worker's CAL_API_KEY
    event_types: dict[str, int] = Field(default_factory=dict[str, int])  # service id -> Cal.com event type id


CalendarConnection = CalComConnection  # a union on `provider` with its second member
