"""The audio process: one job per call. Never imports control_api; meets the world through store and calendar_tools."""
