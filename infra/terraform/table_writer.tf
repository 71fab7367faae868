# From the stream to DynamoDB (consumers.table_writer): the mapping, and what the function may do.
resource "aws_lambda_event_source_mapping" "table_writer" {
  event_source_arn                   = var.enhanced_fan_out ? aws_kinesis_stream_consumer.table_writer[0].arn : aws_kinesis_stream.events.arn
  function_name                      = aws_lambda_alias.live["table_writer"].arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = local.settings.table_writer.batch_size
  maximum_batching_window_in_seconds = local.settings.table_writer.batching_window_seconds
  parallelization_factor             = local.scales ? null : local.settings.table_writer.parallelization_factor # null: as it stands
  maximum_retry_attempts             = local.settings.table_writer.maximum_retry_attempts
  maximum_record_age_in_seconds      = local.settings.table_writer.maximum_record_age_seconds
  bisect_batch_on_function_error     = local.settings.table_writer.bisect_batch_on_function_error
  function_response_types            = ["ReportBatchItemFailures"]

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead_letters.arn
    }
  }
}

data "aws_iam_policy_document" "table_writer" {
  statement {
    sid = "ReadTheStream"
    actions = [
      "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
      "kinesis:ListShards",
    ]
    resources = [local.arns.stream]
  }
  dynamic "statement" {
    for_each = var.enhanced_fan_out ? [true] : []
    content {
      sid       = "ReadByFanOut"
      actions   = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"]
      resources = ["${local.arns.stream}/consumer/${local.function_names.table_writer}:*"] # the end is when it was made
    }
  }
  statement {
    sid       = "WriteRows"
    actions   = ["dynamodb:BatchWriteItem"]
    resources = [local.arns.table]
  }
  statement {
    sid       = "SendDeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [local.arns.dead_letter_queue]
  }
  statement {
    sid       = "LeaveLargeDeadLettersInS3"
    actions   = ["s3:PutObject"]
    resources = ["${local.arns.dead_letter_bucket}/claims/*"]
  }
}
