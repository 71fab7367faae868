"""From the stream to DynamoDB, and what to do with what cannot be written."""
