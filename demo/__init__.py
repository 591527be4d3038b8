"""Where the agent meets the stand-ins: demo calls, measured calls, the typed call. Nothing that ships imports this."""
