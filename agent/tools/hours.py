"""Opening hours and holidays, answered by code."""

from datetime import date, datetime

from livekit.agents.llm import ToolResult, Toolset

from agent.conversation import Conversation
from agent.speaking import Arguments, Context, raw_tool, told
from agent.tools.days import DAY_PROPERTY, settle_day
from calendar_tools.speech import say_day, say_moment, say_opening
from contracts.hours import DayHours

_DAYS_TOLD = 7  # more can't be kept in mind on a telephone


class DayArgument(Arguments):
    day: str = "today"


class HoursTools(Toolset):
    def __init__(self, conversation: Conversation) -> None:
        self._c = conversation
        check = raw_tool(
            self._check,
            name="check_opening_hours",
            description="Whether the business is open on a day or days, holidays and closures included. "
            "Speaks the answer itself.",
            properties={"day": DAY_PROPERTY},
        )
        super().__init__(id="hours", tools=[check])

    async def _check(self, raw_arguments: dict[str, object], ctx: Context) -> ToolResult:
        c = self._c
        window = settle_day(c, DayArgument.read(raw_arguments).day)
        if isinstance(window, str):
            return told(ctx, "ask", window)
        days = [c.config.hours.on(day, language=c.language) for day in window.days[:_DAYS_TOLD]]
        c.progress.answered += 1
        c.progress.made()
        say = " ".join(self._sentence(hours) for hours in days)
        closed = all(hours.is_closed for hours in days)
        if closed and len(days) == 1:
            say = f"{say} {self._reopening(window.start)}".strip()
        return told(ctx, "closed" if closed else "open", say)

    def _today(self) -> date:
        return self._c.now().astimezone(self._c.zone).date()

    def _sentence(self, hours: DayHours) -> str:
        phrases, language = self._c.phrases, self._c.language
        day = say_day(hours.day, language, today=self._today())
        day = day[:1].upper() + day[1:]
        if hours.is_closed and hours.reason:
            return phrases.closed_because.format(day=day, reason=hours.reason)
        if hours.is_closed:
            return phrases.closed_on.format(day=day)
        return phrases.open_on.format(
            day=day, hours=say_opening([(i.opens, i.closes) for i in hours.intervals], language)
        )

    def _moment(self, at: datetime) -> str:
        return say_moment(at, self._c.language, zone=self._c.zone, today=self._today())

    def _reopening(self, after: datetime) -> str:
        opening = self._c.config.hours.next_opening(after)
        if opening is None:
            return ""
        return self._c.phrases.next_opening.format(moment=self._moment(opening))
