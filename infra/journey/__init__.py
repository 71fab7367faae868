"""The journey of one event: where it was seen, when, and where nobody saw it."""
