"""Accounting for every event of a period: `spillway audit`."""
