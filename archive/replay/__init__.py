"""Replay: what failed is put back, once."""
