"""The lake, and the archive of dead letters."""
