"""What the pipeline costs a month, from a price table, pipeline.yaml, and what the handlers were measured at."""
