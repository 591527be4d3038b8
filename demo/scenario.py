"""Scenarios as data: what the world is like, what the caller does, what must have come of it. `demo/scenarios/*.yaml`.

Steps wait for what AVA does, never for a time of day: after she has been quiet for a while, into her speech, when a request
has reached a stand-in. Expectations name states (rows, calendar, tool results) rather than words.
"""

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from contracts.assistant import Language, ToolName
from contracts.call import CallOutcome
from contracts.phone import E164
from sandbox.callers import known_utterances

FOLDER = Path(__file__).with_name("scenarios")
# A Monday on which no country of the presets has a holiday for two weeks: "jeudi" means the same in every run.
DEMO_NOW = datetime.fromisoformat("2026-11-23T08:00:00+00:00")

StandIn = Literal["deepgram", "openai", "elevenlabs", "calcom", "langfuse", "supabase"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Control(_Part):
    """Something done to the world over a stand-in's `/_ctl`: a fault, a race, a latency, a cut socket. As a step: once AVA
    has answered what was said before."""

    app: StandIn
    path: str  # after /_ctl/
    body: JsonValue = None
    method: Literal["POST", "DELETE"] = "POST"


class Seed(_Part):
    """A booking the calendar holds before the call. `start` is the business's wall clock."""

    seed: str  # service id
    start: datetime
    name: str
    phone: E164 | None = None
    duplicates: int = Field(default=1, ge=1, le=60)  # so many days in a row


class Say(_Part):
    """The caller says an utterance of `sandbox/callers`, once AVA has answered and been quiet for `after_quiet` seconds,
    or `barge_in` seconds into her next speech. `unasked`: without waiting for an answer to what he said before."""

    say: str
    after_quiet: float = Field(default=0.7, ge=0.0, le=10)
    barge_in: float | None = Field(default=None, ge=0.0, le=10)
    unasked: bool = False
    gain: float = Field(default=1.0, gt=0.0, le=2.0)

    @field_validator("say")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in known_utterances():
            raise ValueError(f"no utterance {name!r}: add it to sandbox/callers/utterances.yaml and make its voice")
        return name


class Wait(_Part):
    """The caller says nothing for so long, or until the line is down."""

    wait: float = Field(gt=0, le=60)


class HangUp(_Part):
    """After AVA's answer and `after_quiet` seconds, or `delay` seconds after Cal.com was asked for `when` (an operation of
    its stand-in) during this call."""

    hang_up: Literal[True]
    after_quiet: float = 0.7
    when: str | None = None
    delay: float = Field(default=0.0, ge=0, le=10)


Step = Say | Wait | HangUp | Control


class ExpectedBooking(_Part):
    """`start` on the business's wall clock. `status` as the calendar says it."""

    service: str
    start: datetime
    attendee: str
    status: Literal["accepted", "cancelled"] = "accepted"
    phone: E164 | None = None  # None: whichever


class Expected(_Part):
    """What must be true afterwards. `results`: statuses that a tool must have answered, in this order among others.
    `heard`: sentences of agent/phrases.py that AVA must have spoken, `never_heard` those she must not."""

    outcome: CallOutcome | None
    ended_by: Literal["caller", "assistant", "limit", "failure"] | None = None
    bookings: tuple[ExpectedBooking, ...] = ()  # all that stand or were cancelled in this call
    messages: tuple[str, ...] = ()  # the follow_up of each
    transfers: tuple[str, ...] = ()  # the result of each
    results: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    never_results: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    heard: tuple[str, ...] = ()
    never_heard: tuple[str, ...] = ()
    problems: tuple[
        Literal["stt", "llm", "tts", "calendar", "store", "agent"], ...
    ] = ()  # at least these were recorded
    held: int = 0  # at least so many sentences of the model were held back by the speech guard
    interruptions: int = 0  # at least so many turns of AVA were cut by the caller
    no_call_row: bool = False  # the number is unknown: nobody's call


class Scenario(_Part):
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    language: Language = "fr"
    caller: E164 | None = "+33612345678"
    dialed: E164 | None = None  # None: the practice of that language
    transfer: Literal["transferred", "failed", "unavailable"] = "failed"
    noise: str | None = None  # a recording that is heard on the line between the caller's words
    config: dict[str, Any] = Field(default_factory=dict[str, Any])  # fields of the preset that differ
    without: tuple[ToolName, ...] = ()  # tools taken away
    paused: bool = False
    unreadable: bool = False  # the published version is none that this agent can read
    known: bool | None = None  # True: an earlier call left a last known good on disk. False: nothing is known here
    before: tuple[Seed | Control, ...] = ()
    steps: tuple[Step, ...] = ()
    after: tuple[Control, ...] = ()  # the world repaired, then one sweep as after every call
    seconds: float = 45.0  # about how long it takes: the longest go first when all are run
    expect: Expected

    @property
    def utterances(self) -> list[str]:
        return [step.say for step in self.steps if isinstance(step, Say)]


@lru_cache(maxsize=1)
def load_scenarios() -> dict[str, Scenario]:
    """All of them by name, in the files' order. Raises pydantic.ValidationError or ValueError naming what is wrong."""
    found: dict[str, Scenario] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["scenarios"]:
            scenario = Scenario.model_validate(entry)
            if scenario.name in found:
                raise ValueError(f"{path.name}: two scenarios are called {scenario.name}")
            found[scenario.name] = scenario
    return found


class UnknownScenario(KeyError):
    """Names those that there are."""


def get_scenario(name: str) -> Scenario:
    try:
        return load_scenarios()[name]
    except KeyError:
        raise UnknownScenario(f"no scenario {name!r}; there are: {', '.join(load_scenarios())}") from None
