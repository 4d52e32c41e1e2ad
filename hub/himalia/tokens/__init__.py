"""Personal access tokens, and how a waiting command gets one."""
