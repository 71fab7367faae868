# The Kinesis stream that everything accepted goes through.
locals {
  # Terraform cannot ignore a change under a condition. Where shards are scaled it asks for as many as there are.
  shards = local.scales && coalesce(var.standing_shards, 0) > 0 ? var.standing_shards : local.settings.stream.shards
}

resource "aws_kinesis_stream" "events" {
  name                      = local.names.stream
  shard_count               = var.stream_mode == "PROVISIONED" ? local.shards : null
  retention_period          = local.settings.stream.retention_hours
  shard_level_metrics       = var.shard_level_metrics
  encryption_type           = "KMS"
  kms_key_id                = aws_kms_key.this.arn
  enforce_consumer_deletion = true

  stream_mode_details {
    stream_mode = var.stream_mode
  }
}

# Enhanced fan-out: a read rate of its own for the table writer.
resource "aws_kinesis_stream_consumer" "table_writer" {
  count = var.enhanced_fan_out ? 1 : 0

  name       = local.function_names.table_writer
  stream_arn = aws_kinesis_stream.events.arn
}
