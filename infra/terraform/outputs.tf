locals {
  console = "https://${local.region}.console.aws.amazon.com"
  origin  = var.domain == null ? "https://${local.door.id}.execute-api.${local.region}.amazonaws.com" : "https://${try(var.domain.name, "")}"
}

output "url" {
  description = "Where events are posted."
  value       = "${local.origin}/${local.door.stage_name}/app"
}

output "curl" {
  description = "Posts a first event."
  value = join(" ", concat(
    ["curl -i -H 'Content-Type: application/json'"],
    local.settings.http.api_key_required && local.is_http_api ? ["-H \"x-api-key: $SPILLWAY_API_KEY\""] : [],
    local.settings.http.api_key_required && local.is_rest_api ? ["-H \"x-api-key: $(terraform -chdir=infra/terraform output -raw api_key)\""] : [],
    var.cognito == null ? [] : ["-H \"Authorization: $TOKEN\""],
    var.lambda_authorizer == null ? [] : ["-H \"${try(var.lambda_authorizer.header, "")}: $TOKEN\""],
    ["-d '{\"hello\": \"world\"}'", "${local.origin}/${local.door.stage_name}/app"],
  ))
}

output "api_key" {
  description = "The client's API key, where one is required of a REST API."
  value       = one(aws_api_gateway_api_key.client[*].value)
  sensitive   = true
}

output "region" {
  description = "Where everything stands."
  value       = local.region
}

output "names" {
  description = "What everything is called."
  value       = merge(local.names, { functions = local.function_names, workgroup = aws_athena_workgroup.lake.name, backup_vault = aws_backup_vault.this.name })
}

output "key_arn" {
  description = "The key that encrypts everything at rest."
  value       = aws_kms_key.this.arn
}

output "topics" {
  description = "The SNS topics that get alarms: `high` wakes someone, `low` is for working hours."
  value       = { for severity, topic in aws_sns_topic.this : severity => topic.arn }
}

output "dashboard" {
  description = "The pipeline at a glance."
  value       = "${local.console}/cloudwatch/home?region=${local.region}#dashboards:name=${aws_cloudwatch_dashboard.this.dashboard_name}"
}
