"""Events and how they get on the stream."""
