"""Assistants: drafts, immutable versions, what is live, and what is wrong with a configuration before it goes live."""
