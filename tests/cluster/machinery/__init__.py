"""A real Kubernetes on this machine for the tests: built, started, cut off, and removed without a trace."""
