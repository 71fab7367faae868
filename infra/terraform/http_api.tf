# The function behind the API (producers.http_api): it puts events on the stream.
data "aws_iam_policy_document" "http_api" {
  statement {
    sid       = "PutOnTheStream"
    actions   = ["kinesis:PutRecord", "kinesis:PutRecords"]
    resources = [local.arns.stream]
  }
  statement {
    sid       = "RememberIdempotencyKeys"
    actions   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [local.arns.idempotency_table]
  }
}

# Executions kept warm, so that no client waits for a cold start; scaled by how many of them are in use.
resource "aws_lambda_provisioned_concurrency_config" "http_api" {
  count = var.provisioned_concurrency == null ? 0 : 1

  function_name                     = aws_lambda_function.this["http_api"].function_name
  qualifier                         = aws_lambda_alias.live["http_api"].name
  provisioned_concurrent_executions = var.provisioned_concurrency.min

  lifecycle {
    ignore_changes = [provisioned_concurrent_executions] # scaled below
  }
}

resource "aws_appautoscaling_target" "http_api" {
  count = var.provisioned_concurrency == null ? 0 : 1

  service_namespace  = "lambda"
  scalable_dimension = "lambda:function:ProvisionedConcurrency"
  resource_id        = "function:${aws_lambda_function.this["http_api"].function_name}:${aws_lambda_alias.live["http_api"].name}"
  min_capacity       = var.provisioned_concurrency.min
  max_capacity       = var.provisioned_concurrency.max

  depends_on = [aws_lambda_provisioned_concurrency_config.http_api]
}

resource "aws_appautoscaling_policy" "http_api" {
  count = var.provisioned_concurrency == null ? 0 : 1

  name               = "${local.function_names.http_api}-utilization"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.http_api[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.http_api[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.http_api[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = 0.7

    predefined_metric_specification {
      predefined_metric_type = "LambdaProvisionedConcurrencyUtilization"
    }
  }
}
