"""Event source mappings on this machine: what polls the stream and the queue and invokes the functions."""
