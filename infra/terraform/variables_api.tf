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
  validation {
    condition     = var.api_key_requests_per_day == null || local.settings.http.door == "rest"
    error_message = "api_key_requests_per_day: an HTTP API has no usage plans; set http.door: rest, or leave it out."
  }
}

variable "api_key_sha256" {
  description = <<-EOT
    SHA-256, in hexadecimal, of each API key that posting takes, with http.door: http (two while a key is replaced): printf %s "$KEY" | sha256sum.
    The function compares digests, so no key is in its settings or in Terraform's state.
  EOT
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for digest in var.api_key_sha256 : can(regex("^[0-9a-f]{64}$", digest))])
    error_message = "api_key_sha256: each is 64 hexadecimal digits in lower case."
  }
  validation {
    condition     = local.settings.http.door == "rest" || local.settings.http.api_key_required == (length(var.api_key_sha256) > 0)
    error_message = "api_key_sha256: with http.door: http and http.api_key_required it names at least one digest; otherwise it is left out."
  }
  validation {
    condition     = local.settings.http.door == "http" || length(var.api_key_sha256) == 0
    error_message = "api_key_sha256: a REST API makes its own key; leave it out, or set http.door: http."
  }
}

variable "cognito" {
  description = <<-EOT
    Cognito user pools whose tokens posting needs, and the scopes that a token must have one of (none: an identity token).
    With http.door: http one user pool, and the client_ids that tokens are made for.
  EOT
  type        = object({ user_pool_arns = list(string), scopes = optional(list(string), []), client_ids = optional(list(string), []) })
  default     = null

  validation {
    condition = var.cognito == null || try(length(var.cognito.user_pool_arns) > 0 && alltrue([
      for arn in var.cognito.user_pool_arns : can(regex("^arn:[a-z-]+:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/.+$", arn))
    ]), false)
    error_message = "cognito: user_pool_arns names at least one user pool by its ARN."
  }
  validation {
    condition = (var.cognito == null || local.settings.http.door == "rest"
    || try(length(var.cognito.user_pool_arns) == 1 && length(var.cognito.client_ids) > 0, false))
    error_message = "cognito: with http.door: http it names one user pool, and at least one of its client_ids."
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
  validation {
    condition     = var.lambda_authorizer == null || local.settings.http.door == "rest"
    error_message = "lambda_authorizer: an authoriser by token is of a REST API; set http.door: rest, or use cognito or an API key."
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
  validation {
    condition     = var.waf == null || local.settings.http.door == "rest"
    error_message = "waf: an HTTP API cannot have a web ACL; set http.door: rest, or leave waf out."
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
