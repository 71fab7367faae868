# preamble: offline account
# Alarms, pages, dashboard, budget, backup, tracing: plans only, without an account.
variables {
  environment  = "prod"
  package_file = "../pipeline.yaml" # any file
  alarm_emails = { high = ["pager@example.com"] }
}

run "operation" {
  command = plan

  # Every alarm names its section of the runbook, and belongs to a page.

  assert {
    condition = alltrue([for key, alarm in module.alarms.alarms :
    strcontains(alarm.alarm_description, "docs/runbooks/alarms.md#") && contains(keys(local.pages), local.alarms[key].part)])
    error_message = "An alarm is without a runbook, or without a page."
  }
  assert {
    condition     = alltrue([for alarm in module.alarms.alarms : length(coalesce(alarm.alarm_actions, [])) == 0])
    error_message = "A metric alarm notifies someone by itself, so that one fault may give several pages."
  }
  assert {
    condition = toset(flatten([for page in local.page_alarms : page.alarms])) == toset(keys(local.alarms)) && length(flatten([
    for page in local.page_alarms : page.alarms])) == length(local.alarms)
    error_message = "An alarm is on no page, or on two."
  }

  # Every function has its alarms.

  assert {
    condition = alltrue(flatten([for function in values(local.function_names) : [
      for kind in ["errors", "throttles", "duration"] :
      contains([for alarm in module.alarms.alarms : alarm.alarm_name], "${function}-${kind}")
    ]]))
    error_message = "A function is without alarms for errors, throttles and duration."
  }

  # Thresholds come from pipeline.yaml.

  assert {
    condition = (module.alarms.alarms["table-writer-duration"].threshold == 48000
    && module.alarms.alarms["api-too-many"].threshold == 4800)
    error_message = "A threshold does not follow the time-out or the rate in pipeline.yaml."
  }
  assert {
    condition     = module.alarms.alarms["stream-expiring"].threshold == 43200000
    error_message = "The iterator age is not a share of the retention."
  }
  assert {
    condition = (module.alarms.alarms["api-too-few"].threshold_metric_id == "expected"
    && module.alarms.alarms["api-too-few"].treat_missing_data == "notBreaching")
    error_message = "Too few requests do not raise an alarm by anomaly detection, or an idle environment does."
  }
  # DynamoDB counts a BatchWriteItem as throttled only where every item of it is.
  assert {
    condition = alltrue([for key, table in { table-throttled = local.names.table, idempotency-throttled = local.names.idempotency_table } :
    module.alarms.alarms[key].metric_name == "WriteThrottleEvents" && module.alarms.alarms[key].dimensions == tomap({ TableName = table })])
    error_message = "Throttled writes of a part of a batch are not seen."
  }
  assert {
    condition = toset([for query in module.alarms.alarms["backup-failed"].metric_query : one(query.metric).metric_name if length(query.metric) > 0]) == toset([
    "NumberOfBackupJobsFailed", "NumberOfBackupJobsAborted", "NumberOfBackupJobsExpired"])
    error_message = "A backup that is not made is not seen."
  }
  # What SQS moves by itself it does not count as sent.
  assert {
    condition     = module.alarms.alarms["parked-messages"].metric_name == "ApproximateNumberOfMessagesVisible"
    error_message = "Parked messages are watched by a metric that does not count redriven ones."
  }

  # Two topics, encrypted; high pages wake, and what lies behind waits.

  assert {
    condition     = keys(aws_sns_topic.this) == ["high", "low"] && alltrue([for topic in aws_sns_topic.this : topic.kms_master_key_id == "the-key"])
    error_message = "There are not two topics, encrypted with the key."
  }
  assert {
    condition = (keys(module.front_pages.pages) == ["intake-high", "loss-high"]
    && length(module.front_pages.pages["loss-high"].actions_suppressor) == 0)
    error_message = "Loss, or clients failing, waits behind something else."
  }
  assert {
    condition     = module.any_high.pages["any-high"].alarm_actions == null
    error_message = "The alarm that others look at notifies someone."
  }
  assert {
    condition     = alltrue([for alarm in module.low_pages.pages : alarm.actions_suppressor[0].alarm == "spillway-prod-any-high"])
    error_message = "Early warnings are sent while someone is awake."
  }

  # The budget is alerted at 50, 80 and 100 percent, and on its forecast.

  assert {
    condition = toset([for each in aws_budgets_budget.month.notification : "${each.notification_type} ${each.threshold}"]) == toset([
    "ACTUAL 50", "ACTUAL 80", "ACTUAL 100", "FORECASTED 100"])
    error_message = "The budget does not alert at 50, 80, 100 percent and on forecast."
  }
  assert {
    condition = contains(flatten([for filter in aws_budgets_budget.month.cost_filter : filter.values]),
    format("user:Deployment$%s", "spillway-prod"))
    error_message = "The budget is not that of the environment's tag."
  }
  assert {
    condition     = length(aws_budgets_budget.account) == 0
    error_message = "The account has a budget without having been asked for."
  }

  # The dashboard goes from left to right.

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.markdown if widget.type == "text"] == [
    "## 1. Intake", "## 2. Stream", "## 3. Table", "## 4. Lake", "## 5. Dead letters"]
    error_message = "The dashboard does not follow the pipeline's order."
  }
  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.x + widget.width <= 25])
    error_message = "A widget is outside the page."
  }

  # Backups move to cold storage.

  assert {
    condition = (one(aws_backup_plan.this.rule).lifecycle[0].cold_storage_after == 30
    && one(aws_backup_plan.this.rule).lifecycle[0].delete_after == 365)
    error_message = "Backups do not move to cold storage."
  }
  assert {
    condition     = aws_backup_selection.this.resources == toset([local.arns.table])
    error_message = "The plan backs up something else than the table."
  }

  # Tracing is sampled as pipeline.yaml says.

  assert {
    condition     = aws_xray_sampling_rule.this.fixed_rate == 0.05 && aws_xray_sampling_rule.this.reservoir_size == 1
    error_message = "The sampling rule is not that of pipeline.yaml."
  }

  # Without a canary, new versions get everything.

  assert {
    condition     = alltrue([for alias in aws_lambda_alias.live : length(alias.routing_config) == 0])
    error_message = "An alias splits invocations without a canary."
  }
}

