# Who may post, and from where; whether that takes an API key, and from which networks, is in infra/pipeline.yaml
# (http.api_key_required, http.allowed_cidrs), where the local pipeline reads it as well.

variable "api_key_requests_per_day" {
  description = "Requests a day that the usage plan grants its key; left out: no quota but the stage's rate."
  type        = number
  default     = null

  validation {
    condition     = var.api_key_requests_per_day == null || try(var.api_key_requests_per_day >= 1, false)
    error_message = "api_key_requests_per_day: at least 1."
  }
}

variable "cognito" {
  description = "Cognito user pools whose tokens posting needs, and the scopes that a token must have one of (none: an identity token)."
  type        = object({ user_pool_arns = list(string), scopes = optional(list(string), []) })
  default     = null

  validation {
    condition = var.cognito == null || try(length(var.cognito.user_pool_arns) > 0 && alltrue([
      for arn in var.cognito.user_pool_arns : can(regex("^arn:[a-z-]+:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/.+$", arn))
    ]), false)
    error_message = "cognito: user_pool_arns names at least one user pool by its ARN."
  }
}

variable "lambda_authorizer" {
  description = "A Lambda of this account that allows a request by the token in a header; its answer holds for remembered_seconds."
  type        = object({ function_arn = string, header = optional(string, "Authorization"), remembered_seconds = optional(number, 300) })
  default     = null

  validation {
    condition = (var.lambda_authorizer == null
    || can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+$", var.lambda_authorizer.function_arn)))
    error_message = "lambda_authorizer: function_arn is the ARN of a Lambda function, without version or alias."
  }
  validation {
    condition = (var.lambda_authorizer == null
    || try(var.lambda_authorizer.remembered_seconds >= 0 && var.lambda_authorizer.remembered_seconds <= 3600, false))
    error_message = "lambda_authorizer: remembered_seconds is 0 to 3600."
  }
  validation {
    condition     = var.lambda_authorizer == null || var.cognito == null
    error_message = "lambda_authorizer: API Gateway asks one authoriser; set this or cognito."
  }
}

variable "waf" {
  description = "A web ACL in front of the API: AWS's managed rules, and at most so many requests of one address in five minutes."
  type        = object({ requests_per_5_minutes = optional(number, 30000) })
  default     = null

  validation {
    condition     = var.waf == null || try(var.waf.requests_per_5_minutes >= 10 && var.waf.requests_per_5_minutes <= 2000000000, false)
    error_message = "waf: requests_per_5_minutes is 10 to 2,000,000,000."
  }
}

variable "domain" {
  description = "A domain name for the API, in a Route 53 zone of this account; certificate_arn left out: a certificate is made and validated by DNS."
  type        = object({ name = string, hosted_zone_id = string, certificate_arn = optional(string) })
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain.name))
    error_message = "domain: name is a full domain name in lower case, such as events.example.com."
  }
}

variable "access_logs" {
  description = "Whether API Gateway logs each request; the account's CloudWatch role for API Gateway must be set, which is account-wide and so not done here."
  type        = bool
  default     = false
}
