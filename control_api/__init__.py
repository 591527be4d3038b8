"""The control plane: assistants, numbers, calendars, calls and who may see them, over HTTP. Never imports the agent."""
