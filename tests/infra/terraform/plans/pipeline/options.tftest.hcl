# preamble: offline account
# The options, and what they refuse.
variables {
  environment  = "prod"
  package_file = "../pipeline.yaml" # any file
  alarm_emails = { high = ["pager@example.com"] }
}

run "guards" {
  command = plan

  variables {
    api_key_requests_per_day = 1000
    access_logs              = true
    cognito = {
      user_pool_arns = ["arn:aws:cognito-idp:eu-west-2:123456789012:userpool/eu-west-2_abc"]
      scopes         = ["events/write"]
    }
    waf    = { requests_per_5_minutes = 500 }
    domain = { name = "events.example.com", hosted_zone_id = "Z123" }
    pipeline = replace(replace(file("../pipeline.yaml"),
      "api_key_required: false", "api_key_required: true"),
      "allowed_cidrs: []", "allowed_cidrs: ['203.0.113.0/24', '2001:db8::/32']",
    )
  }

  # Access logs are kept, without headers and addresses of clients.

  assert {
    condition = (length(aws_api_gateway_stage.this[0].access_log_settings) == 1
    && !strcontains(aws_api_gateway_stage.this[0].access_log_settings[0].format, "identity"))
    error_message = "Access logs are off, or hold addresses of clients."
  }

  # The curl line has what a request needs.

  assert {
    condition = (strcontains(output.curl, "x-api-key: $(terraform -chdir=infra/terraform output -raw api_key)")
    && strcontains(output.curl, "Authorization: $TOKEN"))
    error_message = "The curl line posts without key or token."
  }

  # An api key guards posting alone.

  assert {
    condition     = [for path in ["app", "health", "openapi.json"] : aws_api_gateway_method.this[path].api_key_required] == [true, false, false]
    error_message = "The key guards other paths than /app."
  }
  assert {
    condition = (aws_api_gateway_usage_plan.client[0].quota_settings[0].limit == 1000
    && aws_api_gateway_usage_plan.client[0].throttle_settings[0].rate_limit == 100)
    error_message = "The usage plan does not grant what was asked for."
  }

  # Cognito guards posting alone.

  assert {
    condition     = [for path in ["app", "health"] : aws_api_gateway_method.this[path].authorization] == ["COGNITO_USER_POOLS", "NONE"]
    error_message = "Cognito guards other paths than /app."
  }
  assert {
    condition     = aws_api_gateway_method.this["app"].authorization_scopes == toset(["events/write"])
    error_message = "The scopes are not asked for."
  }

  # Only allowed networks may call.

  assert {
    condition = one([for statement in data.aws_iam_policy_document.allowed_cidrs[0].statement :
    toset(one(statement.condition).values) if statement.effect == "Deny"]) == toset(["203.0.113.0/24", "2001:db8::/32"])
    error_message = "Other networks are not denied."
  }
  # API Gateway returns the ARN in full, so a shorter one would be a change in every plan.
  assert {
    condition = alltrue([for statement in data.aws_iam_policy_document.allowed_cidrs[0].statement :
    statement.resources == toset(["arn:aws:execute-api:eu-west-2:123456789012:abc123/*"])])
    error_message = "The API's policy would be changed by every plan."
  }

  # Waf bounds one address and lets large events through.

  assert {
    condition     = anytrue([for rule in aws_wafv2_web_acl.api[0].rule : try(rule.statement[0].rate_based_statement[0].limit, 0) == 500])
    error_message = "The rate of one address is not bounded."
  }
  assert {
    condition     = strcontains(jsonencode(aws_wafv2_web_acl.api[0].rule), "SizeRestrictions_BODY")
    error_message = "The managed rules refuse bodies over 8 KB."
  }

  # A domain gets a certificate and closes the default address.

  assert {
    condition     = aws_acm_certificate.api[0].domain_name == "events.example.com" && aws_api_gateway_domain_name.api[0].security_policy == "TLS_1_2"
    error_message = "There is no certificate, or TLS below 1.2."
  }
  assert {
    condition     = aws_api_gateway_rest_api.this[0].disable_execute_api_endpoint && output.url == "https://events.example.com/prod/app"
    error_message = "The API answers elsewhere than at its domain."
  }
}

run "an_authorizer_of_ones_own" {
  command = plan

  variables {
    lambda_authorizer = { function_arn = "arn:aws:lambda:eu-west-2:123456789012:function:who-may-post", header = "X-Token" }
  }

  assert {
    condition = ([for path in ["app", "health"] : aws_api_gateway_method.this[path].authorization] == ["CUSTOM", "NONE"]
    && aws_api_gateway_authorizer.lambda[0].identity_source == "method.request.header.X-Token")
    error_message = "The authoriser is not asked by its header, or guards other paths than /app."
  }
  assert {
    condition = (aws_lambda_permission.authorizer[0].function_name == "arn:aws:lambda:eu-west-2:123456789012:function:who-may-post"
    && strcontains(aws_api_gateway_authorizer.lambda[0].authorizer_uri, "function:who-may-post/invocations"))
    error_message = "API Gateway may not call the authoriser, or calls another."
  }
}

