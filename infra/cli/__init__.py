"""The command `spillway`."""
