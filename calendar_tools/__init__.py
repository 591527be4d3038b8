"""Booking as a library: dates, slots, calendars. No livekit, no fastapi, no database."""
