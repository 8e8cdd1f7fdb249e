"""The gateway: HTTP around the core."""
