"""Follows the stream: its events as they come, through reshards, behind the consumers' needs."""
