"""What answers still lack: half an address, a number that can't exist, hours that overlap.

Owns: reading stored answers, whatever wrote them, and telling a finished answer from one that is being typed. Refuses: which
answers there must be (`control_api.onboarding.assistant_request`, and the steps).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from contracts.hours import OpeningHours
from contracts.phone import PhoneNumberInvalid, parse_e164
from control_api.errors import FieldProblem, field_problems
from control_api.onboarding.schemas import HoursDraft, IntervalDraft, Profile, Studio

T = TypeVar("T", bound=BaseModel)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_WEBSITE = re.compile(r"https?://[^\s/.:@]+(\.[^\s/.:@]+)+(:\d{1,5})?([/?#]\S*)?", re.IGNORECASE)
_SELF_HOSTED = re.compile(r"https?://[^\s/:@]+(:\d{1,5})?(/\S*)?", re.IGNORECASE)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:00)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Answers:
    """`unreadable`: what was stored by another release or past the API, and is left out."""

    profile: Profile
    studio: Studio
    unreadable: tuple[FieldProblem, ...] = field(default=())

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Answers":
        """Never raises for what is stored."""
        unreadable: list[FieldProblem] = []
        profile = _read(Profile, row["profile"], "profile", unreadable)
        studio = _read(Studio, row["studio"], "studio", unreadable)
        return cls(profile, studio, tuple(unreadable))

    @property
    def phone(self) -> str | None:
        return finished_number(self.profile.phone, self.profile.country)

    @property
    def transfer_number(self) -> str | None:
        return finished_number(self.studio.transfer_number, self.profile.country)

    @property
    def website(self) -> str | None:
        return matching(_WEBSITE, self.profile.website)

    @property
    def fallback_email(self) -> str | None:
        return matching(_EMAIL, self.studio.fallback_email)

    @property
    def hours(self) -> OpeningHours | None:
        """None: not answered, or not finished."""
        draft = self.studio.hours
        if draft is None or list(_hours(draft, self.profile.country)):
            return None
        return OpeningHours.model_validate(_strict(draft, self.profile.country))

    def unfinished(self) -> list[FieldProblem]:
        """In the order in which they are asked."""
        return [*self.unreadable, *_of_profile(self), *_of_studio(self)]


def matching(pattern: re.Pattern[str], text: str | None) -> str | None:
    text = (text or "").strip()
    return text if pattern.fullmatch(text) else None


def finished_number(text: str | None, country: str | None) -> str | None:
    """In E.164; None: not there, or no number yet."""
    try:
        return parse_e164(text.strip(), country=country) if text else None
    except PhoneNumberInvalid:
        return None


def _read(kind: type[T], stored: Any, name: str, unreadable: list[FieldProblem]) -> T:
    answers: dict[str, Any] = dict(cast("dict[str, Any]", stored)) if isinstance(stored, dict) else {}
    try:
        return kind.model_validate(answers)
    except ValidationError as error:
        for key in sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}):
            answers.pop(key, None)
            unreadable.append(
                FieldProblem(
                    pointer=f"/{name}/{key}", reason="it can't be read by this release", advice="answer it again"
                )
            )
        return kind.model_validate(answers)


def _is_begun(text: str | None) -> bool:
    return bool(text and text.strip())


def _of_profile(answers: Answers) -> Iterator[FieldProblem]:
    if _is_begun(answers.profile.website) and answers.website is None:
        yield FieldProblem(
            pointer="/profile/website", reason="it is no address yet", advice="write it as in https://example.com"
        )
    if _is_begun(answers.profile.phone) and answers.phone is None:
        yield _no_number("/profile/phone", answers)


def _of_studio(answers: Answers) -> Iterator[FieldProblem]:
    studio = answers.studio
    yield from _names(answers)
    if studio.hours is not None and studio.hours.model_dump(exclude_none=True):
        yield from _hours(studio.hours, answers.profile.country)
    if _is_begun(studio.transfer_number) and answers.transfer_number is None:
        yield _no_number("/studio/transfer_number", answers)
    elif studio.job == "switchboard" and answers.transfer_number is None:
        yield FieldProblem(
            pointer="/studio/transfer_number",
            reason="a switchboard puts callers through to somebody",
            advice="give the number, or choose another job",
        )
    if _is_begun(studio.fallback_email) and answers.fallback_email is None:
        yield FieldProblem(
            pointer="/studio/fallback_email", reason="it is no e-mail address yet", advice="write it to its end"
        )
    calendar = studio.calendar
    if calendar is not None and calendar.region == "self_hosted" and matching(_SELF_HOSTED, calendar.base_url) is None:
        yield FieldProblem(
            pointer="/studio/calendar/base_url",
            reason="a calendar of your own has an address",
            advice="write it as in https://cal.example.com",
        )


def _no_number(pointer: str, answers: Answers) -> FieldProblem:
    known = answers.profile.country is not None
    advice = "write it to its end" if known else "write it in E.164, as in +33123456789, or choose the country"
    return FieldProblem(pointer=pointer, reason="it is no telephone number yet", advice=advice)


def _names(answers: Answers) -> Iterator[FieldProblem]:
    persona = answers.studio.persona
    for name in sorted(set(_NAME.findall((persona and persona.greeting) or "")) - {"business", "persona"}):
        yield FieldProblem(
            pointer="/studio/persona/greeting",
            reason=f"there is no name {{{name}}}",
            advice="a greeting may use {persona} and {business}; write the rest out",
        )
    for name in sorted(set(_NAME.findall(answers.studio.guidelines or ""))):
        yield FieldProblem(
            pointer="/studio/guidelines", reason=f"there is no name {{{name}}}", advice="write it out, without braces"
        )


def _strict(draft: HoursDraft, country: str | None) -> dict[str, Any]:
    hours = draft.model_dump(mode="json", exclude_none=True)
    return {**({"country": country} if country else {}), **hours}


def _hours(draft: HoursDraft, country: str | None) -> Iterator[FieldProblem]:
    """Times and days first: what reads as neither would be taken for something else."""
    problems = list(_times(draft))
    if not problems:
        try:
            hours = OpeningHours.model_validate(_strict(draft, country))
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            problems = [_advised(p) for p in field_problems(found, within=("body", "studio", "hours"))]
        else:
            if not any(hours.weekly.values()):
                problems.append(
                    FieldProblem(
                        pointer="/studio/hours/weekly", reason="the business is never open", advice="give its hours"
                    )
                )
    yield from problems


def _advised(problem: FieldProblem) -> FieldProblem:
    if not problem.pointer.endswith("/time_zone"):
        return problem
    return FieldProblem(
        pointer=problem.pointer, reason="the hours have no time zone yet", advice="choose one, as in Europe/Paris"
    )


def _times(draft: HoursDraft) -> Iterator[FieldProblem]:
    for day, intervals in (draft.weekly or {}).items():
        yield from _interval_times(f"/studio/hours/weekly/{day}", intervals)
    for index, exception in enumerate(draft.exceptions or ()):
        place = f"/studio/hours/exceptions/{index}"
        if not _is_day(exception.day or ""):
            yield FieldProblem(pointer=f"{place}/day", reason="it is no day yet", advice="write it as in 2026-12-24")
        yield from _interval_times(f"{place}/intervals", exception.intervals)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return _DAY.fullmatch(text) is not None


def _interval_times(place: str, intervals: list[IntervalDraft] | None) -> Iterator[FieldProblem]:
    for index, interval in enumerate(intervals or ()):
        opens, closes = interval.opens or "", interval.closes or ""
        written = {"opens": _TIME.fullmatch(opens), "closes": _TIME.fullmatch(closes)}
        for name in (name for name, found in written.items() if not found):
            yield FieldProblem(
                pointer=f"{place}/{index}/{name}", reason="it is no time of day yet", advice="write it as in 09:00"
            )
        if all(written.values()) and opens[:5] >= closes[:5] != "00:00":
            yield FieldProblem(
                pointer=f"{place}/{index}",
                reason="it closes before it opens",
                advice="let it close later, or at 00:00 for the end of the day",
            )
