# Each function: errors, throttles, and how near its invocations come to the time-out.
locals {
  # What part of the pipeline each is, who hears of its errors, and over which minutes they count.
  each_minute = { period = 60, periods = 10, datapoints = 5 }
  each_run    = { period = 3600, periods = 1, datapoints = 1 } # an hour or more lies between two
  function_watches = {
    http_api             = { part = "intake", severity = "high", errors = local.each_minute }
    table_writer         = { part = "table", severity = "high", errors = local.each_minute }
    firehose_transform   = { part = "lake", severity = "high", errors = local.each_minute }
    dead_letter_archiver = { part = "dead-letters", severity = "high", errors = local.each_minute }
    compactor            = { part = "lake", severity = "low", errors = local.each_run }
    scaling_function     = { part = "intake", severity = "low", errors = local.each_minute }
  }

  function_metric = { for function, name in local.function_names : function => { namespace = "AWS/Lambda", dimensions = { FunctionName = name } } }

  function_alarms = merge([for function, settings in local.functions : {
    "${replace(function, "_", "-")}-errors" = {
      what       = "Over ${100 * local.thresholds.function_error_share} % of the invocations of ${local.function_names[function]} fail."
      runbook    = "function-errors"
      severity   = local.function_watches[function].severity
      part       = local.function_watches[function].part
      threshold  = local.thresholds.function_error_share
      periods    = local.function_watches[function].errors.periods
      datapoints = local.function_watches[function].errors.datapoints
      queries = {
        errors      = merge(local.function_metric[function], { metric = "Errors", period = local.function_watches[function].errors.period })
        invocations = merge(local.function_metric[function], { metric = "Invocations", period = local.function_watches[function].errors.period })
        share       = { expression = "errors / invocations", label = "share of invocations that fail", return_data = true }
      }
    }
    "${replace(function, "_", "-")}-throttles" = {
      what       = "Invocations of ${local.function_names[function]} are refused: more at once than are reserved, or than the account has."
      runbook    = "function-throttles"
      severity   = "low"
      part       = local.function_watches[function].part
      namespace  = "AWS/Lambda"
      metric     = "Throttles"
      dimensions = { FunctionName = local.function_names[function] }
      statistic  = "Sum"
      threshold  = 0
      periods    = 5
      datapoints = 3
    }
    "${replace(function, "_", "-")}-duration" = {
      what = join("", [
        "Invocations of ${local.function_names[function]} take over ${100 * local.thresholds.function_duration_share} % ",
        "of their ${settings.settings.timeout_seconds} seconds.",
      ])
      runbook    = "function-duration"
      severity   = "low"
      part       = local.function_watches[function].part
      namespace  = "AWS/Lambda"
      metric     = "Duration"
      dimensions = { FunctionName = local.function_names[function] }
      statistic  = "Maximum"
      threshold  = 1000 * local.thresholds.function_duration_share * settings.settings.timeout_seconds
      period     = local.function_watches[function].errors.period
      periods    = min(5, local.function_watches[function].errors.periods)
      datapoints = min(3, local.function_watches[function].errors.datapoints)
    }
  }]...)
}
