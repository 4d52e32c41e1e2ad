"""The live channel: one WebSocket per Lab page, and the same as server-sent events for programs."""
