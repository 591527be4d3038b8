"""Presets: complete assistants per industry and language, to begin from."""
