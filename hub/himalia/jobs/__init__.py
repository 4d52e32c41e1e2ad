"""Jobs: a notebook, a script or a command that runs to its end."""
