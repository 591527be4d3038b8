"""Callers are told that a call is recorded, and may object."""

from contracts.assistant import AssistantConfig


def is_recorded(config: AssistantConfig) -> bool:
    """Never without a notice, whatever the switch says."""
    return config.recording.enabled and bool(config.recording.consent.strip())
