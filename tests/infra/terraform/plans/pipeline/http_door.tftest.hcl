# preamble: offline account
# An HTTP API as the door: what it is made of, and the options that it refuses.
variables {
  environment  = "prod"
  package_file = "../pipeline.yaml" # any file
  alarm_emails = { high = ["pager@example.com"] }
}

run "an_http_api_stands_in_front_of_the_same_function" {
  command = plan

  variables {
    pipeline = replace(file("../pipeline.yaml"), "door: rest", "door: http")
  }

  assert {
    condition = (length(aws_api_gateway_rest_api.this) == 0 && length(aws_api_gateway_stage.this) == 0
    && length(aws_api_gateway_gateway_response.this) == 0 && length(aws_api_gateway_method.this) == 0)
    error_message = "no REST API beside it"
  }
  assert {
    condition     = aws_apigatewayv2_api.this[0].protocol_type == "HTTP" && !aws_apigatewayv2_api.this[0].disable_execute_api_endpoint
    error_message = "an HTTP API"
  }
  assert {
    condition = (aws_apigatewayv2_integration.function[0].payload_format_version == "2.0"
    && aws_apigatewayv2_integration.function[0].timeout_milliseconds == 10000)
    error_message = "the handler reads payload format 2.0"
  }
  assert {
    condition = toset([for route in aws_apigatewayv2_route.this : route.route_key]) == toset([
      "ANY /app", "ANY /health", "ANY /openapi.json",
    ])
    error_message = "the three resources, with every method"
  }
  assert {
    condition = (aws_apigatewayv2_stage.this[0].name == "prod" && aws_apigatewayv2_stage.this[0].auto_deploy
      && aws_apigatewayv2_stage.this[0].default_route_settings[0].throttling_rate_limit == 100
      && aws_apigatewayv2_stage.this[0].default_route_settings[0].throttling_burst_limit == 50
    && !aws_apigatewayv2_stage.this[0].default_route_settings[0].detailed_metrics_enabled)
    error_message = "the stage throttles; no metrics of each route"
  }
  assert {
    condition = (aws_lambda_function.this["http_api"].environment[0].variables.API_KEY_SHA256 == ""
    && aws_lambda_function.this["http_api"].environment[0].variables.ALLOWED_CIDRS == "")
    error_message = "nothing to check"
  }
}

run "the_function_checks_what_an_http_api_does_not" {
  command = plan

  variables {
    api_key_sha256 = [
      "0000000000000000000000000000000000000000000000000000000000000000",
      "1111111111111111111111111111111111111111111111111111111111111111",
    ]
    access_logs = true
    domain      = { name = "events.example.com", hosted_zone_id = "Z123" }
    cognito = {
      user_pool_arns = ["arn:aws:cognito-idp:eu-west-2:123456789012:userpool/eu-west-2_abc"]
      scopes         = ["events/write"]
      client_ids     = ["client"]
    }
    pipeline = replace(replace(replace(file("../pipeline.yaml"),
      "door: rest", "door: http"),
      "api_key_required: false", "api_key_required: true"),
      "allowed_cidrs: []", "allowed_cidrs: ['203.0.113.0/24', '2001:db8::/32']",
    )
  }

  assert {
    condition = (aws_lambda_function.this["http_api"].environment[0].variables.API_KEY_SHA256 == join(" ", var.api_key_sha256)
    && aws_lambda_function.this["http_api"].environment[0].variables.ALLOWED_CIDRS == "203.0.113.0/24 2001:db8::/32")
    error_message = "digests of the keys, and the networks"
  }
  assert {
    condition = (length(aws_api_gateway_api_key.client) == 0 && length(aws_api_gateway_usage_plan.client) == 0
    && length(aws_api_gateway_rest_api_policy.allowed_cidrs) == 0 && length(aws_api_gateway_authorizer.cognito) == 0)
    error_message = "none of what belongs to a REST API"
  }
  assert {
    condition = (aws_apigatewayv2_route.this["app"].authorization_type == "JWT"
      && aws_apigatewayv2_route.this["app"].authorization_scopes == toset(["events/write"])
      && aws_apigatewayv2_route.this["health"].authorization_type == "NONE"
    && aws_apigatewayv2_route.preflight[0].authorization_type == "NONE")
    error_message = "posting needs a token; health and a browser's preflight do not"
  }
  assert {
    condition = (aws_apigatewayv2_authorizer.cognito[0].jwt_configuration[0].issuer
      == "https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_abc"
    && aws_apigatewayv2_authorizer.cognito[0].jwt_configuration[0].audience == toset(["client"]))
    error_message = "the user pool's tokens"
  }
  assert {
    condition = (length(aws_apigatewayv2_stage.this[0].access_log_settings) == 1
    && !strcontains(aws_apigatewayv2_stage.this[0].access_log_settings[0].format, "identity"))
    error_message = "access logs, without addresses of clients"
  }
  assert {
    condition = (aws_apigatewayv2_api_mapping.api[0].api_mapping_key == "prod" && aws_apigatewayv2_api.this[0].disable_execute_api_endpoint
    && output.url == "https://events.example.com/prod/app" && length(aws_api_gateway_base_path_mapping.api) == 0)
    error_message = "the domain leads to it"
  }
}

run "an_http_api_refuses_what_it_does_not_have" {
  command = plan

  variables {
    pipeline                 = replace(file("../pipeline.yaml"), "door: rest", "door: http")
    waf                      = {}
    api_key_requests_per_day = 1000
    lambda_authorizer        = { function_arn = "arn:aws:lambda:eu-west-2:123456789012:function:who-may-post" }
    api_key_sha256           = ["0000000000000000000000000000000000000000000000000000000000000000"]
  }

  expect_failures = [var.waf, var.api_key_requests_per_day, var.lambda_authorizer, var.api_key_sha256]
}

run "a_required_key_is_never_left_unchecked" {
  command = plan

  variables {
    pipeline = replace(replace(file("../pipeline.yaml"),
      "door: rest", "door: http"),
      "api_key_required: false", "api_key_required: true",
    )
    cognito = { user_pool_arns = ["arn:aws:cognito-idp:eu-west-2:123456789012:userpool/eu-west-2_abc"] }
  }

  expect_failures = [var.api_key_sha256, var.cognito]
}

run "a_rest_api_makes_its_own_key" {
  command = plan

  variables {
    api_key_sha256 = ["0000000000000000000000000000000000000000000000000000000000000000"]
  }

  expect_failures = [var.api_key_sha256]
}
