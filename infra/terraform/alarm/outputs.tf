output "alarms" {
  description = "The alarms by their keys."
  value       = aws_cloudwatch_metric_alarm.this
}
