output "plan_role" {
  description = "For the repository variable AWS_PLAN_ROLE."
  value       = aws_iam_role.plan.arn
}

output "apply_roles" {
  description = "For the variable AWS_APPLY_ROLE of each GitHub environment."
  value       = { for environment, role in aws_iam_role.apply : environment => role.arn }
}

output "permissions_boundary" {
  description = "For the variable permissions_boundary of the pipeline (repository variable PERMISSIONS_BOUNDARY)."
  value       = aws_iam_policy.boundary.arn
}
