"""JSON as the OpenX SerDe reads it: Firehose converts by these rules, and Athena reads JSON tables by them."""
