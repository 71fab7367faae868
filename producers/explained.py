"""The base of every error whose message is for people."""


class Explained(Exception):
    """The message says what happened, to what, why, and what to do next; a command prints it as it is."""
