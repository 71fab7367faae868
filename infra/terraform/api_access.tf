# Who may post, and from where: API key, Cognito or an authoriser of your own, networks. Each is an option.
resource "aws_api_gateway_api_key" "client" {
  count = local.is_rest_api && local.settings.http.api_key_required ? 1 : 0

  name        = "${local.prefix}-client"
  description = "Posts events to Spillway ${var.environment}"
}

resource "aws_api_gateway_usage_plan" "client" {
  count = local.is_rest_api && local.settings.http.api_key_required ? 1 : 0

  name        = "${local.prefix}-client"
  description = "What a key of Spillway ${var.environment} may use"

  api_stages {
    api_id = aws_api_gateway_rest_api.this[0].id
    stage  = aws_api_gateway_stage.this[0].stage_name
  }
  throttle_settings {
    rate_limit  = local.settings.http.rate_per_second
    burst_limit = local.settings.http.burst
  }
  dynamic "quota_settings" {
    for_each = var.api_key_requests_per_day == null ? [] : [var.api_key_requests_per_day]
    content {
      limit  = quota_settings.value
      period = "DAY"
    }
  }
}

resource "aws_api_gateway_usage_plan_key" "client" {
  count = local.is_rest_api && local.settings.http.api_key_required ? 1 : 0

  key_id        = aws_api_gateway_api_key.client[0].id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.client[0].id
}

resource "aws_api_gateway_authorizer" "cognito" {
  count = local.is_rest_api && var.cognito != null ? 1 : 0

  name          = "${local.prefix}-cognito"
  type          = "COGNITO_USER_POOLS"
  rest_api_id   = aws_api_gateway_rest_api.this[0].id
  provider_arns = var.cognito.user_pool_arns
}

resource "aws_api_gateway_authorizer" "lambda" {
  count = var.lambda_authorizer == null ? 0 : 1

  name                             = "${local.prefix}-lambda"
  type                             = "TOKEN"
  rest_api_id                      = aws_api_gateway_rest_api.this[0].id
  identity_source                  = "method.request.header.${var.lambda_authorizer.header}"
  authorizer_result_ttl_in_seconds = var.lambda_authorizer.remembered_seconds
  authorizer_uri = join("/", [
    "arn:${local.partition}:apigateway:${local.region}:lambda:path", "2015-03-31/functions", var.lambda_authorizer.function_arn, "invocations",
  ])
}

resource "aws_lambda_permission" "authorizer" {
  count = var.lambda_authorizer == null ? 0 : 1

  statement_id  = "${local.prefix}-authorizer"
  action        = "lambda:InvokeFunction"
  function_name = var.lambda_authorizer.function_arn
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.this[0].execution_arn}/authorizers/${aws_api_gateway_authorizer.lambda[0].id}"
}

resource "aws_api_gateway_rest_api_policy" "allowed_cidrs" {
  count = local.is_rest_api && length(local.settings.http.allowed_cidrs) > 0 ? 1 : 0

  rest_api_id = aws_api_gateway_rest_api.this[0].id
  policy      = data.aws_iam_policy_document.allowed_cidrs[0].json
}

data "aws_iam_policy_document" "allowed_cidrs" {
  count = local.is_rest_api && length(local.settings.http.allowed_cidrs) > 0 ? 1 : 0

  # checkov:skip=CKV_AWS_283:anyone from an allowed network may call; who they are is for the API key or Cognito

  statement {
    sid       = "CallTheApi"
    actions   = ["execute-api:Invoke"]
    resources = ["${aws_api_gateway_rest_api.this[0].execution_arn}/*"] # in full, as API Gateway returns it

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
  statement {
    sid       = "FromAllowedNetworksOnly"
    effect    = "Deny"
    actions   = ["execute-api:Invoke"]
    resources = ["${aws_api_gateway_rest_api.this[0].execution_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "NotIpAddress"
      variable = "aws:SourceIp"
      values   = local.settings.http.allowed_cidrs
    }
  }
}