run "a_release_is_tried_and_bounded" {
  command = plan

  override_resource {
    target          = aws_lambda_function.this
    override_during = plan
    values          = { version = "8" }
  }

  variables {
    canary               = { share = 0.1, stable_versions = { http_api = "7", table_writer = "8" } }
    permissions_boundary = "arn:aws:iam::123456789012:policy/spillway-boundary"
    alarm_emails         = { high = ["pager@example.com"], low = ["team@example.com", "other@example.com"] }

    steady_traffic         = true
    account_budget_dollars = 500
  }

  assert {
    condition     = module.alarms.alarms["api-too-few"].treat_missing_data == "breaching"
    error_message = "Where requests come at all hours, none at all are not too few."
  }
  assert {
    condition     = aws_budgets_budget.account[0].limit_amount == "500.0"
    error_message = "The account has no budget."
  }
  assert {
    condition = (aws_lambda_alias.live["http_api"].function_version == "7"
    && aws_lambda_alias.live["http_api"].routing_config[0].additional_version_weights["8"] == 0.1)
    error_message = "The new version does not get its share, or the stable one not the rest."
  }
  assert {
    condition = (aws_lambda_alias.live["table_writer"].function_version == "8"
    && length(aws_lambda_alias.live["table_writer"].routing_config) == 0)
    error_message = "A function that did not change splits its invocations."
  }
  assert {
    condition     = aws_lambda_alias.live["firehose_transform"].function_version == "8"
    error_message = "A function that had no version yet is not live."
  }
  assert {
    condition     = length(module.roles.boundaries) == 7 && alltrue([for boundary in module.roles.boundaries : boundary == var.permissions_boundary])
    error_message = "A role is made without the boundary."
  }
  assert {
    condition     = length(aws_sns_topic_subscription.email) == 3
    error_message = "Someone is not notified."
  }
}

run "a_canary_that_is_none_is_refused" {
  command = plan

  variables {
    canary               = { share = 1, stable_versions = {} }
    permissions_boundary = "boundary"
    alarm_emails         = { high = ["nobody"] }
  }

  expect_failures = [var.canary, var.permissions_boundary, var.alarm_emails]
}

# Lambda gives no weights to an alias with provisioned executions.
run "a_warm_function_is_released_at_once" {
  command = plan

  variables {
    provisioned_concurrency = { min = 1, max = 2 }
    canary                  = { share = 0.1, stable_versions = { http_api = "7" } }
  }

  expect_failures = [var.canary]
}

run "a_warm_function_is_rolled_back" {
  command = plan

  variables {
    provisioned_concurrency = { min = 1, max = 2 }
    canary                  = { share = 0, stable_versions = { http_api = "7" } }
  }

  assert {
    condition     = aws_lambda_alias.live["http_api"].function_version == "7"
    error_message = "The version before is not live."
  }
}

run "prods_alarms_reach_someone" {
  command = plan

  variables {
    alarm_emails           = {}
    account_budget_dollars = 0
  }

  expect_failures = [var.alarm_emails, var.account_budget_dollars]
}

run "a_pager_may_hear_of_prods_alarms" {
  command = plan

  variables {
    alarm_emails          = {}
    alarms_read_elsewhere = true
  }
}

run "dev_needs_no_address" {
  command = plan

  variables {
    environment  = "dev"
    alarm_emails = {}
  }
}

run "the_http_function_starts_from_a_snapshot" {
  command = plan

  variables {
    snap_start = true
  }

  assert {
    condition = ([for name, function in aws_lambda_function.this : name if length(function.snap_start) > 0] == ["http_api"]
    && aws_lambda_function.this["http_api"].snap_start[0].apply_on == "PublishedVersions")
    error_message = "The HTTP function, and it alone, does not start from a snapshot."
  }
}

run "a_snapshot_is_refused_beside_warm_executions" {
  command = plan

  variables {
    snap_start              = true
    provisioned_concurrency = { min = 1, max = 2 }
  }

  expect_failures = [var.snap_start]
}
