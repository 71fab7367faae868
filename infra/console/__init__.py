"""The web console: server-rendered pages over the functions that the commands call."""
