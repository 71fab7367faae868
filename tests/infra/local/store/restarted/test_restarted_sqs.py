from tests.conformance.test_sqs import *  # noqa: F403 (its facts, in an account whose store is opened again and again)
