# An option: automatic scaling of the shards, a step or none a minute (infra.shards.scaling_function).
locals {
  scales                 = local.settings.scaling.enabled
  scaling_period_minutes = 1
}

data "aws_iam_policy_document" "scaling_function" {
  # checkov:skip=CKV_AWS_111:the actions without a condition are reads; those that change name the stream or the mapping's function
  # checkov:skip=CKV_AWS_356:limits, metrics and the list of mappings have no resources to name

  statement {
    sid = "ReadTheStream"
    actions = [
      "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards",
      "kinesis:ListStreamConsumers", "kinesis:ListTagsForStream",
    ]
    resources = [local.arns.stream]
  }
  statement {
    sid       = "ChangeItsShards"
    actions   = ["kinesis:AddTagsToStream", "kinesis:MergeShards", "kinesis:SplitShard", "kinesis:UpdateShardCount"]
    resources = [local.arns.stream]
  }
  statement {
    sid       = "LookAtLimitsMetricsAndReaders"
    actions   = ["cloudwatch:GetMetricData", "kinesis:DescribeLimits", "lambda:ListEventSourceMappings"]
    resources = ["*"]
  }
  # By its function, since IAM knows a mapping only by an id that AWS gives.
  statement {
    sid       = "ChangeTheWritersMapping"
    actions   = ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"]
    resources = ["arn:${local.partition}:lambda:${local.here}:event-source-mapping:*"]

    condition {
      test     = "ArnLike"
      variable = "lambda:FunctionArn"
      values   = [local.function_arns.table_writer, "${local.function_arns.table_writer}:*"]
    }
  }
  statement {
    sid       = "LookAtFirehose"
    actions   = ["firehose:DescribeDeliveryStream"]
    resources = [local.arns.delivery_stream]
  }
  statement {
    sid       = "TellTheTopic"
    actions   = ["sns:Publish"]
    resources = [local.topic_arns.low]
  }
}
