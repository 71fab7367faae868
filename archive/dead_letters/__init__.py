"""Dead letters and Firehose's error objects: where they lie, how they are read and selected."""
