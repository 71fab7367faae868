# preamble: offline account
# Automatic scaling of the shards.
variables {
  environment  = "prod"
  package_file = "../pipeline.yaml" # any file
  alarm_emails = { high = ["pager@example.com"] }
  pipeline     = replace(file("../pipeline.yaml"), "enabled: false", "enabled: true")
}

run "what_was_scaled_stays" {
  command = plan

  override_data {
    target = data.aws_availability_zones.here
    values = { names = ["eu-west-2a", "eu-west-2b"] }
  }

  variables {
    standing_shards = 7
    vpc_cidr        = "10.20.0.0/24"
  }

  # Shards are as many as there are, and only the function sets the factor.

  assert {
    condition     = aws_kinesis_stream.events.shard_count == 7
    error_message = "The shards are set back."
  }

  # The function is called every minute, and knows what pipeline.yaml says.

  assert {
    condition     = aws_cloudwatch_event_rule.schedule["scaling_function"].schedule_expression == "rate(1 minute)"
    error_message = "The function is not called every minute."
  }
  assert {
    condition = (aws_lambda_function.this["scaling_function"].function_name == "spillway-prod-scaling-function"
      && aws_lambda_function.this["scaling_function"].handler == "infra.shards.scaling_function.handler"
    && aws_lambda_function.this["scaling_function"].timeout == 60 && aws_lambda_function.this["scaling_function"].memory_size == 512)
    error_message = "The function is not as designed."
  }
  assert {
    condition = aws_lambda_function.this["scaling_function"].environment[0].variables == tomap({
      STREAM_NAME            = "spillway-prod-events"
      DELIVERY_STREAM_NAME   = "spillway-prod-archive"
      TABLE_WRITER_NAME      = "spillway-prod-table-writer"
      TOPIC_ARN              = "arn:aws:sns:eu-west-2:123456789012:spillway-prod-low"
      DRY_RUN                = "false"
      PERIOD_SECONDS         = "60"
      TARGET_UTILISATION     = "0.6"
      UP_ABOVE               = "0.75"
      DOWN_BELOW             = "0.4"
      MIN_SHARDS             = "2"
      MAX_SHARDS             = "16"
      UP_COOL_DOWN_SECONDS   = "120"
      DOWN_COOL_DOWN_SECONDS = "3600"
    })
    error_message = "The function's settings differ from pipeline.yaml."
  }
  assert {
    condition = (contains(keys(module.alarms.alarms), "scaling-function-errors")
    && contains(keys(aws_cloudwatch_log_group.function), "scaling_function"))
    error_message = "The function fails unseen."
  }

  # It may change the stream's shards and the writer's mapping, and nothing else.

  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.scaling_function.json).Statement :
      statement.Action if try(statement.Resource, "") == "*"])) == toset([
    "cloudwatch:GetMetricData", "kinesis:DescribeLimits", "lambda:ListEventSourceMappings"])
    error_message = "More than reads is allowed on the resource *."
  }
  assert {
    condition = one([for statement in jsondecode(data.aws_iam_policy_document.scaling_function.json).Statement :
      toset(statement.Condition.ArnLike["lambda:FunctionArn"]) if statement.Sid == "ChangeTheWritersMapping"]) == toset([
    "arn:aws:lambda:eu-west-2:123456789012:function:spillway-prod-table-writer", "arn:aws:lambda:eu-west-2:123456789012:function:spillway-prod-table-writer:*"])
    error_message = "The mappings of other functions can be changed."
  }
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.scaling_function.json).Statement :
      statement.Action if try(statement.Resource, "") == local.arns.stream])) == toset([
      "kinesis:AddTagsToStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards",
    "kinesis:ListStreamConsumers", "kinesis:ListTagsForStream", "kinesis:MergeShards", "kinesis:SplitShard", "kinesis:UpdateShardCount"])
    error_message = "The stream can be changed otherwise than by its shards."
  }
  assert {
    condition     = length(setsubtract(["kinesis-firehose", "lambda", "monitoring", "sns"], keys(aws_vpc_endpoint.interface))) == 0
    error_message = "In a VPC the function does not reach what it calls."
  }
}

run "a_stream_that_is_new_begins_as_pipeline_yaml_says" {
  command = plan

  variables {
    standing_shards = 0
  }

  assert {
    condition     = aws_kinesis_stream.events.shard_count == 2
    error_message = "The stream does not begin with stream.shards."
  }
}

run "how_many_there_are_has_to_be_given" {
  command = plan

  expect_failures = [var.standing_shards]
}

run "an_on_demand_stream_is_not_scaled" {
  command = plan

  variables {
    standing_shards = 0
    stream_mode     = "ON_DEMAND"
  }

  expect_failures = [var.stream_mode]
}
