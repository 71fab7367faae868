"""What the commands and the console do with failures: open their stores, rehearse and carry out replays, discard."""
