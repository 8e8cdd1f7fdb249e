"""Everything that only a machine with an NVIDIA GPU can show, in one run of bounded length."""
