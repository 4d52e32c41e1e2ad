"""`himalia up`: proxy, hub, service and gateway side by side, restarted when they die, stopped together.

Standard library only, so that the platform starts quickly and the supervisor stays small.
"""
