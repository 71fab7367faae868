from tests.conformance.test_kinesis_resharding import *  # noqa: F403 (its facts, in an account whose store is opened again and again)
