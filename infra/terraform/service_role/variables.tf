variable "roles" {
  description = "The roles by their keys."
  type = map(object({
    name           = string
    description    = string
    service        = string           # such as lambda, for lambda.amazonaws.com
    source_account = optional(string) # the service must act for this account; Lambda does not say for which
  }))
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary of every role; left out: none."
  type        = string
  default     = null
}
