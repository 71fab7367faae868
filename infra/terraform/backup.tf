# AWS Backup: the table every week, kept beyond the 35 days of its point-in-time recovery, mostly in cold storage.
resource "aws_backup_vault" "this" {
  name          = local.prefix
  kms_key_arn   = aws_kms_key.this.arn
  force_destroy = var.force_destroy
}

# DynamoDB has cold storage where the account has AWS Backup's advanced features for it, as new accounts do.
resource "aws_backup_plan" "this" {
  name = local.prefix

  rule {
    rule_name         = "weekly"
    target_vault_name = aws_backup_vault.this.name
    schedule          = local.settings.backup.schedule
    start_window      = 60
    completion_window = 1440

    lifecycle {
      cold_storage_after = local.settings.backup.cold_after_days
      delete_after       = local.settings.backup.keep_days
    }
  }
}

resource "aws_backup_selection" "this" {
  name         = local.prefix
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = module.roles.arns["backup"]
  resources    = [local.arns.table]
}

resource "aws_iam_role_policy" "backup" {
  name   = "component"
  role   = module.roles.names["backup"]
  policy = data.aws_iam_policy_document.backup.json
}

# It backs up. Restoring takes a role of the operator's own, see docs/runbooks/disaster-recovery.md.
data "aws_iam_policy_document" "backup" {
  statement {
    sid       = "BackTheTableUp"
    actions   = ["dynamodb:CreateBackup", "dynamodb:DescribeTable", "dynamodb:ListTagsOfResource", "dynamodb:StartAwsBackupJob"]
    resources = [local.arns.table]
  }
  statement {
    sid       = "LookAtAndDropBackups"
    actions   = ["dynamodb:DeleteBackup", "dynamodb:DescribeBackup"]
    resources = ["${local.arns.table}/backup/*"]
  }
  statement {
    sid       = "KeepThemInTheVault"
    actions   = ["backup:CopyIntoBackupVault", "backup:DescribeBackupVault"]
    resources = ["arn:${local.partition}:backup:${local.here}:backup-vault:${local.prefix}"]
  }
}
