output "arns" {
  description = "The ARNs by the roles' keys."
  value       = { for key, role in aws_iam_role.this : key => role.arn }
}

output "names" {
  description = "The names by the roles' keys."
  value       = { for key, role in aws_iam_role.this : key => role.name }
}

output "boundaries" {
  description = "The permissions boundaries by the roles' keys."
  value       = { for key, role in aws_iam_role.this : key => role.permissions_boundary }
}
