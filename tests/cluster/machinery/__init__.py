"""A real Kubernetes on this machine for the tests: built, started, cut off, and removed without a trace."""

import os

# Where Debian puts nft, conntrack and debootstrap, which not everybody's PATH has.
os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
