"""Checkpoint files: found, downloaded, read without running them, compared with the zoo."""
