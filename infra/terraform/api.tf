# The REST API (http.door: rest): a stage, three paths, every request to the function by proxy.
locals {
  is_rest_api = local.settings.http.door == "rest"
  is_http_api = local.settings.http.door == "http" # api_http.tf

  api_paths  = toset(["app", "health", "openapi.json"])
  rest_paths = local.is_rest_api ? local.api_paths : toset([])
  access_log_format = jsonencode({
    for field in ["requestId", "requestTime", "httpMethod", "path", "status", "responseLatency", "responseLength", "error.responseType"] :
    field => "$context.${field}"
  })

  # The alias `live`, by its name. A reference to it would make Terraform replace aliases, functions and what they need
  # before it destroys the old ones, as it does deployments, and removing a function would be a cycle.
  http_api_uri = "arn:${local.partition}:apigateway:${local.region}:lambda:path/2015-03-31/functions/${local.function_arns["http_api"]}:live/invocations"

  stage_name = coalesce(local.settings.http.stage, var.environment)

  # Only posting can be guarded; health and the OpenAPI document hold nothing to protect.
  app_authorization = var.cognito != null ? "COGNITO_USER_POOLS" : var.lambda_authorizer != null ? "CUSTOM" : "NONE"
}

# What the API itself is set to; a change of it takes a new deployment.
locals {
  rest_api = {
    # Answers over 1 KiB are compressed for clients that ask for it; compressed requests are decompressed by the gateway.
    minimum_compression_size = 1024
    # Every body arrives in base64, its bytes unchanged; read as text, bytes that are not UTF-8 would become U+FFFD.
    binary_media_types = ["*/*"]
    # With a domain of its own, the API answers there alone.
    disable_execute_api_endpoint = var.domain != null
  }
}

resource "aws_api_gateway_rest_api" "this" {
  count = local.is_rest_api ? 1 : 0

  name        = local.prefix
  description = "Spillway ${var.environment}: takes events in"

  minimum_compression_size     = local.rest_api.minimum_compression_size
  binary_media_types           = local.rest_api.binary_media_types
  disable_execute_api_endpoint = local.rest_api.disable_execute_api_endpoint

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_resource" "this" {
  for_each = local.rest_paths

  rest_api_id = aws_api_gateway_rest_api.this[0].id
  parent_id   = aws_api_gateway_rest_api.this[0].root_resource_id
  path_part   = each.key
}

# ANY, since the function answers a wrong method with 405 and the right one.
resource "aws_api_gateway_method" "this" {
  for_each = local.rest_paths

  # checkov:skip=CKV_AWS_59:open unless an option guards it (API key, cognito, lambda_authorizer, allowed CIDRs, waf)
  # checkov:skip=CKV2_AWS_53:any JSON, NDJSON, gzip and an empty body are valid; the function says what is wrong, and where

  rest_api_id          = aws_api_gateway_rest_api.this[0].id
  resource_id          = aws_api_gateway_resource.this[each.key].id
  http_method          = "ANY"
  authorization        = each.key == "app" ? local.app_authorization : "NONE"
  authorizer_id        = each.key == "app" ? one(concat(aws_api_gateway_authorizer.cognito[*].id, aws_api_gateway_authorizer.lambda[*].id)) : null
  authorization_scopes = each.key == "app" && try(length(var.cognito.scopes), 0) > 0 ? var.cognito.scopes : null
  api_key_required     = each.key == "app" && local.settings.http.api_key_required
}

