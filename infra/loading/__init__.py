"""Sending many events to the HTTP API: `spillway load`."""
