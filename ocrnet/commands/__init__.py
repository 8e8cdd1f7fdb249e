"""The subcommands that need nothing but the core, a file each."""
