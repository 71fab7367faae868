variable "name" {
  description = "The bucket's name."
  type        = string
}

variable "arn" {
  description = "Its ARN, known before it exists."
  type        = string
}

variable "key_arn" {
  description = "The KMS key that encrypts what is in it."
  type        = string
}

variable "transitions" {
  description = "After how many days objects move to which storage class."
  type        = map(number)
  default     = {}
}

variable "expiration_days" {
  description = "After how many days objects are deleted; left out: never."
  type        = number
  default     = null
}

variable "force_destroy" {
  description = "Whether the bucket may be deleted with what is in it."
  type        = bool
  default     = false
}
