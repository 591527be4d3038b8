"""Calls that AVA places: planning them, when they may be placed, placing them, and whom never to call."""
