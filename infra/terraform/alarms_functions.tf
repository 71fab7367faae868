# Each function: errors, throttles, and how near its invocations come to the time-out.
locals {
  function_parts = {
    http_api             = "intake"
    table_writer         = "table"
    firehose_transform   = "lake"
    dead_letter_archiver = "dead-letters"
    compactor            = "lake"
  }

  function_alarms = merge([for function, settings in local.functions : {
    "${replace(function, "_", "-")}-errors" = {
      what       = "Over ${100 * local.thresholds.function_error_share} % of the invocations of ${local.function_names[function]} fail."
      runbook    = "function-errors"
      severity   = "high"
      part       = local.function_parts[function]
      threshold  = local.thresholds.function_error_share
      periods    = 10
      datapoints = 5
      queries = {
        errors      = { namespace = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = local.function_names[function] } }
        invocations = { namespace = "AWS/Lambda", metric = "Invocations", dimensions = { FunctionName = local.function_names[function] } }
        share       = { expression = "errors / invocations", label = "share of invocations that fail", return_data = true }
      }
    }
    "${replace(function, "_", "-")}-throttles" = {
      what       = "Invocations of ${local.function_names[function]} are refused: more at once than are reserved, or than the account has."
      runbook    = "function-throttles"
      severity   = "low"
      part       = local.function_parts[function]
      namespace  = "AWS/Lambda"
      metric     = "Throttles"
      dimensions = { FunctionName = local.function_names[function] }
      statistic  = "Sum"
      threshold  = 0
      periods    = 5
      datapoints = 3
    }
    "${replace(function, "_", "-")}-duration" = {
      what       = "Invocations of ${local.function_names[function]} take over ${100 * local.thresholds.function_duration_share} % of their ${settings.settings.timeout_seconds} seconds."
      runbook    = "function-duration"
      severity   = "low"
      part       = local.function_parts[function]
      namespace  = "AWS/Lambda"
      metric     = "Duration"
      dimensions = { FunctionName = local.function_names[function] }
      statistic  = "Maximum"
      threshold  = 1000 * local.thresholds.function_duration_share * settings.settings.timeout_seconds
      periods    = 5
      datapoints = 3
    }
  }]...)
}
