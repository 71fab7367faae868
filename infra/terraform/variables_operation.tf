# Who hears of alarms, and what delivery hands in.

variable "alarm_emails" {
  description = "E-mail addresses that are told of alarms: `high` wakes someone, `low` is for working hours. AWS asks each to confirm. Other subscribers (a pager) subscribe to the topics in the output `topics`."
  type        = object({ high = optional(list(string), []), low = optional(list(string), []) })
  default     = {}

  validation {
    condition     = alltrue([for address in concat(var.alarm_emails.high, var.alarm_emails.low) : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alarm_emails: each is an e-mail address."
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
  description = "While a release is tried: the share of invocations that new versions of the functions get, and the versions that get the others. infra/deploy/canary.py gives it; left out: new versions get all."
  type        = object({ share = number, stable_versions = map(string) })
  default     = null

  validation {
    condition     = var.canary == null || try(var.canary.share >= 0 && var.canary.share < 1, false)
    error_message = "canary: share is at least 0 and below 1."
  }
}
