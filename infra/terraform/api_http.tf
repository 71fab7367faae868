# The HTTP API (http.door: http): the same stage and paths in front of the same function, at 1.00 a million requests.
# It has no API keys, resource policy, WAF, gateway responses or X-Ray; producers/access.py checks keys and addresses.
locals {
  # What the rest of the configuration needs of either door.
  door = local.is_http_api ? {
    id            = aws_apigatewayv2_api.this[0].id
    execution_arn = aws_apigatewayv2_api.this[0].execution_arn
    stage_name    = aws_apigatewayv2_stage.this[0].name
    dimension     = tomap({ ApiId = aws_apigatewayv2_api.this[0].id })
    } : {
    id            = aws_api_gateway_rest_api.this[0].id
    execution_arn = aws_api_gateway_rest_api.this[0].execution_arn
    stage_name    = aws_api_gateway_stage.this[0].stage_name
    dimension     = tomap({ ApiName = local.prefix })
  }
}

resource "aws_apigatewayv2_api" "this" {
  count = local.is_http_api ? 1 : 0

  name          = local.prefix
  description   = "Spillway ${var.environment}: takes events in"
  protocol_type = "HTTP"
  # With a domain of its own, the API answers there alone.
  disable_execute_api_endpoint = var.domain != null
}

resource "aws_apigatewayv2_integration" "function" {
  count = local.is_http_api ? 1 : 0

  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = aws_lambda_alias.live["http_api"].invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 1000 * local.settings.http.timeout_seconds
}

# ANY, since the function answers a wrong method with 405 and the right one.
resource "aws_apigatewayv2_route" "this" {
  for_each = local.is_http_api ? local.api_paths : toset([])

  # checkov:skip=CKV_AWS_309:open unless an option guards it (API key, cognito, allowed CIDRs)

  api_id               = aws_apigatewayv2_api.this[0].id
  route_key            = "ANY /${each.key}"
  target               = "integrations/${aws_apigatewayv2_integration.function[0].id}"
  authorization_type   = each.key == "app" && var.cognito != null ? "JWT" : "NONE"
  authorizer_id        = each.key == "app" ? one(aws_apigatewayv2_authorizer.cognito[*].id) : null
  authorization_scopes = each.key == "app" && try(length(var.cognito.scopes), 0) > 0 ? var.cognito.scopes : null
}

# A browser asks for leave (CORS) without token.
resource "aws_apigatewayv2_route" "preflight" {
  count = local.is_http_api ? 1 : 0

  # checkov:skip=CKV_AWS_309:a preflight request comes without token by its nature, and changes nothing

  api_id             = aws_apigatewayv2_api.this[0].id
  route_key          = "OPTIONS /app"
  target             = "integrations/${aws_apigatewayv2_integration.function[0].id}"
  authorization_type = "NONE"
}

resource "aws_apigatewayv2_authorizer" "cognito" {
  count = local.is_http_api && var.cognito != null ? 1 : 0

  api_id           = aws_apigatewayv2_api.this[0].id
  name             = "${local.prefix}-cognito"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    audience = var.cognito.client_ids
    # arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID
    issuer = "https://cognito-idp.${split(":", var.cognito.user_pool_arns[0])[3]}.amazonaws.com/${split("/", var.cognito.user_pool_arns[0])[1]}"
  }
}

resource "aws_apigatewayv2_stage" "this" {
  count = local.is_http_api ? 1 : 0

  # checkov:skip=CKV_AWS_76:access logs need an account-wide role that is not ours to set; access_logs switches them on

  api_id      = aws_apigatewayv2_api.this[0].id
  name        = local.stage_name
  description = "Spillway ${var.environment}"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit    = local.settings.http.rate_per_second
    throttling_burst_limit   = local.settings.http.burst
    detailed_metrics_enabled = false # of each route: a custom metric each, which no alarm reads
  }

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.access
    content {
      destination_arn = access_log_settings.value.arn
      format          = local.access_log_format
    }
  }
}

# Under the stage's name, so that a path is the same with and without the domain.
resource "aws_apigatewayv2_api_mapping" "api" {
  count = local.is_http_api && var.domain != null ? 1 : 0

  api_id          = aws_apigatewayv2_api.this[0].id
  stage           = aws_apigatewayv2_stage.this[0].id
  domain_name     = aws_api_gateway_domain_name.api[0].domain_name
  api_mapping_key = local.stage_name
}
