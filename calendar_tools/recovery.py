"""The writes of a job that died, for whoever goes on with its call: looked up, never sent.

Owns: from a write's last step to the booking that it made. Refuses: recording and saying so (the agent).
"""

from calendar_tools.calendar import Calendar
from calendar_tools.errors import BookingNotFound
from calendar_tools.model import Booking
from calendar_tools.reconcile import look_up
from calendar_tools.writes import ENDS
from contracts.call import BookingRecorded


async def find_written(step: BookingRecorded, calendar: Calendar) -> Booking | None:
    """The booking as it is now, if the write took effect and nothing has undone it since. None: it is not there, or not yet.
    Raises CalendarError: nobody knows."""
    state, uid = await look_up(step, calendar)
    if uid is None or state is not ENDS[step.action]:
        return None
    try:
        return await calendar.get_booking(uid)
    except BookingNotFound:
        return None
