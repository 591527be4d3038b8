"""The model never computes a date: it hands over the caller's own words, code settles them or asks back."""

from agent.conversation import Conversation
from agent.speaking import text
from calendar_tools.named_days import find_named_day
from calendar_tools.speech import say_day
from calendar_tools.windows import DAY_EXPRESSION_HELP, Ambiguous, InThePast, NotUnderstood, Window, resolve_window

DAY_PROPERTY = text(f"The day in the caller's own words, or one of these forms. {DAY_EXPRESSION_HELP}")
PART_PROPERTY = text("morning, midday, afternoon, evening, any, or the caller's own words ('vers 10 heures'); else any")

_OR = {"fr": " ou ", "en": " or ", "he": " או "}


def settle_day(c: Conversation, day: str, part_of_day: str = "any") -> Window | str:
    """A window, or the question to ask back."""
    today = c.now().astimezone(c.zone).date()

    def resolved(words: str) -> Window | Ambiguous | InThePast | NotUnderstood:
        return resolve_window(words, part_of_day=part_of_day or "any", now=c.now(), zone=c.zone, language=c.language)

    found = resolved(day)
    if isinstance(found, NotUnderstood):
        holiday = find_named_day(day, c.config.hours, after=today, language=c.language)
        found = resolved(holiday.isoformat()) if holiday is not None else found
    match found:
        case Window():
            return found
        case Ambiguous():
            readings = [say_day(reading, c.language, today=today) for reading in found.readings]
            return c.phrases.which_day.format(options=_OR[c.language].join(readings))
        case InThePast():
            return c.phrases.in_the_past
        case NotUnderstood():
            return c.phrases.not_understood
