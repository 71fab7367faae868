# What the gateway itself answers has the body that the function's answers have, as in infra/local/gateway.py.
locals {
  gateway_errors = {
    MISSING_AUTHENTICATION_TOKEN = { status = "404", code = "not_found", message = "no such resource; events are posted to /${local.stage_name}/app" }
    RESOURCE_NOT_FOUND           = { status = "404", code = "not_found", message = "no such resource; events are posted to /${local.stage_name}/app" }
    REQUEST_TOO_LARGE            = { status = "413", code = "body_too_large", message = "the body is over 10,485,760 bytes; send smaller batches" }
    UNSUPPORTED_MEDIA_TYPE = {
      status  = "415"
      code    = "unsupported_encoding"
      message = "the body is not encoded as Content-Encoding says; send gzip, or none"
    }
    THROTTLED = { status = "429", code = "too_many_requests", message = "over the rate; send again later", retry_after = 1 }
    QUOTA_EXCEEDED = {
      status      = "429"
      code        = "quota_exceeded"
      message     = "the quota of this API key is used up; send again tomorrow"
      retry_after = 3600
    }
    UNAUTHORIZED        = { status = "401", code = "unauthorized", message = "send a valid token in the header Authorization" }
    ACCESS_DENIED       = { status = "403", code = "forbidden", message = "no valid API key (header x-api-key), or an address that is not allowed" }
    INVALID_API_KEY     = { status = "403", code = "forbidden", message = "no valid API key (header x-api-key), or an address that is not allowed" }
    WAF_FILTERED        = { status = "403", code = "forbidden", message = "the request was refused by the firewall" }
    INTEGRATION_FAILURE = { status = "503", code = "unavailable", message = "the function cannot be reached; send again later", retry_after = 1 }
    INTEGRATION_TIMEOUT = { status = "504", code = "timed_out", message = "the function did not answer in time; send again", retry_after = 1 }
    DEFAULT_4XX         = { status = null, code = "refused", message = "the request cannot be served as it is" }
    # A throttled function is among these: API Gateway answers 500, not 429 or 503.
    DEFAULT_5XX = { status = null, code = "internal_error", message = "the function failed, or runs too often at once; send again later", retry_after = 1 }
  }
}

resource "aws_api_gateway_gateway_response" "this" {
  for_each = local.is_rest_api ? local.gateway_errors : {}

  rest_api_id   = aws_api_gateway_rest_api.this[0].id
  response_type = each.key
  status_code   = each.value.status

  response_templates = {
    "application/json" = jsonencode({ error = { code = each.value.code, message = each.value.message, path = null } })
  }
  response_parameters = try({ "gatewayresponse.header.Retry-After" = "'${each.value.retry_after}'" }, {})
}
