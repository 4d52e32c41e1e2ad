"""Programs that run inside sandboxed tasks, where what people sent may be opened; the service runs none."""