resource "aws_api_gateway_integration" "this" {
  for_each = local.rest_paths

  rest_api_id             = aws_api_gateway_rest_api.this[0].id
  resource_id             = aws_api_gateway_resource.this[each.key].id
  http_method             = aws_api_gateway_method.this[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = local.http_api_uri
  timeout_milliseconds    = 1000 * local.settings.http.timeout_seconds
}

# A browser asks for leave (CORS) without key or token.
resource "aws_api_gateway_method" "preflight" {
  count = local.is_rest_api ? 1 : 0

  # checkov:skip=CKV_AWS_59:a preflight request comes without key or token by its nature, and changes nothing
  # checkov:skip=CKV2_AWS_53:a preflight request has nothing to validate

  rest_api_id   = aws_api_gateway_rest_api.this[0].id
  resource_id   = aws_api_gateway_resource.this["app"].id
  http_method   = "OPTIONS"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "preflight" {
  count = local.is_rest_api ? 1 : 0

  rest_api_id             = aws_api_gateway_rest_api.this[0].id
  resource_id             = aws_api_gateway_resource.this["app"].id
  http_method             = aws_api_gateway_method.preflight[0].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = local.http_api_uri
  timeout_milliseconds    = 1000 * local.settings.http.timeout_seconds
}

resource "aws_lambda_permission" "api" {
  statement_id  = "ApiGateway"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["http_api"].function_name
  qualifier     = aws_lambda_alias.live["http_api"].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.door.execution_arn}/${local.stage_name}/*"
}

resource "aws_api_gateway_deployment" "this" {
  count = local.is_rest_api ? 1 : 0

  rest_api_id = aws_api_gateway_rest_api.this[0].id
  description = "What Terraform applied last"

  # A deployment is a snapshot: anything below that changes needs a new one.
  triggers = {
    redeployment = sha1(jsonencode([
      { for path in local.rest_paths : path => [
        aws_api_gateway_resource.this[path].id,
        aws_api_gateway_method.this[path].authorization,
        aws_api_gateway_method.this[path].api_key_required,
        aws_api_gateway_integration.this[path].uri,
        aws_api_gateway_integration.this[path].timeout_milliseconds,
      ] },
      aws_api_gateway_integration.preflight[0].uri,
      local.rest_api,
      var.cognito,
      var.lambda_authorizer,
      local.gateway_errors,
      local.settings.http.allowed_cidrs,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_api_gateway_gateway_response.this, aws_api_gateway_rest_api_policy.allowed_cidrs]
}

resource "aws_api_gateway_stage" "this" {
  count = local.is_rest_api ? 1 : 0

  # checkov:skip=CKV_AWS_76:access logs need an account-wide role that is not ours to set; access_logs switches them on
  # checkov:skip=CKV_AWS_120:events are posted, nothing is there to be cached
  # checkov:skip=CKV2_AWS_4:execution logs need the account-wide role as well, and would hold payloads
  # checkov:skip=CKV2_AWS_29:the option waf puts a web ACL in front
  # checkov:skip=CKV2_AWS_77:the web ACL has AWSManagedRulesKnownBadInputsRuleSet, see api_waf.tf
  # checkov:skip=CKV2_AWS_51:clients prove who they are by API key, Cognito or address; the integration is a Lambda, which needs no certificate

  rest_api_id          = aws_api_gateway_rest_api.this[0].id
  deployment_id        = aws_api_gateway_deployment.this[0].id
  stage_name           = local.stage_name
  description          = "Spillway ${var.environment}"
  xray_tracing_enabled = true

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.access
    content {
      destination_arn = access_log_settings.value.arn
      format          = local.access_log_format
    }
  }
}

resource "aws_api_gateway_method_settings" "all" {
  count = local.is_rest_api ? 1 : 0

  # checkov:skip=CKV_AWS_225:events are posted, nothing is there to be cached
  # checkov:skip=CKV_AWS_308:events are posted, nothing is there to be cached

  rest_api_id = aws_api_gateway_rest_api.this[0].id
  stage_name  = aws_api_gateway_stage.this[0].stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = local.settings.http.rate_per_second
    throttling_burst_limit = local.settings.http.burst
    metrics_enabled        = false # of each method: a custom metric each, which no alarm reads; the stage has its own
    logging_level          = "OFF" # it would hold payloads
    data_trace_enabled     = false
  }
}

# No address of a client and no header in it.
resource "aws_cloudwatch_log_group" "access" {
  count = var.access_logs ? 1 : 0

  name              = "/aws/apigateway/${local.prefix}-access"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}
