"""What several of the commands share: tables, results on disk, the machine, gateways."""
