from tests.conformance.test_dynamodb import *  # noqa: F403 (its facts, in an account whose store is opened again and again)
