# preamble: offline account
# What stands without any option: plans only, without an account.
variables {
  environment  = "prod"
  package_file = "../pipeline.yaml" # any file
  alarm_emails = { high = ["pager@example.com"] }
}

run "defaults" {
  command = plan

  # Names come from environment and account.

  assert {
    condition     = output.names.stream == "spillway-prod-events" && output.names.lake_bucket == "spillway-prod-lake-123456789012"
    error_message = "The names differ from infra/names.py."
  }
  assert {
    condition     = aws_api_gateway_stage.this[0].stage_name == "prod"
    error_message = "The stage of prod is not called prod."
  }

  # Everything at rest is encrypted with the one key.

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key does not rotate."
  }
  assert {
    condition     = aws_kinesis_stream.events.encryption_type == "KMS" && aws_kinesis_stream.events.kms_key_id == aws_kms_key.this.arn
    error_message = "The stream is not encrypted with the key."
  }
  assert {
    condition = alltrue([for table in [aws_dynamodb_table.events, aws_dynamodb_table.idempotency] :
    table.server_side_encryption[0].kms_key_arn == aws_kms_key.this.arn])
    error_message = "A table is not encrypted with the key."
  }
  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.dead_letters, aws_sqs_queue.parked] : queue.kms_master_key_id == aws_kms_key.this.arn])
    error_message = "A queue is not encrypted with the key."
  }
  assert {
    condition = alltrue([for group in concat(values(aws_cloudwatch_log_group.function), [aws_cloudwatch_log_group.firehose]) :
    group.kms_key_id == aws_kms_key.this.arn && group.retention_in_days == 365])
    error_message = "A log group is not encrypted with the key, or keeps logs for ever."
  }
  assert {
    condition     = aws_kinesis_firehose_delivery_stream.archive.extended_s3_configuration[0].kms_key_arn == aws_kms_key.this.arn
    error_message = "Firehose does not encrypt with the key."
  }
  assert {
    condition = (aws_athena_workgroup.lake.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn
    == aws_kms_key.this.arn)
    error_message = "Athena's results are not encrypted with the key."
  }
  assert {
    condition = alltrue([for name in ["http_api", "table_writer", "dead_letter_archiver"] :
    aws_lambda_function.this[name].kms_key_arn == aws_kms_key.this.arn])
    error_message = "A function's settings are not encrypted with the key."
  }

  # The key names its users.

  assert {
    condition = toset(one([for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      statement.Condition.ArnLike["aws:PrincipalArn"] if statement.Sid == "UsersByTheirServices"])) == toset([
      "arn:aws:iam::123456789012:role/deployer",
      "arn:aws:iam::123456789012:role/spillway-prod-backup",
      "arn:aws:iam::123456789012:role/spillway-prod-compactor",
      "arn:aws:iam::123456789012:role/spillway-prod-dead-letter-archiver",
      "arn:aws:iam::123456789012:role/spillway-prod-firehose",
      "arn:aws:iam::123456789012:role/spillway-prod-http-api",
      "arn:aws:iam::123456789012:role/spillway-prod-table-writer",
    ])
    error_message = "The key's users are others than the functions, Firehose, AWS Backup and who applies."
  }
  assert {
    condition = alltrue([for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      !contains(flatten([statement.Action]), "kms:*")
    && (statement.Sid != "AccountAdministersButDoesNotUse" || !contains(flatten([statement.Action]), "kms:Decrypt"))])
    error_message = "The account as such may decrypt."
  }

  # Who makes what the key encrypts uses it through that, and grants it to AWS alone.

  assert {
    condition = alltrue([for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      toset(statement.Condition.ArnLike["aws:PrincipalArn"]) == toset([
        "arn:aws:iam::123456789012:role/deployer", "arn:aws:iam::123456789012:role/spillway-delivery-apply-prod",
        "arn:aws:iam::123456789012:role/spillway-delivery-plan",
        ]) && toset(statement.Condition.StringEquals["kms:ViaService"]) == toset([
        "backup.eu-west-2.amazonaws.com", "dynamodb.eu-west-2.amazonaws.com", "lambda.eu-west-2.amazonaws.com",
    ]) if startswith(statement.Sid, "Makers")])
    error_message = "The roles of delivery, or who applies, may not use the key for what they make, or may use it otherwise."
  }
  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
      statement.Condition.Bool["kms:GrantIsForAWSResource"]
      if anytrue([for action in flatten([statement.Action]) : contains(["kms:CreateGrant", "kms:Create*"], action)])
    ] == ["true"]
    error_message = "The key can be granted to others than AWS."
  }

  # No role may do more than its part.

  assert {
    condition = alltrue(flatten([
      for document in concat(values(local.function_policies), [data.aws_iam_policy_document.firehose.json]) : [
        for statement in jsondecode(document).Statement : [
          for word in flatten([statement.Action, statement.Resource]) : !endswith(word, ":*") && word != "*"
        ]
      ]
    ]))
    error_message = "A role has an action or a resource *."
  }
  assert {
    condition = alltrue(flatten([
      for document in values(data.aws_iam_policy_document.function_base) : [
        for statement in jsondecode(document.json).Statement : statement.Resource != "*" || statement.Sid == "Trace"
      ]
    ]))
    error_message = "More than tracing is allowed on the resource *."
  }
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.http_api.json).Statement :
    statement.Action if statement.Resource == local.arns.stream])) == toset(["kinesis:PutRecord", "kinesis:PutRecords"])
    error_message = "The HTTP function may do other things to the stream than put."
  }
  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.table_writer.json).Statement :
    statement.Action if statement.Resource == local.arns.table] == ["dynamodb:BatchWriteItem"]
    error_message = "The table writer may do other things to the table than write rows."
  }
  assert {
    condition     = !can(aws_iam_role_policy.function["firehose_transform"])
    error_message = "The transform calls nothing, and has permissions of its own."
  }

  # The api is throttled and traced.

  assert {
    condition = (aws_api_gateway_method_settings.all[0].settings[0].throttling_rate_limit == 100
    && aws_api_gateway_method_settings.all[0].settings[0].throttling_burst_limit == 50)
    error_message = "The stage's throttle is not that of pipeline.yaml."
  }
  assert {
    condition = aws_api_gateway_stage.this[0].xray_tracing_enabled && alltrue([for function in aws_lambda_function.this :
    function.tracing_config[0].mode == "Active"])
    error_message = "Something is not traced."
  }
  assert {
    condition = alltrue([for integration in aws_api_gateway_integration.this :
    integration.type == "AWS_PROXY" && integration.timeout_milliseconds == 10000])
    error_message = "A path does not go to the function by proxy, within its time."
  }
  assert {
    condition     = length(aws_api_gateway_stage.this[0].access_log_settings) == 0
    error_message = "Access logs are on without having been asked for."
  }
  assert {
    condition     = alltrue([for method in aws_api_gateway_method.this : method.authorization == "NONE" && !method.api_key_required])
    error_message = "A guard is on without having been asked for."
  }

  # The gateway answers in the apis own form.

  assert {
    condition = alltrue([for response in aws_api_gateway_gateway_response.this :
      keys(jsondecode(response.response_templates["application/json"])) == ["error"]
    && keys(jsondecode(response.response_templates["application/json"]).error) == ["code", "message", "path"]])
    error_message = "An error of the gateway has another body than {error: {code, message, path}}."
  }
  assert {
    condition     = aws_api_gateway_gateway_response.this["MISSING_AUTHENTICATION_TOKEN"].status_code == "404"
    error_message = "An unknown path is not answered with 404."
  }
  assert {
    condition     = aws_api_gateway_gateway_response.this["THROTTLED"].response_parameters["gatewayresponse.header.Retry-After"] == "'1'"
    error_message = "429 comes without Retry-After."
  }
  assert {
    condition     = aws_api_gateway_gateway_response.this["REQUEST_TOO_LARGE"].status_code == "413"
    error_message = "Too large is not answered with 413."
  }
  # A throttled function reaches clients as 500 (DEFAULT_5XX), whose status is AWS's.
  assert {
    condition = (aws_api_gateway_gateway_response.this["DEFAULT_5XX"].status_code == null
      && strcontains(aws_api_gateway_gateway_response.this["DEFAULT_5XX"].response_templates["application/json"], "too often at once")
    && aws_api_gateway_gateway_response.this["DEFAULT_5XX"].response_parameters["gatewayresponse.header.Retry-After"] == "'1'")
    error_message = "A client of a throttled function does not learn that it may send again."
  }

  # The functions run as designed.

  assert {
    condition = alltrue([for function in aws_lambda_function.this :
    function.architectures == tolist(["arm64"]) && function.runtime == "python3.13"])
    error_message = "A function is not arm64, python3.13."
  }
  # A new account has 10 executions, of which Lambda lets none be reserved.
  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.reserved_concurrent_executions == -1])
    error_message = "Executions are reserved, which a new account refuses."
  }
  assert {
    condition = (aws_lambda_event_source_mapping.table_writer.maximum_retry_attempts == 20
    && aws_lambda_event_source_mapping.table_writer.bisect_batch_on_function_error)
    error_message = "The mapping does not retry 20 times, bisecting."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.table_writer.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "The mapping does not take partial responses."
  }

  # The table is kept.

  assert {
    condition     = aws_dynamodb_table.events.point_in_time_recovery[0].recovery_period_in_days == 35 && aws_dynamodb_table.events.deletion_protection_enabled
    error_message = "The table cannot be restored to a point in the last 35 days, or can be deleted."
  }
  assert {
    condition     = aws_dynamodb_table.events.billing_mode == "PAY_PER_REQUEST" && !aws_dynamodb_table.events.ttl[0].enabled
    error_message = "The table is not on demand, or its rows expire."
  }

  # Hours are compacted, by a schedule, one run at a time.

  assert {
    condition     = aws_cloudwatch_event_rule.schedule["compactor"].schedule_expression == "cron(40 * * * ? *)"
    error_message = "The compactor is not called once an hour."
  }
  assert {
    condition = toset([for statement in jsondecode(data.aws_iam_policy_document.compactor.json).Statement :
      statement.Sid if contains(flatten([statement.Action]), "s3:DeleteObject")]) == toset(["DeleteReplaced"]) && alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.compactor.json).Statement :
      alltrue([for arn in flatten([statement.Resource]) : strcontains(arn, "/events_compacted/")]) if statement.Sid == "DeleteReplaced"
    ])
    error_message = "The compactor may delete other objects than compacted ones."
  }
  assert {
    condition     = alltrue([for config in aws_lambda_function_event_invoke_config.schedule : config.maximum_retry_attempts == 0])
    error_message = "What a schedule invokes is retried beside it."
  }

  # Nothing scales the shards that pipeline.yaml sets.

  assert {
    condition = (!contains(keys(aws_lambda_function.this), "scaling_function") && aws_kinesis_stream.events.shard_count == 2
    && aws_lambda_event_source_mapping.table_writer.parallelization_factor == 1)
    error_message = "Shards are scaled without having been asked for."
  }

  # The lake's tables and view, and the saved queries.

  assert {
    condition = (keys(aws_glue_catalog_table.lake)
      == ["compacted_hours", "dead_letters", "events_compacted", "events_landing", "firehose_errors"]
    && aws_glue_catalog_table.view.name == "events" && aws_glue_catalog_table.view.table_type == "VIRTUAL_VIEW")
    error_message = "A table of the lake is missing, or the view over them."
  }
  # Athena refuses a view without it, and the provider sends no empty one (test_apply.py).
  assert {
    condition     = one(aws_glue_catalog_table.view.storage_descriptor[0].ser_de_info).name == "events"
    error_message = "The view has no SerDe information."
  }
  assert {
    condition     = alltrue([for table in aws_glue_catalog_table.lake : table.parameters["projection.enabled"] == "true"])
    error_message = "A table is without partition projection."
  }
  assert {
    condition     = length(aws_athena_named_query.saved) == 7 && alltrue([for query in aws_athena_named_query.saved : query.description != ""])
    error_message = "A query of archive/lake/queries is not saved, or says not what it asks."
  }

  # The console shows it all on one page.

  assert {
    condition     = strcontains(aws_resourcegroups_group.this.resource_query[0].query, "\"prod\"")
    error_message = "The resource group does not ask for the environment's tag."
  }

  # Athena bounds a query.

  assert {
    condition = (aws_athena_workgroup.lake.configuration[0].bytes_scanned_cutoff_per_query == 107374182400
    && aws_athena_workgroup.lake.configuration[0].enforce_workgroup_configuration)
    error_message = "A query may scan more than the limit."
  }
}
