"""The local Firehose against real APIs: the local Kinesis, moto's S3, Glue and Firehose."""
