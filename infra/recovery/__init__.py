"""Bringing back what was lost: the table from the lake."""
