variable "prefix" {
  description = "The first part of every alarm's name, such as spillway-dev."
  type        = string
}

variable "alarms" {
  description = "The alarms by their keys, each on a metric or on an expression over several (`queries`)."
  type = map(object({
    what     = string           # what is wrong while it is raised, as a sentence
    severity = string           # high wakes someone (data at risk, or clients failing), low is for working hours
    part     = string           # of the pipeline, see pages.tf
    runbook  = optional(string) # its section in docs/runbooks/alarms.md; left out: its key

    namespace  = optional(string)
    metric     = optional(string)
    dimensions = optional(map(string))
    statistic  = optional(string)
    percentile = optional(string)
    period     = optional(number, 60) # seconds

    queries = optional(map(object({
      namespace   = optional(string)
      metric      = optional(string)
      dimensions  = optional(map(string))
      statistic   = optional(string, "Sum")
      period      = optional(number, 60)
      expression  = optional(string)
      label       = optional(string)
      return_data = optional(bool, false)
    })), {})

    comparison = optional(string, "GreaterThanThreshold")
    threshold  = optional(number)
    band       = optional(string) # the query with the band of what is expected, instead of a threshold
    periods    = optional(number, 1)
    datapoints = optional(number)                 # how many of the periods; left out: all
    missing    = optional(string, "notBreaching") # no requests, no records: nothing is wrong
  }))

  validation {
    condition     = alltrue([for alarm in var.alarms : contains(["high", "low"], alarm.severity)])
    error_message = "alarms: a severity is high or low."
  }
  validation {
    condition     = alltrue([for alarm in var.alarms : (alarm.metric == null) == (length(alarm.queries) > 0)])
    error_message = "alarms: each has a metric or queries, and not both."
  }
  validation {
    condition     = alltrue([for alarm in var.alarms : (alarm.threshold == null) == (alarm.band != null)])
    error_message = "alarms: each has a threshold or a band, and not both."
  }
}
