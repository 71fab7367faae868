# Who hears of alarms and costs, and what delivery passes in.

variable "alarm_emails" {
  description = "E-mail addresses that get alarms: `high` wakes someone, `low` is for working hours. AWS asks each to confirm."
  type        = object({ high = optional(list(string), []), low = optional(list(string), []) })
  default     = {}

  validation {
    condition = alltrue([for address in concat(var.alarm_emails.high, var.alarm_emails.low) :
    can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alarm_emails: each is an e-mail address."
  }
  validation {
    condition     = var.environment != "prod" || var.alarms_read_elsewhere || length(var.alarm_emails.high) > 0
    error_message = "alarm_emails: nobody hears of prod's alarms; name an address in high, or subscribe a pager and set alarms_read_elsewhere."
  }
}

variable "alarms_read_elsewhere" {
  description = "Whether others subscribe to the topic `high`, such as a pager, so that prod needs no address in alarm_emails."
  type        = bool
  default     = false
}

variable "steady_traffic" {
  description = "Whether requests come at all hours, so that none at all raises an alarm; an idle environment leaves it out."
  type        = bool
  default     = false
}

variable "account_budget_dollars" {
  description = "What the whole account may cost a month, beside the environment's own budget; left out: no such budget."
  type        = number
  default     = null

  validation {
    condition     = var.account_budget_dollars == null || try(var.account_budget_dollars > 0, false)
    error_message = "account_budget_dollars: over 0."
  }
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary of every role made here, as infra/terraform/delivery makes one; left out: none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary: the ARN of an IAM policy."
  }
}

variable "canary" {
  description = "While a release is tried: the share of new versions, and the versions that get the other invocations, as infra/deploy/canary.py prints it."
  type        = object({ share = number, stable_versions = map(string) })
  default     = null

  validation {
    condition     = var.canary == null || try(var.canary.share >= 0 && var.canary.share < 1, false)
    error_message = "canary: share is at least 0 and below 1."
  }
  # Lambda: "Alias with weights can not be used with Provisioned Concurrency".
  validation {
    condition = (var.canary == null || var.provisioned_concurrency == null || try(var.canary.share == 0, false)
    || !contains(keys(try(var.canary.stable_versions, {})), "http_api"))
    error_message = "canary: with provisioned_concurrency the HTTP function gets no share; leave http_api out of stable_versions, or set share to 0."
  }
}
