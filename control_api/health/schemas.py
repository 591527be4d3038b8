"""What health answers."""

from typing import Literal

from pydantic import BaseModel, Field


class Alive(BaseModel):
    status: Literal["alive"] = "alive"


class DependencyState(BaseModel):
    name: str
    required: bool = Field(description="false: what needs it fails, everything else goes on")
    state: Literal["ok", "unavailable", "unknown"]
    detail: str
    checked_seconds_ago: float | None
    ok_seconds_ago: float | None = Field(description="null: never since this process began")


class Readiness(BaseModel):
    status: Literal["ready", "not_ready", "draining"]
    dependencies: list[DependencyState]
