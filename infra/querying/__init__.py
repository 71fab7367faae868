"""Athena's SQL over the lake, on AWS or on this machine, and its results in every form."""
