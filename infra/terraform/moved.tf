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
