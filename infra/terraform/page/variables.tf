variable "prefix" {
  description = "The first part of every alarm's name, such as spillway-dev."
  type        = string
}

variable "pages" {
  description = "The composite alarms by their keys."
  type = map(object({
    what      = string               # the description
    alarms    = list(string)         # keys of the alarms in it
    topic_arn = optional(string)     # which topic it notifies; left out: none
    tells_end = optional(bool, true) # whether it notifies when it is over, too
    behind    = optional(string)     # the key of a composite alarm during which this one waits
  }))
}

variable "suppression_seconds" {
  description = "The later of two alarms of one fault may take so much longer to be raised, and to end."
  type        = number
  default     = 180
}
