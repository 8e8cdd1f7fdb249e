"""`ocrnet export`: one module per subcommand; heavy imports wait until one is run."""
