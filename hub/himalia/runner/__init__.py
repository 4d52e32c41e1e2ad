"""The agent beside a workload: standard library only, Python 3.8 or newer."""
