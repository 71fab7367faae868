"""Shards of the stream: measured, planned, scaled; on request by the command, on a schedule by a function."""
