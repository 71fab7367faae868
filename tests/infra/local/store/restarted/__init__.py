"""The conformance suites of what the store holds, the store closed and opened again all through each test."""
