"""Voices: what the provider has, to list, to filter and to listen to."""