run "capacity" {
  command = plan

  variables {
    stream_mode             = "ON_DEMAND"
    enhanced_fan_out        = true
    table_capacity          = { read = { min = 1, max = 10 }, write = { min = 5, max = 500 } }
    table_replica_region    = "eu-west-1"
    provisioned_concurrency = { min = 2, max = 20 }
  }

  # An on demand stream has no shards to set.

  assert {
    condition     = aws_kinesis_stream.events.stream_mode_details[0].stream_mode == "ON_DEMAND"
    error_message = "The stream is not on demand."
  }
  assert {
    condition = (length(aws_kinesis_stream_consumer.table_writer) == 1
    && strcontains(data.aws_iam_policy_document.table_writer.json, "kinesis:SubscribeToShard"))
    error_message = "The writer does not read by a consumer of its own."
  }

  # A provisioned table scales.

  assert {
    condition     = aws_dynamodb_table.events.billing_mode == "PROVISIONED" && aws_appautoscaling_target.table["Write"].max_capacity == 500
    error_message = "The table does not scale between its bounds."
  }

  # A replica has a key of its region.

  assert {
    condition = (one(aws_dynamodb_table.events.replica).region_name == "eu-west-1"
    && strcontains(aws_kms_key.replica[0].policy, "dynamodb.eu-west-1.amazonaws.com"))
    error_message = "The replica is not in its region, or its key cannot be used there."
  }

  # Http executions are kept warm.

  assert {
    condition = (aws_lambda_provisioned_concurrency_config.http_api[0].provisioned_concurrent_executions == 2
    && aws_appautoscaling_target.http_api[0].max_capacity == 20)
    error_message = "Executions are not kept warm between their bounds."
  }
}

run "reserved_concurrency" {
  command = plan

  variables {
    reserve_concurrency = true
  }

  # What reads the stream has none: `spillway shards apply` changes the shards without Terraform.

  assert {
    condition = { for name, function in aws_lambda_function.this : name => function.reserved_concurrent_executions } == {
      http_api = 100, table_writer = -1, firehose_transform = -1, dead_letter_archiver = 5, compactor = 1
    }
    error_message = "A reader of the stream is bounded by a number of shards that may change, or another function is not bounded."
  }
}

run "network" {
  command = plan

  override_data {
    target = data.aws_availability_zones.here
    values = { names = ["eu-west-2b", "eu-west-2a", "eu-west-2c"] }
  }

  variables {
    vpc_cidr = "10.20.0.0/24"
  }

  # In a vpc the functions reach aws by endpoints alone.

  assert {
    condition     = aws_subnet.private[*].cidr_block == ["10.20.0.0/25", "10.20.0.128/25"]
    error_message = "The subnets do not share the network."
  }
  assert {
    condition = (keys(aws_vpc_endpoint.gateway) == ["dynamodb", "s3"]
    && keys(aws_vpc_endpoint.interface) == ["athena", "kinesis-streams", "sqs", "xray"])
    error_message = "A service that the functions call has no endpoint."
  }
  assert {
    condition     = alltrue([for function in aws_lambda_function.this : length(function.vpc_config) == 1])
    error_message = "A function is not in the VPC."
  }
}

run "what_cannot_be_is_refused_before_anything_is_made" {
  command = plan

  variables {
    pipeline                = replace(file("../pipeline.yaml"), "enabled: false", "enabled: true")
    vpc_cidr                = "10.20.0.0/28"
    region                  = "europe"
    operators               = ["someone"]
    log_retention_days      = 100
    stream_mode             = "AUTOMATIC"
    shard_level_metrics     = ["IncomingEvents"]
    provisioned_concurrency = { min = 5, max = 1 }
    table_capacity          = { read = { min = 0, max = 1 }, write = { min = 1, max = 1 } }
    storage_transitions     = { DEEP_ARCHIVE = 30 }
    domain                  = { name = "localhost", hosted_zone_id = "Z123" }
    cognito                 = { user_pool_arns = [] }
    waf                     = { requests_per_5_minutes = 1 }
  }

  expect_failures = [
    var.standing_shards, var.vpc_cidr, var.region, var.operators, var.log_retention_days, var.stream_mode,
    var.shard_level_metrics, var.provisioned_concurrency, var.table_capacity, var.storage_transitions, var.domain,
    var.cognito, var.waf,
  ]
}

run "an_invalid_network_is_refused_before_anything_is_made" {
  command = plan

  variables {
    pipeline = replace(file("../pipeline.yaml"), "allowed_cidrs: []", "allowed_cidrs: ['203.0.113.0/24', '203.0.113.0/33']")
  }

  expect_failures = [var.pipeline]
}

# What dev may do is named by spillway-dev-*, and so would be what is of dev-x.
run "an_environment_with_a_hyphen_is_refused" {
  command = plan

  variables {
    environment = "dev-x"
  }

  expect_failures = [var.environment]
}

run "one_authorizer_is_asked" {
  command = plan

  variables {
    cognito           = { user_pool_arns = ["arn:aws:cognito-idp:eu-west-2:123456789012:userpool/eu-west-2_abc"] }
    lambda_authorizer = { function_arn = "arn:aws:lambda:eu-west-2:123456789012:function:who-may-post" }
  }

  expect_failures = [var.lambda_authorizer]
}

run "an_authorizer_is_named_by_its_arn" {
  command = plan

  variables {
    lambda_authorizer = { function_arn = "who-may-post" }
  }

  expect_failures = [var.lambda_authorizer]
}
