"""Code snapshots: content-addressed trees that jobs run from, and which project owns which object."""
