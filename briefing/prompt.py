"""Fills prompts/receptionist.md for one call. What never changes within a version comes first, so that providers can cache
it; the day, the time and the caller come last."""

from datetime import datetime
from functools import lru_cache
from pathlib import Path

from babel.dates import format_datetime

from contracts.assistant import AssistantConfig, Language, Tone
from contracts.hours import WEEKDAYS
from contracts.prompting import PromptFields, render

_PROMPTS = Path(__file__).resolve().parent.parent / "prompts"
_LANGUAGES: dict[Language, str] = {"fr": "French (vous)", "en": "English", "he": "Hebrew"}
_CALLER = {True: "The caller's number is known.", False: "The caller withholds their number: ask for one to book."}
_TONES: dict[Tone, str] = {
    "professional": "Your manner is courteous, precise and brief.",
    "warm": "Your manner is warm, calm and unhurried.",
    "dynamic": "Your manner is lively, friendly and quick.",
}


@lru_cache(maxsize=8)
def read_prompt(name: str) -> str:
    return (_PROMPTS / f"{name}.md").read_text()


def receptionist_prompt(config: AssistantConfig, *, now: datetime, caller_known: bool, note: str = "") -> str:
    """`note`: what else is to be known of this call."""
    return render(read_prompt("receptionist"), fields_for(config, now=now, caller_known=caller_known, note=note))


def fields_for(config: AssistantConfig, *, now: datetime, caller_known: bool, note: str = "") -> PromptFields:
    local = now.astimezone(config.hours.zone)
    state = "open" if config.hours.is_open(now) else "closed"
    moment = format_datetime(local, "EEEE d MMMM y, HH:mm", locale="en")
    return PromptFields(
        persona_name=config.persona_name,
        business_name=config.business.name,
        business=_business(config),
        language_name=_LANGUAGES[config.language],
        tone=_TONES[config.tone],
        services=_services(config),
        rules=_lines(config.rules) or "- None beyond the above.",
        urgency=_urgency(config),
        transfer=config.transfer.when or "when the caller asks for a person.",
        faq_topics=", ".join(entry.topic for entry in config.faq) or "nothing is written down yet",
        opening_hours=_week(config),
        now=f"It is {moment} at the business, which is {state} now.",
        caller=" ".join(filter(None, (_CALLER[caller_known], note))),
    )


def _lines(items: tuple[str, ...]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _business(config: AssistantConfig) -> str:
    business = config.business
    facts = {
        "Name": business.name,
        "Kind": business.industry,
        "Address": business.address,
        "Access": business.access,
        "Team": ", ".join(business.team),
        "Website": business.website or "",
    }
    return "\n".join(f"- {label}: {value}" for label, value in facts.items() if value)


def _services(config: AssistantConfig) -> str:
    if not config.services:
        return "- none can be booked by telephone"
    lines: list[str] = []
    for service in config.services:
        also = f"; callers also say: {', '.join(service.aliases)}" if service.aliases else ""
        price = f", {service.price} {service.currency}" if service.price is not None else ""
        note = f". {service.note}" if service.note else ""
        lines.append(f"- {service.service_id}: {service.name} ({service.duration_minutes} min{price}){also}{note}")
    return "\n".join(lines)


def _urgency(config: AssistantConfig) -> str:
    if not config.urgency.signs:
        return "- Nothing special. If someone is in danger, tell them to call the emergency number."
    number = f" Emergency number: {config.urgency.number}." if config.urgency.number else ""
    return f"- Signs: {'; '.join(config.urgency.signs)}.\n- Then: {config.urgency.advice}{number}"


def _week(config: AssistantConfig) -> str:
    lines: list[str] = []
    for day in WEEKDAYS:
        intervals = config.hours.weekly.get(day, ())
        hours = ", ".join(f"{i.opens:%H:%M}-{i.closes:%H:%M}" for i in intervals) or "closed"
        lines.append(f"- {day}: {hours}")
    closed = "closed on public holidays" if config.hours.closed_on_holidays else "open on public holidays"
    return "\n".join([*lines, f"- {closed}; for a given date always use check_opening_hours"])
