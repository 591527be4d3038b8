"""Onboarding: what an owner answers on the way to the first call, saved as it is typed, and how long that way was."""
