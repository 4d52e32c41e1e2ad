"""Conformance suites for what can be implemented more than once; they need pytest."""
