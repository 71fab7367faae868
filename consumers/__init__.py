"""From the stream to DynamoDB; what cannot be written becomes a dead letter."""
