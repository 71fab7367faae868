variable "repository" {
  description = "The GitHub repository whose workflows may assume the roles, such as example/spillway."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository: owner/name."
  }
}

variable "environments" {
  description = "Spillway's environments in this account; each has an apply role of its own, which only a job in the GitHub environment of that name may assume."
  type        = set(string)
  default     = ["dev", "prod"]

  validation {
    condition     = alltrue([for name in var.environments : can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", name)) && name != "delivery"])
    error_message = "environments: as the variable environment of the pipeline, and not \"delivery\"."
  }
}

variable "region" {
  description = "Where the pipeline stands."
  type        = string
  default     = "eu-west-2"
}

variable "state_bucket" {
  description = "The bucket with Terraform's state, as in backend.tf."
  type        = string
}

variable "state_key" {
  description = "The key of the state in it, as in backend.tf; each environment's lies under env:/<environment>/."
  type        = string
  default     = "spillway/terraform.tfstate"
}

variable "state_kms_key_arn" {
  description = "The key that encrypts the state, where the bucket has one of its own; left out: S3's."
  type        = string
  default     = null
}

variable "options" {
  description = "Options of the pipeline that the apply roles may use as well: authorizer, domain, scaling, vpc, waf."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.options, ["authorizer", "domain", "scaling", "vpc", "waf"])) == 0
    error_message = "options: authorizer, domain, scaling, vpc, waf."
  }
}
