"""Firehose on this machine: moto neither reads a stream, nor calls a transform, nor writes Parquet."""
