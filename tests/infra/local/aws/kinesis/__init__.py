"""The local Kinesis: one suite for it and for AWS (test_kinesis_*_conformance), and what only it has."""
