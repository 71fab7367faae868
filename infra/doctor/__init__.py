"""Looks for what could keep Spillway from working, on this machine and on AWS, each with its remedy."""
