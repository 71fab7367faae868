variable "repository" {
  description = "The GitHub repository whose workflows may assume the roles, such as example/spillway."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository: owner/name."
  }
}

variable "environments" {
  description = "Spillway's environments in this account. Only a job in the GitHub environment of the same name may assume its apply role."
  type        = set(string)
  default     = ["dev", "prod"]

  validation {
    condition     = alltrue([for name in var.environments : can(regex("^[a-z][a-z0-9]{1,15}$", name)) && name != "delivery"])
    error_message = "environments: each is 2 to 16 lower-case letters and digits, a letter first, and not \"delivery\"."
  }
}

variable "plan_environment" {
  description = "The environment whose plan a pull request shows. The plan role reads its configuration and its state, and no other's."
  type        = string
  default     = "dev"

  validation {
    condition     = contains(var.environments, var.plan_environment)
    error_message = "plan_environment: one of environments."
  }
}

variable "oidc_provider_exists" {
  description = "Whether the account has GitHub's identity provider already. IAM takes one of each address, so a second cannot be made."
  type        = bool
  default     = false
}

variable "region" {
  description = "The region of the pipeline."
  type        = string
  default     = "eu-west-2"
}

variable "state_bucket" {
  description = "The bucket with Terraform's state, as in backend.tf."
  type        = string
}

variable "state_key" {
  description = "The key of the state in that bucket, as in backend.tf. The state of an environment lies under env:/<environment>/."
  type        = string
  default     = "spillway/terraform.tfstate"
}

variable "state_kms_key_arn" {
  description = "The KMS key that encrypts the state; left out: a key of S3's."
  type        = string
  default     = null
}

variable "options" {
  description = "Options of the pipeline that take more permissions, by the names of their variables; see options.tf."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.options, keys(local.options))) == 0
    error_message = "options: ${join(", ", keys(local.options))}."
  }
}
