# Addresses of earlier versions, so that Terraform keeps what an environment has.
moved {
  from = aws_cloudwatch_metric_alarm.this
  to   = module.alarms.aws_cloudwatch_metric_alarm.this
}

moved {
  from = aws_cloudwatch_composite_alarm.front
  to   = module.front_pages.aws_cloudwatch_composite_alarm.this
}

moved {
  from = aws_cloudwatch_composite_alarm.table
  to   = module.table_page.aws_cloudwatch_composite_alarm.this["table-high"]
}

moved {
  from = aws_cloudwatch_composite_alarm.behind
  to   = module.pages_behind.aws_cloudwatch_composite_alarm.this
}

moved {
  from = aws_cloudwatch_composite_alarm.any_high
  to   = module.any_high.aws_cloudwatch_composite_alarm.this["any-high"]
}

moved {
  from = aws_cloudwatch_composite_alarm.low
  to   = module.low_pages.aws_cloudwatch_composite_alarm.this
}

moved {
  from = aws_iam_role.function
  to   = module.roles.aws_iam_role.this
}

moved {
  from = aws_iam_role.backup
  to   = module.roles.aws_iam_role.this["backup"]
}

moved {
  from = aws_iam_role.firehose
  to   = module.roles.aws_iam_role.this["firehose"]
}

moved {
  from = aws_iam_role.flow_log[0]
  to   = module.roles.aws_iam_role.this["flow_log"]
}

# The REST API before http.door: each was one resource, without a count.
moved {
  from = aws_api_gateway_rest_api.this
  to   = aws_api_gateway_rest_api.this[0]
}

moved {
  from = aws_api_gateway_method.preflight
  to   = aws_api_gateway_method.preflight[0]
}

moved {
  from = aws_api_gateway_integration.preflight
  to   = aws_api_gateway_integration.preflight[0]
}

moved {
  from = aws_api_gateway_deployment.this
  to   = aws_api_gateway_deployment.this[0]
}

moved {
  from = aws_api_gateway_stage.this
  to   = aws_api_gateway_stage.this[0]
}

moved {
  from = aws_api_gateway_method_settings.all
  to   = aws_api_gateway_method_settings.all[0]
}
