"""Calendars: the Cal.com account an assistant books in, and which of its event types stands for which service."""
