"""The gateway: traffic to endpoints, in a process of its own that serves on when hub and service are down."""
